"""The tables of evidence: the bars, charts, questions, calls and replies of a decision.

Each row belongs to one decision of one execution by a composite key, so that none can be part of
two runs. A step that is repeated meets a unique key instead of adding a second row.
"""

from typing import Final

from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"

TABLES: Final = (
    # market_snapshots
    """
CREATE TABLE tapetrail.market_snapshots (
    id bigint GENERATED ALWAYS AS IDENTITY,
    execution_id bigint NOT NULL,
    decision_id bigint NOT NULL,
    instrument_id bigint NOT NULL,
    source text NOT NULL,
    timeframe text NOT NULL,
    adjustment text NOT NULL,
    session text NOT NULL,
    session_first date NOT NULL,
    session_last date NOT NULL,
    bar_count bigint NOT NULL,
    bars_digest text COLLATE "C" NOT NULL,
    raw_digest text COLLATE "C" NOT NULL,
    derived_from bigint,
    calendar text NOT NULL,
    currency text NOT NULL,
    volume_unit text NOT NULL,
    price_factor numeric NOT NULL,
    dropped_rows bigint NOT NULL,
    gaps jsonb NOT NULL,
    last_bar_complete boolean NOT NULL,
    adjusted_with_hindsight boolean NOT NULL,
    from_cache boolean NOT NULL,
    fetched_at timestamptz NOT NULL,
    available_at timestamptz NOT NULL,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_market_snapshots PRIMARY KEY (id),
    CONSTRAINT fk_market_snapshots_decision_id_execution_id
        FOREIGN KEY (decision_id, execution_id)
        REFERENCES tapetrail.decisions (id, execution_id),
    CONSTRAINT fk_market_snapshots_instrument_id
        FOREIGN KEY (instrument_id) REFERENCES tapetrail.instruments (id),
    CONSTRAINT fk_market_snapshots_derived_from_decision_id
        FOREIGN KEY (derived_from, decision_id)
        REFERENCES tapetrail.market_snapshots (id, decision_id),
    CONSTRAINT uq_market_snapshots_decision_id_timeframe UNIQUE (decision_id, timeframe),
    CONSTRAINT uq_market_snapshots_id_decision_id UNIQUE (id, decision_id),
    CONSTRAINT fk_market_snapshots_bars_digest
        FOREIGN KEY (bars_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT fk_market_snapshots_raw_digest
        FOREIGN KEY (raw_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT ck_market_snapshots_timeframe_form
        CHECK (timeframe ~ '^[1-9][0-9]*(m|h|d|w|mo)$'),
    CONSTRAINT ck_market_snapshots_adjustment_known
        CHECK (adjustment IN ('raw', 'split', 'split+dividend')),
    CONSTRAINT ck_market_snapshots_session_known CHECK (session IN ('rth', 'all')),
    CONSTRAINT ck_market_snapshots_sessions_in_order CHECK (session_first <= session_last),
    CONSTRAINT ck_market_snapshots_bar_count_positive CHECK (bar_count >= 1),
    CONSTRAINT ck_market_snapshots_dropped_rows_not_negative CHECK (dropped_rows >= 0),
    CONSTRAINT ck_market_snapshots_price_factor_positive CHECK (price_factor > 0),
    CONSTRAINT ck_market_snapshots_derived_from_another CHECK (derived_from < id),
    CONSTRAINT ck_market_snapshots_record_digest_form
        CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_market_snapshots_bars_digest_form
        CHECK (bars_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_market_snapshots_raw_digest_form CHECK (raw_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    """
CREATE INDEX ix_market_snapshots_bars_digest
    ON tapetrail.market_snapshots USING hash (bars_digest)
""",
    """
CREATE INDEX ix_market_snapshots_derived_from
    ON tapetrail.market_snapshots (derived_from)
    WHERE derived_from IS NOT NULL
""",
    """
CREATE INDEX ix_market_snapshots_execution_id_id
    ON tapetrail.market_snapshots (execution_id, id)
""",
    "CREATE INDEX ix_market_snapshots_instrument_id ON tapetrail.market_snapshots (instrument_id)",
    """
CREATE INDEX ix_market_snapshots_raw_digest
    ON tapetrail.market_snapshots USING hash (raw_digest)
""",
    # charts
    """
CREATE TABLE tapetrail.charts (
    id bigint GENERATED ALWAYS AS IDENTITY,
    execution_id bigint NOT NULL,
    decision_id bigint NOT NULL,
    snapshot_id bigint,
    symbol text NOT NULL,
    conid bigint,
    timeframe text NOT NULL,
    chart_type text NOT NULL,
    chart_style text,
    origin text NOT NULL,
    chart_url_jpeg text NOT NULL,
    chart_url_html text,
    image_media_type text NOT NULL,
    minio_bucket text,
    minio_object_key text NOT NULL,
    jpeg_digest text COLLATE "C" NOT NULL,
    html_digest text COLLATE "C",
    spec_digest text COLLATE "C",
    indicators_applied jsonb,
    missing_indicators jsonb,
    data_points bigint,
    start_date date,
    end_date date,
    price_current numeric,
    price_change_pct numeric,
    volume_avg numeric,
    renderer text,
    generated_at timestamptz NOT NULL,
    provenance text NOT NULL,
    status text DEFAULT 'active' NOT NULL,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_charts PRIMARY KEY (id),
    CONSTRAINT fk_charts_decision_id_execution_id
        FOREIGN KEY (decision_id, execution_id)
        REFERENCES tapetrail.decisions (id, execution_id),
    CONSTRAINT fk_charts_snapshot_id_decision_id
        FOREIGN KEY (snapshot_id, decision_id)
        REFERENCES tapetrail.market_snapshots (id, decision_id),
    CONSTRAINT fk_charts_jpeg_digest
        FOREIGN KEY (jpeg_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT fk_charts_html_digest
        FOREIGN KEY (html_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT fk_charts_spec_digest
        FOREIGN KEY (spec_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT ck_charts_timeframe_form CHECK (timeframe ~ '^[1-9][0-9]*(m|h|d|w|mo)$'),
    CONSTRAINT ck_charts_provenance_known
        CHECK (provenance IN ('live', 'backfill', 'demo', 'replay', 'external', 'legacy')),
    CONSTRAINT ck_charts_origin_known CHECK (origin IN ('drawn', 'posted')),
    CONSTRAINT ck_charts_status_known CHECK (status IN ('active', 'archived')),
    CONSTRAINT ck_charts_chart_type_of_timeframe CHECK (
        chart_type =
        CASE
        WHEN timeframe LIKE '%mo' THEN 'monthly'
        WHEN timeframe LIKE '%w' THEN 'weekly'
        WHEN timeframe LIKE '%d' THEN 'daily'
        ELSE 'intraday'
        END
    ),
    CONSTRAINT ck_charts_drawn_facts CHECK (
        origin <> 'drawn'
        OR num_nulls(snapshot_id, chart_style, spec_digest, indicators_applied,
        missing_indicators, data_points, start_date, end_date, price_current, renderer) = 0
    ),
    CONSTRAINT ck_charts_drawn_as_jpeg
        CHECK (origin <> 'drawn' OR image_media_type = 'image/jpeg'),
    CONSTRAINT ck_charts_posted_from_outside
        CHECK (origin <> 'posted' OR provenance IN ('external', 'legacy')),
    CONSTRAINT ck_charts_image CHECK (image_media_type LIKE 'image/%'),
    CONSTRAINT ck_charts_html CHECK ((chart_url_html IS NULL) = (html_digest IS NULL)),
    CONSTRAINT ck_charts_bucket
        CHECK ((minio_bucket IS NOT NULL) = (chart_url_jpeg LIKE 's3://%')),
    CONSTRAINT ck_charts_data_points_positive CHECK (data_points >= 1),
    CONSTRAINT ck_charts_dates_in_order CHECK (start_date <= end_date),
    CONSTRAINT ck_charts_volume_avg_not_negative CHECK (volume_avg >= 0),
    CONSTRAINT ck_charts_conid_positive CHECK (conid > 0),
    CONSTRAINT ck_charts_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_charts_jpeg_digest_form CHECK (jpeg_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_charts_html_digest_form CHECK (html_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_charts_spec_digest_form CHECK (spec_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    """
CREATE UNIQUE INDEX uq_charts_drawn
    ON tapetrail.charts (decision_id, timeframe, chart_style)
    WHERE origin = 'drawn'
""",
    """
CREATE UNIQUE INDEX uq_charts_posted
    ON tapetrail.charts (decision_id, timeframe, jpeg_digest)
    WHERE origin = 'posted'
""",
    "CREATE INDEX ix_charts_active ON tapetrail.charts (generated_at) WHERE status = 'active'",
    "CREATE INDEX ix_charts_decision_id ON tapetrail.charts (decision_id)",
    "CREATE INDEX ix_charts_execution_id_id ON tapetrail.charts (execution_id, id)",
    "CREATE INDEX ix_charts_html_digest ON tapetrail.charts USING hash (html_digest)",
    "CREATE INDEX ix_charts_jpeg_digest ON tapetrail.charts USING hash (jpeg_digest)",
    "CREATE INDEX ix_charts_snapshot_id ON tapetrail.charts (snapshot_id)",
    "CREATE INDEX ix_charts_spec_digest ON tapetrail.charts USING hash (spec_digest)",
    "CREATE INDEX ix_charts_symbol_id ON tapetrail.charts (symbol, id DESC)",
    "CREATE INDEX ix_charts_symbol_timeframe_id ON tapetrail.charts (symbol, timeframe, id DESC)",
    # chart_archivals
    """
CREATE TABLE tapetrail.chart_archivals (
    id bigint GENERATED ALWAYS AS IDENTITY,
    chart_id bigint NOT NULL,
    at timestamptz NOT NULL,
    from_status text NOT NULL,
    to_status text NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_chart_archivals PRIMARY KEY (id),
    CONSTRAINT fk_chart_archivals_chart_id
        FOREIGN KEY (chart_id) REFERENCES tapetrail.charts (id),
    CONSTRAINT ck_chart_archivals_from_status_known
        CHECK (from_status IN ('active', 'archived')),
    CONSTRAINT ck_chart_archivals_to_status_known CHECK (to_status IN ('active', 'archived')),
    CONSTRAINT ck_chart_archivals_record_digest_form
        CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    "CREATE INDEX ix_chart_archivals_chart_id_id ON tapetrail.chart_archivals (chart_id, id)",
    # llm_analyses
    """
CREATE TABLE tapetrail.llm_analyses (
    id bigint GENERATED ALWAYS AS IDENTITY,
    execution_id bigint NOT NULL,
    decision_id bigint NOT NULL,
    chart_id bigint,
    strategy_id bigint,
    symbol text NOT NULL,
    timeframe text,
    kind text NOT NULL,
    question text NOT NULL,
    analyst text NOT NULL,
    role text NOT NULL,
    sample_no bigint NOT NULL,
    prompt_text text,
    prompt_template_id bigint,
    response_text text,
    response_json jsonb,
    provider text NOT NULL,
    model_name text NOT NULL,
    model_reported text,
    params jsonb NOT NULL,
    indicators_metadata jsonb,
    confidence_score numeric,
    trend_direction text,
    support_levels jsonb,
    resistance_levels jsonb,
    key_patterns jsonb,
    grounding jsonb,
    tokens_used bigint,
    usage jsonb,
    cost_usd numeric,
    unit_prices jsonb,
    latency_ms bigint,
    finish_reason text,
    status text NOT NULL,
    error_message text,
    requested_at timestamptz NOT NULL,
    analyzed_at timestamptz NOT NULL,
    provenance text NOT NULL,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_llm_analyses PRIMARY KEY (id),
    CONSTRAINT fk_llm_analyses_decision_id_execution_id
        FOREIGN KEY (decision_id, execution_id)
        REFERENCES tapetrail.decisions (id, execution_id),
    CONSTRAINT fk_llm_analyses_chart_id FOREIGN KEY (chart_id) REFERENCES tapetrail.charts (id),
    CONSTRAINT fk_llm_analyses_execution_id_strategy_id
        FOREIGN KEY (execution_id, strategy_id)
        REFERENCES tapetrail.workflow_executions (id, strategy_id),
    CONSTRAINT fk_llm_analyses_prompt_template_id
        FOREIGN KEY (prompt_template_id) REFERENCES tapetrail.prompt_templates (id),
    CONSTRAINT uq_llm_analyses_decision_id_question_analyst_sample_no
        UNIQUE (decision_id, question, analyst, sample_no),
    CONSTRAINT uq_llm_analyses_id_decision_id UNIQUE (id, decision_id),
    CONSTRAINT ck_llm_analyses_timeframe_form CHECK (timeframe ~ '^[1-9][0-9]*(m|h|d|w|mo)$'),
    CONSTRAINT ck_llm_analyses_provenance_known
        CHECK (provenance IN ('live', 'backfill', 'demo', 'replay', 'external', 'legacy')),
    CONSTRAINT ck_llm_analyses_kind_known CHECK (kind IN ('chart', 'consolidated', 'other')),
    CONSTRAINT ck_llm_analyses_role_known CHECK (role IN ('deciding', 'shadow')),
    CONSTRAINT ck_llm_analyses_status_known
        CHECK (status IN ('completed', 'failed', 'refused', 'unparseable', 'budget_exceeded')),
    CONSTRAINT ck_llm_analyses_trend_direction_known
        CHECK (trend_direction IN ('bullish', 'bearish', 'neutral')),
    CONSTRAINT ck_llm_analyses_strategy
        CHECK (strategy_id IS NOT NULL OR provenance IN ('external', 'legacy')),
    CONSTRAINT ck_llm_analyses_chart_of_kind
        CHECK (kind = 'other' OR (kind = 'chart') = (chart_id IS NOT NULL)),
    CONSTRAINT ck_llm_analyses_timeframe_of_kind
        CHECK (kind = 'other' OR timeframe IS NOT NULL),
    CONSTRAINT ck_llm_analyses_prompt CHECK (
        num_nulls(prompt_text, prompt_template_id) = 0 OR analyst LIKE 'builtin:%'
        OR provenance IN ('external', 'legacy')
    ),
    CONSTRAINT ck_llm_analyses_reply_when_completed
        CHECK (status <> 'completed' OR response_text IS NOT NULL),
    CONSTRAINT ck_llm_analyses_error_unless_completed
        CHECK ((status = 'completed') = (error_message IS NULL)),
    CONSTRAINT ck_llm_analyses_sample_no_positive CHECK (sample_no >= 1),
    CONSTRAINT ck_llm_analyses_confidence_score_range CHECK (confidence_score BETWEEN 0 AND 1),
    CONSTRAINT ck_llm_analyses_tokens_used_not_negative CHECK (tokens_used >= 0),
    CONSTRAINT ck_llm_analyses_cost_usd_not_negative CHECK (cost_usd >= 0),
    CONSTRAINT ck_llm_analyses_latency_ms_not_negative CHECK (latency_ms >= 0),
    CONSTRAINT ck_llm_analyses_record_digest_form
        CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    "CREATE INDEX ix_llm_analyses_chart_id ON tapetrail.llm_analyses (chart_id)",
    "CREATE INDEX ix_llm_analyses_execution_id_id ON tapetrail.llm_analyses (execution_id, id)",
    """
CREATE INDEX ix_llm_analyses_prompt_template_id
    ON tapetrail.llm_analyses (prompt_template_id)
""",
    "CREATE INDEX ix_llm_analyses_strategy_id ON tapetrail.llm_analyses (strategy_id)",
    "CREATE INDEX ix_llm_analyses_symbol_id ON tapetrail.llm_analyses (symbol, id DESC)",
    """
CREATE INDEX ix_llm_analyses_symbol_timeframe_id
    ON tapetrail.llm_analyses (symbol, timeframe, id DESC)
""",
    # analysis_charts
    """
CREATE TABLE tapetrail.analysis_charts (
    id bigint GENERATED ALWAYS AS IDENTITY,
    execution_id bigint NOT NULL,
    decision_id bigint NOT NULL,
    analysis_id bigint NOT NULL,
    chart_id bigint NOT NULL,
    image_digest text COLLATE "C" NOT NULL,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_analysis_charts PRIMARY KEY (id),
    CONSTRAINT fk_analysis_charts_decision_id_execution_id
        FOREIGN KEY (decision_id, execution_id)
        REFERENCES tapetrail.decisions (id, execution_id),
    CONSTRAINT fk_analysis_charts_analysis_id_decision_id
        FOREIGN KEY (analysis_id, decision_id)
        REFERENCES tapetrail.llm_analyses (id, decision_id),
    CONSTRAINT fk_analysis_charts_chart_id
        FOREIGN KEY (chart_id) REFERENCES tapetrail.charts (id),
    CONSTRAINT uq_analysis_charts_analysis_id_chart_id UNIQUE (analysis_id, chart_id),
    CONSTRAINT fk_analysis_charts_image_digest
        FOREIGN KEY (image_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT ck_analysis_charts_record_digest_form
        CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_analysis_charts_image_digest_form
        CHECK (image_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    "CREATE INDEX ix_analysis_charts_chart_id ON tapetrail.analysis_charts (chart_id)",
    "CREATE INDEX ix_analysis_charts_decision_id ON tapetrail.analysis_charts (decision_id)",
    "CREATE INDEX ix_analysis_charts_execution_id ON tapetrail.analysis_charts (execution_id)",
    """
CREATE INDEX ix_analysis_charts_image_digest
    ON tapetrail.analysis_charts USING hash (image_digest)
""",
    # llm_attempts
    """
CREATE TABLE tapetrail.llm_attempts (
    id bigint GENERATED ALWAYS AS IDENTITY,
    decision_id bigint NOT NULL,
    question text NOT NULL,
    analyst text NOT NULL,
    sample_no bigint NOT NULL,
    attempt_no bigint NOT NULL,
    provider text NOT NULL,
    model_name text NOT NULL,
    request_digest text COLLATE "C" NOT NULL,
    sent_at timestamptz NOT NULL,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_llm_attempts PRIMARY KEY (id),
    CONSTRAINT fk_llm_attempts_decision_id
        FOREIGN KEY (decision_id) REFERENCES tapetrail.decisions (id),
    CONSTRAINT uq_llm_attempts_decision_id_question_analyst_sample_no__f7f4
        UNIQUE (decision_id, question, analyst, sample_no, attempt_no),
    CONSTRAINT uq_llm_attempts_id_decision_id UNIQUE (id, decision_id),
    CONSTRAINT fk_llm_attempts_request_digest
        FOREIGN KEY (request_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT ck_llm_attempts_sample_no_positive CHECK (sample_no >= 1),
    CONSTRAINT ck_llm_attempts_attempt_no_positive CHECK (attempt_no >= 1),
    CONSTRAINT ck_llm_attempts_on_a_wire CHECK (analyst NOT LIKE 'builtin:%'),
    CONSTRAINT ck_llm_attempts_record_digest_form
        CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_llm_attempts_request_digest_form
        CHECK (request_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    """
CREATE INDEX ix_llm_attempts_request_digest
    ON tapetrail.llm_attempts USING hash (request_digest)
""",
    # llm_replies
    """
CREATE TABLE tapetrail.llm_replies (
    id bigint GENERATED ALWAYS AS IDENTITY,
    attempt_id bigint NOT NULL,
    decision_id bigint NOT NULL,
    response_digest text COLLATE "C",
    http_status bigint,
    provider_request_id text,
    error_kind text,
    usage jsonb,
    cost_usd numeric,
    received_at timestamptz NOT NULL,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_llm_replies PRIMARY KEY (id),
    CONSTRAINT fk_llm_replies_attempt_id_decision_id
        FOREIGN KEY (attempt_id, decision_id)
        REFERENCES tapetrail.llm_attempts (id, decision_id),
    CONSTRAINT uq_llm_replies_attempt_id UNIQUE (attempt_id),
    CONSTRAINT fk_llm_replies_response_digest
        FOREIGN KEY (response_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT ck_llm_replies_bytes_or_error
        CHECK (response_digest IS NOT NULL OR error_kind IS NOT NULL),
    CONSTRAINT ck_llm_replies_error_kind_form CHECK (error_kind ~ '^[a-z][a-z0-9_]*$'),
    CONSTRAINT ck_llm_replies_http_status_range CHECK (http_status BETWEEN 100 AND 599),
    CONSTRAINT ck_llm_replies_cost_usd_not_negative CHECK (cost_usd >= 0),
    CONSTRAINT ck_llm_replies_record_digest_form
        CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_llm_replies_response_digest_form
        CHECK (response_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    "CREATE INDEX ix_llm_replies_decision_id ON tapetrail.llm_replies (decision_id)",
    """
CREATE INDEX ix_llm_replies_response_digest
    ON tapetrail.llm_replies USING hash (response_digest)
""",
)


def upgrade() -> None:
    """Create the tables and their indexes, owned by `tapetrail_owner`."""
    op.execute("SET LOCAL ROLE tapetrail_owner")
    for statement in TABLES:
        op.execute(statement)
