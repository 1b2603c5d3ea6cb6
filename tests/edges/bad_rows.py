"""A row that breaks each CHECK of the schema alone, and rows that break none."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from tests.edges.rows import DIGEST, EXTERNAL_ID, FRIDAY, NOON, OUTSIDE, VALID, Columns


@dataclass(frozen=True, slots=True)
class Bad:
    """A CHECK's name without its table, and changes that make a valid row break it alone."""

    table: str
    check: str
    changes: Columns

    def __str__(self) -> str:
        """Return what pytest shows."""
        return f"{self.table}-{self.check}-{'-'.join(self.changes)}"


HOLD: Final[Columns] = {
    "signal_type": "HOLD",
    "entry_type": None,
    "entry_price": None,
    "stop_loss": None,
    "target_price": None,
    "risk_reward_ratio": None,
}
EXIT: Final[Columns] = {
    "signal_type": "SELL",
    "stop_loss": None,
    "target_price": None,
    "risk_reward_ratio": None,
}
SHORT: Final[Columns] = {"signal_type": "SELL", "stop_loss": 110, "target_price": 90}
NO_PAYLOAD: Final[Columns] = dict.fromkeys(
    ("raw_digest", "adjustment", "quoted_in", "fetched_at", "from_cache")
)
ABSENT: Final[Columns] = {
    "verdict": "absent",
    "problem": "nobody answered",
    **dict.fromkeys(("first_on", "last_on", "compared", "differing", "max_difference_pct")),
    **dict.fromkeys(("max_difference_on", "missing_here", "missing_there")),
}
DIFFERS: Final[Columns] = {
    "verdict": "differs",
    "problem": "too far",
    "differing": 1,
    "max_difference_pct": "0.6",
}
SENT: Final[Columns] = {"provenance": "external", "external_id": EXTERNAL_ID}
PORTFOLIO: Final[Columns] = {
    **SENT,
    "scope": "portfolio",
    "instrument_id": None,
    "symbol": None,
}
UNKNOWN_BARS: Final[Columns] = {
    "external_id": EXTERNAL_ID,
    "adjustment": "unknown",
    **dict.fromkeys(("source", "session", "raw_digest", "calendar", "currency", "gaps")),
}
SAID: Final[Columns] = {**SENT, "action": "buy"}
POSTED: Final[Columns] = {
    "origin": "posted",
    **SENT,
    "image_media_type": "image/png",
    **dict.fromkeys(
        (
            "snapshot_id",
            "chart_style",
            "spec_digest",
            "indicators_applied",
            "missing_indicators",
            "data_points",
            "start_date",
            "end_date",
            "price_current",
            "renderer",
        )
    ),
}
CONSOLIDATED: Final[Columns] = {"kind": "consolidated", "question": "consolidated"}
BUILTIN: Final[Columns] = {
    "analyst": "builtin:technical-rules-v1",
    "prompt_text": None,
    "prompt_template_id": None,
}
NO_JSON: Final[Columns] = {"status": "unparseable", "error_message": "no JSON"}
FAILED: Final[Columns] = {"failed_stage": "bars", "error_kind": "no_bars", "error_message": "none"}
NO_STRATEGY: Final[Columns] = {"strategy_id": None}


def _sender(table: str, said: Columns | None = None) -> Iterator[Bad]:
    """Yield the rows that lack a sender's id, have one without a sender, or one that is none."""
    others = {"provenance": "external", **(said or {})}
    yield Bad(table, "external_id", others)
    yield Bad(table, "external_id", {"external_id": EXTERNAL_ID})
    yield Bad(
        table, "external_id_form", {**others, "external_id": EXTERNAL_ID.replace("7", "4", 1)}
    )


BAD: Final = (
    Bad("instruments", "conid_positive", {"conid": 0}),
    Bad("instruments", "tick_size_positive", {"tick_size": 0}),
    Bad("instruments", "multiplier_positive", {"multiplier": 0}),
    Bad("strategies", "version_positive", {"version": 0}),
    Bad("prompt_templates", "version_positive", {"version": 0}),
    Bad("blobs", "size_not_negative", {"size": -1}),
    Bad("workflow_executions", "run_type_known", {"run_type": "whim"}),
    Bad("workflow_executions", "provenance_known", {"provenance": "hearsay"}),
    Bad("workflow_executions", "status_known", {"status": "lost", "completed_at": NOON}),
    Bad("workflow_executions", "replay", {"provenance": "replay"}),
    Bad("workflow_executions", "replay", {"run_type": "replay"}),
    Bad("workflow_executions", "external", {**OUTSIDE, "run_type": "manual"}),
    *_sender("workflow_executions", {"run_type": "external", "mode": "paper"}),
    Bad("workflow_executions", "mode", {**OUTSIDE, "mode": None}),
    Bad("workflow_executions", "mode", {"mode": "live"}),
    Bad("workflow_executions", "mode_known", {**OUTSIDE, "mode": "dream"}),
    Bad("workflow_executions", "key_from_outside", {"execution_key": "monday"}),
    Bad("workflow_executions", "strategy", NO_STRATEGY),
    Bad("workflow_executions", "runtime", {"runtime_id": None}),
    Bad("workflow_executions", "workflow", {"workflow_id": None}),
    Bad("workflow_executions", "clock", {"clock_offset_ms": 3}),
    Bad("workflow_executions", "started", {"status": "running"}),
    Bad("workflow_executions", "ended", {"completed_at": NOON}),
    Bad("workflow_executions", "ended", {"status": "cancelled"}),
    Bad("workflow_executions", "error_when_failed", {"status": "failed", "completed_at": NOON}),
    Bad(
        "workflow_executions",
        "no_error_when_completed",
        {"status": "completed", "completed_at": NOON, "error": "yet"},
    ),
    Bad("decisions", "provenance_known", {"provenance": "hearsay"}),
    Bad("decisions", "status_known", {"status": "lost"}),
    Bad("decisions", "failed_stage_known", {**FAILED, "status": "failed", "failed_stage": "x"}),
    Bad("decisions", "error_kind_form", {**FAILED, "status": "failed", "error_kind": "No bars"}),
    Bad("decisions", "run_no_positive", {"run_no": 0}),
    Bad("decisions", "conid_positive", {"conid": 0}),
    Bad("decisions", "replay", {"replay_of": 1}),
    Bad("decisions", "replay", {"provenance": "replay"}),
    Bad("decisions", "scope_known", {"scope": "hope"}),
    *_sender("decisions"),
    Bad("decisions", "key_from_outside", {"decision_key": "monday"}),
    Bad("decisions", "portfolio_has_no_instrument", {"instrument_id": None}),
    Bad("decisions", "portfolio_has_no_instrument", {"symbol": None}),
    Bad("decisions", "portfolio_has_no_instrument", {**PORTFOLIO, "symbol": "AAPL"}),
    Bad("decisions", "portfolio", {**PORTFOLIO, "provenance": "live", "external_id": None}),
    Bad("decisions", "book_of_portfolio", {**PORTFOLIO, "portfolio_id": 10**12}),
    Bad("decisions", "question", {"scope": "question"}),
    Bad("decisions", "question", {"provenance": "question"}),
    Bad("decisions", "failure", {"status": "failed"}),
    Bad("decisions", "failure", {"status": "failed", **FAILED, "error_message": None}),
    Bad("decisions", "failure", {"status": "running", "error_message": "so far so good"}),
    Bad("execution_events", "from_status_known", {"from_status": "lost"}),
    Bad("execution_events", "to_status_known", {"to_status": "lost"}),
    Bad("execution_events", "opening", {"from_status": None}),
    Bad("execution_events", "error_when_failed", {"to_status": "failed"}),
    Bad("decision_events", "from_status_known", {"from_status": "lost"}),
    Bad("decision_events", "to_status_known", {"to_status": "lost"}),
    Bad("decision_events", "opening", {"from_status": None}),
    Bad(
        "decision_events",
        "failed_stage_known",
        {"to_status": "failed", **FAILED} | {"failed_stage": "x"},
    ),
    Bad(
        "decision_events",
        "error_kind_form",
        {"to_status": "failed", **FAILED} | {"error_kind": "X"},
    ),
    Bad("decision_events", "failure", {"to_status": "failed"}),
    Bad("decision_events", "failure", FAILED),
    Bad("market_snapshots", "timeframe_form", {"timeframe": "01d"}),
    Bad("market_snapshots", "adjustment_known", {"adjustment": "some"}),
    Bad("market_snapshots", "session_known", {"session": "night"}),
    Bad("market_snapshots", "sessions_in_order", {"session_first": FRIDAY + timedelta(days=1)}),
    Bad("market_snapshots", "bar_count_positive", {"bar_count": 0}),
    Bad("market_snapshots", "dropped_rows_not_negative", {"dropped_rows": -1}),
    Bad("market_snapshots", "missing_sessions_not_negative", {"missing_sessions": -1}),
    Bad("market_snapshots", "age_sessions_not_negative", {"age_sessions": -1}),
    Bad("market_snapshots", "price_factor_positive", {"price_factor": 0}),
    Bad("market_vintages", "timeframe_form", {"timeframe": "d"}),
    Bad("market_vintages", "adjustment_known", {"adjustment": "total"}),
    Bad("market_vintages", "days_in_order", {"last_on": date(2012, 8, 2)}),
    Bad("market_vintages", "sessions_in_order", {"session_last": date(2012, 8, 2)}),
    Bad("market_vintages", "bar_count_positive", {"bar_count": 0}),
    Bad("market_vintages", "bars_or_problem", {"problem": "row 1: no price"}),
    Bad("market_vintages", "bars_or_problem", {"bar_count": None}),
    Bad("market_vintages", "differs_by_bars", {"moved_bars": 1}),
    Bad("market_vintages", "moved_bars_positive", {"moved_bars": 0, "differs_from": 1}),
    Bad("market_vintages", "moved_pct_of_moved", {"moved_pct_max": 1}),
    Bad(
        "market_vintages",
        "moved_pct_positive",
        {"moved_pct_max": 0, "moved_bars": 1, "differs_from": 1},
    ),
    Bad("market_vintages", "differs_from_another", {"differs_from": 10**12, "moved_bars": 1}),
    Bad("second_opinions", "verdict_known", {"verdict": "perhaps", "problem": "no"}),
    Bad("second_opinions", "adjustment_known", {"adjustment": "total"}),
    Bad("second_opinions", "payload_whole", {"quoted_in": None}),
    Bad("second_opinions", "compared_of_payload", NO_PAYLOAD),
    Bad("second_opinions", "closes_unless_absent", {"compared": None}),
    Bad("second_opinions", "closes_unless_absent", {**ABSENT, "last_on": FRIDAY}),
    Bad("second_opinions", "difference_of_closes", {**ABSENT, "max_difference_pct": 1}),
    Bad("second_opinions", "problem_unless_agrees", {"problem": "too far"}),
    Bad("second_opinions", "problem_unless_agrees", {**ABSENT, "problem": None}),
    Bad("second_opinions", "verdict_of_differing", {"verdict": "differs", "problem": "far"}),
    Bad("second_opinions", "verdict_of_limit", {**DIFFERS, "max_difference_pct": "0.5"}),
    Bad("second_opinions", "verdict_of_limit", {"max_difference_pct": "0.5000000001"}),
    Bad("second_opinions", "days_in_order", {"first_on": FRIDAY + timedelta(days=1)}),
    Bad("second_opinions", "worst_between", {"max_difference_on": date(2026, 11, 19)}),
    Bad("second_opinions", "differing_of_compared", {**DIFFERS, "differing": 2}),
    Bad("second_opinions", "differing_of_compared", {"compared": 0}),
    Bad("second_opinions", "max_difference_not_negative", {"max_difference_pct": -1}),
    Bad("second_opinions", "limit_positive", {"limit_pct": 0, "max_difference_pct": 0}),
    Bad("second_opinions", "missing_listed", {"missing_here": {}}),
    Bad("second_opinions", "missing_listed", {"missing_there": {}}),
    Bad("instrument_facts", "field_known", {"field": "colour"}),
    Bad("instrument_facts", "conid_form", {"value": "0"}),
    *(
        Bad("market_snapshots", "complete_unless_from_outside", changes)
        for changes in (
            {"adjustment": "unknown"},
            *(
                {column: None}
                for column in (
                    "source",
                    "session",
                    "raw_digest",
                    "calendar",
                    "currency",
                    "volume_unit",
                    "price_factor",
                    "dropped_rows",
                    "gaps",
                    "last_bar_complete",
                    "adjusted_with_hindsight",
                    "from_cache",
                    "available_at",
                )
            ),
        )
    ),
    Bad("market_snapshots", "external_id_form", {"external_id": "1"}),
    Bad("market_snapshots", "quoted_in_by_factor", {"quoted_in": "GBX"}),
    Bad("market_snapshots", "derived_from_another", {"derived_from": 10**12}),
    Bad("charts", "timeframe_form", {"timeframe": "d", "chart_type": "daily"}),
    Bad("charts", "provenance_known", {"provenance": "hearsay"}),
    Bad("charts", "origin_known", {"origin": "found"}),
    Bad("charts", "status_known", {"status": "lost"}),
    Bad("charts", "chart_type_of_timeframe", {"timeframe": "1w"}),
    Bad("charts", "chart_type_of_timeframe", {"chart_type": "intraday"}),
    Bad("charts", "chart_type_of_timeframe", {"timeframe": "1mo", "chart_type": "intraday"}),
    *(
        Bad("charts", "drawn_facts", {column: None})
        for column in POSTED
        if column not in {"origin", "provenance", "image_media_type", "external_id"}
    ),
    Bad("charts", "drawn_facts", {"symbol": None}),
    Bad("charts", "drawn_facts", {"timeframe": None, "chart_type": None}),
    Bad("charts", "type_of_timeframe", {**POSTED, "chart_type": None}),
    *_sender("charts"),
    Bad("charts", "drawn_as_jpeg", {"image_media_type": "image/png"}),
    Bad("charts", "posted_from_outside", {**POSTED, "provenance": "live", "external_id": None}),
    Bad("charts", "image", {**POSTED, "image_media_type": "text/html"}),
    Bad("charts", "html", {"chart_url_html": "file:charts/a.html"}),
    Bad("charts", "html", {"html_digest": DIGEST}),
    Bad("charts", "bucket", {"minio_bucket": "charts"}),
    Bad("charts", "bucket", {"chart_url_jpeg": "s3://charts/a.jpg"}),
    Bad("charts", "data_points_positive", {"data_points": 0}),
    Bad("charts", "dates_in_order", {"start_date": FRIDAY + timedelta(days=1)}),
    Bad("charts", "volume_avg_not_negative", {"volume_avg": -1}),
    Bad("charts", "escaped_letters", {"escaped_letters": ""}),
    Bad("charts", "conid_positive", {"conid": 0}),
    Bad("chart_archivals", "from_status_known", {"from_status": "lost"}),
    Bad("chart_archivals", "to_status_known", {"to_status": "lost"}),
    Bad("llm_analyses", "timeframe_form", {"timeframe": "1day"}),
    Bad("llm_analyses", "provenance_known", {"provenance": "hearsay"}),
    Bad("llm_analyses", "kind_known", {"kind": "guess", "chart_id": None}),
    Bad("llm_analyses", "role_known", {"role": "chorus"}),
    Bad("llm_analyses", "status_known", {"status": "lost", "error_message": "it was"}),
    Bad("llm_analyses", "trend_direction_known", {"trend_direction": "up"}),
    *(
        Bad("llm_analyses", "complete_unless_from_outside", {column: None})
        for column in ("strategy_id", "symbol", "provider", "model_name", "requested_at")
    ),
    *(
        Bad("llm_analyses", "agent_from_outside", changes)
        for changes in ({"agent": "news"}, {"round": 1}, {"cached": False})
    ),
    Bad("llm_analyses", "round_positive", {**SENT, "round": 0}),
    *_sender("llm_analyses"),
    Bad("llm_analyses", "chart_of_kind", {"chart_id": None}),
    Bad("llm_analyses", "chart_of_kind", CONSOLIDATED),
    Bad("llm_analyses", "timeframe_of_kind", {"timeframe": None}),
    Bad("llm_analyses", "prompt", {"prompt_text": None}),
    Bad("llm_analyses", "reply_when_completed", {"response_text": None}),
    Bad("llm_analyses", "error_unless_completed", {"error_message": "yet"}),
    Bad("llm_analyses", "error_unless_completed", {"status": "failed"}),
    Bad("llm_analyses", "error_unless_completed", {"status": "refused"}),
    Bad("llm_analyses", "kind_of_error", {"error_kind": "refused"}),
    Bad("llm_analyses", "error_kind_form", {**NO_JSON, "error_kind": "No JSON"}),
    Bad("llm_analyses", "parsed_from_known", {"parsed_from": "guessed"}),
    Bad("llm_analyses", "sample_no_positive", {"sample_no": 0}),
    Bad("llm_analyses", "confidence_score_range", {"confidence_score": 1.1}),
    Bad("llm_analyses", "tokens_used_not_negative", {"tokens_used": -1}),
    Bad("llm_analyses", "cost_usd_not_negative", {"cost_usd": -1}),
    Bad("llm_analyses", "latency_ms_not_negative", {"latency_ms": -1}),
    *(
        Bad("llm_attempts", "complete_unless_from_outside", {column: None})
        for column in ("provider", "model_name", "request_digest")
    ),
    Bad("llm_attempts", "external_id_form", {"external_id": "1"}),
    Bad("llm_attempts", "sample_no_positive", {"sample_no": 0}),
    Bad("llm_attempts", "attempt_no_positive", {"attempt_no": 0}),
    Bad("llm_attempts", "reason_known", {"turn_no": 1, "reason": "again", "attempt_no": 2}),
    Bad("llm_attempts", "turn_no_in_order", {"turn_no": 2, "reason": "first"}),
    Bad("llm_attempts", "turn_no_in_order", {"turn_no": 0, "reason": "first"}),
    Bad("llm_attempts", "reason_of_turn", {"turn_no": 1}),
    Bad("llm_attempts", "reason_of_turn", {"reason": "first"}),
    Bad("llm_attempts", "first_is_first", {"turn_no": 1, "reason": "retry"}),
    Bad("llm_attempts", "first_is_first", {"turn_no": 1, "reason": "first", "attempt_no": 2}),
    Bad("llm_attempts", "on_a_wire", {"analyst": "builtin:technical-rules-v1"}),
    Bad("llm_replies", "bytes_or_error", {"response_digest": None}),
    Bad("llm_replies", "partial_says_why", {"is_partial": True}),
    Bad("llm_replies", "error_kind_form", {"error_kind": "Time out"}),
    Bad("llm_replies", "http_status_range", {"http_status": 0}),
    Bad("llm_replies", "cost_usd_not_negative", {"cost_usd": -1}),
    Bad("trading_signals", "timeframe_primary_form", {"timeframe_primary": "daily"}),
    Bad("trading_signals", "timeframe_confirmation_form", {"timeframe_confirmation": "1w,"}),
    Bad("trading_signals", "provenance_known", {"provenance": "hearsay"}),
    Bad("trading_signals", "role_known", {"role": "chorus"}),
    Bad("trading_signals", "signal_type_known", {"signal_type": "WAIT"}),
    Bad("trading_signals", "entry_type_known", {"entry_type": "soon", "valid_until": FRIDAY}),
    Bad("trading_signals", "trend_known", {"trend": "up"}),
    Bad("trading_signals", "levels_valid", {"levels_valid": False}),
    Bad("trading_signals", "levels_valid", {"levels_valid": False, "provenance": "replay"}),
    Bad("trading_signals", "levels", {**HOLD, "entry_price": 100}),
    Bad("trading_signals", "levels", {**HOLD, "stop_loss": 95, "risk_reward_ratio": 1}),
    Bad("trading_signals", "levels", {**HOLD, "target_price": 110}),
    Bad("trading_signals", "levels", {"entry_price": None}),
    Bad("trading_signals", "levels", {"stop_loss": None, "risk_reward_ratio": None}),
    Bad("trading_signals", "levels", {"target_price": None}),
    Bad("trading_signals", "levels", {"stop_loss": 100}),
    Bad("trading_signals", "levels", {"target_price": 100}),
    Bad("trading_signals", "levels", {"signal_type": "SELL"}),
    Bad("trading_signals", "levels", {**SHORT, "stop_loss": None, "risk_reward_ratio": None}),
    Bad("trading_signals", "levels", {**SHORT, "entry_price": None}),
    Bad("trading_signals", "levels", {**SHORT, "target_price": 100}),
    Bad("trading_signals", "entry", {"entry_type": None}),
    Bad("trading_signals", "entry", {**HOLD, "entry_type": "market"}),
    Bad("trading_signals", "entry", {"entry_type": "limit"}),
    Bad(
        "trading_signals",
        "entry",
        {**EXIT, "entry_type": "stop", "entry_price": None, "valid_until": FRIDAY},
    ),
    Bad("trading_signals", "risk_reward_ratio", {"risk_reward_ratio": None}),
    Bad("trading_signals", "risk_reward_ratio", {**HOLD, "risk_reward_ratio": 1}),
    Bad("trading_signals", "risk_reward_ratio_positive", {"risk_reward_ratio": 0}),
    *(
        Bad("trading_signals", "complete_unless_from_outside", {column: None})
        for column in (
            "chart_id",
            "llm_analysis_id",
            "strategy_id",
            "symbol",
            "trend",
            "horizon_bars",
            "timeframe_primary",
            "reasoning",
        )
    ),
    *_sender("trading_signals", {"action": "buy"}),
    Bad("trading_signals", "action", SENT),
    *(
        Bad("trading_signals", "own_words_from_outside", changes)
        for changes in (
            {"intent": "entry"},
            {"position_side": "long"},
            {"size": 1},
            {"leverage": 2},
            {"confidence_raw": 60, "confidence_scale": 100},
        )
    ),
    Bad("trading_signals", "scale_of_confidence", {**SAID, "confidence_raw": 60}),
    Bad(
        "trading_signals",
        "confidence_of_raw",
        {**SAID, "confidence_raw": 60, "confidence_scale": 100, "confidence": None},
    ),
    Bad("trading_signals", "size_of_unit", {**SAID, "size_unit": "shares"}),
    Bad("trading_signals", "leverage_positive", {**SAID, "leverage": 0}),
    Bad("trading_signals", "order_ref_form", {**SAID, "order_ref": "TT-1"}),
    Bad("trading_signals", "intent_known", {**SAID, "intent": "hope"}),
    Bad("trading_signals", "position_side_known", {**SAID, "position_side": "both"}),
    Bad("decision_inputs", "external_id_form", {"external_id": "1"}),
    Bad("decision_inputs", "kind_known", {"kind": "gossip"}),
    Bad("analysis_inputs", "one_read", {"read_input_id": None}),
    Bad("analysis_inputs", "one_read", {"read_analysis_id": 2}),
    Bad("analysis_inputs", "reads_another", {"read_input_id": None, "read_analysis_id": 1}),
    Bad("signal_inputs", "one_read", {"read_input_id": None}),
    Bad("signal_inputs", "one_read", {"read_chart_id": 1}),
    Bad("order_events", "external_id_form", {"external_id": "1"}),
    Bad("order_events", "order_mode_known", {"order_mode": "backtest"}),
    Bad("order_events", "status_known", {"status": "gone"}),
    Bad("order_events", "side_known", {"side": "hold"}),
    Bad("order_events", "quantity_positive", {"quantity": 0}),
    Bad("order_events", "filled_not_negative", {"filled": -1}),
    Bad("notes", "external_id_form", {"external_id": "1"}),
    Bad("notes", "kind_known", {"kind": "joke"}),
    Bad("notes", "signal_of_decision", {"decision_id": None}),
    Bad("notes", "text", {"text": ""}),
    Bad("api_keys", "key_name_form", {"key_name": "0123456789AB"}),
    Bad("api_keys", "label", {"label": ""}),
    Bad("api_keys", "scopes", {"scopes": []}),
    Bad("api_keys", "scopes", {"scopes": "read"}),
    Bad("trading_signals", "confidence_range", {"confidence": -0.1}),
    Bad("trading_signals", "confidence_of_trade", {"confidence": None}),
    Bad("trading_signals", "confidence_of_trade", {**SHORT, "confidence": None}),
    Bad("trading_signals", "horizon_bars_positive", {"horizon_bars": 0}),
    Bad("trading_signals", "conid_positive", {"conid": 0}),
    Bad("signal_outcomes", "state_known", {"state": "draw"}),
    Bad("signal_outcomes", "trade_has_fill_and_exit", {"exit_price": None}),
    Bad("signal_outcomes", "ambiguous_names_both", {"ambiguous": True}),
    Bad("signal_outcomes", "optimistic_state_known", {"optimistic_state": "pending"}),
    Bad("signal_outcomes", "benchmark", {"benchmark": "SPY"}),
    Bad("signal_outcomes", "cost_bp_not_negative", {"cost_bp": -1}),
    Bad("signal_outcomes", "bars_held_positive", {"bars_held": 0}),
    Bad("signal_outcomes", "dates_in_order", {"filled_on": FRIDAY + timedelta(days=1)}),
    Bad("signal_outcomes", "excursions", {"mfe_pct": -1}),
    Bad("signal_outcomes", "excursions", {"mae_pct": 1}),
    Bad("analysis_outcomes", "state_known", {"state": "draw"}),
    Bad("analysis_outcomes", "trend_direction_known", {"trend_direction": "up"}),
    Bad("analysis_outcomes", "scored_has_return", {"trend_held": None}),
    Bad("analysis_outcomes", "horizon_sessions_positive", {"horizon_sessions": 0}),
)

GOOD: Final[tuple[tuple[str, Columns], ...]] = (
    *((table, {}) for table in VALID),
    ("workflow_executions", {**OUTSIDE, "strategy_id": None, "workflow_id": None}),
    ("workflow_executions", {**OUTSIDE, "provenance": "legacy", "runtime_id": None, "mode": None}),
    ("workflow_executions", {"clock_offset_ms": 3, "clock_source": "chrony"}),
    ("decisions", {"status": "failed", **FAILED}),
    ("decisions", {"scope": "question", "provenance": "question"}),
    ("decisions", {"scope": "instrument"}),
    ("decisions", {**PORTFOLIO, "decision_key": "monday"}),
    ("decisions", {**SENT, "scope": "instrument", "portfolio_id": 10**12}),
    (
        "instruments",
        {"exchange": None, "currency": None, "calendar": None}
        | {"asset_class": None, "multiplier": None},
    ),
    ("market_snapshots", UNKNOWN_BARS),
    ("charts", {**POSTED, "timeframe": None, "chart_type": None, "symbol": None}),
    ("llm_attempts", {"external_id": EXTERNAL_ID, "request_digest": None, "provider": None}),
    ("trading_signals", {**SAID, "entry_type": None, "size": 2, "size_unit": "shares"}),
    ("notes", {"decision_id": None, "signal_id": None}),
    ("charts", POSTED),
    ("charts", {"timeframe": "15m", "chart_type": "intraday"}),
    ("charts", {"timeframe": "3mo", "chart_type": "monthly"}),
    ("charts", {"chart_url_jpeg": "s3://charts/a.jpg", "minio_bucket": "charts"}),
    ("charts", {"chart_url_html": "file:charts/a.html", "html_digest": DIGEST}),
    ("llm_analyses", {**CONSOLIDATED, "chart_id": None}),
    ("llm_analyses", BUILTIN),
    ("llm_analyses", {"status": "failed", "error_message": "no answer", "response_text": None}),
    ("llm_analyses", NO_JSON),
    ("llm_analyses", {**NO_JSON, "error_kind": "not_json"}),
    ("llm_attempts", {"turn_no": 1, "reason": "first"}),
    ("llm_attempts", {"turn_no": 2, "reason": "re_ask", "attempt_no": 2}),
    ("llm_replies", {"is_partial": True, "error_kind": "connection_reset"}),
    (
        "llm_analyses",
        {**SENT, "kind": "other", "chart_id": None, "timeframe": None, "agent": "news"}
        | {"prompt_text": None, "prompt_template_id": None, "strategy_id": None},
    ),
    ("llm_replies", {"response_digest": None, "error_kind": "timeout"}),
    ("second_opinions", ABSENT),
    ("second_opinions", {**ABSENT, **NO_PAYLOAD}),
    ("second_opinions", DIFFERS),
    ("second_opinions", {**DIFFERS, "max_difference_pct": None}),
    ("trading_signals", HOLD),
    ("trading_signals", {**HOLD, "confidence": None}),
    ("trading_signals", EXIT),
    ("trading_signals", {**EXIT, "confidence": None}),
    ("trading_signals", SHORT),
    ("trading_signals", {"entry_type": "limit", "valid_until": FRIDAY}),
    (
        "trading_signals",
        {**SAID, "levels_valid": False, "stop_loss": 120, "trend": None}
        | {"llm_analysis_id": None, "chart_id": None, "strategy_id": None},
    ),
    ("signal_outcomes", {"state": "pending", "bars_digest": None, "exit_price": None}),
    ("signal_outcomes", {"ambiguous": True, "state": "loss", "optimistic_state": "win"}),
)
