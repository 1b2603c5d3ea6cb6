"""Weeks and months as they were known at an instant, by the exchange's own sessions."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import (
    MONDAY_TO_FRIDAY,
    SUNDAY_TO_THURSDAY,
    calendar,
    daily_bars,
    every_weekday,
    utc,
    wave,
)

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bar_text import bars_text
from tapetrail.core.market.bars import (
    DAILY,
    MONTHLY,
    WEEKLY,
    Adjustment,
    Bars,
    Calendar,
    PartialBar,
    Split,
    Timeframe,
)
from tapetrail.core.market.histories import adjust_for_splits, derive_bars, known_at
from tapetrail.core.market.sessions import close_on_or_before

GOOD_FRIDAY = date(2026, 4, 3)
SPRING = calendar(date(2026, 1, 2), date(2026, 6, 30), holidays=[GOOD_FRIDAY, date(2026, 5, 25)])
TURN_OF_YEAR = calendar(
    date(2025, 12, 1),
    date(2026, 1, 30),
    holidays=[date(2025, 12, 25), date(2026, 1, 1)],
    early_closes={date(2025, 12, 24): time(13, 0)},
)
YEAR = calendar(date(2026, 1, 1), date(2026, 12, 31))


def weekly_bars(
    daily: Bars, where: Calendar, *, as_of: datetime, partial: PartialBar = PartialBar.EXCLUDE
) -> Bars:
    return derive_bars(daily, WEEKLY, calendar=where, as_of=as_of, partial=partial)


def monthly_bars(
    daily: Bars, where: Calendar, *, as_of: datetime, partial: PartialBar = PartialBar.EXCLUDE
) -> Bars:
    return derive_bars(daily, MONTHLY, calendar=where, as_of=as_of, partial=partial)


def labels(bars: Bars) -> list[str]:
    return [f"{first}..{last}" for first, last in zip(bars.first_on, bars.last_on, strict=True)]


def close_of(on: date, where: Calendar) -> datetime:
    return close_on_or_before(where, on)


def test_the_good_friday_week_of_2026_is_labelled_thursday_2_april() -> None:
    daily = daily_bars(wave(14), on=SPRING, last_on=date(2026, 4, 10))
    weeks = weekly_bars(daily, SPRING, as_of=utc("2026-04-10 20:00"))
    assert labels(weeks) == [
        "2026-03-23..2026-03-27",
        "2026-03-30..2026-04-02",
        "2026-04-06..2026-04-10",
    ]
    assert weeks.closed_at[1] == np.datetime64("2026-04-02T20:00")


def test_the_good_friday_week_is_over_on_thursday() -> None:
    daily = daily_bars(wave(4), on=SPRING, last_on=date(2026, 4, 2))
    assert len(weekly_bars(daily, SPRING, as_of=utc("2026-04-02 20:00"))) == 1
    assert len(weekly_bars(daily, SPRING, as_of=utc("2026-04-02 19:59"))) == 0


def test_a_week_with_a_holiday_monday_begins_on_tuesday() -> None:
    daily = daily_bars([1, 2, 3, 4], on=SPRING, last_on=date(2026, 5, 29))
    weeks = weekly_bars(daily, SPRING, as_of=utc("2026-05-29 20:00"))
    assert labels(weeks) == ["2026-05-26..2026-05-29"]
    assert weeks.opened_at[0] == np.datetime64("2026-05-26T13:30")


def test_a_week_lies_across_the_turn_of_the_year_and_a_month_does_not() -> None:
    daily = daily_bars(wave(22), on=TURN_OF_YEAR, last_on=date(2026, 1, 2))
    as_of = utc("2026-01-02 21:00")
    assert labels(weekly_bars(daily, TURN_OF_YEAR, as_of=as_of))[-2:] == [
        "2025-12-22..2025-12-26",
        "2025-12-29..2026-01-02",
    ]
    months = monthly_bars(daily, TURN_OF_YEAR, as_of=as_of, partial=PartialBar.MARK)
    assert labels(months) == ["2026-01-02..2026-01-30"]
    whole = daily_bars(wave(23), on=TURN_OF_YEAR, last_on=date(2026, 1, 2))
    months = monthly_bars(whole, TURN_OF_YEAR, as_of=as_of, partial=PartialBar.MARK)
    assert labels(months) == ["2025-12-01..2025-12-31", "2026-01-02..2026-01-30"]
    assert months.complete.tolist() == [True, False]


@pytest.mark.parametrize(
    ("friday", "opens", "closes"),
    [
        (date(2026, 3, 6), "14:30", "21:00"),
        (date(2026, 3, 13), "13:30", "20:00"),
        (date(2026, 10, 30), "13:30", "20:00"),
        (date(2026, 11, 6), "14:30", "21:00"),
    ],
)
def test_a_week_opens_and_closes_by_the_exchanges_clock(
    friday: date, opens: str, closes: str
) -> None:
    daily = daily_bars(wave(5), on=YEAR, last_on=friday)
    weeks = weekly_bars(daily, YEAR, as_of=close_of(friday, YEAR))
    assert (str(weeks.opened_at[0])[11:16], str(weeks.closed_at[0])[11:16]) == (opens, closes)


def test_a_sunday_to_thursday_week_begins_on_sunday() -> None:
    gulf = calendar(date(2026, 1, 1), date(2026, 3, 31), weekdays=SUNDAY_TO_THURSDAY)
    daily = daily_bars(wave(10), on=gulf, last_on=date(2026, 1, 15))
    weeks = weekly_bars(daily, gulf, as_of=utc("2026-01-15 21:00"))
    assert labels(weeks) == ["2026-01-04..2026-01-08", "2026-01-11..2026-01-15"]


def test_a_week_that_ends_with_an_early_close_is_over_then() -> None:
    thanksgiving = calendar(
        date(2026, 11, 2), date(2026, 12, 31), early_closes={date(2026, 11, 27): time(13, 0)}
    )
    daily = daily_bars(wave(5), on=thanksgiving, last_on=date(2026, 11, 27))
    weeks = weekly_bars(daily, thanksgiving, as_of=utc("2026-11-27 18:00"))
    assert weeks.available_at.tolist() == [datetime.fromisoformat("2026-11-27T18:00")]


def test_a_market_that_never_closes_has_whole_months() -> None:
    always = calendar(date(2026, 1, 1), date(2026, 4, 30), weekdays=range(7))
    daily = daily_bars(wave(90), on=always, last_on=date(2026, 3, 31))
    months = monthly_bars(daily, always, as_of=close_of(date(2026, 3, 31), always))
    assert [label[-2:] for label in labels(months)] == ["31", "28", "31"]


def test_a_week_sums_up_its_days() -> None:
    daily = daily_bars([10, 12, 9, 11, 10.5], on=YEAR, volumes=[1, 2, 3, 4, 5])
    week = weekly_bars(daily, YEAR, as_of=utc("2026-11-20 21:00"))
    assert (week.open[0], week.close[0], week.volume[0]) == (10, 10.5, 15)
    assert (week.high[0], week.low[0]) == (12 * 1.01, 9 * 0.99)
    assert (week.timeframe, week.adjustment) == (WEEKLY, Adjustment.SPLIT)


def test_a_week_with_one_missing_volume_has_none() -> None:
    daily = daily_bars(wave(10), on=YEAR, volumes=[1, 1, nan, 1, 1, 1, 1, 1, 1, 1])
    weeks = weekly_bars(daily, YEAR, as_of=utc("2026-11-20 21:00"))
    assert isnan(weeks.volume[0])
    assert weeks.volume[1] == 5


def test_a_week_that_begins_before_the_history_is_left_out() -> None:
    daily = daily_bars(wave(9), on=YEAR)
    assert labels(weekly_bars(daily, YEAR, as_of=utc("2026-11-20 21:00"))) == [
        "2026-11-16..2026-11-20"
    ]
    only = daily_bars(wave(4), on=YEAR)
    assert len(weekly_bars(only, YEAR, as_of=utc("2026-11-20 21:00"))) == 0


def test_a_halt_inside_a_week_does_not_make_it_partial() -> None:
    daily = daily_bars(wave(4), on=YEAR, without=[date(2026, 11, 18)])
    assert labels(weekly_bars(daily, YEAR, as_of=utc("2026-11-20 21:00"))) == [
        "2026-11-16..2026-11-20"
    ]


def test_a_week_halted_at_its_beginning_still_begins_with_its_first_scheduled_session() -> None:
    daily = daily_bars(wave(9), on=YEAR, without=[date(2026, 11, 16)])
    weeks = weekly_bars(daily, YEAR, as_of=utc("2026-11-20 21:00"))
    assert labels(weeks) == ["2026-11-09..2026-11-13", "2026-11-16..2026-11-20"]
    assert weeks.opened_at[1] == np.datetime64("2026-11-16T14:30")
    assert weeks.open[1] == daily.open[5]


def test_a_week_halted_to_its_end_is_over_at_the_last_scheduled_close() -> None:
    daily = daily_bars(wave(4), on=YEAR, last_on=date(2026, 11, 19))
    assert len(weekly_bars(daily, YEAR, as_of=utc("2026-11-20 20:59"))) == 0
    weeks = weekly_bars(daily, YEAR, as_of=utc("2026-11-20 21:00"))
    assert labels(weeks) == ["2026-11-16..2026-11-20"]
    assert weeks.available_at[0] == np.datetime64("2026-11-20T21:00")


def test_a_delayed_feed_delays_the_end_of_the_week() -> None:
    daily = daily_bars(wave(5), on=YEAR)
    delayed = replace(daily, available_at=daily.closed_at + np.timedelta64(15, "m"))
    assert len(weekly_bars(delayed, YEAR, as_of=utc("2026-11-20 21:14"))) == 0
    weeks = weekly_bars(delayed, YEAR, as_of=utc("2026-11-20 21:15"))
    assert weeks.available_at[0] == np.datetime64("2026-11-20T21:15")


def test_a_week_that_is_not_over_is_left_out_or_marked() -> None:
    daily = daily_bars(wave(8), on=YEAR, last_on=date(2026, 11, 18))
    as_of = utc("2026-11-18 21:00")
    assert len(weekly_bars(daily, YEAR, as_of=as_of)) == 1
    marked = weekly_bars(daily, YEAR, as_of=as_of, partial=PartialBar.MARK)
    assert labels(marked)[-1] == "2026-11-16..2026-11-20"
    assert marked.complete.tolist() == [True, False]
    assert marked.closed_at[-1] == marked.available_at[-1] == np.datetime64("2026-11-18T21:00")
    assert marked.close[-1] == daily.close[-1]


def test_a_history_of_nothing_has_no_weeks() -> None:
    weeks = weekly_bars(daily_bars([]), YEAR, as_of=utc("2026-11-20 21:00"))
    assert (len(weeks), weeks.timeframe) == (0, WEEKLY)


def test_a_session_outside_the_calendar_is_refused() -> None:
    with pytest.raises(InvalidInput, match="session 2026-04-03 is not in the calendar"):
        weekly_bars(daily_bars(wave(5), last_on=GOOD_FRIDAY), SPRING, as_of=utc("2026-04-03 21:00"))


def test_an_instant_after_the_calendars_end_cannot_tell_whether_a_week_is_over() -> None:
    with pytest.raises(InvalidInput, match="TEST is known from 2026-01-01 until 2026-12-31"):
        weekly_bars(daily_bars(wave(5)), YEAR, as_of=utc("2027-01-04 21:00"))


def test_weeks_are_not_built_from_weeks() -> None:
    as_of = utc("2026-11-20 21:00")
    weeks = weekly_bars(daily_bars(wave(20)), YEAR, as_of=as_of)
    with pytest.raises(InvalidInput, match="1w bars: expected 1d ones") as failure:
        monthly_bars(weeks, YEAR, as_of=as_of)
    assert failure.value.kind is ErrorKind.BAD_BARS


def test_a_timeframe_that_is_its_own_base_is_its_known_bars() -> None:
    daily, as_of = daily_bars(wave(60), on=YEAR), utc("2026-11-20 20:00")
    hours = replace(daily, timeframe=Timeframe.parse("1h"))
    for bars in (daily, hours):
        derived = derive_bars(bars, bars.timeframe, calendar=YEAR, as_of=as_of)
        assert bars_text(derived) == bars_text(bars.take(slice(59)))


def test_other_timeframes_are_not_derived_from_days() -> None:
    as_of = utc("2026-11-20 21:00")
    with pytest.raises(InvalidInput, match="1d bars: expected 2w ones"):
        derive_bars(daily_bars([1]), Timeframe.parse("2w"), calendar=YEAR, as_of=as_of)


# Properties: a plain re-telling of the rules, and blindness to the future

Row = tuple[date, date, float, float, float, float, float, bool]
DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def sunday_of(day: date) -> date:
    return day - timedelta(days=(day.weekday() + 1) % 7)


def month_of(day: date) -> tuple[int, int]:
    return day.year, day.month


def retold(
    daily: Bars, where: Calendar, *, as_of: datetime, key: Callable[[date], object]
) -> list[Row]:
    """Tell the longer bars one at a time, in plain Python."""
    closes = {
        day: closed.replace(tzinfo=UTC)
        for day, closed in zip(where.sessions.tolist(), where.closed_at.tolist(), strict=True)
    }
    rows = [
        (day, *numbers)
        for day, *numbers in zip(
            daily.last_on.tolist(),
            daily.open.tolist(),
            daily.high.tolist(),
            daily.low.tolist(),
            daily.close.tolist(),
            daily.volume.tolist(),
            strict=True,
        )
        if closes[day] <= as_of
    ]
    told: list[Row] = []
    for period, group in groupby(rows, key=lambda row: key(row[0])):
        days = list(group)
        scheduled = [day for day in closes if key(day) == period]
        if days[0] == rows[0] and days[0][0] != scheduled[0]:
            continue
        told.append(
            (
                scheduled[0],
                scheduled[-1],
                days[0][1],
                max(row[2] for row in days),
                min(row[3] for row in days),
                days[-1][4],
                sum(row[5] for row in days),
                closes[scheduled[-1]] <= as_of,
            )
        )
    return told


@given(
    holidays=st.sets(DAYS, max_size=60),
    halts=st.sets(DAYS, max_size=30),
    count=st.integers(0, 150),
    as_of=st.datetimes(datetime.fromisoformat("2026-08-01"), datetime.fromisoformat("2026-12-01")),
    weekdays=st.sampled_from([MONDAY_TO_FRIDAY, SUNDAY_TO_THURSDAY, range(7)]),
)
def test_weeks_and_months_are_those_of_the_rules_told_plainly(
    *,
    holidays: set[date],
    halts: set[date],
    count: int,
    as_of: datetime,
    weekdays: tuple[int, ...],
) -> None:
    known = as_of.replace(tzinfo=UTC)
    where = calendar(
        date(2025, 9, 1), date(2027, 1, 31), holidays=holidays, weekdays=weekdays, zone="UTC"
    )
    daily = daily_bars(wave(count), on=where, last_on=date(2026, 12, 15), without=halts)
    week = sunday_of if weekdays[0] == 6 else monday_of
    for derive, key in ((weekly_bars, week), (monthly_bars, month_of)):
        longer = derive(daily, where, as_of=known, partial=PartialBar.MARK)
        ours = zip(
            longer.first_on.tolist(),
            longer.last_on.tolist(),
            longer.open.tolist(),
            longer.high.tolist(),
            longer.low.tolist(),
            longer.close.tolist(),
            longer.volume.tolist(),
            longer.complete.tolist(),
            strict=True,
        )
        assert list(ours) == retold(daily, where, as_of=known, key=key)
        whole = derive(daily, where, as_of=known)
        assert len(whole) == int(longer.complete.sum())


@given(
    as_of=st.datetimes(datetime.fromisoformat("2026-03-01"), datetime.fromisoformat("2026-11-25")),
    factor=st.floats(0.01, 100),
    volume=st.floats(0, 1e9),
)
def test_no_bar_after_the_instant_changes_anything(
    as_of: datetime, factor: float, volume: float
) -> None:
    known, where = as_of.replace(tzinfo=UTC), every_weekday()
    daily = daily_bars(wave(260), adjustment=Adjustment.RAW)
    later = daily.available_at > np.datetime64(as_of)
    spoiled = replace(
        daily,
        open=np.where(later, daily.open * factor, daily.open),
        high=np.where(later, daily.high * factor, daily.high),
        low=np.where(later, daily.low * factor, daily.low),
        close=np.where(later, daily.close * factor, daily.close),
        volume=np.where(later, volume, daily.volume),
    )
    splits = [Split(ex_on=date(2026, month, 15), ratio=Decimal(2)) for month in (6, 10)]

    def told(bars: Bars) -> list[bytes]:
        past = known_at(bars, known)
        adjusted = adjust_for_splits(past, splits, past.last_on[-1].item())
        return [
            bars_text(derived)
            for source in (bars, adjusted)
            for timeframe in (DAILY, WEEKLY, MONTHLY)
            for partial in PartialBar
            for derived in [
                derive_bars(source, timeframe, calendar=where, as_of=known, partial=partial)
            ]
        ]

    assert told(daily) == told(spoiled)
