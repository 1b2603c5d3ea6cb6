"""How many sessions have no bar, and how many have passed since the last one, stand with the bars.

Both were notes beside the bars, or said nowhere; a strategy judges by them now, and lists warn by
them. Rows written before have neither.
"""

from typing import Final

from alembic import op

revision: Final = "0011"
down_revision: Final = "0010"

ALTERED: Final = (
    "ALTER TABLE tapetrail.market_snapshots ADD COLUMN missing_sessions bigint",
    "ALTER TABLE tapetrail.market_snapshots ADD COLUMN age_sessions bigint",
    """
    ALTER TABLE tapetrail.market_snapshots
        ADD CONSTRAINT ck_market_snapshots_missing_sessions_not_negative
        CHECK (missing_sessions >= 0)
    """,
    """
    ALTER TABLE tapetrail.market_snapshots
        ADD CONSTRAINT ck_market_snapshots_age_sessions_not_negative
        CHECK (age_sessions >= 0)
    """,
)


def upgrade() -> None:
    """Add the columns."""
    for statement in ALTERED:
        op.execute(statement)
