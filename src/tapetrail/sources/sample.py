"""Daily bars of five US shares, 2000 to 2013, that ship with `bokeh_sampledata`: no network.

Prices there are unadjusted, so the source brings its own table of splits and applies those known
as of the request. The file's `Adj Close` column is never read: it is adjusted with hindsight.

The payload is UTF-8 text. Line 1 names the request: `tapetrail-sample/1 symbol=AAPL
exchange=XNAS currency=USD first=2005-01-03 last=2005-03-01`, `last` being the last session that was
over. Then `Date,Open,High,Low,Close,Volume` and the file's own rows, digit by digit; then
`Split,Ratio` and one line for each split known by `last`.
"""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from tapetrail.core.canonical import decimal_text
from tapetrail.core.errors import EdgeFailure, ErrorKind, InvalidInput, NotFound
from tapetrail.core.market.bars import (
    DAILY,
    Adjustment,
    Bars,
    Calendar,
    Days,
    Floats,
    Instrument,
    SessionHours,
    Split,
    Timeframe,
)
from tapetrail.core.market.exchanges import mic_of
from tapetrail.core.market.histories import adjust_for_splits
from tapetrail.core.market.sessions import Positions, day_of, last_session_at, session_positions
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.sources.protocol import Fetched, SourceKind, check_timeframe

SOURCE_NAME: Final = "sample"
VOLUME_UNIT: Final = "shares"
CURRENCY: Final = "USD"
MEDIA_TYPE: Final = "text/csv; charset=utf-8"
PACKAGE: Final = "bokeh_sampledata"
_EXCHANGES: Final = {"AAPL": "XNAS", "FB": "XNAS", "GOOG": "XNAS", "IBM": "XNYS", "MSFT": "XNAS"}
# The file shows each as a halving of the price overnight; these years hold no others.
_SPLITS: Final = {
    "AAPL": (
        Split(ex_on=date(2000, 6, 21), ratio=Decimal(2)),
        Split(ex_on=date(2005, 2, 28), ratio=Decimal(2)),
    ),
    "MSFT": (Split(ex_on=date(2003, 2, 18), ratio=Decimal(2)),),
}
_HEADER: Final = b"Ticker,Date,Open,High,Low,Close,Volume,Adj Close\n"
_FIELDS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSource:
    """The bars in the data package `package`; parsed once per process and symbol."""

    package: str = PACKAGE

    @property
    def name(self) -> str:
        """Return `sample`."""
        return SOURCE_NAME

    def instruments(self) -> tuple[Instrument, ...]:
        """Return the five shares, by symbol."""
        return tuple(map(self.instrument, _EXCHANGES))

    def instrument(self, symbol: str) -> Instrument:
        """Return the share with this symbol. Raises `NotFound` listing the known ones."""
        if symbol not in _EXCHANGES:
            raise NotFound(f"instrument {symbol!r}: the sample holds {', '.join(_EXCHANGES)}")
        exchange = _EXCHANGES[symbol]
        return Instrument(
            symbol=symbol,
            exchange=exchange,
            currency=CURRENCY,
            calendar=exchange,
            tick_size=Decimal("0.01"),
        )

    def candidates(self, named: InstrumentName) -> tuple[Instrument, ...]:
        """Return the one share with this symbol. Raises `NotFound` listing the known ones."""
        return (self.instrument(named.symbol),)

    def coverage(self, instrument: Instrument) -> tuple[date, date]:
        """Return the first and the last session of the share."""
        sessions = self._history(instrument).sessions
        return day_of(sessions[0]), day_of(sessions[-1])

    def fetch(
        self,
        instrument: Instrument,
        *,
        timeframe: Timeframe,
        first: date,
        as_of: datetime,
        calendar: Calendar,
    ) -> Fetched:
        """Return the split-adjusted daily bars from `first` on that were over at `as_of`.

        The sample arrives without delay and drops no rows. Raises `NotFound` (`no_bars`) if there
        are none, `InvalidInput` for an `as_of` or a session outside the calendar and for another
        timeframe, and `EdgeFailure` if the data package is not installed.
        """
        check_timeframe(timeframe, DAILY, source=self.name)
        history = self._history(instrument)
        last = last_session_at(calendar, as_of)
        rows = history.between(first, last)
        if rows.start >= rows.stop:
            raise NotFound(
                f"{instrument}: the sample has no bars from {first} to {last}",
                kind=ErrorKind.NO_BARS,
            )
        splits = tuple(split for split in _SPLITS.get(instrument.symbol, ()) if split.ex_on <= last)
        request = (
            f"tapetrail-sample/1 symbol={instrument.symbol} exchange={instrument.exchange}"
            f" currency={instrument.currency} first={first} last={last}\n"
        )
        return Fetched(
            payload=request.encode() + history.text_of(rows) + _splits_text(splits),
            media_type=MEDIA_TYPE,
            bars=adjust_for_splits(history.raw_bars(rows, calendar), splits, last),
            splits=splits,
            dropped_rows=0,
        )

    def _history(self, instrument: Instrument) -> "_History":
        ours = self.instrument(instrument.symbol)
        asked = mic_of(instrument.exchange), instrument.currency
        if asked != (ours.exchange, ours.currency):
            raise NotFound(f"instrument {instrument}: the sample holds {ours}")
        return _history(self.package, instrument.symbol)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _History:
    """All rows of one share, oldest first: columns of shape (n,), and the file's own text.

    Row k is `text[offsets[k]:offsets[k + 1]]`.
    """

    sessions: Days
    numbers: tuple[Floats, ...]
    text: bytes
    offsets: Positions

    def between(self, first: date, last: date) -> slice:
        """Return where the rows from `first` to `last` lie, both included."""
        return slice(
            int(np.searchsorted(self.sessions, np.datetime64(first), side="left")),
            int(np.searchsorted(self.sessions, np.datetime64(last), side="right")),
        )

    def text_of(self, rows: slice) -> bytes:
        """Return the column names and these rows, as the file has them."""
        start, stop = int(self.offsets[rows.start]), int(self.offsets[rows.stop])
        return b"Date,Open,High,Low,Close,Volume\n" + self.text[start:stop]

    def raw_bars(self, rows: slice, calendar: Calendar) -> Bars:
        """Return these rows as bars, with the opens and closes of the calendar."""
        sessions = self.sessions[rows]
        at = session_positions(calendar, sessions)
        opens, highs, lows, closes, volume = (column[rows] for column in self.numbers)
        return Bars(
            timeframe=DAILY,
            adjustment=Adjustment.RAW,
            hours=SessionHours.REGULAR,
            currency=CURRENCY,
            volume_unit=VOLUME_UNIT,
            first_on=sessions,
            last_on=sessions,
            opened_at=calendar.opened_at[at],
            closed_at=calendar.closed_at[at],
            available_at=calendar.closed_at[at],
            open=opens,
            high=highs,
            low=lows,
            close=closes,
            volume=volume,
            complete=np.ones(len(sessions), dtype=np.bool_),
        )


@cache
def _history(package: str, symbol: str) -> _History:
    table = _table(package)
    begin = table.index(b"\n%b," % symbol.encode()) + 1
    end = table.index(b"\n", table.rindex(b"\n%b," % symbol.encode()) + 1)
    # A row without its ticker in front and without `Adj Close` at the end.
    lines = [line[len(symbol) + 1 : line.rindex(b",")] for line in table[begin:end].split(b"\n")]
    fields = b",".join(lines).decode().split(",")
    return _History(
        sessions=np.array(fields[0::_FIELDS], dtype="datetime64[D]"),
        numbers=tuple(
            np.array(list(map(float, fields[column::_FIELDS])), dtype=np.float64)
            for column in range(1, _FIELDS)
        ),
        text=b"\n".join([*lines, b""]),
        offsets=np.cumsum([0, *(len(line) + 1 for line in lines)]),
    )


@cache
def _table(package: str) -> bytes:
    """Return the file as text, rows by ticker and date."""
    found = find_spec(package)
    path = Path(found.origin or "").parent / "_data" / "stocks.csv.gz" if found else None
    if path is None or not path.is_file():
        raise EdgeFailure(
            f"the sample bars are in the package {package} (2026.1 or newer), which is not"
            " installed: pip install bokeh-sampledata, or tapetrail[sample]",
            kind=ErrorKind.SOURCE_UNAVAILABLE,
        )
    table = gzip.decompress(path.read_bytes())
    if not table.startswith(_HEADER):
        raise InvalidInput(
            f"{path}: begins with {table[:80]!r}, expected {_HEADER!r}", kind=ErrorKind.BAD_BARS
        )
    return table


def _splits_text(splits: Sequence[Split]) -> bytes:
    lines = [f"{split.ex_on},{decimal_text(split.ratio)}\n" for split in splits]
    return "".join(["Split,Ratio\n", *lines]).encode()


KIND: Final = SourceKind(
    name=SOURCE_NAME,
    summary="real daily bars of AAPL, FB, GOOG, IBM and MSFT up to 2013-03-01, bundled",
    open=lambda _spec, _config, _process: SampleSource(),
    is_sample=True,
)
