"""What was heard of an answer stands for exactly the calls that it was heard from."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from tapetrail.core.analysis.replies import AnswerKey, Model, Reply, ReplyMetadata
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.records.base import Stored
from tapetrail.store.ledger import Call
from tapetrail.workflows.ask import Heard
from tapetrail.workflows.calls import HeardBefore

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
