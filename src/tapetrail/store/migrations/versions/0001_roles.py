"""The three roles, and who may enter the schema.

Whoever runs an upgrade creates things, but nobody should have to be that powerful afterwards:
`tapetrail_owner` owns the tables, `tapetrail_app` adds rows and reads them, `tapetrail_reader`
reads. They may log in, as a private server asks for no password; elsewhere they cannot until an
administrator gives them one. Roles belong to the whole server, so they may be there already.
"""

from typing import Final

from alembic import op

revision: Final = "0001"
down_revision: Final = None

ROLES: Final = ("tapetrail_owner", "tapetrail_app", "tapetrail_reader")

# Two databases of one server may be upgraded at once; the second finds the role a moment too late.
CREATE_ROLE: Final = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '{role}') THEN
        CREATE ROLE {role} LOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$
"""

# A superuser may act as anybody; anyone else must be a member to create tables for the owner.
JOIN_OWNER: Final = """
DO $$
BEGIN
    IF NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
        EXECUTE pg_catalog.format('GRANT tapetrail_owner TO %I', current_user);
    END IF;
END
$$
"""

# The schema stays with its creator: even the owner of the tables cannot drop it.
ENTER: Final = (
    "REVOKE ALL ON SCHEMA tapetrail FROM PUBLIC",
    "GRANT USAGE, CREATE ON SCHEMA tapetrail TO tapetrail_owner",
    "GRANT USAGE ON SCHEMA tapetrail TO tapetrail_app, tapetrail_reader",
    "ALTER TABLE tapetrail.alembic_version OWNER TO tapetrail_owner",
    "GRANT SELECT ON tapetrail.alembic_version TO tapetrail_app, tapetrail_reader",
)


def upgrade() -> None:
    """Create the roles and let them in."""
    for role in ROLES:
        op.execute(CREATE_ROLE.format(role=role))
    op.execute(JOIN_OWNER)
    for statement in ENTER:
        op.execute(statement)
