"""What stands before a program's transport: every byte passes through as it comes, and is noted.

Nothing is read ahead, nothing is held back, and what is raised is raised on.
"""

import weakref
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Generator,
    Iterable,
    Iterator,
    Sequence,
)
from typing import cast

from tapetrail.sdk.http_shapes import (
    AsyncStream,
    AsyncTransport,
    Library,
    Request,
    Response,
    SyncStream,
    SyncTransport,
)
from tapetrail.sdk.witness import SeenCall, Witness


class WatchedStream:
    """A reply's body for a thread; it may be read in several goes, and ends once."""

    def __init__(self, stream: SyncStream, call: SeenCall) -> None:
        self._stream = stream
        self._call = call

    def __iter__(self) -> Iterator[bytes]:
        """Return what comes, as it comes."""
        chunks = iter(self._stream)
        try:
            for chunk in chunks:
                self._call.take(chunk)
                yield chunk
        except GeneratorExit:
            raise  # Another may read on; `close` says that nobody will.
        except BaseException as error:
            self._call.end(error=error)
            raise
        else:
            self._call.end()
        finally:
            if isinstance(chunks, Generator):
                chunks.close()

    def close(self) -> None:
        """Let go of the connection."""
        try:
            self._stream.close()
        finally:
            self._call.closed()

    def __getattr__(self, name: str) -> object:
        """Return what the stream itself has."""
        return getattr(self._stream, name)


class WatchedAsyncStream:
    """A reply's body for a loop; it may be read in several goes, and ends once."""

    def __init__(self, stream: AsyncStream, call: SeenCall) -> None:
        self._stream = stream
        self._call = call

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Return what comes, as it comes."""
        chunks = self._stream.__aiter__()
        try:
            async for chunk in chunks:
                self._call.take(chunk)
                yield chunk
        except GeneratorExit:
            raise  # Another may read on; `aclose` says that nobody will.
        except BaseException as error:
            self._call.end(error=error)
            raise
        else:
            self._call.end()
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()

    async def aclose(self) -> None:
        """Let go of the connection."""
        try:
            await self._stream.aclose()
        finally:
            self._call.closed()

    def __getattr__(self, name: str) -> object:
        """Return what the stream itself has."""
        return getattr(self._stream, name)


class Watched:
    """What is put around the replies of one library, which tells kinds of streams by class."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._name = library.__name__
        self.sync_kind = _Kind(WatchedStream, library.SyncByteStream)
        self.async_kind = _Kind(WatchedAsyncStream, library.AsyncByteStream)

    def begun(self, request: Request, witnesses: Sequence[Witness]) -> list[SeenCall]:
        """Return the call as each who watches knows it, once all were told that it begins."""
        begun = (witness.begun(request, self._name) for witness in witnesses)
        return [call for call in begun if call is not None]

    def replied(self, response: Response, calls: Sequence[SeenCall], kind: "_Kind") -> None:
        """Note that a reply began, and have its body noted as it is read."""
        for call in calls:
            with call.witness.guarded("a reply could not be watched"):
                call.replied(response)
                if response.is_closed:
                    self._take_whole(response, call)
                else:
                    kind.follow(response, call)

    def _take_whole(self, response: Response, call: SeenCall) -> None:
        """Note a reply that never lay on a wire: a test of the program made it."""
        if isinstance(response.stream, self._library.ByteStream):
            call.take(b"".join(cast("Iterable[bytes]", response.stream)))
            call.end()
        else:
            call.end(is_partial=True)


class _Kind:
    """What is put around streams of a class."""

    def __init__(
        self, around: type[WatchedStream] | type[WatchedAsyncStream], base: type[object]
    ) -> None:
        self._base = base
        self._made = type(around.__name__, (around, base), {})

    def follow(self, response: Response, call: SeenCall) -> None:
        """Have a reply's body noted as it is read."""
        if not isinstance(response.stream, self._base):
            call.end(is_partial=True)  # The library is about to refuse it.
            return
        watched = cast("object", self._made(response.stream, call))
        gone = weakref.finalize(watched, call.witness.forgotten.append, call)
        gone.atexit = False
        call.detach = gone.detach
        response.stream = watched


def _failed(calls: Iterable[SeenCall], error: BaseException) -> None:
    for call in calls:
        call.end(error=error)


class WatchedTransport:
    """What sends a request for a thread, and notes it."""

    def __init__(
        self, transport: SyncTransport, *, watched: Watched, witnesses: Sequence[Witness]
    ) -> None:
        self._transport = transport
        self._watched = watched
        self._witnesses = witnesses

    def handle_request(self, request: Request) -> Response:
        """Return the reply, once it has begun."""
        calls = self._watched.begun(request, self._witnesses)
        try:
            response = self._transport.handle_request(request)
        except BaseException as error:
            _failed(calls, error)
            raise
        self._watched.replied(response, calls, self._watched.sync_kind)
        return response

    def __getattr__(self, name: str) -> object:
        """Return what the transport itself has."""
        return getattr(self._transport, name)


class WatchedAsyncTransport:
    """What sends a request in a loop, and notes it."""

    def __init__(
        self, transport: AsyncTransport, *, watched: Watched, witnesses: Sequence[Witness]
    ) -> None:
        self._transport = transport
        self._watched = watched
        self._witnesses = witnesses

    async def handle_async_request(self, request: Request) -> Response:
        """Return the reply, once it has begun."""
        calls = self._watched.begun(request, self._witnesses)
        try:
            response = await self._transport.handle_async_request(request)
        except BaseException as error:
            _failed(calls, error)
            raise
        self._watched.replied(response, calls, self._watched.async_kind)
        return response

    def __getattr__(self, name: str) -> object:
        """Return what the transport itself has."""
        return getattr(self._transport, name)
