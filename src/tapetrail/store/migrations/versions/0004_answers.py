"""The tables of answers: what was decided, and what later bars made of it.

The level rules of a signal stand here once more, because an order may be placed by whoever reads
the row and not the code that wrote it.
"""

from typing import Final

from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"

TABLES: Final = (
    # trading_signals
    """
CREATE TABLE tapetrail.trading_signals (
    id bigint GENERATED ALWAYS AS IDENTITY,
    execution_id bigint NOT NULL,
    decision_id bigint NOT NULL,
    chart_id bigint,
    llm_analysis_id bigint,
    strategy_id bigint,
    symbol text NOT NULL,
    conid bigint,
    role text NOT NULL,
    signal_type text NOT NULL,
    confidence numeric,
    trend text,
    entry_type text,
    entry_price numeric,
    stop_loss numeric,
    target_price numeric,
    risk_reward_ratio numeric,
    horizon_bars bigint,
    valid_until date,
    timeframe_primary text,
    timeframe_confirmation text,
    reasoning text,
    strategy_metadata jsonb NOT NULL,
    levels_valid boolean NOT NULL,
    decided_at timestamptz NOT NULL,
    generated_at timestamptz NOT NULL,
    provenance text NOT NULL,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_trading_signals PRIMARY KEY (id),
    CONSTRAINT fk_trading_signals_decision_id_execution_id
        FOREIGN KEY (decision_id, execution_id)
        REFERENCES tapetrail.decisions (id, execution_id),
    CONSTRAINT fk_trading_signals_chart_id
        FOREIGN KEY (chart_id) REFERENCES tapetrail.charts (id),
    CONSTRAINT fk_trading_signals_llm_analysis_id_decision_id
        FOREIGN KEY (llm_analysis_id, decision_id)
        REFERENCES tapetrail.llm_analyses (id, decision_id),
    CONSTRAINT fk_trading_signals_execution_id_strategy_id
        FOREIGN KEY (execution_id, strategy_id)
        REFERENCES tapetrail.workflow_executions (id, strategy_id),
    CONSTRAINT uq_trading_signals_llm_analysis_id UNIQUE (llm_analysis_id),
    CONSTRAINT ck_trading_signals_timeframe_primary_form
        CHECK (timeframe_primary ~ '^[1-9][0-9]*(m|h|d|w|mo)$'),
    CONSTRAINT ck_trading_signals_timeframe_confirmation_form
        CHECK (timeframe_confirmation ~ '^[1-9][0-9]*(m|h|d|w|mo)(,[1-9][0-9]*(m|h|d|w|mo))*$'),
    CONSTRAINT ck_trading_signals_provenance_known
        CHECK (provenance IN ('live', 'backfill', 'demo', 'replay', 'external', 'legacy')),
    CONSTRAINT ck_trading_signals_role_known CHECK (role IN ('deciding', 'shadow')),
    CONSTRAINT ck_trading_signals_signal_type_known
        CHECK (signal_type IN ('BUY', 'SELL', 'HOLD')),
    CONSTRAINT ck_trading_signals_entry_type_known
        CHECK (entry_type IN ('market', 'limit', 'stop')),
    CONSTRAINT ck_trading_signals_trend_known
        CHECK (trend IN ('bullish', 'bearish', 'neutral')),
    CONSTRAINT ck_trading_signals_levels_valid
        CHECK (levels_valid OR provenance IN ('external', 'legacy')),
    CONSTRAINT ck_trading_signals_levels CHECK (
        NOT levels_valid OR
        CASE signal_type
        WHEN 'HOLD' THEN num_nonnulls(entry_price, stop_loss, target_price) = 0
        WHEN 'BUY' THEN num_nulls(entry_price, stop_loss, target_price) = 0 AND stop_loss <
        entry_price AND entry_price < target_price
        WHEN 'SELL' THEN num_nonnulls(stop_loss, target_price) = 0
        OR (num_nulls(entry_price, stop_loss, target_price) = 0 AND target_price < entry_price
        AND entry_price < stop_loss)
        END
    ),
    CONSTRAINT ck_trading_signals_entry CHECK (
        NOT levels_valid
        OR ((signal_type = 'HOLD') = (entry_type IS NULL) AND (entry_type IS NOT DISTINCT FROM
        'market'
        OR entry_type IS NULL OR (valid_until IS NOT NULL AND entry_price IS NOT NULL)))
    ),
    CONSTRAINT ck_trading_signals_risk_reward_ratio
        CHECK (NOT levels_valid OR (risk_reward_ratio IS NULL) = (stop_loss IS NULL)),
    CONSTRAINT ck_trading_signals_risk_reward_ratio_positive
        CHECK (NOT levels_valid OR risk_reward_ratio > 0),
    CONSTRAINT ck_trading_signals_complete_unless_from_outside CHECK (
        num_nulls(chart_id, llm_analysis_id, strategy_id, confidence, trend, horizon_bars,
        timeframe_primary, reasoning) = 0
        OR provenance IN ('external', 'legacy')
    ),
    CONSTRAINT ck_trading_signals_confidence_range CHECK (confidence BETWEEN 0 AND 1),
    CONSTRAINT ck_trading_signals_horizon_bars_positive CHECK (horizon_bars >= 1),
    CONSTRAINT ck_trading_signals_conid_positive CHECK (conid > 0),
    CONSTRAINT ck_trading_signals_record_digest_form
        CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    """
CREATE UNIQUE INDEX uq_trading_signals_deciding
    ON tapetrail.trading_signals (decision_id)
    WHERE role = 'deciding'
""",
    "CREATE INDEX ix_trading_signals_chart_id ON tapetrail.trading_signals (chart_id)",
    "CREATE INDEX ix_trading_signals_decision_id ON tapetrail.trading_signals (decision_id)",
    """
CREATE INDEX ix_trading_signals_execution_id_id
    ON tapetrail.trading_signals (execution_id, id)
""",
    "CREATE INDEX ix_trading_signals_strategy_id ON tapetrail.trading_signals (strategy_id)",
    "CREATE INDEX ix_trading_signals_symbol_id ON tapetrail.trading_signals (symbol, id DESC)",
    """
CREATE INDEX ix_trading_signals_symbol_timeframe_id
    ON tapetrail.trading_signals (symbol, timeframe_primary, id DESC)
""",
    # signal_outcomes
    """
CREATE TABLE tapetrail.signal_outcomes (
    id bigint GENERATED ALWAYS AS IDENTITY,
    signal_id bigint NOT NULL,
    runtime_id bigint NOT NULL,
    rule text NOT NULL,
    cost_bp numeric NOT NULL,
    bars_digest text COLLATE "C",
    benchmark text,
    benchmark_bars_digest text COLLATE "C",
    state text NOT NULL,
    ambiguous boolean NOT NULL,
    optimistic_state text,
    fill_price numeric,
    filled_on date,
    exit_price numeric,
    exited_on date,
    bars_held bigint,
    planned_r numeric,
    net_r numeric,
    optimistic_net_r numeric,
    total_return_pct numeric,
    returns jsonb,
    mfe_pct numeric,
    mfe_r numeric,
    mfe_bars bigint,
    mae_pct numeric,
    mae_r numeric,
    mae_bars bigint,
    scored_at timestamptz NOT NULL,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_signal_outcomes PRIMARY KEY (id),
    CONSTRAINT fk_signal_outcomes_signal_id
        FOREIGN KEY (signal_id) REFERENCES tapetrail.trading_signals (id),
    CONSTRAINT fk_signal_outcomes_runtime_id
        FOREIGN KEY (runtime_id) REFERENCES tapetrail.runtimes (id),
    CONSTRAINT uq_signal_outcomes_scoring
        UNIQUE NULLS NOT DISTINCT (signal_id, rule, cost_bp, state, bars_digest),
    CONSTRAINT fk_signal_outcomes_bars_digest
        FOREIGN KEY (bars_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT fk_signal_outcomes_benchmark_bars_digest
        FOREIGN KEY (benchmark_bars_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT ck_signal_outcomes_state_known CHECK (
        state IN ('win', 'loss', 'timeout', 'not_filled', 'gapped_out', 'invalid_levels',
        'pending', 'no_data', 'delisted')
    ),
    CONSTRAINT ck_signal_outcomes_trade_has_fill_and_exit CHECK (
        state NOT IN ('win', 'loss', 'timeout')
        OR num_nulls(bars_digest, fill_price, filled_on, exit_price, exited_on, bars_held) = 0
    ),
    CONSTRAINT ck_signal_outcomes_ambiguous_names_both
        CHECK (NOT ambiguous OR optimistic_state IS NOT NULL),
    CONSTRAINT ck_signal_outcomes_optimistic_state_known
        CHECK (optimistic_state IN ('win', 'loss', 'timeout')),
    CONSTRAINT ck_signal_outcomes_benchmark
        CHECK ((benchmark IS NULL) = (benchmark_bars_digest IS NULL)),
    CONSTRAINT ck_signal_outcomes_cost_bp_not_negative CHECK (cost_bp >= 0),
    CONSTRAINT ck_signal_outcomes_bars_held_positive CHECK (bars_held >= 1),
    CONSTRAINT ck_signal_outcomes_dates_in_order CHECK (filled_on <= exited_on),
    CONSTRAINT ck_signal_outcomes_excursions CHECK (mfe_pct >= 0 AND mae_pct <= 0),
    CONSTRAINT ck_signal_outcomes_record_digest_form
        CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_signal_outcomes_bars_digest_form
        CHECK (bars_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_signal_outcomes_benchmark_bars_digest_form
        CHECK (benchmark_bars_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    """
CREATE INDEX ix_signal_outcomes_bars_digest
    ON tapetrail.signal_outcomes USING hash (bars_digest)
""",
    """
CREATE INDEX ix_signal_outcomes_benchmark_bars_digest
    ON tapetrail.signal_outcomes USING hash (benchmark_bars_digest)
""",
    "CREATE INDEX ix_signal_outcomes_runtime_id ON tapetrail.signal_outcomes (runtime_id)",
    # analysis_outcomes
    """
CREATE TABLE tapetrail.analysis_outcomes (
    id bigint GENERATED ALWAYS AS IDENTITY,
    analysis_id bigint NOT NULL,
    runtime_id bigint NOT NULL,
    rule text NOT NULL,
    horizon_sessions bigint NOT NULL,
    bars_digest text COLLATE "C",
    state text NOT NULL,
    trend_direction text NOT NULL,
    forward_return_pct numeric,
    trend_held boolean,
    scored_at timestamptz NOT NULL,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_analysis_outcomes PRIMARY KEY (id),
    CONSTRAINT fk_analysis_outcomes_analysis_id
        FOREIGN KEY (analysis_id) REFERENCES tapetrail.llm_analyses (id),
    CONSTRAINT fk_analysis_outcomes_runtime_id
        FOREIGN KEY (runtime_id) REFERENCES tapetrail.runtimes (id),
    CONSTRAINT uq_analysis_outcomes_scoring
        UNIQUE NULLS NOT DISTINCT (analysis_id, rule, horizon_sessions, state, bars_digest),
    CONSTRAINT fk_analysis_outcomes_bars_digest
        FOREIGN KEY (bars_digest) REFERENCES tapetrail.blobs (digest),
    CONSTRAINT ck_analysis_outcomes_state_known
        CHECK (state IN ('scored', 'pending', 'no_data', 'delisted')),
    CONSTRAINT ck_analysis_outcomes_trend_direction_known
        CHECK (trend_direction IN ('bullish', 'bearish', 'neutral')),
    CONSTRAINT ck_analysis_outcomes_scored_has_return
        CHECK (state <> 'scored' OR num_nulls(bars_digest, forward_return_pct, trend_held) = 0),
    CONSTRAINT ck_analysis_outcomes_horizon_sessions_positive CHECK (horizon_sessions >= 1),
    CONSTRAINT ck_analysis_outcomes_record_digest_form
        CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_analysis_outcomes_bars_digest_form
        CHECK (bars_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    """
CREATE INDEX ix_analysis_outcomes_bars_digest
    ON tapetrail.analysis_outcomes USING hash (bars_digest)
""",
    "CREATE INDEX ix_analysis_outcomes_runtime_id ON tapetrail.analysis_outcomes (runtime_id)",
)


def upgrade() -> None:
    """Create the tables and their indexes, owned by `tapetrail_owner`."""
    op.execute("SET LOCAL ROLE tapetrail_owner")
    for statement in TABLES:
        op.execute(statement)
