"""Calls by yfinance: its bytes as they came, and its errors in words; without it, the way on."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import pytest
from tests.model_server import Answer, ModelServer, model_server
from tests.yahoo_server import Yahoo

from tapetrail.core.errors import EdgeFailure, ErrorKind
from tapetrail.http.calls import Call, Limits
from tapetrail.sources.protocol import Process
from tapetrail.sources.registry import Registry
from tapetrail.sources.yfinance_call import PACKAGE, Refusals, ask, call_by_yfinance

NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
CALL: Final = Call(url="https://query2.finance.yahoo.com/v8/finance/chart/AAPL?interval=1d")
IS_THERE: Final = find_spec(PACKAGE) is not None


class TheirError(Exception):
    """As `YFException` is one."""


class TooManyError(TheirError):
    """As `YFRateLimitError` is one."""


REFUSALS: Final = Refusals(too_many=TooManyError, any=TheirError)


@dataclass(kw_only=True)
class Response:
    status_code: int = 200
    content: bytes = b'{"chart": null}'
    headers: Mapping[str, str] = field(
        default_factory=lambda: {"Content-Type": "application/json", "Set-Cookie": "A3=secret"}
    )


@dataclass(kw_only=True)
class StandIn:
    """What of yfinance is used, in the form of its module: it answers, or raises, as told."""

    found: Response | Exception
    asked: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])

    def YfData(self) -> "StandIn":  # noqa: N802 # the library's
        return self

    def get(self, url: str, params: Mapping[str, str] | None, timeout: float) -> Response:
        assert params is None
        self.asked.append((url, timeout))
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def asked_by(module: StandIn) -> Any:
    return ask(CALL, Limits(total_s=30), data=module, refusals=REFUSALS, clock=lambda: NOON)


def test_the_body_and_the_kept_headers_are_those_of_the_reply() -> None:
    module = StandIn(found=Response(status_code=404))
    received = asked_by(module)
    assert (received.http_status, received.body) == (404, b'{"chart": null}')
    assert received.headers == {"content-type": "application/json"}
    assert module.asked == [(CALL.url, 30)]


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (
            TheirError("no crumb to be had"),
            ErrorKind.SOURCE_UNAVAILABLE,
            "yahoo, asked by yfinance: no crumb to be had; wait, then ask again",
        ),
        (TimeoutError(), ErrorKind.CONNECTION_FAILED, "no reply: TimeoutError"),
        (OSError("no route"), ErrorKind.CONNECTION_FAILED, "no reply: no route"),
    ],
)
def test_what_yfinance_raises_is_said_in_words(
    error: Exception, kind: ErrorKind, words: str
) -> None:
    with pytest.raises(EdgeFailure) as raised:
        asked_by(StandIn(found=error))
    assert raised.value.kind is kind
    assert words in raised.value.message


def test_that_it_was_asked_too_often_is_the_status_for_it() -> None:
    received = asked_by(StandIn(found=TooManyError("Too Many Requests. Try after a while.")))
    assert (received.http_status, received.headers) == (429, {})
    assert received.body == b"Too Many Requests. Try after a while."


def test_without_the_package_the_way_on_is_said_once_somebody_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "yfinance", None)
    with pytest.raises(
        EdgeFailure, match=r"pip install yfinance, or tapetrail\[yahoo\]; or name"
    ) as raised:
        call_by_yfinance(clock=lambda: NOON)(CALL, Limits(total_s=30))
    assert raised.value.kind is ErrorKind.SOURCE_UNAVAILABLE
    assert Registry(process=Process(read_frame=lambda _: b"")).kind("yahoo").name == "yahoo"


@pytest.fixture
def server() -> Any:
    with model_server() as running:
        running.answers = Yahoo(now=NOON)
        yield running


@pytest.fixture
def real() -> Any:
    """The real module, with a cookie and a crumb: it would ask Yahoo for them."""
    if not IS_THERE:
        pytest.skip("yfinance is not installed")
    module = import_module(f"{PACKAGE}.data")
    opened = module.YfData()
    opened._cookie, opened._crumb = True, "crumb"  # noqa: SLF001 # no other way without network
    return module


def test_the_real_package_gives_the_bytes_that_were_sent(real: Any, server: ModelServer) -> None:
    url = f"{server.url}/v8/finance/chart/AAPL?interval=1d&period1=1790000000&period2=1795200000"
    received = ask(
        Call(url=url), Limits(total_s=30), data=real, refusals=REFUSALS, clock=lambda: NOON
    )
    assert (received.http_status, received.body) == (200, server.sent[0])
    assert received.media_type == "application/json"
    assert "crumb=crumb" in server.asked[0].path


def test_the_real_package_says_what_breaks_off(real: Any, server: ModelServer) -> None:
    server.answers = lambda _: Answer(body=b"{" * 100, cut_at=20)
    with pytest.raises(EdgeFailure, match="no reply") as raised:
        ask(
            Call(url=f"{server.url}/v8/finance/chart/AAPL"), Limits(total_s=5), data=real,
            refusals=REFUSALS, clock=lambda: NOON,
        )  # fmt: skip
    assert raised.value.kind is ErrorKind.CONNECTION_FAILED


def test_the_real_package_says_that_it_was_asked_too_often(real: Any, server: ModelServer) -> None:
    exceptions = import_module(f"{PACKAGE}.exceptions")
    assert issubclass(exceptions.YFRateLimitError, exceptions.YFException)
    server.answers = lambda _: Answer(status=429, body=b"Too Many Requests")
    refusals = Refusals(too_many=exceptions.YFRateLimitError, any=exceptions.YFException)
    received = ask(
        Call(url=f"{server.url}/v8/finance/chart/AAPL"), Limits(total_s=5), data=real,
        refusals=refusals, clock=lambda: NOON,
    )  # fmt: skip
    assert received.http_status == 429
