"""What a history of bars says as of an instant: known bars, split-adjusted, as weeks and months.

The order is always the same: `known_at` drops the future, `adjust_for_splits` applies the splits
known by then, `weekly_bars` and `monthly_bars` build longer bars by the exchange's calendar, and
`window` cuts what is drawn and its warm-up. Nothing here looks past `as_of`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

import numpy as np

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import (
    DAILY,
    MONTHLY,
    WEEKLY,
    Adjustment,
    Bars,
    Calendar,
    Days,
    PartialBar,
    Split,
    Timeframe,
    instant_of,
)
from tapetrail.core.market.sessions import (
    Positions,
    day_of,
    last_closed,
    session_positions,
    week_numbers,
)

# No week and no month holds more sessions than this, a market that never closes included.
_SESSIONS_IN_A_PERIOD_MAX: Final = 31


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """The bars a chart is made from: its warm-up, then the drawn ones from `drawn_from` on."""

    bars: Bars
    drawn_from: int

    @property
    def drawn(self) -> Bars:
        """Return the drawn bars alone."""
        return self.bars.take(slice(self.drawn_from, None))


def known_at(bars: Bars, as_of: datetime) -> Bars:
    """Return the complete bars that were available at `as_of`, that instant included."""
    known = (bars.available_at <= instant_of(as_of)) & bars.complete
    return bars if known.all() else bars.take(known)


def adjust_for_splits(bars: Bars, splits: Sequence[Split], as_of_session: date) -> Bars:
    """Return raw bars restated for the splits whose ex-date is on or before `as_of_session`.

    A bar before an ex-date has its prices divided and its volume multiplied by the ratio; a later
    split is not known yet and changes nothing. Raises `InvalidInput` unless the bars are raw, of
    one session each and end by `as_of_session`, and for two splits of one date.
    """
    _check_adjustable(bars, as_of_session)
    known = sorted((split for split in splits if split.ex_on <= as_of_session), key=_ex_date)
    ex_dates = np.array([split.ex_on for split in known], dtype="datetime64[D]")
    if len(np.unique(ex_dates)) != len(known):
        raise InvalidInput(f"splits {known}: two of one date", kind=ErrorKind.BAD_BARS)
    # factors[k] restates a bar that lies after k of the splits: the product of all the others.
    ratios = np.array([float(split.ratio) for split in known] + [1.0], dtype=np.float64)
    factors = np.cumprod(ratios[::-1])[::-1]
    factor = factors[np.searchsorted(ex_dates, bars.last_on, side="right")]
    return replace(
        bars,
        adjustment=Adjustment.SPLIT,
        open=bars.open / factor,
        high=bars.high / factor,
        low=bars.low / factor,
        close=bars.close / factor,
        volume=bars.volume * factor,
    )


def derive_bars(
    daily: Bars,
    timeframe: Timeframe,
    *,
    calendar: Calendar,
    as_of: datetime,
    partial: PartialBar = PartialBar.EXCLUDE,
) -> Bars:
    """Return the bars of `timeframe` that `daily` holds and that were known at `as_of`.

    Days are the known days; weeks and months are those of `weekly_bars` and `monthly_bars`. Raises
    `InvalidInput` for any other timeframe.
    """
    if timeframe == DAILY:
        return known_at(daily, as_of)
    if timeframe == WEEKLY:
        return weekly_bars(daily, calendar, as_of=as_of, partial=partial)
    if timeframe == MONTHLY:
        return monthly_bars(daily, calendar, as_of=as_of, partial=partial)
    raise _not_derived(timeframe)


def weekly_bars(
    daily: Bars,
    calendar: Calendar,
    *,
    as_of: datetime,
    partial: PartialBar = PartialBar.EXCLUDE,
) -> Bars:
    """Return the weeks of `daily` as they were known at `as_of`, by the calendar's own weeks.

    Open is the first, high the highest, low the lowest, close the last, volume the sum, missing
    if the volume of any day is. `first_on` and `last_on` are the week's first and last *scheduled*
    session, so holidays and halts do not move them. A week that begins before the history does is
    left out: its open and its volume cannot be known. A week that is not over at `as_of` is left
    out too, or with `PartialBar.MARK` comes last, not `complete`. Raises `InvalidInput` unless the
    bars are daily and every session is one of the calendar's.
    """
    weeks = _longer_bars(known_at(daily, as_of), WEEKLY, calendar=calendar, as_of=as_of)
    return weeks if partial is PartialBar.MARK else weeks.take(weeks.complete)


def monthly_bars(
    daily: Bars,
    calendar: Calendar,
    *,
    as_of: datetime,
    partial: PartialBar = PartialBar.EXCLUDE,
) -> Bars:
    """Return the months of `daily` as they were known at `as_of`, by the rules of `weekly_bars`."""
    months = _longer_bars(known_at(daily, as_of), MONTHLY, calendar=calendar, as_of=as_of)
    return months if partial is PartialBar.MARK else months.take(months.complete)


def gaps(bars: Bars, calendar: Calendar) -> tuple[date, ...]:
    """Return the scheduled sessions between the first and the last bar that have no bar.

    Raises `InvalidInput` unless the bars are daily and every session is one of the calendar's.
    """
    _check_daily(bars)
    if not len(bars):
        return ()
    present = session_positions(calendar, bars.last_on)
    missing = np.setdiff1d(np.arange(int(present[0]), int(present[-1])), present)
    return tuple(map(day_of, calendar.sessions[missing]))


def window(bars: Bars, *, drawn: int, warmup: int) -> Window:
    """Return the last `drawn` bars and up to `warmup` before them, fewer where there are fewer.

    Raises `InvalidInput` if there are no bars at all or `drawn` or `warmup` make no sense.
    """
    if drawn < 1 or warmup < 0:
        raise InvalidInput(
            f"window of {drawn} drawn and {warmup} warm-up bars: expected at least 1 and 0"
        )
    if not len(bars):
        raise InvalidInput(f"no {bars.timeframe} bars to draw", kind=ErrorKind.NO_BARS)
    cut = bars.take(slice(max(0, len(bars) - drawn - warmup), None))
    return Window(bars=cut, drawn_from=max(0, len(cut) - drawn))


def first_session_needed(
    calendar: Calendar, as_of: datetime, *, timeframe: Timeframe, bars_wanted: int
) -> date:
    """Return the session from which daily history yields `bars_wanted` bars known at `as_of`.

    For weeks and months that is the first session of a whole period, with one period to spare for
    the one that may not be over; at the earliest it is the calendar's first session. Raises
    `InvalidInput` for a timeframe that is not derived from days, for fewer than 1 bar, and where
    the calendar does not reach.
    """
    if timeframe not in {DAILY, WEEKLY, MONTHLY}:
        raise _not_derived(timeframe)
    if bars_wanted < 1:
        raise InvalidInput(f"{bars_wanted} bars wanted: expected at least 1")
    sessions = calendar.sessions[: last_closed(calendar, as_of) + 1]
    if timeframe == DAILY:
        return day_of(sessions[max(0, len(sessions) - bars_wanted)])
    starts = _run_starts(_period_keys(sessions, timeframe, calendar.week_starts_on))
    return day_of(sessions[int(starts[max(0, len(starts) - 1 - bars_wanted)])])


def _longer_bars(daily: Bars, timeframe: Timeframe, *, calendar: Calendar, as_of: datetime) -> Bars:
    """Return every period whose beginning is known, the last one marked if it is not over."""
    _check_daily(daily)
    if not len(daily):
        return replace(daily, timeframe=timeframe)
    last_closed(calendar, as_of)
    periods = _periods(daily, timeframe, calendar)
    starts, ends = periods.starts, periods.ends
    # The last session may be halted, so a period is over when that session's bar would be here:
    # at its close and the delay with which the period's last bar arrived.
    delay = (daily.available_at - daily.closed_at)[ends]
    closed_at = calendar.closed_at[periods.last]
    complete = closed_at + delay <= instant_of(as_of)
    closed_at = np.where(complete, closed_at, daily.closed_at[ends])
    return replace(
        daily,
        timeframe=timeframe,
        first_on=calendar.sessions[periods.first],
        last_on=calendar.sessions[periods.last],
        opened_at=calendar.opened_at[periods.first],
        closed_at=closed_at,
        available_at=closed_at + delay,
        open=daily.open[starts],
        high=np.maximum.reduceat(daily.high, starts),
        low=np.minimum.reduceat(daily.low, starts),
        close=daily.close[ends],
        volume=np.add.reduceat(daily.volume, starts),
        complete=complete,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Periods:
    """Weeks or months, shape (n,): their first and last bar, and their scheduled sessions."""

    starts: Positions
    ends: Positions
    first: Positions
    last: Positions


def _periods(daily: Bars, timeframe: Timeframe, calendar: Calendar) -> _Periods:
    at = session_positions(calendar, daily.last_on)
    # Only the calendar's sessions around the history can belong to its periods.
    low = max(0, int(at[0]) - _SESSIONS_IN_A_PERIOD_MAX)
    nearby = calendar.sessions[low : int(at[-1]) + _SESSIONS_IN_A_PERIOD_MAX + 1]
    scheduled = _period_keys(nearby, timeframe, calendar.week_starts_on)
    starts = _run_starts(scheduled[at - low])
    keys = scheduled[at[starts] - low]
    first = np.searchsorted(scheduled, keys, side="left") + low
    # The open of a period that begins before the history cannot be known, nor can its volume.
    whole = slice(0 if at[0] == first[0] else 1, None)
    return _Periods(
        starts=starts[whole],
        ends=(np.append(starts[1:], len(at)) - 1)[whole],
        first=first[whole],
        last=(np.searchsorted(scheduled, keys, side="right") - 1 + low)[whole],
    )


def _period_keys(sessions: Days, timeframe: Timeframe, week_starts_on: int) -> Positions:
    """Return a number for each session that grows by one from week to week or month to month."""
    if timeframe == MONTHLY:
        return sessions.astype("datetime64[M]").astype(np.int64)
    return week_numbers(sessions, week_starts_on)


def _run_starts(keys: Positions) -> Positions:
    """Return where each run of equal keys begins."""
    return np.flatnonzero(np.diff(keys, prepend=keys[0] - 1))


def _check_daily(bars: Bars) -> None:
    if bars.timeframe != DAILY:
        raise InvalidInput(f"{bars.timeframe} bars: expected daily ones", kind=ErrorKind.BAD_BARS)


def _check_adjustable(bars: Bars, as_of_session: date) -> None:
    if bars.adjustment is not Adjustment.RAW:
        raise InvalidInput(
            f"bars adjusted for {bars.adjustment}: only raw bars are restated for splits",
            kind=ErrorKind.BAD_BARS,
        )
    if not (bars.timeframe == DAILY or bars.timeframe.is_intraday):
        raise InvalidInput(
            f"{bars.timeframe} bars: a split may lie inside one; restate the daily bars",
            kind=ErrorKind.BAD_BARS,
        )
    if len(bars) and day_of(bars.last_on[-1]) > as_of_session:
        raise InvalidInput(
            f"bar {bars.last_on[-1]}: lies after {as_of_session}, up to which splits are known",
            kind=ErrorKind.BAD_BARS,
        )


def _not_derived(timeframe: Timeframe) -> InvalidInput:
    return InvalidInput(f"timeframe {timeframe}: daily bars make {DAILY}, {WEEKLY} and {MONTHLY}")


def _ex_date(split: Split) -> date:
    return split.ex_on
