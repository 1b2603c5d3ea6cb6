"""Runs the steps on the connection that `migrate.upgrade` opened, inside its transaction."""

from alembic import context
from sqlalchemy import Connection

from tapetrail.store.tables.base import SCHEMA


def run_migrations(connection: Connection) -> None:
    """Apply what is missing. The version table stands in our own schema, not in `public`."""
    context.configure(connection=connection, version_table_schema=SCHEMA)
    context.run_migrations()


run_migrations(context.config.attributes["connection"])
