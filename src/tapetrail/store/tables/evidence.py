"""What a decision saw, asked and heard: bars, charts, analyses, and every call to a model."""

from typing import Final

from sqlalchemy import Index, Text, UniqueConstraint, text

from tapetrail.core.market.instruments import Adjustment, SessionHours
from tapetrail.core.records.answers import (
    AnalysisChartRecord,
    AnalysisRecord,
    AttemptRecord,
    ReplyRecord,
)
from tapetrail.core.records.evidence import (
    ChartArchivalRecord,
    ChartRecord,
    SecondOpinionRecord,
    SnapshotRecord,
    VintageRecord,
)
from tapetrail.core.records.external import (
    ExternalAnalysisRecord,
    ExternalAttemptRecord,
    ExternalSnapshotRecord,
    PostedChartRecord,
)
from tapetrail.store.tables.base import (
    FROM_OUTSIDE,
    cached,
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

UNKNOWN: Final = "unknown"
"""What others did not say of how their prices are adjusted."""
CHART_STATUSES: Final = ("active", "archived")
TRENDS: Final = ("bullish", "bearish", "neutral")

# 'mo' is tested before 'm' could be: the expressions are tried in order.
_TYPE_OF_TIMEFRAME: Final = (
    "CASE WHEN timeframe LIKE '%mo' THEN 'monthly' WHEN timeframe LIKE '%w' THEN 'weekly'"
    " WHEN timeframe LIKE '%d' THEN 'daily' ELSE 'intraday' END"
)
_DRAWN_FACTS: Final = (
    "snapshot_id, symbol, timeframe, chart_type, chart_style, spec_digest, indicators_applied,"
    " missing_indicators, data_points, start_date, end_date, price_current, renderer"
)


record_table(
    [VintageRecord],
    refers("instruments", "instrument_id"),
    refers("market_vintages", "differs_from, instrument_id", to="id, instrument_id"),
    UniqueConstraint("id", "instrument_id"),
    Index(None, "instrument_id", "source", "id"),
    Index(None, "fetched_at"),
    Index(None, "differs_from", postgresql_where=text("differs_from IS NOT NULL")),
    *names_blobs("raw_digest"),
    timeframe_form(),
    one_of("adjustment", Adjustment),
    check("days_in_order", "first_on <= last_on"),
    check("sessions_in_order", "session_first <= session_last"),
    check("bar_count_positive", "bar_count >= 1"),
    check(
        "bars_or_problem",
        "num_nulls(session_first, session_last, bar_count, adjustment, quoted_in) ="
        " CASE WHEN problem IS NULL THEN 0 ELSE 5 END",
    ),
    check("differs_by_bars", "(differs_from IS NULL) = (moved_bars IS NULL)"),
    check("moved_bars_positive", "moved_bars >= 1"),
    check("moved_pct_of_moved", "moved_pct_max IS NULL OR moved_bars IS NOT NULL"),
    check("moved_pct_positive", "moved_pct_max > 0"),
    check("differs_from_another", "differs_from < id"),
)


record_table(
    [SnapshotRecord, ExternalSnapshotRecord],
    of_decision(),
    refers("instruments", "instrument_id"),
    refers("market_snapshots", "derived_from, decision_id", to="id, decision_id"),
    *external_id("market_snapshots", is_derived=False),
    Index(
        "uq_market_snapshots_own",
        "decision_id",
        "timeframe",
        unique=True,
        postgresql_where=text("external_id IS NULL"),
    ),
    Index(None, "decision_id"),
    UniqueConstraint("id", "decision_id"),
    Index(None, "execution_id", "id"),
    Index(None, "instrument_id"),
    Index("ix_market_snapshots_timeframe_id", "timeframe", text("id DESC")),
    Index(None, "fetched_at"),
    Index(None, "derived_from", postgresql_where=text("derived_from IS NOT NULL")),
    *names_blobs("bars_digest", "raw_digest", "calendar_digest"),
    timeframe_form(),
    one_of("adjustment", [*Adjustment, UNKNOWN]),
    one_of("session", SessionHours),
    check(
        "complete_unless_from_outside",
        "external_id IS NOT NULL OR adjustment <> 'unknown' AND num_nulls(source, session,"
        " raw_digest, calendar, currency, volume_unit, price_factor, dropped_rows, gaps,"
        " last_bar_complete, adjusted_with_hindsight, from_cache, available_at) = 0",
    ),
    check("sessions_in_order", "session_first <= session_last"),
    check("bar_count_positive", "bar_count >= 1"),
    check("dropped_rows_not_negative", "dropped_rows >= 0"),
    check("missing_sessions_not_negative", "missing_sessions >= 0"),
    check("age_sessions_not_negative", "age_sessions >= 0"),
    check("price_factor_positive", "price_factor > 0"),
    check("quoted_in_by_factor", "(quoted_in = currency) = (price_factor = 1)"),
    check("derived_from_another", "derived_from < id"),
)


record_table(
    [SecondOpinionRecord],
    of_decision(),
    UniqueConstraint("decision_id"),
    Index(None, "execution_id", "id"),
    *names_blobs("raw_digest"),
    one_of("adjustment", Adjustment),
    check(
        "payload_whole",
        "num_nulls(raw_digest, adjustment, quoted_in, fetched_at, from_cache) IN (0, 5)",
    ),
    check("compared_of_payload", "verdict = 'absent' OR raw_digest IS NOT NULL"),
    check(
        "closes_unless_absent",
        "num_nulls(first_on, last_on, compared, differing, max_difference_on, missing_here,"
        " missing_there) = CASE WHEN verdict = 'absent' THEN 7 ELSE 0 END",
    ),
    check("difference_of_closes", "max_difference_pct IS NULL OR verdict <> 'absent'"),
    check("problem_unless_agrees", "(verdict = 'agrees') = (problem IS NULL)"),
    check("verdict_of_differing", "verdict = 'absent' OR (verdict = 'differs') = (differing > 0)"),
    # From a close of 0 there is no percentage, and another one differs in any case.
    check(
        "verdict_of_limit",
        "verdict = 'absent' OR"
        " (differing > 0) = (coalesce(max_difference_pct, limit_pct + 1) > limit_pct)",
    ),
    check("days_in_order", "first_on <= last_on"),
    check("worst_between", "max_difference_on BETWEEN first_on AND last_on"),
    check("differing_of_compared", "compared >= 1 AND differing BETWEEN 0 AND compared"),
    check("max_difference_not_negative", "max_difference_pct >= 0"),
    check("limit_positive", "limit_pct > 0"),
    check(
        "missing_listed",
        "jsonb_typeof(missing_here) = 'array' AND jsonb_typeof(missing_there) = 'array'",
    ),
)


record_table(
    [ChartRecord, PostedChartRecord],
    *provenance(),
    cached("status", Text(), server_default="active"),
    of_decision(),
    refers("market_snapshots", "snapshot_id, decision_id", to="id, decision_id"),
    # A repeated step draws nothing new, whatever its bytes.
    Index(
        "uq_charts_drawn",
        "decision_id",
        "timeframe",
        "chart_style",
        unique=True,
        postgresql_where=text("origin = 'drawn'"),
    ),
    *external_id("charts"),
    UniqueConstraint("id", "execution_id"),
    Index(None, "decision_id"),
    Index(None, "execution_id", "id"),
    Index(None, "snapshot_id"),
    Index("ix_charts_symbol_timeframe_id", "symbol", "timeframe", text("id DESC")),
    Index("ix_charts_symbol_id", "symbol", text("id DESC")),
    Index("ix_charts_timeframe_id", "timeframe", text("id DESC")),
    Index("ix_charts_status_id", "status", text("id DESC")),
    Index(None, "generated_at"),
    Index("ix_charts_active", "generated_at", postgresql_where=text("status = 'active'")),
    *names_blobs("jpeg_digest", "html_digest", "spec_digest"),
    timeframe_form(),
    one_of("origin", ["drawn", "posted"]),
    one_of("status", CHART_STATUSES),
    check("chart_type_of_timeframe", f"chart_type = {_TYPE_OF_TIMEFRAME}"),
    check("type_of_timeframe", "(chart_type IS NULL) = (timeframe IS NULL)"),
    check("drawn_facts", f"origin <> 'drawn' OR num_nulls({_DRAWN_FACTS}) = 0"),
    check("drawn_as_jpeg", "origin <> 'drawn' OR image_media_type = 'image/jpeg'"),
    check("posted_from_outside", f"origin <> 'posted' OR {FROM_OUTSIDE}"),
    check("image", "image_media_type LIKE 'image/%'"),
    check("html", "(chart_url_html IS NULL) = (html_digest IS NULL)"),
    check("bucket", "(minio_bucket IS NOT NULL) = (chart_url_jpeg LIKE 's3://%')"),
    check("data_points_positive", "data_points >= 1"),
    check("dates_in_order", "start_date <= end_date"),
    check("volume_avg_not_negative", "volume_avg >= 0"),
    check("conid_positive", "conid > 0"),
    check("escaped_letters", "escaped_letters <> ''"),
)


record_table(
    [ChartArchivalRecord],
    refers("charts", "chart_id"),
    Index(None, "chart_id", "id"),
    one_of("from_status", CHART_STATUSES),
    one_of("to_status", CHART_STATUSES),
)


record_table(
    [AnalysisRecord, ExternalAnalysisRecord],
    *provenance(),
    of_decision(),
    refers("charts", "chart_id"),
    refers("workflow_executions", "execution_id, strategy_id", to="id, strategy_id"),
    refers("prompt_templates", "prompt_template_id"),
    UniqueConstraint("decision_id", "question", "analyst", "sample_no"),
    UniqueConstraint("id", "decision_id"),
    UniqueConstraint("id", "execution_id"),
    *external_id("llm_analyses"),
    Index(None, "execution_id", "id"),
    Index(None, "chart_id"),
    Index(None, "strategy_id"),
    Index(None, "prompt_template_id"),
    Index("ix_llm_analyses_symbol_timeframe_id", "symbol", "timeframe", text("id DESC")),
    Index("ix_llm_analyses_symbol_id", "symbol", text("id DESC")),
    Index("ix_llm_analyses_timeframe_id", "timeframe", text("id DESC")),
    Index("ix_llm_analyses_analyst_id", "analyst", text("id DESC")),
    Index("ix_llm_analyses_role_id", "role", text("id DESC")),
    Index("ix_llm_analyses_status_id", "status", text("id DESC")),
    Index(None, "analyzed_at"),
    Index("ix_llm_analyses_model", "provider", "model_name", "id"),
    timeframe_form(),
    one_of("kind", ["chart", "consolidated", "other"]),
    one_of("trend_direction", TRENDS),
    check(
        "complete_unless_from_outside",
        f"num_nulls(strategy_id, symbol, provider, model_name, requested_at) = 0 OR {FROM_OUTSIDE}",
    ),
    check("agent_from_outside", f"num_nonnulls(agent, round, cached) = 0 OR {FROM_OUTSIDE}"),
    check("round_positive", "round >= 1"),
    check("chart_of_kind", "kind = 'other' OR (kind = 'chart') = (chart_id IS NOT NULL)"),
    check("timeframe_of_kind", "kind = 'other' OR timeframe IS NOT NULL"),
    # An analyst that is code reads no prompt, and one over a wire may have none of ours.
    check("prompt", "prompt_template_id IS NULL OR prompt_text IS NOT NULL"),
    check(
        "reply_when_completed",
        "status <> 'completed' OR response_text IS NOT NULL"
        f" OR response_json IS NOT NULL AND {FROM_OUTSIDE}",
    ),
    check("error_unless_completed", "(status = 'completed') = (error_message IS NULL)"),
    check("kind_of_error", "error_kind IS NULL OR error_message IS NOT NULL"),
    check("sample_no_positive", "sample_no >= 1"),
    check("confidence_score_range", "confidence_score BETWEEN 0 AND 1"),
    check("tokens_used_not_negative", "tokens_used >= 0"),
    check("cost_usd_not_negative", "cost_usd >= 0"),
    check("latency_ms_not_negative", "latency_ms >= 0"),
)


record_table(
    [AnalysisChartRecord],
    of_decision(),
    refers("llm_analyses", "analysis_id, decision_id", to="id, decision_id"),
    refers("charts", "chart_id"),
    UniqueConstraint("analysis_id", "chart_id"),
    Index(None, "decision_id"),
    Index(None, "execution_id"),
    Index(None, "chart_id"),
    *names_blobs("image_digest"),
)


record_table(
    [AttemptRecord, ExternalAttemptRecord],
    *external_id("llm_attempts", is_derived=False),
    check(
        "complete_unless_from_outside",
        "external_id IS NOT NULL OR num_nulls(provider, model_name, request_digest) = 0",
    ),
    refers("decisions", "decision_id"),
    UniqueConstraint("decision_id", "question", "analyst", "sample_no", "attempt_no"),
    UniqueConstraint("id", "decision_id"),
    *names_blobs("request_digest"),
    check("sample_no_positive", "sample_no >= 1"),
    check("attempt_no_positive", "attempt_no >= 1"),
    check("turn_no_in_order", "turn_no BETWEEN 1 AND attempt_no"),
    check("reason_of_turn", "(turn_no IS NULL) = (reason IS NULL)"),
    check("first_is_first", "(reason = 'first') = (attempt_no = 1)"),
    check("on_a_wire", "analyst NOT LIKE 'builtin:%'"),
)


record_table(
    [ReplyRecord],
    refers("llm_attempts", "attempt_id, decision_id", to="id, decision_id"),
    UniqueConstraint("attempt_id"),
    Index(None, "decision_id"),
    *names_blobs("response_digest"),
    # Bytes, or the reason why there are none.
    check("bytes_or_error", "response_digest IS NOT NULL OR error_kind IS NOT NULL"),
    check("partial_says_why", "NOT is_partial OR error_kind IS NOT NULL"),
    check("http_status_range", "http_status BETWEEN 100 AND 599"),
    check("cost_usd_not_negative", "cost_usd >= 0"),
)
