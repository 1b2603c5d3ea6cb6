"""Connections by the driver alone: how the record is read, without the time that an ORM takes."""

import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from tapetrail.core.errors import EdgeFailure, InvalidInput

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Connection: TypeAlias = psycopg.Connection[TupleRow]
Opened = TypeVar("Opened")
Reading: TypeAlias = Callable[[], AbstractContextManager[Connection]]
"""What gives a connection to whoever reads, for as long as that takes."""

IDLE_TRANSACTION_TIMEOUT_S: Final = 15
ROLE: Final = "role"
RETRY_S: Final = 0.2
DEATH_NOTICED_S: Final = 2.0
RETURN_S: Final = 20.0
"""How long a server that is starting up is waited for."""
RESTARTED_S: Final = 2.0
STARTING: Final = "the database system is starting up"
SOCKET: Final = 'on socket "'
REFUSED: Final = "FATAL:"
"""Begins what a server says that is there: waiting changes nothing."""


CONNECT_ARGS: Final[Mapping[str, str | int]] = {
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "application_name": "tapetrail",
}
"""What each connection says as it begins."""
_ASKED: Final = re.compile(r"(?:-c\s*|--)([A-Za-z_][\w.-]*)=((?:\\.|[^\s\\])*)")
"""A setting as servers take it in `options`: a backslash keeps the next sign as it is."""


_OF_A_ROLE: Final = (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How a connection is opened: what is said as it begins, and what is set once it stands.

    Pools between us and the server refuse settings as a connection begins, or drop them.
    """

    words: Mapping[str, str | int | None]
    settings: Mapping[str, str]

    def settle(self, connection: "psycopg.Connection[TupleRow]") -> None:
        """Set what sessions are to have, the role last: it may have fewer rights.

        Raises `EdgeFailure` for a role that whoever connects may not act as, and `InvalidInput` for
        a setting that there is not.
        """
        statement = ", ".join(["set_config(%s, %s, false)"] * len(self.settings))
        values = [word for pair in self.settings.items() for word in pair]
        user = connection.info.user
        try:
            connection.execute(f"SELECT {statement}".encode(), values)
        except psycopg.OperationalError:
            connection.close()
            raise
        except psycopg.Error as error:
            connection.close()
            said, role = str(error).strip().partition("\n")[0], self.settings.get(ROLE)
            if role is None or not isinstance(error, _OF_A_ROLE):
                raise InvalidInput(f"the database's address asks of a session: {said}") from error
            raise EdgeFailure(
                f"PostgreSQL: {said}; an administrator lets the user of the address act as that"
                f' role: GRANT "{role}" TO "{user}"'
            ) from error


def opening_of(url: str, *, idle_timeout_s: int = IDLE_TRANSACTION_TIMEOUT_S) -> Opening:
    """Return how connections to `url` are opened. What an address asks of sessions is kept."""
    words = _parts(url)
    options = words.pop("options", None) or ""
    asked = {
        name.replace("-", "_"): re.sub(r"\\(.)", r"\1", value)
        for name, value in _ASKED.findall(str(options))
    }
    left = _ASKED.sub("", str(options)).strip()
    settings = {
        **asked,
        "timezone": "UTC",
        "idle_in_transaction_session_timeout": f"{idle_timeout_s}s",
        "client_min_messages": "warning",
    }
    if (role := settings.pop(ROLE, None)) is not None:
        settings[ROLE] = role
    return Opening(
        # What is no setting is for what stands before the server, such as an endpoint's name.
        words={**words, **({"options": left} if left else {}), **CONNECT_ARGS},
        settings=settings,
    )


def connect(url: str) -> Connection:
    """Return a connection on which each statement stands for itself, in UTC, with bounded waits.

    A server that is starting up is waited for. Raises `EdgeFailure` when it does not answer, and
    for a role that may not be taken.
    """
    opening = opening_of(url)
    with answering():
        connection = once_started(
            lambda: psycopg.connect(**opening.words, autocommit=True)  # pyright: ignore[reportArgumentType] # words of the driver's
        )
        opening.settle(connection)
    return connection


def once_started(opened: Callable[[], Opened]) -> Opened:
    """Return what is opened, tried again while the server says that it is starting up.

    A private server that was killed is started again in its place: its socket is gone for a moment.
    """
    began = time.monotonic()
    while True:
        try:
            return opened()
        except psycopg.OperationalError as error:
            said = str(error)
            is_gone = SOCKET in said and REFUSED not in said
            patience_s = RETURN_S if STARTING in said else RESTARTED_S if is_gone else 0.0
            if time.monotonic() - began >= patience_s:
                raise
        time.sleep(RETRY_S)


@contextmanager
def held_name(url: str, name: str) -> Generator[bool]:
    """Give whether nobody else holds a name, which is held until the end or the process dies.

    The server takes a moment to notice a death, so it is tried for two seconds.
    """
    with connect(url) as connection:
        deadline = time.monotonic() + DEATH_NOTICED_S
        asked = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
        while not (taken := connection.execute(asked, [name]).fetchone() == (True,)):
            if time.monotonic() >= deadline:
                break
            time.sleep(RETRY_S)
        yield taken


@contextmanager
def answering() -> Generator[None]:
    """Turn a server that is away into an `EdgeFailure`."""
    try:
        yield
    except psycopg.OperationalError as error:
        reason = str(error).strip().partition("\n")[0]
        what = "refused the connection" if REFUSED in reason else "did not answer"
        raise EdgeFailure(f"PostgreSQL {what}; {reason}") from error


class ReadConnections:
    """Connections to one database, opened when they are needed and kept for the next reader.

    Any thread may read. One that the server has ended is not used again.
    """

    def __init__(self, url: str, *, idle: Connection | None = None) -> None:
        self._url = url
        self._idle = [] if idle is None else [idle]
        self._is_closed = False

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """Give a connection. Raises `EdgeFailure` when the server does not answer."""
        connection = self._usable()
        try:
            with answering():
                yield connection
        finally:
            if not connection.closed:
                self._idle.append(connection)
            if self._is_closed:
                self.close()

    def close(self) -> None:
        """Close what nobody reads from, and later what somebody still reads from now."""
        self._is_closed = True
        for connection in self._taken():
            connection.close()

    def _usable(self) -> Connection:
        """Return a connection that answers: an idle one may have been ended by the server."""
        for connection in self._taken():
            try:
                connection.execute("SELECT 1")
            except psycopg.OperationalError:
                connection.close()
            else:
                return connection
        return connect(self._url)

    def _taken(self) -> Iterator[Connection]:
        # Two threads may ask at once, so it is tried rather than looked up.
        while True:
            try:
                yield self._idle.pop()
            except IndexError:
                return


def driver_connection(session: "Session") -> Connection:
    """Return the driver's connection of an SQLAlchemy session, in the session's transaction."""
    found = session.connection().connection.driver_connection
    if not isinstance(found, psycopg.Connection):
        raise InvalidInput(f"session on {type(found).__name__}: expected one of psycopg")
    return found  # pyright: ignore[reportUnknownVariableType] # it gives rows as tuples


def _parts(url: str) -> dict[str, str | int | None]:
    """Return the words of an address, which SQLAlchemy and libpq begin differently."""
    try:
        return conninfo_to_dict(url.replace("postgresql+psycopg://", "postgresql://", 1))
    except psycopg.ProgrammingError:
        # What libpq says repeats what it could not read, and that may be a password.
        raise InvalidInput(
            "the database's address is none that PostgreSQL reads; expected"
            " postgresql://USER:PASSWORD@HOST:PORT/DATABASE, special signs as %XX"
        ) from None
