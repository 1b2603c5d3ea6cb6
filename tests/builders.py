"""Small, deterministic values for tests: calendars, bars and instruments that are valid as built.

Nothing here is random and nothing reads a clock. A test states what it is about (`closes`,
`holidays`) and leaves the rest to the builder.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from tapetrail.core.market.bars import (
    DAILY,
    Adjustment,
    Bars,
    Calendar,
    Days,
    Floats,
    Instants,
    Instrument,
    SessionHours,
)

MONDAY_TO_FRIDAY: Final = (0, 1, 2, 3, 4)
SUNDAY_TO_THURSDAY: Final = (6, 0, 1, 2, 3)
OPENS: Final = time(9, 30)
CLOSES: Final = time(16, 0)
START: Final = date(2020, 1, 1)
END: Final = date(2027, 12, 31)


def instrument(symbol: str = "AAPL", *, exchange: str = "XNAS") -> Instrument:
    """Return a share traded in USD with a tick of one cent."""
    return Instrument(
        symbol=symbol,
        exchange=exchange,
        currency="USD",
        calendar=exchange,
        tick_size=Decimal("0.01"),
    )


def calendar(
    first: date = START,
    last: date = END,
    *,
    weekdays: Sequence[int] = MONDAY_TO_FRIDAY,
    holidays: Collection[date] = (),
    early_closes: Mapping[date, time] | None = None,
    zone: str = "America/New_York",
) -> Calendar:
    """Return sessions of 09:30 to 16:00 in `zone` on `weekdays` (0 is Monday) but `holidays`.

    The week starts on the first of `weekdays`.
    """
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    sessions = [day for day in days if day.weekday() in weekdays and day not in holidays]
    early = early_closes or {}
    return Calendar(
        name="TEST",
        zone=zone,
        known_from=first,
        known_until=last,
        week_starts=((first, weekdays[0]),),
        sessions=days_of(sessions),
        opened_at=instants_of([_local(day, OPENS, zone) for day in sessions]),
        closed_at=instants_of([_local(day, early.get(day, CLOSES), zone) for day in sessions]),
        text=b"sessions of a test\n",
    )


@cache
def every_weekday() -> Calendar:
    """Return `calendar()`, built once: Monday to Friday without a holiday, 2020 to 2027."""
    return calendar()


def daily_bars(
    closes: Sequence[float] | Floats,
    *,
    on: Calendar | None = None,
    last_on: date = date(2026, 11, 20),
    without: Collection[date] = (),
    volumes: Sequence[float] | Floats | None = None,
    adjustment: Adjustment = Adjustment.SPLIT,
) -> Bars:
    """Return complete daily bars with these closes, the last of them on or before `last_on`.

    The sessions are the calendar's (`on`, or `every_weekday()`), those in `without`
    left out. A bar opens at the close before it, its high is 1 % above and its low 1 % below its
    body. `volumes` defaults to a pattern that repeats every seven bars.
    """
    where = on or every_weekday()
    close = np.asarray(closes, dtype=np.float64)
    wanted = (where.sessions <= np.datetime64(last_on)) & ~np.isin(
        where.sessions, days_of(sorted(without))
    )
    at = np.flatnonzero(wanted)
    at = at[len(at) - len(close) :]
    assert len(at) == len(close), f"the calendar has {len(at)} sessions up to {last_on}"
    opens = np.concatenate([close[:1], close[:-1]])
    volume = 1_000_000.0 + 10_000.0 * (np.arange(len(close)) % 7) if volumes is None else volumes
    return Bars(
        timeframe=DAILY,
        adjustment=adjustment,
        hours=SessionHours.REGULAR,
        currency="USD",
        volume_unit="shares",
        first_on=where.sessions[at],
        last_on=where.sessions[at],
        opened_at=where.opened_at[at],
        closed_at=where.closed_at[at],
        available_at=where.closed_at[at],
        open=opens,
        high=np.maximum(opens, close) * 1.01,
        low=np.minimum(opens, close) * 0.99,
        close=close,
        volume=np.asarray(volume, dtype=np.float64),
        complete=np.ones(len(close), dtype=np.bool_),
    )


def wave(count: int, *, start: float = 100.0) -> Floats:
    """Return `count` closes that rise slowly and swing, the same ones every time."""
    steps = np.arange(count, dtype=np.float64)
    return np.round(start + 0.05 * steps + 8.0 * np.sin(steps / 9.0) + 2.0 * np.sin(steps), 2)


def days_of(days: Sequence[date]) -> Days:
    """Return dates as a column."""
    return np.array(days, dtype="datetime64[D]")


def instants_of(instants: Sequence[datetime]) -> Instants:
    """Return aware times as a column of UTC instants."""
    naive = [instant.astimezone(UTC).replace(tzinfo=None) for instant in instants]
    return np.array(naive, dtype="datetime64[us]")


def utc(text: str) -> datetime:
    """Return the instant written as `2026-11-20 21:00`, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _local(day: date, clock: time, zone: str) -> datetime:
    return datetime.combine(day, clock, ZoneInfo(zone))
