"""Reading by the driver alone: from where, with which bounds, and after the server went away."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from tests.homes import of_any_role

from tapetrail.core.errors import EdgeFailure, InvalidInput
from tapetrail.store.connections import (
    ReadConnections,
    connect,
    driver_connection,
    once_started,
    opening_of,
)
from tapetrail.store.database import as_role
from tapetrail.store.private.server import ServerAddress
from tapetrail.store.roles import default_roles
from tapetrail.store.session import ReconnectPolicy, open_engine

MY_PID = "SELECT pg_backend_pid()"


BOUNDS = {
    "timezone": "UTC",
    "idle_in_transaction_session_timeout": "15s",
    "client_min_messages": "warning",
}


def test_nothing_is_asked_of_a_server_before_the_connection_stands() -> None:
    """Pools refuse it, or drop it."""
    plain = opening_of("postgresql+psycopg://me@/x?host=%2Ftmp")
    assert plain.settings == BOUNDS
    assert plain.words == {
        "user": "me",
        "dbname": "x",
        "host": "/tmp",  # noqa: S108 # an address, no file
        "connect_timeout": 10,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "application_name": "tapetrail",
    }


def test_what_an_address_asks_for_stays_and_our_bounds_come_after_it() -> None:
    words = "-c role=reader --search-path=a\\ b -cwork_mem=1MB -c timezone=CET endpoint=ep-1"
    asked = opening_of(f"postgresql://me@h/x?options={quote(words)}&sslmode=verify-full")
    assert asked.settings == {
        "search_path": "a b",
        "work_mem": "1MB",
        **BOUNDS,
        "role": "reader",
    }
    assert [*asked.settings][-1] == "role"
    assert asked.words["options"] == "endpoint=ep-1"
    assert asked.words["sslmode"] == "verify-full"


@pytest.mark.service
def test_a_setting_that_there_is_not_is_said_and_leaves_no_connection(
    server: ServerAddress,
) -> None:
    for wrong in ("statement_timeout=abc", "no_such_setting=1"):
        url = f"{server.url('postgres')}&options={quote(f'-c {wrong}')}"
        with pytest.raises(InvalidInput, match=r"asks of a session: .*(abc|no_such_setting)"):
            connect(url)


def test_a_role_of_any_name_is_taken_as_it_is() -> None:
    for role in ("tapetrail_my db_owner", r"a\b c", "plain"):
        assert opening_of(as_role("postgresql://me@h/x", role)).settings["role"] == role


def test_long_names_of_databases_that_begin_alike_have_roles_of_their_own() -> None:
    first, second = (default_roles("x" * 50 + end) for end in ("a", "b"))
    assert not {*first.names} & {*second.names}
    assert all(len(name.encode()) <= 63 for name in first.names)
    assert default_roles("trail").app == "tapetrail_trail_app"


@pytest.mark.service
def test_a_session_has_what_was_asked_for_by_either_way(server: ServerAddress) -> None:
    url = f"{server.url('postgres')}&options={quote('-c role=pg_monitor -c work_mem=2MB')}"
    shown = "SELECT current_user, current_setting('work_mem'), current_setting('timezone')"
    with connect(url) as connection:
        assert connection.execute(shown).fetchone() == ("pg_monitor", "2MB", "UTC")
    engine = open_engine(url)
    for _ in range(2):
        with Session(engine) as session:
            assert tuple(session.execute(text(shown)).one()) == ("pg_monitor", "2MB", "UTC")
            session.rollback()
    engine.dispose()


@of_any_role()
@pytest.mark.service
def test_a_role_that_may_not_be_taken_is_refused_with_the_way_on(server: ServerAddress) -> None:
    with connect(server.url("postgres")) as admin:
        admin.execute("CREATE ROLE plain_user LOGIN")
    url = f"{server.url('plain_user')}&options={quote('-c role=postgres')}"
    with pytest.raises(EdgeFailure, match='GRANT "postgres" TO "plain_user"'):
        connect(url)
    with connect(server.url("postgres")) as admin:
        admin.execute("DROP ROLE plain_user")


@pytest.mark.parametrize("rest", ["me:se%cret@h/x", "me:secret@h/x?nosuch=1"])
def test_an_address_that_cannot_be_read_is_refused_without_repeating_it(rest: str) -> None:
    with pytest.raises(InvalidInput, match="the database's address is none") as refused:
        connect(f"postgresql://{rest}")
    assert "se" not in refused.value.message.replace("database's", "").replace("PASSWORD", "")


def test_a_session_on_another_database_is_refused() -> None:
    engine = create_engine("sqlite://")
    with Session(engine) as session, pytest.raises(InvalidInput, match="expected one of psycopg"):
        driver_connection(session)
    engine.dispose()


@pytest.fixture
def connections(server: ServerAddress) -> Generator[ReadConnections]:
    found = ReadConnections(server.url("postgres"))
    yield found
    found.close()


def pid_of(connections: ReadConnections) -> int:
    with connections.reading() as connection:
        (pid,) = connection.execute(MY_PID).fetchone() or (0,)
        return int(pid)


@pytest.mark.service
def test_a_connection_serves_the_next_reader_and_threads_have_their_own(
    connections: ReadConnections,
) -> None:
    first = pid_of(connections)
    assert pid_of(connections) == first
    with connections.reading(), ThreadPoolExecutor(2) as pool:
        others = [*pool.map(pid_of, [connections] * 8)]
    assert first not in others


@pytest.mark.service
def test_reading_is_in_utc_and_leaves_no_transaction_open(connections: ReadConnections) -> None:
    with connections.reading() as connection:
        zone = connection.execute("SHOW timezone").fetchone()
        assert zone == ("UTC",)
        assert connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE


@pytest.mark.service
def test_a_connection_that_the_server_ended_is_not_used_again(
    connections: ReadConnections, server: ServerAddress
) -> None:
    before = pid_of(connections)
    with connect(server.url("postgres")) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [before])
    assert pid_of(connections) != before


@pytest.mark.service
def test_a_connection_that_outlives_the_others_is_closed_by_its_reader(
    connections: ReadConnections,
) -> None:
    with connections.reading() as connection:
        connections.close()
        assert not connection.closed
    assert connection.closed


def test_a_connection_that_comes_back_after_its_engine_was_let_go_is_closed(
    server: ServerAddress,
) -> None:
    """A thread that ends late has it, and nobody would close it."""
    engine = open_engine(server.url("postgres"))
    reconnect = ReconnectPolicy(engine, patience_s=0.3)
    held = engine.connect()
    driver = held.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    reconnect.refuse()
    engine.dispose()
    assert not driver.closed
    held.close()
    assert driver.closed


@pytest.mark.parametrize(
    ("said", "tries"),
    [
        ('connection to server on socket "/tmp/x" failed: FATAL:  role "r" does not exist', 1),
        ('connection to server at "db" failed: Connection refused', 1),
        ('connection to server on socket "/tmp/x" failed: No such file or directory', 2),
        ("connection failed: FATAL:  the database system is starting up", 2),
    ],
)
def test_only_a_server_that_comes_back_is_tried_again(said: str, tries: int) -> None:
    made: list[str] = []

    def opened() -> str:
        made.append(said)
        if len(made) == 1:
            raise psycopg.OperationalError(said)
        return "open"

    if tries == 1:
        with pytest.raises(psycopg.OperationalError):
            once_started(opened)
    else:
        assert once_started(opened) == "open"
    assert len(made) == tries
