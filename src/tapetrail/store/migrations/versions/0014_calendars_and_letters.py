"""Each snapshot names its calendar's text; each chart the letters that its image writes by number.

A calendar is corrected now and then, and a strategy may change one. Rows written before came from a
library whose version stands with the runtime; they name no text. Images of theirs had `?` for
letters that no font had, which no row said.
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
    "ALTER TABLE tapetrail.charts ADD COLUMN escaped_letters text",
    """
    ALTER TABLE tapetrail.charts
        ADD CONSTRAINT ck_charts_escaped_letters CHECK (escaped_letters <> '')
    """,
)


def upgrade() -> None:
    """Add the columns."""
    for statement in ALTERED:
        op.execute(statement)
