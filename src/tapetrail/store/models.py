"""The record as classes with relationships, to be read in notebooks and never written.

Written by `tools/write_models.py` from the tables: change those, and write it again. Every class
has the columns of its table, and besides the rows that it belongs to and those that belong to it.
They are loaded when they are first asked for, or with the query that says so.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NoReturn

from sqlalchemy import Connection, event
from sqlalchemy.orm import Mapped, Mapper, relationship

from tapetrail.core.errors import InvalidInput
from tapetrail.store.rows import Base
from tapetrail.store.tables import schema

_TABLES = schema.metadata.tables


class Strategy(Base):
    """One version of a strategy."""

    __table__ = _TABLES["tapetrail.strategies"]

    id: Mapped[int]
    name: Mapped[str]
    version: Mapped[int]
    kind: Mapped[str]
    spec: Mapped[Mapping[str, object]]
    spec_digest: Mapped[str]
    record_digest: Mapped[str]
    executions: Mapped[list["WorkflowExecution"]] = relationship(
        primaryjoin="foreign(WorkflowExecution.strategy_id) == Strategy.id",
        order_by="WorkflowExecution.id",
        viewonly=True,
    )


class Instrument(Base):
    """What is traded."""

    __table__ = _TABLES["tapetrail.instruments"]

    id: Mapped[int]
    symbol: Mapped[str]
    exchange: Mapped[str | None]
    currency: Mapped[str | None]
    calendar: Mapped[str | None]
    asset_class: Mapped[str | None]
    conid: Mapped[int | None]
    tick_size: Mapped[Decimal | None]
    multiplier: Mapped[Decimal | None]
    record_digest: Mapped[str]
    decisions: Mapped[list["Decision"]] = relationship(
        primaryjoin="foreign(Decision.instrument_id) == Instrument.id",
        order_by="Decision.id",
        viewonly=True,
    )


class WorkflowExecution(Base):
    """One run of a strategy."""

    __table__ = _TABLES["tapetrail.workflow_executions"]

    id: Mapped[int]
    strategy_id: Mapped[int | None]
    runtime_id: Mapped[int | None]
    workflow_id: Mapped[str | None]
    run_type: Mapped[str]
    provenance: Mapped[str]
    as_of: Mapped[datetime]
    debug_mode: Mapped[bool]
    actor: Mapped[str]
    config: Mapped[Mapping[str, object]]
    created_at: Mapped[datetime]
    clock_offset_ms: Mapped[Decimal | None]
    clock_source: Mapped[str | None]
    external_id: Mapped[str | None]
    execution_key: Mapped[str | None]
    agent: Mapped[str | None]
    agent_version: Mapped[str | None]
    mode: Mapped[str | None]
    record_digest: Mapped[str]
    status: Mapped[str]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    error: Mapped[str | None]
    strategy: Mapped["Strategy | None"] = relationship(
        primaryjoin="foreign(WorkflowExecution.strategy_id) == Strategy.id", viewonly=True
    )
    decisions: Mapped[list["Decision"]] = relationship(
        primaryjoin="foreign(Decision.execution_id) == WorkflowExecution.id",
        order_by="Decision.id",
        viewonly=True,
    )
    charts: Mapped[list["Chart"]] = relationship(
        primaryjoin="foreign(Chart.execution_id) == WorkflowExecution.id",
        order_by="Chart.id",
        viewonly=True,
    )
    llm_analyses: Mapped[list["LLMAnalysis"]] = relationship(
        primaryjoin="foreign(LLMAnalysis.execution_id) == WorkflowExecution.id",
        order_by="LLMAnalysis.id",
        viewonly=True,
    )
    signals: Mapped[list["TradingSignal"]] = relationship(
        primaryjoin="foreign(TradingSignal.execution_id) == WorkflowExecution.id",
        order_by="TradingSignal.id",
        viewonly=True,
    )


class Decision(Base):
    """One instrument's pass through an execution."""

    __table__ = _TABLES["tapetrail.decisions"]

    id: Mapped[int]
    execution_id: Mapped[int]
    instrument_id: Mapped[int | None]
    symbol: Mapped[str | None]
    conid: Mapped[int | None]
    as_of: Mapped[datetime]
    run_no: Mapped[int]
    scope: Mapped[str | None]
    session_on: Mapped[date | None]
    replay_of: Mapped[int | None]
    created_at: Mapped[datetime]
    external_id: Mapped[str | None]
    decision_key: Mapped[str | None]
    portfolio_id: Mapped[int | None]
    record_digest: Mapped[str]
    provenance: Mapped[str]
    status: Mapped[str]
    failed_stage: Mapped[str | None]
    error_kind: Mapped[str | None]
    error_message: Mapped[str | None]
    execution: Mapped["WorkflowExecution"] = relationship(
        primaryjoin="foreign(Decision.execution_id) == WorkflowExecution.id", viewonly=True
    )
    instrument: Mapped["Instrument | None"] = relationship(
        primaryjoin="foreign(Decision.instrument_id) == Instrument.id", viewonly=True
    )
    snapshots: Mapped[list["MarketSnapshot"]] = relationship(
        primaryjoin="foreign(MarketSnapshot.decision_id) == Decision.id",
        order_by="MarketSnapshot.id",
        viewonly=True,
    )
    charts: Mapped[list["Chart"]] = relationship(
        primaryjoin="foreign(Chart.decision_id) == Decision.id", order_by="Chart.id", viewonly=True
    )
    llm_analyses: Mapped[list["LLMAnalysis"]] = relationship(
        primaryjoin="foreign(LLMAnalysis.decision_id) == Decision.id",
        order_by="LLMAnalysis.id",
        viewonly=True,
    )
    signals: Mapped[list["TradingSignal"]] = relationship(
        primaryjoin="foreign(TradingSignal.decision_id) == Decision.id",
        order_by="TradingSignal.id",
        viewonly=True,
    )


class MarketSnapshot(Base):
    """The exact bars one chart was made from."""

    __table__ = _TABLES["tapetrail.market_snapshots"]

    id: Mapped[int]
    execution_id: Mapped[int]
    decision_id: Mapped[int]
    instrument_id: Mapped[int]
    source: Mapped[str | None]
    timeframe: Mapped[str]
    adjustment: Mapped[str]
    session: Mapped[str | None]
    session_first: Mapped[date]
    session_last: Mapped[date]
    bar_count: Mapped[int]
    bars_digest: Mapped[str]
    raw_digest: Mapped[str | None]
    derived_from: Mapped[int | None]
    calendar: Mapped[str | None]
    currency: Mapped[str | None]
    volume_unit: Mapped[str | None]
    price_factor: Mapped[Decimal | None]
    dropped_rows: Mapped[int | None]
    gaps: Mapped[Sequence[object] | None]
    last_bar_complete: Mapped[bool | None]
    adjusted_with_hindsight: Mapped[bool | None]
    from_cache: Mapped[bool | None]
    fetched_at: Mapped[datetime]
    available_at: Mapped[datetime | None]
    missing_sessions: Mapped[int | None]
    age_sessions: Mapped[int | None]
    calendar_digest: Mapped[str | None]
    quoted_in: Mapped[str | None]
    external_id: Mapped[str | None]
    record_digest: Mapped[str]
    decision: Mapped["Decision"] = relationship(
        primaryjoin="foreign(MarketSnapshot.decision_id) == Decision.id", viewonly=True
    )
    charts: Mapped[list["Chart"]] = relationship(
        primaryjoin="foreign(Chart.snapshot_id) == MarketSnapshot.id",
        order_by="Chart.id",
        viewonly=True,
    )


class Chart(Base):
    """One chart. `llm_analyses` are all that read it, those of several charts too."""

    __table__ = _TABLES["tapetrail.charts"]

    id: Mapped[int]
    execution_id: Mapped[int]
    decision_id: Mapped[int]
    symbol: Mapped[str | None]
    conid: Mapped[int | None]
    snapshot_id: Mapped[int | None]
    origin: Mapped[str]
    chart_url_jpeg: Mapped[str]
    chart_url_html: Mapped[str | None]
    image_media_type: Mapped[str]
    minio_bucket: Mapped[str | None]
    minio_object_key: Mapped[str]
    jpeg_digest: Mapped[str]
    html_digest: Mapped[str | None]
    spec_digest: Mapped[str | None]
    timeframe: Mapped[str | None]
    chart_type: Mapped[str | None]
    chart_style: Mapped[str | None]
    indicators_applied: Mapped[Mapping[str, object] | None]
    data_points: Mapped[int | None]
    start_date: Mapped[date | None]
    end_date: Mapped[date | None]
    price_current: Mapped[Decimal | None]
    price_change_pct: Mapped[Decimal | None]
    volume_avg: Mapped[Decimal | None]
    missing_indicators: Mapped[Sequence[object] | None]
    renderer: Mapped[str | None]
    generated_at: Mapped[datetime]
    escaped_letters: Mapped[str | None]
    chart_name: Mapped[str | None]
    external_id: Mapped[str | None]
    record_digest: Mapped[str]
    provenance: Mapped[str]
    status: Mapped[str]
    execution: Mapped["WorkflowExecution"] = relationship(
        primaryjoin="foreign(Chart.execution_id) == WorkflowExecution.id", viewonly=True
    )
    decision: Mapped["Decision"] = relationship(
        primaryjoin="foreign(Chart.decision_id) == Decision.id", viewonly=True
    )
    snapshot: Mapped["MarketSnapshot | None"] = relationship(
        primaryjoin="foreign(Chart.snapshot_id) == MarketSnapshot.id", viewonly=True
    )
    signals: Mapped[list["TradingSignal"]] = relationship(
        primaryjoin="foreign(TradingSignal.chart_id) == Chart.id",
        order_by="TradingSignal.id",
        viewonly=True,
    )
    llm_analyses: Mapped[list["LLMAnalysis"]] = relationship(
        secondary=_TABLES["tapetrail.analysis_charts"],
        primaryjoin="Chart.id == analysis_charts.c.chart_id",
        secondaryjoin="LLMAnalysis.id == analysis_charts.c.analysis_id",
        order_by="LLMAnalysis.id",
        viewonly=True,
    )


class LLMAnalysis(Base):
    """One question to one analyst and what came of it. `charts` are all it read."""

    __table__ = _TABLES["tapetrail.llm_analyses"]

    id: Mapped[int]
    execution_id: Mapped[int]
    decision_id: Mapped[int]
    chart_id: Mapped[int | None]
    strategy_id: Mapped[int | None]
    symbol: Mapped[str | None]
    question: Mapped[str]
    analyst: Mapped[str]
    sample_no: Mapped[int]
    kind: Mapped[str]
    timeframe: Mapped[str | None]
    role: Mapped[str]
    provider: Mapped[str | None]
    model_name: Mapped[str | None]
    params: Mapped[Mapping[str, object]]
    prompt_text: Mapped[str | None]
    indicators_metadata: Mapped[Mapping[str, object] | None]
    response_text: Mapped[str | None]
    model_reported: Mapped[str | None]
    tokens_used: Mapped[int | None]
    usage: Mapped[Mapping[str, object] | None]
    cost_usd: Mapped[Decimal | None]
    unit_prices: Mapped[Mapping[str, object] | None]
    finish_reason: Mapped[str | None]
    latency_ms: Mapped[int | None]
    requested_at: Mapped[datetime | None]
    analyzed_at: Mapped[datetime]
    response_json: Mapped[Mapping[str, object] | None]
    parsed_from: Mapped[str | None]
    confidence_score: Mapped[Decimal | None]
    trend_direction: Mapped[str | None]
    support_levels: Mapped[Sequence[object] | None]
    resistance_levels: Mapped[Sequence[object] | None]
    key_patterns: Mapped[Sequence[object] | None]
    grounding: Mapped[Mapping[str, object] | None]
    prompt_template_id: Mapped[int | None]
    status: Mapped[str]
    error_kind: Mapped[str | None]
    error_message: Mapped[str | None]
    agent: Mapped[str | None]
    round: Mapped[int | None]
    cached: Mapped[bool | None]
    external_id: Mapped[str | None]
    record_digest: Mapped[str]
    provenance: Mapped[str]
    execution: Mapped["WorkflowExecution"] = relationship(
        primaryjoin="foreign(LLMAnalysis.execution_id) == WorkflowExecution.id", viewonly=True
    )
    decision: Mapped["Decision"] = relationship(
        primaryjoin="foreign(LLMAnalysis.decision_id) == Decision.id", viewonly=True
    )
    chart: Mapped["Chart | None"] = relationship(
        primaryjoin="foreign(LLMAnalysis.chart_id) == Chart.id", viewonly=True
    )
    signals: Mapped[list["TradingSignal"]] = relationship(
        primaryjoin="foreign(TradingSignal.llm_analysis_id) == LLMAnalysis.id",
        order_by="TradingSignal.id",
        viewonly=True,
    )
    charts: Mapped[list["Chart"]] = relationship(
        secondary=_TABLES["tapetrail.analysis_charts"],
        primaryjoin="LLMAnalysis.id == analysis_charts.c.analysis_id",
        secondaryjoin="Chart.id == analysis_charts.c.chart_id",
        order_by="Chart.id",
        viewonly=True,
    )


class TradingSignal(Base):
    """One decision's answer by one analyst."""

    __table__ = _TABLES["tapetrail.trading_signals"]

    id: Mapped[int]
    execution_id: Mapped[int]
    decision_id: Mapped[int]
    symbol: Mapped[str | None]
    conid: Mapped[int | None]
    strategy_id: Mapped[int | None]
    chart_id: Mapped[int | None]
    llm_analysis_id: Mapped[int | None]
    role: Mapped[str]
    signal_type: Mapped[str]
    confidence: Mapped[Decimal | None]
    trend: Mapped[str | None]
    entry_type: Mapped[str | None]
    entry_price: Mapped[Decimal | None]
    stop_loss: Mapped[Decimal | None]
    target_price: Mapped[Decimal | None]
    risk_reward_ratio: Mapped[Decimal | None]
    horizon_bars: Mapped[int | None]
    valid_until: Mapped[date | None]
    timeframe_primary: Mapped[str | None]
    timeframe_confirmation: Mapped[str | None]
    reasoning: Mapped[str | None]
    strategy_metadata: Mapped[Mapping[str, object]]
    levels_valid: Mapped[bool]
    decided_at: Mapped[datetime]
    generated_at: Mapped[datetime]
    action: Mapped[str | None]
    intent: Mapped[str | None]
    position_side: Mapped[str | None]
    size: Mapped[Decimal | None]
    size_unit: Mapped[str | None]
    leverage: Mapped[Decimal | None]
    confidence_raw: Mapped[Decimal | None]
    confidence_scale: Mapped[Decimal | None]
    order_ref: Mapped[str | None]
    external_id: Mapped[str | None]
    record_digest: Mapped[str]
    provenance: Mapped[str]
    execution: Mapped["WorkflowExecution"] = relationship(
        primaryjoin="foreign(TradingSignal.execution_id) == WorkflowExecution.id", viewonly=True
    )
    decision: Mapped["Decision"] = relationship(
        primaryjoin="foreign(TradingSignal.decision_id) == Decision.id", viewonly=True
    )
    strategy: Mapped["Strategy | None"] = relationship(
        primaryjoin="foreign(TradingSignal.strategy_id) == Strategy.id", viewonly=True
    )
    chart: Mapped["Chart | None"] = relationship(
        primaryjoin="foreign(TradingSignal.chart_id) == Chart.id", viewonly=True
    )
    llm_analysis: Mapped["LLMAnalysis | None"] = relationship(
        primaryjoin="foreign(TradingSignal.llm_analysis_id) == LLMAnalysis.id", viewonly=True
    )


def _refuse(mapper: Mapper[object], connection: Connection, target: object) -> NoReturn:
    del mapper, connection
    raise InvalidInput(
        f"{type(target).__name__}: the classes of tapetrail.models are read and never written"
    )


for _change in ("before_insert", "before_update", "before_delete"):
    event.listen(Base, _change, _refuse, propagate=True)
