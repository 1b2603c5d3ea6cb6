"""A record's connections: opened when they are first needed, closed together."""

import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tapetrail.core.errors import InvalidInput
from tapetrail.store.connections import Connection, ReadConnections
from tapetrail.store.database import Database, Opening

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session


class Access:
    """The way to the record. Whoever only reads waits for no ORM; any thread may use it."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._stack = ExitStack()
        self._lock = threading.RLock()
        self._database: Database | None = None
        self.is_closed = False
        self._connections: ReadConnections | None = None
        self._engine: Engine | None = None
        self._readers: Engine | None = None

    def database(self) -> Database:
        """Return where the record is, which runs from now on. Raises as the opening does."""
        with self._lock:
            self._check_open()
            if self._database is None:
                self._database = self._stack.enter_context(self._opening())
            return self._database

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """Give a connection to read with. Raises `EdgeFailure` when the server does not answer."""
        with self._lock:
            self._check_open()
            if self._connections is None:
                database = self.database()
                self._connections = ReadConnections(database.reader_url, idle=database.idle)
                self._stack.callback(self._connections.close)
            connections = self._connections
        with connections.reading() as connection:
            yield connection

    def engine(self) -> "Engine":
        """Return what sessions write with."""
        from tapetrail.store.session import open_engine  # noqa: PLC0415 # readers do without

        with self._lock:
            self._check_open()
            if self._engine is None:
                self._engine = open_engine(self.database().url_to_add())
                self._stack.callback(self._engine.dispose)
            return self._engine

    @contextmanager
    def writing(self) -> "Generator[Session]":
        """Give a session whose work is committed at the end, or not at all."""
        from tapetrail.store.session import transaction  # noqa: PLC0415 # readers do without

        with transaction(self.engine()) as session:
            yield session

    @contextmanager
    def read_only_session(self) -> "Generator[Session]":
        """Give an SQLAlchemy session of the reader's, who may think for as long as they like."""
        from sqlalchemy.orm import Session  # noqa: PLC0415 # readers do without

        from tapetrail.store.session import open_engine  # noqa: PLC0415 # as above

        with self._lock:
            self._check_open()
            if self._readers is None:
                self._readers = open_engine(self.database().reader_url, idle_timeout_s=0)
                self._stack.callback(self._readers.dispose)
            readers = self._readers.execution_options(postgresql_readonly=True)
        with Session(readers) as session:
            yield session

    def close(self) -> None:
        """Close every connection, and let the private server go. Nothing can be asked after.

        What another thread is about to open is waited for: it would stay open for good.
        """
        with self._lock:
            self.is_closed = True
            self._stack.close()

    def _check_open(self) -> None:
        if self.is_closed:
            raise InvalidInput("this record is closed; open it again: tapetrail.open_record()")
