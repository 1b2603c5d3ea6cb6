"""Daily bars, far enough back for every chart: counted in bars that exist, not in sessions."""

from collections.abc import Mapping
from datetime import date, datetime

import numpy as np

from tapetrail.core.market.bars import DAILY, Bars, Calendar, Instrument, Timeframe
from tapetrail.core.market.histories import derive_bars, first_session_needed
from tapetrail.core.market.sessions import day_of
from tapetrail.sources.protocol import Fetched, Source


def fetch_enough(
    source: Source,
    instrument: Instrument,
    *,
    wanted: Mapping[Timeframe, int],
    calendar: Calendar,
    as_of: datetime,
) -> Fetched:
    """Return the daily bars that give each timeframe the bars that are wanted of it.

    Where every session has a bar, the calendar tells from which one on that is. Where a halt left
    too few, all bars are fetched, and once more those that are needed: a chart has the same bars
    whatever others are drawn. Raises as the source does.
    """

    def fetch(first: date) -> Fetched:
        return source.fetch(
            instrument, timeframe=DAILY, first=first, as_of=as_of, calendar=calendar
        )

    first = min(
        first_session_needed(calendar, as_of, timeframe=timeframe, bars_wanted=count)
        for timeframe, count in wanted.items()
    )
    fetched, earliest = fetch(first), day_of(calendar.sessions[0])
    has_enough = _begins(fetched.bars, wanted, calendar=calendar, as_of=as_of) is not None
    if has_enough or first <= earliest:
        return fetched
    whole = fetch(earliest)
    if len(whole.bars) == len(fetched.bars):
        return fetched
    begins = _begins(whole.bars, wanted, calendar=calendar, as_of=as_of)
    return fetch(begins) if begins else whole


def _begins(
    daily: Bars, wanted: Mapping[Timeframe, int], *, calendar: Calendar, as_of: datetime
) -> date | None:
    """Return the session from which on each timeframe has its bars, None where one has fewer.

    One bar more comes along, which shows where the first week or month begins.
    """
    needed: list[int] = []
    for timeframe, count in wanted.items():
        bars = derive_bars(daily, timeframe, calendar=calendar, as_of=as_of)
        if len(bars) < count:
            return None
        needed.append(int(np.argmax(daily.last_on >= bars.first_on[len(bars) - count])))
    return day_of(daily.last_on[max(0, min(needed) - 1)])
