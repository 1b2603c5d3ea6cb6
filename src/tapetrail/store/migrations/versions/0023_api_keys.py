"""Programs that are let in over a network hold keys; who made and ended them is on record."""

from pathlib import Path
from typing import Final

from alembic import op

from tapetrail.store.sql import run_file

revision: Final = "0023"
down_revision: Final = "0022"

TABLES: Final = Path(__file__).with_name("0023_api_keys.sql")


def upgrade() -> None:
    """Make the tables."""
    run_file(op.get_bind(), TABLES)
