"""What the cells of a table say: numbers as float64, times as dates, wall clocks or instants.

Nothing is guessed: a number is a plain decimal, a time is ISO 8601 or an epoch, and what is
neither is refused with its place. A missing number is NaN; a missing time is refused.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from tapetrail.core.canonical import decimal_text
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Floats, Instants

Cells: TypeAlias = Sequence[object] | NDArray[np.float32]
Where: TypeAlias = Callable[[int], str]

_NUMBER: Final = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_COMMA_NUMBER: Final = re.compile(r"[-+]?[0-9.]+(?:,[0-9]+)+(?:\.[0-9]+)?")
_MISSING_TEXTS: Final = frozenset({"", "nan", "null", "none", "na", "n/a", "<na>"})
# What Python writes for a float that is none; whether one is accepted is not decided here.
_INFINITE_TEXTS: Final = frozenset({"inf", "-inf"})
# pandas has no public type for these two, and naming them here would load it.
_MISSING_TYPES: Final = frozenset({"NAType", "NaTType"})
_ISO: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?P<clock>[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)? ?(Z|[-+][0-9]{2}:?[0-9]{2})?)?"
)
# How Python writes very small and very large numbers, and whole ones that are floats.
_WRITTEN_FLOAT: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[-+][0-9]+)?")
_COMPACT_DATES: Final = (19_000_101, 21_001_231)
_EPOCH_TEXT: Final = re.compile(r"[0-9]{8,19}(\.[0-9]+)?")
# From 1973-03-03 on the four units never share a number, so the size of an epoch tells its unit.
_EPOCHS: Final = (
    (10**8, "seconds", Decimal(10**6)),
    (10**11, "milliseconds", Decimal(10**3)),
    (10**14, "microseconds", Decimal(1)),
    (10**17, "nanoseconds", Decimal("0.001")),
)
_EPOCH_END: Final = 10**19
_SHOWN_MAX: Final = 60


class TimeKind(StrEnum):
    """What a column of times says."""

    DATE = "date"
    LOCAL = "local"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Times:
    """Times of one kind, shape (n,), in microseconds: midnights, wall clocks or UTC instants."""

    kind: TimeKind
    values: Instants


_Moment: TypeAlias = tuple[TimeKind, datetime]


def is_missing(cell: object) -> bool:
    """Return whether a cell is empty: none, not a number, or a text that says so. 0 is a value."""
    match cell:
        case None:
            return True
        case str():
            return cell.strip().casefold() in _MISSING_TEXTS
        case float() | np.floating():
            return bool(np.isnan(cell))
        case Decimal():
            return cell.is_nan()
        case _:
            return type(cell).__name__ in _MISSING_TYPES


def is_number_or_date(text: str) -> bool:
    """Return whether a text is a value rather than the name of a column."""
    return any(form.fullmatch(text.strip()) for form in (_NUMBER, _COMMA_NUMBER, _ISO))


def cell_text(cell: object) -> str:
    """Return a cell as it was received: text as it is, a number as its shortest decimal."""
    if isinstance(cell, str):
        return cell
    if is_missing(cell):
        return ""
    text = str(cell)
    return decimal_text(Decimal(text)) if _WRITTEN_FLOAT.fullmatch(text) else text


def parse_numbers(cells: Cells, where: Where) -> Floats:
    """Return the cells as float64, shape (n,), NaN where missing; `where` names a cell's place.

    A float32 becomes the float64 of its own shortest decimal: 0.1 stays 0.1. Raises `InvalidInput`
    for what is no plain decimal number.
    """
    if isinstance(cells, np.ndarray):
        return np.array(list(map(float, cells.astype(str).tolist())), dtype=np.float64)
    numbers = [_parse_number(cell, where, at) for at, cell in enumerate(cells)]
    return np.array(numbers, dtype=np.float64)


def parse_times(cells: Cells, where: Where) -> Times:
    """Return the cells as times of one kind; `where` names a cell's place.

    Whole numbers are epochs of a unit that their size tells, or dates such as 20261120. Raises
    `InvalidInput` for a missing time, for what is no time and for a column of several kinds.
    """
    moments: list[_Moment] = []
    units: dict[str, int] = {}
    for at, cell in enumerate(cells):
        unit, moment = _parse_moment(cell, where, at)
        units.setdefault(unit, at)
        moments.append(moment)
    if len(units) > 1:
        (one, first), (other, second) = list(units.items())[:2]
        raise _refused(
            f"{where(second)}: {_shown(cells[second])} is {other}, but {_shown(cells[first])} at"
            f" {where(first)} is {one}; a column holds times of one kind"
        )
    return Times(
        kind=moments[0][0] if moments else TimeKind.DATE,
        values=np.array([clock for _, clock in moments], dtype="datetime64[us]"),
    )


def _parse_number(cell: object, where: Where, at: int) -> float:
    if isinstance(cell, float):
        return float(cell)
    if is_missing(cell):
        return float("nan")
    match cell:
        case bool() | np.bool_():
            pass
        case np.floating():
            return float(str(cell))
        case int() | Decimal() | np.integer():
            return _as_float(cast("int", cell))
        case str() if _NUMBER.fullmatch(cell.strip()) or cell.strip() in _INFINITE_TEXTS:
            return float(cell)
        case str() if _COMMA_NUMBER.fullmatch(cell.strip()):
            raise _refused(
                f"{where(at)}: {_shown(cell)} has a comma; numbers have a decimal point and no"
                " separators, as in 1234.5"
            )
        case _:
            pass
    raise _refused(f"{where(at)}: {_shown(cell)} is not a number")


def _as_float(number: int) -> float:
    """Return the nearest float64, infinite where there is none that large, as for text."""
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def _parse_moment(cell: object, where: Where, at: int) -> tuple[str, _Moment]:
    """Return how one time is written, and the time, which can be shifted to any zone."""
    try:
        unit, (kind, moment) = _read_moment(cell, where, at)
    except OverflowError as error:
        raise _no_time(cell, where, at) from error
    if not MINYEAR < moment.year < MAXYEAR:
        raise _no_time(cell, where, at)
    return unit, (kind, moment)


def _read_moment(cell: object, where: Where, at: int) -> tuple[str, _Moment]:
    if is_missing(cell):
        raise _refused(f"{where(at)}: the time is missing")
    match cell:
        case datetime():
            return _moment_of(cell)
        case date():
            return "a date", (TimeKind.DATE, datetime(cell.year, cell.month, cell.day))  # noqa: DTZ001 # a date's midnight is no instant
        case np.datetime64():
            return _moment_of(cell.astype("datetime64[us]").item())
        case int() | float() | np.number() if not isinstance(cell, bool):
            return _parse_epoch(Decimal(str(cell)), where, at)
        case str() if _EPOCH_TEXT.fullmatch(cell.strip()):
            return _parse_epoch(Decimal(cell.strip()), where, at)
        case str() if match := _ISO.fullmatch(cell.strip()):
            return _parse_iso(match, where, at)
        case _:
            raise _no_time(cell, where, at)


def _parse_iso(match: re.Match[str], where: Where, at: int) -> tuple[str, _Moment]:
    try:
        moment = datetime.fromisoformat(match[0].replace(" +", "+").replace(" -", "-"))
    except ValueError as error:
        raise _refused(f"{where(at)}: {_shown(match[0])} is no time: {error}") from error
    if match["clock"] is None:
        return "a date", (TimeKind.DATE, moment)
    return _moment_of(moment)


def _moment_of(moment: datetime) -> tuple[str, _Moment]:
    if moment.tzinfo is None:
        return "a time without a zone", (TimeKind.LOCAL, moment)
    return "an instant", (TimeKind.INSTANT, moment.astimezone(UTC).replace(tzinfo=None))


def _parse_epoch(number: Decimal, where: Where, at: int) -> tuple[str, _Moment]:
    first, last = _COMPACT_DATES
    if first <= number <= last and number == int(number):
        try:
            return "a date", (TimeKind.DATE, datetime.strptime(str(int(number)), "%Y%m%d"))  # noqa: DTZ007 # a date's midnight is no instant
        except ValueError as error:
            raise _no_time(number, where, at) from error
    for start, unit, factor in reversed(_EPOCHS):
        if start <= number < _EPOCH_END:
            microseconds = np.datetime64(int((number * factor).to_integral_value()), "us")
            return f"an epoch in {unit}", (TimeKind.INSTANT, microseconds.item())
    raise _no_time(number, where, at)


def _no_time(cell: object, where: Where, at: int) -> InvalidInput:
    return _refused(
        f"{where(at)}: {_shown(cell)} is no time; expected 2026-11-20, 2026-11-20T14:30:00Z or an"
        " epoch after 1973-03-03 in s, ms, us or ns"
    )


def _shown(cell: object) -> str:
    text = repr(cell) if isinstance(cell, str) else str(cell)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, kind=ErrorKind.BAD_BARS)
