"""Which session a decision is as of is a column, and every filter of a list has an index.

Nobody who looks for a day's decisions knows when they were made, nor at what time of which zone
that day's session closed.
"""

from typing import Final

from alembic import op

revision: Final = "0013"
down_revision: Final = "0012"

INDEXES: Final = (
    ("decisions", "session_on_id", "session_on, id DESC"),
    ("decisions", "status_id", "status, id DESC"),
    ("decisions", "run_no_id", "run_no, id DESC"),
    ("decisions", "created_at", "created_at"),
    ("workflow_executions", "status_id", "status, id DESC"),
    ("workflow_executions", "created_at", "created_at"),
    ("market_snapshots", "timeframe_id", "timeframe, id DESC"),
    ("market_snapshots", "fetched_at", "fetched_at"),
    ("charts", "timeframe_id", "timeframe, id DESC"),
    ("charts", "status_id", "status, id DESC"),
    ("charts", "generated_at", "generated_at"),
    ("llm_analyses", "timeframe_id", "timeframe, id DESC"),
    ("llm_analyses", "analyst_id", "analyst, id DESC"),
    ("llm_analyses", "role_id", "role, id DESC"),
    ("llm_analyses", "status_id", "status, id DESC"),
    ("llm_analyses", "analyzed_at", "analyzed_at"),
    ("trading_signals", "timeframe_id", "timeframe_primary, id DESC"),
    ("trading_signals", "signal_type_id", "signal_type, id DESC"),
    ("trading_signals", "role_id", "role, id DESC"),
    ("trading_signals", "generated_at", "generated_at"),
)


def upgrade() -> None:
    """Add the column and the indexes."""
    op.execute("ALTER TABLE tapetrail.decisions ADD COLUMN session_on date")
    op.execute(
        "CREATE INDEX ix_decisions_as_of ON tapetrail.decisions (as_of) WHERE session_on IS NULL"
    )
    for table, name, columns in INDEXES:
        op.execute(f"CREATE INDEX ix_{table}_{name} ON tapetrail.{table} ({columns})")
