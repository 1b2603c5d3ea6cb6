"""Only a session between the first and the last bar can be missing, and a halt explains it."""

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import calendar, daily_bars

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import WEEKLY, Bars
from tapetrail.core.market.completeness import (
    Gap,
    Missing,
    age_in_sessions,
    data_remarks,
    missing_sessions,
)
from tapetrail.core.market.histories import derive_bars
from tapetrail.core.strategy.data_quality import DataLimits, OnBreach

YEAR = calendar(date(2026, 1, 1), date(2026, 12, 31), holidays=[date(2026, 7, 3)])
DAILY = daily_bars([10.0] * 100, on=YEAR)
AS_OF = datetime(2026, 11, 20, 22, tzinfo=UTC)


def lacking(*places: int) -> Bars:
    """Return the hundred bars without those at some places."""
    kept = np.ones(len(DAILY), dtype=np.bool_)
    kept[list(places)] = False
    return DAILY.take(kept)


def day(place: int) -> date:
    return date.fromisoformat(str(DAILY.last_on[place]))


def test_nothing_is_missing_before_the_first_bar_after_the_last_and_on_holidays() -> None:
    found = missing_sessions(DAILY, YEAR, spans=DAILY)
    assert (found.sessions, found.scheduled, found.pct, found.longest) == (0, 100, 0, 0)
    assert found.gaps == ()
    cut = lacking(0, 1, 98, 99)
    assert missing_sessions(cut, YEAR, spans=cut).scheduled == 96


def test_gaps_are_runs_of_scheduled_sessions() -> None:
    bars = lacking(10, 20, 21, 22)
    found = missing_sessions(bars, YEAR, spans=bars)
    assert found.gaps == (
        Gap(first=day(10), last=day(10), sessions=1),
        Gap(first=day(20), last=day(22), sessions=3),
    )
    assert (found.sessions, found.longest, found.pct) == (4, 3, 4)
    assert str(found) == (
        f"4 of 100 sessions (4 %) from {day(0)} to {day(99)} have no bar: {day(10)},"
        f" {day(20)} to {day(22)} (3 sessions)"
    )


def test_a_halt_explains_its_own_sessions_and_no_others() -> None:
    bars = lacking(10, 20, 21, 22)
    halted = missing_sessions(bars, YEAR, spans=bars, halts=[(day(20), day(22))])
    assert (halted.sessions, halted.scheduled) == (1, 97)
    # A halt that runs over sessions that have bars takes nothing away from them.
    wide = missing_sessions(bars, YEAR, spans=bars, halts=[(day(5), day(40))])
    assert (wide.sessions, wide.scheduled) == (0, 96)
    single = missing_sessions(bars, YEAR, spans=bars, halts=[(day(21), day(21))])
    assert [gap.sessions for gap in single.gaps] == [1, 1, 1]


def test_only_the_span_of_a_chart_counts() -> None:
    bars = lacking(10, 60)
    assert missing_sessions(bars, YEAR, spans=bars.take(slice(40, None))).sessions == 1
    weekly = derive_bars(bars, WEEKLY, calendar=YEAR, as_of=AS_OF)
    whole = missing_sessions(bars, YEAR, spans=weekly)
    assert whole.sessions == 2
    assert missing_sessions(bars, YEAR, spans=weekly.take(slice(8, None))).sessions == 1
    # The last week ends after the last bar: what is not over yet is not missing.
    assert whole.last == day(99)


def test_the_weekdays_that_never_have_a_bar_are_named_where_many_are_missing() -> None:
    weekdays = (DAILY.last_on.astype(np.int64) + 3) % 7
    found = lacking(*np.flatnonzero(np.isin(weekdays, (1, 3))).tolist())
    assert str(missing_sessions(found, YEAR, spans=found)).endswith(
        "; none on Tuesdays and Thursdays"
    )
    few = lacking(*np.flatnonzero(weekdays == 1).tolist()[:5])
    assert missing_sessions(few, YEAR, spans=few).never == ()


def test_the_widest_gaps_are_named_and_the_others_counted() -> None:
    bars = lacking(5, 10, 11, 20, 30, 31, 32, 40, 41, 50)
    text = str(missing_sessions(bars, YEAR, spans=bars))
    assert f"{day(10)} to {day(11)} (2 sessions), {day(30)} to {day(32)} (3 sessions)" in text
    assert text.endswith("3 more gaps")


@given(st.sets(st.integers(1, 98)))
def test_what_is_missing_and_what_is_there_are_all_sessions(gone: set[int]) -> None:
    bars = lacking(*gone)
    found = missing_sessions(bars, YEAR, spans=bars)
    assert (found.sessions, found.scheduled) == (len(gone), 100)
    assert sum(gap.sessions for gap in found.gaps) == len(gone)


@pytest.mark.parametrize(
    ("at", "age"),
    [
        (datetime(2026, 11, 20, 21, tzinfo=UTC), 0),
        (datetime(2026, 11, 22, 12, tzinfo=UTC), 0),
        (datetime(2026, 11, 23, 20, 59, tzinfo=UTC), 0),
        (datetime(2026, 11, 23, 21, tzinfo=UTC), 1),
        (datetime(2026, 12, 4, 22, tzinfo=UTC), 10),
        (datetime(2026, 11, 2, 22, tzinfo=UTC), 0),
    ],
)
def test_age_counts_the_sessions_that_were_completed_after_the_last_bar(
    at: datetime, age: int
) -> None:
    assert age_in_sessions(DAILY, YEAR, at=at) == age


def missing(*gaps: int, scheduled: int = 1000) -> Missing:
    return Missing(
        first=day(0),
        last=day(99),
        scheduled=scheduled,
        gaps=tuple(Gap(first=day(1), last=day(2), sessions=sessions) for sessions in gaps),
    )


@pytest.mark.parametrize("found", [missing(), missing(5, 5, 5, 5), missing(1, scheduled=50)])
def test_bars_within_the_limits_pass(found: Missing) -> None:
    DataLimits().check_missing(found)


@pytest.mark.parametrize(
    ("found", "rule"),
    [
        (missing(*[1] * 21), "at most 2 % may be missing"),
        (missing(6), "at most 5 in a row may be missing"),
        (missing(30), "at most 2 % may be missing and at most 5 in a row may be missing"),
    ],
)
def test_bars_beyond_a_limit_are_refused_unless_the_strategy_warns(
    found: Missing, rule: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        DataLimits().check_missing(found)
    assert caught.value.kind is ErrorKind.MISSING_SESSIONS
    assert f"; {rule}; a halt is declared under `data.halts`" in caught.value.message
    DataLimits(on_breach=OnBreach.WARN).check_missing(found)
    DataLimits(max_missing_pct=Decimal(100), max_gap_sessions=30).check_missing(found)


def test_bars_of_any_age_pass_until_a_strategy_says_how_old_they_may_be() -> None:
    DataLimits().check_age(10_000, until="then")
    limits = DataLimits(max_age_sessions=3)
    limits.check_age(3, until="then")
    with pytest.raises(
        InvalidInput, match="4 sessions were completed after the last bar"
    ) as caught:
        limits.check_age(4, until="then")
    assert caught.value.kind is ErrorKind.STALE_BARS
    DataLimits(max_age_sessions=3, on_breach=OnBreach.WARN).check_age(4, until="then")


def test_a_chart_says_what_its_bars_lack_and_nothing_where_they_lack_nothing() -> None:
    assert data_remarks(missing(), age_sessions=0) == ()
    remarks = data_remarks(missing(2), age_sessions=1)
    assert remarks[0].startswith("2 of 1000 sessions (0.2 %)")
    assert remarks[1] == "Bars end early: 1 session was completed after the last one"


def test_weeks_that_a_vendor_left_out_fail_where_breaches_do() -> None:
    DataLimits().check_lack("")
    DataLimits(on_breach=OnBreach.WARN).check_lack("3 weeks of them have no bar")
    with pytest.raises(InvalidInput, match="3 weeks of them have no bar") as raised:
        DataLimits().check_lack("3 weeks of them have no bar")
    assert raised.value.kind is ErrorKind.MISSING_SESSIONS
