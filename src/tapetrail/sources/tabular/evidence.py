"""Rows as evidence: UTF-8 text of what bars were read from, and of nothing later than they are.

Line 1 names the request: `tapetrail-rows/1 source=file:prices.csv symbol=AAPL exchange=XNAS
currency=USD first=2026-01-02 last=2026-11-20`, with `timeframe=1w` for weeks. Line 2 names the
columns that the bars were read from. Then come the rows from `first` to `last`, in their own order
and spelling; numbers of binary formats are written as the shortest decimal. Splits follow as
`Split,Ratio` and one line each. A volume factor, stated by the data or that of lots, ends line 1,
and after it what the data state where that is another one, and later splits that were undone.
Nothing after `last` is in it: no later row, no digest of the whole file, and no adjusted close,
which is restated for dividends paid later.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final
from urllib.parse import quote

from tapetrail.core.canonical import decimal_text
from tapetrail.core.market.bars import DAILY, Instrument, Split, Timeframe
from tapetrail.sources.tabular.cells import cell_text
from tapetrail.sources.tabular.raw import RawColumns

MEDIA_TYPE: Final = "text/csv; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for: whose bars, from which session until which, of days if not said."""

    source: str
    instrument: Instrument
    first: date
    last: date
    timeframe: Timeframe = DAILY

    def __str__(self) -> str:
        """Return the beginning of line 1."""
        symbol, exchange = (
            quote(word, safe="") for word in (self.instrument.symbol, self.instrument.exchange)
        )
        return (
            f"tapetrail-rows/1 source={quote(self.source, safe=':/{}')} symbol={symbol}"
            f" exchange={exchange} currency={self.instrument.currency} first={self.first}"
            f" last={self.last}"
            f"{'' if self.timeframe == DAILY else f' timeframe={self.timeframe}'}"
        )


def payload_of(
    rows: RawColumns,
    request: Request,
    *,
    volume_factor: Decimal,
    undone: Sequence[Split],
    splits: Sequence[Split],
) -> bytes:
    """Return the text. `undone` are later splits that prices were freed of, `splits` applied."""
    text = io.StringIO()
    text.write(f"{request}{_volume_words(rows, volume_factor)}{_undone_words(undone)}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows.cells.names)
    writer.writerows(zip(*(map(cell_text, column) for column in rows.cells.columns), strict=True))
    if splits:
        writer.writerow(("Split", "Ratio"))
        writer.writerows((split.ex_on, decimal_text(split.ratio)) for split in splits)
    return text.getvalue().encode()


def _volume_words(rows: RawColumns, factor: Decimal) -> str:
    """Return what volumes are multiplied by, stated or for lots, and a stated factor beside it."""
    stated = rows.stated.volume_factor
    if stated is None:
        return "" if factor == 1 else f" volume_factor={decimal_text(factor)}"
    other = "" if stated == factor else f" stated_volume_factor={decimal_text(stated)}"
    return f" volume_factor={decimal_text(factor)}{other}"


def _undone_words(splits: Sequence[Split]) -> str:
    """Return the later splits that prices were freed of."""
    words = ",".join(f"{split.ex_on}:{decimal_text(split.ratio)}" for split in splits)
    return f" undone_splits={words}" if words else ""
