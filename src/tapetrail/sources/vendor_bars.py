"""A vendor's rows as the bars that are wanted: not those of later days, nor one not yet final."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np

from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.core.market.bars import Calendar
from tapetrail.core.market.sessions import day_of, last_session_at
from tapetrail.sources.protocol import Fetched
from tapetrail.sources.tabular.normaliser import DataConventions, bars_of, with_sessions
from tapetrail.sources.tabular.raw import parsed_columns
from tapetrail.sources.tabular.restated import history_as_of
from tapetrail.sources.tabular.tables import Table
from tapetrail.sources.tabular.zones import zone_named
from tapetrail.sources.vendor_source import Vintage, Wanted

_LATE: Final = timedelta(days=30)
NO_DELAY: Final = timedelta(0)


def bars_of_table(
    table: Table,
    vintage: Vintage,
    wanted: Wanted,
    *,
    conventions: DataConventions,
    delay: timedelta = NO_DELAY,
) -> Fetched:
    """Return the bars of a table read from a vintage, whose feed comes with a delay.

    A bar is final in what was sent once its session was over and the delay had passed; prices that
    are adjusted hold hindsight where a session's day began between `as_of` and then, unless all
    splits in them are stated. Raises `NotFound` (`no_bars`) if there are none, and `InvalidInput`
    (`bad_bars`, and `stale_bars` for a last bar that was not final).
    """
    instrument, calendar, last = wanted.instrument, wanted.calendar, wanted.last
    _check_final(vintage, wanted, delay=delay, place=table.place)
    columns = parsed_columns(table)
    columns = replace(columns, stated=replace(columns.stated, symbol=instrument.symbol))
    dated = with_sessions(columns, calendar=calendar, conventions=conventions)
    days = dated.times.values.astype("datetime64[D]")
    rows = np.flatnonzero((days >= np.datetime64(wanted.first)) & (days <= np.datetime64(last)))
    if not len(rows):
        raise NotFound(
            f"{instrument}: {table.place} has no bars from {wanted.first} to {last}",
            kind=ErrorKind.NO_BARS,
        )
    kept = dated.take(rows.tolist())
    found = bars_of(kept, instrument=instrument, calendar=calendar, conventions=conventions)
    is_later = _begins_session(calendar, wanted.as_of, vintage.fetched_at)
    history = history_as_of(found.bars, kept.stated, has_later=is_later, last=last)
    return Fetched(
        payload=vintage.payload,
        media_type=vintage.media_type,
        bars=history.bars,
        splits=(),
        dropped_rows=found.dropped_rows,
        price_factor=found.price_factor,
        quoted_in=found.quoted_in,
        adjusted_with_hindsight=history.has_hindsight,
        fetched_at=vintage.fetched_at,
    )


def begins_late(found: Fetched, first: date) -> date | None:
    """Return when bars begin, where that is so long after a day that holidays do not explain it."""
    begun = day_of(found.bars.first_on[0])
    return begun if begun - first > _LATE else None


def _begins_session(calendar: Calendar, as_of: datetime, later: datetime) -> bool:
    """Return whether a day with a session began after `as_of`, and by then, where the exchange is.

    What takes effect with a session, as a split does, may be seen from the start of its day.
    """
    zone = zone_named(calendar.zone)
    before, until = (np.datetime64(instant.astimezone(zone).date()) for instant in (as_of, later))
    return bool(np.any((calendar.sessions > before) & (calendar.sessions <= until)))


def _check_final(vintage: Vintage, wanted: Wanted, *, delay: timedelta, place: str) -> None:
    final = last_session_at(wanted.calendar, vintage.fetched_at - delay)
    if final < wanted.last:
        late = f"; this feed is {_minutes(delay)} late, so ask again that long after the close"
        raise InvalidInput(
            f"{place}: the bar of {wanted.last} was not final when it was fetched, at"
            f" {vintage.fetched_at:%Y-%m-%d %H:%M:%S} UTC{late if delay else ''}",
            kind=ErrorKind.STALE_BARS,
        )


def _minutes(delay: timedelta) -> str:
    minutes = int(delay.total_seconds() // 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
