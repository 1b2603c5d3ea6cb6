"""What a history says as of an instant: nothing later, splits known then, whole periods."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import (
    calendar,
    daily_bars,
    every_weekday,
    utc,
    wave,
)

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import (
    DAILY,
    MONTHLY,
    WEEKLY,
    Adjustment,
    Split,
    Timeframe,
)
from tapetrail.core.market.histories import (
    adjust_for_splits,
    derive_bars,
    first_session_needed,
    gaps,
    known_at,
    undo_later_splits,
    window,
)

SPRING = calendar(date(2026, 3, 2), date(2026, 4, 30), holidays=[date(2026, 4, 3)])
YEAR = calendar(date(2026, 1, 1), date(2026, 12, 31))


# Known as of an instant


def test_a_bar_is_known_from_the_instant_it_is_available() -> None:
    bars = daily_bars([1, 2, 3])
    assert known_at(bars, utc("2026-11-19 21:00")).close.tolist() == [1, 2]
    assert known_at(bars, utc("2026-11-19 20:59:59")).close.tolist() == [1]
    assert known_at(bars, utc("2026-11-20 21:00")) is bars


def test_a_delayed_bar_is_known_later_than_its_close() -> None:
    bars = daily_bars([1, 2])
    delayed = replace(bars, available_at=bars.closed_at + np.timedelta64(15, "m"))
    assert len(known_at(delayed, utc("2026-11-20 21:14:59"))) == 1
    assert len(known_at(delayed, utc("2026-11-20 21:15"))) == 2


def test_a_bar_that_is_not_complete_is_not_known() -> None:
    bars = replace(daily_bars([1, 2]), complete=np.array([True, False]))
    assert known_at(bars, utc("2026-11-30 00:00")).close.tolist() == [1]


# Splits

RAW = daily_bars([80, 84, 42, 44, 22], volumes=[1, 2, 3, nan, 5], adjustment=Adjustment.RAW)
SPLITS = (
    Split(ex_on=date(2026, 11, 20), ratio=Decimal(2)),
    Split(ex_on=date(2026, 11, 18), ratio=Decimal(2)),
)


def test_prices_before_an_ex_date_are_divided_and_volumes_multiplied() -> None:
    bars = adjust_for_splits(RAW, SPLITS, date(2026, 11, 20))
    assert bars.adjustment is Adjustment.SPLIT
    assert bars.close.tolist() == [20, 21, 21, 22, 22]
    assert bars.open.tolist() == [20, 20, 42, 21, 44]
    assert np.array_equal(bars.volume, [4, 8, 6, nan, 5], equal_nan=True)
    assert np.array_equal(bars.high[:2], RAW.high[:2] / 4)
    assert np.array_equal(bars.low[:2], RAW.low[:2] / 4)


def test_a_split_is_unknown_before_its_ex_date() -> None:
    bars = adjust_for_splits(RAW.take(slice(4)), SPLITS, date(2026, 11, 19))
    assert bars.close.tolist() == [40, 42, 42, 44]


@pytest.mark.parametrize(("raw", "ratio", "restated"), [(37.59, "3", 12.53), (1.23, "0.1", 12.3)])
def test_a_restated_price_is_the_decimal_that_it_is(
    raw: float, ratio: str, restated: float
) -> None:
    bars = replace(RAW, **dict.fromkeys(("open", "high", "low", "close"), np.full(len(RAW), raw)))
    split = Split(ex_on=date(2026, 11, 20), ratio=Decimal(ratio))
    assert adjust_for_splits(bars, [split], date(2026, 11, 20)).close[0] == restated


def test_no_splits_change_the_name_of_the_adjustment_alone() -> None:
    bars = adjust_for_splits(RAW, (), date(2026, 11, 20))
    assert bars.adjustment is Adjustment.SPLIT
    assert bars.close.tolist() == RAW.close.tolist()


def test_a_reverse_split_raises_earlier_prices() -> None:
    split = Split(ex_on=date(2026, 11, 18), ratio=Decimal("0.1"))
    assert adjust_for_splits(RAW, [split], date(2026, 11, 20)).close.tolist()[:2] == [800, 840]


def test_bars_are_not_adjusted_twice() -> None:
    once = adjust_for_splits(RAW, SPLITS, date(2026, 11, 20))
    with pytest.raises(InvalidInput, match="bars adjusted for split: only raw bars"):
        adjust_for_splits(once, SPLITS, date(2026, 11, 20))


def test_longer_bars_are_not_adjusted() -> None:
    with pytest.raises(InvalidInput, match="1w bars: a split may lie inside one"):
        adjust_for_splits(replace(RAW, timeframe=WEEKLY), SPLITS, date(2026, 11, 20))


def test_hourly_bars_are_adjusted() -> None:
    hourly = replace(RAW, timeframe=Timeframe.parse("1h"))
    assert adjust_for_splits(hourly, SPLITS, date(2026, 11, 20)).close[0] == 20


def test_bars_after_the_session_up_to_which_splits_are_known_are_refused() -> None:
    with pytest.raises(InvalidInput, match="bar 2026-11-20: lies after 2026-11-19"):
        adjust_for_splits(RAW, SPLITS, date(2026, 11, 19))


def test_no_bars_need_no_adjusting() -> None:
    assert len(adjust_for_splits(RAW.take(slice(0)), SPLITS, date(2026, 11, 19))) == 0


@given(st.lists(st.sampled_from(["2", "3", "0.1", "1.5"]), max_size=3))
def test_undoing_later_splits_gives_what_was_known_before_them(ratios: list[str]) -> None:
    """Restated in the future by them, the same bars come out as before."""
    days = [date(2027, 1, at) for at in range(1, 4)]
    later = [Split(ex_on=day, ratio=Decimal(r)) for day, r in zip(days, ratios, strict=False)]
    until = date(2026, 11, 20)
    known, today = (
        adjust_for_splits(RAW, splits, last)
        for splits, last in ((SPLITS, until), ([*SPLITS, *later], date(2027, 1, 3)))
    )
    undone = undo_later_splits(today, [*SPLITS, *later], until)
    np.testing.assert_allclose(undone.close, known.close, rtol=1e-15)
    np.testing.assert_allclose(undone.volume, known.volume, rtol=1e-15)


def test_a_later_split_of_raw_prices_is_not_undone() -> None:
    later = Split(ex_on=date(2027, 1, 1), ratio=Decimal(2))
    with pytest.raises(InvalidInput, match="raw bars: splits can be undone in prices that are"):
        undo_later_splits(RAW, [later], date(2026, 11, 20))
    assert undo_later_splits(RAW, SPLITS, date(2026, 11, 20)) is RAW


def test_two_splits_of_one_date_are_refused() -> None:
    with pytest.raises(InvalidInput, match="two of one date"):
        adjust_for_splits(RAW, [SPLITS[0], SPLITS[0]], date(2026, 11, 20))


# Gaps, windows, and how much history is needed


def test_gaps_are_the_scheduled_sessions_without_a_bar() -> None:
    halts = [date(2026, 11, 17), date(2026, 11, 19)]
    daily = daily_bars(wave(6), on=YEAR, without=halts)
    assert gaps(daily, YEAR) == tuple(halts)


def test_holidays_are_no_gaps_and_nothing_is_before_the_first_bar_or_after_the_last() -> None:
    daily = daily_bars(wave(6), on=SPRING, last_on=date(2026, 4, 7))
    assert gaps(daily, SPRING) == ()
    assert gaps(daily_bars([]), SPRING) == ()


def test_gaps_are_those_of_daily_bars() -> None:
    with pytest.raises(InvalidInput, match="1mo bars: expected 1d ones"):
        gaps(replace(daily_bars([1]), timeframe=MONTHLY), YEAR)


@given(st.integers(1, 60), st.integers(1, 80), st.integers(0, 80))
def test_a_window_is_the_last_bars_and_what_warm_up_there_is(
    count: int, drawn: int, warmup: int
) -> None:
    bars = daily_bars(wave(count))
    cut = window(bars, drawn=drawn, warmup=warmup)
    assert cut.bars.close[cut.drawn_from :].tolist() == bars.close.tolist()[-drawn:]
    assert cut.bars.close.tolist() == bars.close.tolist()[-(drawn + warmup) :]


def test_a_window_of_nothing_is_a_stated_reason() -> None:
    with pytest.raises(InvalidInput, match="no 1d bars to draw") as failure:
        window(daily_bars([]), drawn=1, warmup=0)
    assert failure.value.kind is ErrorKind.NO_BARS


@pytest.mark.parametrize(("drawn", "warmup"), [(0, 0), (1, -1)])
def test_a_window_that_makes_no_sense_is_refused(drawn: int, warmup: int) -> None:
    with pytest.raises(InvalidInput, match="expected at least 1 and 0"):
        window(daily_bars([1]), drawn=drawn, warmup=warmup)


@given(
    timeframe=st.sampled_from([DAILY, WEEKLY, MONTHLY]),
    wanted=st.integers(1, 12),
    as_of=st.datetimes(datetime.fromisoformat("2026-06-01"), datetime.fromisoformat("2026-11-20")),
)
def test_history_from_the_session_needed_yields_the_bars_wanted(
    timeframe: Timeframe, wanted: int, as_of: datetime
) -> None:
    known = as_of.replace(tzinfo=UTC)
    first = first_session_needed(every_weekday(), known, timeframe=timeframe, bars_wanted=wanted)
    every = daily_bars(wave(600), on=every_weekday())
    daily = every.take(every.last_on >= np.datetime64(first))
    derived = derive_bars(daily, timeframe, calendar=every_weekday(), as_of=known)
    assert wanted <= len(derived) <= (wanted if timeframe == DAILY else wanted + 1)


def test_no_earlier_session_is_needed_than_the_calendar_has() -> None:
    for timeframe in (DAILY, WEEKLY, MONTHLY):
        first = first_session_needed(
            YEAR, utc("2026-03-02 21:00"), timeframe=timeframe, bars_wanted=500
        )
        assert first == date(2026, 1, 1)


def test_fewer_than_one_bar_is_never_wanted() -> None:
    with pytest.raises(InvalidInput, match="0 bars wanted: expected at least 1"):
        first_session_needed(YEAR, utc("2026-03-02 21:00"), timeframe=DAILY, bars_wanted=0)


def test_intraday_bars_are_not_made_from_daily_history() -> None:
    with pytest.raises(InvalidInput, match="timeframe 5m: its bars are not derived from 1d bars"):
        first_session_needed(
            YEAR, utc("2026-03-02 21:00"), timeframe=Timeframe.parse("5m"), bars_wanted=1
        )
