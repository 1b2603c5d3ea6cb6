"""What a list can be narrowed by: each kind of value, from text or as Python has it."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, TypeAlias

from tapetrail.core.canonical import instant_text
from tapetrail.core.errors import InvalidInput

Given: TypeAlias = str | int | datetime
"""What narrows a list, as whoever asks has it: text will do for numbers and times."""

ID_MAX: Final = 2**63 - 1
"""The largest id that a row can have."""
_SHOWN_MAX: Final = 80
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT: Final = re.compile(
    rf"{_DATE.pattern}[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{{1,6}})?)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_VERSIONED: Final = re.compile(r"[^@]+(?:@[1-9][0-9]{0,8})?", re.ASCII)
_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,40}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of value: what help calls it, and how it is read.

    `read` takes a value and the name that it was given under. It raises `InvalidInput`, naming
    both, for what nothing can have: an empty list would look like an answer. `parameters` returns
    what the value is in SQL: one for each `%s` of a filter.
    """

    metavar: str
    read: Callable[[Given, str], Given]
    parameters: Callable[[Given], tuple[object, ...]] = lambda value: (value,)


def parse_instant(text: str) -> datetime:
    """Return the UTC instant that `text` names: an RFC 3339 time, or a date, whose midnight it is.

    Seconds may be left out, and a space may stand for the `T`, as in tables. Raises `InvalidInput`
    for anything else, also for a time without a zone.
    """
    try:
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        if _INSTANT.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _no_instant(text) from error
    raise _no_instant(text)


def read_number(value: Given, place: str) -> int:
    """Return a row's number. Raises `InvalidInput` for one that no row can have."""
    number = int(value) if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value) else value
    if not isinstance(number, int) or isinstance(number, bool):
        raise _refusal(place, repr(value), "expected a whole number")
    if number < 1:
        raise _refusal(place, str(number), "expected 1 or more")
    if number > ID_MAX:
        raise _refusal(place, str(number), "larger than any that a list can show")
    return number


def one_of(known: Iterable[str]) -> Kind:
    """Return the kind of a closed list."""
    choices = [*known]

    def read(value: Given, place: str) -> str:
        if value not in choices:
            raise _refusal(place, repr(value), f"expected one of {', '.join(choices)}")
        return str(value)

    return Kind(metavar="TEXT", read=read)


def _read_name(value: Given, place: str) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise _refusal(place, repr(value), f"holds what no {place.lstrip('-')} can")
    return value


def _read_timeframe(value: Given, place: str) -> str:
    from tapetrail.core.market.timeframes import Timeframe  # noqa: PLC0415 # --help never needs it

    try:
        return str(Timeframe.parse(str(value)))
    except InvalidInput as error:
        message = f"{place} {error.message.removeprefix('timeframe ')}"
        raise InvalidInput(message, rule="expected a timeframe, such as 1d, 1w or 15m") from error


def _read_instant(value: Given, place: str) -> datetime:
    if isinstance(value, datetime):
        instant_text(value)  # a time without a zone has none
        return value
    try:
        return parse_instant(str(value))
    except InvalidInput as error:
        raise InvalidInput(f"{place} {error.message}", rule=error.rule) from error


def _read_days(value: Given, place: str) -> str:
    """Return `FROM..TO`, both included, also of a single day."""
    first, is_range, last = str(value).partition("..")
    try:
        days = [date.fromisoformat(text) for text in ((first, last) if is_range else (first,) * 2)]
    except ValueError:
        rule = "expected a date such as 2012-11-30, or two of them, 2012-11-01..2012-11-30"
        raise _refusal(place, repr(str(value)[:_SHOWN_MAX]), rule) from None
    if days[0] > days[1]:
        raise _refusal(place, str(value), "ends before it begins")
    return f"{days[0]}..{days[1]}"


def days_of(value: Given) -> tuple[date, date]:
    """Return the first and the last day of what a filter by days holds."""
    first, _, last = str(value).partition("..")
    return date.fromisoformat(first), date.fromisoformat(last)


def _days_and_instants(value: Given) -> tuple[object, ...]:
    """Return the first and last day, and the instants at which they begin and end in UTC."""
    first, last = days_of(value)
    begins, ends = (datetime(on.year, on.month, on.day, tzinfo=UTC) for on in (first, last))
    return first, last, begins, ends + timedelta(days=1)


def _read_strategy(value: Given, place: str) -> str:
    found = _VERSIONED.fullmatch(str(value))
    if found is None or not str(value).isprintable():
        rule = "expected NAME or NAME@VERSION, such as swing@2"
        raise _refusal(place, repr(str(value)[:_SHOWN_MAX]), rule)
    return str(value)


def _name_and_version(value: Given) -> tuple[object, ...]:
    name, _, version = str(value).partition("@")
    return name, int(version) if version else None


def _no_instant(text: str) -> InvalidInput:
    rule = (
        "expected a date such as 2012-11-30, or a time with its zone such as 2012-11-30T21:00:00Z"
    )
    return InvalidInput(f"{text[:_SHOWN_MAX]!r}: {rule}", rule=rule)


def _refusal(place: str, shown: str, rule: str) -> InvalidInput:
    return InvalidInput(f"{place} {shown}: {rule}", rule=rule)


TEXT: Final = Kind(metavar="TEXT", read=_read_name)
TIMEFRAME: Final = Kind(metavar="TEXT", read=_read_timeframe)
NUMBER: Final = Kind(metavar="ID", read=read_number)
INSTANT: Final = Kind(metavar="TIME", read=_read_instant)
DAYS: Final = Kind(metavar="DATE", read=_read_days, parameters=_days_and_instants)
STRATEGY: Final = Kind(metavar="NAME", read=_read_strategy, parameters=_name_and_version)
COUNT: Final = Kind(metavar="N", read=read_number)
