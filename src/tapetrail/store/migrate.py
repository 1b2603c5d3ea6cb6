"""The schema of a database: bringing it up to date, and telling which version it has.

Upgrading is one transaction: all steps or none. Two processes that start at once are safe, because
the second waits for the first and then finds nothing to do.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from tapetrail.core.errors import EdgeFailure, InvalidInput
from tapetrail.store.connections import Connection as DriverConnection
from tapetrail.store.roles import PRIVATE, Roles, prepare_roles, write_roles
from tapetrail.store.session import open_engine
from tapetrail.store.sql import run_file
from tapetrail.store.tables.base import SCHEMA

# Any number will do, as long as every release takes the same.
ADVISORY_KEY: Final = 7_016_823_114_205_991
SQL: Final = Path(__file__).parent / "sql"
ROLES: Final = "roles"
GUARDS: Final = ("guards", "checks", "grants")
"""What every upgrade applies again after its migrations, as the owner, in this order."""
LOCK_TIMEOUT_S: Final = 5.0
TURN_TIMEOUT_S: Final = 120
OLDEST_SERVER: Final = 150_000


def head() -> str:
    """Return the newest version that this release knows."""
    return _versions()[0]


def current(url: str) -> str | None:
    """Return the version of the database at `url`, None where there is no schema yet.

    Raises `EdgeFailure` when the server does not answer.
    """
    with _transaction(url) as connection:
        return _version(connection)


def upgrade(
    url: str,
    roles: Roles = PRIVATE,
    *,
    may_create_roles: bool = True,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
) -> None:
    """Bring the database at `url` to `head()`, its roles included.

    `url` names whoever may create schemas in this database and act as the roles, or create them.
    Waiting for a lock ends after seconds, so that an upgrade never queues up behind a long
    transaction and everything else behind the upgrade. Raises `InvalidInput` for a database that a
    newer release made, a server that is too old and a role that may not, `EdgeFailure` when the
    server does not answer or a lock cannot be had.
    """
    with _transaction(url) as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{TURN_TIMEOUT_S}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_KEY})
        connection.execute(text(f"SET LOCAL lock_timeout = {lock_timeout_s * 1000:.0f}"))
        _check_known(_version(connection))
        # The version table needs its schema before the first step runs.
        if not inspect(connection).has_schema(SCHEMA):
            connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
        _admit(connection, roles, may_create=may_create_roles)
        _become(connection, roles.owner)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        for name in GUARDS:
            _run(connection, name)
        write_roles(_driver(connection), roles)


def prepare(url: str, *, roles: Roles, statements: Sequence[str]) -> None:
    """Create the roles and the schema that they may enter, then run `statements`; all or nothing.

    For a dump to be restored into: it brings the tables and their version. Raises as `upgrade`
    does, and `InvalidInput` where the schema is there.
    """
    with _transaction(url) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_KEY})
        if inspect(connection).has_schema(SCHEMA):
            raise InvalidInput(f"the database has a schema {SCHEMA} already")
        connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
        _admit(connection, roles, may_create=True)
        for statement in statements:
            connection.execute(text(statement))


def _admit(connection: Connection, roles: Roles, *, may_create: bool) -> None:
    """Have the roles, named in settings of the transaction, and let them into the schema."""
    prepare_roles(_driver(connection), roles, may_create=may_create)
    for word, name in zip(("owner", "app", "reader"), roles.names, strict=True):
        setting = {"word": f"tapetrail.{word}", "name": name}
        connection.execute(text("SELECT set_config(:word, :name, true)"), setting)
    _run(connection, ROLES)


def _become(connection: Connection, role: str) -> None:
    """Act as a role until the end of the transaction."""
    connection.execute(text("SELECT set_config('role', :role, true)"), {"role": role})


def _driver(connection: Connection) -> DriverConnection:
    """Return the driver's connection, in the same transaction."""
    found = connection.connection.driver_connection
    if not isinstance(found, psycopg.Connection):
        raise InvalidInput(f"connection of {type(found).__name__}: expected one of psycopg")
    return found  # pyright: ignore[reportUnknownVariableType] # it gives rows as tuples


def _run(connection: Connection, name: str) -> None:
    """Run one of our files of SQL, as it is."""
    run_file(connection, SQL / f"{name}.sql")


def _config() -> Config:
    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    # The option is read with interpolation, so a percent sign in a path counts double.
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _versions() -> list[str]:
    """Return the versions that this release knows, newest first."""
    scripts = ScriptDirectory.from_config(_config())
    return [script.revision for script in scripts.walk_revisions()]


def _version(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA})
    return context.get_current_revision()


def _check_server(connection: DriverConnection) -> None:
    version = connection.info.server_version
    if version < OLDEST_SERVER:
        raise InvalidInput(
            f"PostgreSQL {version // 10_000}: expected {OLDEST_SERVER // 10_000} or newer"
        )


def _check_known(version: str | None) -> None:
    known = _versions()
    if version is not None and version not in known:
        raise InvalidInput(
            f"database schema {SCHEMA} is at version {version}; this release knows {known[-1]} to"
            f" {known[0]}: a newer schema needs the release that made it, an older one is first"
            f" upgraded to {known[-1]} by a release that knows it"
        )


@contextmanager
def _transaction(url: str) -> Generator[Connection]:
    """Give a connection whose work is committed at the end, or not at all."""
    engine = open_engine(url, pool_size=1, idle_timeout_s=0)
    try:
        with engine.begin() as connection:
            # A limit of the server's or of a role's is meant for questions.
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            _check_server(_driver(connection))
            yield connection
    except OperationalError as error:
        raise EdgeFailure(f"PostgreSQL at {engine.url!r}: {error.orig}") from error
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        database, user = engine.url.database, engine.url.username
        raise InvalidInput(
            f"PostgreSQL at {engine.url!r}: {error.orig}; the schemas are for whoever owns them, or"
            f' may create them: GRANT CREATE ON DATABASE "{database}" TO "{user}"'
        ) from error
    finally:
        engine.dispose()
