"""What the cells of a table say of time: dates, wall clocks or instants.

Nothing is guessed: a time is ISO 8601, an epoch, or written in a way that can mean one day alone;
what is none of them is refused with its place, and so is a missing time. Whether `03/04/2024` is
March or April is told by the whole column, or else by the strategy.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from tapetrail.core.canonical import decimal_text
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Instants
from tapetrail.core.market.date_formats import has_clock, read_date
from tapetrail.sources.tabular.plain_columns import plain_integers

Cells: TypeAlias = Sequence[object] | NDArray[np.float32]
Where: TypeAlias = Callable[[int], str]

_NUMBER: Final = re.compile(r"[-+]?[0-9][0-9.,]*(?:[eE][-+]?[0-9]+)?|[-+]?\.[0-9]+", re.ASCII)
_MISSING_TEXTS: Final = frozenset({"", "nan", "null", "none", "na", "n/a", "<na>"})
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
# Binance writes the one before 2025 and the other since; no number is both, so they may be mixed.
_BINANCE_UNITS: Final = frozenset({"an epoch in milliseconds", "an epoch in microseconds"})
# Ways to write a time that mean one alone; the last two are those of Interactive Brokers.
_PLAIN_DATES: Final = (
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%b %d, %Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%Y%m%d %H:%M:%S",
    "%Y%m%d  %H:%M:%S",
)
_ZONED: Final = re.compile(
    r"(?P<day>[0-9]{8})(?:-(?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"|  ?(?P<theirs>[0-9]{2}:[0-9]{2}:[0-9]{2}) (?P<zone>[A-Z][A-Za-z_]+(?:/[A-Za-z_]+)*))",
    re.ASCII,
)
_DAY_OR_MONTH_FIRST: Final = re.compile(
    r"(?P<one>[0-9]{1,2})(?P<mark>[/.-])(?P<other>[0-9]{1,2})(?P=mark)(?P<year>[0-9]{4})", re.ASCII
)
_MIDNIGHT: Final = re.compile(r"0{1,6}|0?0:00(:00)?(\.0+)?", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_MONTHS: Final = 12
_SHEET_DAYS: Final = (20_000, 80_000)
_SHEET_EPOCH: Final = np.datetime64("1899-12-30")
_SHOWN_MAX: Final = 60


class TimeKind(StrEnum):
    """What a column of times says."""

    DATE = "date"
    LOCAL = "local"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Times:
    """Times of one kind, shape (n,), in microseconds: midnights, wall clocks or UTC instants.

    `note` says how they were read, where only the column as a whole tells.
    """

    kind: TimeKind
    values: Instants
    note: str | None = None


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
        case np.datetime64():
            return bool(np.isnat(cell))
        case Decimal():
            return cell.is_nan()
        case _:
            return type(cell).__name__ in _MISSING_TYPES


def is_number_or_date(text: str) -> bool:
    """Return whether a text is a value rather than the name of a column."""
    return any(form.fullmatch(text.strip()) for form in (_NUMBER, _ISO, _DAY_OR_MONTH_FIRST))


def cell_text(cell: object) -> str:
    """Return a cell as it was received: text as it is, a number as its shortest decimal."""
    if isinstance(cell, str):
        return cell
    if is_missing(cell):
        return ""
    text = str(cell)
    return decimal_text(Decimal(text)) if _WRITTEN_FLOAT.fullmatch(text) else text


def is_midnight(cell: object) -> bool:
    """Return whether a cell says midnight and nothing else, such as `000000` or `00:00`."""
    return _MIDNIGHT.fullmatch(str(cell).strip()) is not None


def parse_times(cells: Cells, where: Where, *, written: str | None = None) -> Times:
    """Return the cells as times of one kind; `where` names a cell's place.

    `written` is the format of the texts among them. Without it whole numbers are epochs of a unit
    that their size tells, or dates such as 20261120, and a column of `12/31/2024` is read in the
    order of day and month that its rows prove. Raises `InvalidInput` for a missing time, for what
    is no time, for a column of several kinds and for one that proves no order, or both.
    """
    if written is None and (epochs := _plain_epochs(cells)) is not None:
        return Times(kind=TimeKind.INSTANT, values=epochs)
    order = None if written else _order(cells, where)
    moments: list[_Moment] = []
    units: dict[str, int] = {}
    for at, cell in enumerate(cells):
        unit, moment = _parse_moment(cell, where, at, written=order.written if order else written)
        units.setdefault(unit, at)
        moments.append(moment)
    if len(units) > 1 and units.keys() != _BINANCE_UNITS:
        (one, first), (other, second) = list(units.items())[:2]
        raise refused(
            f"{where(second)}: {shown(cells[second])} is {other}, but {shown(cells[first])} at"
            f" {where(first)} is {one}; a column holds times of one kind"
        )
    return Times(
        kind=moments[0][0] if moments else TimeKind.DATE,
        values=np.array([clock for _, clock in moments], dtype="datetime64[us]"),
        note=order and order.note,
    )


def _plain_epochs(cells: Cells) -> "Instants | None":
    """Return whole numbers that are all epochs of one unit, none of nanoseconds, as instants."""
    numbers = None if isinstance(cells, np.ndarray) else plain_integers(cells)
    if numbers is None:
        return None
    for (start, _, factor), (end, *_) in pairwise(_EPOCHS):
        if bool(np.all((numbers >= start) & (numbers < end))):
            return (numbers * int(factor)).astype("datetime64[us]")
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """The format of a column's dates, and the sentence that says what proves it."""

    written: str
    note: str


def _order(cells: Cells, where: Where) -> _Order | None:
    """Return the order of day and month that a column proves, None for one of other times."""
    first = _DAY_OR_MONTH_FIRST.fullmatch(_text(cells[0])) if len(cells) else None
    if first is None:
        return None
    proofs: dict[str, int] = {}
    mark = first["mark"]
    for at, cell in enumerate(cells):
        match = _DAY_OR_MONTH_FIRST.fullmatch(_text(cell))
        if match is not None and int(match["one"]) > _MONTHS:
            proofs.setdefault("day", at)
        elif match is not None and int(match["other"]) > _MONTHS:
            proofs.setdefault("month", at)
    written = {"day": f"%d{mark}%m{mark}%Y", "month": f"%m{mark}%d{mark}%Y"}
    if len(proofs) > 1:
        day, month = proofs["day"], proofs["month"]
        raise refused(
            f"{where(month)}: {shown(cells[month])} has the month first, but {shown(cells[day])} at"
            f" {where(day)} the day; a column has one order"
        )
    if not proofs:
        raise refused(
            f"{where(0)}: {shown(cells[0])} may have the day first or the month, and no row tells;"
            f' add to `data`: `date_format: "{written["day"]}"` or `date_format:'
            f' "{written["month"]}"`'
        )
    ((word, at),) = proofs.items()
    return _Order(
        written=written[word],
        note=f"dates are read with the {word} first, as {shown(cells[at])} at {where(at)} shows;"
        f' `date_format: "{written[word]}"` says so for good',
    )


def _parse_moment(
    cell: object, where: Where, at: int, *, written: str | None
) -> tuple[str, _Moment]:
    """Return how one time is written, and the time, which can be shifted to any zone."""
    if is_missing(cell):
        raise refused(f"{where(at)}: the time is missing")
    try:
        unit, (kind, moment) = _read_moment(cell, where, at, written=written)
    except OverflowError as error:
        raise _no_time(cell, where, at) from error
    if not MINYEAR < moment.year < MAXYEAR:
        raise _no_time(cell, where, at)
    return unit, (kind, moment)


def _read_moment(
    cell: object, where: Where, at: int, *, written: str | None
) -> tuple[str, _Moment]:
    match cell:
        case datetime():
            return _moment_of(cell)
        case date():
            return "a date", (TimeKind.DATE, datetime(cell.year, cell.month, cell.day))  # noqa: DTZ001 # a date's midnight is no instant
        case np.datetime64():
            found: object = cell.astype("datetime64[us]").item()
            # One that no `datetime` can be comes out as a number.
            if not isinstance(found, datetime):
                raise _no_time(cell, where, at)
            return _moment_of(found)
        case str():
            return _read_text(cell.strip(), where, at, written=written)
        case int() | float() | np.number() if not isinstance(cell, bool):
            return _read_text(cell_text(cell), where, at, written=written)
        case _:
            raise _no_time(cell, where, at)


def _read_text(text: str, where: Where, at: int, *, written: str | None) -> tuple[str, _Moment]:
    """Return what a text says, by the format that it is written in where that is known."""
    formats = _PLAIN_DATES if written is None else (written,)
    if written is None and _EPOCH_TEXT.fullmatch(text):
        return _parse_epoch(Decimal(text), where, at)
    if written is None and (match := _ISO.fullmatch(text)):
        return _parse_iso(match, where, at)
    if written is None and (match := _ZONED.fullmatch(text)):
        return _parse_zoned(match, where, at)
    for form in formats:
        try:
            moment = read_date(text, form)
        except InvalidInput as error:
            raise refused(f"{where(at)}: {error.message}") from error
        if moment is not None:
            is_clock = has_clock(form)
            return _moment_of(moment) if is_clock else ("a date", (TimeKind.DATE, moment))
    if written is not None:
        raise refused(f"{where(at)}: {shown(text)} is not written as {written!r}")
    raise _no_time(text, where, at)


def _text(cell: object) -> str:
    return cell.strip() if isinstance(cell, str) else cell_text(cell)


def _parse_zoned(match: re.Match[str], where: Where, at: int) -> tuple[str, _Moment]:
    """Return the instant that Interactive Brokers writes with a zone, or in UTC with a dash."""
    try:
        clock = match["clock"] or match["theirs"]
        moment = datetime.strptime(match["day"] + clock, "%Y%m%d%H:%M:%S")  # noqa: DTZ007 # its zone comes next
        zone = ZoneInfo(match["zone"] or "UTC")
    except (ValueError, ZoneInfoNotFoundError, OSError) as error:
        raise refused(f"{where(at)}: {shown(match[0])} is no time: {error}") from error
    return _moment_of(moment.replace(tzinfo=zone))


def _parse_iso(match: re.Match[str], where: Where, at: int) -> tuple[str, _Moment]:
    try:
        moment = datetime.fromisoformat(match[0].replace(" +", "+").replace(" -", "-"))
    except ValueError as error:
        raise refused(f"{where(at)}: {shown(match[0])} is no time: {error}") from error
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
    return refused(
        f"{where(at)}: {shown(cell)} is no time{_sheet_day(cell)}; expected 2026-11-20,"
        " 2026-11-20T14:30:00Z or an epoch after 1973-03-03 in s, ms, us or ns, or how it is"
        ' written, in `data`: `date_format: "%d.%m.%Y"`'
    )


def _sheet_day(cell: object) -> str:
    """Return what a number would be that counts the days as a spreadsheet does."""
    text = _text(cell)
    if not _DIGITS.fullmatch(text) or not _SHEET_DAYS[0] <= int(text) < _SHEET_DAYS[1]:
        return ""
    return f", it may be a spreadsheet's count of days ({_SHEET_EPOCH + int(text)}), unformatted"


def shown(cell: object) -> str:
    """Return a cell as messages quote it, cut where it is long."""
    text = repr(cell) if isinstance(cell, str) else str(cell)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."


def refused(message: str) -> InvalidInput:
    """Return the error of a cell that cannot be read."""
    return InvalidInput(message, kind=ErrorKind.BAD_BARS)
