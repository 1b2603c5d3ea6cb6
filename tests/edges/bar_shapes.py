"""The same bars in every shape that providers, libraries and people give them.

Each function turns `Quotes` into one shape. `Spelling` varies what may vary: the case of names, the
form of times. Nothing here uses the code under test.
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pyarrow as pa

FIELDS: Final = ("open", "high", "low", "close", "volume")
Cell = float | int | str | date | datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """One bar as decimal numbers; a missing volume is None."""

    day: date
    prices: tuple[Decimal, Decimal, Decimal, Decimal]
    volume: int | None

    def cells(self) -> tuple[float, float, float, float, int | None]:
        o, h, low, c = map(float, self.prices)
        return o, h, low, c, self.volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """How names are written, and how times are: in which unit, and at which hour of the day."""

    name: Callable[[str], str]
    unit: int
    hour: time
    zone: str

    def instant(self, day: date) -> datetime:
        return datetime.combine(day, self.hour, ZoneInfo(self.zone))

    def epoch(self, day: date) -> int:
        return int(self.instant(day).timestamp()) * self.unit

    def iso(self, day: date) -> str:
        return self.instant(day).astimezone(UTC).isoformat().replace("+00:00", "Z")


Quotes = Sequence[Quote]
Shape = Callable[[Quotes, Spelling], object]
NAMES: Final[Mapping[str, Callable[[str], str]]] = {
    "lower": str.lower,
    "upper": str.upper,
    "title": str.title,
    "spaced": lambda name: f" {name.title()} ",
    "numbered": lambda name: name if name == "date" else f"1. {name}",
    "short": lambda name: {"date": "T", "volume": "Vol."}.get(name, name[0]),
}


def columns(quotes: Quotes, spelling: Spelling) -> dict[str, list[float | int | None]]:
    rows = [quote.cells() for quote in quotes]
    return {spelling.name(field): [row[at] for row in rows] for at, field in enumerate(FIELDS)}


def records(quotes: Quotes, spelling: Spelling) -> list[dict[str, object]]:
    date_name = spelling.name("date")
    names = [spelling.name(field) for field in FIELDS]
    return [
        {date_name: quote.day.isoformat(), **dict(zip(names, quote.cells(), strict=True))}
        for quote in quotes
    ]


def short_records(quotes: Quotes, times: Sequence[int | str]) -> list[dict[str, object]]:
    return [
        {"t": moment, **dict(zip("ohlcv", quote.cells(), strict=True)), "n": 7, "vw": 1.5}
        for quote, moment in zip(quotes, times, strict=True)
    ]


def pandas_with_dates(quotes: Quotes, spelling: Spelling) -> object:
    index = pd.DatetimeIndex([quote.day for quote in quotes], name="Date")
    return pd.DataFrame(columns(quotes, spelling), index=index)


def pandas_with_instants(quotes: Quotes, spelling: Spelling) -> object:
    index = pd.DatetimeIndex([spelling.instant(quote.day) for quote in quotes])
    return pd.DataFrame(columns(quotes, spelling), index=index)


def pandas_with_a_column_of_dates(quotes: Quotes, spelling: Spelling) -> object:
    return pd.DataFrame(records(quotes, spelling))


def two_tickers(quotes: Quotes, spelling: Spelling, *, ticker_first: bool) -> pd.DataFrame:
    index = pd.DatetimeIndex([quote.day for quote in quotes], name="Date")
    ours = columns(quotes, spelling)
    pairs = {("AAPL", name): cells for name, cells in ours.items()}
    pairs |= {("LOW", name): [1.0] * len(quotes) for name in ours}
    frame = pd.DataFrame(pairs, index=index)
    frame.columns.names = ["Ticker", "Price"]
    if ticker_first:
        return frame
    return frame.swaplevel(axis="columns").sort_index(axis="columns")


def yfinance_price_then_ticker(quotes: Quotes, spelling: Spelling) -> object:
    return two_tickers(quotes, spelling, ticker_first=False)


def yfinance_ticker_then_price(quotes: Quotes, spelling: Spelling) -> object:
    return two_tickers(quotes, spelling, ticker_first=True)


def pandas_with_a_symbol_level(quotes: Quotes, spelling: Spelling) -> object:
    pairs = [("AAPL", spelling.instant(quote.day)) for quote in quotes]
    index = pd.MultiIndex.from_tuples(pairs, names=["symbol", "timestamp"])
    return pd.DataFrame(columns(quotes, spelling), index=index)


def polars_frame(quotes: Quotes, spelling: Spelling) -> object:
    days = [quote.day for quote in quotes]
    return pl.DataFrame({spelling.name("date"): days, **columns(quotes, spelling)})


def polars_frame_of_several_symbols(quotes: Quotes, spelling: Spelling) -> object:
    ours = pl.DataFrame(
        {"Symbol": ["AAPL"] * len(quotes), "date": [spelling.epoch(q.day) for q in quotes]}
        | columns(quotes, spelling)
    )
    return pl.concat([ours.with_columns(pl.lit("MSFT").alias("Symbol")), ours])


def arrow_table(quotes: Quotes, spelling: Spelling) -> object:
    moments = [spelling.instant(quote.day).astimezone(UTC) for quote in quotes]
    return pa.table({spelling.name("date"): moments, **columns(quotes, spelling)})


def list_of_dicts(quotes: Quotes, spelling: Spelling) -> object:
    return records(quotes, spelling)


def dict_of_lists(quotes: Quotes, spelling: Spelling) -> object:
    return {"index": [quote.day for quote in quotes], **columns(quotes, spelling)}


def dict_of_columns_by_time(quotes: Quotes, spelling: Spelling) -> object:
    times = [str(spelling.epoch(quote.day)) for quote in quotes]
    return {
        name: dict(zip(times, cells, strict=True))
        for name, cells in columns(quotes, spelling).items()
    }


def dict_of_rows_by_time(quotes: Quotes, spelling: Spelling) -> object:
    names = [spelling.name(field) for field in FIELDS]
    return {
        spelling.iso(quote.day): dict(zip(names, quote.cells(), strict=True)) for quote in quotes
    }


def split_document(quotes: Quotes, spelling: Spelling) -> object:
    return {
        "columns": [spelling.name(field) for field in FIELDS],
        "index": [spelling.epoch(quote.day) for quote in quotes],
        "data": [list(quote.cells()) for quote in quotes],
    }


def ccxt_rows(quotes: Quotes, spelling: Spelling) -> object:
    return [[spelling.epoch(quote.day), *quote.cells()] for quote in quotes]


@dataclass
class BarData:
    """What ib_async calls a bar: attributes, a bare date for a daily one, and -1 for no volume."""

    date: date | datetime
    open: float
    high: float
    low: float
    close: float
    volume: float
    average: float = 0.0
    barCount: int = 0  # noqa: N815 # its own name


def ib_async_bars(quotes: Quotes, _spelling: Spelling) -> object:
    return [
        BarData(quote.day, *quote.cells()[:4], -1.0 if quote.volume is None else quote.volume)
        for quote in quotes
    ]


def client_portal(quotes: Quotes, spelling: Spelling) -> object:
    times = [int(spelling.instant(quote.day).timestamp()) * 1000 for quote in quotes]
    rows = short_records(quotes, times)
    for row, quote in zip(rows, quotes, strict=True):
        row["v"] = None if quote.volume is None else quote.volume / 100
    return {"symbol": "AAPL", "priceFactor": 100, "volumeFactor": 100, "data": rows}


def cache_rows(quotes: Quotes, spelling: Spelling) -> object:
    """Rows of a cache: daily bars of two instruments, and weekly ones beside them."""
    history = client_portal(quotes, spelling)
    week = {"data": [{"t": 1_709_562_600_000, "o": 1, "h": 1, "l": 1, "c": 1, "v": 1}]}
    return [
        {"conid": 272093, "period": "1y", "bar": "1d", "data": {**week, "symbol": "MSFT"}},
        {"conid": 265598, "period": "5y", "bar": "1w", "data": week},
        {"conid": 265598, "period": "1y", "bar": "1d", "data": json.dumps(history)},
    ]


def yahoo_chart(quotes: Quotes, spelling: Spelling) -> object:
    """Yahoo's chart of a market that closes at 16:00, taken after the last session."""
    close = datetime.combine(max(quote.day for quote in quotes), time(16), ZoneInfo(spelling.zone))
    rows = [quote.cells() for quote in quotes]
    quote = {field: [row[at] for row in rows] for at, field in enumerate(FIELDS)}
    return {
        "chart": {
            "result": [
                {
                    "meta": {
                        "symbol": "AAPL",
                        "currency": "USD",
                        "exchangeTimezoneName": spelling.zone,
                        "regularMarketTime": int(close.timestamp()),
                        "regularMarketPrice": 1.5,
                        "dataGranularity": "1d",
                    },
                    "timestamp": [int(spelling.instant(quote.day).timestamp()) for quote in quotes],
                    "indicators": {
                        "quote": [quote],
                        "adjclose": [{"adjclose": [0.5] * len(quotes)}],
                    },
                }
            ],
            "error": None,
        }
    }


def alpaca(quotes: Quotes, spelling: Spelling) -> object:
    rows = short_records(quotes, [spelling.iso(quote.day) for quote in quotes])
    return {"bars": {"MSFT": rows[:1], "AAPL": rows}, "next_page_token": None}


def alpaca_of_one_symbol(quotes: Quotes, spelling: Spelling) -> object:
    rows = short_records(quotes, [spelling.iso(quote.day) for quote in quotes])
    return {"bars": rows, "symbol": "AAPL", "next_page_token": None}


def polygon(quotes: Quotes, spelling: Spelling) -> dict[str, object]:
    times = [int(spelling.instant(quote.day).timestamp()) * 1000 for quote in quotes]
    return {"ticker": "AAPL", "adjusted": True, "results": short_records(quotes, times)}


def alpha_vantage(quotes: Quotes, _spelling: Spelling) -> object:
    names = [f"{at}. {field}" for at, field in enumerate(FIELDS, 1)]
    series = {
        quote.day.isoformat(): {
            name: None if cell is None else str(cell)
            for name, cell in zip(names, quote.cells(), strict=True)
        }
        for quote in quotes
    }
    return {"Meta Data": {"2. Symbol": "AAPL"}, "Time Series (Daily)": series}


FRAMES: Final[tuple[Shape, ...]] = (
    pandas_with_dates,
    pandas_with_instants,
    pandas_with_a_column_of_dates,
    pandas_with_a_symbol_level,
    yfinance_price_then_ticker,
    yfinance_ticker_then_price,
    polars_frame,
    polars_frame_of_several_symbols,
    arrow_table,
)
DOCUMENTS: Final[tuple[Shape, ...]] = (
    list_of_dicts,
    dict_of_lists,
    dict_of_columns_by_time,
    dict_of_rows_by_time,
    split_document,
    ccxt_rows,
    client_portal,
    cache_rows,
    yahoo_chart,
    alpaca,
    alpaca_of_one_symbol,
    polygon,
    alpha_vantage,
)
SHAPES: Final[tuple[Shape, ...]] = (*FRAMES, *DOCUMENTS, ib_async_bars)


def csv_bytes(quotes: Quotes, spelling: Spelling, *, separator: str = ",") -> bytes:
    lines = [separator.join(spelling.name(name) for name in ("date", *FIELDS))]
    for quote in quotes:
        cells = [quote.day.isoformat(), *map(str, quote.prices), quote.volume]
        lines.append(separator.join("" if cell is None else str(cell) for cell in cells))
    return "\n".join([*lines, ""]).encode()


def yfinance_csv_bytes(quotes: Quotes, spelling: Spelling) -> bytes:
    text = io.StringIO()
    two_tickers(quotes, spelling, ticker_first=False).to_csv(text)
    return text.getvalue().encode()


def json_bytes(shape: Shape, quotes: Quotes, spelling: Spelling) -> bytes:
    return json.dumps(shape(quotes, spelling), default=str).encode()


def bars_text_of(quotes: Quotes, *, adjustment: str = "split", currency: str = "USD") -> bytes:
    """Return the canonical text, written from the decimals alone."""
    header = (
        f"tapetrail-bars/1 timeframe=1d adjustment={adjustment} session=rth currency={currency}"
        " volume_unit=shares"
    )
    lines = [header, "session,open,high,low,close,volume,complete"]
    for quote in sorted(quotes, key=lambda quote: quote.day):
        numbers = [f"{price.normalize():f}" for price in quote.prices]
        volume = "" if quote.volume is None else str(quote.volume)
        lines.append(",".join([quote.day.isoformat(), *numbers, volume, "1"]))
    return "\n".join([*lines, ""]).encode()
