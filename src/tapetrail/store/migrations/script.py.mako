"""${message}: say here why.
"""

from typing import Final

from alembic import op

revision: Final = "${up_revision}"
down_revision: Final = "${down_revision}"


def upgrade() -> None:
    """Say what is there afterwards."""
    op.execute("SET LOCAL ROLE tapetrail_owner")
    ${upgrades if upgrades else ""}
