"""What a run will decide: which instruments, as of which close, with which provenance."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import SUNDAY_TO_THURSDAY, calendar, instrument, utc

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Calendar, time_of
from tapetrail.core.plans import Coverage, Plan, plan_run, refuse_future, weekly_dates
from tapetrail.core.records.states import Provenance

# Thanksgiving 2026: Thursday is a holiday, Friday closes at 13:00 in New York, 18:00 UTC.
NEW_YORK: Final = calendar(
    date(2026, 1, 2),
    date(2027, 6, 30),
    holidays=[date(2026, 11, 26)],
    early_closes={date(2026, 11, 27): time(13, 0)},
)
NOW: Final = utc("2026-11-27 18:30")


def coverage(
    symbol: str = "AAPL",
    *,
    first_on: date = date(2026, 2, 2),
    last_on: date = date(2026, 11, 27),
    on: Calendar = NEW_YORK,
    is_sample: bool = False,
) -> Coverage:
    return Coverage(
        instrument=instrument(symbol),
        calendar=on,
        sessions=(first_on, last_on),
        is_sample=is_sample,
    )


def as_of_of(plan: Plan) -> dict[str, datetime]:
    return {decision.instrument.symbol: decision.as_of for decision in plan.decisions}


@pytest.mark.parametrize(
    ("on", "closed_at"),
    [
        (date(2026, 11, 25), utc("2026-11-25 21:00")),
        (date(2026, 11, 26), utc("2026-11-25 21:00")),
        (date(2026, 11, 27), utc("2026-11-27 18:00")),
        (date(2026, 11, 28), utc("2026-11-27 18:00")),
        (date(2026, 11, 29), utc("2026-11-27 18:00")),
        (date(2026, 7, 4), utc("2026-07-03 20:00")),
    ],
)
def test_a_date_means_the_close_of_the_session_on_or_before_it(
    on: date, closed_at: datetime
) -> None:
    assert plan_run([coverage()], as_of_on=on, now=NOW).as_of == closed_at


def test_without_a_date_a_run_is_as_of_the_latest_completed_session() -> None:
    before_the_early_close = utc("2026-11-27 17:59")
    assert plan_run([coverage()], as_of_on=None, now=NOW).as_of == utc("2026-11-27 18:00")
    plan = plan_run([coverage()], as_of_on=None, now=before_the_early_close)
    assert plan.as_of == utc("2026-11-25 21:00")


def test_where_only_a_fetch_can_tell_the_calendar_alone_settles_the_close() -> None:
    unknown = replace(coverage(), sessions=None)
    plan = plan_run([unknown], as_of_on=None, now=NOW)
    assert (plan.as_of, plan.provenance) == (utc("2026-11-27 18:00"), Provenance.LIVE)
    before_any_known = plan_run([unknown], as_of_on=date(2026, 1, 5), now=NOW)
    assert before_any_known.as_of == utc("2026-01-05 21:00")
    with pytest.raises(InvalidInput, match="which is not over"):
        plan_run([unknown], as_of_on=date(2026, 11, 30), now=NOW)
    with pytest.raises(InvalidInput, match="only a fetch can tell"):
        weekly_dates([coverage(), unknown])


def test_without_a_date_each_instrument_goes_as_far_as_its_bars_do() -> None:
    ended = coverage("FB", last_on=date(2026, 10, 30))
    plan = plan_run([coverage(), ended], as_of_on=None, now=NOW)
    assert as_of_of(plan) == {
        "AAPL": utc("2026-11-27 18:00"),
        "FB": utc("2026-10-30 20:00"),
    }
    assert plan.as_of == utc("2026-11-27 18:00")
    assert plan.provenance is Provenance.BACKFILL


def test_a_session_that_is_not_over_is_refused_with_the_latest_that_is() -> None:
    with pytest.raises(InvalidInput) as failure:
        plan_run([coverage()], as_of_on=date(2026, 11, 27), now=utc("2026-11-27 17:59"))
    assert failure.value.message == (
        "as-of 2026-11-27: the session of 2026-11-27 closes at 2026-11-27 18:00 UTC, which is not"
        " over; the latest completed session is 2026-11-25"
    )


def test_a_holiday_after_the_last_session_needs_no_waiting() -> None:
    plan = plan_run([coverage()], as_of_on=date(2026, 11, 26), now=utc("2026-11-25 21:00"))
    assert plan.as_of == utc("2026-11-25 21:00")
    assert plan.provenance is Provenance.LIVE


@pytest.mark.parametrize("on", [date(2026, 2, 1), date(2026, 11, 2), date(2026, 11, 27)])
def test_a_session_outside_the_bars_is_refused_with_their_reach(on: date) -> None:
    ended = coverage(last_on=date(2026, 10, 30))
    with pytest.raises(InvalidInput, match="there are bars from 2026-02-02 to 2026-10-30"):
        plan_run([ended], as_of_on=on, now=NOW)


@pytest.mark.parametrize("on", [date(2026, 10, 30), date(2026, 11, 1)])
def test_the_last_session_with_bars_stands_for_the_weekend_after_it(on: date) -> None:
    ended = coverage(last_on=date(2026, 10, 30))
    assert plan_run([ended], as_of_on=on, now=NOW).as_of == utc("2026-10-30 20:00")


def test_bars_that_begin_after_the_latest_session_are_refused_without_a_date_too() -> None:
    with pytest.raises(InvalidInput, match="as-of 2026-01-30: no bars of AAPL"):
        plan_run([coverage()], as_of_on=None, now=utc("2026-02-02 20:59"))


@pytest.mark.parametrize("on", [date(2026, 1, 1), date(2027, 7, 1)])
def test_a_date_outside_the_calendar_is_refused(on: date) -> None:
    with pytest.raises(InvalidInput, match="is known from 2026-01-02 until 2027-06-30"):
        plan_run([coverage()], as_of_on=on, now=NOW)


@pytest.mark.parametrize(
    ("as_of_on", "provenance"),
    [
        (None, Provenance.LIVE),
        (date(2026, 11, 27), Provenance.LIVE),
        (date(2026, 11, 29), Provenance.LIVE),
        (date(2026, 11, 25), Provenance.BACKFILL),
    ],
)
def test_a_run_is_live_only_as_of_the_latest_completed_session(
    as_of_on: date | None, provenance: Provenance
) -> None:
    plan = plan_run([coverage("AAPL"), coverage("IBM")], as_of_on=as_of_on, now=NOW)
    assert plan.provenance is provenance


def test_a_run_on_sample_bars_is_a_demo_even_as_of_the_latest_session() -> None:
    coverages = [coverage("AAPL"), coverage("IBM", is_sample=True)]
    assert plan_run(coverages, as_of_on=None, now=NOW).provenance is Provenance.DEMO


def test_a_run_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no instruments: expected at least one"):
        plan_run([], as_of_on=None, now=NOW)


def test_an_instrument_that_is_named_twice_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"AAPL \(XNAS, USD\) named twice; a run decides once"):
        plan_run([coverage("AAPL"), coverage("IBM"), coverage("AAPL")], as_of_on=None, now=NOW)


@given(
    minutes=st.integers(min_value=60 * 24 * 70, max_value=60 * 24 * 500),
    back=st.integers(min_value=-5, max_value=60),
)
def test_a_run_is_as_of_the_close_that_was_asked_for_or_refused_until_it_is_over(
    minutes: int, back: int
) -> None:
    now = utc("2026-01-02 21:00") + timedelta(minutes=minutes)
    coverages = [coverage(first_on=date(2026, 1, 2), last_on=date(2027, 6, 30))]
    on = now.date() - timedelta(days=back)
    closes = [time_of(instant) for instant in NEW_YORK.closed_at]
    expected = [close for close in closes if close.date() <= on][-1]
    if expected > now:
        with pytest.raises(InvalidInput, match="not over"):
            plan_run(coverages, as_of_on=on, now=now)
    else:
        assert plan_run(coverages, as_of_on=on, now=now).as_of == expected


def week_ends(on: Calendar, *, weekday_of_start: int) -> list[date]:
    """The last session of every week, found day by day with the standard library alone."""
    sessions = [date.fromisoformat(str(day)) for day in on.sessions]
    starts = [day - timedelta(days=(day.weekday() - weekday_of_start) % 7) for day in sessions]
    return [
        day
        for day, start, following in zip(sessions, starts, starts[1:], strict=False)
        if start != following
    ]


@pytest.mark.parametrize(
    ("on", "weekday_of_start"),
    [(NEW_YORK, 0), (calendar(date(2026, 1, 4), weekdays=SUNDAY_TO_THURSDAY), 6)],
)
def test_weekly_dates_are_the_last_sessions_of_weeks(on: Calendar, weekday_of_start: int) -> None:
    coverages = [coverage(on=on, last_on=date(2026, 11, 24))]
    expected = week_ends(on, weekday_of_start=weekday_of_start)
    last = int(np.searchsorted(on.sessions, np.datetime64("2026-11-24")))
    limit = date.fromisoformat(str(on.sessions[last - 60]))
    wanted = [day for day in expected if day <= limit][-26:]
    assert weekly_dates(coverages) == tuple(wanted)
    assert len(wanted) == 26


def test_a_week_that_ends_on_a_holiday_counts_by_its_last_session() -> None:
    shortened = calendar(date(2026, 11, 2), date(2026, 12, 31), holidays=[date(2026, 11, 27)])
    coverages = [coverage(on=shortened, first_on=date(2026, 11, 2), last_on=date(2026, 12, 11))]
    found = weekly_dates(coverages, weeks=3, sessions_before_end=5)
    assert found == (date(2026, 11, 20), date(2026, 11, 26), date(2026, 12, 4))


@pytest.mark.parametrize(
    ("last_on", "sessions_before_end", "last"),
    [
        (date(2026, 11, 20), 0, date(2026, 11, 20)),
        (date(2026, 11, 20), 1, date(2026, 11, 13)),
        (date(2026, 11, 19), 0, date(2026, 11, 13)),
        # A Sunday: the end is the Friday before it.
        (date(2026, 11, 22), 0, date(2026, 11, 20)),
    ],
)
def test_the_latest_weekly_date_keeps_its_distance_from_the_end(
    last_on: date, sessions_before_end: int, last: date
) -> None:
    coverages = [coverage(last_on=last_on)]
    assert weekly_dates(coverages, weeks=2, sessions_before_end=sessions_before_end)[-1] == last


def test_weekly_dates_lie_where_every_offer_has_bars() -> None:
    coverages = [
        coverage("AAPL", first_on=date(2026, 2, 2), last_on=date(2026, 11, 20)),
        coverage("FB", first_on=date(2026, 3, 2), last_on=date(2026, 3, 31)),
    ]
    assert weekly_dates(coverages, weeks=4, sessions_before_end=0) == (
        date(2026, 3, 6),
        date(2026, 3, 13),
        date(2026, 3, 20),
        date(2026, 3, 27),
    )


@pytest.mark.parametrize(("weeks", "sessions_before_end"), [(5, 0), (1, 30), (1, 10_000)])
def test_too_few_weeks_with_bars_are_refused(weeks: int, sessions_before_end: int) -> None:
    coverages = [coverage(first_on=date(2026, 3, 2), last_on=date(2026, 3, 31))]
    with pytest.raises(InvalidInput, match=f"bars from 2026-03-02 to .* expected {weeks}"):
        weekly_dates(coverages, weeks=weeks, sessions_before_end=sessions_before_end)


def test_bars_of_a_session_that_has_not_begun_are_refused() -> None:
    refuse_future([coverage()], now=NOW)
    # The session of the last bar has begun and is not over: vendors send such a row all day.
    refuse_future([coverage(last_on=date(2026, 11, 30))], now=utc("2026-11-30 14:30"))
    refuse_future([replace(coverage(), sessions=None)], now=utc("2020-01-02 12:00"))
    with pytest.raises(
        InvalidInput, match="there is a bar of 2026-11-30, a session that begins at"
    ):
        refuse_future(
            [coverage(), coverage("IBM", last_on=date(2026, 11, 30))],
            now=utc("2026-11-30 14:29"),
        )


def test_an_instant_is_taken_literally_and_is_of_no_session_unless_it_closes_one() -> None:
    noon = utc("2026-11-25 17:00")
    (decision,) = plan_run([coverage()], as_of_on=noon, now=NOW).decisions
    assert (decision.as_of, decision.session_on) == (noon, None)
    (decision,) = plan_run([coverage()], as_of_on=utc("2026-11-25 21:00"), now=NOW).decisions
    assert decision.session_on == date(2026, 11, 25)
    with pytest.raises(InvalidInput, match="that is to come"):
        plan_run([coverage()], as_of_on=NOW + timedelta(seconds=1), now=NOW)
