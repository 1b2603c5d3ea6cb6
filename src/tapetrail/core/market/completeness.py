"""Which scheduled sessions have no bar, and how many sessions have passed since the last one.

Only sessions between an instrument's first and its last bar can be missing: before the one it was
not listed, after the other it is the bars' age that counts. A session of a declared halt is not
missing, though it has no bar.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, TypeAlias

import numpy as np

from tapetrail.core.canonical import decimal_text
from tapetrail.core.market.bars import Bars, Calendar
from tapetrail.core.market.sessions import Positions, day_of, last_closed, session_positions

Halt: TypeAlias = tuple[date, date]
"""The first and the last day of a halt, both included."""
_NAMED_MAX: Final = 3
_PERCENT_STEP: Final = Decimal("0.01")
_WEEKDAYS: Final = (
    "Mondays",
    "Tuesdays",
    "Wednesdays",
    "Thursdays",
    "Fridays",
    "Saturdays",
    "Sundays",
)
# 1970-01-01 was a Thursday, three days after its Monday.
_EPOCH_WEEKDAY: Final = 3
_WEEK: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Scheduled sessions in a row that have no bar, from `first` to `last`."""

    first: date
    last: date
    sessions: int

    def __str__(self) -> str:
        """Return `2024-03-04`, or `2022-11-23 to 2024-02-05 (300 sessions)`."""
        if self.sessions == 1:
            return str(self.first)
        return f"{self.first} to {self.last} ({self.sessions} sessions)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """The sessions without a bar, of `scheduled` ones from `first` to `last` that should have one.

    `never` names the weekdays on which there are sessions and not one bar.
    """

    first: date
    last: date
    scheduled: int
    gaps: tuple[Gap, ...]
    never: tuple[str, ...] = ()

    @property
    def sessions(self) -> int:
        """Return how many sessions are missing."""
        return sum(gap.sessions for gap in self.gaps)

    @property
    def pct(self) -> Decimal:
        """Return the missing sessions as a share of the scheduled ones, in percent."""
        return 100 * Decimal(self.sessions) / max(self.scheduled, 1)

    @property
    def longest(self) -> int:
        """Return how many sessions the longest gap has."""
        return max((gap.sessions for gap in self.gaps), default=0)

    def __str__(self) -> str:
        """Return how many sessions are missing, which of them, and what they have in common."""
        widest = sorted(self.gaps, key=lambda gap: -gap.sessions)[:_NAMED_MAX]
        named = [str(gap) for gap in sorted(widest, key=lambda gap: gap.first)]
        more = len(self.gaps) - len(named)
        named += [f"{more} more {'gap' if more == 1 else 'gaps'}"] if more else []
        *most, last = self.never or ("",)
        never = (
            f"; none on {' and '.join([*filter(None, [', '.join(most)]), last])}" if last else ""
        )
        share = decimal_text(self.pct.quantize(_PERCENT_STEP))
        return (
            f"{self.sessions} of {self.scheduled} sessions ({share} %) from {self.first} to"
            f" {self.last} have no bar: {', '.join(named)}{never}"
        )


def missing_sessions(
    daily: Bars, calendar: Calendar, *, spans: Bars, halts: Sequence[Halt] = ()
) -> Missing:
    """Return the sessions without a bar among those that `spans`, made of `daily`, lie over.

    Both hold at least one bar. Raises `InvalidInput` where a session is not one of the calendar's.
    """
    present = session_positions(calendar, daily.last_on)
    sides = np.searchsorted(calendar.sessions, [spans.first_on[0], spans.last_on[-1]])
    low, high = max(int(sides[0]), int(present[0])), min(int(sides[1]), int(present[-1]))
    expected = np.arange(low, high + 1)
    for first, last in halts:
        begins, ends = np.searchsorted(
            calendar.sessions, [np.datetime64(first), np.datetime64(last) + 1]
        )
        halted = (expected >= begins) & (expected < ends) & ~np.isin(expected, present)
        expected = expected[~halted]
    absent = np.setdiff1d(expected, present)
    return Missing(
        first=day_of(calendar.sessions[low]),
        last=day_of(calendar.sessions[high]),
        scheduled=len(expected),
        gaps=_gaps(absent, calendar),
        never=_never(absent, np.intersect1d(expected, present), calendar),
    )


def age_in_sessions(daily: Bars, calendar: Calendar, *, at: datetime) -> int:
    """Return how many sessions were completed at `at` after the one of the last bar."""
    last = int(session_positions(calendar, daily.last_on[-1:])[0])
    return max(0, last_closed(calendar, at) - last)


def data_remarks(missing: Missing, *, age_sessions: int) -> tuple[str, ...]:
    """Return what a chart says of missing sessions and of sessions since its last bar."""
    passed = "1 session was" if age_sessions == 1 else f"{age_sessions} sessions were"
    return (
        *([str(missing)] if missing.sessions else ()),
        *([f"Bars end early: {passed} completed after the last one"] if age_sessions else ()),
    )


def _gaps(absent: Positions, calendar: Calendar) -> tuple[Gap, ...]:
    if not len(absent):
        return ()
    ends: list[int] = np.flatnonzero(np.append(np.diff(absent) > 1, [True])).tolist()
    starts = [0, *(end + 1 for end in ends[:-1])]
    return tuple(
        Gap(
            first=day_of(calendar.sessions[int(absent[start])]),
            last=day_of(calendar.sessions[int(absent[end])]),
            sessions=end + 1 - start,
        )
        for start, end in zip(starts, ends, strict=True)
    )


def _never(absent: Positions, present: Positions, calendar: Calendar) -> tuple[str, ...]:
    if len(absent) <= _WEEK:
        return ()
    without: list[int] = np.setdiff1d(
        _weekdays(absent, calendar), _weekdays(present, calendar)
    ).tolist()
    return tuple(_WEEKDAYS[weekday] for weekday in without)


def _weekdays(at: Positions, calendar: Calendar) -> Positions:
    return (calendar.sessions[at].astype(np.int64) + _EPOCH_WEEKDAY) % _WEEK
