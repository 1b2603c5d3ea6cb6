"""Days, instants and symbols as programs have them: text, dates, times, pandas' and numpy's own."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import cast

from tapetrail.core.errors import InvalidInput


def read_day(value: object, place: str) -> date | datetime:
    """Return the day that `value` names, or the instant where it is a time with its zone.

    A midnight without a zone is that day, as data frames have days. Raises `InvalidInput` for
    another time without a zone, which may be any instant, and for what is no day.
    """
    if isinstance(value, str):
        return _day_of(_from_text(value, place), place)
    if isinstance(value, datetime):
        return _day_of(_plain(value), place)
    if isinstance(value, date):
        return value
    item = getattr(value, "item", None)  # numpy's own
    if callable(item) and isinstance(found := item(), date | datetime):
        return read_day(found, place)
    raise InvalidInput(f"{place} {value!r}: {type(value).__name__}, expected a date")


def read_days(values: object, place: str) -> list[date | datetime]:
    """Return the days in `values`, which may be an index of pandas. Raises as `read_day` does."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InvalidInput(f"{place} {values!r}: {type(values).__name__}, expected several dates")
    return [read_day(value, place) for value in cast("Iterable[object]", values)]


def read_symbols(values: object) -> list[str]:
    """Return symbols; a single one may be text. Raises `InvalidInput` for anything else."""
    if isinstance(values, str):
        return [values]
    named = [*cast("Iterable[object]", values)] if isinstance(values, Iterable) else [values]
    for value in named:
        if not isinstance(value, str):
            raise InvalidInput(f"symbols {value!r}: {type(value).__name__}, expected text")
    return [str(value) for value in named]


def _from_text(text: str, place: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            f"{place} {text[:80]!r}: expected a date such as 2012-11-30, or a time with its zone"
            " such as 2012-11-30T21:00:00Z"
        ) from None


def _plain(value: datetime) -> datetime:
    """Return a time of pandas, or another kind of `datetime`, as Python's own."""
    if value != value:  # noqa: PLR0124 # pandas' NaT is a datetime that equals nothing
        raise InvalidInput(f"day {value!r}: there is none")
    plain = getattr(value, "to_pydatetime", None)
    return cast("datetime", plain()) if callable(plain) else value


def _day_of(found: datetime, place: str) -> date | datetime:
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    if found.time() != time.min:
        raise InvalidInput(
            f"{place} {found}: a time without its zone; give the zone, or a date for its close"
        )
    return found.date()
