"""Recognised columns as canonical bars: one set of bars has one form, whoever delivered it.

The order is fixed: times become sessions, rows without a price are refused or dropped by the stated
policy, rows are put in order of time, identical ones collapse and conflicting ones are refused,
prices are held against the rules of a bar, and units are brought to the instrument's own.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import numpy as np

from tapetrail.core.canonical import decimal_of
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import (
    DAILY,
    Adjustment,
    Bars,
    BrokenRule,
    Calendar,
    Days,
    Flags,
    Floats,
    Instants,
    Instrument,
    SessionHours,
    Split,
    Timeframe,
    broken_price_rule,
)
from tapetrail.core.market.conventions import MissingPrices, UtcMidnights, VolumeUnit
from tapetrail.core.market.instruments import SIGNED_PRICES
from tapetrail.core.market.sessions import are_sessions, session_positions
from tapetrail.sources.tabular.cells import TimeKind, Times
from tapetrail.sources.tabular.raw import RawColumns
from tapetrail.sources.tabular.spacing import check_spacing, check_times, looks_intraday
from tapetrail.sources.tabular.statements import Assumed, settle
from tapetrail.sources.tabular.unfinished import without_unfinished
from tapetrail.sources.tabular.unit_steps import check_unit_steps
from tapetrail.sources.tabular.zones import instants_of, session_dates, sessions_of

PRICE_END: Final = 1e15
VOLUME_END: Final = 1e24
"""No price and no volume is that large; sums and products of smaller ones stay finite."""
_DAY_SECONDS: Final = 86_400
_OR_SIGNED: Final = (
    f"; prices at or below 0 are those of an `asset_class` of {', '.join(sorted(SIGNED_PRICES))}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConventions:
    """What the numbers mean, where they do not say it themselves.

    `adjustment` may be left out only where the data state theirs. `zone` is that of times written
    without one, `quoted_in` the unit of prices, such as GBX; without it they are in the
    instrument's currency. `signed_prices` says that prices may lie at or below 0. `splits` are in
    the prices, and on `price_steps` a price moved a hundredfold. The rest says what becomes of
    rows that leave something open.
    """

    adjustment: Adjustment | None = None
    timeframe: Timeframe = DAILY
    hours: SessionHours = SessionHours.REGULAR
    zone: str | None = None
    quoted_in: str | None = None
    volume_unit: VolumeUnit = VolumeUnit.SHARES
    missing_prices: MissingPrices = MissingPrices.REFUSE
    utc_midnights: UtcMidnights = UtcMidnights.REFUSE
    signed_prices: bool = False
    splits: tuple[Split, ...] = ()
    price_steps: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Normalised:
    """Canonical bars, and what was done to the rows to get them.

    `dropped_rows` lacked a price. Prices quoted in `quoted_in` were multiplied by `price_factor`,
    volumes by `volume_factor`.
    """

    bars: Bars
    dropped_rows: int
    price_factor: Decimal
    quoted_in: str
    volume_factor: Decimal


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Spans:
    """Where bars lie, shape (n,): their session, and from when to when."""

    sessions: Days
    opened_at: Instants
    closed_at: Instants


def bars_of(
    raw: RawColumns, *, instrument: Instrument, calendar: Calendar, conventions: DataConventions
) -> Normalised:
    """Return the bars that the columns hold, in the instrument's currency, oldest first.

    Every bar is complete: it is known from its close on, and who asks as of an instant leaves out
    the later ones. Raises `InvalidInput` (`bad_bars`) naming value, rule and place.
    """
    said = settle(
        raw.stated,
        instrument,
        Assumed(
            adjustment=conventions.adjustment,
            quoted_in=conventions.quoted_in,
            volume_unit=conventions.volume_unit,
        ),
        place=raw.cells.place,
    )
    placed = _placed(raw, calendar=calendar, conventions=conventions)
    whole = _with_prices(placed, conventions)
    rows = _without_repeats(_in_order(whole))
    _check_prices(rows, conventions)
    if not conventions.signed_prices:
        check_unit_steps(rows, instrument, splits=conventions.splits, steps=conventions.price_steps)
    spans = _spans(rows, calendar, conventions)
    is_lots = conventions.volume_unit is VolumeUnit.LOTS
    bars = Bars(
        timeframe=conventions.timeframe,
        adjustment=said.adjustment,
        hours=conventions.hours,
        currency=instrument.currency,
        volume_unit=VolumeUnit.SHARES if is_lots else conventions.volume_unit,
        first_on=spans.sessions,
        last_on=spans.sessions,
        opened_at=spans.opened_at,
        closed_at=spans.closed_at,
        available_at=spans.closed_at,
        open=_scaled(rows.open, said.price_factor),
        high=_scaled(rows.high, said.price_factor),
        low=_scaled(rows.low, said.price_factor),
        close=_scaled(rows.close, said.price_factor),
        volume=_scaled(rows.volume, said.volume_factor),
        complete=np.ones(len(rows), dtype=np.bool_),
    )
    return Normalised(
        bars=bars,
        dropped_rows=len(placed) - len(whole),
        price_factor=said.price_factor,
        quoted_in=said.quoted_in,
        volume_factor=said.volume_factor,
    )


def with_sessions(
    raw: RawColumns, *, calendar: Calendar, conventions: DataConventions
) -> RawColumns:
    """Return the columns of daily bars with their session dates as times.

    A last row that was not finished when it was taken is left out. Raises `InvalidInput` as
    `sessions_of` does, for a date on which the exchange was closed, and for rows that look like
    bars of hours, weeks or months.
    """
    if not len(raw):
        return raw
    _check_length(raw)
    days = sessions_of(
        raw.times,
        calendar=calendar,
        zone=conventions.zone,
        where=raw.where,
        utc_midnights=conventions.utc_midnights,
    )
    raw, days = without_unfinished(raw, days, calendar)
    is_dates = bool(np.array_equal(days, raw.times.values))
    check_times(raw, days, calendar=calendar, zone=conventions.zone, is_dates=is_dates)
    check_spacing(raw, days, calendar=calendar)
    known = are_sessions(calendar, days)
    if not known.all():
        at = int(np.argmin(known))
        raise _refused(
            f"{raw.where(at)}: {days[at]} is no session of {calendar.name}, which is known from"
            f" {calendar.sessions[0]} until {calendar.known_until}; where the exchange was open,"
            " state the session as calendar_extra"
        )
    return replace(raw, times=Times(kind=TimeKind.DATE, values=days.astype("datetime64[us]")))


def _check_length(raw: RawColumns) -> None:
    """Raise `InvalidInput` for bars that say they are longer or shorter than a day."""
    seconds = raw.stated.bar_seconds
    if seconds is not None and seconds != _DAY_SECONDS:
        raise _refused(
            f"{raw.cells.place}: barLength {seconds} s, and a day has {_DAY_SECONDS}; a source"
            " holds daily bars, and weeks and months are built from them"
        )


def _placed(raw: RawColumns, *, calendar: Calendar, conventions: DataConventions) -> RawColumns:
    """Return the rows with session dates as their times, or with UTC instants when intraday."""
    if not conventions.timeframe.lies_in_one_session:
        raise _refused(
            f"{raw.cells.place}: {conventions.timeframe} bars; weeks and months are built from"
            " daily ones"
        )
    if not conventions.timeframe.is_intraday:
        return with_sessions(raw, calendar=calendar, conventions=conventions)
    if not len(raw):
        return raw
    instants = instants_of(raw.times, zone=conventions.zone, where=raw.where)
    return replace(raw, times=Times(kind=TimeKind.INSTANT, values=instants))


def _with_prices(raw: RawColumns, conventions: DataConventions) -> RawColumns:
    """Return the rows that have all prices. 0 is how vendors write a missing one."""
    prices = np.stack(_price_columns(raw))
    holes = ~np.isfinite(prices)
    zeros = (prices == 0) & (not conventions.signed_prices)
    present = ~(holes | zeros).any(axis=0)
    if present.all():
        return raw
    if conventions.missing_prices is MissingPrices.DROP:
        return raw.take(np.flatnonzero(present).tolist())
    at = int(np.argmin(present))
    is_zero = not holes[:, at].any()
    raise _refused(
        f"{raw.where(at)}: {_quoted(raw, at)}: a price is"
        f" {'0, which is how a missing one is written' if is_zero else 'missing or infinite'};"
        f" correct the row, or state `missing_prices: drop`{_OR_SIGNED if is_zero else ''}"
    )


def _in_order(raw: RawColumns) -> RawColumns:
    """Return the rows oldest first."""
    order = np.argsort(raw.times.values, kind="stable")
    return raw if bool(np.all(order[1:] > order[:-1])) else raw.take(order.tolist())


def _without_repeats(raw: RawColumns) -> RawColumns:
    """Return the rows, each time once. Raises `InvalidInput` for two rows that differ."""
    again = np.flatnonzero(raw.times.values[1:] == raw.times.values[:-1]) + 1
    if not len(again):
        return raw
    for at in again.tolist():
        if not _is_same(raw, at - 1, at):
            raise _refused(
                f"{raw.where(at)}: {_quoted(raw, at)} conflicts with {_quoted(raw, at - 1)} at"
                f" {raw.where(at - 1)}, for the same {_time_text(raw, at)}{_several(raw)}"
            )
    return raw.take(np.setdiff1d(np.arange(len(raw)), again).tolist())


def _several(raw: RawColumns) -> str:
    """Return what rows look like of which most contradict each other."""
    if not looks_intraday(raw.times.values):
        return ""
    return (
        "; most have several rows, so these look like intraday bars, and a source holds daily ones"
    )


def _is_same(raw: RawColumns, one: int, other: int) -> bool:
    return all(
        bool(np.array_equal(column[one], column[other], equal_nan=True))
        for column in (*_price_columns(raw), raw.volume)
    )


def _check_prices(raw: RawColumns, conventions: DataConventions) -> None:
    rules = (
        broken_price_rule(_price_columns(raw), raw.volume),
        _first(np.maximum(raw.high, -raw.low) >= PRICE_END, f"prices lie below {PRICE_END:g}"),
        _first(raw.volume >= VOLUME_END, f"volume lies below {VOLUME_END:g}"),
        None
        if conventions.signed_prices
        else _first(raw.low < 0, f"prices lie above 0{_OR_SIGNED}"),
    )
    for broken in rules:
        if broken is not None:
            at, rule = broken
            raise _refused(
                f"{raw.where(at)}: {_time_text(raw, at)}, {_quoted(raw, at)} break the rule that"
                f" {rule}"
            )


def _first(broken: Flags, rule: str) -> BrokenRule:
    return (int(np.argmax(broken)), rule) if broken.any() else None


def _scaled(column: Floats, factor: Decimal) -> Floats:
    """Return the column times `factor`, exactly: 123.4 pence are 1.234 pounds, not 1.23400002."""
    if factor == 1:
        return column
    present = np.isfinite(column)
    scaled = column.copy()
    numbers: list[float] = column[present].tolist()
    scaled[present] = [float(decimal_of(number) * factor) for number in numbers]
    return scaled


def _spans(raw: RawColumns, calendar: Calendar, conventions: DataConventions) -> _Spans:
    """Return where the bars lie, an intraday one by the timeframe that the conventions state."""
    interval = conventions.timeframe.interval
    if interval is not None:
        return _intraday_spans(raw, interval, calendar=calendar, conventions=conventions)
    days = raw.times.values.astype("datetime64[D]")
    at = session_positions(calendar, days)
    return _Spans(sessions=days, opened_at=calendar.opened_at[at], closed_at=calendar.closed_at[at])


def _intraday_spans(
    raw: RawColumns, interval: timedelta, *, calendar: Calendar, conventions: DataConventions
) -> _Spans:
    """Return the bars' spans: each is an interval long, or shorter where the next bar begins.

    In regular hours a bar begins in a session and ends with it at the latest.
    """
    opened = raw.times.values
    closed = opened + np.timedelta64(interval)
    early = closed[:-1] > opened[1:]
    # A vendor's first bar of a session may be short; if most are, the timeframe is another one.
    if 2 * np.count_nonzero(early) > len(opened):
        at = int(np.argmax(early))
        raise _refused(
            f"{raw.where(at + 1)}: opens {opened[at + 1]}, within {conventions.timeframe} of the"
            f" bar before it, {opened[at]}; most bars do, so the timeframe is shorter"
        )
    closed[:-1] = np.minimum(closed[:-1], opened[1:])
    sessions = session_dates(opened, calendar)
    known = are_sessions(calendar, sessions)
    at = np.minimum(np.searchsorted(calendar.sessions, sessions), len(calendar.sessions) - 1)
    if conventions.hours is SessionHours.REGULAR:
        known &= (calendar.opened_at[at] <= opened) & (opened < calendar.closed_at[at])
        closed = np.minimum(closed, calendar.closed_at[at])
    if not known.all():
        odd = int(np.argmin(known))
        raise _refused(
            f"{raw.where(odd)}: {opened[odd]} UTC lies in no session of {calendar.name}"
            f" ({conventions.hours} hours)"
        )
    return _Spans(sessions=sessions, opened_at=opened, closed_at=closed)


def _price_columns(raw: RawColumns) -> tuple[Floats, Floats, Floats, Floats]:
    return raw.open, raw.high, raw.low, raw.close


def _time_text(raw: RawColumns, at: int) -> str:
    time = raw.times.values[at]
    if raw.times.kind is TimeKind.DATE:
        return f"session {time.astype('datetime64[D]')}"
    return f"time {time} UTC"


def _quoted(raw: RawColumns, at: int) -> str:
    """Return the numbers of one row as they are quoted."""
    return (
        f"open {raw.open[at]}, high {raw.high[at]}, low {raw.low[at]}, close {raw.close[at]},"
        f" volume {raw.volume[at]}"
    )


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, kind=ErrorKind.BAD_BARS)
