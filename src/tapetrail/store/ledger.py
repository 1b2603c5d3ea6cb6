"""The calls of a decision to analysts over a wire: what was sent, and what came back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache

from sqlalchemy import Executable, bindparam, select
from sqlalchemy.orm import Session

from tapetrail.core.analysis.replies import AnswerKey
from tapetrail.core.canonical import Digest
from tapetrail.core.errors import ErrorKind
from tapetrail.core.market.timeframes import Timeframe
from tapetrail.core.records.base import Stored
from tapetrail.store.reads import table


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One attempt and what came of it: bytes, the kind of error, or, for a lost call, neither.

    Bytes that broke off come with a kind and are `is_partial`; `cost_usd` is what the call came to,
    None where nobody knows.
    """

    attempt: Stored
    key: AnswerKey
    attempt_no: int
    turn_no: int | None = None
    base_url: str | None = None
    request_digest: Digest
    sent_at: datetime
    response_digest: Digest | None
    media_type: str | None
    http_status: int | None
    provider_request_id: str | None
    error_kind: ErrorKind | None
    error_message: str | None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    is_partial: bool = False
    cost_usd: Decimal | None = None
    first_byte_at: datetime | None = None
    received_at: datetime | None

    def unanswered(self) -> "Call":
        """Return the call as it was before anything came of it."""
        return Call(
            attempt=self.attempt,
            key=self.key,
            attempt_no=self.attempt_no,
            turn_no=self.turn_no,
            base_url=self.base_url,
            request_digest=self.request_digest,
            sent_at=self.sent_at,
            response_digest=None,
            media_type=None,
            http_status=None,
            provider_request_id=None,
            error_kind=None,
            error_message=None,
            received_at=None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedChart:
    """A chart of a decision as the record names it, with the bars it was made from."""

    row: Stored
    timeframe: Timeframe
    data_points: int
    jpeg_digest: Digest
    jpeg_key: str
    spec_digest: Digest
    bars_digest: Digest
    gaps: Sequence[str]


@cache
def _calls() -> Executable:
    """Return the statement that reads the calls of a decision; made once, which takes longest."""
    attempts, replies, blobs = table("llm_attempts").c, table("llm_replies").c, table("blobs").c
    return (
        select(
            attempts.id,
            attempts.record_digest,
            attempts.question,
            attempts.analyst,
            attempts.sample_no,
            attempts.attempt_no,
            attempts.turn_no,
            attempts.base_url,
            attempts.request_digest,
            attempts.sent_at,
            replies.response_digest,
            blobs.media_type,
            replies.http_status,
            replies.provider_request_id,
            replies.error_kind,
            replies.error_message,
            replies.headers,
            replies.is_partial,
            replies.cost_usd,
            replies.first_byte_at,
            replies.received_at,
        )
        .outerjoin_from(
            table("llm_attempts"), table("llm_replies"), replies.attempt_id == attempts.id
        )
        .outerjoin(table("blobs"), blobs.digest == replies.response_digest)
        .where(attempts.decision_id == bindparam("decision_id"))
        .order_by(replies.id.nulls_last(), attempts.id)
    )


def calls(session: Session, decision_id: int) -> list[Call]:
    """Return every call of a decision, in the order of their replies; those without come last."""
    found = session.execute(_calls(), {"decision_id": decision_id})
    return [
        Call(
            attempt=Stored(row.id, Digest(row.record_digest)),
            key=AnswerKey(question=row.question, analyst=row.analyst, sample_no=row.sample_no),
            attempt_no=row.attempt_no,
            turn_no=row.turn_no,
            base_url=row.base_url,
            request_digest=row.request_digest,
            sent_at=row.sent_at,
            response_digest=row.response_digest,
            media_type=row.media_type,
            http_status=row.http_status,
            provider_request_id=row.provider_request_id,
            error_kind=ErrorKind(row.error_kind) if row.error_kind else None,
            error_message=row.error_message,
            headers=row.headers or {},
            is_partial=bool(row.is_partial),
            cost_usd=row.cost_usd,
            first_byte_at=row.first_byte_at,
            received_at=row.received_at,
        )
        for row in found
    ]


def recorded_charts(
    session: Session, *, decision_id: int | None = None, chart_id: int | None = None
) -> list[RecordedChart]:
    """Return the charts that a decision drew, in the order in which they were recorded, or one."""
    charts, snapshots, blobs = table("charts").c, table("market_snapshots").c, table("blobs").c
    found = session.execute(
        select(
            charts.id,
            charts.record_digest,
            charts.timeframe,
            charts.data_points,
            charts.jpeg_digest,
            blobs.key,
            charts.spec_digest,
            snapshots.bars_digest,
            snapshots.gaps,
        )
        .join_from(table("charts"), table("market_snapshots"), snapshots.id == charts.snapshot_id)
        .join(table("blobs"), blobs.digest == charts.jpeg_digest)
        .where(charts.id == chart_id if chart_id else charts.decision_id == decision_id)
        .order_by(charts.id)
    )
    return [
        RecordedChart(
            row=Stored(row.id, Digest(row.record_digest)),
            timeframe=Timeframe.parse(row.timeframe),
            data_points=row.data_points,
            jpeg_digest=Digest(row.jpeg_digest),
            jpeg_key=row.key,
            spec_digest=Digest(row.spec_digest),
            bars_digest=Digest(row.bars_digest),
            gaps=row.gaps,
        )
        for row in found
    ]
