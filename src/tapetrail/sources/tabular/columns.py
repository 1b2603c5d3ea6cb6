"""Which column of a table is which field of a bar: a question of names alone.

Names are matched without regard to case, spaces, dots, dashes and underscores, and without the
number that Alpha Vantage puts in front (`1. open`). An adjusted close is a field of its own, never
silently the close. What matches no field is left alone. A strategy may say which column a field is;
its word goes before every name.
"""

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, TypeAlias

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
    Field.TIME: frozenset({"time", "t", "date", "datetime", "timestamp", "opentime"}),
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
# Stooq puts names in angle brackets.
_SEPARATORS: Final = re.compile(r"[\s._<>-]+")
# Investing.com calls the close `Price`, beside a column that nobody else has.
_INVESTING: Final = frozenset({"date", "price", "open", "high", "low", "change%"})
_HEADINGS_SHOWN: Final = 20
Mapped: TypeAlias = Sequence[tuple[Field, str | int]]
"""Which column is which field, by its heading or by its number from 1."""


def field_named(name: str) -> Field | None:
    """Return the field that a column name means, None if it means none."""
    return _FIELDS.get(_plain(name))


def match_columns(names: Sequence[str], *, place: str, mapped: Mapped = ()) -> Mapping[Field, int]:
    """Return where in `names` the column of each field is; `place` begins messages.

    A `mapped` field is the column that it is mapped to, whatever others are called. A volume may be
    missing: some markets have none. Raises `InvalidInput` for two columns of one field, naming
    both, and for a time or a price without a column, listing what was found.
    """
    positions = mapped_columns(names, mapped, place=place)
    theirs = {*positions.values()}
    settled = {field for field, _ in mapped}
    for at in range(len(names)):
        field = _meant(names, at)
        if field is None or at in theirs or field in settled:
            continue
        if field in positions:
            raise _refused(
                f"{place}: two columns for {field}: {_shown(names, positions[field])} and"
                f" {_shown(names, at)}; leave one out, or say which in"
                f" `data`, as {_line({field: at + 1})}"
            )
        positions[field] = at
    _take_unnamed_index(names, positions)
    missing = [field for field in REQUIRED if field not in positions]
    if missing:
        raise _refused(
            f"{place}: no column for {_listed(missing)}; found"
            f" {_listed(map(repr, names[:_HEADINGS_SHOWN]))}; if a heading means one of them, add"
            f" to `data`: {_line(dict.fromkeys(missing, '...'))}"
        )
    return positions


def mapped_columns(names: Sequence[str], mapped: Mapped, *, place: str) -> dict[Field, int]:
    """Return where the columns are that fields are mapped to.

    Raises `InvalidInput` for a heading or a number that there is not, naming the nearest, for two
    fields of one column, and for a price that would be read from an adjusted close or a change.
    """
    positions: dict[Field, int] = {}
    for field, column in mapped:
        at = _position(names, field, column, place=place)
        if at in positions.values():
            other = next(known for known, theirs in positions.items() if theirs == at)
            raise _refused(
                f"{place}: columns: {other} and {field} are both {_shown(names, at)}; each is a"
                " column of its own"
            )
        if field in PRICES and (field_named(names[at]) is Field.ADJUSTED_CLOSE or "%" in names[at]):
            raise _refused(
                f"{place}: columns: {field} is mapped to {_shown(names, at)}, which is no price of"
                " the day; expected a column of prices that open, high and low go with"
            )
        positions[field] = at
    return positions


def symbol_column(names: Sequence[str], mapped: Mapped, *, place: str) -> int | None:
    """Return which column tells symbols apart, None for none, and for several, which are doubt."""
    named = mapped_columns(names, [pair for pair in mapped if pair[0] is Field.SYMBOL], place=place)
    found = [at for at, name in enumerate(names) if field_named(name) is Field.SYMBOL]
    return named.get(Field.SYMBOL, found[0] if len(found) == 1 else None)


def split_clock(names: Sequence[str], mapped: Mapped) -> int | None:
    """Return the column of a time of day that stands beside a column of dates, None for none."""
    plain = list(map(_plain, names))
    is_settled = Field.TIME in {field for field, _ in mapped}
    if is_settled or (plain.count("date"), plain.count("time")) != (1, 1):
        return None
    return plain.index("time")


def names_prices(names: Iterable[str]) -> bool:
    """Return whether open, high, low and close are all among `names`."""
    return {field_named(name) for name in names}.issuperset(PRICES)


def _meant(names: Sequence[str], at: int) -> Field | None:
    """Return the field that one of several names means, beside the others."""
    plain = _plain(names[at])
    if plain == "price" and frozenset(map(_plain, names)) >= _INVESTING:
        return Field.CLOSE
    return _FIELDS.get(plain)


def _position(names: Sequence[str], field: Field, column: str | int, *, place: str) -> int:
    if isinstance(column, int):
        if column > len(names):
            raise _refused(
                f"{place}: columns.{field}: {column}, but there are {len(names)} columns"
            )
        return column - 1
    for same in (str.strip, _plain):
        found = [at for at, name in enumerate(names) if same(name) == same(column)]
        if len(found) == 1:
            return found[0]
        if found:
            raise _refused(
                f"{place}: columns.{field}: {len(found)} columns are called {column!r}; write the"
                f" number of the one that is meant: {_line({field: found[0] + 1})}"
            )
    near = difflib.get_close_matches(column, names, n=1, cutoff=0.4)
    meant = f", did you mean {near[0]!r}?" if near else ";"
    raise _refused(
        f"{place}: columns.{field}: no heading {column!r}{meant} found"
        f" {_listed(map(repr, names[:_HEADINGS_SHOWN]))}"
    )


def _line(mapped: Mapping[Field, str | int]) -> str:
    """Return the line of a strategy that maps fields to columns."""
    said = (
        f"{field}: {json.dumps(column, ensure_ascii=False)}" for field, column in mapped.items()
    )
    return f"`columns: {{{', '.join(said)}}}`"


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
