"""A last row that was still moving when it was taken, told by its stamp: that of the last trade."""

from datetime import date

import numpy as np

from tapetrail.core.market.bars import Calendar, Days
from tapetrail.core.market.sessions import day_of
from tapetrail.sources.tabular.cells import TimeKind
from tapetrail.sources.tabular.raw import RawColumns


def without_unfinished(raw: RawColumns, days: Days, calendar: Calendar) -> tuple[RawColumns, Days]:
    """Return rows and sessions without a last one whose session was not over at its stamp."""
    if _unfinished(raw, days, calendar) is None:
        return raw, days
    return raw.take(range(len(raw) - 1)), days[:-1]


def unfinished_note(raw: RawColumns, days: Days, calendar: Calendar) -> str | None:
    """Return a sentence on the row that is left out, None where there is none."""
    day = _unfinished(raw, days, calendar)
    if day is None:
        return None
    return (
        f"{raw.where(len(raw) - 1)}: the row of {day} is left out, for the last trade that it is"
        " stamped with came before the session's close; fetch the bars again once it is over"
    )


def _unfinished(raw: RawColumns, days: Days, calendar: Calendar) -> date | None:
    """Return the session of such a row. Where nothing traded at the close, it looks like one."""
    if not raw.stated.ends_at_last_trade or raw.times.kind is not TimeKind.INSTANT:
        return None
    at = np.flatnonzero(calendar.sessions == days[-1])
    if not len(at) or raw.times.values[-1] >= calendar.closed_at[at[0]]:
        return None
    return day_of(days[-1])
