"""Settings to edges to Reader and Recorder: the only module that knows them all.

What writes and what runs workflows is imported where it is used: SQLAlchemy, engine, sources,
calendars, strategies. Whoever only reads never pays for it.
"""

import platform
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import psycopg

from tapetrail import __version__
from tapetrail.core.errors import EdgeFailure
from tapetrail.reader import Reader
from tapetrail.settings import Settings
from tapetrail.store.connections import Connection, ReadConnections, answering, connect
from tapetrail.store.private.restore_marks import is_unfinished
from tapetrail.store.private.server import PrivateServer

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from tapetrail.backup_files import Manifest
    from tapetrail.backups import Restorable
    from tapetrail.blobs.directory import DirectoryBlobs
    from tapetrail.core.records.runs import RuntimeRecord
    from tapetrail.planner import Planner
    from tapetrail.recorder import Recorder
    from tapetrail.sources.registry import Registry
    from tapetrail.sources.tabular.in_memory import FrameSource
    from tapetrail.store.health import Health
    from tapetrail.workflows.prepare import Ports
    from tapetrail.workflows.runner import Runner

APP: Final = "tapetrail_app"
OWNER: Final = "tapetrail_owner"
SUPERUSER: Final = "postgres"
BLOB_FOLDER: Final = "blobs"
SCHEMA_VERSION: Final = "0009"
UPGRADE_POLL_S: Final = 0.1
UPGRADE_KEY: Final = 7_016_823_114_205_992
# The engine's tables come last and are granted at the end, so a grant on them says it all.
_LAST_STEP_DONE: Final = """
    SELECT bool_and(has_table_privilege(%(role)s, c.oid, 'INSERT'))
    FROM pg_class c WHERE c.oid = to_regclass('dbos.datasource_outputs')
      AND EXISTS (SELECT FROM pg_roles WHERE rolname = %(role)s)
"""
LIBRARIES: Final = ("dbos", "numpy", "pydantic", "pypdfium2", "simplejpeg", "sqlalchemy", "ta-lib")


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Where the record is: as the application sees it, and as its owner does."""

    app_url: str
    owner_url: str


def utc_now() -> datetime:
    """Return the present, in UTC."""
    return datetime.now(UTC)


@contextmanager
def open_database(settings: Settings) -> Generator[Database]:
    """Give the database, its private server running and its schema present for as long as open.

    A private server's schema is brought up to date by itself. Another server's is not: raises
    `EdgeFailure` when it is behind, and for a home that a restore has not finished.
    """
    with _located(settings) as database:
        _make_current(settings, database)
        yield database


@contextmanager
def _located(settings: Settings) -> Generator[Database]:
    """Give the database as it is, its private server running for as long as open."""
    if is_unfinished(settings.home):
        raise EdgeFailure(
            f"the record in {settings.home} is incomplete; a restore into it did not finish;"
            " run: tapetrail db restore"
        )
    if (url := settings.database_url) is not None:
        yield Database(app_url=as_role(url, APP), owner_url=url)
        return
    with private_server(settings).hold() as address:
        yield Database(app_url=address.url(APP), owner_url=address.url(SUPERUSER))


def _make_current(settings: Settings, database: Database) -> None:
    with connect(database.owner_url) as connection, answering():
        if _is_current(connection):
            return
    if settings.database_url is not None:
        raise EdgeFailure(
            f"the database has no schema of version {SCHEMA_VERSION}; run: tapetrail db upgrade"
        )
    _upgrade(database.owner_url)


def private_server(settings: Settings) -> PrivateServer:
    """Return the server of this home, running or not."""
    return PrivateServer(home=settings.home, bin_dir=settings.postgres_bin_dir)


def upgrade(settings: Settings) -> str:
    """Bring the database up to date and return the schema's version."""
    if settings.database_url is not None:
        _upgrade(settings.database_url)
    else:
        with open_database(settings):
            pass
    return SCHEMA_VERSION


def schema_version(settings: Settings) -> str | None:
    """Return the version of the database's schema, None where there is none yet."""
    if settings.database_url is not None:
        return _version(settings.database_url)
    with private_server(settings).hold() as address:
        return _version(address.url(SUPERUSER))


def load_health(settings: Settings) -> "Health":
    """Return how the database does, which is up to date. Raises `EdgeFailure` as opening does."""
    from tapetrail.store.health import load_health as load  # noqa: PLC0415 # for one command only

    with open_database(settings) as database, _engine(database.owner_url) as engine:
        return load(engine)


def _upgrade(owner_url: str) -> None:
    """Bring the schema and the engine's own tables up to date, one process at a time."""
    from sqlalchemy import text  # noqa: PLC0415 # see the module's docstring

    from tapetrail.store import migrate  # noqa: PLC0415 # Alembic is needed here only
    from tapetrail.workflows.engine import migrate_engine  # noqa: PLC0415 # so is the engine

    with _engine(owner_url) as engine, engine.connect() as connection:
        # The engine builds indexes concurrently, which waits for every open statement: one that
        # waited for this lock would never see it freed, so it is asked for again and again.
        connection.execution_options(isolation_level="AUTOCOMMIT")
        lock = text("SELECT pg_try_advisory_lock(:key)")
        while not connection.scalar(lock, {"key": UPGRADE_KEY}):
            time.sleep(UPGRADE_POLL_S)
        migrate.upgrade(owner_url)
        migrate_engine(owner_url, application_role=APP)


@contextmanager
def open_reader(settings: Settings) -> Generator[Reader]:
    """Give the record for reading. Raises `EdgeFailure` as `open_database` does."""
    with _located(settings) as database:
        connections = ReadConnections(database.app_url)
        try:
            if not _may_read(connections):
                _make_current(settings, database)
            yield Reader(connections.reading, open_blobs=lambda: _blobs(settings))
        finally:
            connections.close()


def _may_read(connections: ReadConnections) -> bool:
    """Return whether the schema is known to be current by those who read it, in one connection.

    Where it is not, or they may not even connect, its owner says why.
    """
    try:
        with connections.reading() as connection:
            return _is_current(connection)
    except EdgeFailure:
        return False


@contextmanager
def open_recorder(settings: Settings) -> "Generator[Recorder]":
    """Give the record for reading, for planning runs and for what changes without one."""
    with open_database(settings) as database, _engine(database.app_url) as engine:
        yield _recorder(settings, engine)


@contextmanager
def open_runner(settings: Settings, *, concurrency: int) -> "Generator[tuple[Recorder, Runner]]":
    """Give the record and a runner: this process takes part in the work while it is open."""
    from tapetrail.workflows.runner import launch  # noqa: PLC0415 # see the module's docstring

    with open_database(settings) as database, _engine(database.app_url) as engine:
        blobs = _blobs(settings)
        with launch(
            engine,
            database_url=database.app_url,
            blobs=blobs,
            ports=ports(settings),
            executor_id=str(uuid4()),
            concurrency=concurrency,
        ) as runner:
            yield _recorder(settings, engine), runner


def back_up(settings: Settings, target: Path, *, may_replace: bool) -> "Manifest":
    """Write the record to the file `target`. Raises as `backups.back_up` does."""
    from tapetrail import backups  # noqa: PLC0415 # see the module's docstring

    with open_database(settings) as database, _engine(database.owner_url) as engine:
        origin = backups.Origin(
            engine=engine,
            url=database.owner_url,
            blobs=_blobs(settings),
            bin_dir=settings.postgres_bin_dir,
            code_version=__version__,
        )
        return backups.back_up(origin, target, may_replace=may_replace, at=utc_now())


def restore(settings: Settings, file: Path) -> "Manifest":
    """Restore a backup into an empty home. Raises as `backups.restore` does."""
    from tapetrail import backups  # noqa: PLC0415 # see the module's docstring

    is_private = settings.database_url is None
    destination = backups.Destination(
        home=settings.home,
        blob_folder=settings.home / BLOB_FOLDER,
        bin_dir=settings.postgres_bin_dir,
        schema_version=SCHEMA_VERSION,
        has_database=lambda: not is_private or private_server(settings).has_data(),
        open_blobs=lambda: _blobs(settings),
        open_database=lambda: _restorable(settings),
        upgrade=_upgrade,
        new_token=lambda: uuid4().hex,
    )
    return backups.restore(file, destination)


@contextmanager
def _restorable(settings: Settings) -> "Generator[Restorable]":
    """Give the database to restore into, as whoever may create schemas and as their owner."""
    from tapetrail.backups import Restorable  # noqa: PLC0415 # see the module's docstring

    if (url := settings.database_url) is not None:
        with _engine(url) as engine:
            yield Restorable(engine=engine, admin_url=url, owner_url=url, owner_role=OWNER)
        return
    with private_server(settings).hold() as address:
        admin_url = address.url(SUPERUSER)
        with _engine(admin_url) as engine:
            yield Restorable(
                engine=engine, admin_url=admin_url, owner_url=address.url(OWNER), owner_role=None
            )


def ports(settings: Settings) -> "Ports":
    """Return what a decision needs from outside."""
    from tapetrail.analysts.registry import Analysts  # noqa: PLC0415 # see the module's docstring
    from tapetrail.sources.calendars import load_calendar  # noqa: PLC0415 # see the module's docstring
    from tapetrail.workflows.prepare import Ports  # noqa: PLC0415 # see the module's docstring

    return Ports(
        open_source=_sources(settings).open,
        open_analyst=Analysts().open,
        load_calendar=load_calendar,
        clock=utc_now,
    )


def planner(settings: Settings, *, in_memory: "FrameSource | None" = None) -> "Planner":
    """Return what settles runs before anything is opened or written.

    `in_memory` is the frame of a program that brings its bars along.
    """
    from tapetrail.analysts.registry import Analysts  # noqa: PLC0415 # see the module's docstring
    from tapetrail.planner import Planner  # noqa: PLC0415 # see the module's docstring
    from tapetrail.sources.calendars import load_calendar  # noqa: PLC0415 # see the module's docstring

    sources = _sources(settings, in_memory=in_memory)
    return Planner(sources=sources, load_calendar=load_calendar, analysts=Analysts(), clock=utc_now)


def runtime_record() -> "RuntimeRecord":
    """Return what runs here: our version, the lock file's digest, libraries, platform."""
    from tapetrail.core.canonical import digest_bytes  # noqa: PLC0415 # for runs only
    from tapetrail.core.records.runs import RuntimeRecord  # noqa: PLC0415 # for runs only
    from tapetrail.workflows.prepare import CHART_RENDERER  # noqa: PLC0415 # for runs only

    lock = Path(__file__).parents[2] / "requirements.lock"
    return RuntimeRecord(
        code_version=__version__,
        lock_digest=digest_bytes(lock.read_bytes()) if lock.is_file() else None,
        libraries={name: version(name) for name in LIBRARIES},
        renderer=CHART_RENDERER,
        python_version=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
    )


def as_role(url: str, role: str) -> str:
    """Return `url` with every session acting as `role`."""
    joint = "&" if "?" in url else "?"
    return f"{url}{joint}options=-c%20role%3D{role}"


@contextmanager
def _engine(url: str) -> "Generator[Engine]":
    """Give an engine. A server that is away is an `EdgeFailure`, whoever notices."""
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415 # see the module's docstring

    from tapetrail.store.session import open_engine  # noqa: PLC0415 # see the module's docstring

    engine = open_engine(url)
    try:
        yield engine
    except OperationalError as error:
        reason = str(error.orig).strip().partition("\n")[0].removeprefix("connection failed: ")
        raise EdgeFailure(f"PostgreSQL did not answer; {reason}") from error
    finally:
        engine.dispose()


def _recorder(settings: Settings, engine: "Engine") -> "Recorder":
    from tapetrail.recorder import Recorder  # noqa: PLC0415 # see the module's docstring

    return Recorder(engine, blobs=_blobs(settings), actor=settings.actor)


def _blobs(settings: Settings) -> "DirectoryBlobs":
    from tapetrail.blobs.directory import DirectoryBlobs  # noqa: PLC0415 # lists do without

    return DirectoryBlobs(root=settings.home / BLOB_FOLDER)


def _sources(settings: Settings, *, in_memory: "FrameSource | None" = None) -> "Registry":
    """Return what opens the sources of strategies; frames lie among the blobs."""
    from tapetrail.core.blob_keys import object_key  # noqa: PLC0415 # see the module's docstring
    from tapetrail.core.canonical import parse_digest  # noqa: PLC0415 # see the module's docstring
    from tapetrail.sources.protocol import Process  # noqa: PLC0415 # see the module's docstring
    from tapetrail.sources.registry import Registry  # noqa: PLC0415 # see the module's docstring

    def read_frame(digest: str) -> bytes:
        found = parse_digest(digest)
        return _blobs(settings).read(object_key(found), digest=found)

    return Registry(process=Process(read_frame=read_frame, in_memory=in_memory))


def _is_current(connection: Connection) -> bool:
    """Return whether the last step of an upgrade, to this release's version, was done."""
    last_step = connection.execute(_LAST_STEP_DONE, {"role": APP}).fetchone()
    return last_step == (True,) and _version_on(connection) == SCHEMA_VERSION


def _version(url: str) -> str | None:
    with connect(url) as connection, answering():
        return _version_on(connection)


def _version_on(connection: Connection) -> str | None:
    try:
        found = connection.execute("SELECT version_num FROM tapetrail.alembic_version").fetchone()
    except psycopg.ProgrammingError:
        return None
    return None if found is None else str(found[0])
