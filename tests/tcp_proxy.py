"""A network between a program and its server that fails on demand: a TCP proxy, on this machine."""

import select
import socket
import struct
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

PIECE_BYTES: Final = 65536
LOOK_S: Final = 0.02
"""How often a connection without traffic looks whether it is to be cut."""
NO_LINGER: Final = struct.pack("ii", 1, 0)
"""Have a socket that is closed say so by a reset, as a network does that lost the connection."""


class Proxy:
    """What listens at `port` and forwards to a port of this machine, until it is closed."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._flows = threading.Event()
        self._flows.set()
        self._cut = threading.Event()
        self._lock = threading.Lock()
        self._connections: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.settimeout(LOOK_S)
        self._closed = threading.Event()
        self._acceptor = threading.Thread(target=self._accept, name="proxy", daemon=True)
        self._acceptor.start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def cut(self) -> int:
        """Reset every connection; return how many there were. New ones are let through."""
        with self._lock:
            cut, self._connections = self._connections, []
            living = [each for each in cut if each.is_alive()]
            self._cut.set()
            for each in cut:
                each.join()
            self._cut.clear()
        return len(living)

    def freeze(self) -> None:
        """Forward nothing until `thaw`; connections stand, and new ones get no answer."""
        self._flows.clear()

    def thaw(self) -> None:
        """Forward again, what was sent meanwhile first."""
        self._flows.set()

    def close(self) -> None:
        """Reset every connection and listen no more."""
        self._closed.set()
        self._acceptor.join()
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            # A cut waits for all connections that it is to end: none comes in between.
            with self._lock:
                one = threading.Thread(target=self._connect, args=(client,), daemon=True)
                self._connections = [each for each in self._connections if each.is_alive()]
                self._connections.append(one)
                one.start()

    def _connect(self, client: socket.socket) -> None:
        client.settimeout(None)
        try:
            server = socket.create_connection(("127.0.0.1", self._target), timeout=5)
        except OSError:
            _reset([client])
            return
        server.settimeout(None)
        both = (client, server)
        for each in both:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError):
            while self._forward(both):
                pass
        _reset(both)

    def _forward(self, both: tuple[socket.socket, socket.socket]) -> bool:
        """Pass on what has come, if it may; return whether the connection goes on."""
        if self._cut.is_set():
            return False
        if not self._flows.wait(LOOK_S):
            return True
        for each in select.select(both, (), (), LOOK_S)[0]:
            piece = each.recv(PIECE_BYTES)
            if not piece:
                return False
            both[each is both[0]].sendall(piece)
        return True


def _reset(sockets: Sequence[socket.socket]) -> None:
    for each in sockets:
        with suppress(OSError):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        each.close()


@contextmanager
def running_proxy(target: int) -> Generator[Proxy]:
    """Give a proxy before a port of this machine, until the end."""
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
