"""What was decided, and what became of it."""

from typing import Final

from sqlalchemy import Index, UniqueConstraint, text

from tapetrail.core.records.answers import SignalRecord
from tapetrail.core.records.external import ExternalSignalRecord
from tapetrail.core.records.outcomes import AnalysisOutcomeRecord, SignalOutcomeRecord
from tapetrail.store.tables.base import (
    FROM_OUTSIDE,
    TIMEFRAME,
    check,
    external_id,
    names_blobs,
    of_decision,
    one_of,
    provenance,
    record_table,
    refers,
    timeframe_form,
)
from tapetrail.store.tables.evidence import TRENDS

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


record_table(
    [SignalRecord, ExternalSignalRecord],
    *provenance(),
    of_decision(),
    refers("charts", "chart_id"),
    refers("llm_analyses", "llm_analysis_id, decision_id", to="id, decision_id"),
    refers("workflow_executions", "execution_id, strategy_id", to="id, strategy_id"),
    *external_id("trading_signals"),
    UniqueConstraint("id", "decision_id"),
    Index(
        "uq_trading_signals_own",
        "llm_analysis_id",
        unique=True,
        postgresql_where=text("external_id IS NULL"),
    ),
    Index(None, "llm_analysis_id"),
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
    Index("ix_trading_signals_symbol_timeframe_id", "symbol", "timeframe_primary", text("id DESC")),
    Index("ix_trading_signals_symbol_id", "symbol", text("id DESC")),
    Index("ix_trading_signals_timeframe_id", "timeframe_primary", text("id DESC")),
    Index("ix_trading_signals_signal_type_id", "signal_type", text("id DESC")),
    Index("ix_trading_signals_role_id", "role", text("id DESC")),
    Index(None, "generated_at"),
    timeframe_form("timeframe_primary"),
    check(
        "timeframe_confirmation_form",
        f"timeframe_confirmation ~ '^{TIMEFRAME}(,{TIMEFRAME})*$'",
    ),
    check("levels_valid", f"levels_valid OR {FROM_OUTSIDE}"),
    check("levels", f"NOT levels_valid OR {_LEVELS}"),
    # Others rarely say how they enter; their prices are in order all the same.
    check("entry", f"NOT levels_valid OR ({_ENTRY}) OR {FROM_OUTSIDE}"),
    check(
        "risk_reward_ratio",
        "NOT levels_valid OR (risk_reward_ratio IS NULL) = (stop_loss IS NULL)",
    ),
    check("risk_reward_ratio_positive", "NOT levels_valid OR risk_reward_ratio > 0"),
    check(
        "complete_unless_from_outside",
        "num_nulls(chart_id, llm_analysis_id, strategy_id, symbol, trend, horizon_bars,"
        f" timeframe_primary, reasoning) = 0 OR {FROM_OUTSIDE}",
    ),
    check(
        "own_words_from_outside",
        "num_nonnulls(action, intent, position_side, size, size_unit, leverage, confidence_raw,"
        f" confidence_scale, order_ref) = 0 OR {FROM_OUTSIDE}",
    ),
    Index(None, "order_ref", postgresql_where=text("order_ref IS NOT NULL")),
    check("order_ref_form", "order_ref ~ '^[a-z0-9]{15}$'"),
    check("action", f"(action IS NOT NULL) = ({FROM_OUTSIDE})"),
    check("scale_of_confidence", "(confidence_raw IS NULL) = (confidence_scale IS NULL)"),
    check("confidence_of_raw", "confidence_raw IS NULL OR confidence IS NOT NULL"),
    check("size_of_unit", "size_unit IS NULL OR size IS NOT NULL"),
    check("leverage_positive", "leverage > 0"),
    # A probability that the target comes first exists where there are a target and a stop.
    check("confidence_of_trade", f"confidence IS NOT NULL OR stop_loss IS NULL OR {FROM_OUTSIDE}"),
    check("confidence_range", "confidence BETWEEN 0 AND 1"),
    check("horizon_bars_positive", "horizon_bars >= 1"),
    check("conid_positive", "conid > 0"),
)


record_table(
    [SignalOutcomeRecord],
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
)


record_table(
    [AnalysisOutcomeRecord],
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
)
