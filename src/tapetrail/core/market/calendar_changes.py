"""What a user knows better than a calendar: sessions it lacks, closed days, early closes."""

from dataclasses import dataclass
from datetime import date, time
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarChanges:
    """Changes of a calendar, in the exchange's own time.

    `extra` are sessions with their open and close, `closed` days without one, `early` closes.
    """

    extra: tuple[tuple[date, time, time], ...] = ()
    closed: tuple[date, ...] = ()
    early: tuple[tuple[date, time], ...] = ()


UNCHANGED: Final = CalendarChanges()
