"""The tables of runs: what is traded and by which rules, what ran when, and how it ended.

They come first because everything that a decision saw and said refers to them. `runtimes` and
`blobs` are told apart from the rest by their content: the same runtime, the same bytes, one row.
"""

from typing import Final

from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"

TABLES: Final = (
    # instruments
    """
CREATE TABLE tapetrail.instruments (
    id bigint GENERATED ALWAYS AS IDENTITY,
    symbol text NOT NULL,
    exchange text NOT NULL,
    currency text NOT NULL,
    conid bigint,
    asset_class text NOT NULL,
    tick_size numeric,
    multiplier numeric NOT NULL,
    calendar text NOT NULL,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_instruments PRIMARY KEY (id),
    CONSTRAINT uq_instruments_symbol_exchange_currency UNIQUE (symbol, exchange, currency),
    CONSTRAINT uq_instruments_id_symbol UNIQUE (id, symbol),
    CONSTRAINT ck_instruments_conid_positive CHECK (conid > 0),
    CONSTRAINT ck_instruments_tick_size_positive CHECK (tick_size > 0),
    CONSTRAINT ck_instruments_multiplier_positive CHECK (multiplier > 0),
    CONSTRAINT ck_instruments_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    "CREATE INDEX ix_instruments_conid ON tapetrail.instruments (conid)",
    # strategies
    """
CREATE TABLE tapetrail.strategies (
    id bigint GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    version bigint NOT NULL,
    kind text NOT NULL,
    spec jsonb NOT NULL,
    spec_digest text COLLATE "C" NOT NULL,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_strategies PRIMARY KEY (id),
    CONSTRAINT uq_strategies_name_version UNIQUE (name, version),
    CONSTRAINT ck_strategies_version_positive CHECK (version >= 1),
    CONSTRAINT ck_strategies_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_strategies_spec_digest_form CHECK (spec_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    # prompt_templates
    """
CREATE TABLE tapetrail.prompt_templates (
    id bigint GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    version bigint NOT NULL,
    body text NOT NULL,
    body_digest text COLLATE "C" NOT NULL,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_prompt_templates PRIMARY KEY (id),
    CONSTRAINT uq_prompt_templates_name_version UNIQUE (name, version),
    CONSTRAINT ck_prompt_templates_version_positive CHECK (version >= 1),
    CONSTRAINT ck_prompt_templates_record_digest_form
        CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_prompt_templates_body_digest_form
        CHECK (body_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    # runtimes
    """
CREATE TABLE tapetrail.runtimes (
    id bigint GENERATED ALWAYS AS IDENTITY,
    code_version text NOT NULL,
    lock_digest text COLLATE "C",
    libraries jsonb NOT NULL,
    renderer text NOT NULL,
    python_version text NOT NULL,
    platform text NOT NULL,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_runtimes PRIMARY KEY (id),
    CONSTRAINT uq_runtimes_record_digest UNIQUE (record_digest),
    CONSTRAINT ck_runtimes_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_runtimes_lock_digest_form CHECK (lock_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    # blobs
    """
CREATE TABLE tapetrail.blobs (
    id bigint GENERATED ALWAYS AS IDENTITY,
    digest text COLLATE "C" NOT NULL,
    key text NOT NULL,
    size bigint NOT NULL,
    media_type text NOT NULL,
    first_seen_at timestamptz NOT NULL,
    CONSTRAINT pk_blobs PRIMARY KEY (id),
    CONSTRAINT uq_blobs_digest UNIQUE (digest),
    CONSTRAINT uq_blobs_key UNIQUE (key),
    CONSTRAINT ck_blobs_digest_form CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_blobs_size_not_negative CHECK (size >= 0)
)
""",
    # workflow_executions
    """
CREATE TABLE tapetrail.workflow_executions (
    id bigint GENERATED ALWAYS AS IDENTITY,
    strategy_id bigint,
    runtime_id bigint,
    workflow_id text,
    run_type text NOT NULL,
    provenance text NOT NULL,
    as_of timestamptz NOT NULL,
    debug_mode boolean NOT NULL,
    actor text NOT NULL,
    config jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    clock_offset_ms numeric,
    clock_source text,
    status text DEFAULT 'pending' NOT NULL,
    started_at timestamptz,
    completed_at timestamptz,
    error text,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_workflow_executions PRIMARY KEY (id),
    CONSTRAINT fk_workflow_executions_strategy_id
        FOREIGN KEY (strategy_id) REFERENCES tapetrail.strategies (id),
    CONSTRAINT fk_workflow_executions_runtime_id
        FOREIGN KEY (runtime_id) REFERENCES tapetrail.runtimes (id),
    CONSTRAINT uq_workflow_executions_workflow_id UNIQUE (workflow_id),
    CONSTRAINT uq_workflow_executions_id_strategy_id UNIQUE (id, strategy_id),
    CONSTRAINT ck_workflow_executions_run_type_known
        CHECK (run_type IN ('manual', 'scheduled', 'backfill', 'replay', 'external')),
    CONSTRAINT ck_workflow_executions_provenance_known
        CHECK (provenance IN ('live', 'backfill', 'demo', 'replay', 'external', 'legacy')),
    CONSTRAINT ck_workflow_executions_status_known CHECK (
        status IN ('pending', 'running', 'completed', 'completed_with_errors', 'failed',
        'cancelled')
    ),
    CONSTRAINT ck_workflow_executions_replay
        CHECK ((run_type = 'replay') = (provenance = 'replay')),
    CONSTRAINT ck_workflow_executions_external
        CHECK (provenance <> 'external' OR run_type = 'external'),
    CONSTRAINT ck_workflow_executions_strategy
        CHECK (strategy_id IS NOT NULL OR provenance IN ('external', 'legacy')),
    CONSTRAINT ck_workflow_executions_runtime
        CHECK (runtime_id IS NOT NULL OR provenance IN ('external', 'legacy')),
    CONSTRAINT ck_workflow_executions_workflow
        CHECK (workflow_id IS NOT NULL OR provenance IN ('external', 'legacy')),
    CONSTRAINT ck_workflow_executions_clock
        CHECK (clock_offset_ms IS NULL OR clock_source IS NOT NULL),
    CONSTRAINT ck_workflow_executions_started
        CHECK (status <> 'running' OR started_at IS NOT NULL),
    CONSTRAINT ck_workflow_executions_ended
        CHECK ((status IN ('pending', 'running')) = (completed_at IS NULL)),
    CONSTRAINT ck_workflow_executions_error_when_failed
        CHECK (status <> 'failed' OR error IS NOT NULL),
    CONSTRAINT ck_workflow_executions_no_error_when_completed
        CHECK (status <> 'completed' OR error IS NULL),
    CONSTRAINT ck_workflow_executions_record_digest_form
        CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    """
CREATE INDEX ix_workflow_executions_open
    ON tapetrail.workflow_executions (id)
    WHERE status IN ('pending', 'running')
""",
    "CREATE INDEX ix_workflow_executions_runtime_id ON tapetrail.workflow_executions (runtime_id)",
    """
CREATE INDEX ix_workflow_executions_strategy_id
    ON tapetrail.workflow_executions (strategy_id)
""",
    # decisions
    """
CREATE TABLE tapetrail.decisions (
    id bigint GENERATED ALWAYS AS IDENTITY,
    execution_id bigint NOT NULL,
    instrument_id bigint NOT NULL,
    symbol text NOT NULL,
    conid bigint,
    as_of timestamptz NOT NULL,
    run_no bigint NOT NULL,
    replay_of bigint,
    created_at timestamptz NOT NULL,
    provenance text NOT NULL,
    status text DEFAULT 'pending' NOT NULL,
    failed_stage text,
    error_kind text,
    error_message text,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_decisions PRIMARY KEY (id),
    CONSTRAINT fk_decisions_execution_id
        FOREIGN KEY (execution_id) REFERENCES tapetrail.workflow_executions (id),
    CONSTRAINT fk_decisions_instrument_id_symbol
        FOREIGN KEY (instrument_id, symbol) REFERENCES tapetrail.instruments (id, symbol),
    CONSTRAINT fk_decisions_replay_of
        FOREIGN KEY (replay_of) REFERENCES tapetrail.decisions (id),
    CONSTRAINT uq_decisions_execution_id_instrument_id UNIQUE (execution_id, instrument_id),
    CONSTRAINT uq_decisions_id_execution_id UNIQUE (id, execution_id),
    CONSTRAINT ck_decisions_provenance_known
        CHECK (provenance IN ('live', 'backfill', 'demo', 'replay', 'external', 'legacy')),
    CONSTRAINT ck_decisions_status_known
        CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    CONSTRAINT ck_decisions_failed_stage_known
        CHECK (failed_stage IN ('bars', 'chart', 'analysis', 'signal', 'engine')),
    CONSTRAINT ck_decisions_error_kind_form CHECK (error_kind ~ '^[a-z][a-z0-9_]*$'),
    CONSTRAINT ck_decisions_run_no_positive CHECK (run_no >= 1),
    CONSTRAINT ck_decisions_conid_positive CHECK (conid > 0),
    CONSTRAINT ck_decisions_replay CHECK ((provenance = 'replay') = (replay_of IS NOT NULL)),
    CONSTRAINT ck_decisions_failure CHECK (
        num_nonnulls(failed_stage, error_kind, error_message) =
        CASE status
        WHEN 'failed' THEN 3
        ELSE 0
        END
    ),
    CONSTRAINT ck_decisions_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    "CREATE INDEX ix_decisions_instrument_id_as_of ON tapetrail.decisions (instrument_id, as_of)",
    """
CREATE INDEX ix_decisions_replay_of
    ON tapetrail.decisions (replay_of)
    WHERE replay_of IS NOT NULL
""",
    "CREATE INDEX ix_decisions_symbol_id ON tapetrail.decisions (symbol, id DESC)",
    # execution_events
    """
CREATE TABLE tapetrail.execution_events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    execution_id bigint NOT NULL,
    at timestamptz NOT NULL,
    from_status text,
    to_status text NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    error text,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_execution_events PRIMARY KEY (id),
    CONSTRAINT fk_execution_events_execution_id
        FOREIGN KEY (execution_id) REFERENCES tapetrail.workflow_executions (id),
    CONSTRAINT ck_execution_events_from_status_known CHECK (
        from_status IN ('pending', 'running', 'completed', 'completed_with_errors', 'failed',
        'cancelled')
    ),
    CONSTRAINT ck_execution_events_to_status_known CHECK (
        to_status IN ('pending', 'running', 'completed', 'completed_with_errors', 'failed',
        'cancelled')
    ),
    CONSTRAINT ck_execution_events_opening
        CHECK (from_status IS NOT NULL OR to_status = 'pending'),
    CONSTRAINT ck_execution_events_error_when_failed
        CHECK (to_status <> 'failed' OR error IS NOT NULL),
    CONSTRAINT ck_execution_events_record_digest_form
        CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    """
CREATE UNIQUE INDEX uq_execution_events_opening
    ON tapetrail.execution_events (execution_id)
    WHERE from_status IS NULL
""",
    """
CREATE INDEX ix_execution_events_execution_id_id
    ON tapetrail.execution_events (execution_id, id)
""",
    # decision_events
    """
CREATE TABLE tapetrail.decision_events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    decision_id bigint NOT NULL,
    at timestamptz NOT NULL,
    from_status text,
    to_status text NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    failed_stage text,
    error_kind text,
    error_message text,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_decision_events PRIMARY KEY (id),
    CONSTRAINT fk_decision_events_decision_id
        FOREIGN KEY (decision_id) REFERENCES tapetrail.decisions (id),
    CONSTRAINT ck_decision_events_from_status_known
        CHECK (from_status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    CONSTRAINT ck_decision_events_to_status_known
        CHECK (to_status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    CONSTRAINT ck_decision_events_failed_stage_known
        CHECK (failed_stage IN ('bars', 'chart', 'analysis', 'signal', 'engine')),
    CONSTRAINT ck_decision_events_opening
        CHECK (from_status IS NOT NULL OR to_status = 'pending'),
    CONSTRAINT ck_decision_events_error_kind_form CHECK (error_kind ~ '^[a-z][a-z0-9_]*$'),
    CONSTRAINT ck_decision_events_failure CHECK (
        num_nonnulls(failed_stage, error_kind, error_message) =
        CASE to_status
        WHEN 'failed' THEN 3
        ELSE 0
        END
    ),
    CONSTRAINT ck_decision_events_record_digest_form
        CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    """
CREATE UNIQUE INDEX uq_decision_events_opening
    ON tapetrail.decision_events (decision_id)
    WHERE from_status IS NULL
""",
    """
CREATE INDEX ix_decision_events_decision_id_id
    ON tapetrail.decision_events (decision_id, id)
""",
    # decision_seals
    """
CREATE TABLE tapetrail.decision_seals (
    id bigint GENERATED ALWAYS AS IDENTITY,
    decision_id bigint NOT NULL,
    seal_digest text COLLATE "C" NOT NULL,
    sealed_at timestamptz NOT NULL,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_decision_seals PRIMARY KEY (id),
    CONSTRAINT fk_decision_seals_decision_id
        FOREIGN KEY (decision_id) REFERENCES tapetrail.decisions (id),
    CONSTRAINT uq_decision_seals_decision_id UNIQUE (decision_id),
    CONSTRAINT ck_decision_seals_record_digest_form
        CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_decision_seals_seal_digest_form CHECK (seal_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    # audit_events
    """
CREATE TABLE tapetrail.audit_events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    at timestamptz NOT NULL,
    record_digest text COLLATE "C" NOT NULL,
    CONSTRAINT pk_audit_events PRIMARY KEY (id),
    CONSTRAINT ck_audit_events_record_digest_form
        CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
)
""",
    "CREATE INDEX ix_audit_events_at ON tapetrail.audit_events (at)",
    "CREATE INDEX ix_audit_events_target_id ON tapetrail.audit_events (target, id)",
)


def upgrade() -> None:
    """Create the tables and their indexes, owned by `tapetrail_owner`."""
    op.execute("SET LOCAL ROLE tapetrail_owner")
    for statement in TABLES:
        op.execute(statement)
