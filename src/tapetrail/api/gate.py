"""Who is let in: the outermost part of the server, which every request passes.

1. Each request has an id, which its answer names. 2. The `Host` is one that this server has, so
that no page of another site reaches it under a name of its own (DNS rebinding). 3. A body is
neither too large nor too slow. 4. All but the `OPEN` paths ask for a key, or for the token of this
server, whoever asks and from wherever. 5. Answers carry headers that keep browsers from running,
framing or sharing them.
"""

import asyncio
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tapetrail.api.problems import Refused, answered, refused_by
from tapetrail.api.sessions import is_from_here, session_of
from tapetrail.core.access_keys import Caller
from tapetrail.core.access_keys import Scope as KeyScope
from tapetrail.core.errors import TapeTrailError

OPEN: Final = frozenset({"/api/health/live", "/api/health/ready", "/login", "/logout"})
"""What answers to anybody."""
SAFE_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""What an answer says to browsers, unless it says something else itself."""
BODY_BYTES_MAX: Final = 2**20
BUNDLES: Final = "/api/recordings"
BUNDLE_BYTES_MAX: Final = 256 * 2**20
"""Of a bundle: a decision with all its charts and calls."""
PART_S: Final = 30
"""How long the next part of a body may take."""
_BEARER: Final = re.compile(r"Bearer +(\S{1,200})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How requests are let in: the hosts that this server is, and who holds a key or a token.

    `origins` are other sites whose pages may ask and show, such as `https://desk.example.org`.
    `caller_of` returns who holds a key, None for nobody; it may ask the database.
    """

    hosts: Collection[str]
    origins: Collection[str]
    caller_of: Callable[[str], Caller | None]
    caller_of_session: Callable[[str], Caller | None]
    caller_of_link: Callable[[str, Mapping[str, str]], Caller | None]
    new_id: Callable[[], str]


def body_bytes_max(path: str) -> int:
    """Return how large the body of a request may be."""
    return BUNDLE_BYTES_MAX if path.rstrip("/") == BUNDLES else BODY_BYTES_MAX


class Body:
    """The body of a request as it comes: neither too large nor too slow."""

    def __init__(self, receive: Receive, *, most: int) -> None:
        self._receive = receive
        self._most = most
        self._came = 0
        self._is_whole = False

    def check_stated(self, headers: Headers) -> None:
        """Raise `Refused` for a body that is said to be too large."""
        stated = headers.get("content-length", "")
        if stated.isascii() and stated.isdecimal() and int(stated[:20]) > self._most:
            raise Refused("body-too-large", f"at most {self._most} bytes are taken here")

    async def receive(self) -> Message:
        """Return the next part. Raises `HTTPException` for a body that is too large, or stalls.

        The framework answers every other error by another status. After the body only the end of
        the connection is waited for.
        """
        if self._is_whole:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), PART_S)
        except TimeoutError:
            raise HTTPException(408, f"nothing came for {PART_S} s") from None
        self._is_whole = not message.get("more_body", False)
        self._came += len(message.get("body", b""))
        if self._came > self._most:
            raise HTTPException(413, f"at most {self._most} bytes are taken here")
        return message


class Gate:
    """The outermost layer of the server (ASGI)."""

    def __init__(self, app: ASGIApp, *, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it by the reason why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["request_id"] = self._door.new_id()
        send_safely = self._safely(scope, send)
        body = Body(receive, most=body_bytes_max(scope["path"]))
        try:
            await self._let_in(scope, body)
        except (Refused, TapeTrailError) as error:
            # The database is asked who holds a key, and may be away.
            refused = error if isinstance(error, Refused) else refused_by(error)
            await _refusal(scope, refused)(scope, receive, send_safely)
            return
        if scope["method"] == "HEAD":
            # The server leaves the body out, by what the request was.
            scope = {**scope, "method": "GET"}
        await self._app(scope, body.receive, send_safely)

    def _safely(self, scope: Scope, send: Send) -> Send:
        """Return what sends an answer with the headers that every one has."""

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if scope["state"].get("shared_with") in self._door.origins:
                    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
                for name, text in SAFE_HEADERS.items():
                    headers.setdefault(name, text)
                headers["X-Request-Id"] = scope["state"]["request_id"]
            await send(message)

        return send_safely

    async def _let_in(self, scope: Scope, body: Body) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host.lower() not in self._door.hosts:
            # Addresses in answers begin with the host of the request: it gets one of ours.
            scope["headers"] = [(b"host", each.encode()) for each in [*self._door.hosts][:1]]
            raise Refused("foreign-host", "this server answers to its own names alone")
        body.check_stated(headers)
        if scope["path"] in OPEN:
            if not is_from_here(scope["method"], headers):
                raise Refused("foreign-page", "who signs in does so on a page of this server")
            return
        caller = await self._caller(scope, headers)
        if caller is None:
            raise Refused(
                "unauthenticated",
                "send `Authorization: Bearer KEY`; tapetrail keys create makes a key",
                headers={"WWW-Authenticate": 'Bearer realm="tapetrail"'},
            )
        scope["state"]["caller"] = caller

    async def _caller(self, scope: Scope, headers: Headers) -> Caller | None:
        stated = headers.get("authorization")
        if stated is not None:
            key = _BEARER.fullmatch(stated)
            return None if key is None else await run_in_threadpool(self._door.caller_of, key[1])
        words = link_words(scope["query_string"])
        if words is not None and scope["method"] in {"GET", "HEAD"}:
            return await self._caller_of_link(scope, words)
        session = session_of(headers)
        if session is None:
            return None
        if not is_from_here(scope["method"], headers):
            raise Refused("foreign-page", "a cookie is taken from pages of this server alone")
        return await run_in_threadpool(self._door.caller_of_session, session)

    async def _caller_of_link(self, scope: Scope, words: Mapping[str, str]) -> Caller | None:
        found = await run_in_threadpool(self._door.caller_of_link, scope["path"], words)
        if found is not None:
            # What a link says is not for the route, and a page that may show it is told so.
            scope["query_string"] = b""
            scope["state"]["shared_with"] = words["origin"]
        return found


def _refusal(scope: Scope, refused: Refused) -> Response:
    """Return what a request is refused by: a browser that asks for a page is led to sign in."""
    wants_page = "text/html" in Headers(scope=scope).get("accept", "")
    if refused.kind.status == 401 and wants_page and scope["method"] == "GET":  # noqa: PLR2004 # as its kind says
        return Response(status_code=303, headers={"Location": "/login"})
    return answered(Request(scope), refused)


def link_words(query: bytes) -> Mapping[str, str] | None:
    """Return what a query says of a link, None where it is none."""
    words = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    found = dict(words)
    return found if "signature" in found and len(found) == len(words) else None


def caller(request: Request) -> Caller:
    """Return who asks."""
    found = request.state.caller
    if not isinstance(found, Caller):
        raise TypeError("a request came in without a caller")
    return found


def needs(scope: KeyScope) -> Callable[[Request], None]:
    """Return what refuses callers who do not have a scope."""

    def check(request: Request) -> None:
        if not caller(request).may(scope):
            raise Refused("missing-scope", f"the key lacks the scope `{scope}`")

    return check
