"""What a history of bars says as of an instant: known bars, split-adjusted, as weeks and months.

The order is always the same: `known_at` drops the future, `adjust_for_splits` applies the splits
known by then, `derive_bars` builds weeks and months by the exchange's calendar, and `window` takes
what is drawn and its warm-up. Nothing here looks past `as_of`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import prod

import numpy as np

from tapetrail.core.canonical import decimal_of
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import (
    DAILY,
    Adjustment,
    Bars,
    Calendar,
    Days,
    Flags,
    Floats,
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
from tapetrail.core.market.timeframes import TimeframeUnit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """The bars a chart is made from: its warm-up, then the drawn ones from `drawn_from` on."""

    bars: Bars
    drawn_from: int


def known_at(bars: Bars, as_of: datetime) -> Bars:
    """Return the complete bars that were available at `as_of`, that instant included."""
    known = (bars.available_at <= instant_of(as_of)) & bars.complete
    return bars if known.all() else bars.take(known)


def adjust_for_splits(bars: Bars, splits: Sequence[Split], as_of_session: date) -> Bars:
    """Return raw bars restated for the splits whose ex-date is on or before `as_of_session`.

    A bar before an ex-date has its prices divided and its volume multiplied by the ratio, as the
    decimals that they are: 37.59 by 3 is 12.53, the same price as on the other side of the split.
    A later split is not known yet and changes nothing. Raises `InvalidInput` unless the bars are
    raw, of one session each and end by `as_of_session`, and for two splits of one date.
    """
    _check_adjustable(bars, as_of_session)
    known = sorted((split for split in splits if split.ex_on <= as_of_session), key=_ex_date)
    ex_dates = np.array([split.ex_on for split in known], dtype="datetime64[D]")
    if len(np.unique(ex_dates)) != len(known):
        raise InvalidInput(f"splits {known}: two of one date", kind=ErrorKind.BAD_BARS)
    # factors[k] restates a bar that lies after k of the splits: the product of all the others.
    factors = [Decimal(1)]
    for split in reversed(known):
        factors.insert(0, factors[0] * split.ratio)
    after = np.searchsorted(ex_dates, bars.last_on, side="right")
    return replace(
        bars,
        adjustment=Adjustment.SPLIT,
        open=_restated(bars.open, factors, after, apply=Decimal.__truediv__),
        high=_restated(bars.high, factors, after, apply=Decimal.__truediv__),
        low=_restated(bars.low, factors, after, apply=Decimal.__truediv__),
        close=_restated(bars.close, factors, after, apply=Decimal.__truediv__),
        volume=_restated(bars.volume, factors, after, apply=Decimal.__mul__),
    )


def undo_later_splits(bars: Bars, splits: Sequence[Split], as_of_session: date) -> Bars:
    """Return bars whose prices hold all of `splits`, without those of after `as_of_session`.

    No bar is later than that session, so each of them has its prices multiplied and its volume
    divided by the ratio of each later split. Raises `InvalidInput` for bars that are adjusted for
    anything but splits.
    """
    later = [split.ratio for split in splits if split.ex_on > as_of_session]
    if not later:
        return bars
    if bars.adjustment is not Adjustment.SPLIT:
        raise InvalidInput(
            f"{bars.adjustment} bars: splits can be undone in prices that are restated for them",
            kind=ErrorKind.BAD_BARS,
        )
    factors, after = [prod(later, start=Decimal(1))], np.zeros(len(bars), dtype=np.intp)
    return replace(
        bars,
        open=_restated(bars.open, factors, after, apply=Decimal.__mul__),
        high=_restated(bars.high, factors, after, apply=Decimal.__mul__),
        low=_restated(bars.low, factors, after, apply=Decimal.__mul__),
        close=_restated(bars.close, factors, after, apply=Decimal.__mul__),
        volume=_restated(bars.volume, factors, after, apply=Decimal.__truediv__),
    )


def derive_bars(
    bars: Bars,
    timeframe: Timeframe,
    *,
    calendar: Calendar,
    as_of: datetime,
    partial: PartialBar = PartialBar.EXCLUDE,
) -> Bars:
    """Return the bars of `timeframe` that `bars`, which are of its base, hold as of `as_of`.

    A timeframe that is not derived is its own base: its known bars. Weeks and months are the
    calendar's own. Open is the first, high the highest, low the lowest, close the last, volume the
    sum, missing if the volume of any day is. `first_on` and `last_on` are the first and last
    *scheduled* session, so holidays and halts do not move them. A period that begins before the
    history does is left out: its open and its volume cannot be known. One that is not over at
    `as_of` is left out too, or with `PartialBar.MARK` comes last, not `complete`. Raises
    `InvalidInput` for bars of another timeframe, and where a session is not one of the calendar's.
    """
    _check_timeframe(bars, timeframe.base)
    known = known_at(bars, as_of)
    if not timeframe.is_derived:
        return known
    longer = _longer_bars(known, timeframe, calendar=calendar, as_of=as_of)
    return longer if partial is PartialBar.MARK else longer.take(longer.complete)


def gaps(bars: Bars, calendar: Calendar) -> tuple[date, ...]:
    """Return the scheduled sessions between the first and the last bar that have no bar.

    Raises `InvalidInput` unless the bars are daily and every session is one of the calendar's.
    """
    _check_timeframe(bars, DAILY)
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
    if timeframe.base != DAILY:
        raise InvalidInput(f"timeframe {timeframe}: its bars are not derived from {DAILY} bars")
    if bars_wanted < 1:
        raise InvalidInput(f"{bars_wanted} bars wanted: expected at least 1")
    sessions = calendar.sessions[: last_closed(calendar, as_of) + 1]
    starts = run_starts(period_keys(sessions, timeframe, calendar))
    to_spare = 1 if timeframe.is_derived else 0
    return day_of(sessions[int(starts[max(0, len(starts) - to_spare - bars_wanted)])])


def _longer_bars(daily: Bars, timeframe: Timeframe, *, calendar: Calendar, as_of: datetime) -> Bars:
    """Return every period whose beginning is known, the last one marked if it is not over."""
    if not len(daily):
        return replace(daily, timeframe=timeframe)
    last_closed(calendar, as_of)
    periods = _periods(daily, timeframe, calendar)
    starts, ends = periods.starts, periods.ends
    # The last session may be halted, so a period is over when that session's bar would be here:
    # at its close and the delay with which the period's last bar arrived.
    delay = (daily.available_at - daily.closed_at)[ends]
    closed_at = calendar.closed_at[periods.last]
    complete = (closed_at + delay <= instant_of(as_of)) & periods.known
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
    """Weeks or months, shape (n,): their first and last bar, and their scheduled sessions.

    Of one that goes on after the calendar's last day it is not `known` which session is its last.
    """

    starts: Positions
    ends: Positions
    first: Positions
    last: Positions
    known: Flags


def _periods(daily: Bars, timeframe: Timeframe, calendar: Calendar) -> _Periods:
    at = session_positions(calendar, daily.last_on)
    # Only the calendar's sessions around the history can belong to its periods.
    low = max(0, int(at[0]) - timeframe.sessions_max)
    nearby = calendar.sessions[low : int(at[-1]) + timeframe.sessions_max + 1]
    scheduled = period_keys(nearby, timeframe, calendar)
    starts = run_starts(scheduled[at - low])
    keys = scheduled[at[starts] - low]
    first = np.searchsorted(scheduled, keys, side="left") + low
    # The open of a period that begins before the history cannot be known, nor can its volume.
    whole = slice(0 if at[0] == first[0] else 1, None)
    unknown = np.array([calendar.known_until + timedelta(days=1)], dtype="datetime64[D]")
    return _Periods(
        starts=starts[whole],
        ends=(np.append(starts[1:], len(at)) - 1)[whole],
        first=first[whole],
        last=(np.searchsorted(scheduled, keys, side="right") - 1 + low)[whole],
        known=(keys < period_keys(unknown, timeframe, calendar))[whole],
    )


def period_keys(sessions: Days, timeframe: Timeframe, calendar: Calendar) -> Positions:
    """Return a number for each session that is the same within a period and grows with time."""
    match timeframe.unit:
        case TimeframeUnit.MONTH:
            return sessions.astype("datetime64[M]").astype(np.int64)
        case TimeframeUnit.WEEK:
            return week_numbers(sessions, calendar.week_starts)
        case _:
            return sessions.astype(np.int64)


def run_starts(keys: Positions) -> Positions:
    """Return where each run of equal keys begins."""
    return np.flatnonzero(np.diff(keys, prepend=keys[0] - 1))


def _restated(
    column: Floats,
    factors: Sequence[Decimal],
    after: Positions,
    *,
    apply: Callable[[Decimal, Decimal], Decimal],
) -> Floats:
    """Return `apply(number, factors[k])` of each number, k being how many splits it lies after."""
    restated = column.copy()
    for splits, factor in enumerate(factors):
        of_these = (after == splits) & np.isfinite(column)
        if factor != 1 and of_these.any():
            numbers: list[float] = column[of_these].tolist()
            restated[of_these] = [float(apply(decimal_of(each), factor)) for each in numbers]
    return restated


def _check_timeframe(bars: Bars, expected: Timeframe) -> None:
    if bars.timeframe != expected:
        raise InvalidInput(
            f"{bars.timeframe} bars: expected {expected} ones", kind=ErrorKind.BAD_BARS
        )


def _check_adjustable(bars: Bars, as_of_session: date) -> None:
    if bars.adjustment is not Adjustment.RAW:
        raise InvalidInput(
            f"bars adjusted for {bars.adjustment}: only raw bars are restated for splits",
            kind=ErrorKind.BAD_BARS,
        )
    if not bars.timeframe.lies_in_one_session:
        raise InvalidInput(
            f"{bars.timeframe} bars: a split may lie inside one; restate the daily bars",
            kind=ErrorKind.BAD_BARS,
        )
    if len(bars) and day_of(bars.last_on[-1]) > as_of_session:
        raise InvalidInput(
            f"bar {bars.last_on[-1]}: lies after {as_of_session}, up to which splits are known",
            kind=ErrorKind.BAD_BARS,
        )


def _ex_date(split: Split) -> date:
    return split.ex_on
