"""Binance at the wire: a server of the tests' own speaks its documented format, and misbehaves."""

import json
from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from tests.model_server import Answer, Asked, ModelServer, model_server

from tapetrail.core.errors import EdgeFailure, ErrorKind, InvalidInput, NotFound
from tapetrail.core.market.bars import DAILY, Adjustment, Instrument
from tapetrail.core.market.calendar_changes import UNCHANGED
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.http.calls import Call, Limits, Received
from tapetrail.http.transport import Transport
from tapetrail.sources.asking import Vendor
from tapetrail.sources.binance import BinanceSource
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.pages import MEDIA_TYPE, pages_of
from tapetrail.sources.protocol import Fetched

DAY_MS: Final = 86_400_000
NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
PAIR: Final = Instrument(
    symbol="BTCUSDT", exchange="BINANCE", currency="USDT", calendar="24/7", asset_class="crypto",
    tick_size=Decimal("0.01"),
)  # fmt: skip
INFO: Final = {
    "timezone": "UTC",
    "symbols": [
        {
            "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT",
            "filters": [
                {"filterType": "LOT_SIZE", "stepSize": "0.00001000"},
                {"filterType": "PRICE_FILTER", "minPrice": "0.01", "tickSize": "0.01000000"},
            ],
        }
    ],
}  # fmt: skip


def ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def kline(opened: int) -> list[Any]:
    price = 100 + opened // DAY_MS % 50
    return [
        opened, f"{price}.10000000", f"{price + 2}.00000000", f"{price - 1}.50000000",
        f"{price + 1}.25000000", "12.34567800", opened + DAY_MS - 1, "1.0", 7, "1.0", "1.0", "0",
    ]  # fmt: skip


def klines(asked: Asked) -> list[list[Any]]:
    """What the vendor has between the asked times, at most as many as it is asked for."""
    query = {name: value for name, (value,) in parse_qs(urlsplit(asked.path).query).items()}
    assert query["interval"] == "1d"
    begin, end = int(query["startTime"]), int(query["endTime"])
    opens = range(-(-begin // DAY_MS) * DAY_MS, end + 1, DAY_MS)
    return [kline(opened) for opened in opens][: int(query["limit"])]


def good(asked: Asked) -> Answer:
    is_info = urlsplit(asked.path).path == "/api/v3/exchangeInfo"
    return Answer(body=json.dumps(INFO if is_info else klines(asked)).encode())


@pytest.fixture
def server() -> Generator[ModelServer]:
    with model_server() as running:
        running.answers = good
        yield running


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def source(server: ModelServer, waits: list[float]) -> Generator[BinanceSource]:
    with Transport(clock=lambda: NOON, unusable=ErrorKind.SOURCE_UNAVAILABLE) as transport:
        vendor = Vendor(name="binance", call=transport.send, pause=waits.append, clock=lambda: NOON)
        yield BinanceSource(vendor=vendor, base_url=server.url)


def fetch(source: BinanceSource, *, days: int = 30, as_of: datetime = NOON) -> Fetched:
    return source.fetch(
        PAIR,
        timeframe=DAILY,
        first=date(2026, 11, 20) - timedelta(days=days),
        as_of=as_of,
        calendar=load_calendar("24/7", UNCHANGED),
    )


def named(symbol: str = "BTCUSDT") -> InstrumentName:
    return InstrumentName(symbol=symbol)


def test_a_pair_is_found_with_its_currency_and_its_price_step(source: BinanceSource) -> None:
    assert source.candidates(named()) == (PAIR,)


def test_a_pair_that_there_is_not_has_no_candidates(
    source: BinanceSource, server: ModelServer
) -> None:
    body = b'{"code":-1121,"msg":"Invalid symbol."}'
    server.answers = lambda _: Answer(status=400, body=body)
    assert source.candidates(named("NOPE")) == ()


def test_pairs_are_found_by_a_part_of_their_name_the_named_coin_first(
    source: BinanceSource, server: ModelServer
) -> None:
    names = (("WBTC", "USDT"), ("BTC", "USDT"), ("ETH", "EUR"))
    symbols = [
        {"symbol": base + quoted, "baseAsset": base, "quoteAsset": quoted} for base, quoted in names
    ]
    server.answers = lambda _: Answer(body=json.dumps({"symbols": symbols}).encode())
    assert [found.symbol for found in source.find("btc")] == ["BTCUSDT", "WBTCUSDT"]
    (found,) = source.find("ETH/EUR")
    assert (found.name, found.exchange, found.currency) == ("ETH in EUR", "BINANCE", "EUR")
    assert found.strategy_line == 'instruments: ["ETHEUR"]'
    assert [*source.find("/"), *source.find("XYZ")] == []
    (query, *_) = (parse_qs(urlsplit(each.path).query) for each in server.asked)
    assert query == {"symbolStatus": ["TRADING"], "showPermissionSets": ["false"]}


def test_the_bars_are_those_of_the_days_that_were_over_and_the_payload_is_the_reply(
    source: BinanceSource, server: ModelServer
) -> None:
    found = fetch(source)
    assert found.payload == server.sent[0]
    assert found.media_type == "application/json"
    bars = found.bars
    assert len(bars) == 30
    assert (bars.first_on[0].item(), bars.last_on[-1].item()) == (
        date(2026, 10, 21),
        date(2026, 11, 19),
    )
    assert bars.adjustment is Adjustment.RAW
    assert (bars.volume_unit, bars.currency) == ("units", "USDT")
    row = kline(ms(date(2026, 11, 19)))
    assert [float(column[-1]) for column in (bars.open, bars.high, bars.low, bars.close)] == [
        float(text) for text in row[1:5]
    ]
    assert float(bars.volume[-1]) == 12.345678
    assert bars.complete.all()
    (asked,) = server.asked
    assert (asked.method, asked.body) == ("GET", b"")


def test_a_long_history_comes_in_pages_whose_bytes_are_kept(
    source: BinanceSource, server: ModelServer
) -> None:
    found = fetch(source, days=2300)
    assert len(found.bars) == 2300
    assert len(server.asked) == 3
    assert found.media_type == MEDIA_TYPE
    assert pages_of(found.payload) == server.sent
    assert np.all(np.diff(found.bars.last_on.astype(np.int64)) == 1)


def test_a_full_last_page_is_followed_by_nothing_that_was_not_asked_for(
    source: BinanceSource, server: ModelServer
) -> None:
    assert len(fetch(source, days=1000).bars) == 1000
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, b"<html>WAF</html>", ("HTTP 403", "its firewall refuses")),
        (418, b'{"code":-1003,"msg":"banned until 1"}', ("HTTP 418", "banned this address")),
        (451, b'{"code":0,"msg":"restricted location"}', ("HTTP 451", "the place that this")),
        (400, b'{"code":-1100,"msg":"Illegal characters"}', ("HTTP 400", "Illegal characters")),
        (401, b'{"code":-2015,"msg":"Invalid API-key"}', ("HTTP 401", "Invalid API-key")),
        (200, b"<html>maintenance</html>", ("not JSON", "maintenance")),
        (200, b"", ("not JSON",)),
        (200, b"[" * 100_000, ("not JSON (nested too deep)",)),
        (200, b'{"code":0}', ("no list of bars",)),
        (302, b"", ("HTTP 302", "redirects to 'https://else.where' are not followed")),
    ],
)  # fmt: skip
def test_what_is_no_reply_with_bars_is_said_in_words(  # noqa: PLR0917 # a case a column
    status: int, body: bytes, words: tuple[str, ...], source: BinanceSource, server: ModelServer
) -> None:
    headers = {"location": "https://else.where/x"} if status == 302 else {}
    server.answers = lambda _: Answer(status=status, body=body, headers=headers)
    with pytest.raises(EdgeFailure) as raised:
        fetch(source)
    assert raised.value.kind is ErrorKind.SOURCE_UNAVAILABLE
    assert raised.value.message.startswith("binance: ")
    assert all(word in raised.value.message for word in words), raised.value.message
    assert len(server.asked) == 1


def test_an_unknown_symbol_has_no_bars(source: BinanceSource, server: ModelServer) -> None:
    body = b'{"code":-1121,"msg":"Invalid symbol."}'
    server.answers = lambda _: Answer(status=400, body=body)
    with pytest.raises(NotFound, match="no symbol 'BTCUSDT'") as raised:
        fetch(source)
    assert raised.value.kind is ErrorKind.NO_BARS


def test_an_empty_list_is_no_bars(source: BinanceSource, server: ModelServer) -> None:
    server.answers = lambda _: Answer(body=b"[]")
    with pytest.raises(NotFound, match="no bars from 2026-10-21 to 2026-11-19"):
        fetch(source)


def test_a_server_that_fails_once_is_asked_again(
    source: BinanceSource, server: ModelServer, waits: list[float]
) -> None:
    server.script = [Answer(status=500, body=b"oops")]
    assert len(fetch(source).bars) == 30
    assert waits == [1.0]


def test_a_server_that_goes_on_failing_is_said(
    source: BinanceSource, server: ModelServer, waits: list[float]
) -> None:
    server.answers = lambda _: Answer(status=503, body=b"down")
    with pytest.raises(EdgeFailure, match="HTTP 503: 'down'"):
        fetch(source)
    assert (len(server.asked), waits) == (3, [1.0, 2.0])


def test_a_short_rest_is_taken_and_a_long_one_is_said(
    source: BinanceSource, server: ModelServer, waits: list[float]
) -> None:
    server.script = [Answer(status=429, headers={"retry-after": "7"}, body=b"{}")]
    assert len(fetch(source).bars) == 30
    assert waits == [7.0]
    server.script = [Answer(status=429, headers={"retry-after": "600"}, body=b"{}")]
    with pytest.raises(EdgeFailure, match="HTTP 429, asks to wait 600 s"):
        fetch(source)
    assert waits == [7.0]


def test_half_a_body_is_asked_for_again(
    source: BinanceSource, server: ModelServer, waits: list[float]
) -> None:
    server.script = [Answer(body=b"[" * 100, cut_at=20)]
    assert len(fetch(source).bars) == 30
    assert waits == [1.0]
    server.answers = lambda _: Answer(body=b"[" * 100, cut_at=20)
    with pytest.raises(EdgeFailure) as raised:
        fetch(source)
    assert raised.value.kind is ErrorKind.CONNECTION_RESET


def with_row(change: Callable[[list[list[Any]]], object]) -> Callable[[Asked], Answer]:
    def answer(asked: Asked) -> Answer:
        rows = klines(asked)
        change(rows)
        return Answer(body=json.dumps(rows).encode())

    return answer


Change = Callable[[list[list[Any]]], object]


def cell(column: int, value: object) -> Change:
    def change(rows: list[list[Any]]) -> None:
        rows[5][column] = value

    return change


def short(rows: list[list[Any]]) -> None:
    del rows[4][6:]


def late(rows: list[list[Any]]) -> None:
    rows.append(kline(rows[-1][0] + DAY_MS))


def backwards(rows: list[list[Any]]) -> None:
    rows[3][6] = rows[3][0] - 1


def weekly(rows: list[list[Any]]) -> None:
    rows[-1][6] = rows[-1][0] + 7 * DAY_MS - 1


def shifted(rows: list[list[Any]]) -> None:
    rows[3] = kline(rows[3][0] + 3_600_000)


def conflicting(rows: list[list[Any]]) -> None:
    rows.append([*rows[-1][:4], "101.99000000", *rows[-1][5:]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (late, "opens on 2026-11-20, and bars from 2026-10-21 to 2026-11-19 were asked for"),
        (weekly, "expected one day in UTC"),
        (backwards, "expected one day in UTC"),
        (shifted, "expected one day in UTC"),
        (conflicting, "2026-11-19"),
        (short, "expected a list of 12 values"),
        (cell(0, "1"), "expected milliseconds"),
        (cell(4, None), "close"),
        (cell(4, "0.00000000"), "close"),
        (cell(2, "1.0"), "high"),
        (cell(5, "-1"), "volume"),
    ],
)  # fmt: skip
def test_rows_that_are_no_days_or_no_prices_are_refused(
    change: Change,
    words: str,
    *,
    source: BinanceSource,
    server: ModelServer,
) -> None:
    server.answers = with_row(change)
    with pytest.raises(InvalidInput) as raised:
        fetch(source)
    assert raised.value.kind is ErrorKind.BAD_BARS
    assert words in raised.value.message, raised.value.message


def test_a_day_that_an_outage_cut_short_is_a_day(
    source: BinanceSource, server: ModelServer
) -> None:
    def cut(rows: list[list[Any]]) -> None:
        rows[3][6] = rows[3][0] + 28 * 60_000 + 15_000

    server.answers = with_row(cut)
    assert len(fetch(source).bars) == 30


def test_the_last_row_twice_is_one_bar_and_a_hole_stays_one(
    source: BinanceSource, server: ModelServer
) -> None:
    server.answers = with_row(lambda rows: rows.append(rows[-1]))
    assert len(fetch(source).bars) == 30
    server.answers = with_row(lambda rows: rows.pop(10))
    assert len(fetch(source).bars) == 29


def test_a_vendor_that_stalls_is_waited_for_briefly_and_asked_again(
    source: BinanceSource, waits: list[float]
) -> None:
    asked: list[float] = []

    def stalls(call: Call, limits: Limits) -> Received:
        asked.append(limits.total_s)
        raise EdgeFailure(f"{call.url}: not done", kind=ErrorKind.REPLY_TIMEOUT)

    with pytest.raises(EdgeFailure) as raised:
        fetch(replace(source, vendor=replace(source.vendor, call=stalls)))
    assert raised.value.kind is ErrorKind.REPLY_TIMEOUT
    assert (asked, waits) == ([30, 30, 30], [1.0, 2.0])
