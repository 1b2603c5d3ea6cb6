"""A timeframe says every fact that follows from it: its sessions, what it is made of, its words."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.timeframes import DAILY, MONTHLY, WEEKLY, Timeframe, TimeframeUnit


@given(st.integers(1, 999), st.sampled_from(TimeframeUnit))
def test_a_timeframe_reads_back_as_it_is_written(count: int, unit: TimeframeUnit) -> None:
    assert Timeframe.parse(str(Timeframe(count, unit))) == Timeframe(count, unit)


@pytest.mark.parametrize("text", ["", "d", "0d", "01d", "1 d", "1D", "1y", "-1d", "1d\n"])
def test_any_other_text_is_no_timeframe(text: str) -> None:
    with pytest.raises(InvalidInput, match="expected a number and m, h, d, w or mo"):
        Timeframe.parse(text)


def test_only_minutes_and_hours_are_intraday_and_last_an_interval() -> None:
    timeframes = [Timeframe.parse(text) for text in ("5m", "2h", "1d", "1w", "1mo")]
    assert [each.is_intraday for each in timeframes] == [True, True, False, False, False]
    assert [each.interval for each in timeframes] == [
        timedelta(minutes=5),
        timedelta(hours=2),
        None,
        None,
        None,
    ]


def test_weeks_and_months_are_derived_from_days_and_nothing_else_is_derived() -> None:
    assert [each.base for each in (DAILY, WEEKLY, MONTHLY)] == [DAILY] * 3
    assert [each.is_derived for each in (DAILY, WEEKLY, MONTHLY)] == [False, True, True]
    for text in ("5m", "1h", "2d", "2w", "3mo"):
        assert Timeframe.parse(text).base == Timeframe.parse(text)


def test_a_bar_lies_in_one_session_up_to_a_day() -> None:
    lies = {
        text: Timeframe.parse(text).lies_in_one_session
        for text in ("5m", "4h", "1d", "2d", "1w", "1mo")
    }
    assert [text for text, holds in lies.items() if holds] == ["5m", "4h", "1d"]


def test_a_timeframe_knows_its_words() -> None:
    timeframes = [Timeframe.parse(text) for text in ("5m", "1h", "1d", "1w", "1mo")]
    assert [(each.title, each.chart_type, each.period) for each in timeframes] == [
        ("5m", "intraday", "minute"),
        ("1h", "intraday", "hour"),
        ("1D", "daily", "day"),
        ("1W", "weekly", "week"),
        ("1MO", "monthly", "month"),
    ]
