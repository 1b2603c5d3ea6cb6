"""The server itself: a socket, and the application behind it."""

import signal
import socket
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from tapetrail.core.errors import EdgeFailure

CONNECTIONS_MAX: Final = 500
"""Connections at a time; further ones are answered by 503."""
DRAIN_S: Final = 10
"""How long requests that are under way may take once the server is to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """A socket that listens, by the address that was asked for."""

    socket: socket.socket
    host: str

    @property
    def port(self) -> int:
        """The port, also where any was asked for."""
        return int(self.socket.getsockname()[1])

    @property
    def url(self) -> str:
        """The address of the server."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def hosts(self, named: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return what a request may name as its host: with the port, and by the names given."""
        own = [self.url.removeprefix("http://")]
        if is_loopback(self.host):
            own += [f"{name}:{self.port}" for name in ("localhost", "127.0.0.1", "[::1]")]
        return tuple(dict.fromkeys([*own, *(name.lower() for name in named)]))


@contextmanager
def listening(host: str, port: int) -> Generator[Listening]:
    """Give a socket that listens. Raises `EdgeFailure` where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((host, port))
        except OSError as error:
            raise EdgeFailure(
                f"cannot listen on {host}:{port}; {error.strerror}; another port: --port 0"
            ) from error
        yield Listening(socket=made, host=host)


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def serve(app: ASGIApp, listened: Listening, *, ready: Callable[[], None]) -> None:
    """Answer requests until a signal ends it; those under way are answered before it returns."""
    config = uvicorn.Config(
        app,
        http="h11",
        loop="asyncio",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=DRAIN_S,
    )
    server = _Server(config, ready)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listened.socket])


class _Server(uvicorn.Server):
    """A server that says when it is ready, and ends by returning: there is more to put away."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to `serve`: the library would end the process by them."""
        yield
