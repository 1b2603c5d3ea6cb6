"""The record's database: opened, its private server running; its schema made and upgraded."""

import re
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

import psycopg

from tapetrail.core.errors import EdgeFailure, InvalidInput
from tapetrail.settings import Settings
from tapetrail.store.connections import Connection, answering, connect
from tapetrail.store.moving_marks import MovingMark, parsed_mark, read_mark
from tapetrail.store.pooling import refuse_shared_sessions
from tapetrail.store.private.restore_marks import is_unfinished
from tapetrail.store.private.server import PrivateServer, ServerAddress
from tapetrail.store.roles import (
    NO_WISHES,
    PRIVATE,
    Roles,
    WantedRoles,
    default_roles,
    forbidden_role,
    may_act_as,
    recorded_roles,
)

SUPERUSER: Final = "postgres"
SCHEMA_VERSION: Final = "0023"
UPGRADE_POLL_S: Final = 0.1
UPGRADE_KEY: Final = 7_016_823_114_205_992
# The engine's tables come last and are granted at the end, so a grant on them says it all.
_LAST_STEP_DONE: Final = """
    SELECT bool_and(has_table_privilege(%(role)s, c.oid, 'INSERT')),
           obj_description(to_regnamespace('tapetrail'), 'pg_namespace')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'dbos' AND c.relname = 'datasource_outputs'
      AND EXISTS (SELECT FROM pg_roles WHERE rolname = %(role)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Where the record is: as the application sees it, as readers do, and as its owner does.

    `owner_url` connects as whoever upgrades, `roles` are those of the record. `idle` is the
    connection of a reader over which the schema was looked at, for the first one who reads.
    `moving` says that the record leaves for another database, or has left.
    """

    app_url: str
    reader_url: str
    owner_url: str
    roles: Roles
    idle: Connection | None = None
    moving: MovingMark | None = None

    def url_to_add(self) -> str:
        """Return the address to add rows by. Raises `InvalidInput` for a record that leaves."""
        if self.moving is not None:
            self.moving.refuse_writing()
        return self.app_url


Opening = Callable[[], AbstractContextManager[Database]]
"""Gives the database for as long as it is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDatabase:
    """The database of some settings.

    `migrate_engine` makes the durable engine's own tables, by an address, for a role.
    """

    settings: Settings
    migrate_engine: Callable[[str, str], None]

    @property
    def server(self) -> PrivateServer:
        """Return the server of this home, running or not."""
        return PrivateServer(home=self.settings.home, bin_dir=self.settings.postgres_bin_dir)

    @contextmanager
    def open(self) -> Generator[Database]:
        """Give the database, its private server running and its schema present while it is open.

        A private server's schema is brought up to date by itself. Another server's is not: raises
        `EdgeFailure` when it is behind, and for a home that a restore has not finished.
        """
        settings = self.settings
        if is_unfinished(settings.home):
            raise EdgeFailure(
                f"the record in {settings.home} is incomplete; a restore into it is under way, or"
                " did not finish; run: tapetrail db restore"
            )
        if (url := settings.database_url) is not None:
            with self._current(_on_server(url)) as database:
                yield database
            return
        with (
            self.server.hold() as address,
            self._current(_private(address)) as database,
        ):
            yield database

    @contextmanager
    def _current(self, database: Database) -> Generator[Database]:
        """Give the database with its schema current, a private server's by an upgrade."""
        idle = _connected_to_current(database)
        if idle is not None:
            connection, mark = idle
            with closing(connection):
                yield replace(database, idle=connection, moving=mark)
            return
        # A reader may not even connect; the owner says why.
        with answering(), connect(database.owner_url) as connection:
            is_current, mark = _look(connection, database.roles)
        if not is_current and mark is not None:
            mark.refuse_writing()  # an upgrade writes
        if not is_current and self.settings.database_url is not None:
            raise EdgeFailure(
                f"the database has no schema of version {SCHEMA_VERSION}; run: tapetrail db upgrade"
            )
        if not is_current:
            with _turn_to_upgrade(database.owner_url) as connection:
                # Whoever had the turn before may be at work on what is now current.
                if not _look(connection, database.roles)[0]:
                    self._upgrade(database.owner_url, database.roles)
        yield replace(database, moving=mark)

    @contextmanager
    def as_it_is(self) -> Generator[Database]:
        """Give the database as its owner has it, whatever release made its schema."""
        if (url := self.settings.database_url) is not None:
            yield _on_server(url)
            return
        with self.server.hold() as address:
            yield _private(address)

    def upgrade(self, wanted: WantedRoles = NO_WISHES) -> str:
        """Bring the database up to date and return the schema's version.

        Raises `InvalidInput` for roles that a private server does not have, that differ from those
        of the record, or that whoever connects may neither take nor make.
        """
        if (url := self.settings.database_url) is not None:
            refuse_shared_sessions(url)
            self.upgrade_at(url, wanted)
        elif wanted != NO_WISHES:
            raise InvalidInput("a private server has roles of its own; name none")
        else:
            with self.open():
                pass
        return SCHEMA_VERSION

    def url_as(self, word: str) -> str:
        """Return the address of a server as the app or the reader; the owner's is the one given."""
        url = self.settings.database_url or ""
        with answering(), connect(url) as connection:
            roles = recorded_roles(connection)
            if roles is None:
                raise EdgeFailure("the database has no schema; run: tapetrail db upgrade")
            if not may_act_as(connection, roles.named(word)):
                raise forbidden_role(roles.named(word), connection)
        return url if word == "owner" else as_role(url, roles.named(word))

    def version(self) -> str | None:
        """Return the version of the database's schema, None where there is none yet."""
        if self.settings.database_url is not None:
            return _version(self.settings.database_url)
        with self.server.hold() as address:
            return _version(address.url(SUPERUSER))

    def upgrade_at(self, owner_url: str, wanted: WantedRoles = NO_WISHES) -> None:
        """Bring the schema and the engine's own tables up to date, one process at a time."""
        with _turn_to_upgrade(owner_url) as connection:
            if (mark := read_mark(connection)) is not None:
                mark.refuse_opening()
                mark.refuse_writing()
            roles = wanted.roles(recorded_roles(connection), connection.info.dbname)
            self._upgrade(owner_url, roles, may_create_roles=wanted.may_create)

    def upgrade_as(self, owner_url: str, roles: Roles) -> None:
        """Do the same for a record that came from elsewhere, and is to have these roles."""
        with _turn_to_upgrade(owner_url):
            self._upgrade(owner_url, roles)

    def _upgrade(self, owner_url: str, roles: Roles, *, may_create_roles: bool = True) -> None:
        from tapetrail.store import migrate  # noqa: PLC0415 # Alembic is needed here only

        migrate.upgrade(owner_url, roles, may_create_roles=may_create_roles)
        self.migrate_engine(owner_url, roles.app)


def _private(address: ServerAddress) -> Database:
    """Return where the record of a private server is."""
    return Database(
        app_url=address.url(PRIVATE.app),
        reader_url=address.url(PRIVATE.reader),
        owner_url=address.url(SUPERUSER),
        roles=PRIVATE,
    )


def usual_roles(url: str) -> Roles:
    """Return the roles of a database that has no record yet."""
    with answering(), connect(url) as connection:
        return default_roles(connection.info.dbname)


def _on_server(url: str) -> Database:
    """Return where the record is on a server: by one address, as one role or another.

    Whoever may not act as the reader reads as the application, if they may.
    """
    with answering(), connect(url) as connection:
        recorded = recorded_roles(connection)
        roles = recorded or default_roles(connection.info.dbname)
        reads = may_act_as(connection, roles.reader)
        if recorded is not None and not reads and not may_act_as(connection, roles.app):
            raise forbidden_role(roles.app, connection)
        reads = reads or recorded is None
    return Database(
        app_url=as_role(url, roles.app),
        reader_url=as_role(url, roles.reader if reads else roles.app),
        owner_url=url,
        roles=roles,
    )


@contextmanager
def _turn_to_upgrade(owner_url: str) -> Generator[Connection]:
    """Give a connection that alone holds the right to upgrade, once it is free.

    The engine builds indexes concurrently, which waits for every open statement: one that waited
    for this lock would never see it freed, so it is asked for again and again.
    """
    with answering(), connect(owner_url) as connection:
        lock = "SELECT pg_try_advisory_lock(%s)"
        while connection.execute(lock, [UPGRADE_KEY]).fetchone() != (True,):
            time.sleep(UPGRADE_POLL_S)
        yield connection


def as_role(url: str, role: str) -> str:
    """Return `url` with every session acting as `role`; what it asks of sessions itself stays."""
    address, _, query = url.partition("?")
    words = parse_qsl(query, keep_blank_values=True)
    options = [text for name, text in words if name == "options"]
    asked = [*((name, text) for name, text in words if name != "options")]
    # A backslash keeps the next sign as it is, as servers read it.
    name = re.sub(r"([\\\s])", r"\\\1", role)
    asked.append(("options", " ".join([*options, f"-c role={name}"])))
    return f"{address}?{urlencode(asked, quote_via=quote)}"


def _connected_to_current(database: Database) -> tuple[Connection, MovingMark | None] | None:
    """Return a reader's connection to a database whose schema is current, None where it is none.

    Beside it stands what the database says of a move.
    """
    try:
        connection = connect(database.reader_url)
    except EdgeFailure:
        return None
    with answering(), ExitStack() as stack:
        stack.callback(connection.close)
        is_current, mark = _look(connection, database.roles)
        if is_current:
            stack.pop_all()
            return connection, mark
    return None


def _look(connection: Connection, roles: Roles) -> tuple[bool, MovingMark | None]:
    """Return whether the last step of an upgrade, to this release's version, was done.

    Beside it stands what the database says of a move. Raises `EdgeFailure` for a record that has
    not arrived.
    """
    last_step, said = connection.execute(_LAST_STEP_DONE, {"role": roles.app}).fetchone() or (
        None,
        None,
    )
    if (mark := parsed_mark(said)) is not None:
        mark.refuse_opening()
    return last_step is True and _version_on(connection) == SCHEMA_VERSION, mark


def _version(url: str) -> str | None:
    with answering(), connect(url) as connection:
        return _version_on(connection)


def _version_on(connection: Connection) -> str | None:
    try:
        found = connection.execute("SELECT version_num FROM tapetrail.alembic_version").fetchone()
    except psycopg.ProgrammingError:
        return None
    return None if found is None else str(found[0])
