"""What rows look like that are no daily bars: bars of an hour, of a week, or stamped at their end.

A source holds daily bars. Rows of another kind are named as what they look like, before anything is
made of them: read as days, weekly bars give an average of four years the name of a year's, and
several rows of one session look like rows that contradict each other.
"""

from typing import Final

import numpy as np

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Calendar, Days, Instants
from tapetrail.core.market.sessions import week_numbers
from tapetrail.sources.tabular.cells import TimeKind
from tapetrail.sources.tabular.raw import RawColumns
from tapetrail.sources.tabular.zones import instants_of

ROWS_LEAST: Final = 10
"""Fewer rows have no pattern to speak of."""
ONE_A_PERIOD: Final = 0.9
"""The share of bars that must each have a week to themselves for bars to look like weekly ones."""
PERIODS_FILLED: Final = 0.75
SAME_STEP: Final = 0.75
SEVERAL: Final = 1.5
"""So many rows a session or more are no daily bars."""
AT_CLOSES: Final = 0.9
_WORDS: Final = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
)
_SECOND: Final = np.timedelta64(1, "s")
_MINUTE: Final = np.timedelta64(60, "s")
_HOUR_MINUTES: Final = 60


def check_times(
    raw: RawColumns, days: Days, *, calendar: Calendar, zone: str | None, is_dates: bool
) -> None:
    """Raise `InvalidInput` (`bad_bars`) for rows whose times of day are not those of daily bars.

    `days` are the sessions that the rows were taken for. `is_dates` says that times were read as
    dates, whatever they are written as.
    """
    if raw.times.kind is TimeKind.DATE or is_dates or len(raw) < ROWS_LEAST:
        return
    instants = instants_of(raw.times, zone=zone, where=raw.where)
    _check_session_ends(raw, instants, days, calendar=calendar)
    _check_rows_a_session(raw, instants, days)


def looks_intraday(days: Days) -> bool:
    """Return whether sessions have several rows each."""
    return len(days) >= ROWS_LEAST and len(days) >= SEVERAL * len(np.unique(days))


def check_spacing(raw: RawColumns, days: Days, *, calendar: Calendar) -> None:
    """Raise `InvalidInput` (`bad_bars`) for bars of weeks or months, or of every n-th session."""
    distinct = np.unique(days)
    if len(distinct) < ROWS_LEAST:
        return
    low, high = np.searchsorted(calendar.sessions, distinct[[0, -1]])
    every = round((int(high) - int(low) + 1) / len(distinct))
    kind = _period_kind(distinct, calendar) or _step_kind(distinct, calendar)
    if kind is None or every <= 1:
        return
    raise _refused(
        f"{raw.cells.place}: {_word(every - 1)} of {_word(every)} sessions have no bar, these look"
        f" like {kind} ({len(distinct)} from {distinct[0]} to {distinct[-1]}, by the calendar"
        f" {calendar.name}); a source holds daily bars, and weeks and months are built from them"
    )


def _period_kind(days: Days, calendar: Calendar) -> str | None:
    """Return `weekly bars` or `monthly bars` where nearly each bar has such a period to itself."""
    weeks = week_numbers(days, calendar.week_starts)
    months = days.astype("datetime64[M]").astype(np.int64)
    for periods, kind in ((weeks, "weekly bars"), (months, "monthly bars")):
        distinct = len(np.unique(periods))
        span = int(periods[-1]) - int(periods[0]) + 1
        if distinct >= ONE_A_PERIOD * len(days) and len(days) >= PERIODS_FILLED * span:
            return kind
    return None


def _step_kind(days: Days, calendar: Calendar) -> str | None:
    """Return `bars of every third session` where nearly all are that far apart."""
    at = np.searchsorted(calendar.sessions, days)
    steps, counts = np.unique(np.diff(at), return_counts=True)
    step = int(steps[np.argmax(counts)])
    if step <= 1 or counts.max() < SAME_STEP * counts.sum():
        return None
    return f"bars of one in {_word(step)} sessions"


def _check_session_ends(
    raw: RawColumns, instants: Instants, days: Days, *, calendar: Calendar
) -> None:
    """Refuse stamps of sessions' ends that are at once the beginning of the next ones."""
    at = np.minimum(np.searchsorted(calendar.closed_at, instants), len(calendar.closed_at) - 1)
    ends = calendar.closed_at[at] == instants
    moved = ends & (calendar.sessions[at] != days)
    if np.count_nonzero(ends) < AT_CLOSES * len(days) or not moved.any():
        return
    odd = int(np.argmax(moved))
    raise _refused(
        f"{raw.where(odd)}: {instants[odd]} UTC is when the session of {calendar.sessions[at][odd]}"
        f" ends and the next one begins, and nearly every time is such an end: these look like"
        f" stamps of the session's end ({calendar.name}); write the session's date instead"
    )


def _check_rows_a_session(raw: RawColumns, instants: Instants, days: Days) -> None:
    times, first = np.unique(instants, return_index=True)
    sessions = days[first]
    if not looks_intraday(sessions):
        return
    within = np.diff(times)[sessions[1:] == sessions[:-1]]
    spans, counts = np.unique(within, return_counts=True)
    span = _span_text(spans[np.argmax(counts)])
    raise _refused(
        f"{raw.cells.place}: {len(times)} rows for {len(np.unique(sessions))} sessions, mostly"
        f" {span} apart: these look like {span} bars, which are intraday; a source holds daily bars"
    )


def _span_text(span: np.timedelta64) -> str:
    if span < _MINUTE:
        return f"{int(span / _SECOND)}s"
    minutes = int(span / _MINUTE)
    whole = minutes % _HOUR_MINUTES == 0
    return f"{minutes // _HOUR_MINUTES}h" if whole else f"{minutes}m"


def _word(number: int) -> str:
    return _WORDS[number] if number < len(_WORDS) else str(number)


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, kind=ErrorKind.BAD_BARS)
