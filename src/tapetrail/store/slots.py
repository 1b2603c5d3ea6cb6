"""At most so many calls at a provider at a time, over all processes; a death frees its slots.

A slot is a number that one session of the database holds as an advisory lock. Each process has one
connection for all of its slots, on which no transaction stays open, and one thread that tries for
everybody who waits: a hundred who wait cost one statement each 50 ms.
"""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final, LiteralString

import psycopg

from tapetrail.core.errors import EdgeFailure
from tapetrail.store.connections import Connection, answering, connect

POLL_S: Final = 0.05
HANDED_ON_S: Final = 2.0
"""How long one process may go on with a slot before it has to get it anew, as others do."""
PING_S: Final = 20.0
"""How often an idle connection is used: some servers end one that is not, with its locks."""
_TRY: Final = """
    SELECT slot FROM unnest(%s::int[]) AS slot
    WHERE pg_try_advisory_lock(hashtext('tapetrail slots of ' || %s), slot) LIMIT %s
"""
_FREE: Final = "SELECT pg_advisory_unlock(hashtext('tapetrail slots of ' || %s), %s)"


@dataclass(slots=True, eq=False, kw_only=True)
class _Waiter:
    """Somebody who waits; `slot` or `error` is there once `ended` is set, or the process ends."""

    provider: str
    slots_max: int
    is_ending: Callable[[], bool]
    ended: threading.Event = field(default_factory=threading.Event)
    slot: int | None = None
    error: EdgeFailure | None = None


class Slots:
    """The slots of this process; any thread may take one. `chance` is from 0 to below 1."""

    def __init__(
        self,
        url: str,
        *,
        chance: Callable[[], float],
        ping_s: float = PING_S,
        handed_on_s: float = HANDED_ON_S,
    ) -> None:
        self._url = url
        self._ping_s = ping_s
        self._handed_on_s = handed_on_s
        self._chance = chance
        self._changed = threading.Condition(threading.RLock())
        self._waiting: list[_Waiter] = []
        self._held: dict[str, set[int]] = {}
        self._since: dict[tuple[str, int], float] = {}
        self._connection: Connection | None = None
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    @contextmanager
    def take(
        self, provider: str, *, slots_max: int, is_ending: Callable[[], bool]
    ) -> Generator[None]:
        """Hold one of the slots of a provider, by its key, once one is free.

        Raises `SystemExit` where the process ends before that, as whoever opens no more connections
        does, and `EdgeFailure` when the server does not answer.
        """
        waiter = _Waiter(provider=provider, slots_max=slots_max, is_ending=is_ending)
        try:
            self._enter(waiter)
            waiter.ended.wait()
            if waiter.error is not None:
                raise waiter.error
            if waiter.slot is None:
                raise SystemExit("this process ends, and takes no more slots")
            yield
        finally:
            self._leave(waiter)

    def close(self) -> None:
        """Let go of every slot, and of whoever waits."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()
        with self._changed:
            self._end(self._waiting)
            self._drop()

    def _enter(self, waiter: _Waiter) -> None:
        with self._changed:
            if self._closed.is_set():
                waiter.ended.set()
                return
            self._waiting.append(waiter)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="slots", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _leave(self, waiter: _Waiter) -> None:
        with self._changed:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            if waiter.slot is None or self._hand_on(waiter.provider, waiter.slot):
                return
            self._held[waiter.provider].discard(waiter.slot)
            try:
                if self._connection is not None:
                    self._connection.execute(_FREE, [waiter.provider, waiter.slot])
            except psycopg.OperationalError:
                self._drop()

    def _hand_on(self, provider: str, slot: int) -> bool:
        """Give a slot to the next who waits for one here; return whether there was anybody.

        Who would have to lock it anew would lose some time with each call. After a while it is let
        go of, for other processes wait as well.
        """
        since = self._since.get((provider, slot))
        if since is None or self._connection is None or monotonic() - since > self._handed_on_s:
            return False
        for waiter in self._waiting:
            fits = waiter.provider == provider and slot <= waiter.slots_max
            if fits and not waiter.is_ending():
                waiter.slot = slot
                self._end([waiter])
                return True
        return False

    def _serve(self) -> None:
        """Try for everybody who waits, until the slots are closed."""
        try:
            while not self._closed.is_set():
                with self._changed:
                    if not self._waiting and not self._changed.wait(self._ping_s):
                        self._ping()
                    self._end([each for each in self._waiting if each.is_ending()])
                    self._try_for_all()
                self._closed.wait(POLL_S * (0.5 + self._chance()) if self._waiting else 0)
        except BaseException as error:
            with self._changed:
                self._thread = None
                self._end(self._waiting, EdgeFailure(f"slots: {error}"))
            raise

    def _try_for_all(self) -> None:
        for provider in dict.fromkeys(each.provider for each in self._waiting):
            waiting = [each for each in self._waiting if each.provider == provider]
            try:
                found = self._try(provider, slots_max=waiting[0].slots_max, count=len(waiting))
            except EdgeFailure as error:
                self._end(waiting, error)
                continue
            for waiter, slot in zip(waiting, found, strict=False):
                waiter.slot = slot
                self._held[provider].add(slot)
                self._since[provider, slot] = monotonic()
            self._end(waiting[: len(found)])

    def _try(self, provider: str, *, slots_max: int, count: int) -> Sequence[int]:
        """Return slots that were free and are now held, at most `count`."""
        held = self._held.setdefault(provider, set())
        # A session can lock what it holds a second time.
        free = [slot for slot in range(1, slots_max + 1) if slot not in held]
        first = int(self._chance() * len(free))
        rows = self._ask(_TRY, [free[first:] + free[:first], provider, count]) if free else []
        return [int(slot) for (slot,) in rows]

    def _ask(self, statement: LiteralString, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with answering():
            try:
                return self._connected().execute(statement, values).fetchall()
            except psycopg.OperationalError:
                self._drop()
                return self._connected().execute(statement, values).fetchall()

    def _connected(self) -> Connection:
        """Return the connection, a new one with the locks of every call that still runs."""
        if self._connection is None:
            self._connection = connect(self._url)
            for provider, held in self._held.items():
                self._connection.execute(_TRY, [sorted(held), provider, len(held)])
        return self._connection

    def _ping(self) -> None:
        if any(self._held.values()):
            try:
                self._ask("SELECT 1", [])
            except EdgeFailure:
                # Whoever asks for a slot next is told.
                self._drop()

    def _drop(self) -> None:
        """Let go of a connection that is lost, and its locks with it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _end(self, waiters: Sequence[_Waiter], error: EdgeFailure | None = None) -> None:
        for waiter in [*waiters]:
            self._waiting.remove(waiter)
            waiter.error = error
            waiter.ended.set()
