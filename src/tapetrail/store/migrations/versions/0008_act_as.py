"""Whoever upgraded the schema may act as the application and as the reader, too.

A superuser may act as anybody. The owner of a database on somebody else's server is a member of
`tapetrail_owner` since the first migration, and connects as the application all the same.
"""

from typing import Final

from alembic import op

revision: Final = "0008"
down_revision: Final = "0007"

JOIN: Final = """
DO $$
BEGIN
    IF NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = session_user) THEN
        EXECUTE pg_catalog.format('GRANT tapetrail_app, tapetrail_reader TO %I', session_user);
    END IF;
END
$$
"""


def upgrade() -> None:
    """Let the user of this session be application and reader."""
    op.execute("RESET ROLE")
    op.execute(JOIN)
