"""Daily bars of Yahoo's charts, by an interface that is unofficial and may stop any day.

Prices are restated for splits until the moment of the reply, which is asked until that day's end:
it has the splits of all that time with it, and those after `as_of` are undone. Weeks and months are
never asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, cast
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import numpy as np

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Adjustment, Calendar, Instrument
from tapetrail.core.market.conventions import MissingPrices
from tapetrail.core.market.sessions import last_session_at
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.http.json_bodies import load_json
from tapetrail.sources.asking import Vendor
from tapetrail.sources.protocol import Fetched, Found, Need, Process, SourceKind, strategy_line
from tapetrail.sources.tabular.normaliser import DataConventions
from tapetrail.sources.tabular.shapes import tables_of_values
from tapetrail.sources.tabular.tables import Table
from tapetrail.sources.tabular.values import day_at
from tapetrail.sources.tabular.zones import zone_named
from tapetrail.sources.vendor_bars import bars_of_table, begins_late
from tapetrail.sources.vendor_source import VendorSource, Vintage, Wanted
from tapetrail.sources.yahoo_markets import (
    ASSET_CLASSES,
    CRYPTO,
    MICS,
    asset_class_of,
    instrument_of,
)
from tapetrail.sources.yahoo_replies import (
    Chart,
    Meta,
    Quote,
    Quotes,
    meta_of,
    raise_no_bars,
    read_reply,
    refuse_error,
)
from tapetrail.sources.yahoo_splits import check_splits, has_all_splits
from tapetrail.sources.yfinance_call import call_by_yfinance

NAME: Final = "yahoo"
BASE_URL: Final = "https://query2.finance.yahoo.com"
BASE_URL_ENV: Final = "YAHOO_BASE_URL"
PENALTY_S: Final = 60.0
"""How long Yahoo is left alone after a 429; it does not say for how long it wants to be."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DELAY: Final = timedelta(minutes=30)
"""The longest that its page of exchanges names; a reply does not say its own."""
NOTE: Final = (
    "yahoo is unofficial: it may change or stop any day, and splits are those that it lists"
)
FOUND_MAX: Final = 20
_DAILY: Final = "1d"
_PRICES: Final = slice(1, 5)
_VOLUME: Final = 5
_CONVENTIONS: Final = DataConventions(
    adjustment=Adjustment.SPLIT, missing_prices=MissingPrices.DROP
)


@dataclass(frozen=True, slots=True, kw_only=True)
class YahooSource(VendorSource):
    """Bars from Yahoo, or from a server with its interface at `base_url`."""

    vendor: Vendor
    base_url: str = BASE_URL

    @property
    def name(self) -> str:
        """Return `yahoo`."""
        return NAME

    @property
    def parameters(self) -> Mapping[str, str]:
        """Return the address, where it is not Yahoo's own."""
        return {} if self.base_url == BASE_URL else {"base_url": self.base_url}

    def candidates(self, named: InstrumentName) -> tuple[Instrument, ...]:
        """Return the instrument with this symbol, such as VOD.L, where Yahoo says it trades.

        Raises `EdgeFailure` as asking does, `NotFound` and `InvalidInput` for a symbol without
        daily bars.
        """
        chart, _ = self._chart(named.symbol, range="5d")
        meta = meta_of(chart, symbol=named.symbol)
        place = f"{NAME}, {named.symbol}"
        return (instrument_of(meta.described(place=place), named),)

    def note(self, instrument: Instrument) -> str:
        """Return that the interface is unofficial."""
        del instrument
        return NOTE

    def find(self, text: str) -> Sequence[Found]:
        """Return the symbols that Yahoo finds for a text. Raises `EdgeFailure` as asking does."""
        query = urlencode({"q": text, "quotesCount": FOUND_MAX, "newsCount": 0, "listsCount": 0})
        received = self.vendor.get(f"{self.base_url}/v1/finance/search?{query}")
        refuse_error(received, symbol=text, vendor=self.vendor)
        rows = read_reply(received, Quotes, vendor=self.vendor).quotes
        return [_found(row) for row in rows if row.symbol]

    def download(self, wanted: Wanted) -> Vintage:
        """Return the chart from the first day that is wanted until the end of today.

        Later bars are in it, and never among those that are read. Raises as `VendorSource` says.
        """
        now, calendar = self.vendor.clock(), wanted.calendar
        zone = zone_named(calendar.zone)
        today = now.astimezone(zone).date()
        chart, received = self._chart(
            wanted.instrument.symbol,
            period1=_midnight(wanted.first, zone),
            # To the end of today: a split of today is dated at an open that may be still to come.
            period2=_midnight(today + timedelta(days=1), zone),
            events="split",
        )
        meta_of(chart, symbol=wanted.instrument.symbol)
        if not chart.has_rows:
            raise_no_bars(f"{wanted.instrument}: {NAME} has no bars from {wanted.first} to {today}")
        return Vintage(
            payload=received,
            media_type="application/json",
            first_on=wanted.first,
            last_on=last_session_at(calendar, now - DELAY),
            fetched_at=now,
        )

    def read(self, vintage: Vintage, wanted: Wanted) -> Fetched:
        """Return the bars that are wanted. Raises as `VendorSource` says."""
        instrument, calendar = wanted.instrument, wanted.calendar
        place = f"{NAME}, {instrument.symbol}"
        meta = meta_of(Chart.model_validate_json(vintage.payload), symbol=instrument.symbol)
        is_coin = asset_class_of(meta.described(place=place)) == CRYPTO
        (table,) = tables_of_values(load_json(vintage.payload), place=place)
        _check_zone(meta, wanted, place=place)
        table = _with_days(table, zone_named(calendar.zone))
        fetched_on = vintage.fetched_at.astimezone(zone_named(calendar.zone)).date()
        check_splits(table, fetched_on, place=place)
        stated = replace(
            table.stated,
            has_all_splits=has_all_splits(table),
            # Whether a bar may still move is told by the time of the reply, and not by its stamp.
            ends_at_last_trade=False,
        )
        sessions = _without_holidays(replace(table, stated=stated), calendar)
        found = bars_of_table(
            _without_volumes(sessions) if is_coin else sessions,
            vintage,
            wanted,
            conventions=_CONVENTIONS,
            delay=DELAY,
        )
        return replace(found, remarks=_remarks(found, meta, asked=wanted.first))

    def _chart(self, symbol: str, **query: str | int) -> tuple[Chart, bytes]:
        """Return a chart, and the bytes of the reply. Raises for whatever else comes."""
        words = urlencode({**query, "interval": _DAILY})
        path = f"/v8/finance/chart/{quote(symbol, safe='')}"
        received = self.vendor.get(f"{self.base_url}{path}?{words}")
        refuse_error(received, symbol=symbol, vendor=self.vendor)
        return read_reply(received, Chart, vendor=self.vendor), received.body


def _midnight(day: date, zone: ZoneInfo) -> int:
    """Return the first second of a day where the exchange is; before 1970 it is below 0."""
    return int(datetime.combine(day, time(), zone).timestamp())


def _remarks(found: Fetched, meta: Meta, *, asked: date) -> tuple[str, ...]:
    """Return that bars which were asked for are lacking, where Yahoo says that it has them."""
    if meta.first_traded_at is None:
        return ()
    since = (_EPOCH + timedelta(seconds=meta.first_traded_at)).date()
    begun = begins_late(found, max(since, asked))
    if begun is None:
        return ()
    return (f"Bars begin on {begun}, and Yahoo says that it has them since {since}",)


def _check_zone(meta: Meta, wanted: Wanted, *, place: str) -> None:
    """Raise `InvalidInput` unless the reply's clock is the calendar's on every wanted day.

    Names may differ: Asia/Jerusalem and Asia/Tel_Aviv are one clock.
    """
    theirs, ours = zone_named(meta.zone), zone_named(wanted.calendar.zone)
    if theirs.key == ours.key:
        return
    sessions = wanted.calendar.sessions
    within = (sessions >= np.datetime64(wanted.first)) & (sessions <= np.datetime64(wanted.last))
    for day in sessions[within].tolist():
        noon = datetime.combine(day, time(12), UTC)
        if noon.astimezone(theirs).utcoffset() != noon.astimezone(ours).utcoffset():
            raise _bad(
                f"{place}: exchangeTimezoneName {meta.zone}, and the calendar"
                f" {wanted.calendar.name} is that of {ours.key}; on {day} they differ, so the days"
                " of these bars are not its sessions; name the exchange that they trade on"
            )


def _without_holidays(table: Table, calendar: Calendar) -> Table:
    """Return the table without rows that have no price, on days that are no session.

    They are how Yahoo writes that nothing traded; one on a session is a hole, which is counted.
    """
    known = set(calendar.sessions.tolist())
    kept = [
        at
        for at, day in enumerate(table.columns[0])
        if day in known or any(column[at] is not None for column in table.columns[_PRICES])
    ]
    return table if len(kept) == len(table) else table.take(kept)


def _without_volumes(table: Table) -> Table:
    """Return the table without volumes: those of coins are sums of money, and no amounts."""
    return replace(
        table,
        columns=(*table.columns[:_VOLUME], [None] * len(table), *table.columns[_VOLUME + 1 :]),
    )


def _with_days(table: Table, zone: ZoneInfo) -> Table:
    """Return the table with days for times: rows are stamped at the open, or at the last trade.

    That they are seconds was seen when they came.
    """
    days = [day_at(cast("int", at), zone) for at in table.columns[0]]
    return replace(table, columns=(days, *table.columns[1:]))


def _found(row: Quote) -> Found:
    """Return a row of a search. Its currency is not in it, and not guessed from the exchange.

    A code that is no exchange we know stands in brackets.
    """
    return Found(
        symbol=row.symbol,
        name=row.name or row.short_name or "",
        exchange=MICS.get(row.exchange_code, f"({row.exchange_code})"),
        asset_class=ASSET_CLASSES.get(row.quote_type, row.quote_type.lower()),
        strategy_line=strategy_line(row.symbol) if row.quote_type in ASSET_CLASSES else "",
    )


def _bad(message: str) -> InvalidInput:
    return InvalidInput(message, kind=ErrorKind.BAD_BARS)


def _source(process: Process) -> YahooSource:
    """Return the source: by yfinance at Yahoo's own address, by our own transport at another."""
    vendor = replace(process.vendor(NAME), penalty_s=PENALTY_S)
    elsewhere = process.environment.get(BASE_URL_ENV)
    if elsewhere:
        return YahooSource(vendor=vendor, base_url=elsewhere.rstrip("/"))
    by_yfinance = call_by_yfinance(clock=vendor.clock)
    return YahooSource(vendor=replace(vendor, call=by_yfinance))


def _open(spec: StrategySpec, config: Mapping[str, str], process: Process) -> YahooSource:
    del spec, config
    return _source(process)


KIND: Final = SourceKind(
    name=NAME,
    summary="daily bars of Yahoo's charts, over the network; unofficial, by the package yfinance",
    open=_open,
    needs=frozenset({Need.NETWORK}),
    search=_source,
)
