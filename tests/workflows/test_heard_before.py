"""What was heard of an answer stands for exactly the calls that it was heard from."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import pytest

from tapetrail.core.analysis.replies import AnswerKey, Model, Reply, ReplyMetadata
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import ErrorKind, Stage
from tapetrail.core.failures import Failure
from tapetrail.core.records.base import Stored
from tapetrail.store.ledger import Call
from tapetrail.workflows.ask import Heard
from tapetrail.workflows.calls import HeardBefore
from tapetrail.workflows.said import Said
from tapetrail.workflows.wire import by_key

AT: Final = datetime(2012, 8, 31, 21, tzinfo=UTC)
KEY: Final = AnswerKey(question="chart:1d", analyst="local", sample_no=1)
LOST: Final = Call(
    attempt=Stored(1, digest_bytes(b"row")), key=KEY, attempt_no=1, sent_at=AT,
    request_digest=digest_bytes(b"request"), response_digest=None, media_type=None,
    http_status=None, provider_request_id=None, error_kind=None, error_message=None,
    received_at=None,
)  # fmt: skip
ANSWERED: Final = replace(
    LOST, attempt=Stored(2, digest_bytes(b"other")), attempt_no=2, received_at=AT
)
HEARD: Final = Heard(
    reply=Reply(
        model=Model(provider="compatible", model_name="llava", params={}),
        response_text="{}", metadata=ReplyMetadata(cost_usd=Decimal(0)), latency_ms=1,
        requested_at=AT, analyzed_at=AT,
    )
)  # fmt: skip


def test_what_was_heard_is_found_again_for_the_same_calls() -> None:
    before = HeardBefore()
    assert before.keep(KEY, (ANSWERED, LOST), HEARD) is HEARD
    assert before.of(KEY, [ANSWERED, LOST]) is HEARD


def test_a_call_that_came_in_meanwhile_is_read() -> None:
    before = HeardBefore()
    before.keep(KEY, [ANSWERED, LOST], HEARD)
    assert before.of(KEY, [ANSWERED, replace(LOST, received_at=AT)]) is None
    assert before.of(KEY, [ANSWERED]) is None
    assert before.of(replace(KEY, sample_no=2), [ANSWERED, LOST]) is None


def test_what_had_come_when_it_was_heard_is_seen_and_nothing_else() -> None:
    before = HeardBefore()
    before.keep(KEY, [ANSWERED, LOST], HEARD)
    before.keep(replace(KEY, question="chart:1w"), [], HEARD)
    assert before.seen == {2}


def test_a_reply_that_came_after_all_was_asked_is_as_one_that_never_came() -> None:
    late = replace(
        LOST, received_at=AT, http_status=200, response_digest=digest_bytes(b"late"),
        media_type="application/json", headers={"x": "y"}, cost_usd=Decimal(1), base_url="u",
    )  # fmt: skip
    assert by_key([late, ANSWERED], seen={2}) == {KEY: [ANSWERED, replace(LOST, base_url="u")]}
    assert by_key([late, ANSWERED], seen={1, 2}) == {KEY: [late, ANSWERED]}
    assert by_key([late, ANSWERED]) == {KEY: [late, ANSWERED]}


@pytest.mark.parametrize("seen", [None, frozenset[int](), frozenset({3, 17})])
def test_what_was_seen_is_said_from_step_to_step(seen: frozenset[int] | None) -> None:
    failure = Failure(
        failed_stage=Stage.ANALYSIS, error_kind=ErrorKind.KEY_MISSING, error_message="no key"
    )
    said = Said(unsent={KEY: failure}, seen=seen)
    assert Said.of(said.as_json()) == said


def test_a_step_of_an_older_release_says_nothing_of_what_was_seen() -> None:
    assert Said.of({"failure": None, "unsent": []}) == Said(seen=None)
