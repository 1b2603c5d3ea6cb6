"""What was decided, and what became of it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped

from tapetrail.core.records import Provenance, Role
from tapetrail.store.tables_base import (
    FROM_OUTSIDE,
    TIMEFRAME,
    DerivedText,
    DigestText,
    JsonObject,
    RecordRow,
    check,
    names_blobs,
    of_decision,
    one_of,
    record_args,
    refers,
    timeframe_form,
)
from tapetrail.store.tables_evidence import TRENDS

SIGNAL_OUTCOMES: Final = (
    "win",
    "loss",
    "timeout",
    "not_filled",
    "gapped_out",
    "invalid_levels",
    "pending",
    "no_data",
    "delisted",
)
TRADED_OUTCOMES: Final = ("win", "loss", "timeout")

_LEVELS: Final = (
    "CASE signal_type"
    " WHEN 'HOLD' THEN num_nonnulls(entry_price, stop_loss, target_price) = 0"
    " WHEN 'BUY' THEN num_nulls(entry_price, stop_loss, target_price) = 0"
    " AND stop_loss < entry_price AND entry_price < target_price"
    # A SELL opens a short position, or only leaves a long one and then has no levels to reach.
    " WHEN 'SELL' THEN num_nonnulls(stop_loss, target_price) = 0"
    " OR (num_nulls(entry_price, stop_loss, target_price) = 0"
    " AND target_price < entry_price AND entry_price < stop_loss) END"
)
_ENTRY: Final = (
    "(signal_type = 'HOLD') = (entry_type IS NULL)"
    " AND (entry_type IS NOT DISTINCT FROM 'market' OR entry_type IS NULL"
    " OR (valid_until IS NOT NULL AND entry_price IS NOT NULL))"
)


class SignalRow(RecordRow):
    """One decision's answer by one analyst.

    `levels_valid` is false only where a row was taken over from outside as it was sent.
    """

    __tablename__ = "trading_signals"
    __table_args__ = record_args(
        of_decision(),
        refers("charts", "chart_id"),
        refers("llm_analyses", "llm_analysis_id, decision_id", to="id, decision_id"),
        refers("workflow_executions", "execution_id, strategy_id", to="id, strategy_id"),
        UniqueConstraint("llm_analysis_id"),
        Index(
            "uq_trading_signals_deciding",
            "decision_id",
            unique=True,
            postgresql_where=text("role = 'deciding'"),
        ),
        Index(None, "decision_id"),
        Index(None, "execution_id", "id"),
        Index(None, "chart_id"),
        Index(None, "strategy_id"),
        Index(
            "ix_trading_signals_symbol_timeframe_id", "symbol", "timeframe_primary", text("id DESC")
        ),
        Index("ix_trading_signals_symbol_id", "symbol", text("id DESC")),
        timeframe_form("timeframe_primary"),
        check(
            "timeframe_confirmation_form",
            f"timeframe_confirmation ~ '^{TIMEFRAME}(,{TIMEFRAME})*$'",
        ),
        one_of("provenance", Provenance),
        one_of("role", Role),
        one_of("signal_type", ["BUY", "SELL", "HOLD"]),
        one_of("entry_type", ["market", "limit", "stop"]),
        one_of("trend", TRENDS),
        check("levels_valid", f"levels_valid OR {FROM_OUTSIDE}"),
        check("levels", f"NOT levels_valid OR {_LEVELS}"),
        check("entry", f"NOT levels_valid OR ({_ENTRY})"),
        check(
            "risk_reward_ratio",
            "NOT levels_valid OR (risk_reward_ratio IS NULL) = (stop_loss IS NULL)",
        ),
        check("risk_reward_ratio_positive", "NOT levels_valid OR risk_reward_ratio > 0"),
        check(
            "complete_unless_from_outside",
            "num_nulls(chart_id, llm_analysis_id, strategy_id, confidence, trend, horizon_bars,"
            f" timeframe_primary, reasoning) = 0 OR {FROM_OUTSIDE}",
        ),
        check("confidence_range", "confidence BETWEEN 0 AND 1"),
        check("horizon_bars_positive", "horizon_bars >= 1"),
        check("conid_positive", "conid > 0"),
    )

    execution_id: Mapped[int]
    decision_id: Mapped[int]
    chart_id: Mapped[int | None]
    llm_analysis_id: Mapped[int | None]
    strategy_id: Mapped[int | None]
    symbol: Mapped[str]
    conid: Mapped[int | None]
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
    strategy_metadata: Mapped[JsonObject]
    levels_valid: Mapped[bool]
    decided_at: Mapped[datetime]
    generated_at: Mapped[datetime]
    provenance: Mapped[DerivedText]


class SignalOutcomeRow(RecordRow):
    """One scoring of a signal by one rule on one frozen set of later bars.

    The optimistic figures differ from the headline's where stop and target met in one bar.
    `returns` holds the signed returns by sessions held, raw and minus the benchmark's.
    """

    __tablename__ = "signal_outcomes"
    __table_args__ = record_args(
        refers("trading_signals", "signal_id"),
        refers("runtimes", "runtime_id"),
        # Other bars give another row, never an overwrite; without bars there is one row a state.
        UniqueConstraint(
            "signal_id",
            "rule",
            "cost_bp",
            "state",
            "bars_digest",
            name="uq_signal_outcomes_scoring",
            postgresql_nulls_not_distinct=True,
        ),
        Index(None, "runtime_id"),
        *names_blobs("bars_digest", "benchmark_bars_digest"),
        one_of("state", SIGNAL_OUTCOMES),
        check(
            "trade_has_fill_and_exit",
            f"state NOT IN {TRADED_OUTCOMES} OR num_nulls(bars_digest, fill_price, filled_on,"
            " exit_price, exited_on, bars_held) = 0",
        ),
        check("ambiguous_names_both", "NOT ambiguous OR optimistic_state IS NOT NULL"),
        one_of("optimistic_state", TRADED_OUTCOMES),
        check("benchmark", "(benchmark IS NULL) = (benchmark_bars_digest IS NULL)"),
        check("cost_bp_not_negative", "cost_bp >= 0"),
        check("bars_held_positive", "bars_held >= 1"),
        check("dates_in_order", "filled_on <= exited_on"),
        check("excursions", "mfe_pct >= 0 AND mae_pct <= 0"),
        digests=["bars_digest", "benchmark_bars_digest"],
    )

    signal_id: Mapped[int]
    runtime_id: Mapped[int]
    rule: Mapped[str]
    cost_bp: Mapped[Decimal]
    bars_digest: Mapped[DigestText | None]
    benchmark: Mapped[str | None]
    benchmark_bars_digest: Mapped[DigestText | None]
    state: Mapped[str]
    ambiguous: Mapped[bool]
    optimistic_state: Mapped[str | None]
    fill_price: Mapped[Decimal | None]
    filled_on: Mapped[date | None]
    exit_price: Mapped[Decimal | None]
    exited_on: Mapped[date | None]
    bars_held: Mapped[int | None]
    planned_r: Mapped[Decimal | None]
    net_r: Mapped[Decimal | None]
    optimistic_net_r: Mapped[Decimal | None]
    total_return_pct: Mapped[Decimal | None]
    returns: Mapped[JsonObject | None]
    mfe_pct: Mapped[Decimal | None]
    mfe_r: Mapped[Decimal | None]
    mfe_bars: Mapped[int | None]
    mae_pct: Mapped[Decimal | None]
    mae_r: Mapped[Decimal | None]
    mae_bars: Mapped[int | None]
    scored_at: Mapped[datetime]


class AnalysisOutcomeRow(RecordRow):
    """One scoring of a chart analysis: its stated trend against what the price then did."""

    __tablename__ = "analysis_outcomes"
    __table_args__ = record_args(
        refers("llm_analyses", "analysis_id"),
        refers("runtimes", "runtime_id"),
        UniqueConstraint(
            "analysis_id",
            "rule",
            "horizon_sessions",
            "state",
            "bars_digest",
            name="uq_analysis_outcomes_scoring",
            postgresql_nulls_not_distinct=True,
        ),
        Index(None, "runtime_id"),
        *names_blobs("bars_digest"),
        one_of("state", ["scored", "pending", "no_data", "delisted"]),
        one_of("trend_direction", TRENDS),
        check(
            "scored_has_return",
            "state <> 'scored' OR num_nulls(bars_digest, forward_return_pct, trend_held) = 0",
        ),
        check("horizon_sessions_positive", "horizon_sessions >= 1"),
        digests=["bars_digest"],
    )

    analysis_id: Mapped[int]
    runtime_id: Mapped[int]
    rule: Mapped[str]
    horizon_sessions: Mapped[int]
    bars_digest: Mapped[DigestText | None]
    state: Mapped[str]
    trend_direction: Mapped[str]
    forward_return_pct: Mapped[Decimal | None]
    trend_held: Mapped[bool | None]
    scored_at: Mapped[datetime]
