"""Every CHECK of the schema refuses the row it is there to refuse."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, LiteralString

import pytest
from psycopg.errors import CheckViolation
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError
from tests.edges.conftest import Connect
from tests.edges.rows import DIGEST, FRIDAY, NOON, VALID, Columns, insert_row

pytestmark = pytest.mark.service


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
POSTED: Final[Columns] = {
    "origin": "posted",
    "provenance": "external",
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
EXTERNAL: Final[Columns] = {"run_type": "external", "provenance": "external"}
NO_STRATEGY: Final[Columns] = {"strategy_id": None}

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
    Bad("workflow_executions", "external", {"provenance": "external"}),
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
        if column not in {"origin", "provenance", "image_media_type"}
    ),
    Bad("charts", "drawn_as_jpeg", {"image_media_type": "image/png"}),
    Bad("charts", "posted_from_outside", {**POSTED, "provenance": "live"}),
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
    Bad("llm_analyses", "strategy", NO_STRATEGY),
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
            "trend",
            "horizon_bars",
            "timeframe_primary",
            "reasoning",
        )
    ),
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
    ("workflow_executions", {**EXTERNAL, "strategy_id": None, "workflow_id": None}),
    ("workflow_executions", {**EXTERNAL, "provenance": "legacy", "runtime_id": None}),
    ("workflow_executions", {"clock_offset_ms": 3, "clock_source": "chrony"}),
    ("decisions", {"status": "failed", **FAILED}),
    ("decisions", {"scope": "question", "provenance": "question"}),
    ("decisions", {"scope": "instrument"}),
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
        {"kind": "other", "provenance": "external", "chart_id": None, "timeframe": None}
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
        {"levels_valid": False, "provenance": "external", "stop_loss": 120, "trend": None}
        | {"llm_analysis_id": None, "chart_id": None, "strategy_id": None},
    ),
    ("signal_outcomes", {"state": "pending", "bars_digest": None, "exit_price": None}),
    ("signal_outcomes", {"ambiguous": True, "state": "loss", "optimistic_state": "win"}),
)


def check_only(connection: Connection) -> None:
    """Leave CHECKs as the only guard: no triggers, and so no foreign keys either."""
    connection.execute(text("SET LOCAL session_replication_role = replica"))


def refused_by(connection: Connection, table: str, changes: Columns) -> str | None:
    """Return the name of the CHECK that refuses the row."""
    with pytest.raises(IntegrityError) as caught:
        insert_row(connection, table, changes)
    assert isinstance(caught.value.orig, CheckViolation)
    return caught.value.orig.diag.constraint_name


def names_of_checks(connection: Connection, pattern: LiteralString) -> set[str]:
    """Return the names of the record's CHECKs that match a pattern of LIKE."""
    found = connection.execute(
        text(
            "SELECT conname FROM pg_constraint WHERE contype = 'c'"
            " AND connamespace = 'tapetrail'::regnamespace AND conname LIKE :pattern"
            " AND conrelid::regclass::text NOT IN ('tapetrail.budget_counts',"
            " 'tapetrail.budget_reservations', 'tapetrail.provider_flow')"
        ),
        {"pattern": pattern},
    )
    return set(found.scalars())


@pytest.mark.parametrize(("table", "changes"), GOOD)
def test_a_valid_row_passes_every_check(connect: Connect, table: str, changes: Columns):
    with connect("postgres") as connection:
        check_only(connection)
        insert_row(connection, table, changes)


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_each_check_refuses_the_row_it_is_there_for(connect: Connect, bad: Bad):
    with connect("postgres") as connection:
        check_only(connection)
        assert refused_by(connection, bad.table, bad.changes) == f"ck_{bad.table}_{bad.check}"


def test_no_check_is_without_a_row_that_it_refuses(connect: Connect):
    with connect("postgres") as connection:
        there = names_of_checks(connection, "%") - names_of_checks(connection, "%digest\\_form")
    assert there == {f"ck_{bad.table}_{bad.check}" for bad in BAD}


@pytest.mark.parametrize("text_of_digest", ["", "sha256:", DIGEST.upper(), f"{DIGEST}0", "md5:00"])
def test_every_digest_column_takes_digests_only(connect: Connect, text_of_digest: str):
    with connect("postgres") as connection:
        check_only(connection)
        columns = connection.execute(
            text(
                "SELECT table_name, column_name FROM information_schema.columns"
                " WHERE table_schema = 'tapetrail'"
                " AND (column_name LIKE '%\\_digest' OR column_name = 'digest')"
            )
        ).all()
        assert len(columns) >= 35
        for table, column in columns:
            changes: Columns = {column: text_of_digest}
            if column == "benchmark_bars_digest":
                changes = {**changes, "benchmark": "SPY"}
            if column == "html_digest":
                changes = {**changes, "chart_url_html": "file:a.html"}
            with connection.begin_nested() as savepoint:
                assert refused_by(connection, table, changes) == f"ck_{table}_{column}_form"
                savepoint.rollback()
