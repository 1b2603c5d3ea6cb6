"""Where sessions lie, and which were over as of an instant."""

from datetime import date, datetime, time, timedelta

import pytest
from tests.builders import calendar, days_of, utc

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.sessions import (
    close_on_or_before,
    last_session_at,
    session_after,
    session_before,
    session_positions,
)

THANKSGIVING = calendar(
    date(2026, 11, 16),
    date(2026, 12, 4),
    holidays=[date(2026, 11, 26)],
    early_closes={date(2026, 11, 27): time(13, 0)},
)


def test_a_session_is_over_at_its_close_and_not_before() -> None:
    close = utc("2026-11-20 21:00")
    assert last_session_at(THANKSGIVING, close) == date(2026, 11, 20)
    assert last_session_at(THANKSGIVING, close - timedelta(microseconds=1)) == date(2026, 11, 19)


def test_a_calendar_reaches_from_its_first_close_to_its_last() -> None:
    assert last_session_at(THANKSGIVING, utc("2026-11-16 21:00")) == date(2026, 11, 16)
    assert last_session_at(THANKSGIVING, utc("2026-12-04 21:00")) == date(2026, 12, 4)


def test_an_early_close_ends_the_session() -> None:
    assert last_session_at(THANKSGIVING, utc("2026-11-27 17:59")) == date(2026, 11, 25)
    assert last_session_at(THANKSGIVING, utc("2026-11-27 18:00")) == date(2026, 11, 27)


@pytest.mark.parametrize("as_of", [utc("2026-11-16 20:59"), utc("2026-12-04 21:01")])
def test_an_instant_the_calendar_does_not_reach_is_refused(as_of: datetime) -> None:
    with pytest.raises(InvalidInput, match="TEST is known from 2026-11-16 until 2026-12-04"):
        last_session_at(THANKSGIVING, as_of)


@pytest.mark.parametrize(
    ("on", "closed_at"),
    [
        (date(2026, 11, 25), utc("2026-11-25 21:00")),
        (date(2026, 11, 26), utc("2026-11-25 21:00")),
        (date(2026, 11, 27), utc("2026-11-27 18:00")),
        (date(2026, 11, 29), utc("2026-11-27 18:00")),
    ],
)
def test_a_date_means_the_close_of_the_last_session_on_or_before_it(
    on: date, closed_at: datetime
) -> None:
    assert close_on_or_before(THANKSGIVING, on) == closed_at


@pytest.mark.parametrize("on", [date(2026, 11, 15), date(2026, 12, 5)])
def test_a_date_outside_the_calendar_is_refused(on: date) -> None:
    with pytest.raises(InvalidInput, match="is known from 2026-11-16 until 2026-12-04"):
        close_on_or_before(THANKSGIVING, on)


def test_the_close_moves_by_an_hour_in_utc_when_the_clocks_change() -> None:
    both_changes = calendar(date(2026, 3, 2), date(2026, 11, 6))
    closes = [
        close_on_or_before(both_changes, on).hour
        for on in (date(2026, 3, 6), date(2026, 3, 9), date(2026, 10, 30), date(2026, 11, 2))
    ]
    assert closes == [21, 20, 20, 21]


def test_sessions_are_found_where_they_are() -> None:
    found = session_positions(THANKSGIVING, days_of([date(2026, 11, 16), date(2026, 11, 27)]))
    assert found.tolist() == [0, 8]


@pytest.mark.parametrize("unknown", [date(2026, 11, 26), date(2026, 11, 13), date(2027, 1, 4)])
def test_a_session_the_calendar_does_not_know_is_refused_by_name(unknown: date) -> None:
    with pytest.raises(InvalidInput, match=f"session {unknown} is not in the calendar") as failure:
        session_positions(THANKSGIVING, days_of([unknown]))
    assert failure.value.kind is ErrorKind.BAD_BARS


def test_sessions_ahead_are_counted_from_the_last_one_that_closed() -> None:
    close = utc("2026-11-20 21:00")
    found = [session_after(THANKSGIVING, close, sessions=count) for count in (0, 1, 4, 5)]
    expected = [date(2026, 11, day) for day in (20, 23, 27, 30)]  # the 26th is a holiday
    assert found == expected
    before = close - timedelta(microseconds=1)
    assert session_after(THANKSGIVING, before, sessions=1) == date(2026, 11, 20)


def test_a_session_ahead_of_the_calendar_is_refused_with_its_reach() -> None:
    close = utc("2026-12-03 21:00")
    assert session_after(THANKSGIVING, close, sessions=1) == date(2026, 12, 4)
    with pytest.raises(InvalidInput, match="is known from 2026-11-16 until 2026-12-04") as failure:
        session_after(THANKSGIVING, close, sessions=2)
    assert failure.value.kind is ErrorKind.NO_SIGNAL


def test_the_session_before_a_day_is_never_that_day() -> None:
    found = [session_before(THANKSGIVING, date(2026, 11, day)) for day in (27, 23, 22, 17)]
    assert found == [date(2026, 11, day) for day in (25, 20, 20, 16)]
    with pytest.raises(InvalidInput, match="before 2026-11-16: "):
        session_before(THANKSGIVING, date(2026, 11, 16))
