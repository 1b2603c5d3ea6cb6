"""What runs: strategies, their executions, and the decisions in these."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from tapetrail.core.records.states import DecisionStatus, ExecutionStatus
from tapetrail.listing.parts import (
    AS_OF,
    BY_ANALYST,
    BY_AS_OF,
    BY_CHART,
    BY_EXECUTION,
    BY_RUN,
    BY_SCOPE,
    BY_SIGNAL,
    BY_STRATEGY,
    BY_STRATEGY_OF_EXECUTION,
    BY_SYMBOL,
    BY_TIMEFRAME,
    COUNTS,
    EVENTS,
    RELATED_ANALYSES,
    RELATED_CHARTS,
    RELATED_DECISIONS,
    RELATED_INPUTS,
    RELATED_NOTES,
    RELATED_OPINIONS,
    RELATED_ORDERS,
    RELATED_SIGNALS,
    RELATED_SNAPSHOTS,
    RUNTIME,
    by_status,
    by_time_made,
    of_bars,
    of_market,
)
from tapetrail.listing.spec import Filter, ListSpec, Related
from tapetrail.listing.values import TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyRow:
    """One version of a strategy, as a list shows it."""

    id: int
    name: str
    version: int
    spec_digest: str
    first_run_at: datetime | None
    executions: int


STRATEGIES: Final = ListSpec(
    name="strategies",
    singular="strategy",
    row=StrategyRow,
    table="strategies",
    brief=("id", "name", "version", "first_run_at", "executions", "spec_digest"),
    title="strategy {name}@{version}",
    columns={
        "first_run_at": "(SELECT min(e.started_at) FROM tapetrail.workflow_executions e"
        " WHERE e.strategy_id = t.id)",
        "executions": "(SELECT count(*) FROM tapetrail.workflow_executions e"
        " WHERE e.strategy_id = t.id)",
    },
    filters=(
        Filter(name="name", kind=TEXT, help="Only this strategy's.", condition="t.name = %s"),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRow:
    """One run, as a list shows it."""

    id: int
    strategy: str | None
    strategy_version: int | None
    run_type: str
    provenance: str
    as_of: datetime
    status: str
    decisions: int
    signals: int
    failed: int
    started_at: datetime | None
    completed_at: datetime | None
    error: str | None
    created_at: datetime


EXECUTIONS: Final = ListSpec(
    name="executions",
    singular="execution",
    row=ExecutionRow,
    table="workflow_executions",
    brief=(
        "id", "strategy", "strategy_version", "provenance", "as_of", "status",
        "decisions", "signals", "failed", "started_at",
    ),
    title="execution {id}: as of {as_of}, {status}",
    columns={
        "strategy": "s.name",
        "strategy_version": "s.version",
        "decisions": "(SELECT count(*) FROM tapetrail.decisions d WHERE d.execution_id = t.id)",
        "signals": f"(SELECT count(*) FROM tapetrail.trading_signals g"  # noqa: S608 # declared text
        f" WHERE g.execution_id = t.id AND {COUNTS})",
        "failed": "(SELECT count(*) FROM tapetrail.decisions d"
        " WHERE d.execution_id = t.id AND d.status = 'failed')",
    },
    joins="LEFT JOIN tapetrail.strategies s ON s.id = t.strategy_id",
    filters=(
        BY_SYMBOL.where(
            "EXISTS (SELECT FROM tapetrail.decisions d"
            " WHERE d.execution_id = t.id AND d.symbol = %s)"
        ),
        BY_TIMEFRAME.where(
            "EXISTS (SELECT FROM tapetrail.charts c"
            " WHERE c.execution_id = t.id AND c.timeframe = %s)"
        ),
        BY_EXECUTION.where("t.id = %s"),
        BY_STRATEGY,
        BY_AS_OF.where(
            f"t.id IN (SELECT d.execution_id FROM tapetrail.decisions d WHERE {AS_OF})"  # noqa: S608 # declared text, as its type says
        ),
        by_status(ExecutionStatus),
        *by_time_made("created_at"),
    ),
    related=(
        RELATED_DECISIONS,
        RELATED_INPUTS.where("r.execution_id = %s"),
        RELATED_ORDERS.where("r.execution_id = %s"),
        RELATED_NOTES.where("r.execution_id = %s"),
        RUNTIME,
        Related(
            name="events", table="execution_events", condition="r.execution_id = %s", brief=EVENTS
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """One instrument's pass with its answer, as a list shows it."""

    id: int
    execution_id: int
    strategy: str | None
    strategy_version: int | None
    symbol: str | None
    as_of: datetime
    session_on: date | None
    run_no: int
    status: str
    signal_id: int | None
    signal_type: str | None
    confidence: Decimal | None
    entry_price: Decimal | None
    stop_loss: Decimal | None
    target_price: Decimal | None
    risk_reward_ratio: Decimal | None
    failed_stage: str | None
    error_kind: str | None
    error_message: str | None
    created_at: datetime
    missing_sessions: int | None
    age_sessions: int | None
    exchange: str | None
    currency: str | None
    second_opinion: str | None
    intent: str | None
    portfolio_id: int | None


DECISIONS: Final = ListSpec(
    name="decisions",
    singular="decision",
    row=DecisionRow,
    table="decisions",
    brief=(
        "id", "strategy", "symbol", "as_of", "run_no", "status", "signal_type", "intent",
        "confidence",
        "entry_price", "stop_loss", "target_price", "risk_reward_ratio", "error_kind",
    ),
    if_any=frozenset({"intent"}),
    title="decision {id}: {symbol or scope} as of {as_of}, {status}",
    columns={
        "strategy": "s.name",
        "strategy_version": "s.version",
        "signal_id": "g.id",
        "signal_type": "g.signal_type",
        "intent": "g.intent",
        "confidence": "g.confidence",
        "entry_price": "g.entry_price",
        "stop_loss": "g.stop_loss",
        "target_price": "g.target_price",
        "risk_reward_ratio": "g.risk_reward_ratio",
        **of_bars("m.decision_id = t.id"),
        **of_market("t.id"),
        "second_opinion": "(SELECT o.verdict FROM tapetrail.second_opinions o"
        " WHERE o.decision_id = t.id)",
    },
    joins="LEFT JOIN tapetrail.trading_signals g ON g.decision_id = t.id AND g.role = 'deciding'"
    " LEFT JOIN tapetrail.workflow_executions e ON e.id = t.execution_id"
    " LEFT JOIN tapetrail.strategies s ON s.id = e.strategy_id",
    filters=(
        BY_SYMBOL,
        BY_TIMEFRAME.where(
            "EXISTS (SELECT FROM tapetrail.charts c"
            " WHERE c.decision_id = t.id AND c.timeframe = %s)"
        ),
        BY_EXECUTION,
        BY_CHART.where(
            "EXISTS (SELECT FROM tapetrail.charts c WHERE c.decision_id = t.id AND c.id = %s)"
        ),
        BY_STRATEGY_OF_EXECUTION,
        BY_AS_OF.where(
            f"t.id IN (SELECT d.id FROM tapetrail.decisions d WHERE {AS_OF})"  # noqa: S608 # as above
        ),
        BY_SIGNAL.where("g.signal_type = %s"),
        BY_ANALYST.where(
            "t.id IN (SELECT a.decision_id FROM tapetrail.llm_analyses a WHERE a.analyst = %s)"
        ),
        BY_RUN,
        BY_SCOPE,
        by_status(DecisionStatus),
        *by_time_made("created_at"),
    ),
    usual="t.scope IS DISTINCT FROM 'question'",
    unusual=frozenset({"scope", "execution_id"}),
    related=(
        Related(
            name="strategies",
            table="strategies",
            condition="r.id = (SELECT e.strategy_id FROM tapetrail.workflow_executions e"
            " JOIN tapetrail.decisions d ON d.execution_id = e.id WHERE d.id = %s)",
            brief=("id", "name", "version", "spec_digest"),
        ),
        RUNTIME.where(
            "r.id = (SELECT e.runtime_id FROM tapetrail.workflow_executions e"
            " JOIN tapetrail.decisions d ON d.execution_id = e.id WHERE d.id = %s)"
        ),
        RELATED_SNAPSHOTS,
        RELATED_OPINIONS,
        RELATED_CHARTS,
        RELATED_INPUTS,
        RELATED_ANALYSES,
        RELATED_SIGNALS,
        RELATED_ORDERS,
        RELATED_NOTES,
        Related(
            name="events", table="decision_events", condition="r.decision_id = %s", brief=EVENTS
        ),
        Related(
            name="seals",
            table="decision_seals",
            condition="r.decision_id = %s",
            brief=("sealed_at", "seal_digest"),
        ),
    ),
)  # fmt: skip
