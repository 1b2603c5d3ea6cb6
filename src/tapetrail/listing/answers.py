"""What was answered: analyses, and the signals that followed."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from tapetrail.core.records.states import AnalysisStatus
from tapetrail.listing.parts import (
    BY_ANALYST,
    BY_AS_OF,
    BY_CHART,
    BY_EXECUTION,
    BY_ROLE,
    BY_SIGNAL,
    BY_STRATEGY,
    BY_SYMBOL,
    BY_TIMEFRAME,
    RELATED_ANALYSES,
    RELATED_CHARTS,
    RELATED_INPUTS,
    RELATED_ORDERS,
    RELATED_SIGNALS,
    RELATED_SNAPSHOTS,
    by_status,
    by_time_made,
    of_bars,
    of_market,
)
from tapetrail.listing.spec import ListSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisRow:
    """One answer of an analyst, as a list shows it."""

    id: int
    execution_id: int
    decision_id: int
    chart_id: int | None
    symbol: str | None
    timeframe: str | None
    kind: str
    analyst: str
    role: str
    status: str
    trend_direction: str | None
    confidence_score: Decimal | None
    latency_ms: int | None
    cost_usd: Decimal | None
    analyzed_at: datetime
    sample_no: int
    agent: str | None
    round: int | None
    question: str


ANALYSES: Final = ListSpec(
    name="analyses",
    resource="llm-analyses",
    singular="analysis",
    row=AnalysisRow,
    table="llm_analyses",
    brief=(
        "id", "execution_id", "decision_id", "chart_id", "symbol", "timeframe", "kind", "status",
        "trend_direction", "confidence_score", "latency_ms", "role", "analyst", "round",
    ),
    if_any=frozenset({"round"}),
    title="analysis {id}: {symbol or agent}, {question}, {trend_direction or status}",
    filters=(
        BY_SYMBOL,
        BY_TIMEFRAME,
        BY_EXECUTION,
        BY_CHART.where(
            "EXISTS (SELECT FROM tapetrail.analysis_charts x"
            " WHERE x.analysis_id = t.id AND x.chart_id = %s)"
        ),
        BY_STRATEGY,
        BY_AS_OF,
        BY_ANALYST,
        BY_ROLE,
        by_status(AnalysisStatus),
        *by_time_made("analyzed_at"),
    ),
    related=(
        RELATED_CHARTS.where(
            "EXISTS (SELECT FROM tapetrail.analysis_charts x"
            " WHERE x.chart_id = r.id AND x.analysis_id = %s)"
        ),
        RELATED_INPUTS.where(
            "r.id IN (SELECT x.read_input_id FROM tapetrail.analysis_inputs x"
            " WHERE x.analysis_id = %s)"
        ),
        RELATED_ANALYSES.where(
            "r.id IN (SELECT x.read_analysis_id FROM tapetrail.analysis_inputs x"
            " WHERE x.analysis_id = %s)"
        ).named("read_analyses"),
        RELATED_SIGNALS.where("r.llm_analysis_id = %s"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRow:
    """One signal, as a list shows it."""

    id: int
    execution_id: int
    decision_id: int
    chart_id: int | None
    llm_analysis_id: int | None
    symbol: str | None
    signal_type: str
    role: str
    confidence: Decimal | None
    trend: str | None
    entry_price: Decimal | None
    stop_loss: Decimal | None
    target_price: Decimal | None
    risk_reward_ratio: Decimal | None
    timeframe_primary: str | None
    timeframe_confirmation: str | None
    decided_at: datetime
    generated_at: datetime
    missing_sessions: int | None
    age_sessions: int | None
    exchange: str | None
    currency: str | None
    analyst: str | None
    sample_no: int | None
    action: str | None
    intent: str | None
    position_side: str | None
    size: Decimal | None
    size_unit: str | None
    leverage: Decimal | None
    order_ref: str | None


SIGNALS: Final = ListSpec(
    name="signals",
    singular="signal",
    row=SignalRow,
    table="trading_signals",
    brief=(
        "id", "execution_id", "decision_id", "symbol", "role", "signal_type", "intent",
        "confidence", "entry_price", "stop_loss", "target_price", "risk_reward_ratio", "decided_at",
    ),
    if_any=frozenset({"intent"}),
    title="signal {id}: {role} {signal_type} {symbol} of {decided_at}",
    columns={
        **of_bars("m.decision_id = t.decision_id"),
        **of_market("t.decision_id"),
        **{
            name: f"(SELECT a.{name} FROM tapetrail.llm_analyses a WHERE a.id = t.llm_analysis_id)"  # noqa: S608 # declared text, as its type says
            for name in ("analyst", "sample_no")
        },
    },
    filters=(
        BY_SYMBOL,
        BY_TIMEFRAME.where("t.timeframe_primary = %s"),
        BY_EXECUTION,
        BY_CHART,
        BY_STRATEGY,
        BY_AS_OF,
        BY_SIGNAL,
        BY_ANALYST.where(
            "t.llm_analysis_id IN"
            " (SELECT a.id FROM tapetrail.llm_analyses a WHERE a.analyst = %s)"
        ),
        BY_ROLE,
        *by_time_made("generated_at"),
    ),
    related=(
        RELATED_CHARTS.where(
            "r.decision_id ="
            " (SELECT g.decision_id FROM tapetrail.trading_signals g WHERE g.id = %s)"
        ),
        RELATED_ANALYSES.where(
            "r.decision_id ="
            " (SELECT g.decision_id FROM tapetrail.trading_signals g WHERE g.id = %s)"
        ),
        RELATED_SNAPSHOTS.where(
            "r.decision_id ="
            " (SELECT g.decision_id FROM tapetrail.trading_signals g WHERE g.id = %s)"
        ),
        RELATED_ANALYSES.where(
            "r.id IN (SELECT x.read_analysis_id FROM tapetrail.signal_inputs x"
            " WHERE x.signal_id = %s)"
        ).named("read_analyses"),
        RELATED_INPUTS.where(
            "r.id IN (SELECT x.read_input_id FROM tapetrail.signal_inputs x"
            " WHERE x.signal_id = %s)"
        ),
        RELATED_ORDERS.where("r.signal_id = %s"),
    ),
)  # fmt: skip
