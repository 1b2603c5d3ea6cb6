"""A table as it was read: named columns of cells whose meaning is not settled yet.

Every shape that bars arrive in becomes one or more tables, one for each symbol it tells apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Final

import numpy as np

from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.core.market.bars import Adjustment, Split, Timeframe
from tapetrail.sources.tabular.cells import Cells, is_missing
from tapetrail.sources.tabular.columns import names_prices, symbol_column
from tapetrail.sources.tabular.layouts import PLAIN, Layout

_SHOWN_MAX: Final = 10
_LEVELS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a document says of itself: nothing, unless its kind has a place for it.

    `us_volumes_in_lots` says that volumes of US stocks are lots whatever the factor is. `splits`
    are in the prices, `has_all_splits` says that no others are, and `restated_on` until which day
    prices are restated at least. `ends_at_last_trade` says that the last row is stamped with the
    last trade. `note` is a sentence on what was made of the rows. `bar_seconds` is how long a bar
    is, and `longer` are histories of weeks and months beside the daily one.
    """

    symbol: str | None = None
    conid: int | None = None
    adjustment: Adjustment | None = None
    quoted_in: str | None = None
    volume_factor: Decimal | None = None
    us_volumes_in_lots: bool = False
    splits: tuple[Split, ...] = ()
    has_all_splits: bool = False
    restated_on: date | None = None
    ends_at_last_trade: bool = False
    note: str | None = None
    bar_seconds: Decimal | None = None
    longer: tuple[tuple[Timeframe, "Table"], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Columns of equal length. `rows` are the numbers that `place` calls its rows by, from 1.

    `layout` is what the strategy says of how they are written.
    """

    place: str
    names: tuple[str, ...]
    columns: tuple[Cells, ...]
    rows: Sequence[int]
    row_word: str = "row"
    stated: Stated = field(default_factory=Stated)
    layout: Layout = PLAIN

    def __post_init__(self) -> None:
        """Raise `InvalidInput` naming the first column that has more or fewer cells than rows."""
        for name, column in zip(self.names, self.columns, strict=True):
            if len(column) != len(self.rows):
                raise InvalidInput(
                    f"{self.place}: column {name!r} has {len(column)} values for"
                    f" {len(self.rows)} rows",
                    kind=ErrorKind.BAD_BARS,
                )

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def take(self, positions: Sequence[int]) -> "Table":
        """Return the rows at these positions, in the order of the positions."""
        return replace(
            self,
            columns=tuple(_taken(column, positions) for column in self.columns),
            rows=[self.rows[at] for at in positions],
        )


def split_by_symbol(table: Table) -> tuple[Table, ...]:
    """Return one table a symbol, in order of appearance: the same one if it names no symbols.

    Raises `InvalidInput` for a row without a symbol where there is a column of them.
    """
    column = symbol_column(table.names, table.layout.columns, place=table.place)
    if column is None:
        return (table,)
    rows_of: dict[str, list[int]] = {}
    for at, symbol in enumerate(table.columns[column]):
        # A text such as NA is missing elsewhere, but here it may be somebody's ticker.
        if not symbol.strip() if isinstance(symbol, str) else is_missing(symbol):
            raise InvalidInput(
                f"{table.place}, {table.row_word} {table.rows[at]}: the row names no symbol, in a"
                f" table with a column {table.names[column]!r}",
                kind=ErrorKind.BAD_BARS,
            )
        rows_of.setdefault(str(symbol).strip(), []).append(at)
    return tuple(
        replace(table.take(rows), stated=replace(table.stated, symbol=symbol))
        for symbol, rows in rows_of.items()
    )


def split_by_level(
    table: Table, pairs: Sequence[tuple[str, str]], *, level_names: tuple[str, str]
) -> tuple[Table, ...]:
    """Return one table a ticker for columns named by a field and a ticker, in either order.

    `pairs` are the two names of each column. A column with an empty name, such as an index, belongs
    to every ticker. Raises `InvalidInput` unless exactly one level names open, high, low and close.
    """
    level = _field_level(pairs, level_names, place=table.place)
    named = [(pair[level], pair[1 - level]) for pair in pairs]
    shared = {at for at, pair in enumerate(pairs) if "" in pair}
    tickers = dict.fromkeys(ticker for at, (_, ticker) in enumerate(named) if at not in shared)
    return tuple(
        replace(
            table,
            names=tuple("".join(pairs[at]) if at in shared else named[at][0] for at in positions),
            columns=tuple(table.columns[at] for at in positions),
            stated=replace(table.stated, symbol=ticker),
        )
        for ticker in tickers or (None,)
        for positions in [
            [at for at, (_, theirs) in enumerate(named) if at in shared or theirs == ticker]
        ]
    )


def symbol_table(tables: Sequence[Table], symbol: str | None, *, place: str) -> Table:
    """Return the table of `symbol`; without one, the only table there is.

    A table that states no symbol is whatever it is asked for as. Raises `InvalidInput` for several
    without a symbol to choose by, and `NotFound` listing the symbols there are.
    """
    stated = [table.stated.symbol for table in tables]
    if symbol is None:
        if len(tables) > 1:
            raise InvalidInput(
                f"{place}: holds the symbols {_listed(stated)}; say which one",
                kind=ErrorKind.BAD_BARS,
            )
        return tables[0]
    found = [table for table in tables if table.stated.symbol in {symbol, None}]
    if not found:
        raise NotFound(
            f"{place}: no symbol {symbol!r}; found {_listed(stated)}", kind=ErrorKind.NO_BARS
        )
    return found[0]


def table_of_records(
    records: Sequence[Mapping[str, object]], *, place: str, stated: Stated | None = None
) -> Table:
    """Return the table of records that map names to values; what one lacks is a missing cell."""
    names = tuple(dict.fromkeys(name for record in records for name in record))
    return Table(
        place=place,
        names=names,
        columns=tuple([record.get(name) for record in records] for name in names),
        rows=range(1, len(records) + 1),
        stated=stated or Stated(),
    )


def _field_level(
    pairs: Sequence[tuple[str, str]], level_names: tuple[str, str], *, place: str
) -> int:
    """Return which of two levels names the fields. A ticker may be called LOW, OPEN or C."""
    levels = [at for at in range(_LEVELS) if names_prices(pair[at] for pair in pairs)]
    named = [at for at, name in enumerate(level_names) if name.casefold() in {"price", "field"}]
    if len(levels) == 1:
        return levels[0]
    if levels and len(named) == 1:
        return named[0]
    raise InvalidInput(
        f"{place}: of the columns' two levels, {'both' if levels else 'neither'} could name"
        f" open, high, low and close; found {_listed(map(str, pairs))}",
        kind=ErrorKind.BAD_BARS,
    )


def _taken(column: Cells, positions: Sequence[int]) -> Cells:
    if isinstance(column, np.ndarray):
        return column[np.asarray(positions, dtype=np.int64)]
    return [column[at] for at in positions]


def _listed(words: Iterable[object]) -> str:
    shown = [str(word) for word in words]
    more = len(shown) - _SHOWN_MAX
    return ", ".join(shown[:_SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")
