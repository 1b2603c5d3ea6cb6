"""What a user knows better than a calendar: sessions it lacks, closed days, early closes."""

from dataclasses import dataclass
from datetime import date, time
from typing import Final

from tapetrail.core.market.exchanges import mic_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarChanges:
    """Changes of a calendar, in the exchange's own time.

    `extra` are sessions with their open and close, `closed` days without one, `early` closes.
    """

    extra: tuple[tuple[date, time, time], ...] = ()
    closed: tuple[date, ...] = ()
    early: tuple[tuple[date, time], ...] = ()

    def about(self, calendar: str, *, home: str | None) -> "CalendarChanges":
        """Return them for the calendar they are about, `home`, and none for another one.

        Without a home they are about every calendar.
        """
        return self if home is None or mic_of(home) == mic_of(calendar) else UNCHANGED


UNCHANGED: Final = CalendarChanges()
