"""A database with our schema for each test that asks for one, on the session's server."""

import itertools
import shutil
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, NullPool, create_engine, text
from tests.edges.rows import Rows
from tests.edges.server_processes import programs_of
from tests.edges.waiting import wait_for
from tests.homes import copy_home, server_of

from tapetrail.store import migrate
from tapetrail.store.private.account import server_account
from tapetrail.store.private.files import ServerFiles
from tapetrail.store.private.server import ServerAddress
from tapetrail.store.private.socket_folder import socket_folder

SUPERUSER = "postgres"
TEMPLATE = "template_migrated"
Connect = Callable[[str], AbstractContextManager[Connection]]
_numbers = itertools.count(1)


@contextmanager
def new_database(server: ServerAddress, template: str) -> Generator[ServerAddress]:
    """Give a copy of the database `template`, gone at the end."""
    name = f"test_{next(_numbers)}"
    execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield replace(server, database=name)
    execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def execute(server: ServerAddress, statement: str) -> None:
    """Run a statement that no transaction may hold, as the superuser."""
    engine = create_engine(server.url(SUPERUSER), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))


@pytest.fixture
def new_home(tmp_path: Path) -> Generator[Path]:
    """A home not yet made; whatever runs in it is stopped after the test."""
    path = tmp_path / "home"
    yield path
    server_of(path).stop()
    wait_for(lambda: not programs_of(path))
    files = ServerFiles(home=path)  # a killed server leaves its socket folder to the next start
    shutil.rmtree(socket_folder(files, server_account(files)), ignore_errors=True)


@pytest.fixture
def home(new_home: Path, prepared_home: Path) -> Path:
    """Return a home that was used before, its server stopped."""
    copy_home(prepared_home, new_home)
    return new_home


@pytest.fixture(scope="session")
def template(server: ServerAddress) -> ServerAddress:
    """Return a migrated database that others are copied from; nobody may stay connected to it."""
    execute(server, f"CREATE DATABASE {TEMPLATE}")
    made = replace(server, database=TEMPLATE)
    migrate.upgrade(made.url(SUPERUSER))
    return made


@pytest.fixture
def empty_database(server: ServerAddress) -> Generator[ServerAddress]:
    """Give a new database without a schema, gone after the test."""
    with new_database(server, "template0") as made:
        yield made


@pytest.fixture
def database(server: ServerAddress, template: ServerAddress) -> Generator[ServerAddress]:
    """Give a new migrated database, gone after the test."""
    with new_database(server, template.database) as made:
        yield made


@pytest.fixture(scope="session")
def shared_database(server: ServerAddress, template: ServerAddress) -> Generator[ServerAddress]:
    """Give one migrated database to all tests that leave nothing behind."""
    with new_database(server, template.database) as made:
        yield made


@pytest.fixture(scope="session")
def connect(shared_database: ServerAddress) -> Generator[Connect]:
    """Give a way to connect to the shared database as a role; what is done there is undone."""
    with ExitStack() as stack:
        engines: dict[str, Engine] = {}

        @contextmanager
        def connection_as(role: str) -> Generator[Connection]:
            if role not in engines:
                engines[role] = create_engine(shared_database.url(role))
                stack.callback(engines[role].dispose)
            with engines[role].connect() as connection, connection.begin() as transaction:
                yield connection
                transaction.rollback()

        yield connection_as


@pytest.fixture
def app(connect: Connect) -> Generator[Connection]:
    """Give the application's connection, in a transaction that is rolled back."""
    with connect("tapetrail_app") as connection:
        yield connection


@pytest.fixture
def rows(app: Connection) -> Rows:
    """Return rows in a transaction that is rolled back: what every run stands on."""
    made = Rows(app)
    made.add_ground()
    return made


@pytest.fixture
def running(rows: Rows) -> Rows:
    """Return rows up to a decision that runs."""
    rows.add_decision()
    return rows
