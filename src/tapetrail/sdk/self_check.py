"""What cannot be seen in this process: the watching is tried, and what goes around it is named."""

import asyncio
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from typing import Final, Protocol, cast

from tapetrail.sdk.calls_seen import Received, Sent
from tapetrail.sdk.hook import HOOK, LIBRARIES, loaded
from tapetrail.sdk.http_shapes import Library, Url
from tapetrail.sdk.witness import Witness

_ASKED: Final = b'{"asks":"is this seen?"}'
_SAID: Final = b'{"says":"it is"}'
_NEVER: Final = datetime(1, 1, 1, tzinfo=UTC)
_INSTEAD: Final = "log such a call with request= and reply="
_AROUND: Final = {
    "requests": "requests",
    "botocore": "boto3 and botocore, which ask Bedrock,",
    "grpc": "grpc, which Vertex and older SDKs of Google use,",
    "websockets": "websockets, which realtime and live sessions use,",
    "aiohttp": "aiohttp",
    "pycurl": "pycurl",
    "curl_cffi": "curl_cffi",
}
"""What sends by itself, by the module that tells that it is loaded."""


def unseen() -> list[str]:
    """Return what this process can send that is not seen, in sentences with the way on."""
    found = [
        f"{words} is loaded: what is sent through it alone is not seen; {_INSTEAD}"
        for module, words in _AROUND.items()
        if module in sys.modules
    ]
    if "google.genai" in sys.modules and find_spec("aiohttp") is not None:
        found.append(
            "google-genai's async client sends through aiohttp where that is installed, which is"
            " not seen; give it HttpOptions(httpx_async_client=httpx.AsyncClient()), use the sync"
            f" client, or {_INSTEAD}"
        )
    return [*hook_troubles(), *found]


def hook_troubles() -> list[str]:
    """Return which libraries are there and are not seen, by trying each."""
    libraries = [each for name in LIBRARIES if (each := loaded(name)) is not None]
    if not libraries:
        return [f"neither httpx2 nor httpx is installed, and no other calls are seen; {_INSTEAD}"]
    found: list[str] = []
    # In a thread of its own: the caller may have a loop running, or be watched itself.
    trying = threading.Thread(target=lambda: found.extend(_tried(libraries)))
    trying.start()
    trying.join()
    return found


def _tried(libraries: list[Library]) -> list[str]:
    with _echo() as port:
        outcomes = [(library, _seen_of(library, port)) for library in libraries]
    return [
        f"{library.__name__} {library.__version__}: {said}; {_INSTEAD}"
        for library, said in outcomes
        if said is not None
    ]


def _seen_of(library: Library, port: int) -> str | None:
    """Return why a library's calls are not seen, None where they are, to the byte."""
    probe = _Probe(port)
    said = HOOK.add(probe)
    try:
        url = f"http://127.0.0.1:{port}/"
        _send(library, url)
        asyncio.run(_send_in_loop(library, url))
    except Exception as error:  # noqa: BLE001 # whatever it is, it is the answer
        return f"a call of a test failed: {type(error).__name__}: {error}"
    finally:
        HOOK.remove(probe)
    whole = [(_ASKED, _SAID)] * 2
    if probe.seen == whole:
        return None
    return "; ".join(said) or f"of 2 calls of a test {len(probe.seen)} were seen as they were"


class _Answer(Protocol):
    def read(self) -> bytes: ...


class _Sender(Protocol):
    def post(self, url: str, *, content: bytes) -> _Answer: ...
    def close(self) -> None: ...


class _LoopSender(Protocol):
    async def post(self, url: str, *, content: bytes) -> _Answer: ...
    async def aclose(self) -> None: ...


class _Makes(Protocol):
    def __call__(self, *, trust_env: bool, verify: bool) -> object: ...


def _send(library: Library, url: str) -> None:
    client = cast("_Sender", cast("_Makes", library.Client)(trust_env=False, verify=False))
    try:
        client.post(url, content=_ASKED)
    finally:
        client.close()


async def _send_in_loop(library: Library, url: str) -> None:
    made = cast("_Makes", library.AsyncClient)(trust_env=False, verify=False)
    client = cast("_LoopSender", made)
    try:
        await client.post(url, content=_ASKED)
    finally:
        await client.aclose()


class _Probe:
    """Watches what goes to one port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.witness = Witness(self, clock=lambda: _NEVER)
        self.seen: list[tuple[bytes | None, bytes]] = []

    def wants(self, client: object, url: Url) -> bool:  # noqa: ARG002 # whoever sends there
        """Return whether it goes there."""
        return url.port == self._port

    def begin(self, sent: Sent) -> object:
        """Return what goes out."""
        return sent.body

    def end(self, token: object, received: Received) -> None:
        """Keep what came."""
        self.seen.append((cast("bytes | None", token), received.body))


class _Echo(BaseHTTPRequestHandler):
    """Says the same to everybody."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read what comes, and answer."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(_SAID)))
        self.end_headers()
        self.wfile.write(_SAID)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the library's
        """Say nothing."""


@contextmanager
def _echo() -> Generator[int]:
    """Give the port of a server that answers until the end."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
