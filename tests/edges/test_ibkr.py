"""Histories of IBKR at the wire: what is asked for, and bars that are those of the sessions."""

from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from tests.ibkr_gateway import AAPL, API, BHP, TOYOTA, VOD_LONDON, IbkrGateway, row_of
from tests.model_server import Answer, Asked, ModelServer, model_server

from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.core.market.bars import DAILY, Adjustment, Instrument
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.http.transport import Transport
from tapetrail.sources.asking import Vendor
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.ibkr.gateway import Gateway
from tapetrail.sources.ibkr.source import IbkrSource
from tapetrail.sources.pages import MEDIA_TYPE, pages_of
from tapetrail.sources.protocol import Fetched

NOW: Final = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)
SHARE: Final = Instrument(
    symbol="AAPL", exchange="XNAS", currency="USD", calendar="XNAS", conid=AAPL
)
VODAFONE: Final = Instrument(
    symbol="VOD", exchange="XLON", currency="GBP", calendar="XLON", conid=VOD_LONDON
)
IN_PENCE: Final = InstrumentName(symbol="VOD", exchange="LSE", currency="GBP", quoted_in="GBX")


@pytest.fixture
def gateway() -> IbkrGateway:
    return IbkrGateway()


@pytest.fixture
def server(gateway: IbkrGateway) -> Generator[ModelServer]:
    with model_server() as running:
        running.answers = gateway
        yield running


@pytest.fixture
def clock() -> list[datetime]:
    return [NOW]


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def source(server: ModelServer, clock: list[datetime], waits: list[float]) -> Generator[IbkrSource]:
    with Transport(clock=lambda: clock[0], unusable=ErrorKind.SOURCE_UNAVAILABLE) as transport:
        vendor = Vendor(
            name="ibkr", call=transport.send, pause=waits.append, clock=lambda: clock[0]
        )
        asked = Gateway(vendor=vendor, base_url=server.url + API)
        yield IbkrSource(gateway=asked, named=(IN_PENCE,))


def fetch(
    source: IbkrSource,
    share: Instrument = SHARE,
    *,
    first: date = date(2026, 10, 21),
    as_of: datetime = NOW,
) -> Fetched:
    return source.fetch(
        share, timeframe=DAILY, first=first, as_of=as_of, calendar=load_calendar(share.calendar)
    )


def queries(server: ModelServer) -> list[dict[str, str]]:
    found = [urlsplit(each.path) for each in server.asked]
    return [
        {name: value for name, (value,) in parse_qs(each.query).items()}
        for each in found
        if each.path.endswith("/history")
    ]


def test_the_bars_are_those_of_the_sessions_and_the_payload_is_the_reply(
    source: IbkrSource, server: ModelServer
) -> None:
    found = fetch(source)
    assert found.payload == server.sent[0]
    assert found.media_type == "application/json"
    bars = found.bars
    assert (bars.first_on[0].item(), bars.last_on[-1].item()) == (
        date(2026, 10, 21),
        date(2026, 11, 20),
    )
    assert len(bars) == 23
    assert (bars.adjustment, bars.volume_unit, bars.currency) == (
        Adjustment.SPLIT, "shares", "USD",
    )  # fmt: skip
    row = row_of(date(2026, 11, 20), 0)
    last = [float(column[-1]) for column in (bars.open, bars.high, bars.low, bars.close)]
    assert last == [row[name] for name in "ohlc"]
    assert bars.closed_at[-1] == np.datetime64("2026-11-20T21:00")
    assert not found.adjusted_with_hindsight


def test_what_is_asked_for_ends_now_or_with_the_last_day_at_the_exchange(
    source: IbkrSource, server: ModelServer
) -> None:
    fetch(source)
    fetch(source, as_of=datetime(2026, 11, 13, 22, tzinfo=UTC))
    live, past = queries(server)
    assert live == {
        "conid": str(AAPL), "period": "5w", "bar": "1d", "outsideRth": "false",
        "startTime": "20261120-22:30:00",
    }  # fmt: skip
    # The 13th ends at midnight in New York.
    assert (past["startTime"], past["period"]) == ("20261114-05:00:00", "4w")


def test_a_day_before_the_fetch_may_be_restated_for_what_came_after(source: IbkrSource) -> None:
    found = fetch(source, as_of=datetime(2026, 11, 13, 22, tzinfo=UTC))
    assert found.bars.last_on[-1].item() == date(2026, 11, 13)
    assert found.adjusted_with_hindsight


def test_a_long_history_comes_in_pages_backwards_whose_bytes_are_kept(
    source: IbkrSource, server: ModelServer
) -> None:
    found = fetch(source, first=date(2017, 1, 3))
    bars = found.bars
    assert bars.first_on[0].item() == date(2017, 1, 3)
    sessions = load_calendar("XNAS").sessions
    wanted = (sessions >= np.datetime64("2017-01-03")) & (sessions <= np.datetime64("2026-11-20"))
    assert np.array_equal(bars.first_on, sessions[wanted])
    assert found.media_type == MEDIA_TYPE
    assert pages_of(found.payload) == server.sent[::-1]
    asked = queries(server)
    assert [each["period"] for each in asked] == ["180w", "180w", "156w"]
    # A page ends where the exchange's day of the one before it begins.
    assert asked[1]["startTime"] == "20230612-04:00:00"


def test_pages_that_bring_less_are_followed_until_all_is_there(
    source: IbkrSource, gateway: IbkrGateway, server: ModelServer
) -> None:
    gateway.bars_max = 100
    found = fetch(source, first=date(2025, 1, 2))
    assert found.bars.first_on[0].item() == date(2025, 1, 2)
    assert len(queries(server)) == 5
    assert np.all(np.diff(found.bars.last_on.astype(np.int64)) <= 5)


def test_one_session_that_a_page_lacks_is_asked_for(
    source: IbkrSource, gateway: IbkrGateway, server: ModelServer
) -> None:
    gateway.bars_max = 22
    assert len(fetch(source).bars) == 23
    assert [each["period"] for each in queries(server)] == ["5w", "1w"]


def test_pages_meet_at_the_days_of_the_exchange(source: IbkrSource, gateway: IbkrGateway) -> None:
    """Sydney opens the evening before in UTC; a page of 7 begins within a week."""
    gateway.bars_max = 7
    bhp = Instrument(symbol="BHP", exchange="XASX", currency="AUD", calendar="XASX", conid=BHP)
    found = fetch(source, bhp, as_of=datetime(2026, 11, 20, 7, tzinfo=UTC))
    assert len(found.bars) == 23
    assert found.bars.last_on[-1].item() == date(2026, 11, 20)


def test_pages_without_end_are_refused(source: IbkrSource, gateway: IbkrGateway) -> None:
    gateway.bars_max = 1
    with pytest.raises(Exception, match="40 pages reach back to 2026-09-2"):
        fetch(source, first=date(2025, 1, 2))


def test_a_share_that_is_younger_begins_where_there_is_no_data(
    source: IbkrSource, gateway: IbkrGateway, server: ModelServer
) -> None:
    (share, *_) = gateway.shares
    gateway.shares = [replace(share, listed_on=date(2026, 3, 2))]
    found = fetch(source, first=date(2024, 1, 2))
    assert found.bars.first_on[0].item() == date(2026, 3, 2)
    assert len(queries(server)) == 2
    assert found.payload == server.sent[0]
    assert found.remarks == ("Bars begin on 2026-03-02: ibkr sent none before",)
    assert fetch(source, first=date(2026, 3, 2)).remarks == ()


def test_no_data_at_all_is_said(source: IbkrSource, gateway: IbkrGateway) -> None:
    (share, *_) = gateway.shares
    gateway.shares = [replace(share, listed_on=date(2027, 1, 4))]
    with pytest.raises(NotFound, match="ibkr has no bars from 2026-10-21 to 2026-11-20") as raised:
        fetch(source)
    assert raised.value.kind is ErrorKind.NO_BARS


@pytest.mark.parametrize("factor", [1, 100])
def test_volumes_of_shares_in_the_united_states_are_lots_of_100_whatever_the_factor(
    factor: int, source: IbkrSource, gateway: IbkrGateway
) -> None:
    gateway.volume_factor = factor
    row = row_of(date(2026, 11, 20), 0)
    assert float(fetch(source).bars.volume[-1]) == row["v"] * 100


def test_elsewhere_the_factor_counts(source: IbkrSource, gateway: IbkrGateway) -> None:
    gateway.volume_factor = 10
    bars = fetch(source, VODAFONE).bars
    assert float(bars.volume[-1]) == row_of(date(2026, 11, 20), 0)["v"] * 10


def test_prices_in_pence_are_recorded_in_pounds(source: IbkrSource) -> None:
    found = fetch(source, VODAFONE)
    assert (found.quoted_in, found.price_factor) == ("GBX", Decimal("0.01"))
    row = row_of(date(2026, 11, 20), 0)
    assert float(found.bars.close[-1]) == float(Decimal(str(row["c"])) / 100)
    assert found.bars.currency == "GBP"


def test_where_either_unit_is_quoted_it_must_be_said(
    source: IbkrSource, server: ModelServer
) -> None:
    silent = replace(source, named=(InstrumentName(symbol="VOD"),))
    words = "write quoted_in: GBX for pence, or quoted_in: GBP for pounds"
    for ask in (lambda: silent.coverage(VODAFONE), lambda: fetch(silent, VODAFONE)):
        with pytest.raises(InvalidInput, match=words) as raised:
            ask()
        assert raised.value.kind is ErrorKind.BAD_BARS
    silent.coverage(SHARE)
    in_cents = replace(source, named=(InstrumentName(symbol="AAPL", quoted_in="GBX"),))
    with pytest.raises(InvalidInput, match="prices quoted in GBX are not in USD"):
        fetch(in_cents)
    assert len(server.asked) <= 2


def test_sessions_that_open_at_midnight_in_utc_are_those_of_their_day(source: IbkrSource) -> None:
    toyota = Instrument(
        symbol="7203", exchange="XTKS", currency="JPY", calendar="XTKS", conid=TOYOTA
    )
    found = fetch(source, toyota, as_of=datetime(2026, 11, 20, 7, tzinfo=UTC))
    assert found.bars.last_on[-1].item() == date(2026, 11, 20)
    assert len(found.bars) == 22


@pytest.mark.parametrize("letters", ["R", "RpB", "S", "Z", "ZP"])
def test_a_bar_is_final_with_its_close_where_the_feed_is_not_late(
    letters: str, *, source: IbkrSource, gateway: IbkrGateway, clock: list[datetime]
) -> None:
    gateway.availability = letters
    clock[0] = datetime(2026, 11, 20, 21, 5, tzinfo=UTC)
    assert fetch(source, as_of=clock[0]).bars.last_on[-1].item() == date(2026, 11, 20)


@pytest.mark.parametrize("letters", ["D", "DPB", "Y"])
def test_a_delayed_feed_asked_right_after_the_close_has_no_final_bar(
    letters: str, *, source: IbkrSource, gateway: IbkrGateway, clock: list[datetime]
) -> None:
    gateway.availability = letters
    clock[0] = datetime(2026, 11, 20, 21, 5, tzinfo=UTC)
    with pytest.raises(InvalidInput, match="20 minutes late, so ask again") as raised:
        fetch(source, as_of=clock[0])
    assert raised.value.kind is ErrorKind.STALE_BARS
    clock[0] += timedelta(minutes=15)
    assert fetch(source, as_of=clock[0]).bars.last_on[-1].item() == date(2026, 11, 20)


def test_what_counts_is_when_the_bars_were_asked_for(
    *, source: IbkrSource, gateway: IbkrGateway, server: ModelServer, clock: list[datetime]
) -> None:
    gateway.availability = "D"
    clock[0] = asked_at = datetime(2026, 11, 20, 21, 5, tzinfo=UTC)

    def slow(asked: Asked) -> Answer:
        clock[0] = asked_at + timedelta(minutes=30)
        return gateway(asked)

    server.answers = slow
    with pytest.raises(InvalidInput, match="20 minutes late, so ask again"):
        fetch(source, as_of=asked_at)


def test_the_day_that_is_not_over_is_no_bar(source: IbkrSource, clock: list[datetime]) -> None:
    clock[0] = datetime(2026, 11, 20, 19, tzinfo=UTC)
    found = fetch(source, as_of=clock[0])
    assert found.bars.last_on[-1].item() == date(2026, 11, 19)


def test_without_a_conid_nothing_is_asked(source: IbkrSource, server: ModelServer) -> None:
    with pytest.raises(InvalidInput, match="no conid, by which alone ibkr is asked"):
        fetch(source, replace(SHARE, conid=None))
    assert server.asked == []


def test_another_address_is_a_parameter_of_what_came(source: IbkrSource) -> None:
    assert source.parameters == {"base_url": source.gateway.base_url}
    usual = replace(source.gateway, base_url="https://localhost:5000/v1/api")
    assert replace(source, gateway=usual).parameters == {}
