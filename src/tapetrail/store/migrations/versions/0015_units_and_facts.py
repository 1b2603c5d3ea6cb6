"""What prices were quoted in stands with the bars, beside the factor to the currency.

A factor of 0.01 said that prices were quoted in a hundredth, and not in which. Rows written before
say no more than that.
"""

from typing import Final

from alembic import op

revision: Final = "0015"
down_revision: Final = "0013"

ALTERED: Final = (
    "ALTER TABLE tapetrail.market_snapshots ADD COLUMN quoted_in text",
    """
    ALTER TABLE tapetrail.market_snapshots
        ADD CONSTRAINT ck_market_snapshots_quoted_in_by_factor
        CHECK ((quoted_in = currency) = (price_factor = 1))
    """,
)


def upgrade() -> None:
    """Add the column."""
    op.execute("SET LOCAL ROLE tapetrail_owner")
    for statement in ALTERED:
        op.execute(statement)
    op.execute("RESET ROLE")
