"""Asking a vendor for bars: again where that may help, and each way of saying no in its words."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from tapetrail.core.errors import EdgeFailure, ErrorKind
from tapetrail.http.calls import Call, Limits, Received
from tapetrail.http.excerpts import excerpt
from tapetrail.http.retry_after import asked_s

TRIES_MAX: Final = 3
LIMITS: Final = Limits(total_s=30)
"""A page of bars comes at once or not at all, and a decision holds its place meanwhile."""
WAIT_MAX_S: Final = 10.0
"""Who is to wait longer is told, for a decision holds its place meanwhile."""
PASSING: Final = frozenset(
    {
        ErrorKind.CONNECT_TIMEOUT,
        ErrorKind.CONNECTION_FAILED,
        ErrorKind.CONNECTION_RESET,
        ErrorKind.REPLY_TIMEOUT,
    }
)
"""What may be over by the next call."""
_TOO_MANY: Final = 429
_REDIRECTS: Final = range(300, 400)
_SERVER_ERRORS: Final = range(500, 600)


class Lanes(Protocol):
    """What holds calls to vendors back, over all that ask them."""

    def place(self, vendor: str) -> AbstractContextManager[None]:
        """Return what holds a place at a vendor for one call, once there is one.

        Raises `EdgeFailure` (`source_unavailable`) where it is to be left alone for long.
        """
        ...

    def rest(self, vendor: str, *, seconds: float, reason: str) -> None:
        """Let nobody ask a vendor for so long."""
        ...


class _FreeLanes:
    """Nobody else is held back."""

    def place(self, vendor: str) -> AbstractContextManager[None]:
        """Return a place at once."""
        del vendor
        return nullcontext()

    def rest(self, vendor: str, *, seconds: float, reason: str) -> None:
        """Tell nobody."""


FREE: Final = _FreeLanes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """A vendor as it is asked: under its name, by `call` on `lanes`, with `pause` between tries.

    `penalty_s` is how long it stays closed after it said that it was asked too often, where it does
    not say so itself; None where that is a matter of a moment.
    """

    name: str
    call: Callable[[Call, Limits], Received]
    pause: Callable[[float], None]
    clock: Callable[[], datetime]
    lanes: Lanes = FREE
    penalty_s: float | None = None

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Received:
        """Return the reply to a GET, which may be any refusal but of a server that is busy or ill.

        Raises `EdgeFailure`: with the kind of what the network did, and `source_unavailable` for a
        server that fails, asks to be left alone, or leads elsewhere.
        """
        call = Call(url=url, headers=headers or {})
        for number in range(1, TRIES_MAX + 1):
            is_last = number == TRIES_MAX
            try:
                received = self._placed(call)
            except EdgeFailure as error:
                if is_last or error.kind not in PASSING:
                    raise
                self.pause(float(number))
                continue
            wait_s = self._wait_s(received, number, is_last=is_last)
            if wait_s is None:
                return received
            self.pause(wait_s)
        raise AssertionError("the last try returns or raises")

    def reply(self, call: Call) -> Received:
        """Return the reply to a call, of whatever status; asked again where only a line broke.

        Raises `EdgeFailure` with the kind of what the network did.
        """
        for number in range(1, TRIES_MAX):
            try:
                return self._placed(call)
            except EdgeFailure as error:
                if error.kind not in PASSING:
                    raise
                self.pause(float(number))
        return self._placed(call)

    def refused(self, reason: str) -> EdgeFailure:
        """Return that this vendor gave no bars, with the reason."""
        return EdgeFailure(f"{self.name}: {reason}", kind=ErrorKind.SOURCE_UNAVAILABLE)

    def rest(self, seconds: float, reason: str) -> None:
        """Let nobody ask this vendor for so long."""
        self.lanes.rest(self.name, seconds=seconds, reason=reason)

    def _placed(self, call: Call) -> Received:
        with self.lanes.place(self.name):
            return self.call(call, LIMITS)

    def _wait_s(self, received: Received, number: int, *, is_last: bool) -> float | None:
        """Return how long to wait before the next try, None where this reply is to be read."""
        status = received.http_status
        if status in _REDIRECTS:
            place = received.headers.get("location", "nowhere")
            raise self.refused(f"HTTP {status}: redirects to {place!r} are not followed")
        if status != _TOO_MANY and status not in _SERVER_ERRORS:
            return None
        asked, said = asked_s(received.headers, now=self.clock()), ""
        if asked is not None:
            asked = max(asked, 0.0)
            said = f", asks to wait {asked:g} s"
        elif status == _TOO_MANY and self.penalty_s is not None:
            asked = self.penalty_s
            said = f", is left alone for {asked:g} s"
        wait_s = float(number) if asked is None else asked
        if status == _TOO_MANY:
            self.rest(wait_s, f"HTTP {status}: {excerpt(received.body)}")
        if is_last or wait_s > WAIT_MAX_S:
            raise self.refused(f"HTTP {status}{said}: {excerpt(received.body)}")
        return wait_s
