"""One observer and its calls: it is told of each call once, and nothing that fails here is raised.

A call that the program forgets, neither read nor closed, is noted by the garbage collector, which
may run anywhere; the observer is told when the next call begins or ends, or the watching does.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Final

from tapetrail.core.canonical import storable_text
from tapetrail.core.errors import InvalidInput
from tapetrail.core.http_words import (
    USER_AGENT,
    open_headers,
    open_url,
    secrets_of,
    without,
)
from tapetrail.packed_bodies import unpacked
from tapetrail.sdk.calls_seen import Failure, Observer, Received, Sent
from tapetrail.sdk.http_shapes import Request, Response

BODY_BYTES_MAX: Final = 64_000_000
"""What is kept of a body; files that are loaded from a provider can be any size."""
_WORDS_CHARS_MAX: Final = 500
_IS_TELLING: Final[ContextVar[bool]] = ContextVar("tapetrail_is_telling", default=False)
"""Set while an observer is told, so that what it sends itself is not watched."""


class Witness:
    """Tells one observer of calls, and counts what fails on the way."""

    def __init__(self, observer: Observer, *, clock: Callable[[], datetime]) -> None:
        self._observer = observer
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: Counter[str] = Counter()
        self.forgotten: deque[SeenCall] = deque()

    @property
    def problems(self) -> list[str]:
        """What failed, in sentences, each with how often it did."""
        with self._lock:
            counted = list(self._failures.items())
        return [f"{count} times: {said}" for said, count in counted]

    def now(self) -> datetime:
        """Return the instant, by the clock that was given."""
        return self._clock()

    def begun(self, request: Request, library: str) -> "SeenCall | None":
        """Return the call that begins; None where it is our own, or the observer's, or it fails."""
        self.tell_forgotten()
        if _IS_TELLING.get() or request.headers.get("user-agent") == USER_AGENT:
            return None
        with self.guarded("the observer was not told of a call that began"):
            secrets = secrets_of(str(request.url), request.headers.multi_items())
            sent = _sent(request, library, secrets=secrets, at=self._clock())
            return SeenCall(self, self._observer.begin(sent), secrets)
        return None

    def ended(self, token: object, received: Received) -> None:
        """Tell of a call that ended."""
        with self.guarded("the observer was not told of a call that ended"):
            self._observer.end(token, received)
        self.tell_forgotten()

    def tell_forgotten(self) -> None:
        """Tell of those calls that nobody will read to their end any more."""
        while self.forgotten:
            try:
                call = self.forgotten.popleft()
            except IndexError:  # Another thread was faster.
                return
            call.end(is_partial=True)

    @contextmanager
    def guarded(self, what: str) -> Generator[None]:
        """Count what fails inside, and go on: the program's call is worth more than its record."""
        token = _IS_TELLING.set(True)
        try:
            yield
        except Exception as error:  # noqa: BLE001 # see above; it is told by `problems`
            said = f"{what}: {type(error).__name__}: {_clipped(str(error))}"
            with self._lock:
                self._failures[said] += 1
        finally:
            _IS_TELLING.reset(token)


class SeenCall:
    """One call that an observer was told of; whatever ends it first is what it ended with."""

    __slots__ = (
        "_at", "_body", "_first_byte_at", "_headers", "_http_status", "_is_cut", "_is_ended",
        "_lock", "_secrets", "_stated", "_token", "_witness", "detach",
    )  # fmt: skip

    def __init__(self, witness: Witness, token: object, secrets: frozenset[str]) -> None:
        self._witness = witness
        self._token = token
        self._secrets = secrets
        self._lock = threading.Lock()
        self._is_ended = False
        self._is_cut = False
        self._body = bytearray()
        self._http_status: int | None = None
        self._headers: dict[str, str] = {}
        self._stated: str | None = None
        self._first_byte_at: datetime | None = None
        self.detach: Callable[[], object] = _nothing
        """What lets the garbage collector forget the call, once it has ended."""

    @property
    def witness(self) -> Witness:
        """Who tells of it."""
        return self._witness

    def replied(self, response: Response) -> None:
        """Note that a reply has begun."""
        self._first_byte_at = self._witness.now()
        self._http_status = response.status_code
        self._stated = response.headers.get("content-length")
        opened = open_headers(response.headers.multi_items())
        self._headers = {name: without(value, self._secrets) for name, value in opened.items()}

    def take(self, chunk: bytes) -> None:
        """Note bytes of the reply's body."""
        left = BODY_BYTES_MAX - len(self._body)
        self._body += chunk[:left]
        self._is_cut |= len(chunk) > left

    def closed(self) -> None:
        """End a call whose reply the program lets go of: whole if all that was stated has come."""
        self.end(is_partial=self._stated != str(len(self._body)))

    def end(self, *, is_partial: bool = False, error: BaseException | None = None) -> None:
        """Tell how the call ended, unless that was told before."""
        with self._lock:
            if self._is_ended:
                return
            self._is_ended = True
        self.detach()
        with self._witness.guarded("a call that ended could not be described"):
            self._witness.ended(self._token, self._received(is_partial=is_partial, error=error))

    def _received(self, *, is_partial: bool, error: BaseException | None) -> Received:
        body, packing = bytes(self._body), self._headers.get("content-encoding")
        holds_key = _holds(body, self._secrets) or _holds(_plain(body, packing), self._secrets)
        return Received(
            http_status=self._http_status,
            headers=self._headers,
            body=b"" if holds_key else body,
            content_encoding=packing,
            first_byte_at=self._first_byte_at,
            received_at=self._witness.now(),
            is_partial=is_partial or self._is_cut or error is not None,
            is_cut=self._is_cut,
            holds_key=holds_key,
            error=None if error is None else _failure(error, self._secrets),
        )


def _sent(request: Request, library: str, *, secrets: frozenset[str], at: datetime) -> Sent:
    body, headers = _body_of(request), open_headers(request.headers.multi_items())
    holds_key = body is not None and _holds(body, secrets)
    retried = headers.get("x-stainless-retry-count", "")
    return Sent(
        method=request.method,
        url=without(open_url(str(request.url)), secrets),
        headers={name: without(value, secrets) for name, value in headers.items()},
        body=None if holds_key else body,
        sent_at=at,
        library=library,
        body_unknown=body is None,
        holds_key=holds_key,
        retry_count=int(retried) if retried.isascii() and retried.isdigit() else None,
    )


def _body_of(request: Request) -> bytes | None:
    """Return the body, None where it is made while it is sent: to read it would use it up."""
    try:
        return request.content
    except RuntimeError:  # `RequestNotRead`, of either library
        return None


def _plain(body: bytes, packing: str | None) -> bytes:
    """Return what a body says, nothing where that cannot be told."""
    try:
        return unpacked(body, packing)
    except InvalidInput:
        return b""


def _holds(body: bytes, secrets: Collection[str]) -> bool:
    return any(secret.encode("utf-8", "replace") in body for secret in secrets)


def _failure(error: BaseException, secrets: frozenset[str]) -> Failure:
    return Failure(name=type(error).__name__, message=_clipped(without(str(error), secrets)))


def _nothing() -> None:
    """Return at once: no garbage collector knows the call yet."""


def _clipped(text: str) -> str:
    return storable_text(text[:_WORDS_CHARS_MAX])
