"""Connections: how this process speaks with PostgreSQL.

A frozen or unreachable process must not hold row locks for long, so idle transactions and dead
TCP peers are given up after seconds.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, NoReturn

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tapetrail.core.errors import EdgeFailure

IDLE_TRANSACTION_TIMEOUT_S: Final = 15
SCHEMA: Final = "tapetrail"


def open_engine(url: str, *, pool_size: int = 10) -> Engine:
    """Return an engine for `url`: UTC, microseconds, bounded waits. It connects on first use."""
    return create_engine(
        url,
        pool_size=pool_size,
        pool_pre_ping=False,
        pool_reset_on_return="rollback",
        connect_args=connect_args(url),
    )


def connect_args(url: str) -> dict[str, str | int]:
    """Return what each connection asks of the server, for engines that others create too."""
    options = {
        "timezone": "UTC",
        "idle_in_transaction_session_timeout": f"{IDLE_TRANSACTION_TIMEOUT_S}s",
        "client_min_messages": "warning",
    }
    own = make_url(url).query.get("options", "")
    asked = " ".join(f"-c {name}={value}" for name, value in options.items())
    return {
        "options": f"{own} {asked}".strip(),
        "connect_timeout": 10,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "application_name": "tapetrail",
    }


class ConnectionsRefused(SystemExit):
    """This process opens no more connections: the thread that asks for one has to end.

    It is no `Exception`, so that no retry loop on the way takes it for a failed attempt, and a
    thread that ends by it ends without a word.
    """


def refuse_connections(engine: Engine) -> None:
    """Make every further connection of `engine` raise `ConnectionsRefused`; open ones live on."""
    if not event.contains(engine, "do_connect", _refuse):
        event.listen(engine, "do_connect", _refuse)


def _refuse(*_: object) -> NoReturn:
    raise ConnectionsRefused("the engine has ended")


@contextmanager
def transaction(engine: Engine) -> Generator[Session]:
    """Give a session whose work is committed at the end, or not at all.

    Raises `EdgeFailure` when the server cannot be reached.
    """
    try:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
    except OperationalError as error:
        raise EdgeFailure(f"PostgreSQL did not answer: {_first_line(error)}") from error


@contextmanager
def advisory_lock(connection: Connection, *, key: int) -> Generator[bool]:
    """Give whether this session could take the advisory lock `key`, held until the end."""
    taken = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}))
    try:
        yield taken
    finally:
        if taken:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})


def _first_line(error: OperationalError) -> str:
    return str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no reason given"
