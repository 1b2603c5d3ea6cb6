"""What is used of an HTTP library, httpx or httpx2, which are alike; neither need be installed."""

from collections.abc import AsyncIterator, Iterator
from typing import Protocol


class Url(Protocol):
    """An address, as the library holds it."""

    @property
    def scheme(self) -> str:
        """Return `http` or `https`."""
        ...

    @property
    def host(self) -> str:
        """Return the host, in lower case."""
        ...

    @property
    def port(self) -> int | None:
        """Return the port, None where it is the scheme's."""
        ...


class Headers(Protocol):
    """Headers of a request or a reply; several may have one name."""

    def multi_items(self) -> list[tuple[str, str]]:
        """Return them all, in their order."""
        ...

    def get(self, key: str) -> str | None:
        """Return those of a name as one, None where there is none."""
        ...


class SyncStream(Protocol):
    """Bytes that come, to who waits in a thread."""

    def __iter__(self) -> Iterator[bytes]:
        """Return what comes."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class AsyncStream(Protocol):
    """Bytes that come, to who waits in a loop."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return what comes."""
        ...

    async def aclose(self) -> None:
        """Let go of the connection."""
        ...


class Request(Protocol):
    """What goes out. `content` raises where the body is made while it is sent."""

    method: str
    url: Url
    headers: Headers

    @property
    def content(self) -> bytes:
        """Return the body."""
        ...


class Response(Protocol):
    """What comes back; `stream` is its body, as it lies on the wire."""

    status_code: int
    headers: Headers
    stream: object
    is_closed: bool


class SyncTransport(Protocol):
    """What sends a request, for a thread."""

    def handle_request(self, request: Request) -> Response:
        """Return the reply, once it has begun."""
        ...


class AsyncTransport(Protocol):
    """What sends a request, in a loop."""

    async def handle_async_request(self, request: Request) -> Response:
        """Return the reply, once it has begun."""
        ...


class Library(Protocol):
    """The library as a module."""

    __name__: str
    __version__: str
    Client: type[object]
    AsyncClient: type[object]
    SyncByteStream: type[object]
    AsyncByteStream: type[object]
    ByteStream: type[object]
