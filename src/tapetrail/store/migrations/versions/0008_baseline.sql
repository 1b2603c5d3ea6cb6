CREATE TABLE tapetrail.audit_events (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_audit_events PRIMARY KEY (id),
    CONSTRAINT ck_audit_events_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_audit_events_at ON tapetrail.audit_events (at);

CREATE INDEX ix_audit_events_target_id ON tapetrail.audit_events (target, id);

CREATE TABLE tapetrail.blobs (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    digest TEXT COLLATE "C" NOT NULL,
    key TEXT NOT NULL,
    size BIGINT NOT NULL,
    media_type TEXT NOT NULL,
    first_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_blobs PRIMARY KEY (id),
    CONSTRAINT uq_blobs_digest UNIQUE (digest),
    CONSTRAINT uq_blobs_key UNIQUE (key),
    CONSTRAINT ck_blobs_digest_form CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_blobs_size_not_negative CHECK (size >= 0)
);

CREATE TABLE tapetrail.instruments (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    symbol TEXT NOT NULL,
    exchange TEXT NOT NULL,
    currency TEXT NOT NULL,
    calendar TEXT NOT NULL,
    asset_class TEXT NOT NULL,
    conid BIGINT,
    tick_size NUMERIC,
    multiplier NUMERIC NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_instruments PRIMARY KEY (id),
    CONSTRAINT uq_instruments_symbol_exchange_currency UNIQUE (symbol, exchange, currency),
    CONSTRAINT uq_instruments_id_symbol UNIQUE (id, symbol),
    CONSTRAINT ck_instruments_conid_positive CHECK (conid > 0),
    CONSTRAINT ck_instruments_tick_size_positive CHECK (tick_size > 0),
    CONSTRAINT ck_instruments_multiplier_positive CHECK (multiplier > 0),
    CONSTRAINT ck_instruments_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_instruments_conid ON tapetrail.instruments (conid);

CREATE TABLE tapetrail.prompt_templates (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    body TEXT NOT NULL,
    body_digest TEXT COLLATE "C" NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_prompt_templates PRIMARY KEY (id),
    CONSTRAINT uq_prompt_templates_name_version UNIQUE (name, version),
    CONSTRAINT ck_prompt_templates_version_positive CHECK (version >= 1),
    CONSTRAINT ck_prompt_templates_body_digest_form CHECK (body_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_prompt_templates_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE TABLE tapetrail.runtimes (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    code_version TEXT NOT NULL,
    lock_digest TEXT COLLATE "C",
    libraries JSONB NOT NULL,
    renderer TEXT NOT NULL,
    python_version TEXT NOT NULL,
    platform TEXT NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_runtimes PRIMARY KEY (id),
    CONSTRAINT uq_runtimes_record_digest UNIQUE (record_digest),
    CONSTRAINT ck_runtimes_lock_digest_form CHECK (lock_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_runtimes_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE TABLE tapetrail.strategies (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    kind TEXT NOT NULL,
    spec JSONB NOT NULL,
    spec_digest TEXT COLLATE "C" NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_strategies PRIMARY KEY (id),
    CONSTRAINT uq_strategies_name_version UNIQUE (name, version),
    CONSTRAINT ck_strategies_version_positive CHECK (version >= 1),
    CONSTRAINT ck_strategies_spec_digest_form CHECK (spec_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_strategies_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE TABLE tapetrail.workflow_executions (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    strategy_id BIGINT,
    runtime_id BIGINT,
    workflow_id TEXT,
    run_type TEXT NOT NULL,
    provenance TEXT NOT NULL,
    as_of TIMESTAMP WITH TIME ZONE NOT NULL,
    debug_mode BOOLEAN NOT NULL,
    actor TEXT NOT NULL,
    config JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    clock_offset_ms NUMERIC,
    clock_source TEXT,
    record_digest TEXT COLLATE "C" NOT NULL,
    status TEXT DEFAULT 'pending' NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    completed_at TIMESTAMP WITH TIME ZONE,
    error TEXT,
    CONSTRAINT pk_workflow_executions PRIMARY KEY (id),
    CONSTRAINT fk_workflow_executions_strategy_id FOREIGN KEY(strategy_id) REFERENCES tapetrail.strategies (id),
    CONSTRAINT fk_workflow_executions_runtime_id FOREIGN KEY(runtime_id) REFERENCES tapetrail.runtimes (id),
    CONSTRAINT uq_workflow_executions_workflow_id UNIQUE (workflow_id),
    CONSTRAINT uq_workflow_executions_id_strategy_id UNIQUE (id, strategy_id),
    CONSTRAINT ck_workflow_executions_status_known CHECK (status IN ('pending', 'running', 'completed', 'completed_with_errors', 'failed', 'cancelled')),
    CONSTRAINT ck_workflow_executions_replay CHECK ((run_type = 'replay') = (provenance = 'replay')),
    CONSTRAINT ck_workflow_executions_external CHECK (provenance <> 'external' OR run_type = 'external'),
    CONSTRAINT ck_workflow_executions_strategy CHECK (strategy_id IS NOT NULL OR provenance IN ('external', 'legacy')),
    CONSTRAINT ck_workflow_executions_runtime CHECK (runtime_id IS NOT NULL OR provenance IN ('external', 'legacy')),
    CONSTRAINT ck_workflow_executions_workflow CHECK (workflow_id IS NOT NULL OR provenance IN ('external', 'legacy')),
    CONSTRAINT ck_workflow_executions_clock CHECK (clock_offset_ms IS NULL OR clock_source IS NOT NULL),
    CONSTRAINT ck_workflow_executions_started CHECK (status <> 'running' OR started_at IS NOT NULL),
    CONSTRAINT ck_workflow_executions_ended CHECK ((status IN ('pending', 'running')) = (completed_at IS NULL)),
    CONSTRAINT ck_workflow_executions_error_when_failed CHECK (status <> 'failed' OR error IS NOT NULL),
    CONSTRAINT ck_workflow_executions_no_error_when_completed CHECK (status <> 'completed' OR error IS NULL),
    CONSTRAINT ck_workflow_executions_run_type_known CHECK (run_type IN ('manual', 'scheduled', 'backfill', 'replay', 'external')),
    CONSTRAINT ck_workflow_executions_provenance_known CHECK (provenance IN ('live', 'backfill', 'demo', 'replay', 'external', 'legacy')),
    CONSTRAINT ck_workflow_executions_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_workflow_executions_open ON tapetrail.workflow_executions (id) WHERE status IN ('pending', 'running');

CREATE INDEX ix_workflow_executions_runtime_id ON tapetrail.workflow_executions (runtime_id);

CREATE INDEX ix_workflow_executions_strategy_id ON tapetrail.workflow_executions (strategy_id);

CREATE TABLE tapetrail.decisions (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    execution_id BIGINT NOT NULL,
    instrument_id BIGINT NOT NULL,
    symbol TEXT NOT NULL,
    conid BIGINT,
    as_of TIMESTAMP WITH TIME ZONE NOT NULL,
    run_no BIGINT NOT NULL,
    replay_of BIGINT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    provenance TEXT NOT NULL,
    status TEXT DEFAULT 'pending' NOT NULL,
    failed_stage TEXT,
    error_kind TEXT,
    error_message TEXT,
    CONSTRAINT pk_decisions PRIMARY KEY (id),
    CONSTRAINT ck_decisions_provenance_known CHECK (provenance IN ('live', 'backfill', 'demo', 'replay', 'external', 'legacy')),
    CONSTRAINT fk_decisions_execution_id FOREIGN KEY(execution_id) REFERENCES tapetrail.workflow_executions (id),
    CONSTRAINT fk_decisions_instrument_id_symbol FOREIGN KEY(instrument_id, symbol) REFERENCES tapetrail.instruments (id, symbol),
    CONSTRAINT fk_decisions_replay_of FOREIGN KEY(replay_of) REFERENCES tapetrail.decisions (id),
    CONSTRAINT uq_decisions_execution_id_instrument_id UNIQUE (execution_id, instrument_id),
    CONSTRAINT uq_decisions_id_execution_id UNIQUE (id, execution_id),
    CONSTRAINT ck_decisions_status_known CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    CONSTRAINT ck_decisions_failed_stage_known CHECK (failed_stage IN ('bars', 'chart', 'analysis', 'signal', 'engine')),
    CONSTRAINT ck_decisions_error_kind_form CHECK (error_kind ~ '^[a-z][a-z0-9_]*$'),
    CONSTRAINT ck_decisions_run_no_positive CHECK (run_no >= 1),
    CONSTRAINT ck_decisions_conid_positive CHECK (conid > 0),
    CONSTRAINT ck_decisions_replay CHECK ((provenance = 'replay') = (replay_of IS NOT NULL)),
    CONSTRAINT ck_decisions_failure CHECK (num_nonnulls(failed_stage, error_kind, error_message) = CASE status WHEN 'failed' THEN 3 ELSE 0 END),
    CONSTRAINT ck_decisions_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_decisions_instrument_id_as_of ON tapetrail.decisions (instrument_id, as_of);

CREATE INDEX ix_decisions_replay_of ON tapetrail.decisions (replay_of) WHERE replay_of IS NOT NULL;

CREATE INDEX ix_decisions_symbol_id ON tapetrail.decisions (symbol, id DESC);

CREATE TABLE tapetrail.execution_events (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    execution_id BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    from_status TEXT,
    to_status TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    error TEXT,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_execution_events PRIMARY KEY (id),
    CONSTRAINT fk_execution_events_execution_id FOREIGN KEY(execution_id) REFERENCES tapetrail.workflow_executions (id),
    CONSTRAINT ck_execution_events_opening CHECK (from_status IS NOT NULL OR to_status = 'pending'),
    CONSTRAINT ck_execution_events_error_when_failed CHECK (to_status <> 'failed' OR error IS NOT NULL),
    CONSTRAINT ck_execution_events_from_status_known CHECK (from_status IN ('pending', 'running', 'completed', 'completed_with_errors', 'failed', 'cancelled')),
    CONSTRAINT ck_execution_events_to_status_known CHECK (to_status IN ('pending', 'running', 'completed', 'completed_with_errors', 'failed', 'cancelled')),
    CONSTRAINT ck_execution_events_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_execution_events_execution_id_id ON tapetrail.execution_events (execution_id, id);

CREATE UNIQUE INDEX uq_execution_events_opening ON tapetrail.execution_events (execution_id) WHERE from_status IS NULL;

CREATE TABLE tapetrail.decision_events (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    decision_id BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    from_status TEXT,
    to_status TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    failed_stage TEXT,
    error_kind TEXT,
    error_message TEXT,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_decision_events PRIMARY KEY (id),
    CONSTRAINT fk_decision_events_decision_id FOREIGN KEY(decision_id) REFERENCES tapetrail.decisions (id),
    CONSTRAINT ck_decision_events_opening CHECK (from_status IS NOT NULL OR to_status = 'pending'),
    CONSTRAINT ck_decision_events_failure CHECK (num_nonnulls(failed_stage, error_kind, error_message) = CASE to_status WHEN 'failed' THEN 3 ELSE 0 END),
    CONSTRAINT ck_decision_events_from_status_known CHECK (from_status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    CONSTRAINT ck_decision_events_to_status_known CHECK (to_status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    CONSTRAINT ck_decision_events_failed_stage_known CHECK (failed_stage IN ('bars', 'chart', 'analysis', 'signal', 'engine')),
    CONSTRAINT ck_decision_events_error_kind_form CHECK (error_kind ~ '^[a-z][a-z0-9_]*$'),
    CONSTRAINT ck_decision_events_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_decision_events_decision_id_id ON tapetrail.decision_events (decision_id, id);

CREATE UNIQUE INDEX uq_decision_events_opening ON tapetrail.decision_events (decision_id) WHERE from_status IS NULL;

CREATE TABLE tapetrail.decision_seals (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    decision_id BIGINT NOT NULL,
    seal_digest TEXT COLLATE "C" NOT NULL,
    sealed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_decision_seals PRIMARY KEY (id),
    CONSTRAINT fk_decision_seals_decision_id FOREIGN KEY(decision_id) REFERENCES tapetrail.decisions (id),
    CONSTRAINT uq_decision_seals_decision_id UNIQUE (decision_id),
    CONSTRAINT ck_decision_seals_seal_digest_form CHECK (seal_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_decision_seals_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE TABLE tapetrail.llm_attempts (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    decision_id BIGINT NOT NULL,
    question TEXT NOT NULL,
    analyst TEXT NOT NULL,
    sample_no BIGINT NOT NULL,
    attempt_no BIGINT NOT NULL,
    provider TEXT NOT NULL,
    model_name TEXT NOT NULL,
    request_digest TEXT COLLATE "C" NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_llm_attempts PRIMARY KEY (id),
    CONSTRAINT fk_llm_attempts_decision_id FOREIGN KEY(decision_id) REFERENCES tapetrail.decisions (id),
    CONSTRAINT uq_llm_attempts_decision_id_question_analyst_sample_no__f7f4 UNIQUE (decision_id, question, analyst, sample_no, attempt_no),
    CONSTRAINT uq_llm_attempts_id_decision_id UNIQUE (id, decision_id),
    CONSTRAINT fk_llm_attempts_request_digest FOREIGN KEY(request_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT ck_llm_attempts_sample_no_positive CHECK (sample_no >= 1),
    CONSTRAINT ck_llm_attempts_attempt_no_positive CHECK (attempt_no >= 1),
    CONSTRAINT ck_llm_attempts_on_a_wire CHECK (analyst NOT LIKE 'builtin:%'),
    CONSTRAINT ck_llm_attempts_request_digest_form CHECK (request_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_llm_attempts_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_llm_attempts_request_digest ON tapetrail.llm_attempts USING hash (request_digest);

CREATE TABLE tapetrail.market_snapshots (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    execution_id BIGINT NOT NULL,
    decision_id BIGINT NOT NULL,
    instrument_id BIGINT NOT NULL,
    source TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    adjustment TEXT NOT NULL,
    session TEXT NOT NULL,
    session_first DATE NOT NULL,
    session_last DATE NOT NULL,
    bar_count BIGINT NOT NULL,
    bars_digest TEXT COLLATE "C" NOT NULL,
    raw_digest TEXT COLLATE "C" NOT NULL,
    derived_from BIGINT,
    calendar TEXT NOT NULL,
    currency TEXT NOT NULL,
    volume_unit TEXT NOT NULL,
    price_factor NUMERIC NOT NULL,
    dropped_rows BIGINT NOT NULL,
    gaps JSONB NOT NULL,
    last_bar_complete BOOLEAN NOT NULL,
    adjusted_with_hindsight BOOLEAN NOT NULL,
    from_cache BOOLEAN NOT NULL,
    fetched_at TIMESTAMP WITH TIME ZONE NOT NULL,
    available_at TIMESTAMP WITH TIME ZONE NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_market_snapshots PRIMARY KEY (id),
    CONSTRAINT fk_market_snapshots_decision_id_execution_id FOREIGN KEY(decision_id, execution_id) REFERENCES tapetrail.decisions (id, execution_id),
    CONSTRAINT fk_market_snapshots_instrument_id FOREIGN KEY(instrument_id) REFERENCES tapetrail.instruments (id),
    CONSTRAINT fk_market_snapshots_derived_from_decision_id FOREIGN KEY(derived_from, decision_id) REFERENCES tapetrail.market_snapshots (id, decision_id),
    CONSTRAINT uq_market_snapshots_decision_id_timeframe UNIQUE (decision_id, timeframe),
    CONSTRAINT uq_market_snapshots_id_decision_id UNIQUE (id, decision_id),
    CONSTRAINT fk_market_snapshots_bars_digest FOREIGN KEY(bars_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT fk_market_snapshots_raw_digest FOREIGN KEY(raw_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT ck_market_snapshots_timeframe_form CHECK (timeframe ~ '^[1-9][0-9]*(m|h|d|w|mo)$'),
    CONSTRAINT ck_market_snapshots_adjustment_known CHECK (adjustment IN ('raw', 'split', 'split+dividend')),
    CONSTRAINT ck_market_snapshots_session_known CHECK (session IN ('rth', 'all')),
    CONSTRAINT ck_market_snapshots_sessions_in_order CHECK (session_first <= session_last),
    CONSTRAINT ck_market_snapshots_bar_count_positive CHECK (bar_count >= 1),
    CONSTRAINT ck_market_snapshots_dropped_rows_not_negative CHECK (dropped_rows >= 0),
    CONSTRAINT ck_market_snapshots_price_factor_positive CHECK (price_factor > 0),
    CONSTRAINT ck_market_snapshots_derived_from_another CHECK (derived_from < id),
    CONSTRAINT ck_market_snapshots_bars_digest_form CHECK (bars_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_market_snapshots_raw_digest_form CHECK (raw_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_market_snapshots_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_market_snapshots_bars_digest ON tapetrail.market_snapshots USING hash (bars_digest);

CREATE INDEX ix_market_snapshots_derived_from ON tapetrail.market_snapshots (derived_from) WHERE derived_from IS NOT NULL;

CREATE INDEX ix_market_snapshots_execution_id_id ON tapetrail.market_snapshots (execution_id, id);

CREATE INDEX ix_market_snapshots_instrument_id ON tapetrail.market_snapshots (instrument_id);

CREATE INDEX ix_market_snapshots_raw_digest ON tapetrail.market_snapshots USING hash (raw_digest);

CREATE TABLE tapetrail.charts (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    execution_id BIGINT NOT NULL,
    decision_id BIGINT NOT NULL,
    symbol TEXT NOT NULL,
    conid BIGINT,
    snapshot_id BIGINT,
    origin TEXT NOT NULL,
    chart_url_jpeg TEXT NOT NULL,
    chart_url_html TEXT,
    image_media_type TEXT NOT NULL,
    minio_bucket TEXT,
    minio_object_key TEXT NOT NULL,
    jpeg_digest TEXT COLLATE "C" NOT NULL,
    html_digest TEXT COLLATE "C",
    spec_digest TEXT COLLATE "C",
    timeframe TEXT NOT NULL,
    chart_type TEXT NOT NULL,
    chart_style TEXT,
    indicators_applied JSONB,
    data_points BIGINT,
    start_date DATE,
    end_date DATE,
    price_current NUMERIC,
    price_change_pct NUMERIC,
    volume_avg NUMERIC,
    missing_indicators JSONB,
    renderer TEXT,
    generated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    provenance TEXT NOT NULL,
    status TEXT DEFAULT 'active' NOT NULL,
    CONSTRAINT pk_charts PRIMARY KEY (id),
    CONSTRAINT ck_charts_provenance_known CHECK (provenance IN ('live', 'backfill', 'demo', 'replay', 'external', 'legacy')),
    CONSTRAINT fk_charts_decision_id_execution_id FOREIGN KEY(decision_id, execution_id) REFERENCES tapetrail.decisions (id, execution_id),
    CONSTRAINT fk_charts_snapshot_id_decision_id FOREIGN KEY(snapshot_id, decision_id) REFERENCES tapetrail.market_snapshots (id, decision_id),
    CONSTRAINT fk_charts_jpeg_digest FOREIGN KEY(jpeg_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT fk_charts_html_digest FOREIGN KEY(html_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT fk_charts_spec_digest FOREIGN KEY(spec_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT ck_charts_timeframe_form CHECK (timeframe ~ '^[1-9][0-9]*(m|h|d|w|mo)$'),
    CONSTRAINT ck_charts_origin_known CHECK (origin IN ('drawn', 'posted')),
    CONSTRAINT ck_charts_status_known CHECK (status IN ('active', 'archived')),
    CONSTRAINT ck_charts_chart_type_of_timeframe CHECK (chart_type = CASE WHEN timeframe LIKE '%mo' THEN 'monthly' WHEN timeframe LIKE '%w' THEN 'weekly' WHEN timeframe LIKE '%d' THEN 'daily' ELSE 'intraday' END),
    CONSTRAINT ck_charts_drawn_facts CHECK (origin <> 'drawn' OR num_nulls(snapshot_id, chart_style, spec_digest, indicators_applied, missing_indicators, data_points, start_date, end_date, price_current, renderer) = 0),
    CONSTRAINT ck_charts_drawn_as_jpeg CHECK (origin <> 'drawn' OR image_media_type = 'image/jpeg'),
    CONSTRAINT ck_charts_posted_from_outside CHECK (origin <> 'posted' OR provenance IN ('external', 'legacy')),
    CONSTRAINT ck_charts_image CHECK (image_media_type LIKE 'image/%'),
    CONSTRAINT ck_charts_html CHECK ((chart_url_html IS NULL) = (html_digest IS NULL)),
    CONSTRAINT ck_charts_bucket CHECK ((minio_bucket IS NOT NULL) = (chart_url_jpeg LIKE 's3://%')),
    CONSTRAINT ck_charts_data_points_positive CHECK (data_points >= 1),
    CONSTRAINT ck_charts_dates_in_order CHECK (start_date <= end_date),
    CONSTRAINT ck_charts_volume_avg_not_negative CHECK (volume_avg >= 0),
    CONSTRAINT ck_charts_conid_positive CHECK (conid > 0),
    CONSTRAINT ck_charts_jpeg_digest_form CHECK (jpeg_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_charts_html_digest_form CHECK (html_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_charts_spec_digest_form CHECK (spec_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_charts_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_charts_active ON tapetrail.charts (generated_at) WHERE status = 'active';

CREATE INDEX ix_charts_decision_id ON tapetrail.charts (decision_id);

CREATE INDEX ix_charts_execution_id_id ON tapetrail.charts (execution_id, id);

CREATE INDEX ix_charts_html_digest ON tapetrail.charts USING hash (html_digest);

CREATE INDEX ix_charts_jpeg_digest ON tapetrail.charts USING hash (jpeg_digest);

CREATE INDEX ix_charts_snapshot_id ON tapetrail.charts (snapshot_id);

CREATE INDEX ix_charts_spec_digest ON tapetrail.charts USING hash (spec_digest);

CREATE INDEX ix_charts_symbol_id ON tapetrail.charts (symbol, id DESC);

CREATE INDEX ix_charts_symbol_timeframe_id ON tapetrail.charts (symbol, timeframe, id DESC);

CREATE UNIQUE INDEX uq_charts_drawn ON tapetrail.charts (decision_id, timeframe, chart_style) WHERE origin = 'drawn';

CREATE UNIQUE INDEX uq_charts_posted ON tapetrail.charts (decision_id, timeframe, jpeg_digest) WHERE origin = 'posted';

CREATE TABLE tapetrail.llm_replies (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    attempt_id BIGINT NOT NULL,
    decision_id BIGINT NOT NULL,
    response_digest TEXT COLLATE "C",
    http_status BIGINT,
    provider_request_id TEXT,
    error_kind TEXT,
    usage JSONB,
    cost_usd NUMERIC,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_llm_replies PRIMARY KEY (id),
    CONSTRAINT fk_llm_replies_attempt_id_decision_id FOREIGN KEY(attempt_id, decision_id) REFERENCES tapetrail.llm_attempts (id, decision_id),
    CONSTRAINT uq_llm_replies_attempt_id UNIQUE (attempt_id),
    CONSTRAINT fk_llm_replies_response_digest FOREIGN KEY(response_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT ck_llm_replies_bytes_or_error CHECK (response_digest IS NOT NULL OR error_kind IS NOT NULL),
    CONSTRAINT ck_llm_replies_http_status_range CHECK (http_status BETWEEN 100 AND 599),
    CONSTRAINT ck_llm_replies_cost_usd_not_negative CHECK (cost_usd >= 0),
    CONSTRAINT ck_llm_replies_response_digest_form CHECK (response_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_llm_replies_error_kind_form CHECK (error_kind ~ '^[a-z][a-z0-9_]*$'),
    CONSTRAINT ck_llm_replies_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_llm_replies_decision_id ON tapetrail.llm_replies (decision_id);

CREATE INDEX ix_llm_replies_response_digest ON tapetrail.llm_replies USING hash (response_digest);

CREATE TABLE tapetrail.chart_archivals (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    chart_id BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    from_status TEXT NOT NULL,
    to_status TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_chart_archivals PRIMARY KEY (id),
    CONSTRAINT fk_chart_archivals_chart_id FOREIGN KEY(chart_id) REFERENCES tapetrail.charts (id),
    CONSTRAINT ck_chart_archivals_from_status_known CHECK (from_status IN ('active', 'archived')),
    CONSTRAINT ck_chart_archivals_to_status_known CHECK (to_status IN ('active', 'archived')),
    CONSTRAINT ck_chart_archivals_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_chart_archivals_chart_id_id ON tapetrail.chart_archivals (chart_id, id);

CREATE TABLE tapetrail.llm_analyses (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    execution_id BIGINT NOT NULL,
    decision_id BIGINT NOT NULL,
    chart_id BIGINT,
    strategy_id BIGINT,
    symbol TEXT NOT NULL,
    question TEXT NOT NULL,
    analyst TEXT NOT NULL,
    sample_no BIGINT NOT NULL,
    kind TEXT NOT NULL,
    timeframe TEXT,
    role TEXT NOT NULL,
    provider TEXT NOT NULL,
    model_name TEXT NOT NULL,
    model_reported TEXT,
    params JSONB NOT NULL,
    prompt_text TEXT,
    indicators_metadata JSONB,
    response_text TEXT,
    tokens_used BIGINT,
    usage JSONB,
    cost_usd NUMERIC,
    unit_prices JSONB,
    latency_ms BIGINT,
    finish_reason TEXT,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    analyzed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    response_json JSONB,
    confidence_score NUMERIC,
    trend_direction TEXT,
    support_levels JSONB,
    resistance_levels JSONB,
    key_patterns JSONB,
    grounding JSONB,
    prompt_template_id BIGINT,
    status TEXT NOT NULL,
    error_message TEXT,
    record_digest TEXT COLLATE "C" NOT NULL,
    provenance TEXT NOT NULL,
    CONSTRAINT pk_llm_analyses PRIMARY KEY (id),
    CONSTRAINT ck_llm_analyses_provenance_known CHECK (provenance IN ('live', 'backfill', 'demo', 'replay', 'external', 'legacy')),
    CONSTRAINT fk_llm_analyses_decision_id_execution_id FOREIGN KEY(decision_id, execution_id) REFERENCES tapetrail.decisions (id, execution_id),
    CONSTRAINT fk_llm_analyses_chart_id FOREIGN KEY(chart_id) REFERENCES tapetrail.charts (id),
    CONSTRAINT fk_llm_analyses_execution_id_strategy_id FOREIGN KEY(execution_id, strategy_id) REFERENCES tapetrail.workflow_executions (id, strategy_id),
    CONSTRAINT fk_llm_analyses_prompt_template_id FOREIGN KEY(prompt_template_id) REFERENCES tapetrail.prompt_templates (id),
    CONSTRAINT uq_llm_analyses_decision_id_question_analyst_sample_no UNIQUE (decision_id, question, analyst, sample_no),
    CONSTRAINT uq_llm_analyses_id_decision_id UNIQUE (id, decision_id),
    CONSTRAINT ck_llm_analyses_timeframe_form CHECK (timeframe ~ '^[1-9][0-9]*(m|h|d|w|mo)$'),
    CONSTRAINT ck_llm_analyses_kind_known CHECK (kind IN ('chart', 'consolidated', 'other')),
    CONSTRAINT ck_llm_analyses_trend_direction_known CHECK (trend_direction IN ('bullish', 'bearish', 'neutral')),
    CONSTRAINT ck_llm_analyses_strategy CHECK (strategy_id IS NOT NULL OR provenance IN ('external', 'legacy')),
    CONSTRAINT ck_llm_analyses_chart_of_kind CHECK (kind = 'other' OR (kind = 'chart') = (chart_id IS NOT NULL)),
    CONSTRAINT ck_llm_analyses_timeframe_of_kind CHECK (kind = 'other' OR timeframe IS NOT NULL),
    CONSTRAINT ck_llm_analyses_prompt CHECK (num_nulls(prompt_text, prompt_template_id) = 0 OR analyst LIKE 'builtin:%' OR provenance IN ('external', 'legacy')),
    CONSTRAINT ck_llm_analyses_reply_when_completed CHECK (status <> 'completed' OR response_text IS NOT NULL),
    CONSTRAINT ck_llm_analyses_error_unless_completed CHECK ((status = 'completed') = (error_message IS NULL)),
    CONSTRAINT ck_llm_analyses_sample_no_positive CHECK (sample_no >= 1),
    CONSTRAINT ck_llm_analyses_confidence_score_range CHECK (confidence_score BETWEEN 0 AND 1),
    CONSTRAINT ck_llm_analyses_tokens_used_not_negative CHECK (tokens_used >= 0),
    CONSTRAINT ck_llm_analyses_cost_usd_not_negative CHECK (cost_usd >= 0),
    CONSTRAINT ck_llm_analyses_latency_ms_not_negative CHECK (latency_ms >= 0),
    CONSTRAINT ck_llm_analyses_role_known CHECK (role IN ('deciding', 'shadow')),
    CONSTRAINT ck_llm_analyses_status_known CHECK (status IN ('completed', 'failed', 'refused', 'unparseable', 'budget_exceeded')),
    CONSTRAINT ck_llm_analyses_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_llm_analyses_chart_id ON tapetrail.llm_analyses (chart_id);

CREATE INDEX ix_llm_analyses_execution_id_id ON tapetrail.llm_analyses (execution_id, id);

CREATE INDEX ix_llm_analyses_prompt_template_id ON tapetrail.llm_analyses (prompt_template_id);

CREATE INDEX ix_llm_analyses_strategy_id ON tapetrail.llm_analyses (strategy_id);

CREATE INDEX ix_llm_analyses_symbol_id ON tapetrail.llm_analyses (symbol, id DESC);

CREATE INDEX ix_llm_analyses_symbol_timeframe_id ON tapetrail.llm_analyses (symbol, timeframe, id DESC);

CREATE TABLE tapetrail.analysis_charts (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    execution_id BIGINT NOT NULL,
    decision_id BIGINT NOT NULL,
    analysis_id BIGINT NOT NULL,
    chart_id BIGINT NOT NULL,
    image_digest TEXT COLLATE "C" NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_analysis_charts PRIMARY KEY (id),
    CONSTRAINT fk_analysis_charts_decision_id_execution_id FOREIGN KEY(decision_id, execution_id) REFERENCES tapetrail.decisions (id, execution_id),
    CONSTRAINT fk_analysis_charts_analysis_id_decision_id FOREIGN KEY(analysis_id, decision_id) REFERENCES tapetrail.llm_analyses (id, decision_id),
    CONSTRAINT fk_analysis_charts_chart_id FOREIGN KEY(chart_id) REFERENCES tapetrail.charts (id),
    CONSTRAINT uq_analysis_charts_analysis_id_chart_id UNIQUE (analysis_id, chart_id),
    CONSTRAINT fk_analysis_charts_image_digest FOREIGN KEY(image_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT ck_analysis_charts_image_digest_form CHECK (image_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_analysis_charts_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_analysis_charts_chart_id ON tapetrail.analysis_charts (chart_id);

CREATE INDEX ix_analysis_charts_decision_id ON tapetrail.analysis_charts (decision_id);

CREATE INDEX ix_analysis_charts_execution_id ON tapetrail.analysis_charts (execution_id);

CREATE INDEX ix_analysis_charts_image_digest ON tapetrail.analysis_charts USING hash (image_digest);

CREATE TABLE tapetrail.analysis_outcomes (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    analysis_id BIGINT NOT NULL,
    runtime_id BIGINT NOT NULL,
    rule TEXT NOT NULL,
    horizon_sessions BIGINT NOT NULL,
    bars_digest TEXT COLLATE "C",
    state TEXT NOT NULL,
    trend_direction TEXT NOT NULL,
    forward_return_pct NUMERIC,
    trend_held BOOLEAN,
    scored_at TIMESTAMP WITH TIME ZONE NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_analysis_outcomes PRIMARY KEY (id),
    CONSTRAINT fk_analysis_outcomes_analysis_id FOREIGN KEY(analysis_id) REFERENCES tapetrail.llm_analyses (id),
    CONSTRAINT fk_analysis_outcomes_runtime_id FOREIGN KEY(runtime_id) REFERENCES tapetrail.runtimes (id),
    CONSTRAINT uq_analysis_outcomes_scoring UNIQUE NULLS NOT DISTINCT (analysis_id, rule, horizon_sessions, state, bars_digest),
    CONSTRAINT fk_analysis_outcomes_bars_digest FOREIGN KEY(bars_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT ck_analysis_outcomes_state_known CHECK (state IN ('scored', 'pending', 'no_data', 'delisted')),
    CONSTRAINT ck_analysis_outcomes_trend_direction_known CHECK (trend_direction IN ('bullish', 'bearish', 'neutral')),
    CONSTRAINT ck_analysis_outcomes_scored_has_return CHECK (state <> 'scored' OR num_nulls(bars_digest, forward_return_pct, trend_held) = 0),
    CONSTRAINT ck_analysis_outcomes_horizon_sessions_positive CHECK (horizon_sessions >= 1),
    CONSTRAINT ck_analysis_outcomes_bars_digest_form CHECK (bars_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_analysis_outcomes_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_analysis_outcomes_bars_digest ON tapetrail.analysis_outcomes USING hash (bars_digest);

CREATE INDEX ix_analysis_outcomes_runtime_id ON tapetrail.analysis_outcomes (runtime_id);

CREATE TABLE tapetrail.trading_signals (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    execution_id BIGINT NOT NULL,
    decision_id BIGINT NOT NULL,
    symbol TEXT NOT NULL,
    conid BIGINT,
    strategy_id BIGINT,
    chart_id BIGINT,
    llm_analysis_id BIGINT,
    role TEXT NOT NULL,
    signal_type TEXT NOT NULL,
    confidence NUMERIC,
    trend TEXT,
    entry_type TEXT,
    entry_price NUMERIC,
    stop_loss NUMERIC,
    target_price NUMERIC,
    risk_reward_ratio NUMERIC,
    horizon_bars BIGINT,
    valid_until DATE,
    timeframe_primary TEXT,
    timeframe_confirmation TEXT,
    reasoning TEXT,
    strategy_metadata JSONB NOT NULL,
    levels_valid BOOLEAN NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    generated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    provenance TEXT NOT NULL,
    CONSTRAINT pk_trading_signals PRIMARY KEY (id),
    CONSTRAINT ck_trading_signals_provenance_known CHECK (provenance IN ('live', 'backfill', 'demo', 'replay', 'external', 'legacy')),
    CONSTRAINT fk_trading_signals_decision_id_execution_id FOREIGN KEY(decision_id, execution_id) REFERENCES tapetrail.decisions (id, execution_id),
    CONSTRAINT fk_trading_signals_chart_id FOREIGN KEY(chart_id) REFERENCES tapetrail.charts (id),
    CONSTRAINT fk_trading_signals_llm_analysis_id_decision_id FOREIGN KEY(llm_analysis_id, decision_id) REFERENCES tapetrail.llm_analyses (id, decision_id),
    CONSTRAINT fk_trading_signals_execution_id_strategy_id FOREIGN KEY(execution_id, strategy_id) REFERENCES tapetrail.workflow_executions (id, strategy_id),
    CONSTRAINT uq_trading_signals_llm_analysis_id UNIQUE (llm_analysis_id),
    CONSTRAINT ck_trading_signals_timeframe_primary_form CHECK (timeframe_primary ~ '^[1-9][0-9]*(m|h|d|w|mo)$'),
    CONSTRAINT ck_trading_signals_timeframe_confirmation_form CHECK (timeframe_confirmation ~ '^[1-9][0-9]*(m|h|d|w|mo)(,[1-9][0-9]*(m|h|d|w|mo))*$'),
    CONSTRAINT ck_trading_signals_levels_valid CHECK (levels_valid OR provenance IN ('external', 'legacy')),
    CONSTRAINT ck_trading_signals_levels CHECK (NOT levels_valid OR CASE signal_type WHEN 'HOLD' THEN num_nonnulls(entry_price, stop_loss, target_price) = 0 WHEN 'BUY' THEN num_nulls(entry_price, stop_loss, target_price) = 0 AND stop_loss < entry_price AND entry_price < target_price WHEN 'SELL' THEN num_nonnulls(stop_loss, target_price) = 0 OR (num_nulls(entry_price, stop_loss, target_price) = 0 AND target_price < entry_price AND entry_price < stop_loss) END),
    CONSTRAINT ck_trading_signals_entry CHECK (NOT levels_valid OR ((signal_type = 'HOLD') = (entry_type IS NULL) AND (entry_type IS NOT DISTINCT FROM 'market' OR entry_type IS NULL OR (valid_until IS NOT NULL AND entry_price IS NOT NULL)))),
    CONSTRAINT ck_trading_signals_risk_reward_ratio CHECK (NOT levels_valid OR (risk_reward_ratio IS NULL) = (stop_loss IS NULL)),
    CONSTRAINT ck_trading_signals_risk_reward_ratio_positive CHECK (NOT levels_valid OR risk_reward_ratio > 0),
    CONSTRAINT ck_trading_signals_complete_unless_from_outside CHECK (num_nulls(chart_id, llm_analysis_id, strategy_id, confidence, trend, horizon_bars, timeframe_primary, reasoning) = 0 OR provenance IN ('external', 'legacy')),
    CONSTRAINT ck_trading_signals_confidence_range CHECK (confidence BETWEEN 0 AND 1),
    CONSTRAINT ck_trading_signals_horizon_bars_positive CHECK (horizon_bars >= 1),
    CONSTRAINT ck_trading_signals_conid_positive CHECK (conid > 0),
    CONSTRAINT ck_trading_signals_role_known CHECK (role IN ('deciding', 'shadow')),
    CONSTRAINT ck_trading_signals_signal_type_known CHECK (signal_type IN ('BUY', 'SELL', 'HOLD')),
    CONSTRAINT ck_trading_signals_trend_known CHECK (trend IN ('bullish', 'bearish', 'neutral')),
    CONSTRAINT ck_trading_signals_entry_type_known CHECK (entry_type IN ('market', 'limit', 'stop')),
    CONSTRAINT ck_trading_signals_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_trading_signals_chart_id ON tapetrail.trading_signals (chart_id);

CREATE INDEX ix_trading_signals_decision_id ON tapetrail.trading_signals (decision_id);

CREATE INDEX ix_trading_signals_execution_id_id ON tapetrail.trading_signals (execution_id, id);

CREATE INDEX ix_trading_signals_strategy_id ON tapetrail.trading_signals (strategy_id);

CREATE INDEX ix_trading_signals_symbol_id ON tapetrail.trading_signals (symbol, id DESC);

CREATE INDEX ix_trading_signals_symbol_timeframe_id ON tapetrail.trading_signals (symbol, timeframe_primary, id DESC);

CREATE UNIQUE INDEX uq_trading_signals_deciding ON tapetrail.trading_signals (decision_id) WHERE role = 'deciding';

CREATE TABLE tapetrail.signal_outcomes (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    signal_id BIGINT NOT NULL,
    runtime_id BIGINT NOT NULL,
    rule TEXT NOT NULL,
    cost_bp NUMERIC NOT NULL,
    bars_digest TEXT COLLATE "C",
    benchmark TEXT,
    benchmark_bars_digest TEXT COLLATE "C",
    state TEXT NOT NULL,
    ambiguous BOOLEAN NOT NULL,
    optimistic_state TEXT,
    fill_price NUMERIC,
    filled_on DATE,
    exit_price NUMERIC,
    exited_on DATE,
    bars_held BIGINT,
    planned_r NUMERIC,
    net_r NUMERIC,
    optimistic_net_r NUMERIC,
    total_return_pct NUMERIC,
    returns JSONB,
    mfe_pct NUMERIC,
    mfe_r NUMERIC,
    mfe_bars BIGINT,
    mae_pct NUMERIC,
    mae_r NUMERIC,
    mae_bars BIGINT,
    scored_at TIMESTAMP WITH TIME ZONE NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_signal_outcomes PRIMARY KEY (id),
    CONSTRAINT fk_signal_outcomes_signal_id FOREIGN KEY(signal_id) REFERENCES tapetrail.trading_signals (id),
    CONSTRAINT fk_signal_outcomes_runtime_id FOREIGN KEY(runtime_id) REFERENCES tapetrail.runtimes (id),
    CONSTRAINT uq_signal_outcomes_scoring UNIQUE NULLS NOT DISTINCT (signal_id, rule, cost_bp, state, bars_digest),
    CONSTRAINT fk_signal_outcomes_bars_digest FOREIGN KEY(bars_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT fk_signal_outcomes_benchmark_bars_digest FOREIGN KEY(benchmark_bars_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT ck_signal_outcomes_state_known CHECK (state IN ('win', 'loss', 'timeout', 'not_filled', 'gapped_out', 'invalid_levels', 'pending', 'no_data', 'delisted')),
    CONSTRAINT ck_signal_outcomes_trade_has_fill_and_exit CHECK (state NOT IN ('win', 'loss', 'timeout') OR num_nulls(bars_digest, fill_price, filled_on, exit_price, exited_on, bars_held) = 0),
    CONSTRAINT ck_signal_outcomes_ambiguous_names_both CHECK (NOT ambiguous OR optimistic_state IS NOT NULL),
    CONSTRAINT ck_signal_outcomes_optimistic_state_known CHECK (optimistic_state IN ('win', 'loss', 'timeout')),
    CONSTRAINT ck_signal_outcomes_benchmark CHECK ((benchmark IS NULL) = (benchmark_bars_digest IS NULL)),
    CONSTRAINT ck_signal_outcomes_cost_bp_not_negative CHECK (cost_bp >= 0),
    CONSTRAINT ck_signal_outcomes_bars_held_positive CHECK (bars_held >= 1),
    CONSTRAINT ck_signal_outcomes_dates_in_order CHECK (filled_on <= exited_on),
    CONSTRAINT ck_signal_outcomes_excursions CHECK (mfe_pct >= 0 AND mae_pct <= 0),
    CONSTRAINT ck_signal_outcomes_bars_digest_form CHECK (bars_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_signal_outcomes_benchmark_bars_digest_form CHECK (benchmark_bars_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_signal_outcomes_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_signal_outcomes_bars_digest ON tapetrail.signal_outcomes USING hash (bars_digest);

CREATE INDEX ix_signal_outcomes_benchmark_bars_digest ON tapetrail.signal_outcomes USING hash (benchmark_bars_digest);

CREATE INDEX ix_signal_outcomes_runtime_id ON tapetrail.signal_outcomes (runtime_id);
