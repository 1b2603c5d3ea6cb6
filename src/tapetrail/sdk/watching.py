"""Watching a process's calls to models, from `start` to `stop`, without touching them."""

import threading
import weakref
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Self

from tapetrail.sdk.calls_seen import Observer
from tapetrail.sdk.client_search import http_clients, made_clients
from tapetrail.sdk.hook import HOOK
from tapetrail.sdk.hosts import NamedHosts, is_model_host
from tapetrail.sdk.http_shapes import Url
from tapetrail.sdk.witness import Witness


class Watching:
    """Tells an observer of calls that this process makes through httpx or httpx2.

    Without `clients` these are calls of anybody to hosts that are known to answer for models, and
    to `hosts`, which are `host` or `host:port`. With them they are the calls of these clients
    alone, to any host: of an SDK (`OpenAI()`), of a chain (`ChatOpenAI()`), or of the library.

    Any number may watch at once, and each is told of each call once. What one `start` begins, one
    `stop` ends; replies that are still being read are told of to their end.
    """

    def __init__(
        self,
        observer: Observer,
        *,
        clock: Callable[[], datetime],
        clients: Sequence[object] = (),
        hosts: Sequence[str] = (),
    ) -> None:
        """Raise `InvalidInput` for a host that is none."""
        self._witness = Witness(observer, clock=clock)
        self._clients = tuple(clients)
        self._hosts = NamedHosts(hosts)
        self._lock = threading.Lock()
        self._starts = 0
        self._known: weakref.WeakSet[object] = weakref.WeakSet()
        self._unwatched: list[str] = []

    def __enter__(self) -> Self:
        """Start watching."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop watching."""
        self.stop()

    @property
    def witness(self) -> Witness:
        """Who tells of calls."""
        return self._witness

    @property
    def problems(self) -> list[str]:
        """What went wrong since the first start, in sentences; the program was not bothered."""
        return [*self._unwatched, *self._witness.problems]

    def start(self) -> None:
        """Watch from now on; a second start needs a second stop."""
        with self._lock:
            self._starts += 1
            if self._starts == 1:
                self._unwatched = HOOK.add(self)

    def stop(self) -> None:
        """Watch no more; the last one of a process puts everything back as it was."""
        with self._lock:
            self._starts = max(self._starts - 1, 0)
            if self._starts == 0:
                HOOK.remove(self)
        self._witness.tell_forgotten()

    def wants(self, client: object, url: Url) -> bool:
        """Return whether a request of an HTTP client to an address is watched."""
        if self._clients:
            return client in self._known or self._is_inside(client)
        host, port = url.host, url.port
        return is_model_host(host, port) or self._hosts.holds(host, port, scheme=url.scheme)

    def _is_inside(self, client: object) -> bool:
        """Return whether an HTTP client lies in one that was given, where it may be new."""
        if any(client is each for holder in self._clients for each in http_clients(holder)):
            self._known.add(client)
            return True
        return False

    def check(self) -> list[str]:
        """Return what cannot be seen in this process, and what went wrong, in sentences.

        It sends requests to itself, over the loopback of this machine, with each library there is.
        """
        from tapetrail.sdk.self_check import unseen  # noqa: PLC0415 # a server, for those who ask

        self._witness.tell_forgotten()
        blind = [each for each in self._clients if not made_clients(each)]
        named = [
            f"{type(each).__module__}.{type(each).__qualname__} holds no httpx client, so its calls"
            " are not seen; log them with request= and reply="
            for each in blind
        ]
        return [*self.problems, *named, *unseen()]
