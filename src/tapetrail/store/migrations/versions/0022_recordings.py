"""Agents that are not ours are recorded beside our own runs, in the same tables, as they tell it.

What they may not know is nullable now, and CHECKs keep our own rows whole. Each of their rows has
an id that its sender made, so that what is sent again after a failure is there once. What else they
read, who read what, orders and notes have tables of their own.
"""

from pathlib import Path
from typing import Final

from alembic import op

from tapetrail.store.sql import run_file

revision: Final = "0022"
down_revision: Final = "0021"

TABLES: Final = Path(__file__).with_name("0022_recordings.sql")


def upgrade() -> None:
    """Change the tables, and make those that are new."""
    run_file(op.get_bind(), TABLES)
