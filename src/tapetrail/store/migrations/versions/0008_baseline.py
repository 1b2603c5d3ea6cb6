"""The tables as they were when the schema was last written whole.

Databases made before are at this revision already, and go on from it. The statements are made from
the record's own declarations by `tools/freeze_tables.py` and never edited; what came later is a
migration of its own. Roles, guards and grants are not in here: they are applied at each upgrade.
"""

from pathlib import Path
from typing import Final

from alembic import op

from tapetrail.store.sql import run_file

revision: Final = "0008"
down_revision: Final = None

TABLES: Final = Path(__file__).with_name("0008_baseline.sql")


def upgrade() -> None:
    """Create every table, owned by the owner."""
    run_file(op.get_bind(), TABLES)
