"""Who may do what: the application adds and reads rows, the reader reads, the public nothing.

Nobody but the owner needs to run the trigger functions by name: a trigger runs them itself.
Identity columns need no privilege on their sequences. Later tables name their own grants, so that
a table is never open because somebody forgot to close it.
"""

from typing import Final

from alembic import op

revision: Final = "0007"
down_revision: Final = "0006"

RECORDS: Final = (
    "instruments",
    "strategies",
    "prompt_templates",
    "runtimes",
    "blobs",
    "workflow_executions",
    "decisions",
    "execution_events",
    "decision_events",
    "decision_seals",
    "audit_events",
    "market_snapshots",
    "charts",
    "chart_archivals",
    "llm_analyses",
    "analysis_charts",
    "llm_attempts",
    "llm_replies",
    "trading_signals",
    "signal_outcomes",
    "analysis_outcomes",
)


def upgrade() -> None:
    """Grant exactly what each role does."""
    op.execute("SET LOCAL ROLE tapetrail_owner")
    for table in RECORDS:
        op.execute(f"GRANT SELECT, INSERT ON tapetrail.{table} TO tapetrail_app")
        op.execute(f"GRANT SELECT ON tapetrail.{table} TO tapetrail_reader")
    op.execute("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA tapetrail FROM PUBLIC")
