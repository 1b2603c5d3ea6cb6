"""Whether the splits that a chart of Yahoo's lists are those that its prices hold.

Prices are restated on one day and the list is written on another, and now and then one of the two
is late: a split that is undone in prices which do not hold it makes them wrong by its ratio.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from math import log
from typing import Final, cast

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.sources.tabular.tables import Table

RATIO_MIN: Final = 2
"""A smaller split cannot be told from a bad day."""
_DAY, _OPEN, _CLOSE = 0, 1, 4


def check_splits(table: Table, fetched_on: date, *, place: str) -> None:
    """Raise `InvalidInput` (`bad_bars`) for a split that prices may not hold.

    `table` has days for times. It is one after the last trade, or one on whose day prices moved by
    its ratio, as they do where nothing was restated.
    """
    until = min(fetched_on, table.stated.restated_on or fetched_on)
    for split in table.stated.splits:
        if split.ex_on > until:
            raise _refused(
                f"{place}: has a split of {split.ex_on}, last traded on {until}, and was fetched on"
                f" {fetched_on}; whether its prices hold that split already nobody can tell; ask"
                " again after the close of that day"
            )
        before, after = _prices_around(table, split.ex_on)
        if before and after and _is_unapplied(before / after, split.ratio):
            raise _refused(
                f"{place}: lists a split of {split.ex_on}, of {split.ratio:g} to 1, and prices go"
                f" from {before:g} to {after:g} on that day, as if they did not hold it; Yahoo is"
                " late with one of the two; ask again in a day or two, or take the bars elsewhere"
            )


def has_all_splits(table: Table) -> bool:
    """Return whether a chart, which was asked until now, has every split that is in its prices.

    One without any says that there was none; one that ends before the last trade says nothing.
    """
    traded_on = table.stated.restated_on
    return traded_on is not None and cast("date", table.columns[_DAY][-1]) >= traded_on


def _is_unapplied(moved: float, ratio: Decimal) -> bool:
    """Return whether prices that moved so far moved by a split, rather than by a day's trade."""
    split = log(ratio)
    return abs(split) >= log(RATIO_MIN) and abs(log(moved) - split) < abs(log(moved))


def _prices_around(table: Table, ex_on: date) -> tuple[float | None, float | None]:
    """Return the last close before a day and the first open from it on, None where there is none.

    Prices that are none are left to whoever judges rows.
    """
    days = table.columns[_DAY]
    before = [at for at in range(len(table)) if cast("date", days[at]) < ex_on]
    after = [at for at in range(len(table)) if cast("date", days[at]) >= ex_on]
    return (
        next(_prices(table, _CLOSE, reversed(before)), None),
        next(_prices(table, _OPEN, iter(after)), None),
    )


def _prices(table: Table, column: int, rows: Iterator[int]) -> Iterator[float]:
    for at in rows:
        price: object = table.columns[column][at]
        if isinstance(price, int | float) and price > 0:
            yield float(price)


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, kind=ErrorKind.BAD_BARS)
