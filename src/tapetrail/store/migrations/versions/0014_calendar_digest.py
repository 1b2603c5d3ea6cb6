"""Each snapshot names the calendar its sessions were taken from: the text's digest.

A calendar is corrected now and then, and a strategy may change one. Rows written before came from a
library whose version stands with the runtime; they name no text.
"""

from typing import Final

from alembic import op

revision: Final = "0014"
down_revision: Final = "0013"

ALTERED: Final = (
    'ALTER TABLE tapetrail.market_snapshots ADD COLUMN calendar_digest text COLLATE "C"',
    """
    ALTER TABLE tapetrail.market_snapshots
        ADD CONSTRAINT ck_market_snapshots_calendar_digest_form
        CHECK (calendar_digest ~ '^sha256:[0-9a-f]{64}$')
    """,
    """
    ALTER TABLE tapetrail.market_snapshots
        ADD CONSTRAINT fk_market_snapshots_calendar_digest
        FOREIGN KEY (calendar_digest) REFERENCES tapetrail.blobs (digest)
    """,
    """
    CREATE INDEX ix_market_snapshots_calendar_digest
        ON tapetrail.market_snapshots USING hash (calendar_digest)
    """,
)


def upgrade() -> None:
    """Add the column."""
    op.execute("SET LOCAL ROLE tapetrail_owner")
    for statement in ALTERED:
        op.execute(statement)
    op.execute("RESET ROLE")
