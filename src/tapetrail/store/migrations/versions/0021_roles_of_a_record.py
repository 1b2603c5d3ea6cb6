"""A record says itself which roles it has, in the comment on the table that names its version.

Names of roles belong to a whole server, so that two records on one server cannot share them. The
comment is written at the end of each upgrade; what is without one has the roles of private servers.
"""

from typing import Final

revision: Final = "0021"
down_revision: Final = "0020"


def upgrade() -> None:
    """Change no table: the revision is what brings the comment, and the grants by its names."""
