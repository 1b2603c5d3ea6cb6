"""Which column of a table is which field of a bar: a question of names alone.

Names are matched without regard to case, spaces, dots, dashes and underscores, and without the
number that Alpha Vantage puts in front (`1. open`). An adjusted close is a field of its own, never
silently the close. What matches no field is left alone.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from tapetrail.core.errors import ErrorKind, InvalidInput


class Field(StrEnum):
    """What a column may hold, as messages call it."""

    TIME = "time"
    OPEN = "open"
    HIGH = "high"
    LOW = "low"
    CLOSE = "close"
    VOLUME = "volume"
    ADJUSTED_CLOSE = "adjusted close"
    SYMBOL = "symbol"


PRICES: Final = (Field.OPEN, Field.HIGH, Field.LOW, Field.CLOSE)
REQUIRED: Final = (Field.TIME, *PRICES)
_NAMES: Final[Mapping[Field, frozenset[str]]] = {
    Field.TIME: frozenset({"time", "t", "date", "datetime", "timestamp"}),
    Field.OPEN: frozenset({"open", "o"}),
    Field.HIGH: frozenset({"high", "h"}),
    Field.LOW: frozenset({"low", "l"}),
    Field.CLOSE: frozenset({"close", "c"}),
    Field.VOLUME: frozenset({"volume", "vol", "v"}),
    Field.ADJUSTED_CLOSE: frozenset({"adjclose", "adjustedclose"}),
    Field.SYMBOL: frozenset({"symbol", "ticker"}),
}
_FIELDS: Final = {name: field for field, names in _NAMES.items() for name in names}
# How writers name an index that has no name. Such a column holds the time only if no other does:
# beside a column of dates it merely counts the rows.
_INDEX_NAMES: Final = frozenset({"index", "", "unnamed:0", "indexlevel0"})
_ORDINAL: Final = re.compile(r"^\s*[0-9]+[a-z]?\.\s*")
_SEPARATORS: Final = re.compile(r"[\s._-]+")


def field_named(name: str) -> Field | None:
    """Return the field that a column name means, None if it means none."""
    return _FIELDS.get(_plain(name))


def match_columns(names: Sequence[str], *, place: str) -> Mapping[Field, int]:
    """Return where in `names` the column of each field is; `place` begins messages.

    A volume may be missing: some markets have none. Raises `InvalidInput` for two columns of one
    field, naming both, and for a time or a price without a column, listing what was found.
    """
    positions: dict[Field, int] = {}
    for at, name in enumerate(names):
        field = field_named(name)
        if field is None:
            continue
        if field in positions:
            raise _refused(
                f"{place}: two columns for {field}: {_shown(names, positions[field])} and"
                f" {_shown(names, at)}; leave one out"
            )
        positions[field] = at
    _take_unnamed_index(names, positions)
    missing = [field for field in REQUIRED if field not in positions]
    if missing:
        raise _refused(
            f"{place}: no column for {_listed(missing)}; found {_listed(map(repr, names))}"
        )
    return positions


def names_prices(names: Iterable[str]) -> bool:
    """Return whether open, high, low and close are all among `names`."""
    return {field_named(name) for name in names}.issuperset(PRICES)


def _take_unnamed_index(names: Sequence[str], positions: dict[Field, int]) -> None:
    """Add the index as the time where no column is named as one."""
    unnamed = [at for at, name in enumerate(names) if _plain(name) in _INDEX_NAMES]
    if unnamed and Field.TIME not in positions:
        positions[Field.TIME] = unnamed[0]


def _plain(name: str) -> str:
    return _SEPARATORS.sub("", _ORDINAL.sub("", name.casefold()))


def _shown(names: Sequence[str], at: int) -> str:
    return f"{names[at]!r} (column {at + 1})"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "nothing"


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, kind=ErrorKind.BAD_BARS)
