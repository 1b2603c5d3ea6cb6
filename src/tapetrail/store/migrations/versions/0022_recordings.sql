-- Rows of agents that are not ours: what they may lack is nullable, and CHECKs say that only they may.
--
-- Made from the tables as they were when this was written, and never edited.

ALTER TABLE tapetrail.instruments
    DROP CONSTRAINT uq_instruments_symbol_exchange_currency,
    ALTER COLUMN exchange DROP NOT NULL,
    ALTER COLUMN currency DROP NOT NULL,
    ALTER COLUMN calendar DROP NOT NULL,
    ALTER COLUMN asset_class DROP NOT NULL,
    ALTER COLUMN multiplier DROP NOT NULL;

CREATE UNIQUE INDEX uq_instruments_complete ON tapetrail.instruments (symbol, exchange,
        currency) WHERE num_nulls(exchange, currency, calendar, asset_class, multiplier) = 0;

CREATE UNIQUE INDEX uq_instruments_incomplete ON tapetrail.instruments (symbol, exchange,
        currency, asset_class, calendar) NULLS NOT DISTINCT WHERE NOT (num_nulls(exchange, currency,
        calendar, asset_class, multiplier) = 0);

ALTER TABLE tapetrail.workflow_executions
    ADD COLUMN external_id text,
    ADD COLUMN execution_key text,
    ADD COLUMN agent text,
    ADD COLUMN agent_version text,
    ADD COLUMN mode text,
    ADD CONSTRAINT ck_workflow_executions_external_id CHECK ((external_id IS NOT NULL) = (provenance
        IN ('external', 'legacy'))),
    ADD CONSTRAINT ck_workflow_executions_external_id_form CHECK (external_id ~
        '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'),
    ADD CONSTRAINT ck_workflow_executions_key_from_outside CHECK (execution_key IS NULL OR
        provenance IN ('external', 'legacy')),
    ADD CONSTRAINT ck_workflow_executions_mode CHECK ((mode IS NOT NULL) = (provenance =
        'external')),
    ADD CONSTRAINT ck_workflow_executions_mode_known CHECK (mode IN ('live', 'paper', 'backtest'));

CREATE UNIQUE INDEX uq_workflow_executions_external_id ON tapetrail.workflow_executions
        (external_id) WHERE external_id IS NOT NULL;

CREATE UNIQUE INDEX uq_workflow_executions_key ON tapetrail.workflow_executions (agent,
        execution_key) NULLS NOT DISTINCT WHERE execution_key IS NOT NULL;

ALTER TABLE tapetrail.decisions
    DROP CONSTRAINT ck_decisions_scope_known,
    DROP CONSTRAINT uq_decisions_execution_id_instrument_id,
    ALTER COLUMN instrument_id DROP NOT NULL,
    ALTER COLUMN symbol DROP NOT NULL,
    ADD COLUMN external_id text,
    ADD COLUMN decision_key text,
    ADD COLUMN portfolio_id bigint,
    ADD CONSTRAINT ck_decisions_book_of_portfolio CHECK (portfolio_id IS NULL OR scope IS NOT
        DISTINCT FROM 'instrument' AND portfolio_id <> id),
    ADD CONSTRAINT ck_decisions_external_id CHECK ((external_id IS NOT NULL) = (provenance IN
        ('external', 'legacy'))),
    ADD CONSTRAINT ck_decisions_external_id_form CHECK (external_id ~
        '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'),
    ADD CONSTRAINT ck_decisions_key_from_outside CHECK (decision_key IS NULL OR provenance IN
        ('external', 'legacy')),
    ADD CONSTRAINT ck_decisions_portfolio CHECK (scope IS DISTINCT FROM 'portfolio' OR provenance IN
        ('external', 'legacy')),
    ADD CONSTRAINT ck_decisions_portfolio_has_no_instrument CHECK (num_nulls(instrument_id, symbol)
        = CASE WHEN scope IS NOT DISTINCT FROM 'portfolio' THEN 2 ELSE 0 END),
    ADD CONSTRAINT ck_decisions_scope_known CHECK (scope IN ('instrument', 'portfolio', 'question')),
    ADD CONSTRAINT fk_decisions_portfolio_id_execution_id FOREIGN KEY(portfolio_id, execution_id)
        REFERENCES tapetrail.decisions (id, execution_id);

CREATE INDEX ix_decisions_execution_id ON tapetrail.decisions (execution_id);

CREATE INDEX ix_decisions_portfolio_id ON tapetrail.decisions (portfolio_id) WHERE portfolio_id
        IS NOT NULL;

CREATE UNIQUE INDEX uq_decisions_external_id ON tapetrail.decisions (external_id) WHERE
        external_id IS NOT NULL;

CREATE UNIQUE INDEX uq_decisions_key ON tapetrail.decisions (execution_id, scope, instrument_id,
        decision_key) NULLS NOT DISTINCT WHERE decision_key IS NOT NULL;

CREATE UNIQUE INDEX uq_decisions_own ON tapetrail.decisions (execution_id, instrument_id) WHERE
        external_id IS NULL;

ALTER TABLE tapetrail.llm_attempts
    DROP CONSTRAINT ck_llm_attempts_reason_known,
    ALTER COLUMN provider DROP NOT NULL,
    ALTER COLUMN model_name DROP NOT NULL,
    ALTER COLUMN request_digest DROP NOT NULL,
    ADD COLUMN external_id text,
    ADD CONSTRAINT ck_llm_attempts_complete_unless_from_outside CHECK (external_id IS NOT NULL OR
        num_nulls(provider, model_name, request_digest) = 0),
    ADD CONSTRAINT ck_llm_attempts_external_id_form CHECK (external_id ~
        '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'),
    ADD CONSTRAINT ck_llm_attempts_reason_known CHECK (reason IN ('first', 'retry', 're_ask',
        'next_turn'));

CREATE UNIQUE INDEX uq_llm_attempts_external_id ON tapetrail.llm_attempts (external_id) WHERE
        external_id IS NOT NULL;

ALTER TABLE tapetrail.market_snapshots
    DROP CONSTRAINT uq_market_snapshots_decision_id_timeframe,
    DROP CONSTRAINT ck_market_snapshots_adjustment_known,
    ALTER COLUMN source DROP NOT NULL,
    ALTER COLUMN session DROP NOT NULL,
    ALTER COLUMN raw_digest DROP NOT NULL,
    ALTER COLUMN calendar DROP NOT NULL,
    ALTER COLUMN currency DROP NOT NULL,
    ALTER COLUMN volume_unit DROP NOT NULL,
    ALTER COLUMN price_factor DROP NOT NULL,
    ALTER COLUMN dropped_rows DROP NOT NULL,
    ALTER COLUMN gaps DROP NOT NULL,
    ALTER COLUMN last_bar_complete DROP NOT NULL,
    ALTER COLUMN adjusted_with_hindsight DROP NOT NULL,
    ALTER COLUMN from_cache DROP NOT NULL,
    ALTER COLUMN available_at DROP NOT NULL,
    ADD COLUMN external_id text,
    ADD CONSTRAINT ck_market_snapshots_adjustment_known CHECK (adjustment IN ('raw', 'split',
        'split+dividend', 'unknown')),
    ADD CONSTRAINT ck_market_snapshots_complete_unless_from_outside CHECK (external_id IS NOT NULL
        OR adjustment <> 'unknown' AND num_nulls(source, session, raw_digest, calendar, currency,
        volume_unit, price_factor, dropped_rows, gaps, last_bar_complete, adjusted_with_hindsight,
        from_cache, available_at) = 0),
    ADD CONSTRAINT ck_market_snapshots_external_id_form CHECK (external_id ~
        '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$');

CREATE INDEX ix_market_snapshots_decision_id ON tapetrail.market_snapshots (decision_id);

CREATE UNIQUE INDEX uq_market_snapshots_external_id ON tapetrail.market_snapshots (external_id)
        WHERE external_id IS NOT NULL;

CREATE UNIQUE INDEX uq_market_snapshots_own ON tapetrail.market_snapshots (decision_id,
        timeframe) WHERE external_id IS NULL;

DROP INDEX tapetrail.uq_charts_posted;

ALTER TABLE tapetrail.charts
    DROP CONSTRAINT ck_charts_drawn_facts,
    ALTER COLUMN symbol DROP NOT NULL,
    ALTER COLUMN timeframe DROP NOT NULL,
    ALTER COLUMN chart_type DROP NOT NULL,
    ADD COLUMN chart_name text,
    ADD COLUMN external_id text,
    ADD CONSTRAINT ck_charts_drawn_facts CHECK (origin <> 'drawn' OR num_nulls(snapshot_id, symbol,
        timeframe, chart_type, chart_style, spec_digest, indicators_applied, missing_indicators,
        data_points, start_date, end_date, price_current, renderer) = 0),
    ADD CONSTRAINT ck_charts_external_id CHECK ((external_id IS NOT NULL) = (provenance IN
        ('external', 'legacy'))),
    ADD CONSTRAINT ck_charts_external_id_form CHECK (external_id ~
        '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'),
    ADD CONSTRAINT ck_charts_type_of_timeframe CHECK ((chart_type IS NULL) = (timeframe IS NULL)),
    ADD CONSTRAINT uq_charts_id_execution_id UNIQUE (id, execution_id);

CREATE UNIQUE INDEX uq_charts_external_id ON tapetrail.charts (external_id) WHERE external_id IS
        NOT NULL;

ALTER TABLE tapetrail.llm_analyses
    DROP CONSTRAINT ck_llm_analyses_strategy,
    DROP CONSTRAINT ck_llm_analyses_role_known,
    DROP CONSTRAINT ck_llm_analyses_reply_when_completed,
    ALTER COLUMN symbol DROP NOT NULL,
    ALTER COLUMN provider DROP NOT NULL,
    ALTER COLUMN model_name DROP NOT NULL,
    ALTER COLUMN requested_at DROP NOT NULL,
    ADD COLUMN agent text,
    ADD COLUMN round bigint,
    ADD COLUMN cached boolean,
    ADD COLUMN external_id text,
    ADD CONSTRAINT ck_llm_analyses_agent_from_outside CHECK (num_nonnulls(agent, round, cached) = 0
        OR provenance IN ('external', 'legacy')),
    ADD CONSTRAINT ck_llm_analyses_complete_unless_from_outside CHECK (num_nulls(strategy_id,
        symbol, provider, model_name, requested_at) = 0 OR provenance IN ('external', 'legacy')),
    ADD CONSTRAINT ck_llm_analyses_external_id CHECK ((external_id IS NOT NULL) = (provenance IN
        ('external', 'legacy'))),
    ADD CONSTRAINT ck_llm_analyses_external_id_form CHECK (external_id ~
        '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'),
    ADD CONSTRAINT ck_llm_analyses_reply_when_completed CHECK (status <> 'completed' OR
        response_text IS NOT NULL OR response_json IS NOT NULL AND provenance IN ('external', 'legacy')),
    ADD CONSTRAINT ck_llm_analyses_role_known CHECK (role IN ('deciding', 'proposal', 'shadow')),
    ADD CONSTRAINT ck_llm_analyses_round_positive CHECK (round >= 1),
    ADD CONSTRAINT uq_llm_analyses_id_execution_id UNIQUE (id, execution_id);

CREATE UNIQUE INDEX uq_llm_analyses_external_id ON tapetrail.llm_analyses (external_id) WHERE
        external_id IS NOT NULL;

ALTER TABLE tapetrail.trading_signals
    DROP CONSTRAINT ck_trading_signals_role_known,
    DROP CONSTRAINT ck_trading_signals_entry,
    DROP CONSTRAINT ck_trading_signals_complete_unless_from_outside,
    DROP CONSTRAINT uq_trading_signals_llm_analysis_id,
    ALTER COLUMN symbol DROP NOT NULL,
    ADD COLUMN action text,
    ADD COLUMN intent text,
    ADD COLUMN position_side text,
    ADD COLUMN size numeric,
    ADD COLUMN size_unit text,
    ADD COLUMN leverage numeric,
    ADD COLUMN confidence_raw numeric,
    ADD COLUMN confidence_scale numeric,
    ADD COLUMN order_ref text,
    ADD COLUMN external_id text,
    ADD CONSTRAINT ck_trading_signals_action CHECK ((action IS NOT NULL) = (provenance IN
        ('external', 'legacy'))),
    ADD CONSTRAINT ck_trading_signals_complete_unless_from_outside CHECK (num_nulls(chart_id,
        llm_analysis_id, strategy_id, symbol, trend, horizon_bars, timeframe_primary, reasoning) = 0 OR
        provenance IN ('external', 'legacy')),
    ADD CONSTRAINT ck_trading_signals_confidence_of_raw CHECK (confidence_raw IS NULL OR confidence
        IS NOT NULL),
    ADD CONSTRAINT ck_trading_signals_entry CHECK (NOT levels_valid OR ((signal_type = 'HOLD') =
        (entry_type IS NULL) AND (entry_type IS NOT DISTINCT FROM 'market' OR entry_type IS NULL OR
        (valid_until IS NOT NULL AND entry_price IS NOT NULL))) OR provenance IN ('external', 'legacy')),
    ADD CONSTRAINT ck_trading_signals_external_id CHECK ((external_id IS NOT NULL) = (provenance IN
        ('external', 'legacy'))),
    ADD CONSTRAINT ck_trading_signals_external_id_form CHECK (external_id ~
        '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'),
    ADD CONSTRAINT ck_trading_signals_intent_known CHECK (intent IN ('entry', 'add', 'reduce',
        'exit', 'hold', 'rebalance')),
    ADD CONSTRAINT ck_trading_signals_leverage_positive CHECK (leverage > 0),
    ADD CONSTRAINT ck_trading_signals_order_ref_form CHECK (order_ref ~ '^[a-z0-9]{15}$'),
    ADD CONSTRAINT ck_trading_signals_own_words_from_outside CHECK (num_nonnulls(action, intent,
        position_side, size, size_unit, leverage, confidence_raw, confidence_scale, order_ref) = 0 OR
        provenance IN ('external', 'legacy')),
    ADD CONSTRAINT ck_trading_signals_position_side_known CHECK (position_side IN ('long', 'short')),
    ADD CONSTRAINT ck_trading_signals_role_known CHECK (role IN ('deciding', 'proposal', 'shadow')),
    ADD CONSTRAINT ck_trading_signals_scale_of_confidence CHECK ((confidence_raw IS NULL) =
        (confidence_scale IS NULL)),
    ADD CONSTRAINT ck_trading_signals_size_of_unit CHECK (size_unit IS NULL OR size IS NOT NULL),
    ADD CONSTRAINT uq_trading_signals_id_decision_id UNIQUE (id, decision_id);

CREATE INDEX ix_trading_signals_llm_analysis_id ON tapetrail.trading_signals (llm_analysis_id);

CREATE INDEX ix_trading_signals_order_ref ON tapetrail.trading_signals (order_ref) WHERE
        order_ref IS NOT NULL;

CREATE UNIQUE INDEX uq_trading_signals_external_id ON tapetrail.trading_signals (external_id)
        WHERE external_id IS NOT NULL;

CREATE UNIQUE INDEX uq_trading_signals_own ON tapetrail.trading_signals (llm_analysis_id) WHERE
        external_id IS NULL;

CREATE TABLE tapetrail.decision_inputs (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    execution_id BIGINT NOT NULL,
    decision_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    input_name TEXT,
    media_type TEXT NOT NULL,
    content_digest TEXT COLLATE "C" NOT NULL,
    source TEXT,
    available_at TIMESTAMP WITH TIME ZONE,
    logged_at TIMESTAMP WITH TIME ZONE NOT NULL,
    external_id TEXT NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_decision_inputs PRIMARY KEY (id),
    CONSTRAINT fk_decision_inputs_decision_id_execution_id FOREIGN KEY(decision_id, execution_id) REFERENCES tapetrail.decisions (id, execution_id),
    CONSTRAINT ck_decision_inputs_external_id_form CHECK (external_id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'),
    CONSTRAINT uq_decision_inputs_id_execution_id UNIQUE (id, execution_id),
    CONSTRAINT fk_decision_inputs_content_digest FOREIGN KEY(content_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT ck_decision_inputs_kind_known CHECK (kind IN ('news', 'fundamentals', 'report', 'account', 'positions', 'orders', 'memory', 'tool', 'other')),
    CONSTRAINT ck_decision_inputs_content_digest_form CHECK (content_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_decision_inputs_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_decision_inputs_content_digest ON tapetrail.decision_inputs USING hash (content_digest);

CREATE INDEX ix_decision_inputs_decision_id_id ON tapetrail.decision_inputs (decision_id, id);

CREATE INDEX ix_decision_inputs_execution_id_id ON tapetrail.decision_inputs (execution_id, id);

CREATE INDEX ix_decision_inputs_kind_id ON tapetrail.decision_inputs (kind, id DESC);

CREATE INDEX ix_decision_inputs_logged_at ON tapetrail.decision_inputs (logged_at);

CREATE UNIQUE INDEX uq_decision_inputs_external_id ON tapetrail.decision_inputs (external_id) WHERE external_id IS NOT NULL;

CREATE TABLE tapetrail.analysis_inputs (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    execution_id BIGINT NOT NULL,
    decision_id BIGINT NOT NULL,
    analysis_id BIGINT NOT NULL,
    read_analysis_id BIGINT,
    read_input_id BIGINT,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_analysis_inputs PRIMARY KEY (id),
    CONSTRAINT fk_analysis_inputs_decision_id_execution_id FOREIGN KEY(decision_id, execution_id) REFERENCES tapetrail.decisions (id, execution_id),
    CONSTRAINT fk_analysis_inputs_analysis_id_decision_id FOREIGN KEY(analysis_id, decision_id) REFERENCES tapetrail.llm_analyses (id, decision_id),
    CONSTRAINT fk_analysis_inputs_read_analysis_id_execution_id FOREIGN KEY(read_analysis_id, execution_id) REFERENCES tapetrail.llm_analyses (id, execution_id),
    CONSTRAINT fk_analysis_inputs_read_input_id_execution_id FOREIGN KEY(read_input_id, execution_id) REFERENCES tapetrail.decision_inputs (id, execution_id),
    CONSTRAINT ck_analysis_inputs_one_read CHECK (num_nonnulls(read_analysis_id, read_input_id) = 1),
    CONSTRAINT ck_analysis_inputs_reads_another CHECK (read_analysis_id <> analysis_id),
    CONSTRAINT ck_analysis_inputs_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_analysis_inputs_decision_id ON tapetrail.analysis_inputs (decision_id);

CREATE INDEX ix_analysis_inputs_execution_id ON tapetrail.analysis_inputs (execution_id);

CREATE INDEX ix_analysis_inputs_read_analysis_id ON tapetrail.analysis_inputs (read_analysis_id) WHERE read_analysis_id IS NOT NULL;

CREATE INDEX ix_analysis_inputs_read_input_id ON tapetrail.analysis_inputs (read_input_id) WHERE read_input_id IS NOT NULL;

CREATE UNIQUE INDEX uq_analysis_inputs_read ON tapetrail.analysis_inputs (analysis_id, read_analysis_id, read_input_id) NULLS NOT DISTINCT;

CREATE TABLE tapetrail.notes (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    execution_id BIGINT NOT NULL,
    decision_id BIGINT,
    signal_id BIGINT,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    actor TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    external_id TEXT NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_notes PRIMARY KEY (id),
    CONSTRAINT fk_notes_execution_id FOREIGN KEY(execution_id) REFERENCES tapetrail.workflow_executions (id),
    CONSTRAINT fk_notes_decision_id_execution_id FOREIGN KEY(decision_id, execution_id) REFERENCES tapetrail.decisions (id, execution_id),
    CONSTRAINT fk_notes_signal_id_decision_id FOREIGN KEY(signal_id, decision_id) REFERENCES tapetrail.trading_signals (id, decision_id),
    CONSTRAINT ck_notes_external_id_form CHECK (external_id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'),
    CONSTRAINT ck_notes_signal_of_decision CHECK (signal_id IS NULL OR decision_id IS NOT NULL),
    CONSTRAINT ck_notes_text CHECK (text <> ''),
    CONSTRAINT ck_notes_kind_known CHECK (kind IN ('comment', 'approval', 'override', 'incident')),
    CONSTRAINT ck_notes_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_notes_at ON tapetrail.notes (at);

CREATE INDEX ix_notes_decision_id_id ON tapetrail.notes (decision_id, id);

CREATE INDEX ix_notes_execution_id_id ON tapetrail.notes (execution_id, id);

CREATE INDEX ix_notes_kind_id ON tapetrail.notes (kind, id DESC);

CREATE INDEX ix_notes_signal_id ON tapetrail.notes (signal_id) WHERE signal_id IS NOT NULL;

CREATE UNIQUE INDEX uq_notes_external_id ON tapetrail.notes (external_id) WHERE external_id IS NOT NULL;

CREATE TABLE tapetrail.order_events (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    execution_id BIGINT NOT NULL,
    decision_id BIGINT NOT NULL,
    signal_id BIGINT,
    broker TEXT NOT NULL,
    order_mode TEXT NOT NULL,
    client_order_id TEXT NOT NULL,
    broker_order_id TEXT,
    status TEXT NOT NULL,
    side TEXT,
    quantity NUMERIC,
    price NUMERIC,
    filled NUMERIC,
    raw_digest TEXT COLLATE "C",
    happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    logged_at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    external_id TEXT NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_order_events PRIMARY KEY (id),
    CONSTRAINT fk_order_events_decision_id_execution_id FOREIGN KEY(decision_id, execution_id) REFERENCES tapetrail.decisions (id, execution_id),
    CONSTRAINT fk_order_events_signal_id_decision_id FOREIGN KEY(signal_id, decision_id) REFERENCES tapetrail.trading_signals (id, decision_id),
    CONSTRAINT ck_order_events_external_id_form CHECK (external_id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'),
    CONSTRAINT fk_order_events_raw_digest FOREIGN KEY(raw_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT ck_order_events_quantity_positive CHECK (quantity > 0),
    CONSTRAINT ck_order_events_filled_not_negative CHECK (filled >= 0),
    CONSTRAINT ck_order_events_order_mode_known CHECK (order_mode IN ('live', 'paper')),
    CONSTRAINT ck_order_events_status_known CHECK (status IN ('pending_new', 'new', 'partially_filled', 'filled', 'done_for_day', 'pending_cancel', 'canceled', 'pending_replace', 'replaced', 'stopped', 'rejected', 'suspended', 'expired')),
    CONSTRAINT ck_order_events_side_known CHECK (side IN ('buy', 'sell')),
    CONSTRAINT ck_order_events_raw_digest_form CHECK (raw_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_order_events_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_order_events_client_order_id ON tapetrail.order_events (client_order_id);

CREATE INDEX ix_order_events_decision_id_id ON tapetrail.order_events (decision_id, id);

CREATE INDEX ix_order_events_execution_id_id ON tapetrail.order_events (execution_id, id);

CREATE INDEX ix_order_events_happened_at ON tapetrail.order_events (happened_at);

CREATE INDEX ix_order_events_raw_digest ON tapetrail.order_events USING hash (raw_digest);

CREATE INDEX ix_order_events_signal_id ON tapetrail.order_events (signal_id) WHERE signal_id IS NOT NULL;

CREATE INDEX ix_order_events_status_id ON tapetrail.order_events (status, id DESC);

CREATE UNIQUE INDEX uq_order_events_external_id ON tapetrail.order_events (external_id) WHERE external_id IS NOT NULL;

CREATE TABLE tapetrail.signal_inputs (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    execution_id BIGINT NOT NULL,
    decision_id BIGINT NOT NULL,
    signal_id BIGINT NOT NULL,
    read_analysis_id BIGINT,
    read_input_id BIGINT,
    read_chart_id BIGINT,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_signal_inputs PRIMARY KEY (id),
    CONSTRAINT fk_signal_inputs_decision_id_execution_id FOREIGN KEY(decision_id, execution_id) REFERENCES tapetrail.decisions (id, execution_id),
    CONSTRAINT fk_signal_inputs_signal_id_decision_id FOREIGN KEY(signal_id, decision_id) REFERENCES tapetrail.trading_signals (id, decision_id),
    CONSTRAINT fk_signal_inputs_read_analysis_id_execution_id FOREIGN KEY(read_analysis_id, execution_id) REFERENCES tapetrail.llm_analyses (id, execution_id),
    CONSTRAINT fk_signal_inputs_read_input_id_execution_id FOREIGN KEY(read_input_id, execution_id) REFERENCES tapetrail.decision_inputs (id, execution_id),
    CONSTRAINT fk_signal_inputs_read_chart_id_execution_id FOREIGN KEY(read_chart_id, execution_id) REFERENCES tapetrail.charts (id, execution_id),
    CONSTRAINT ck_signal_inputs_one_read CHECK (num_nonnulls(read_analysis_id, read_input_id, read_chart_id) = 1),
    CONSTRAINT ck_signal_inputs_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_signal_inputs_decision_id ON tapetrail.signal_inputs (decision_id);

CREATE INDEX ix_signal_inputs_execution_id ON tapetrail.signal_inputs (execution_id);

CREATE INDEX ix_signal_inputs_read_analysis_id ON tapetrail.signal_inputs (read_analysis_id) WHERE read_analysis_id IS NOT NULL;

CREATE INDEX ix_signal_inputs_read_chart_id ON tapetrail.signal_inputs (read_chart_id) WHERE read_chart_id IS NOT NULL;

CREATE INDEX ix_signal_inputs_read_input_id ON tapetrail.signal_inputs (read_input_id) WHERE read_input_id IS NOT NULL;

CREATE UNIQUE INDEX uq_signal_inputs_read ON tapetrail.signal_inputs (signal_id, read_analysis_id, read_input_id, read_chart_id) NULLS NOT DISTINCT;

-- Which runs and decisions of others are in work, by whom, and until when they count as such.
CREATE TABLE tapetrail.recording_leases (
    execution_id bigint NOT NULL,
    decision_id bigint,
    holder text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT uq_recording_leases_held UNIQUE NULLS NOT DISTINCT (execution_id, decision_id, holder),
    CONSTRAINT fk_recording_leases_execution_id
        FOREIGN KEY (execution_id) REFERENCES tapetrail.workflow_executions (id),
    CONSTRAINT fk_recording_leases_decision_id_execution_id
        FOREIGN KEY (decision_id, execution_id) REFERENCES tapetrail.decisions (id, execution_id)
);

CREATE INDEX ix_recording_leases_holder ON tapetrail.recording_leases (holder);

CREATE INDEX ix_recording_leases_decision_id ON tapetrail.recording_leases (decision_id);

CREATE INDEX ix_recording_leases_expires_at ON tapetrail.recording_leases (expires_at);
