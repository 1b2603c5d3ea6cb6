"""Connections: how this process speaks with PostgreSQL.

A frozen or unreachable process must not hold row locks for long, so idle transactions and dead
TCP peers are closed after seconds.
"""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Dialect, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from tapetrail.core.errors import EdgeFailure
from tapetrail.store.connections import (
    CONNECT_ARGS,
    IDLE_TRANSACTION_TIMEOUT_S,
    once_started,
    opening_of,
)

RETRY_S: Final = 0.2
SCHEMA: Final = "tapetrail"


def open_engine(
    url: str, *, pool_size: int = 10, idle_timeout_s: int = IDLE_TRANSACTION_TIMEOUT_S
) -> Engine:
    """Return an engine for `url`: UTC, microseconds, bounded waits. It connects on first use.

    A transaction that is idle for `idle_timeout_s` is ended, with 0 never.
    """
    opening = opening_of(url, idle_timeout_s=idle_timeout_s)
    engine = create_engine(
        make_url(url).difference_update_query(["options"]),
        pool_size=pool_size,
        pool_pre_ping=False,
        hide_parameters=True,  # what a record holds has no place in an error's text
        pool_reset_on_return="rollback",
        connect_args={
            name: word for name, word in opening.words.items() if name in {*CONNECT_ARGS, "options"}
        },
    )
    event.listen(engine, "do_connect", _connect_once_started)

    def settle(connection: DBAPIConnection, _record: object) -> None:
        if not isinstance(connection, psycopg.Connection):
            raise TypeError("an engine of another driver")
        connection.autocommit = True
        opening.settle(connection)
        connection.autocommit = False

    event.listen(engine, "connect", settle)
    return engine


def _connect_once_started(*what: Any) -> DBAPIConnection:
    """Return a new connection, if need be once the server has started."""
    return once_started(lambda: _connect(*what))


def _connect(
    dialect: Dialect, _record: object, words: list[Any], options: dict[str, Any]
) -> DBAPIConnection:
    """Return a new connection; a server that is away gives an error that all retries know.

    The durable engine waits for a lost server where the message says `connection failed`, which
    the driver's does for a refused port, but not for a socket that is gone.
    """
    try:
        return dialect.connect(*words, **options)
    except psycopg.OperationalError as error:
        raise psycopg.OperationalError(f"connection failed: {error}") from error


class ReconnectPolicy:
    """How long the connections of some engines wait for a server that is away.

    A connection is tried again for `patience_s`. Then it fails, or, while `is_final`, all of them
    do for good. What waits ends at once by `refuse`.

    Who is refused meets `SystemExit`: no retry loop on the way takes it for a failed attempt, and
    a thread ends by it without a word.
    """

    def __init__(self, *engines: Engine, patience_s: float) -> None:
        self.is_final = False
        self._patience_s = patience_s
        self._refused = threading.Event()
        for engine in engines:
            event.remove(engine, "do_connect", _connect_once_started)
            event.listen(engine, "do_connect", self._connect)
            event.listen(engine, "checkin", self._release)

    @property
    def is_refused(self) -> bool:
        """Return whether no further connection will be opened."""
        return self._refused.is_set()

    def refuse(self) -> None:
        """Open no further connection; open ones live on."""
        self._refused.set()

    def _release(self, connection: DBAPIConnection | None, _record: object) -> None:
        """Close what comes back to a pool that is, or will soon be, disposed of: nobody else would.

        A thread that ends late may hold a connection when its engine is let go.
        """
        if self.is_refused and connection is not None:
            connection.close()

    def _connect(self, *what: Any) -> DBAPIConnection:
        deadline = time.monotonic() + self._patience_s
        while not self._refused.is_set():
            try:
                return _connect(*what)
            except psycopg.OperationalError:
                if time.monotonic() >= deadline:
                    if not self.is_final:
                        raise
                    self.refuse()
            self._refused.wait(RETRY_S)
        raise SystemExit("this process opens no more connections")


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


def refused_by_database(error: BaseException) -> str | None:
    """Return the words in which a constraint or a trigger refused a row, None for another error."""
    if not isinstance(error, IntegrityError | DataError):
        return None
    return str(error.orig).strip().splitlines()[0]


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
