"""${message}: say here why.
"""

from typing import Final

from alembic import op

revision: Final = "${up_revision}"
down_revision: Final = "${down_revision}"


def upgrade() -> None:
    """Say what is there afterwards."""
    ${upgrades if upgrades else ""}
