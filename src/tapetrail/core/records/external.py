"""Rows that others sent, of runs that are not ours: what we always know, they may not.

They lie in the same tables as our own and under the same digests; what is nullable in a table is so
because one of these kinds may lack it. CHECKs tie that to their provenance. Each has an
`external_id`, a UUID of version 7 that its sender made, so that what is sent twice is there once.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from tapetrail.core.analysis.replies import AnswerKey, ReplyMetadata
from tapetrail.core.canonical import Digest
from tapetrail.core.errors import ErrorKind
from tapetrail.core.records.answers import StatedAnalysis
from tapetrail.core.records.base import JsonArray, JsonObject, Record, Stored
from tapetrail.core.records.runs import ExecutionFacts, RunRefs
from tapetrail.core.records.states import (
    AnalysisStatus,
    AttemptReason,
    DecisionScope,
    Intent,
    PositionSide,
    Role,
    RunMode,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalInstrumentRecord(Record):
    """What others trade, as they call it: an instrument of its own wherever they say less than we.

    A symbol without an exchange is never taken for one that has one.
    """

    TABLE: ClassVar[str] = "instruments"
    symbol: str
    exchange: str | None = None
    currency: str | None = None
    calendar: str | None = None
    asset_class: str | None = None
    conid: int | None = None
    tick_size: Decimal | None = None
    multiplier: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalExecutionRecord(Record):
    """One run of an agent that is not ours.

    `execution_key` is what its program calls it, so that it finds it again after it died.
    """

    TABLE: ClassVar[str] = "workflow_executions"
    strategy: Stored | None = None
    runtime: Stored | None = None
    workflow_id: str | None = None
    facts: ExecutionFacts
    external_id: str
    execution_key: str | None = None
    agent: str | None = None
    agent_version: str | None = None
    mode: RunMode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalDecisionRecord(Record):
    """One decision of an agent that is not ours.

    A decision of scope `portfolio` has no instrument: those that name it as their `portfolio` have.
    """

    TABLE: ClassVar[str] = "decisions"
    execution: Stored
    instrument: Stored | None
    symbol: str | None
    conid: int | None = None
    as_of: datetime
    run_no: int
    scope: DecisionScope
    session_on: date | None = None
    replay_of: Stored | None = None
    created_at: datetime
    external_id: str
    decision_key: str | None = None
    portfolio: Stored | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalRefs(RunRefs):
    """The decision that a row of others belongs to, and its symbol where it has one."""

    symbol: str | None
    conid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalSnapshotRecord(Record):
    """Bars that another program had, as it had them.

    `bars_digest` names a text of their own format, since neither calendar nor sessions are known;
    `adjustment` is `unknown` where nobody said it.
    """

    TABLE: ClassVar[str] = "market_snapshots"
    refs: RunRefs
    instrument: Stored
    source: str | None
    timeframe: str
    adjustment: str
    session: str | None = None
    session_first: date
    session_last: date
    bar_count: int
    bars_digest: Digest
    raw_digest: Digest | None = None
    derived_from: Stored | None = None
    calendar: str | None = None
    currency: str | None = None
    volume_unit: str | None = None
    price_factor: Decimal | None = None
    dropped_rows: int | None = None
    gaps: JsonArray | None = None
    last_bar_complete: bool | None = None
    adjusted_with_hindsight: bool | None = None
    from_cache: bool | None = None
    fetched_at: datetime
    available_at: datetime | None = None
    missing_sessions: int | None = None
    age_sessions: int | None = None
    calendar_digest: Digest | None = None
    quoted_in: str | None = None
    external_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedChartRecord(Record):
    """A chart that was drawn elsewhere: its bytes, and what was said about them."""

    TABLE: ClassVar[str] = "charts"
    refs: ExternalRefs
    snapshot: Stored | None = None
    timeframe: str | None
    chart_type: str | None
    origin: str = "posted"
    chart_style: str | None = None
    chart_url_jpeg: str
    chart_url_html: str | None = None
    image_media_type: str
    minio_bucket: str | None = None
    minio_object_key: str
    jpeg_digest: Digest
    html_digest: Digest | None = None
    spec_digest: Digest | None = None
    indicators_applied: JsonObject | None = None
    missing_indicators: JsonArray | None = None
    data_points: int | None = None
    start_date: date | None = None
    end_date: date | None = None
    price_current: Decimal | None = None
    price_change_pct: Decimal | None = None
    volume_avg: Decimal | None = None
    renderer: str | None = None
    generated_at: datetime
    chart_name: str | None = None
    external_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalModel:
    """The model that was asked, as far as it is known; an agent may be none."""

    provider: str | None
    model_name: str | None
    params: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalReply:
    """What came back, and what it took; `requested_at` is None where nobody saw it being asked."""

    model: ExternalModel
    prompt_text: str | None = None
    indicators_metadata: JsonObject | None = None
    response_text: str | None
    metadata: ReplyMetadata
    latency_ms: int | None
    requested_at: datetime | None
    analyzed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalAnalysisRecord(Record):
    """One answer of an agent that is not ours.

    `agent` says which part of the program answered, `round` in which round of a debate it did, and
    `cached` that no model was asked anew.
    """

    TABLE: ClassVar[str] = "llm_analyses"
    refs: RunRefs
    chart: Stored | None = None
    strategy: Stored | None = None
    symbol: str | None
    key: AnswerKey
    kind: str
    timeframe: str | None = None
    role: Role
    reply: ExternalReply
    stated: StatedAnalysis
    prompt_template: Stored | None = None
    status: AnalysisStatus
    error_kind: ErrorKind | None = None
    error_message: str | None
    agent: str | None = None
    round: int | None = None
    cached: bool | None = None
    external_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalAttemptRecord(Record):
    """One call that another program made; without `request_digest` its bytes were not seen."""

    TABLE: ClassVar[str] = "llm_attempts"
    decision: Stored
    key: AnswerKey
    attempt_no: int
    turn_no: int
    reason: AttemptReason
    base_url: str | None
    provider: str | None
    model_name: str | None
    request_digest: Digest | None
    sent_at: datetime
    external_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalSignalRecord(Record):
    """A signal of an agent that is not ours, its levels as they were sent.

    `action` is the agent's own word, `confidence_raw` its own number, of which `confidence_scale`
    is the highest. `order_ref` is what a program gives its broker, so that an order leads back.
    """

    TABLE: ClassVar[str] = "trading_signals"
    refs: ExternalRefs
    chart: Stored | None = None
    llm_analysis: Stored | None = None
    strategy: Stored | None = None
    role: Role
    signal_type: str
    confidence: Decimal | None = None
    trend: str | None = None
    entry_type: str | None = None
    entry_price: Decimal | None = None
    stop_loss: Decimal | None = None
    target_price: Decimal | None = None
    risk_reward_ratio: Decimal | None = None
    horizon_bars: int | None = None
    valid_until: date | None = None
    timeframe_primary: str | None = None
    timeframe_confirmation: str | None = None
    reasoning: str | None = None
    strategy_metadata: JsonObject
    levels_valid: bool
    decided_at: datetime
    generated_at: datetime
    action: str | None = None
    intent: Intent | None = None
    position_side: PositionSide | None = None
    size: Decimal | None = None
    size_unit: str | None = None
    leverage: Decimal | None = None
    confidence_raw: Decimal | None = None
    confidence_scale: Decimal | None = None
    order_ref: str | None = None
    external_id: str
