"""Where a process can be watched: the one method by which an HTTP client chooses its transport.

It is asked for every request, of clients that exist already and of those in proxies too. What is
put in its place is taken away by whoever stops last, unless another program put something on top
of it: then it stays there and does nothing.
"""

import functools
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Final, Protocol, TypeAlias, cast

from tapetrail.sdk.http_shapes import AsyncTransport, Library, SyncTransport, Url
from tapetrail.sdk.transports import Watched, WatchedAsyncTransport, WatchedTransport
from tapetrail.sdk.witness import Witness

LIBRARIES: Final = ("httpx2", "httpx")
PLACE: Final = "_transport_for_url"
_Choose: TypeAlias = Callable[[object, Url], object]


class Watcher(Protocol):
    """Who watches: it tells which requests it wants to see."""

    @property
    def witness(self) -> Witness:
        """Return who tells of calls."""
        ...

    def wants(self, client: object, url: Url) -> bool:
        """Return whether a request of a client to an address is watched."""
        ...


class _Patch:
    """One class whose method is replaced, until `undo`."""

    def __init__(self, hook: "Hook", library: Library, kind: type[object]) -> None:
        self._kind = kind
        self._original = cast("_Choose", kind.__dict__[PLACE])
        self._is_on = True
        watched, is_sync = Watched(library), kind is library.Client
        original = self._original

        @functools.wraps(original)
        def choose(client: object, url: Url) -> object:
            transport = original(client, url)
            witnesses = hook.witnesses(client, url) if self._is_on else ()
            if not witnesses:
                return transport
            if is_sync:
                sync = cast("SyncTransport", transport)
                return WatchedTransport(sync, watched=watched, witnesses=witnesses)
            looped = cast("AsyncTransport", transport)
            return WatchedAsyncTransport(looped, watched=watched, witnesses=witnesses)

        self._choose = choose
        setattr(kind, PLACE, choose)

    @property
    def is_on_top(self) -> bool:
        """Whether what the class holds is what was put there."""
        return self._kind.__dict__.get(PLACE) is self._choose

    def is_of(self, kind: type[object]) -> bool:
        """Return whether this is the patch of a class."""
        return self._kind is kind

    def undo(self) -> None:
        """Put back what was there, or do nothing any more below what another put on top."""
        self._is_on = False
        if self.is_on_top:
            setattr(self._kind, PLACE, self._original)


class Hook:
    """All who watch this process, and what is replaced for them."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._watchers: tuple[Watcher, ...] = ()
        self._patches: list[_Patch] = []

    def add(self, watcher: Watcher) -> list[str]:
        """Have a watcher see requests from now on; return which libraries cannot be watched."""
        with self._lock:
            self._watchers = (*self._watchers, watcher)
            return [said for name in LIBRARIES if (said := self._patch(name)) is not None]

    def remove(self, watcher: Watcher) -> None:
        """Have a watcher see no request that begins from now on; the last one ends it all."""
        with self._lock:
            self._watchers = tuple(each for each in self._watchers if each is not watcher)
            if not self._watchers:
                for patch in self._patches:
                    patch.undo()
                self._patches = []

    def witnesses(self, client: object, url: Url) -> tuple[Witness, ...]:
        """Return who is told of a request."""
        wanting = (each for each in self._watchers if _wants(each, client, url))
        return tuple(each.witness for each in wanting)

    def _patch(self, name: str) -> str | None:
        library = loaded(name)
        if library is None:
            return None
        for kind in (library.Client, library.AsyncClient):
            if PLACE not in kind.__dict__:
                return f"{name} {library.__version__} has no place to watch it at: {PLACE}"
            if not any(each.is_of(kind) for each in self._patches):
                self._patches.append(_Patch(self, library, kind))
        return None


HOOK: Final = Hook()
"""The only one: what it replaces is the whole process's."""


def _wants(watcher: Watcher, client: object, url: Url) -> bool:
    with watcher.witness.guarded("a request could not be looked at"):
        return watcher.wants(client, url)
    return False


def loaded(name: str) -> Library | None:
    """Return a library, which is loaded now where it is installed; None where it is not.

    So it is watched whenever the program itself comes to load it.
    """
    if name not in sys.modules and find_spec(name) is None:
        return None
    try:
        return cast("Library", cast("object", import_module(name)))
    except ImportError:
        return None
