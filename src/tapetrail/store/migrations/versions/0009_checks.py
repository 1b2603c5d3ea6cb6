"""Triggers are named for what they do: they apply an event, and check a row.

Until now they were called doors, and rows were admitted. The functions go with the triggers that
run them; the ones that take their place are among the guards, which every upgrade applies.
"""

from typing import Final

from alembic import op

revision: Final = "0009"
down_revision: Final = "0008"

FORMER: Final = (
    "execution",
    "decision",
    "child",
    "snapshot",
    "chart",
    "analysis",
    "analysis_chart",
    "signal",
    "seal",
)
EVENTS: Final = ("execution_events", "decision_events", "chart_archivals")


def upgrade() -> None:
    """Drop the triggers and functions of the old names."""
    op.execute("SET LOCAL ROLE tapetrail_owner")
    for name in FORMER:
        op.execute(f"DROP FUNCTION IF EXISTS tapetrail.admit_{name}() CASCADE")
    for table in EVENTS:
        op.execute(f"DROP TRIGGER IF EXISTS door ON tapetrail.{table}")
    op.execute("RESET ROLE")
