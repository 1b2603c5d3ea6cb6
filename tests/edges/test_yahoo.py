"""Yahoo at the wire: a server of the tests' own answers in its format, and misbehaves."""

import json
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.edges.yahoo_asked import EVENING, FIRST, LAST, SHARE, at, fetch, named, opened
from tests.model_server import Answer, ModelServer, model_server
from tests.yahoo_server import (
    APPLE,
    RATIO,
    SPLIT_ON,
    VOLUME,
    Yahoo,
)

from tapetrail.core.errors import EdgeFailure, ErrorKind, InvalidInput
from tapetrail.core.market.bar_text import bars_text
from tapetrail.core.market.bars import Adjustment
from tapetrail.core.market.calendar_changes import UNCHANGED
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.protocol import Found
from tapetrail.sources.yahoo import YahooSource


@pytest.fixture
def server() -> Generator[ModelServer]:
    with model_server() as running:
        running.answers = Yahoo(now=EVENING)
        yield running


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def source(server: ModelServer, waits: list[float]) -> Generator[YahooSource]:
    with opened(server.url, waits=waits) as found:
        yield found


def test_a_share_is_found_where_it_trades_and_in_its_currency(source: YahooSource) -> None:
    assert source.candidates(named()) == (SHARE,)


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        (
            {"symbol": "VOD.L", "exchangeName": "LSE", "currency": "GBp"},
            ("VOD.L", "XLON", "GBP", "XLON", "equity"),
        ),
        (
            {"symbol": "SPY", "exchangeName": "PCX", "instrumentType": "ETF"},
            ("SPY", "ARCX", "USD", "ARCX", "etf"),
        ),
        (
            {"symbol": "^GSPC", "exchangeName": "SNP", "instrumentType": "INDEX"},
            ("^GSPC", "XNYS", "USD", "XNYS", "index"),
        ),
        (
            {"symbol": "000001.SZ", "exchangeName": "SHZ", "currency": "CNY"},
            ("000001.SZ", "XSHE", "CNY", "XSHG", "equity"),
        ),
        (
            {"symbol": "NPN.JO", "exchangeName": "JNB", "currency": "ZAc"},
            ("NPN.JO", "XJSE", "ZAR", "XJSE", "equity"),
        ),
        (
            {"symbol": "BTC-USD", "exchangeName": "CCC", "instrumentType": "CRYPTOCURRENCY"},
            ("BTC-USD", "CCC", "USD", "24/7", "crypto"),
        ),
    ],
)
def test_codes_of_exchanges_and_types_become_markets_and_classes(  # noqa: PLR0917 # a case a column
    meta: dict[str, str], expected: tuple[str, ...], source: YahooSource, server: ModelServer
) -> None:
    server.answers = Yahoo(now=EVENING, meta={**APPLE, **meta})
    (found,) = source.candidates(named(meta["symbol"]))
    said = (found.symbol, found.exchange, found.currency, found.calendar, found.asset_class)
    assert said == expected
    load_calendar(found.calendar)


def test_an_unknown_exchange_is_said_and_taken_from_a_strategy_that_names_it(
    source: YahooSource, server: ModelServer
) -> None:
    server.answers = Yahoo(now=EVENING, meta={**APPLE, "exchangeName": "ZZZ"})
    with pytest.raises(InvalidInput) as raised:
        source.candidates(named())
    assert "exchangeName 'ZZZ' is a code that is not known here; name exchange" in (
        raised.value.message
    )
    (found,) = source.candidates(named(exchange="XNYS", currency="USD"))
    assert (found.exchange, found.currency, found.calendar) == ("XNYS", "USD", "XNYS")


@pytest.mark.parametrize(
    ("meta", "words"),
    [
        ({"instrumentType": "CURRENCY"}, "'CURRENCY': its days are those of London"),
        ({"instrumentType": "FUTURE"}, "'FUTURE': its days are not those"),
        ({"instrumentType": "NEW"}, "'NEW': known are EQUITY, ETF, INDEX, CRYPTOCURRENCY"),
        ({"currency": None}, "currency None: Yahoo does not say what prices are in"),
    ],
)
def test_what_is_no_listed_share_is_refused_with_the_reason(  # noqa: PLR0917 # a case a column
    meta: dict[str, str], words: str, source: YahooSource, server: ModelServer
) -> None:
    server.answers = Yahoo(now=EVENING, meta={**APPLE, **meta})
    with pytest.raises(InvalidInput) as raised:
        source.candidates(named())
    assert words in raised.value.message
    assert raised.value.message.startswith("yahoo, AAPL: ")


def test_the_bars_are_those_of_the_sessions_that_were_over_and_the_payload_is_the_reply(
    source: YahooSource, server: ModelServer
) -> None:
    found = fetch(source)
    assert found.payload == server.sent[0]
    assert found.media_type == "application/json"
    bars = found.bars
    assert (bars.first_on[0].item(), bars.last_on[-1].item()) == (FIRST, LAST)
    assert (bars.adjustment, bars.currency) == (Adjustment.SPLIT, "USD")
    assert float(bars.close[-1]) == 64.0 + LAST.toordinal() % 32
    assert not found.adjusted_with_hindsight
    (asked,) = server.asked
    query = {name: value for name, (value,) in parse_qs(urlsplit(asked.path).query).items()}
    assert query == {
        "period1": str(int(datetime(2026, 8, 3, 4, tzinfo=UTC).timestamp())),
        "period2": str(int(datetime(2026, 11, 21, 5, tzinfo=UTC).timestamp())),
        "interval": "1d",
        "events": "split",
    }


def test_a_split_of_after_as_of_is_undone_and_the_day_is_as_it_was_known_then(
    source: YahooSource, server: ModelServer
) -> None:
    then = datetime(2026, 9, 11, 22, tzinfo=UTC)
    before = fetch(source, as_of=then)
    assert before.bars.last_on[-1].item() == date(2026, 9, 11) < SPLIT_ON
    assert not before.adjusted_with_hindsight
    assert before.bars.volume.tolist() == [VOLUME] * len(before.bars)
    assert float(before.bars.close[-1]) == (64.0 + date(2026, 9, 11).toordinal() % 32) * RATIO
    server.answers = Yahoo(now=then)
    known = fetch(at(source, then), as_of=then)
    assert known.payload != before.payload
    assert bars_text(known.bars) == bars_text(before.bars)
    server.answers = Yahoo(now=EVENING)
    assert fetch(source).bars.volume[0] == VOLUME * RATIO


def test_a_reply_without_a_split_says_that_there_was_none(
    source: YahooSource, server: ModelServer
) -> None:
    server.answers = Yahoo(now=EVENING, splits=())
    then = datetime(2026, 9, 11, 22, tzinfo=UTC)
    assert not fetch(source, as_of=then).adjusted_with_hindsight


def test_a_reply_that_ends_before_the_last_trade_may_lack_a_split_and_is_marked(
    source: YahooSource, server: ModelServer
) -> None:
    then = datetime(2026, 11, 18, 22, tzinfo=UTC)
    assert not fetch(source, as_of=then).adjusted_with_hindsight
    server.answers = Yahoo(now=EVENING, change=drop_last)
    assert fetch(source, as_of=then).adjusted_with_hindsight


def test_before_the_open_the_day_before_is_as_it_was_known_then(
    source: YahooSource, server: ModelServer
) -> None:
    early = datetime(2026, 11, 24, 12, tzinfo=UTC)
    server.answers = Yahoo(now=early)
    then = datetime(2026, 11, 23, 21, tzinfo=UTC)
    assert not fetch(at(source, early), as_of=then).adjusted_with_hindsight


def test_before_the_open_of_a_split_nobody_can_tell_whether_prices_hold_it(
    source: YahooSource, server: ModelServer
) -> None:
    early = datetime(2026, 9, 14, 12, tzinfo=UTC)
    server.answers = Yahoo(now=early)
    with pytest.raises(InvalidInput, match="has a split of 2026-09-14, last traded on 2026-09-11"):
        fetch(at(source, early), as_of=datetime(2026, 9, 11, 22, tzinfo=UTC))


def test_a_run_says_that_the_interface_is_unofficial(source: YahooSource) -> None:
    assert source.note(SHARE).startswith("yahoo is unofficial")


def drop_last(result: dict[str, Any]) -> None:
    result["timestamp"].pop()
    for column in result["indicators"]["quote"][0].values():
        column.pop()
    result["indicators"]["adjclose"][0]["adjclose"].pop()


def test_todays_moving_row_is_in_the_payload_and_not_among_the_bars(
    source: YahooSource, server: ModelServer
) -> None:
    noon = datetime(2026, 11, 20, 17, tzinfo=UTC)
    server.answers = Yahoo(now=noon)
    found = fetch(at(source, noon), as_of=noon)
    assert found.bars.last_on[-1].item() == date(2026, 11, 19)
    stamps = json.loads(found.payload)["chart"]["result"][0]["timestamp"]
    assert stamps[-1] == int(noon.timestamp())


def test_a_bar_that_may_still_change_is_not_taken_until_the_feed_has_come(
    source: YahooSource, server: ModelServer
) -> None:
    soon = datetime(2026, 11, 20, 21, 10, tzinfo=UTC)
    server.answers = Yahoo(now=soon)
    with pytest.raises(InvalidInput, match="not final when it was fetched") as raised:
        fetch(at(source, soon), as_of=soon)
    assert raised.value.kind is ErrorKind.STALE_BARS
    assert "30 minutes late" in raised.value.message


def test_a_share_whose_last_trade_came_before_the_close_keeps_its_last_bar(
    source: YahooSource, server: ModelServer
) -> None:
    def early(result: dict[str, Any]) -> None:
        result["meta"]["regularMarketTime"] -= 600
        result["timestamp"][-1] -= 600

    server.answers = Yahoo(now=EVENING, change=early)
    assert fetch(source).bars.last_on[-1].item() == LAST


def test_todays_row_twice_is_one_bar(source: YahooSource, server: ModelServer) -> None:
    def twice(result: dict[str, Any]) -> None:
        opened = int(datetime(2026, 11, 20, 14, 30, tzinfo=UTC).timestamp())
        result["timestamp"].insert(-1, opened)
        for column in result["indicators"]["quote"][0].values():
            column.insert(-1, column[-1] * 2)

    server.answers = Yahoo(now=EVENING, change=twice)
    found = fetch(source)
    assert found.bars.last_on[-1].item() == LAST
    assert float(found.bars.close[-1]) == 64.0 + LAST.toordinal() % 32


def test_rows_without_a_price_are_left_out_and_counted_and_those_of_holidays_are_no_holes(
    source: YahooSource, server: ModelServer
) -> None:
    def holes(result: dict[str, Any]) -> None:
        columns = result["indicators"]["quote"][0].values()
        for column in columns:
            column[4] = None
            column.insert(25, None)
        # Labor Day, on which New York is closed.
        holiday = int(datetime(2026, 9, 7, 13, 30, tzinfo=UTC).timestamp())
        result["timestamp"].insert(25, holiday)

    whole = fetch(source)
    server.answers = Yahoo(now=EVENING, change=holes)
    found = fetch(source)
    assert (len(found.bars), found.dropped_rows) == (len(whole.bars) - 1, 1)


def test_pence_are_recorded_in_pounds(source: YahooSource, server: ModelServer) -> None:
    meta = {
        **APPLE,
        "symbol": "VOD.L",
        "exchangeName": "LSE",
        "currency": "GBp",
        "exchangeTimezoneName": "Europe/London",
    }
    server.answers = Yahoo(now=EVENING, meta=meta, calendar="XLON", splits=())
    (share,) = source.candidates(named("VOD.L"))
    found = fetch(source, share=share)
    assert (found.price_factor, found.quoted_in) == (Decimal("0.01"), "GBp")
    assert found.bars.currency == "GBP"
    assert float(found.bars.close[-1]) == (64.0 + LAST.toordinal() % 32) / 100


def test_a_coin_trades_around_the_clock_and_its_turnover_is_no_volume(
    source: YahooSource, server: ModelServer
) -> None:
    meta = {
        **APPLE,
        "symbol": "BTC-USD",
        "exchangeName": "CCC",
        "instrumentType": "CRYPTOCURRENCY",
        "exchangeTimezoneName": "UTC",
    }
    server.answers = Yahoo(now=EVENING, meta=meta, calendar="24/7", splits=())
    (coin,) = source.candidates(named("BTC-USD"))
    found = fetch(source, share=coin)
    assert found.bars.last_on[-1].item() == date(2026, 11, 19)
    assert str(found.bars.volume[-1]) == "nan"


def test_clocks_of_one_place_may_have_two_names(source: YahooSource, server: ModelServer) -> None:
    meta = {
        **APPLE,
        "symbol": "TEVA.TA",
        "exchangeName": "TLV",
        "currency": "ILA",
        "exchangeTimezoneName": "Asia/Jerusalem",
    }
    server.answers = Yahoo(now=EVENING, meta=meta, calendar="XTAE", splits=())
    (share,) = source.candidates(named("TEVA.TA"))
    assert share.currency == "ILS"
    assert len(fetch(source, share=share).bars) > 50


def test_what_was_sent_once_is_read_again_for_another_day_and_nobody_is_asked(
    source: YahooSource, server: ModelServer
) -> None:
    from tapetrail.sources.vendor_source import Wanted  # noqa: PLC0415 # for this test alone

    calendar = load_calendar("XNAS", UNCHANGED)
    whole = Wanted(instrument=SHARE, first=FIRST, as_of=EVENING, calendar=calendar)
    vintage = source.download(whole)
    assert (vintage.first_on, vintage.last_on, vintage.fetched_at) == (FIRST, LAST, EVENING)
    then = datetime(2026, 10, 1, 22, tzinfo=UTC)
    assert bars_text(source.read(vintage, replace(whole, as_of=then)).bars) == bars_text(
        fetch(source, as_of=then).bars
    )
    assert len(server.asked) == 2


def test_a_search_says_what_yahoo_says_and_guesses_nothing(
    source: YahooSource, server: ModelServer
) -> None:
    first, second = source.find("apple & co")
    assert first == Found(
        symbol="AAPL", name="Apple Incorporated", exchange="XNAS", asset_class="equity",
        strategy_line='instruments: ["AAPL"]',
    )  # fmt: skip
    # Bars of a future are not read, so no strategy is told to name one.
    assert (second.exchange, second.asset_class, second.strategy_line) == ("(XXX)", "future", "")
    (query,) = (parse_qs(urlsplit(each.path).query) for each in server.asked)
    assert query["q"] == ["apple & co"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(body=b'{"news": []}'), "no quotes at quotes (Field required)"),
        (Answer(status=401, body=b"Unauthorized"), "HTTP 401"),
        (Answer(body=b"<html><title>Consent</title>"), "a page of HTML, titled 'Consent'"),
    ],
)
def test_a_search_that_finds_no_list_says_what_came(  # noqa: PLR0917 # a case a column
    answer: Answer, words: str, source: YahooSource, server: ModelServer
) -> None:
    server.answers = lambda _: answer
    with pytest.raises(EdgeFailure) as raised:
        source.find("apple")
    assert words in raised.value.message
