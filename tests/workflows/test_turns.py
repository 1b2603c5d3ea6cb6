"""Where an answer stands by the calls made for it: pure, on calls made here."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import pytest

from tapetrail.analysts.models.retry import GiveUp, Wait
from tapetrail.analysts.protocol import ReadResponse
from tapetrail.core.analysis.analyses import ChartAnalysis, Trend
from tapetrail.core.analysis.parsed_answers import ParsedAnswer
from tapetrail.core.analysis.replies import AnswerKey
from tapetrail.core.canonical import digest_text
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.records.base import Stored
from tapetrail.core.records.states import AttemptReason
from tapetrail.store.ledger import Call
from tapetrail.workflows.turns import HeardCall, Standing, stand

NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
ANSWER: Final = ParsedAnswer(
    analysis=ChartAnalysis(
        trend=Trend.NEUTRAL, confidence=Decimal("0.5"), support_levels=(), resistance_levels=(),
        key_patterns=(), reasoning="None.",
    ),
    document={},
)  # fmt: skip


def call(number: int, said: str | None, *, turn_no: int = 1, is_partial: bool = False) -> Call:
    """A call and what came: a text, the kind of a reply, `-kind` without bytes, or nothing."""
    is_bare = said is not None and said.startswith("-")
    return Call(
        attempt=Stored(number, digest_text(str(number))),
        key=AnswerKey(question="chart:1d", analyst="a:1"),
        attempt_no=number,
        turn_no=turn_no,
        request_digest=digest_text("request"),
        sent_at=NOON,
        response_digest=None if said is None or is_bare else digest_text(said),
        media_type=said,
        http_status=None,
        provider_request_id=None,
        error_kind=ErrorKind(said.removeprefix("-")) if said and (is_bare or is_partial) else None,
        error_message=None,
        is_partial=is_partial,
        received_at=NOON if said else None,
    )


def hear(made: Call, refused: str | None) -> HeardCall:
    del refused
    said = (made.media_type or "-analyst_unavailable").removeprefix("-")
    if said == "good":
        return HeardCall(call=made, read=ReadResponse(text=said), answer=ANSWER)
    if said.startswith("bad"):
        refusal = InvalidInput(said, kind=ErrorKind.NOT_JSON)
        return HeardCall(call=made, read=ReadResponse(text=said), refusal=refusal)
    kind = ErrorKind(said)
    return HeardCall(call=made, read=ReadResponse(text=None, error_kind=kind, error_message=said))


def standing(*calls: Call, re_asks_max: int = 2) -> Standing:
    return stand(calls, hear, re_asks_max=re_asks_max)


def step(found: Standing) -> Wait | GiveUp:
    return found.next(chance=0.5, now=NOON)


def test_nothing_made_is_a_first_call() -> None:
    found = standing()
    assert (found.reason, found.turn_no, found.counts) == (AttemptReason.FIRST, 1, None)
    assert isinstance(step(found), Wait)


def test_the_first_reply_that_settles_counts_whatever_comes_later() -> None:
    found = standing(call(2, "good"), call(1, "refused"))
    assert found.counts is not None
    assert found.counts.call.attempt_no == 2
    assert standing(call(1, "overloaded"), call(2, "good")).counts is not None


@pytest.mark.parametrize("said", ["rate_limited", "provider_failed", "-connection_reset"])
def test_what_may_be_over_is_called_again_up_to_five_times(said: str) -> None:
    found = standing(*(call(number, said) for number in range(1, 5)))
    assert (found.reason, found.made, found.counts) == (AttemptReason.RETRY, 4, None)
    assert isinstance(step(found), Wait)
    ended = standing(*(call(number, said) for number in range(1, 6)))
    assert isinstance(step(ended), GiveUp)
    assert ended.latest.call.attempt_no == 5


def test_a_lost_call_is_made_again_and_counts_to_no_limit() -> None:
    found = standing(*(call(number, None) for number in range(1, 9)))
    assert isinstance(step(found), Wait)
    assert isinstance(step(standing(call(2, "-tls_failed"), call(1, None))), GiveUp)


def test_bytes_that_broke_off_settle_nothing() -> None:
    found = standing(call(1, "connection_reset", is_partial=True))
    assert found.counts is None
    assert isinstance(step(found), Wait)


def test_a_bad_answer_leads_to_another_turn_with_what_was_wrong() -> None:
    found = standing(call(1, "bad one"))
    assert (found.turn_no, found.reason, found.refused) == (2, AttemptReason.RE_ASK, "bad one")
    assert found.counts is None
    late = standing(call(1, "bad one"), call(2, "bad two", turn_no=2), call(3, "good"))
    assert (late.turn_no, late.refused) == (3, "bad two")


def test_after_the_last_turn_the_bad_answer_counts() -> None:
    calls = [call(1, "bad one"), call(2, "bad two", turn_no=2), call(3, "bad three", turn_no=3)]
    found = standing(*calls)
    assert found.counts is not None
    assert found.counts.kind is ErrorKind.NOT_JSON
    once = standing(call(1, "bad one"), re_asks_max=0)
    assert once.counts is not None


def test_calls_of_older_releases_are_of_the_first_turn() -> None:
    found = standing(replace(call(1, "good"), turn_no=None))
    assert found.counts is not None
