"""Times as UTC instants and as session dates, by the zone they are written in and the exchange's.

A bare date is taken as it is. An instant is converted once, into the exchange's zone, to find its
session: the date of Tokyo's 5 January, which opens on the 4th in UTC. Nothing is converted twice.
"""

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Calendar, Days, Instants
from tapetrail.core.market.conventions import UtcMidnights
from tapetrail.sources.tabular.cells import TimeKind, Times, Where

_DAY: Final = np.timedelta64(1, "D")


def instants_of(times: Times, *, zone: str | None, where: Where) -> Instants:
    """Return the times as UTC instants, shape (n,); `zone` is that of times written without one.

    Raises `InvalidInput` for dates, which are no instants, for times without a zone when `zone` is
    None, and for local times that a change of the clocks repeats or skips.
    """
    if times.kind is TimeKind.DATE:
        raise _refused(f"{where(0)}: {times.values[0]} is a date; intraday bars need a time of day")
    if times.kind is TimeKind.INSTANT:
        return times.values
    if zone is None:
        raise _refused(
            f"{where(0)}: the time {times.values[0]} has no zone; name the `zone` it was written in"
        )
    local = zone_named(zone)
    clocks: list[datetime] = times.values.tolist()
    instants = [_instant(clock, local, where=where, at=at) for at, clock in enumerate(clocks)]
    return np.array(instants, dtype="datetime64[us]")


def sessions_of(
    times: Times,
    *,
    calendar: Calendar,
    zone: str | None,
    where: Where,
    utc_midnights: UtcMidnights = UtcMidnights.REFUSE,
) -> Days:
    """Return the session date of each daily bar, shape (n,).

    Dates are taken as they are, and so are times without a zone that are all midnights: it is how
    data frames write dates. An instant belongs to the session that was open then, or else to its
    date on the exchange's clock. Raises `InvalidInput` as `instants_of` does, and for instants that
    are all midnights in UTC but the evening before at the exchange: those were dates once.
    """
    days = times.values.astype("datetime64[D]")
    if times.kind is TimeKind.DATE:
        return days
    midnights = bool(np.all(days == times.values))
    if times.kind is TimeKind.LOCAL and midnights:
        return days
    instants = instants_of(times, zone=zone, where=where)
    sessions = session_dates(instants, calendar)
    is_evening_before = times.kind is TimeKind.INSTANT and bool(np.all(sessions == days - _DAY))
    if midnights and is_evening_before:
        if utc_midnights is UtcMidnights.DATES:
            return days
        raise _refused(
            f"{where(0)}: {times.values[0]} UTC is the evening of {sessions[0]} in"
            f" {calendar.zone}, and every time is midnight UTC; if these are dates, state"
            " `utc_midnights: dates`"
        )
    return sessions


def session_dates(instants: Instants, calendar: Calendar) -> Days:
    """Return the session open at each instant, or else the instant's date on the exchange's clock.

    Such a date may be no session: who needs one asks the calendar.
    """
    at = np.maximum(np.searchsorted(calendar.opened_at, instants, side="right") - 1, 0)
    is_open = (calendar.opened_at[at] <= instants) & (instants < calendar.closed_at[at])
    days = calendar.sessions[at]
    zone = zone_named(calendar.zone)
    closed = np.flatnonzero(~is_open)
    clocks: list[datetime] = instants[closed].tolist()
    days[closed] = np.array(
        [clock.replace(tzinfo=UTC).astimezone(zone).date() for clock in clocks],
        dtype="datetime64[D]",
    )
    return days


def zone_named(name: str) -> ZoneInfo:
    """Return the zone called `name`. Raises `InvalidInput` for one that there is not."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(
            f"zone {name!r}: unknown; expected a name such as America/New_York or UTC"
        ) from error


def _instant(clock: datetime, zone: ZoneInfo, *, where: Where, at: int) -> datetime:
    first, second = (clock.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    # The two readings of a wall clock differ only where the clocks change.
    if first.utcoffset() != second.utcoffset():
        raise _refused(
            f"{where(at)}: {clock} in {zone.key} is repeated or skipped when the clocks change;"
            " write it with its offset"
        )
    return first.astimezone(UTC).replace(tzinfo=None)


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, kind=ErrorKind.BAD_BARS)
