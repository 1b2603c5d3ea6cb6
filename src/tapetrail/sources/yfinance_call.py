"""Calls to Yahoo by yfinance, an optional package: its cookies and its disguise, our bytes.

Yahoo turns away who does not look like a browser, and how to look like one changes; yfinance keeps
up with it. Nothing of it is used but the call: no frame, no cache of prices, no repair.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
from typing import Final, Protocol, cast

from tapetrail.core.canonical import storable_text
from tapetrail.core.errors import EdgeFailure, ErrorKind
from tapetrail.http.calls import Call, Limits, Received
from tapetrail.http.transport import kept_headers

PACKAGE: Final = "yfinance"
_SAID_MAX: Final = 300
_TOO_MANY: Final = 429
_ONE_AT_A_TIME: Final = Lock()


class Response(Protocol):
    """What came back, its body unpacked."""

    @property
    def status_code(self) -> int:
        """Return the status."""
        ...

    @property
    def content(self) -> bytes:
        """Return the body."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the headers, in any case."""
        ...


class Asking(Protocol):
    """What of yfinance is used: `YfData`."""

    def get(self, url: str, params: Mapping[str, str] | None, timeout: float) -> Response:
        """Return the reply to a GET."""
        ...


class Data(Protocol):
    """The module of yfinance that calls; its `YfData` is one object a process."""

    def YfData(self) -> Asking:  # noqa: N802 # the library's
        """Return that object."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """How yfinance refuses: for having asked too often, and for any reason, that one too."""

    too_many: type[Exception]
    any: type[Exception]


class _Exceptions(Protocol):
    YFException: type[Exception]
    YFRateLimitError: type[Exception]


def call_by_yfinance(*, clock: Callable[[], datetime]) -> Callable[[Call, Limits], Received]:
    """Return how Yahoo is asked; that raises `EdgeFailure` where the package is not installed.

    It is imported with the first call, which takes two seconds; what is kept is read without it.
    """

    def call(call: Call, limits: Limits) -> Received:
        if find_spec(PACKAGE) is None:
            raise EdgeFailure(
                f"source yahoo: is asked by {PACKAGE}, which is not installed: pip install"
                f" {PACKAGE}, or tapetrail[yahoo]; or name another server with Yahoo's interface in"
                " YAHOO_BASE_URL",
                kind=ErrorKind.SOURCE_UNAVAILABLE,
            )
        data = cast("Data", import_module(f"{PACKAGE}.data"))
        theirs = cast("_Exceptions", import_module(f"{PACKAGE}.exceptions"))
        refusals = Refusals(too_many=theirs.YFRateLimitError, any=theirs.YFException)
        return ask(call, limits, data=data, refusals=refusals, clock=clock)

    return call


def ask(
    call: Call,
    limits: Limits,
    *,
    data: Data,
    refusals: Refusals,
    clock: Callable[[], datetime],
) -> Received:
    """Return what came back to a call. Raises `EdgeFailure` where nothing did.

    That Yahoo was asked too often comes as the exception for it, and leaves as status 429.
    Calls are made one at a time, for yfinance has one session a process. `limits` hold for each of
    its requests, of which there may be several: a cookie, a crumb, the reply, and that once more.
    """
    with _ONE_AT_A_TIME:
        sent_at = clock()
        try:
            response = data.YfData().get(call.url, None, limits.total_s)
            status, headers, body = response.status_code, response.headers, response.content
        except refusals.too_many as error:
            status, headers, body = _TOO_MANY, dict[str, str](), _said(error).encode()
        except refusals.any as error:
            raise EdgeFailure(
                f"yahoo, asked by {PACKAGE}: {_said(error)}; wait, then ask again; a newer one may"
                f" know the way: pip install --upgrade {PACKAGE}",
                kind=ErrorKind.SOURCE_UNAVAILABLE,
            ) from error
        except OSError as error:
            raise EdgeFailure(
                f"yahoo, asked by {PACKAGE}: no reply: {_said(error)}",
                kind=ErrorKind.CONNECTION_FAILED,
            ) from error
        ended_at = clock()
    return Received(
        http_status=status,
        headers=kept_headers(headers, call),
        body=body,
        sent_at=sent_at,
        first_byte_at=ended_at,
        ended_at=ended_at,
    )


def _said(error: Exception) -> str:
    return storable_text(str(error)[:_SAID_MAX]) or type(error).__name__
