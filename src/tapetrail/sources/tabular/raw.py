"""The columns of bars as a provider spelled them, recognised and parsed but not yet judged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Final

import numpy as np

from tapetrail.core.market.bars import Floats
from tapetrail.sources.tabular.cells import Times, is_midnight, parse_times
from tapetrail.sources.tabular.columns import PRICES, Field, match_columns, split_clock
from tapetrail.sources.tabular.numbers import parse_numbers, parse_volumes
from tapetrail.sources.tabular.tables import Stated, Table

_EVIDENCE: Final = (Field.TIME, *PRICES, Field.VOLUME)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawColumns:
    """Recognised columns of shape (n,), in the order of their source, numbers as it quotes them.

    A missing volume is NaN, and so is a missing price: `bars_of` decides about that one.
    `cells` are the recognised columns as received, the adjusted close left out: it is restated for
    dividends that were paid later.
    """

    times: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    stated: Stated
    cells: Table

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.close)

    def where(self, at: int) -> str:
        """Return the place of one row, such as `prices.csv, line 7`."""
        return f"{self.cells.place}, {self.cells.row_word} {self.cells.rows[at]}"

    def take(self, positions: Sequence[int]) -> "RawColumns":
        """Return the rows at these positions, in the order of the positions."""
        at = np.asarray(positions, dtype=np.int64)
        return replace(
            self,
            times=replace(self.times, values=self.times.values[at]),
            open=self.open[at],
            high=self.high[at],
            low=self.low[at],
            close=self.close[at],
            volume=self.volume[at],
            cells=self.cells.take(positions),
        )


def parse_columns(table: Table) -> RawColumns:
    """Return the table's columns as numbers and times.

    Raises `InvalidInput` naming the place for a field that is missing or doubled and for a cell
    that is no number or no time.
    """
    table = _without_midnights(table)
    layout = table.layout
    positions = match_columns(table.names, place=table.place, mapped=layout.columns)
    prices = {
        field: parse_numbers(table.columns[at], _where(table, at), decimal=layout.decimal)
        for field, at in positions.items()
        if field in PRICES
    }
    at, volume = positions[Field.TIME], positions.get(Field.VOLUME)
    return RawColumns(
        times=parse_times(table.columns[at], _where(table, at), written=layout.date_format),
        open=prices[Field.OPEN],
        high=prices[Field.HIGH],
        low=prices[Field.LOW],
        close=prices[Field.CLOSE],
        volume=np.full(len(table), np.nan)
        if volume is None
        else parse_volumes(table.columns[volume], _where(table, volume), decimal=layout.decimal),
        stated=table.stated,
        cells=_as_received(table, positions),
    )


# A backtest asks for the same table once a decision; a table is what it is, and known by identity.
@lru_cache(maxsize=8)
def parsed_columns(table: Table) -> RawColumns:
    """Return what `parse_columns` does, remembered for a while."""
    return parse_columns(table)


def _without_midnights(table: Table) -> Table:
    """Return the table, a time of day beside dates put aside where it is midnight throughout."""
    clock = split_clock(table.names, table.layout.columns)
    if clock is None or not all(map(is_midnight, table.columns[clock])):
        return table
    # Its place stays, for columns may be told by their numbers.
    names = list(table.names)
    names[clock] = f"{names[clock]} (all midnight)"
    return replace(table, names=tuple(names))


def _as_received(table: Table, positions: Mapping[Field, int]) -> Table:
    """Return the columns that bars are made of, in the order of the table."""
    kept = sorted(at for field, at in positions.items() if field in _EVIDENCE)
    return replace(
        table,
        names=tuple(table.names[at] for at in kept),
        columns=tuple(table.columns[at] for at in kept),
    )


def _where(table: Table, column: int) -> Callable[[int], str]:
    return partial(_place_of, table, column)


def _place_of(table: Table, column: int, at: int) -> str:
    return f"{table.place}, {table.row_word} {table.rows[at]}, column {table.names[column]!r}"
