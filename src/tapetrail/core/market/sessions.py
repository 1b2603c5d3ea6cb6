"""Where sessions lie in an exchange's calendar, and which of them were over as of an instant."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Calendar, Days, WeekStart, instant_of

Positions: TypeAlias = NDArray[np.int64]
# 1970-01-01, day 0 of datetime64, was a Thursday: three days after its Monday.
_EPOCH: Final = date(1970, 1, 1)
_EPOCH_WEEKDAY: Final = 3
_WEEK: Final = 7


def last_closed(calendar: Calendar, as_of: datetime) -> int:
    """Return the position of the last session that had closed at `as_of`.

    Raises `InvalidInput` where the calendar does not reach: before its first close, or after its
    last, where it cannot tell whether another session has closed since.
    """
    instant = instant_of(as_of)
    if not calendar.closed_at[0] <= instant <= calendar.closed_at[-1]:
        raise InvalidInput(f"as of {as_of}: {_reach(calendar)}")
    return int(np.searchsorted(calendar.closed_at, instant, side="right")) - 1


def last_session_at(calendar: Calendar, as_of: datetime) -> date:
    """Return the last session that had closed at `as_of`; for errors see `last_closed`."""
    return day_of(calendar.sessions[last_closed(calendar, as_of)])


def close_on_or_before(calendar: Calendar, on: date) -> datetime:
    """Return the close, in UTC, of the last session on or before a date: what `as_of` DATE means.

    Raises `InvalidInput` for a date outside the calendar.
    """
    if not day_of(calendar.sessions[0]) <= on <= calendar.known_until:
        raise InvalidInput(f"{on}: {_reach(calendar)}")
    at = int(np.searchsorted(calendar.sessions, np.datetime64(on), side="right")) - 1
    return datetime.fromisoformat(str(calendar.closed_at[at])).replace(tzinfo=UTC)


def session_before(calendar: Calendar, on: date) -> date:
    """Return the last session before a date. Raises `InvalidInput` where there is none."""
    at = int(np.searchsorted(calendar.sessions, np.datetime64(on))) - 1
    if at < 0:
        raise InvalidInput(f"before {on}: {_reach(calendar)}")
    return day_of(calendar.sessions[at])


def are_sessions(calendar: Calendar, days: Days) -> NDArray[np.bool_]:
    """Return which days are sessions, shape (n,)."""
    at = np.searchsorted(calendar.sessions, days)
    return calendar.sessions[np.minimum(at, len(calendar.sessions) - 1)] == days


def session_positions(calendar: Calendar, sessions: Days) -> Positions:
    """Return where in the calendar each of `sessions` is, shape (n,).

    Raises `InvalidInput` naming the first session that the calendar does not know.
    """
    at = np.searchsorted(calendar.sessions, sessions)
    known = are_sessions(calendar, sessions)
    if not known.all():
        unknown = sessions[int(np.argmin(known))]
        raise InvalidInput(
            f"session {unknown} is not in the calendar: {_reach(calendar)}",
            kind=ErrorKind.BAD_BARS,
        )
    return at


def week_numbers(sessions: Days, week_starts: Sequence[WeekStart]) -> Positions:
    """Return a number for each session that is the same within a week and grows by one a week.

    `week_starts` says from which day on weeks start on which weekday, as a calendar does; a week is
    over where that changes.
    """
    days = sessions.astype(np.int64) + _EPOCH_WEEKDAY
    (_, weekday), *later = week_starts
    numbers, shift = (days - weekday) // _WEEK, 0
    for since, starts_on in later:
        first = (since - _EPOCH).days + _EPOCH_WEEKDAY
        shift += (first - 1 - weekday) // _WEEK + 1 - (first - starts_on) // _WEEK
        numbers = np.where(days < first, numbers, (days - starts_on) // _WEEK + shift)
        weekday = starts_on
    return numbers


def day_of(day: np.datetime64) -> date:
    """Return one session of a column as a date."""
    return date.fromisoformat(str(day))


def _reach(calendar: Calendar) -> str:
    return (
        f"calendar {calendar.name} is known from {calendar.sessions[0]} until"
        f" {calendar.known_until}"
    )


def session_after(calendar: Calendar, as_of: datetime, *, sessions: int) -> date:
    """Return the session that is `sessions` after the last one closed at `as_of`.

    Raises `InvalidInput` (`no_signal`) where the calendar does not reach that far.
    """
    at = last_closed(calendar, as_of) + sessions
    if at >= len(calendar.sessions):
        raise InvalidInput(
            f"{sessions} sessions after {as_of}: {_reach(calendar)}", kind=ErrorKind.NO_SIGNAL
        )
    return day_of(calendar.sessions[at])
