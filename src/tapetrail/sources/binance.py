"""Daily bars of Binance's spot market, by its public interface: no key, around the clock in UTC.

`GET /api/v3/exchangeInfo` says what a symbol is, `GET /api/v3/klines` has its bars, a thousand a
page (the vendor's documentation of its market data, read on 2026-11-27). Prices are never adjusted,
volumes are in the base asset.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Final, TypeAlias, cast
from urllib.parse import urlencode

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from tapetrail.core.canonical import decimal_of
from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.core.market.bars import Adjustment, Instrument
from tapetrail.core.market.conventions import VolumeUnit
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.http.calls import Received
from tapetrail.http.excerpts import excerpt
from tapetrail.http.json_bodies import load_json
from tapetrail.http.retry_after import asked_s
from tapetrail.sources.asking import Vendor
from tapetrail.sources.pages import MEDIA_TYPE, pages_of, pages_text
from tapetrail.sources.protocol import Fetched, Found, Need, Process, SourceKind, strategy_line
from tapetrail.sources.tabular.klines import KLINE
from tapetrail.sources.tabular.normaliser import DataConventions
from tapetrail.sources.tabular.shapes import tables_of_values
from tapetrail.sources.tabular.tables import Table
from tapetrail.sources.vendor_bars import bars_of_table
from tapetrail.sources.vendor_source import VendorSource, Vintage, Wanted

NAME: Final = "binance"
BASE_URL: Final = "https://api.binance.com"
BASE_URL_ENV: Final = "BINANCE_BASE_URL"
EXCHANGE: Final = "BINANCE"
CALENDAR: Final = "24/7"
ASSET_CLASS: Final = "crypto"
PAGE_MAX: Final = 1000
_DAY_MS: Final = 86_400_000
_OPEN_TIME, _CLOSE_TIME = KLINE.index("open_time"), KLINE.index("close_time")
_OK: Final = range(200, 300)
_UNKNOWN_SYMBOL: Final = -1121
_PRICE_FILTER: Final = "PRICE_FILTER"
_CONVENTIONS: Final = DataConventions(
    adjustment=Adjustment.RAW, zone="UTC", volume_unit=VolumeUnit.UNITS
)
_BANNED: Final = 418
_BAN_S: Final = 120.0
"""The shortest ban that there is, by the documentation."""
_REASONS: Final[Mapping[int, str]] = {
    403: "its firewall refuses this address",
    418: "it has banned this address for asking too often; let every worker rest for as long as it"
    " says",
    451: "it does not serve the place that this address is in",
}
Row: TypeAlias = Sequence[object]


class _Filter(BaseModel):
    kind: str = Field(alias="filterType")
    tick_size: float | None = Field(default=None, alias="tickSize", gt=-1, allow_inf_nan=False)


class _Symbol(BaseModel):
    symbol: str
    base_asset: str = Field(default="", alias="baseAsset")
    quote_asset: str = Field(alias="quoteAsset")
    filters: list[_Filter] = []


class _Info(BaseModel):
    """What `exchangeInfo` says, as far as it is used."""

    symbols: list[_Symbol]


class _Error(BaseModel):
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BinanceSource(VendorSource):
    """Bars from Binance, or from a server with its interface at `base_url`."""

    vendor: Vendor
    base_url: str = BASE_URL

    @property
    def name(self) -> str:
        """Return `binance`."""
        return NAME

    @property
    def parameters(self) -> Mapping[str, str]:
        """Return the address, where it is not Binance's own."""
        return {} if self.base_url == BASE_URL else {"base_url": self.base_url}

    def candidates(self, named: InstrumentName) -> tuple[Instrument, ...]:
        """Return the pair with this symbol, such as BTCUSDT, in the currency that it is quoted in.

        Raises `EdgeFailure` as asking does.
        """
        try:
            found = self._info(symbol=named.symbol)
        except NotFound:
            return ()
        return tuple(map(_instrument, found))

    def find(self, text: str) -> Sequence[Found]:
        """Return the pairs with a text in their name, such as BTC or BTC/USDT, what it names first.

        All that trade are asked for at once. Raises `EdgeFailure` as asking does.
        """
        word = "".join(filter(str.isalnum, text)).upper()
        listed = self._info(symbolStatus="TRADING", showPermissionSets="false")
        fitting = [each for each in listed if word and word in each.symbol]
        fitting.sort(key=lambda each: (each.base_asset != word, each.symbol != word, each.symbol))
        return [*map(_found, fitting)]

    def download(self, wanted: Wanted) -> Vintage:
        """Return the pages with the days that are wanted. No later bar is asked for.

        One that comes all the same is refused. Raises as `VendorSource` says.
        """
        pages, rows = self._pages(wanted.instrument, _ms(wanted.first), _ms(wanted.last))
        if not rows:
            raise NotFound(
                f"{wanted.instrument}: {NAME} has no bars from {wanted.first} to {wanted.last}",
                kind=ErrorKind.NO_BARS,
            )
        only = len(pages) == 1
        return Vintage(
            payload=pages[0].body if only else pages_text([page.body for page in pages]),
            media_type=(pages[0].media_type or "application/json") if only else MEDIA_TYPE,
            first_on=wanted.first,
            last_on=wanted.last,
            fetched_at=self.vendor.clock(),
        )

    def read(self, vintage: Vintage, wanted: Wanted) -> Fetched:
        """Return the bars that are wanted. Raises as `VendorSource` says."""
        table = _table(vintage.payload, vintage.media_type, wanted.instrument.symbol)
        return bars_of_table(table, vintage, wanted, conventions=_CONVENTIONS)

    def _info(self, **query: str) -> "list[_Symbol]":
        received = self._get("/api/v3/exchangeInfo", **query)
        try:
            return _Info.model_validate_json(received.body).symbols
        except ValidationError as error:
            said = f"says nothing of symbols: {excerpt(received.body)}"
            raise self.vendor.refused(said) from error

    def _pages(
        self, instrument: Instrument, first_ms: int, last_ms: int
    ) -> tuple[list[Received], list[Row]]:
        """Return the replies that hold the bars which open from `first_ms` to `last_ms`."""
        pages: list[Received] = []
        rows: list[Row] = []
        begin = first_ms
        while begin <= last_ms:
            received = self._get(
                "/api/v3/klines",
                symbol=instrument.symbol,
                interval="1d",
                startTime=begin,
                endTime=last_ms + _DAY_MS - 1,
                limit=PAGE_MAX,
            )
            found = self._rows(received, instrument, begin=begin, last_ms=last_ms)
            pages.append(received)
            rows += found
            if len(found) < PAGE_MAX:
                break
            begin = cast("int", found[-1][_OPEN_TIME]) + _DAY_MS
        return pages, rows

    def _rows(
        self, received: Received, instrument: Instrument, *, begin: int, last_ms: int
    ) -> list[Row]:
        """Return the rows of a page. Raises for what is no page of days within what was asked."""
        found = self._document(received)
        if not isinstance(found, list):
            raise self.vendor.refused(f"no list of bars: {excerpt(received.body)}")
        rows = cast("list[Row]", found)
        for number, row in enumerate(rows, 1):
            place = f"{NAME}, {instrument.symbol}, row {number}"
            _check_row(row, place=place, begin=begin, last_ms=last_ms)
        return rows

    def _get(self, path: str, **query: str | int) -> Received:
        """Return a reply with a success. Raises `NotFound` for a symbol that there is not."""
        received = self.vendor.get(f"{self.base_url}{path}?{urlencode(query)}")
        status = received.http_status
        if status in _OK:
            return received
        if _code(received.body) == _UNKNOWN_SYMBOL:
            raise NotFound(f"{NAME}: no symbol {query.get('symbol')!r}", kind=ErrorKind.NO_BARS)
        if status == _BANNED:
            self.vendor.rest(
                asked_s(received.headers, now=self.vendor.clock()) or _BAN_S,
                f"HTTP {status}: {excerpt(received.body)}",
            )
        reason = _REASONS.get(status)
        said = f"{reason}; {excerpt(received.body)}" if reason else excerpt(received.body)
        raise self.vendor.refused(f"HTTP {status}: {said}")

    def _document(self, received: Received) -> object:
        try:
            return load_json(received.body)
        except ValueError as error:
            raise self.vendor.refused(
                f"not JSON ({error}), HTTP {received.http_status}: {excerpt(received.body)}"
            ) from error


@lru_cache(maxsize=8)
def _table(payload: bytes, media_type: str, symbol: str) -> Table:
    """Return the rows of a payload, remembered for a while: it is read once it came, and again."""
    pages = pages_of(payload) if media_type == MEDIA_TYPE else [payload]
    rows = [row for page in pages for row in cast("list[Row]", load_json(page))]
    (table,) = tables_of_values(rows, place=f"{NAME}, {symbol}")
    return table


def _check_row(row: object, *, place: str, begin: int, last_ms: int) -> None:
    """Raise `InvalidInput` (`bad_bars`) unless a row is one day, within what was asked for."""
    if not isinstance(row, list) or len(cast("list[object]", row)) != len(KLINE):
        raise _bad(f"{place}: {row!r:.120}, expected a list of {len(KLINE)} values")
    values = cast("list[object]", row)
    opened, closed = values[_OPEN_TIME], values[_CLOSE_TIME]
    if type(opened) is not int or type(closed) is not int:
        raise _bad(f"{place}: opens at {opened!r} and closes at {closed!r}, expected milliseconds")
    # Where trading stopped before the day was over, as in an outage, the bar ends with it.
    if opened % _DAY_MS or not opened < closed < opened + _DAY_MS:
        raise _bad(f"{place}: from {opened} to {closed}, expected one day in UTC, in milliseconds")
    if not begin <= opened <= last_ms:
        raise _bad(
            f"{place}: opens on {_day(opened)}, and bars from {_day(begin)} to {_day(last_ms)} were"
            " asked for"
        )


def _instrument(listed: _Symbol) -> Instrument:
    steps = [each.tick_size for each in listed.filters if each.kind == _PRICE_FILTER]
    step = next((decimal_of(step) for step in steps if step), None)
    return Instrument(
        symbol=listed.symbol,
        exchange=EXCHANGE,
        currency=listed.quote_asset,
        calendar=CALENDAR,
        asset_class=ASSET_CLASS,
        tick_size=step,
    )


def _found(listed: _Symbol) -> Found:
    return Found(
        symbol=listed.symbol,
        name=f"{listed.base_asset} in {listed.quote_asset}",
        exchange=EXCHANGE,
        currency=listed.quote_asset,
        asset_class=ASSET_CLASS,
        strategy_line=strategy_line(listed.symbol),
    )


def _code(body: bytes) -> int | None:
    """Return the vendor's number of an error, None where the body says none."""
    try:
        return _Error.model_validate_json(body).code
    except ValidationError:
        return None


def _ms(day: date) -> int:
    return int(datetime.combine(day, time(), tzinfo=UTC).timestamp()) * 1000


def _day(ms: int) -> str:
    return str(np.datetime64(ms, "ms").astype("datetime64[D]"))


def _bad(message: str) -> InvalidInput:
    return InvalidInput(message, kind=ErrorKind.BAD_BARS)


def _source(process: Process) -> BinanceSource:
    base_url = process.environment.get(BASE_URL_ENV) or BASE_URL
    return BinanceSource(vendor=process.vendor(NAME), base_url=base_url.rstrip("/"))


def _open(spec: StrategySpec, config: Mapping[str, str], process: Process) -> BinanceSource:
    del spec, config
    return _source(process)


KIND: Final = SourceKind(
    name=NAME,
    summary="daily bars of Binance's spot market, over the network; no key",
    open=_open,
    needs=frozenset({Need.NETWORK}),
    search=_source,
)
