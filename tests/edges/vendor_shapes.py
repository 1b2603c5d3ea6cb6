"""One set of bars as each vendor and library has it: in its unit, at its hour, adjusted its way.

Nothing here uses the code under test. `Case` holds the bars as they are recorded, restated for a
split within their span. A vendor of raw prices has them as they were paid; one that restates until
today has them divided by a split after the last bar as well.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import pandas as pd
from tests.edges.bar_shapes import BarData

PRICES: Final = ("open", "high", "low", "close")
SHORT: Final = ("t", "o", "h", "l", "c", "v")
Row = tuple[date, Sequence[Decimal], Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """Where the bars trade: its zone, when it opens, and how many quoted units its currency has."""

    exchange: str
    currency: str
    zone: ZoneInfo
    opens: time
    minor: str | None = None

    @property
    def lot(self) -> int:
        """How many shares IBKR counts as one in its volumes, with a factor of 1."""
        return 100 if self.exchange == "XNAS" else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Bars as they are recorded, and how vendors may have them."""

    market: Market
    rows: Sequence[Row]
    split_on: date
    ratio: int
    later_on: date
    later_ratio: int
    in_minor: bool
    name: Callable[[str], str]
    volume_factor: int

    @property
    def unit(self) -> str:
        return (self.market.minor or "") if self.in_minor else self.market.currency

    def quoted(self, price: Decimal) -> Decimal:
        return price * 100 if self.in_minor else price

    def restated(self) -> list[Row]:
        """Rows as they are recorded, in the unit that they are quoted in."""
        return [
            (day, [self.quoted(price) for price in prices], volume)
            for day, prices, volume in self.rows
        ]

    def raw(self) -> list[Row]:
        """Rows as they were paid, before the split in their span."""
        return [
            (day, [price * self.ratio for price in prices], volume / self.ratio)
            if day < self.split_on
            else (day, prices, volume)
            for day, prices, volume in self.restated()
        ]

    def instant(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, self.market.zone)

    def opened(self, day: date) -> int:
        """Return the second at which a session opens."""
        return int(self.instant(day, self.market.opens).timestamp())

    def midnight(self, day: date) -> datetime:
        return self.instant(day, time(0)).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A way to have bars: `made` as bytes of a file or as an object, with what has to be said."""

    name: str
    made: Callable[[Case], object]
    is_raw: bool = False
    data: Mapping[str, object] = field(default_factory=dict[str, object])


def written(document: object) -> bytes:
    """Return JSON with each decimal as the number that it is."""
    return json.dumps(document, default=float).encode()


def number(value: Decimal) -> float:
    return float(value)


def records(case: Case, rows: Sequence[Row], stamp: Callable[[date], object]) -> list[object]:
    names = [case.name(name) for name in SHORT]
    return [
        dict(zip(names, [stamp(day), *prices, volume], strict=True)) for day, prices, volume in rows
    ]


def frame(case: Case) -> pd.DataFrame:
    """Return what yfinance downloads: split-adjusted, an adjusted close beside the close."""
    columns = {
        name.title(): [number(row[1][at]) for row in case.restated()]
        for at, name in enumerate(PRICES)
    }
    columns["Adj Close"] = [0.5] * len(case.rows)
    columns["Volume"] = [number(volume) for _, _, volume in case.rows]
    index = pd.DatetimeIndex(
        [case.midnight(day).astimezone(case.market.zone) for day, _, _ in case.rows], name="Date"
    )
    return pd.DataFrame(columns, index=index)


def yfinance_levels(case: Case, *, ticker_first: bool) -> pd.DataFrame:
    flat = frame(case)
    both = pd.concat({"ACME": flat, "LOW": flat * 0 + 7.0}, axis="columns")
    both.columns.names = ["Ticker", "Price"]
    return both if ticker_first else both.swaplevel(axis="columns").sort_index(axis="columns")


def ib_async(case: Case) -> object:
    """Return daily bars of TWS: dates, and volumes in shares."""
    bars: list[BarData] = []
    for day, prices, volume in case.restated():
        o, h, low, c = (number(price) for price in prices)
        bars.append(BarData(day, o, h, low, c, number(volume)))
    return bars


def client_portal(case: Case) -> dict[str, object]:
    """Return a history: in lots for US stocks whatever the factor says, divided by it elsewhere."""
    divisor = case.market.lot if case.market.lot > 1 else case.volume_factor
    rows = [(day, prices, volume / divisor) for day, prices, volume in case.restated()]
    return {
        "symbol": "ACME",
        "priceFactor": 100,
        "volumeFactor": case.volume_factor,
        "barLength": 86_400,
        "mdAvailability": "S",
        "outsideRth": False,
        "points": len(rows) - 1,
        "data": records(case, rows, lambda day: case.opened(day) * 1000),
    }


def cache(case: Case) -> object:
    history = client_portal(case)
    row = {"conid": 7, "period": "1y", "bar": "1d", "data": history}
    return {case.name(name): value for name, value in row.items()}


def yahoo(case: Case) -> object:
    """Return a chart taken after a split that follows the last bar, which today's prices hold."""
    ratio = case.later_ratio
    ex_on = case.later_on
    rows: list[Row] = [
        (day, [price / ratio for price in prices], volume * ratio)
        for day, prices, volume in case.restated()
    ]
    rows.append((ex_on, rows[-1][1], rows[-1][2]))
    quote = {name: [row[1][at] for row in rows] for at, name in enumerate(PRICES)}
    splits = {
        "1": {"date": case.opened(case.split_on), "numerator": case.ratio, "denominator": 1},
        "2": {"date": case.opened(ex_on), "numerator": ratio, "denominator": 1},
    }
    result = {
        "meta": {
            "symbol": "ACME", "currency": case.unit.replace("GBX", "GBp"),
            "exchangeTimezoneName": case.market.zone.key, "dataGranularity": "1d",
            "regularMarketTime": case.opened(ex_on) + 9 * 3600,
        },
        "timestamp": [case.opened(day) for day, _, _ in rows],
        "indicators": {
            "quote": [{**quote, "volume": [row[2] for row in rows]}],
            "adjclose": [{"adjclose": [0.5] * len(rows)}],
        },
        "events": {"splits": splits},
    }  # fmt: skip
    return {"chart": {"result": [result], "error": None}}


def alpaca(case: Case) -> object:
    rows = records(case, case.raw(), lambda day: case.midnight(day).isoformat()[:19] + "Z")
    return {"bars": {"ACME": rows}, "next_page_token": None}


def polygon(case: Case, *, adjusted: bool) -> object:
    rows = case.restated() if adjusted else case.raw()
    stamped = records(case, rows, lambda day: int(case.midnight(day).timestamp()) * 1000)
    return {"ticker": "ACME", "status": "OK", "adjusted": adjusted, "results": stamped}


def utc_midnight(day: date) -> int:
    return int(datetime.combine(day, time(0), UTC).timestamp()) * 1000


def ccxt(case: Case) -> object:
    return [[utc_midnight(day), *prices, volume] for day, prices, volume in case.raw()]


def binance(case: Case) -> object:
    return [
        [
            utc_midnight(day), *map(str, prices), str(volume), utc_midnight(day) + 86_399_999,
            "1.5", 7, "1.5", "1.5", "0",
        ]
        for day, prices, volume in case.raw()
    ]  # fmt: skip


def csv(case: Case, rows: Sequence[Row]) -> bytes:
    names = ("date", *PRICES, "volume")
    lines = [",".join(case.name(name) for name in names)]
    lines += [f"{day},{','.join(map(str, prices))},{volume}" for day, prices, volume in rows]
    return "\n".join(lines).encode()


def in_json(made: Callable[[Case], object]) -> Callable[[Case], object]:
    return lambda case: written(made(case))


DATES: Final = {"utc_midnights": "dates"}
SHAPES: Final = (
    Shape(name="yfinance", made=frame),
    Shape(name="yfinance-ticker", made=lambda case: yfinance_levels(case, ticker_first=True)),
    Shape(name="yfinance-price", made=lambda case: yfinance_levels(case, ticker_first=False)),
    Shape(
        name="yfinance-csv",
        made=lambda case: yfinance_levels(case, ticker_first=False).to_csv().encode(),
    ),
    Shape(name="ib_async", made=ib_async),
    Shape(name="client-portal", made=in_json(client_portal)),
    Shape(name="cache", made=in_json(cache)),
    Shape(name="cache-list", made=in_json(lambda case: [cache(case)])),
    Shape(name="yahoo", made=in_json(yahoo)),
    Shape(name="alpaca", made=in_json(alpaca), is_raw=True),
    Shape(name="polygon", made=in_json(lambda case: polygon(case, adjusted=True))),
    Shape(
        name="polygon-raw",
        made=in_json(lambda case: polygon(case, adjusted=False)),
        is_raw=True,
    ),
    Shape(name="ccxt", made=in_json(ccxt), is_raw=True, data=DATES),
    Shape(name="binance", made=in_json(binance), is_raw=True, data=DATES),
    Shape(name="csv", made=lambda case: csv(case, case.restated())),
    Shape(name="csv-raw", made=lambda case: csv(case, case.raw()), is_raw=True),
)  # fmt: skip
