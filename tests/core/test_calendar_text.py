"""Calendars as text: read as sessions, and refused with the line that makes no sense."""

from datetime import date

import numpy as np
import pytest
from tests.builders import daily_bars, utc

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import WEEKLY
from tapetrail.core.market.calendar_text import clock_text, minutes_of, parse_calendar
from tapetrail.core.market.histories import derive_bars
from tapetrail.core.market.sessions import week_numbers

HEAD = "tapetrail-calendar/1 name=MINE zone=Asia/Tokyo from=2026-01-01 until=2026-12-31\n"
WEEKS = "weeks 2026-01-01 monday\n"
HOURS = "hours a 00:00 06:00 break 02:30 03:30\nhours b -01:00 26:00\n"
# The first of January 2026 is a Thursday.
DAYS = "..ab" + "..aaaaa" * 51 + "..aa"
TEXT = f"{HEAD}{WEEKS}{HOURS}2026 {DAYS}\n"


def test_a_letter_stands_for_the_hours_of_its_day() -> None:
    calendar = parse_calendar(TEXT.encode())
    assert [*map(str, calendar.sessions[:3])] == ["2026-01-03", "2026-01-04", "2026-01-07"]
    assert [*map(str, calendar.opened_at[:2])] == [
        "2026-01-03T00:00:00.000000",
        "2026-01-03T23:00:00.000000",
    ]
    assert str(calendar.closed_at[1]) == "2026-01-05T02:00:00.000000"
    assert (calendar.name, calendar.zone) == ("MINE", "Asia/Tokyo")
    assert (calendar.known_from, calendar.known_until) == (date(2026, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize("minutes", [0, 570, -60, -330, 1440, 1620])
def test_hours_are_read_as_they_are_written(minutes: int) -> None:
    assert minutes_of(clock_text(minutes)) == minutes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "calendar: begins with '', expected tapetrail-calendar/1 name="),
        (TEXT.replace("/1 ", "/2 "), "expected tapetrail-calendar/1"),
        (HEAD + WEEKS + HOURS, "calendar: has no line of a year"),
        (TEXT.replace("2026 ..", "2026 ."), "a line has a sign for each day"),
        (TEXT.replace("2026 ", "2028 "), "a line has a sign for each day"),
        (TEXT + f"2028 {DAYS}.\n", "a line has a sign for each day"),
        (TEXT.replace("b..a", "z..a"), "calendar: no hours of 'z'"),
        (TEXT.replace("06:00", "6:00"), "'6:00' is no time such as 09:30 or -01:00"),
        (TEXT + "late 2026-01-03 07:00\n", "calendar MINE: unknown line 'late 2026-01-03 07:00'"),
        (TEXT.replace(WEEKS, ""), "does not say on which weekday weeks start"),
        (TEXT.replace("06:00", "00:00"), "each session closes after it opens"),
        (
            f"{TEXT}extra 2026-01-05 00:30 06:00\n",
            "2026-01-04 closes at 2026-01-05T02:00 UTC, after that of 2026-01-05 opens",
        ),
    ],
)
def test_text_that_is_no_calendar_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_calendar(text.encode())
    assert said in refused.value.message


def test_weeks_go_on_by_one_wherever_they_start() -> None:
    days = np.arange("2025-12-20", "2026-01-31", dtype="datetime64[D]")
    for first, second in ((6, 0), (0, 6), (0, 0), (3, 4)):
        for since in range(1, 8):
            starts = ((date(1990, 1, 1), first), (date(2026, 1, since), second))
            assert set(np.diff(week_numbers(days, starts)).tolist()) == {0, 1}
    moved = week_numbers(days, ((date(1990, 1, 1), 6), (date(2026, 1, 5), 0)))
    starts = days[1:][np.diff(moved) > 0]
    assert [*map(str, starts[1:5])] == ["2025-12-28", "2026-01-04", "2026-01-05", "2026-01-12"]


def test_a_week_that_goes_on_after_the_known_end_is_not_over() -> None:
    calendar = parse_calendar(TEXT.encode())
    daily = daily_bars([10.0] * 30, on=calendar, last_on=date(2026, 12, 31))
    weeks = derive_bars(daily, WEEKLY, calendar=calendar, as_of=utc("2026-12-31 06:00"))
    assert str(weeks.last_on[-1]) == "2026-12-27"
