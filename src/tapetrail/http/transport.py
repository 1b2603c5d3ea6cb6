"""Bytes there and back, exactly: one call, nothing followed, nothing unpacked.

All calls of a process share one loop in a thread of its own, so that waiting for replies takes
neither a thread nor a connection of anybody else, and a limit on the whole call holds whatever the
other side does. Proxies (HTTPS_PROXY, NO_PROXY) and certificates (SSL_CERT_FILE, SSL_CERT_DIR) are
taken from the environment, by the library.
"""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import IPv6Network
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from tapetrail.core.canonical import storable_text
from tapetrail.core.errors import EdgeFailure, ErrorKind, InvalidInput
from tapetrail.core.http_words import RATE_LIMIT_PREFIXES, USER_AGENT
from tapetrail.http.calls import (
    CHECKED,
    THIS_HOST,
    THIS_NETWORKS,
    BrokenOff,
    Call,
    Limits,
    Received,
    Trust,
)

if TYPE_CHECKING:
    import httpx2

HEADERS: Final[Mapping[str, str]] = {
    "accept": "application/json",
    "accept-encoding": "identity",
    "user-agent": USER_AGENT,
}
TYPE: Final[Mapping[str, str]] = {"content-type": "application/json"}
"""What goes with a body."""
KEPT: Final = frozenset({
    "content-type", "content-encoding", "content-length", "date", "location", "retry-after",
    "retry-after-ms", "x-should-retry", "x-request-id", "request-id", "cf-ray",
    "openai-processing-ms", "openai-version", "x-gemini-service-tier",
})  # fmt: skip
KEPT_PREFIXES: Final = RATE_LIMIT_PREFIXES
THIS_MACHINE: Final = (
    THIS_HOST,
    *(
        f"[{net[0]}]/{net.prefixlen}" if isinstance(net, IPv6Network) else str(net)
        for net in THIS_NETWORKS
    ),
)
"""What `calls.is_loopback` says, as the library writes hosts."""
WITHHELD: Final = "withheld: it holds the key"
_HEADER_CHARS_MAX: Final = 500
LIMITS: Final = Limits()


class _TooLong(Exception):
    """More of a reply came than is kept."""


@dataclass(slots=True, kw_only=True)
class _Reply:
    """What has come so far."""

    sent_at: datetime
    http_status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytearray = field(default_factory=bytearray)
    first_byte_at: datetime | None = None


class Transport:
    """Sends calls, from any number of threads; `close` ends what is still open, and is final.

    `unusable` is the kind of what is wrong with the environment's proxy or certificates. `trust`
    says whose certificates are taken.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        unusable: ErrorKind = ErrorKind.ANALYST_UNAVAILABLE,
        trust: Trust = CHECKED,
    ) -> None:
        self._clock = clock
        self._unusable = unusable
        self._trust = trust
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._client: httpx2.AsyncClient | None = None
        self._is_closed = False

    def __enter__(self) -> Self:
        """Return the transport, which is closed at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the transport."""
        self.close()

    def send(self, call: Call, limits: Limits = LIMITS) -> Received:
        """Return what came back, of whatever status, once all of it has come.

        Raises `BrokenOff` with a kind for a response that began and did not end, `EdgeFailure` with
        a kind where none began, and `concurrent.futures.CancelledError` where the transport is
        closed. Whoever is interrupted meanwhile ends the call.
        """
        future = self._begin(call, limits)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """End every call and connection, and the loop."""
        with self._lock:
            loop, thread, self._is_closed = self._loop, self._thread, True
            self._loop = None
        if loop and thread:
            asyncio.run_coroutine_threadsafe(self._end(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _begin(self, call: Call, limits: Limits) -> "Future[Received]":
        # Under the lock, so that whoever closes finds the call among those to end.
        with self._lock:
            if self._is_closed:
                raise CancelledError
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_turn, args=(self._loop,), daemon=True)
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(self._fetch(call, limits), self._loop)

    async def _end(self) -> None:
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        if self._client:
            await self._client.aclose()

    async def _fetch(self, call: Call, limits: Limits) -> Received:
        reply = _Reply(sent_at=self._clock())
        try:
            async with asyncio.timeout(limits.total_s):
                await self._exchange(call, limits, reply)
        except (TimeoutError, _TooLong, *_transport_errors()) as error:
            kind, reason = _why(error, limits)
            raise self._broken(call, reply, kind=kind, reason=reason) from None
        _check_echo(call, bytes(reply.body))
        return self._received(reply, is_partial=False)

    async def _exchange(self, call: Call, limits: Limits, reply: _Reply) -> None:
        import httpx2  # noqa: PLC0415 # 150 ms, for those alone who call somebody

        self._client = self._client or _open_client(self._unusable, self._trust)
        secrets = {name: secret.reveal() for name, secret in call.secrets.items()}
        async with self._client.stream(
            "GET" if call.body is None else "POST",
            call.url,
            content=call.body,
            headers={**HEADERS, **({} if call.body is None else TYPE), **call.headers, **secrets},
            timeout=httpx2.Timeout(None, connect=limits.connect_s),
        ) as response:
            reply.first_byte_at = self._clock()
            reply.http_status = response.status_code
            reply.headers = kept_headers(response.headers, call)
            async for chunk in response.aiter_raw():
                left = limits.body_bytes_max - len(reply.body)
                reply.body += chunk[:left]
                if len(chunk) > left:
                    raise _TooLong

    def _received(self, reply: _Reply, *, is_partial: bool) -> Received:
        ended_at = self._clock()
        return Received(
            http_status=reply.http_status,
            headers=reply.headers,
            body=bytes(reply.body),
            sent_at=reply.sent_at,
            first_byte_at=reply.first_byte_at or ended_at,
            ended_at=ended_at,
            is_partial=is_partial,
        )

    def _broken(self, call: Call, reply: _Reply, *, kind: ErrorKind, reason: str) -> EdgeFailure:
        host = urlsplit(call.url).netloc
        if reply.first_byte_at is None:
            return EdgeFailure(f"{host}: {reason}, before any reply", kind=kind)
        _check_echo(call, bytes(reply.body))
        received = self._received(reply, is_partial=True)
        so_far = f"after HTTP {reply.http_status} and {len(reply.body)} bytes of the reply"
        return BrokenOff(f"{host}: {reason}, {so_far}", kind=kind, received=received)


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()


def kept_headers(headers: Mapping[str, str], call: Call) -> dict[str, str]:
    """Return those headers of a response that are kept, in lower case; of `location` the host."""
    found: dict[str, str] = {}
    for name, value in headers.items():
        kept = name.lower()
        if kept in KEPT or kept.startswith(KEPT_PREFIXES):
            told = _host(value, call) if kept == "location" else value
            found[kept] = WITHHELD if _holds_key(call, told.encode()) else _shown(told)
    return found


def _host(location: str, call: Call) -> str:
    """Return where a redirect leads to, without its path, which may hold anything."""
    try:
        parts = urlsplit(location)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "an address that cannot be read"
    if not host:
        return urlsplit(call.url).netloc
    return f"{parts.scheme or 'https'}://{host}" + (f":{port}" if port else "")


def _shown(text: str) -> str:
    return storable_text(text[:_HEADER_CHARS_MAX])


def _holds_key(call: Call, content: bytes) -> bool:
    return any(secret.is_in(content) for secret in call.secrets.values())


def _check_echo(call: Call, body: bytes) -> None:
    """Raise `EdgeFailure` for a reply that holds the key: its bytes would be on record for good."""
    if _holds_key(call, body):
        raise EdgeFailure(
            f"{urlsplit(call.url).netloc}: the reply holds the key it was asked with, so its bytes"
            " are not kept; change the key, for that endpoint shows it",
            kind=ErrorKind.KEY_ECHOED,
        )


def _open_client(unusable: ErrorKind, trust: Trust) -> "httpx2.AsyncClient":
    import httpx2  # noqa: PLC0415 # see above

    verify = True if trust == CHECKED else _context(trust, unusable)
    try:
        return httpx2.AsyncClient(
            follow_redirects=False,
            trust_env=True,
            verify=verify,
            # A proxy would read what is meant for this machine, which may come with a key.
            mounts={f"all://{host}": httpx2.AsyncHTTPTransport(verify) for host in THIS_MACHINE},
            # What a provider sets is sent to nobody: the next request would be another one.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=100),
        )
    except (ImportError, OSError) as error:
        said = f": {error}"
    except (ValueError, httpx2.InvalidURL):
        said = ""  # It would show the proxy's password.
    raise InvalidInput(
        "the environment's proxy or certificates cannot be used; look at HTTP_PROXY, HTTPS_PROXY,"
        f" ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR{said}",
        kind=unusable,
    )


def _context(trust: Trust, unusable: ErrorKind) -> ssl.SSLContext:
    """Return what checks certificates as `trust` says. Raises `InvalidInput` for a file of none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not trust.is_checked:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    # A server's own certificate is trusted as it is: nobody else signed it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(trust.ca_file)
    except OSError as error:
        said = f"{trust.ca_file}: no certificates in PEM can be read from it: {_said(error)}"
        raise InvalidInput(said, kind=unusable) from None
    return context


def _transport_errors() -> "tuple[type[Exception], ...]":
    import httpx2  # noqa: PLC0415 # see above

    return (httpx2.TransportError, httpx2.InvalidURL)


def _why(error: Exception, limits: Limits) -> tuple[ErrorKind, str]:
    """Return the kind of what went wrong, and words for it that hold no header."""
    import httpx2  # noqa: PLC0415 # see above

    match error:
        case _TooLong():
            return ErrorKind.REPLY_TOO_LONG, f"the reply is above {limits.body_bytes_max} bytes"
        case httpx2.ConnectTimeout():
            return ErrorKind.CONNECT_TIMEOUT, f"no connection within {limits.connect_s:g} s"
        case TimeoutError():
            return ErrorKind.REPLY_TIMEOUT, f"not done within {limits.total_s:g} s"
        case httpx2.ReadError() | httpx2.WriteError() | httpx2.RemoteProtocolError():
            return ErrorKind.CONNECTION_RESET, f"the connection ended: {_said(error)}"
        case httpx2.ProxyError():
            return ErrorKind.CONNECTION_FAILED, f"the proxy gave no connection: {_said(error)}"
        case _:
            return _unconnected(error)


def _unconnected(error: Exception) -> tuple[ErrorKind, str]:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            return ErrorKind.TLS_FAILED, f"TLS failed: {_said(cause)}"
        if isinstance(cause, socket.gaierror):
            return ErrorKind.NAME_NOT_RESOLVED, f"the name is not known: {_said(cause)}"
    return ErrorKind.CONNECTION_FAILED, f"no connection: {_said(error)}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _said(error: BaseException) -> str:
    return storable_text(str(error)[:_HEADER_CHARS_MAX]) or type(error).__name__
