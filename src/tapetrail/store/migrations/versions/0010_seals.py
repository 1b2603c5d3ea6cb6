"""A seal says what it hashed and who concluded, and an execution that ends is sealed too.

With the hashed list on record, a verifier can name which row is gone, not only that one is. The
runtime of an execution is its planner's; after a take-over another process may have concluded.
Events, with time and actor, were under no seal until now.
"""

from typing import Final

from alembic import op

revision: Final = "0010"
down_revision: Final = "0009"

ADDED: Final = (
    """
    ALTER TABLE tapetrail.decision_seals
        ADD COLUMN runtime_id bigint, ADD COLUMN seal_document jsonb,
        ADD CONSTRAINT fk_decision_seals_runtime_id FOREIGN KEY (runtime_id)
            REFERENCES tapetrail.runtimes (id)
    """,
    "CREATE INDEX ix_decision_seals_runtime_id ON tapetrail.decision_seals (runtime_id)",
    """
    CREATE TABLE tapetrail.execution_seals (
        id bigint GENERATED ALWAYS AS IDENTITY,
        execution_id bigint NOT NULL,
        runtime_id bigint NOT NULL,
        seal_digest text COLLATE "C" NOT NULL,
        seal_document jsonb NOT NULL,
        sealed_at timestamp with time zone NOT NULL,
        record_digest text COLLATE "C" NOT NULL,
        CONSTRAINT pk_execution_seals PRIMARY KEY (id),
        CONSTRAINT uq_execution_seals_execution_id UNIQUE (execution_id),
        CONSTRAINT fk_execution_seals_execution_id FOREIGN KEY (execution_id)
            REFERENCES tapetrail.workflow_executions (id),
        CONSTRAINT fk_execution_seals_runtime_id FOREIGN KEY (runtime_id)
            REFERENCES tapetrail.runtimes (id),
        CONSTRAINT ck_execution_seals_seal_digest_form
            CHECK (seal_digest ~ '^sha256:[0-9a-f]{64}$'),
        CONSTRAINT ck_execution_seals_record_digest_form
            CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
    )
    """,
    "CREATE INDEX ix_execution_seals_runtime_id ON tapetrail.execution_seals (runtime_id)",
)


def upgrade() -> None:
    """Add the columns and the table."""
    for statement in ADDED:
        op.execute(statement)
