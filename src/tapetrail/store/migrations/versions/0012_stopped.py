"""A person can stop an execution: nothing of it begins until somebody resumes it.

Its decisions stay as they are, pending or running. The way there and back is among the guards,
which every upgrade applies.
"""

from typing import Final

from alembic import op

revision: Final = "0012"
down_revision: Final = "0011"

WORDS: Final = (
    "'pending', 'running', 'stopped', 'completed', 'completed_with_errors', 'failed', 'cancelled'"
)
KNOWN: Final = (
    ("workflow_executions", "status"),
    ("execution_events", "from_status"),
    ("execution_events", "to_status"),
)
ALTERED: Final = (
    "ALTER TABLE tapetrail.workflow_executions DROP CONSTRAINT ck_workflow_executions_started",
    """
    ALTER TABLE tapetrail.workflow_executions ADD CONSTRAINT ck_workflow_executions_started
        CHECK (status NOT IN ('running', 'stopped') OR started_at IS NOT NULL)
    """,
    "ALTER TABLE tapetrail.workflow_executions DROP CONSTRAINT ck_workflow_executions_ended",
    """
    ALTER TABLE tapetrail.workflow_executions ADD CONSTRAINT ck_workflow_executions_ended
        CHECK ((status IN ('pending', 'running', 'stopped')) = (completed_at IS NULL))
    """,
    "DROP INDEX tapetrail.ix_workflow_executions_open",
    """
    CREATE INDEX ix_workflow_executions_open ON tapetrail.workflow_executions (id)
        WHERE status IN ('pending', 'running', 'stopped')
    """,
)


def upgrade() -> None:
    """Let the new word in."""
    for table, column in KNOWN:
        name = f"ck_{table}_{column}_known"
        op.execute(f"ALTER TABLE tapetrail.{table} DROP CONSTRAINT {name}")
        op.execute(
            f"ALTER TABLE tapetrail.{table} ADD CONSTRAINT {name} CHECK ({column} IN ({WORDS}))"
        )
    for statement in ALTERED:
        op.execute(statement)
