"""Rows that others sent, of runs that are not ours: what we always know, they may not.

They lie in the same tables as our own and under the same digests; what is nullable in a table is so
because one of these kinds may lack it. CHECKs tie that to their provenance.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from tapetrail.core.analysis.replies import AnswerKey, Reply
from tapetrail.core.canonical import Digest
from tapetrail.core.records.answers import StatedAnalysis
from tapetrail.core.records.base import JsonArray, JsonObject, Record, Stored
from tapetrail.core.records.runs import ExecutionFacts, RunRefs, TradedRefs
from tapetrail.core.records.states import AnalysisStatus, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalExecutionRecord(Record):
    """One run of an agent that is not ours."""

    TABLE: ClassVar[str] = "workflow_executions"
    strategy: Stored | None = None
    runtime: Stored | None = None
    workflow_id: str | None = None
    facts: ExecutionFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedChartRecord(Record):
    """A chart that was drawn elsewhere: its bytes, and what was said about them."""

    TABLE: ClassVar[str] = "charts"
    refs: TradedRefs
    snapshot: Stored | None = None
    timeframe: str
    chart_type: str
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalAnalysisRecord(Record):
    """One answer of an agent that is not ours."""

    TABLE: ClassVar[str] = "llm_analyses"
    refs: RunRefs
    chart: Stored | None = None
    strategy: Stored | None = None
    symbol: str
    key: AnswerKey
    kind: str
    timeframe: str | None = None
    role: Role
    reply: Reply
    stated: StatedAnalysis
    prompt_template: Stored | None = None
    status: AnalysisStatus
    error_message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalSignalRecord(Record):
    """A signal of an agent that is not ours, its levels as they were sent."""

    TABLE: ClassVar[str] = "trading_signals"
    refs: TradedRefs
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
