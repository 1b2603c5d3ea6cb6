"""The record's rows as values: one frozen dataclass a table, and the digest of each.

A field is a column. A field `x` that is `Stored` is a reference: it becomes the column `x_id` (or
`x`, where the column's name is a phrase such as `derived_from`) in the database, and the target's
digest under `x` in the record's own digest. Status columns are absent: events carry them, and no
digest covers them. Names are those of the tables.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from tapetrail.core.canonical import (
    Digest,
    FieldValue,
    canonical_json,
    digest_bytes,
    record_digest,
    record_document,
)
from tapetrail.core.errors import ErrorKind, InvalidInput, Stage

JsonObject = Mapping[str, FieldValue]
JsonArray = Sequence[FieldValue]


@dataclass(frozen=True, slots=True)
class Stored:
    """A row that exists: its number and its digest."""

    id: int
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A row to append; `TABLE` names where."""

    TABLE: ClassVar[str]


class RunType(StrEnum):
    """Who or what started an execution."""

    MANUAL = "manual"
    SCHEDULED = "scheduled"
    BACKFILL = "backfill"
    REPLAY = "replay"
    EXTERNAL = "external"


class Provenance(StrEnum):
    """How an execution's `as_of` relates to the time it ran."""

    LIVE = "live"
    BACKFILL = "backfill"
    DEMO = "demo"
    REPLAY = "replay"
    EXTERNAL = "external"
    LEGACY = "legacy"


class ExecutionStatus(StrEnum):
    """Where an execution stands."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    COMPLETED_WITH_ERRORS = "completed_with_errors"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def has_ended(self) -> bool:
        """Whether nothing of the execution is still to come."""
        return self not in {ExecutionStatus.PENDING, ExecutionStatus.RUNNING}


class DecisionStatus(StrEnum):
    """Where a decision stands."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AnalysisStatus(StrEnum):
    """What came of a question to an analyst."""

    COMPLETED = "completed"
    FAILED = "failed"
    REFUSED = "refused"
    UNPARSEABLE = "unparseable"
    BUDGET_EXCEEDED = "budget_exceeded"


class Role(StrEnum):
    """Whether an analyst's answer decides or is only compared."""

    DECIDING = "deciding"
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentRecord(Record):
    """What is traded."""

    TABLE: ClassVar[str] = "instruments"
    symbol: str
    exchange: str
    currency: str
    conid: int | None
    asset_class: str
    tick_size: Decimal | None
    multiplier: Decimal
    calendar: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyRecord(Record):
    """One version of a strategy."""

    TABLE: ClassVar[str] = "strategies"
    name: str
    version: int
    kind: str
    spec: JsonObject
    spec_digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeRecord(Record):
    """What ran: code, locked packages, platform."""

    TABLE: ClassVar[str] = "runtimes"
    code_version: str
    lock_digest: Digest | None
    libraries: JsonObject
    renderer: str
    python_version: str
    platform: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRecord(Record):
    """One run of a strategy."""

    TABLE: ClassVar[str] = "workflow_executions"
    strategy: Stored
    runtime: Stored
    workflow_id: str
    run_type: RunType
    provenance: Provenance
    as_of: datetime
    debug_mode: bool
    actor: str
    config: JsonObject
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord(Record):
    """One instrument's pass through an execution."""

    TABLE: ClassVar[str] = "decisions"
    execution: Stored
    instrument: Stored
    symbol: str
    conid: int | None
    as_of: datetime
    run_no: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRecord(Record):
    """The exact bars one chart was made from, warm-up included."""

    TABLE: ClassVar[str] = "market_snapshots"
    execution: Stored
    decision: Stored
    instrument: Stored
    source: str
    timeframe: str
    adjustment: str
    session: str
    session_first: date
    session_last: date
    bar_count: int
    bars_digest: Digest
    raw_digest: Digest
    derived_from: Stored | None
    calendar: str
    currency: str
    volume_unit: str
    price_factor: Decimal
    dropped_rows: int
    gaps: JsonArray
    last_bar_complete: bool
    adjusted_with_hindsight: bool
    from_cache: bool
    fetched_at: datetime
    available_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRecord(Record):
    """One drawn chart."""

    TABLE: ClassVar[str] = "charts"
    execution: Stored
    decision: Stored
    snapshot: Stored
    symbol: str
    conid: int | None
    timeframe: str
    chart_type: str
    chart_style: str
    origin: str
    chart_url_jpeg: str
    chart_url_html: str | None
    image_media_type: str
    minio_bucket: str | None
    minio_object_key: str
    jpeg_digest: Digest
    html_digest: Digest | None
    spec_digest: Digest
    indicators_applied: JsonObject
    missing_indicators: JsonArray
    data_points: int
    start_date: date
    end_date: date
    price_current: Decimal
    price_change_pct: Decimal | None
    volume_avg: Decimal | None
    renderer: str
    generated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisRecord(Record):
    """One question to one analyst and what came of it."""

    TABLE: ClassVar[str] = "llm_analyses"
    execution: Stored
    decision: Stored
    chart: Stored | None
    strategy: Stored
    symbol: str
    timeframe: str
    kind: str
    question: str
    analyst: str
    role: Role
    sample_no: int
    response_text: str | None
    response_json: JsonObject | None
    provider: str
    model_name: str
    params: JsonObject
    indicators_metadata: JsonObject | None
    confidence_score: Decimal | None
    trend_direction: str | None
    support_levels: JsonArray | None
    resistance_levels: JsonArray | None
    key_patterns: JsonArray | None
    tokens_used: int | None
    cost_usd: Decimal | None
    latency_ms: int | None
    status: AnalysisStatus
    error_message: str | None
    requested_at: datetime
    analyzed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisChartRecord(Record):
    """A chart that an analysis read, and the image it was shown."""

    TABLE: ClassVar[str] = "analysis_charts"
    decision: Stored
    execution: Stored
    analysis: Stored
    chart: Stored
    image_digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRecord(Record):
    """One decision's answer by one analyst."""

    TABLE: ClassVar[str] = "trading_signals"
    execution: Stored
    decision: Stored
    chart: Stored
    llm_analysis: Stored
    strategy: Stored
    symbol: str
    conid: int | None
    role: Role
    signal_type: str
    confidence: Decimal
    trend: str
    entry_type: str | None
    entry_price: Decimal | None
    stop_loss: Decimal | None
    target_price: Decimal | None
    risk_reward_ratio: Decimal | None
    horizon_bars: int
    valid_until: date | None
    timeframe_primary: str
    timeframe_confirmation: str | None
    reasoning: str
    strategy_metadata: JsonObject
    levels_valid: bool
    decided_at: datetime
    generated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionEventRecord(Record):
    """A change of an execution's status."""

    TABLE: ClassVar[str] = "execution_events"
    execution: Stored
    at: datetime
    from_status: ExecutionStatus
    to_status: ExecutionStatus
    actor: str
    reason: str
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionEventRecord(Record):
    """A change of a decision's status; a failure names its stage, kind and message."""

    TABLE: ClassVar[str] = "decision_events"
    decision: Stored
    at: datetime
    from_status: DecisionStatus
    to_status: DecisionStatus
    actor: str
    reason: str
    failed_stage: Stage | None = None
    error_kind: ErrorKind | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartArchivalRecord(Record):
    """A chart set aside; its bytes stay where they are."""

    TABLE: ClassVar[str] = "chart_archivals"
    chart: Stored
    at: datetime
    from_status: str
    to_status: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealRecord(Record):
    """The end of a decision: one digest over everything that was recorded of it."""

    TABLE: ClassVar[str] = "decision_seals"
    decision: Stored
    seal_digest: Digest
    sealed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord(Record):
    """Who did what to the record."""

    TABLE: ClassVar[str] = "audit_events"
    actor: str
    action: str
    target: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndState:
    """How a decision ended; a failure names its stage, kind and message, and nothing else does."""

    status: DecisionStatus
    failed_stage: Stage | None = None
    error_kind: ErrorKind | None = None
    error_message: str | None = None

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for a status that ends nothing, or that the reason does not suit."""
        if self.status in {DecisionStatus.PENDING, DecisionStatus.RUNNING}:
            raise InvalidInput(f"end state {self.status}: that is no end of a decision")
        reason = (self.failed_stage, self.error_kind, self.error_message)
        stated = [part is not None for part in reason]
        is_failed = self.status is DecisionStatus.FAILED
        if stated != [is_failed] * len(stated):
            raise InvalidInput(
                f"end state {self.status} with stage {self.failed_stage}, kind {self.error_kind},"
                f" message {self.error_message!r}: a failure names all three, another end none"
            )


def digest_of(record: Record) -> Digest:
    """Return the digest of a row, references entering by their targets' digests."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return record_digest(
        record.TABLE,
        {
            name: value.digest if isinstance(value, Stored) else value
            for name, value in values.items()
        },
    )


def seal_digest(records: Iterable[Stored], end: EndState) -> Digest:
    """Return the digest that pins a decision: its records' digests in order, then its end state.

    The order is: the decision, its snapshots, charts, analyses, the charts each analysis read,
    attempts, replies and signals; rows of one table by ascending id.
    """
    state = {field.name: getattr(end, field.name) for field in fields(end)}
    last = record_document("decisions", state)
    return digest_bytes(canonical_json([*(record.digest for record in records), last]))
