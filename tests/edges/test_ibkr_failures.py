"""What IBKR's gateway says instead of bars, or sends in their shape: each by its own words."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import pytest
from tests.edges.test_ibkr import NOW, SHARE, clock, fetch, gateway, server, source, waits
from tests.ibkr_gateway import History, IbkrGateway, said
from tests.model_server import Answer, Asked, ModelServer

from tapetrail.core.errors import EdgeFailure, ErrorKind, InvalidInput, NotFound
from tapetrail.http.calls import Call, Limits, Received
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.ibkr.source import IbkrSource
from tapetrail.sources.vendor_source import Wanted

__all__ = ["clock", "gateway", "server", "source", "waits"]
DAY_MS: Final = 86_400_000


def paths(server: ModelServer) -> list[str]:
    return [each.path.partition("?")[0].removeprefix("/v1/api/") for each in server.asked]


HISTORY: Final = "iserver/marketdata/history"
INIT: Final = "iserver/auth/ssodh/init"
ACCOUNTS: Final = "iserver/accounts"


def test_a_session_that_lapsed_is_begun_anew_and_ends_nobody_elses(
    source: IbkrSource, gateway: IbkrGateway, server: ModelServer
) -> None:
    gateway.has_session = gateway.has_named_accounts = False
    assert len(fetch(source).bars) == 23
    assert paths(server) == [HISTORY, INIT, HISTORY, ACCOUNTS, HISTORY]
    assert gateway.bodies == [{"compete": False, "publish": True}]


def test_a_session_that_cannot_be_begun_is_said_after_one_try(
    *, source: IbkrSource, gateway: IbkrGateway, server: ModelServer, waits: list[float]
) -> None:
    gateway.has_session = gateway.mends = False
    with pytest.raises(EdgeFailure, match="HTTP 400: a login without a session") as raised:
        fetch(source)
    assert raised.value.kind is ErrorKind.SOURCE_UNAVAILABLE
    assert "log in at the gateway, in a browser again" in raised.value.message
    assert paths(server) == [HISTORY, INIT, HISTORY]
    assert waits == [1.0]


def test_a_competing_session_is_left_alone_and_said(
    source: IbkrSource, gateway: IbkrGateway, server: ModelServer
) -> None:
    gateway.has_session, gateway.competes = False, True
    with pytest.raises(EdgeFailure, match="another session of this user competes"):
        fetch(source)
    assert paths(server) == [HISTORY, INIT]
    assert all(body["compete"] is False for body in gateway.bodies)


def test_the_accounts_are_asked_for_once_where_they_come_first(
    source: IbkrSource, gateway: IbkrGateway, server: ModelServer
) -> None:
    gateway.has_named_accounts = False
    found = fetch(source)
    assert paths(server) == [HISTORY, ACCOUNTS, HISTORY]
    assert found.payload == server.sent[-1]
    server.answers = lambda _: said({"error": "Please query /accounts first"}, status=500)
    with pytest.raises(EdgeFailure, match="asked for the accounts first, which it was"):
        fetch(source)
    assert paths(server)[3:] == [HISTORY, ACCOUNTS, HISTORY]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (500, b'{"error":"Chart data unavailable"}', "no chart at the moment"),
        (500, b"Internal Server Error", "HTTP 500: the gateway fails"),
        (503, b'{"error":"Service Unavailable","statusCode":503}', "HTTP 503: the gateway fails"),
    ],
)
def test_what_may_be_over_in_a_moment_is_asked_for_once_more(  # noqa: PLR0917 # a case a column
    status: int, body: bytes, words: str, source: IbkrSource, server: ModelServer,
    waits: list[float],
) -> None:  # fmt: skip
    failing = Answer(status=status, body=body)
    server.script = [failing]
    assert len(fetch(source).bars) == 23
    assert waits == [1.0]
    server.answers = lambda _: failing
    with pytest.raises(EdgeFailure, match=words) as raised:
        fetch(source)
    assert raised.value.kind is ErrorKind.SOURCE_UNAVAILABLE
    assert len(server.asked) == 4


LOGIN_PAGE: Final = b"<!doctype html><title>Login</title>"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"[" * 100_000, "not JSON"),
        (401, b"", "HTTP 401: nobody is logged in; log in at the gateway, in a browser"),
        (401, b'{"error":"not authenticated"}', "HTTP 401: nobody is logged in"),
        (401, b"Access Denied", "HTTP 401: nobody is logged in"),
        (429, b'{"error":"Too many requests"}', "refuses this user for about 15 minutes"),
        (429, b"", "nobody asks it for as long"),
        (200, b'{"error":"Too many requests"}', "nobody asks it for as long"),
        (400, b'{"error":"Bad Request: conid","statusCode":400}', "refuses what was asked"),
        (500, b'{"error":"No market data permissions for ISLAND STK"}', "may not see the market"),
        (500, b'{"error":"Requested market data is not subscribed"}', "subscribe to those of the"),
        (500, b'{"error":"Historical data request pacing violation"}', "for about 15 minutes"),
        (404, b"Resource not found", "HTTP 404: it refuses what was asked"),
        (200, b'{"error":"Something new"}', "it refuses what was asked"),
        (302, b"", "leads to 'https://else.where', as to its login, and is not followed"),
        (200, LOGIN_PAGE, "not JSON but a page, as that of its login; log in"),
        (200, b"", "ibkr: not JSON: ''"),
        (200, b'{"symbol":"AAPL","da', "ibkr: not JSON"),
    ],
)
def test_what_is_no_answer_is_said_at_once(
    status: int, body: bytes, words: str, *, source: IbkrSource, server: ModelServer
) -> None:
    headers = {"location": "https://else.where/sso/Login"} if status == 302 else {}
    server.answers = lambda _: Answer(status=status, body=body, headers=headers)
    with pytest.raises(EdgeFailure) as raised:
        fetch(source)
    assert raised.value.kind is ErrorKind.SOURCE_UNAVAILABLE
    assert raised.value.message.startswith("ibkr: ")
    assert words in raised.value.message, raised.value.message
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b'{"error":"No data."}'),
        (200, b'{"error":"No data."}'),
        (500, b'{"error":"HMDS query returned no data"}'),
        (200, b'{"symbol":"AAPL","data":[],"points":-1}'),
    ],
)
def test_no_data_is_no_failure_of_the_gateway(
    status: int, body: bytes, *, source: IbkrSource, server: ModelServer
) -> None:
    server.answers = lambda _: Answer(status=status, body=body)
    with pytest.raises(NotFound, match="ibkr has no bars from 2026-10-21") as raised:
        fetch(source)
    assert raised.value.kind is ErrorKind.NO_BARS
    assert len(server.asked) == 1


def test_half_a_body_is_asked_for_again(
    source: IbkrSource, server: ModelServer, waits: list[float]
) -> None:
    server.script = [Answer(body=b"[" * 100, cut_at=20)]
    assert len(fetch(source).bars) == 23
    assert waits == [1.0]
    server.answers = lambda _: Answer(body=b"[" * 100, cut_at=20)
    with pytest.raises(EdgeFailure, match="after HTTP 200 and 20 bytes") as raised:
        fetch(source)
    assert raised.value.kind is ErrorKind.CONNECTION_RESET


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (ErrorKind.TLS_FAILED, "name it in IBKR_CA_FILE, if it is made out to that address"),
        (ErrorKind.CONNECTION_FAILED, "start the Client Portal Gateway, or name its address"),
        (ErrorKind.CONNECT_TIMEOUT, "look whether the Client Portal Gateway runs"),
        (ErrorKind.NAME_NOT_RESOLVED, "correct IBKR_BASE_URL"),
        (ErrorKind.REPLY_TIMEOUT, "ibkr: why"),
        (ErrorKind.SOURCE_UNAVAILABLE, "ibkr: why"),
    ],
)
def test_what_the_network_did_has_its_way_on(
    kind: ErrorKind, words: str, *, source: IbkrSource
) -> None:
    def fails(call: Call, limits: Limits) -> Received:
        del call, limits
        is_said = kind is ErrorKind.SOURCE_UNAVAILABLE
        raise EdgeFailure("ibkr: why" if is_said else "why", kind=kind)

    vendor = replace(source.gateway.vendor, call=fails)
    broken = replace(source, gateway=replace(source.gateway, vendor=vendor))
    with pytest.raises(EdgeFailure, match="ibkr: why") as raised:
        fetch(broken)
    assert raised.value.kind is kind
    assert words in raised.value.message
    assert raised.value.message.count("ibkr") == 1


Spoil = Callable[[History], object]


def field(name: str, value: object) -> Spoil:
    return lambda history: history.update({name: value})


def cell(name: str, value: object) -> Spoil:
    return lambda history: history["data"][5].update({name: value})


def without(name: str) -> Spoil:
    return lambda history: history.pop(name)


def shifted(days: int) -> Spoil:
    def spoil(history: History) -> None:
        for row in history["data"]:
            row["t"] += days * DAY_MS

    return spoil


def with_today_again(history: History) -> None:
    history["data"].append({**history["data"][-1], "c": 101.0})
    history["points"] += 1


def with_tomorrow(history: History) -> None:
    history["data"].append({**history["data"][-1], "t": history["data"][-1]["t"] + 3 * DAY_MS})
    history["points"] += 1


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (field("mdAvailability", "N"), "this login has no market data for it; subscribe"),
        (field("mdAvailability", "X"), "'X' does not say how late the bars are"),
        (field("mdAvailability", ""), "'' does not say how late the bars are"),
        (without("mdAvailability"), "does not say how late the bars are"),
        (field("symbol", "MSFT"), "the history of conid 265598 says symbol 'MSFT'"),
        (without("symbol"), "says symbol None, expected 'AAPL'"),
        (field("barLength", 3600), "barLength 3600 s"),
        (field("outsideRth", value=True), "outsideRth true"),
        (field("points", 100), "points 100 says 101 bars"),
        (field("volumeFactor", 0), "volumeFactor 0 must be a number above 0"),
        (field("priceFactor", -1), "priceFactor -1 must be a number above 0"),
        (without("data"), "the reply is no history"),
        (field("data", None), "'data' is no list"),
        (cell("t", "1795185000000"), "row 6: t is '1795185000000', expected milliseconds"),
        (cell("t", None), "row 6: t is None, expected milliseconds"),
        (cell("t", 10**18), "expected milliseconds"),
        (cell("t", 1_795_185_000), "row 6: opens at 1970-01-21"),
        (shifted(-70), "opens at 2026-08-"),
        (shifted(7), "opens at 2026-11-2"),
        (with_tomorrow, "row 26: opens at 2026-11-23 14:30 UTC, and the 5 weeks from"),
        (cell("c", None), "a price is missing"),
        (cell("c", 0), "a price is 0"),
        (cell("h", 1.0), "high"),
        (cell("v", -1), "volume"),
        (with_today_again, "conflicts with"),
        (field("data", [[1, 2, 3, 4, 5, 6]]), "points"),
    ],
)
def test_a_reply_of_the_right_shape_that_is_not_what_was_asked_for_is_refused(
    spoil: Spoil, words: str, *, source: IbkrSource, gateway: IbkrGateway
) -> None:
    gateway.spoil = spoil
    with pytest.raises(InvalidInput) as raised:
        fetch(source)
    assert raised.value.kind is ErrorKind.BAD_BARS
    assert raised.value.message.startswith(("ibkr, AAPL", "AAPL")), raised.value.message
    assert words in raised.value.message, raised.value.message


def test_a_gateway_that_ignores_where_a_page_ends_is_refused(
    source: IbkrSource, gateway: IbkrGateway, server: ModelServer
) -> None:
    def always_now(asked: Asked) -> Answer:
        begin, _, _ = asked.path.partition("startTime=")
        return gateway(replace(asked, path=f"{begin}startTime=20261120-22:30:00"))

    server.answers = always_now
    with pytest.raises(InvalidInput, match="a gateway that answers something else is not read"):
        fetch(source, first=date(2020, 1, 2))
    assert len(server.asked) == 2


def test_the_day_after_is_not_what_was_asked_for(source: IbkrSource, gateway: IbkrGateway) -> None:
    def with_the_day_after(history: History) -> None:
        history["data"].append({**history["data"][-1], "t": history["data"][-1]["t"] + DAY_MS})
        history["points"] += 1

    gateway.spoil = with_the_day_after
    with pytest.raises(InvalidInput, match="opens at 2026-11-13 14:30 UTC, and the 4 weeks from"):
        fetch(source, as_of=datetime(2026, 11, 12, 22, tzinfo=UTC))


def test_what_cannot_be_read_is_not_taken_for_a_vintage(
    source: IbkrSource, gateway: IbkrGateway
) -> None:
    gateway.availability = "N"
    wanted = Wanted(
        instrument=SHARE, first=date(2026, 10, 21), as_of=NOW, calendar=load_calendar("XNAS")
    )
    with pytest.raises(InvalidInput, match="this login has no market data for it"):
        source.download(wanted)


@pytest.mark.parametrize("name", ["volumeFactor", "priceFactor"])
def test_pages_that_mean_something_else_by_their_numbers_are_not_one_history(
    name: str, source: IbkrSource, gateway: IbkrGateway
) -> None:
    factors = iter((1, 100))
    gateway.spoil = lambda history: history.update({name: next(factors)})
    with pytest.raises(InvalidInput, match=f"pages of one history say {name} 1 and 100"):
        fetch(source, first=date(2022, 1, 3))


def test_the_longest_delay_of_its_pages_is_that_of_a_history(
    source: IbkrSource, gateway: IbkrGateway, clock: list[datetime]
) -> None:
    clock[0] = datetime(2026, 11, 20, 21, 5, tzinfo=UTC)
    letters = iter("RDRD")
    gateway.spoil = lambda history: history.update(mdAvailability=next(letters))
    with pytest.raises(InvalidInput, match="20 minutes late"):
        fetch(source, first=date(2022, 1, 3), as_of=clock[0])
    clock[0] += timedelta(minutes=15)
    assert len(fetch(source, first=date(2022, 1, 3), as_of=clock[0]).bars) > 1000


def test_a_row_twice_is_one_bar_and_a_hole_stays_one(
    source: IbkrSource, gateway: IbkrGateway
) -> None:
    def twice(history: History) -> None:
        history["data"].append(dict(history["data"][-1]))
        history["points"] += 1

    def hole(history: History) -> None:
        history["data"].pop(10)
        history["points"] -= 1

    gateway.spoil = twice
    assert len(fetch(source).bars) == 23
    gateway.spoil = hole
    assert len(fetch(source).bars) == 22


class Recorded:
    """Lanes that are free, and keep what they are told."""

    def __init__(self) -> None:
        self.placed: list[str] = []
        self.rests: list[tuple[str, float, str]] = []

    def place(self, vendor: str) -> AbstractContextManager[None]:
        self.placed.append(vendor)
        return nullcontext()

    def rest(self, vendor: str, *, seconds: float, reason: str) -> None:
        self.rests.append((vendor, seconds, reason))


@pytest.mark.parametrize(("asked", "seconds"), [(None, 900), ("60", 900), ("1800", 1800)])
def test_after_too_many_requests_nobody_asks_for_a_quarter_of_an_hour(
    asked: str | None, seconds: float, *, source: IbkrSource, server: ModelServer
) -> None:
    lanes = Recorded()
    vendor = replace(source.gateway.vendor, lanes=lanes)
    held = replace(source, gateway=replace(source.gateway, vendor=vendor))
    assert len(fetch(held).bars) == 23
    assert (lanes.placed, lanes.rests) == (["ibkr"], [])
    headers = {} if asked is None else {"retry-after": asked}
    server.answers = lambda _: Answer(status=429, body=b"", headers=headers)
    with pytest.raises(EdgeFailure, match="nobody asks it for as long"):
        fetch(held)
    ((name, rested_s, reason),) = lanes.rests
    assert (name, rested_s) == ("ibkr", seconds)
    assert "HTTP 429: it was asked too often" in reason


def test_json_that_is_no_document_is_no_history(source: IbkrSource, server: ModelServer) -> None:
    for body, words in ((b"[]", "it holds a list"), (b"{}", "it holds nothing")):
        server.script = [Answer(body=body)]
        with pytest.raises(InvalidInput, match=words):
            fetch(source)
