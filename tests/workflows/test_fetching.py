"""A chart has the same bars whatever other charts are drawn, and as many as there are."""

from datetime import UTC, date, datetime
from typing import Final

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tapetrail.core.market.bars import DAILY, MONTHLY, WEEKLY, Adjustment, Bars, Days, Timeframe
from tapetrail.core.market.histories import derive_bars, window
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.tabular.datasets import DatasetSpec
from tapetrail.sources.tabular.in_memory import FrameSource
from tapetrail.sources.tabular.normaliser import DataConventions
from tapetrail.workflows.fetching import fetch_enough

CALENDAR: Final = load_calendar("XNYS")
AS_OF: Final = datetime(2024, 6, 28, 21, tzinfo=UTC)
SESSIONS: Final = CALENDAR.sessions[CALENDAR.sessions <= np.datetime64("2024-06-28")]
WANTED: Final = {DAILY: 60, WEEKLY: 20, MONTHLY: 6}


def source(days: Days) -> FrameSource:
    rows = [
        {"date": str(day), "open": 10, "high": 11, "low": 9, "close": 10, "volume": at}
        for at, day in enumerate(days)
    ]
    dataset = DatasetSpec(
        exchange="XNYS",
        currency="USD",
        symbol="ACME",
        conventions=DataConventions(adjustment=Adjustment.SPLIT),
    )
    return FrameSource.of(rows, dataset=dataset)


def drawn(days: Days, *timeframes: Timeframe) -> tuple[dict[Timeframe, Bars], bytes]:
    """Return the bars of each chart, and what the source sent."""
    found = source(days)
    wanted = {timeframe: WANTED[timeframe] for timeframe in timeframes}
    fetched = fetch_enough(
        found, found.instrument("ACME"), wanted=wanted, calendar=CALENDAR, as_of=AS_OF
    )
    charts = {
        timeframe: window(
            derive_bars(fetched.bars, timeframe, calendar=CALENDAR, as_of=AS_OF),
            drawn=WANTED[timeframe],
            warmup=0,
        ).bars
        for timeframe in timeframes
    }
    return charts, fetched.payload


def test_where_every_session_has_a_bar_no_more_is_fetched_than_is_drawn() -> None:
    _, payload = drawn(SESSIONS[-500:], DAILY)
    assert payload.count(b"\n") == 2 + WANTED[DAILY]


def test_a_halt_makes_the_fetch_longer_and_no_longer_than_it_must_be() -> None:
    days = np.concatenate([SESSIONS[-500:-50], SESSIONS[-20:]])
    charts, payload = drawn(days, DAILY)
    assert len(charts[DAILY]) == WANTED[DAILY]
    # One bar more than are drawn shows where a first week would begin.
    assert payload.count(b"\n") == 2 + WANTED[DAILY] + 1


def test_a_share_with_a_short_history_has_all_of_it() -> None:
    charts, payload = drawn(SESSIONS[-25:], DAILY, WEEKLY)
    assert len(charts[DAILY]) == 25
    assert payload.count(b"\n") == 2 + 25
    assert b"first=1990" not in payload


@settings(max_examples=40, deadline=None)
@given(st.integers(20, 900), st.integers(1, 400), st.integers(1, 100))
def test_a_chart_does_not_depend_on_which_others_are_drawn(
    history: int, halted: int, since: int
) -> None:
    days = np.concatenate(
        [SESSIONS[-history - halted - since : -halted - since], SESSIONS[-since:]]
    )
    together, _ = drawn(days, DAILY, WEEKLY, MONTHLY)
    for timeframe in WANTED:
        alone, _ = drawn(days, timeframe)
        one, other = alone[timeframe], together[timeframe]
        assert len(one) == len(other)
        assert np.array_equal(one.volume, other.volume)
        assert np.array_equal(one.first_on, other.first_on)
    assert len(together[DAILY]) == min(WANTED[DAILY], len(days))


def test_nothing_of_a_later_date_is_fetched() -> None:
    days = np.concatenate([SESSIONS[-500:-50], SESSIONS[-20:]])
    assert str(date(2024, 7, 1)).encode() not in drawn(days, DAILY)[1]
