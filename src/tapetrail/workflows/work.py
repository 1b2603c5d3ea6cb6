"""How much one process does at once: CPU work in slots, and any number that wait for others."""

import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

Result = TypeVar("Result")
RETRY_S: Final = 1.0


class Work:
    """The CPU work of this process, never more than `slots` at once, and whether it is to end.

    What waits for somebody else holds no slot. What fails while `is_ending` is nobody's defect.
    """

    def __init__(self, *, slots: int) -> None:
        self._changed = threading.Condition()
        self._slots = slots
        self._count = 0
        self._waiting = 0
        self._closed: Future[None] = Future()
        self.is_ending = False

    @contextmanager
    def slot(self) -> Generator[None]:
        """Hold a slot for as long as this is open, once there is a free one.

        After `close` nothing begins: `SystemExit` ends the thread, and leaves the decision as one
        that its owner died over, for the next worker to take over.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed.done() or self._count < self._slots)
            if self._closed.done():
                raise SystemExit("this process begins no more work")
            self._count += 1
        try:
            yield
        finally:
            with self._changed:
                self._count -= 1
                self._changed.notify()

    @contextmanager
    def waiting(self) -> Generator[None]:
        """Count as one that waits for somebody else for as long as this is open."""
        with self._changed:
            self._waiting += 1
        try:
            yield
        finally:
            with self._changed:
                self._waiting -= 1
                self._changed.notify_all()

    def await_nobody_waits(self, timeout_s: float) -> None:
        """Wait until nobody waits any more, which after `close` is soon, or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting, timeout_s)

    def side_by_side(self, calls: Sequence[Callable[[], Result]]) -> list[Result]:
        """Return what each call returns, each waited for in a thread of its own.

        After `close` nobody waits: `SystemExit` ends the thread, whose calls come to nothing.
        """
        pending = [_in_thread(call) for call in calls]
        for future in pending:
            either: tuple[Future[Any], Future[Any]] = (future, self._closed)
            wait(either, return_when=FIRST_COMPLETED)
            if not future.done():
                raise SystemExit("this process waits for nobody any more")
        return [future.result() for future in pending]

    def ride_out(self, call: Callable[[], Result]) -> Result:
        """Return what a call returns, made again for as long as the database is away.

        After `close` it is waited for no longer: `SystemExit` ends the thread.
        """
        while True:
            try:
                return call()
            except (DBAPIError, PoolTimeoutError) as error:
                if isinstance(error, DBAPIError) and not _is_away(error):
                    raise
                wait([self._closed], timeout=RETRY_S)
                if self._closed.done():
                    raise SystemExit("this process waits for no database any more") from error

    def pause(self, seconds: float) -> None:
        """Wait so long. After `close` nobody waits: `SystemExit` ends the thread."""
        wait([self._closed], timeout=seconds)
        if self._closed.done():
            raise SystemExit("this process waits no longer")

    def close(self) -> None:
        """Begin no further work, and wait for nobody; what holds a slot goes on."""
        with self._changed:
            if not self._closed.done():
                self._closed.set_result(None)
            self._changed.notify_all()

    @property
    def is_closed(self) -> bool:
        """Return whether nothing more is begun here."""
        return self._closed.done()

    @property
    def is_idle(self) -> bool:
        """Return whether no slot is held; what waits for one does not count."""
        with self._changed:
            return self._count == 0


def _is_away(error: DBAPIError) -> bool:
    """Return whether the database could not be reached, or went away."""
    state = getattr(error.orig, "sqlstate", None)
    has_no_connection = isinstance(error, OperationalError) and (
        state is None or state.startswith(("08", "57P"))
    )
    return error.connection_invalidated or has_no_connection


def _in_thread(call: Callable[[], Result]) -> "Future[Result]":
    """Return what a call will have returned. Its thread does not keep the process alive."""
    future: Future[Result] = Future()

    def carry_out() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 # whoever waits for the result gets it
            future.set_exception(error)

    threading.Thread(target=carry_out, name="ask", daemon=True).start()
    return future
