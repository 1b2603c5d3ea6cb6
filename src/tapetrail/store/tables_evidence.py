"""What a decision saw, asked and heard: bars, charts, analyses, and every call to a model."""

from datetime import date, datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped

from tapetrail.core.market.instruments import Adjustment, SessionHours
from tapetrail.core.records import AnalysisStatus, Provenance, Role
from tapetrail.store.tables_base import (
    FROM_OUTSIDE,
    ActiveText,
    DerivedText,
    DigestText,
    JsonArray,
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

CHART_STATUSES: Final = ("active", "archived")
TRENDS: Final = ("bullish", "bearish", "neutral")

# 'mo' is tested before 'm' could be: the expressions are tried in order.
_TYPE_OF_TIMEFRAME: Final = (
    "CASE WHEN timeframe LIKE '%mo' THEN 'monthly' WHEN timeframe LIKE '%w' THEN 'weekly'"
    " WHEN timeframe LIKE '%d' THEN 'daily' ELSE 'intraday' END"
)
_DRAWN_FACTS: Final = (
    "snapshot_id, chart_style, spec_digest, indicators_applied, missing_indicators, data_points,"
    " start_date, end_date, price_current, renderer"
)


class SnapshotRow(RecordRow):
    """The exact bars one chart was made from, warm-up included."""

    __tablename__ = "market_snapshots"
    __table_args__ = record_args(
        of_decision(),
        refers("instruments", "instrument_id"),
        refers("market_snapshots", "derived_from, decision_id", to="id, decision_id"),
        UniqueConstraint("decision_id", "timeframe"),
        UniqueConstraint("id", "decision_id"),
        Index(None, "execution_id", "id"),
        Index(None, "instrument_id"),
        Index(None, "derived_from", postgresql_where=text("derived_from IS NOT NULL")),
        *names_blobs("bars_digest", "raw_digest"),
        timeframe_form(),
        one_of("adjustment", Adjustment),
        one_of("session", SessionHours),
        check("sessions_in_order", "session_first <= session_last"),
        check("bar_count_positive", "bar_count >= 1"),
        check("dropped_rows_not_negative", "dropped_rows >= 0"),
        check("price_factor_positive", "price_factor > 0"),
        check("derived_from_another", "derived_from < id"),
        digests=["bars_digest", "raw_digest"],
    )

    execution_id: Mapped[int]
    decision_id: Mapped[int]
    instrument_id: Mapped[int]
    source: Mapped[str]
    timeframe: Mapped[str]
    adjustment: Mapped[str]
    session: Mapped[str]
    session_first: Mapped[date]
    session_last: Mapped[date]
    bar_count: Mapped[int]
    bars_digest: Mapped[DigestText]
    raw_digest: Mapped[DigestText]
    derived_from: Mapped[int | None]
    calendar: Mapped[str]
    currency: Mapped[str]
    volume_unit: Mapped[str]
    price_factor: Mapped[Decimal]
    dropped_rows: Mapped[int]
    gaps: Mapped[JsonArray]
    last_bar_complete: Mapped[bool]
    adjusted_with_hindsight: Mapped[bool]
    from_cache: Mapped[bool]
    fetched_at: Mapped[datetime]
    available_at: Mapped[datetime]


class ChartRow(RecordRow):
    """One chart: drawn by us from a snapshot, or posted with nothing but its bytes."""

    __tablename__ = "charts"
    __table_args__ = record_args(
        of_decision(),
        refers("market_snapshots", "snapshot_id, decision_id", to="id, decision_id"),
        # A repeated step draws nothing new, whatever its bytes; two posted images are two charts.
        Index(
            "uq_charts_drawn",
            "decision_id",
            "timeframe",
            "chart_style",
            unique=True,
            postgresql_where=text("origin = 'drawn'"),
        ),
        Index(
            "uq_charts_posted",
            "decision_id",
            "timeframe",
            "jpeg_digest",
            unique=True,
            postgresql_where=text("origin = 'posted'"),
        ),
        Index(None, "decision_id"),
        Index(None, "execution_id", "id"),
        Index(None, "snapshot_id"),
        Index("ix_charts_symbol_timeframe_id", "symbol", "timeframe", text("id DESC")),
        Index("ix_charts_symbol_id", "symbol", text("id DESC")),
        Index("ix_charts_active", "generated_at", postgresql_where=text("status = 'active'")),
        *names_blobs("jpeg_digest", "html_digest", "spec_digest"),
        timeframe_form(),
        one_of("provenance", Provenance),
        one_of("origin", ["drawn", "posted"]),
        one_of("status", CHART_STATUSES),
        check("chart_type_of_timeframe", f"chart_type = {_TYPE_OF_TIMEFRAME}"),
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
        digests=["jpeg_digest", "html_digest", "spec_digest"],
    )

    execution_id: Mapped[int]
    decision_id: Mapped[int]
    snapshot_id: Mapped[int | None]
    symbol: Mapped[str]
    conid: Mapped[int | None]
    timeframe: Mapped[str]
    chart_type: Mapped[str]
    chart_style: Mapped[str | None]
    origin: Mapped[str]
    chart_url_jpeg: Mapped[str]
    chart_url_html: Mapped[str | None]
    image_media_type: Mapped[str]
    minio_bucket: Mapped[str | None]
    minio_object_key: Mapped[str]
    jpeg_digest: Mapped[DigestText]
    html_digest: Mapped[DigestText | None]
    spec_digest: Mapped[DigestText | None]
    indicators_applied: Mapped[JsonObject | None]
    missing_indicators: Mapped[JsonArray | None]
    data_points: Mapped[int | None]
    start_date: Mapped[date | None]
    end_date: Mapped[date | None]
    price_current: Mapped[Decimal | None]
    # One bar has no change; bars without volume have no average.
    price_change_pct: Mapped[Decimal | None]
    volume_avg: Mapped[Decimal | None]
    renderer: Mapped[str | None]
    generated_at: Mapped[datetime]
    provenance: Mapped[DerivedText]
    status: Mapped[ActiveText]


class ChartArchivalRow(RecordRow):
    """A chart set aside, or taken back; its bytes stay where they are."""

    __tablename__ = "chart_archivals"
    __table_args__ = record_args(
        refers("charts", "chart_id"),
        Index(None, "chart_id", "id"),
        one_of("from_status", CHART_STATUSES),
        one_of("to_status", CHART_STATUSES),
    )

    chart_id: Mapped[int]
    at: Mapped[datetime]
    from_status: Mapped[str]
    to_status: Mapped[str]
    actor: Mapped[str]
    reason: Mapped[str]


class AnalysisRow(RecordRow):
    """One question to one analyst and what came of it, failures too.

    A replay's analyses point at the charts of the decision they replay, so `chart_id` alone is
    no composite key; a trigger keeps it within the decision or those it replays.
    """

    __tablename__ = "llm_analyses"
    __table_args__ = record_args(
        of_decision(),
        refers("charts", "chart_id"),
        refers("workflow_executions", "execution_id, strategy_id", to="id, strategy_id"),
        refers("prompt_templates", "prompt_template_id"),
        UniqueConstraint("decision_id", "question", "analyst", "sample_no"),
        UniqueConstraint("id", "decision_id"),
        Index(None, "execution_id", "id"),
        Index(None, "chart_id"),
        Index(None, "strategy_id"),
        Index(None, "prompt_template_id"),
        Index("ix_llm_analyses_symbol_timeframe_id", "symbol", "timeframe", text("id DESC")),
        Index("ix_llm_analyses_symbol_id", "symbol", text("id DESC")),
        timeframe_form(),
        one_of("provenance", Provenance),
        one_of("kind", ["chart", "consolidated", "other"]),
        one_of("role", Role),
        one_of("status", AnalysisStatus),
        one_of("trend_direction", TRENDS),
        check("strategy", f"strategy_id IS NOT NULL OR {FROM_OUTSIDE}"),
        check("chart_of_kind", "kind = 'other' OR (kind = 'chart') = (chart_id IS NOT NULL)"),
        check("timeframe_of_kind", "kind = 'other' OR timeframe IS NOT NULL"),
        # A built-in analyst is code: it reads no prompt.
        check(
            "prompt",
            "num_nulls(prompt_text, prompt_template_id) = 0"
            f" OR analyst LIKE 'builtin:%' OR {FROM_OUTSIDE}",
        ),
        check("reply_when_completed", "status <> 'completed' OR response_text IS NOT NULL"),
        check("error_unless_completed", "(status = 'completed') = (error_message IS NULL)"),
        check("sample_no_positive", "sample_no >= 1"),
        check("confidence_score_range", "confidence_score BETWEEN 0 AND 1"),
        check("tokens_used_not_negative", "tokens_used >= 0"),
        check("cost_usd_not_negative", "cost_usd >= 0"),
        check("latency_ms_not_negative", "latency_ms >= 0"),
    )

    execution_id: Mapped[int]
    decision_id: Mapped[int]
    chart_id: Mapped[int | None]
    strategy_id: Mapped[int | None]
    symbol: Mapped[str]
    timeframe: Mapped[str | None]
    kind: Mapped[str]
    question: Mapped[str]
    analyst: Mapped[str]
    role: Mapped[str]
    sample_no: Mapped[int]
    prompt_text: Mapped[str | None]
    prompt_template_id: Mapped[int | None]
    response_text: Mapped[str | None]
    response_json: Mapped[JsonObject | None]
    provider: Mapped[str]
    model_name: Mapped[str]
    model_reported: Mapped[str | None]
    params: Mapped[JsonObject]
    indicators_metadata: Mapped[JsonObject | None]
    confidence_score: Mapped[Decimal | None]
    trend_direction: Mapped[str | None]
    support_levels: Mapped[JsonArray | None]
    resistance_levels: Mapped[JsonArray | None]
    key_patterns: Mapped[JsonArray | None]
    grounding: Mapped[JsonObject | None]
    tokens_used: Mapped[int | None]
    usage: Mapped[JsonObject | None]
    # Null is a cost nobody knows, which zero is not.
    cost_usd: Mapped[Decimal | None]
    unit_prices: Mapped[JsonObject | None]
    latency_ms: Mapped[int | None]
    finish_reason: Mapped[str | None]
    status: Mapped[str]
    error_message: Mapped[str | None]
    requested_at: Mapped[datetime]
    analyzed_at: Mapped[datetime]
    provenance: Mapped[DerivedText]


class AnalysisChartRow(RecordRow):
    """A chart that an analysis read, and the image it was shown."""

    __tablename__ = "analysis_charts"
    __table_args__ = record_args(
        of_decision(),
        refers("llm_analyses", "analysis_id, decision_id", to="id, decision_id"),
        refers("charts", "chart_id"),
        UniqueConstraint("analysis_id", "chart_id"),
        Index(None, "decision_id"),
        Index(None, "execution_id"),
        Index(None, "chart_id"),
        *names_blobs("image_digest"),
        digests=["image_digest"],
    )

    execution_id: Mapped[int]
    decision_id: Mapped[int]
    analysis_id: Mapped[int]
    chart_id: Mapped[int]
    image_digest: Mapped[DigestText]


class AttemptRow(RecordRow):
    """One call about to be made, committed before it is sent."""

    __tablename__ = "llm_attempts"
    __table_args__ = record_args(
        refers("decisions", "decision_id"),
        UniqueConstraint("decision_id", "question", "analyst", "sample_no", "attempt_no"),
        UniqueConstraint("id", "decision_id"),
        *names_blobs("request_digest"),
        check("sample_no_positive", "sample_no >= 1"),
        check("attempt_no_positive", "attempt_no >= 1"),
        check("on_a_wire", "analyst NOT LIKE 'builtin:%'"),
        digests=["request_digest"],
    )

    decision_id: Mapped[int]
    question: Mapped[str]
    analyst: Mapped[str]
    sample_no: Mapped[int]
    attempt_no: Mapped[int]
    provider: Mapped[str]
    model_name: Mapped[str]
    request_digest: Mapped[DigestText]
    sent_at: Mapped[datetime]


class ReplyRow(RecordRow):
    """What came back for an attempt, committed before it is parsed."""

    __tablename__ = "llm_replies"
    __table_args__ = record_args(
        refers("llm_attempts", "attempt_id, decision_id", to="id, decision_id"),
        UniqueConstraint("attempt_id"),
        Index(None, "decision_id"),
        *names_blobs("response_digest"),
        # Bytes, or the reason why there are none.
        check("bytes_or_error", "response_digest IS NOT NULL OR error_kind IS NOT NULL"),
        check("error_kind_form", "error_kind ~ '^[a-z][a-z0-9_]*$'"),
        check("http_status_range", "http_status BETWEEN 100 AND 599"),
        check("cost_usd_not_negative", "cost_usd >= 0"),
        digests=["response_digest"],
    )

    attempt_id: Mapped[int]
    decision_id: Mapped[int]
    response_digest: Mapped[DigestText | None]
    http_status: Mapped[int | None]
    provider_request_id: Mapped[str | None]
    error_kind: Mapped[str | None]
    usage: Mapped[JsonObject | None]
    cost_usd: Mapped[Decimal | None]
    received_at: Mapped[datetime]
