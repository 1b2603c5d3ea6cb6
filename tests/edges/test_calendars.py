"""Exchange calendars as our own table has them, read as columns."""

import gzip
import re
import subprocess
import sys
from datetime import date, time
from typing import Final

import numpy as np
import pytest
from tests.builders import calendar, utc

from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Calendar
from tapetrail.core.market.calendar_changes import CalendarChanges
from tapetrail.core.market.calendar_text import parse_calendar
from tapetrail.core.market.exchanges import ALIASES, mic_of, names_of
from tapetrail.core.market.sessions import close_on_or_before, last_session_at, week_numbers
from tapetrail.sources.calendars import TABLE, load_calendar

MONDAY, SATURDAY, SUNDAY = 0, 5, 6
HOLY_WEEK: Final = ("3-30", "3-31", "4-01", "4-02")
TABLE_DIGEST: Final = "sha256:ffceb31718ed584a89154055d0e99440224780072269f13cd4d589b8916a4b97"


def hours_of(loaded: Calendar, day: date) -> tuple[str, str]:
    at = int(np.searchsorted(loaded.sessions, np.datetime64(day)))
    assert loaded.sessions[at] == np.datetime64(day)
    return str(loaded.opened_at[at])[11:16], str(loaded.closed_at[at])[11:16]


def test_new_york_keeps_its_hours_across_both_clock_changes() -> None:
    nyse = load_calendar("XNYS")
    assert hours_of(nyse, date(2026, 3, 6)) == ("14:30", "21:00")
    assert hours_of(nyse, date(2026, 3, 9)) == ("13:30", "20:00")
    assert hours_of(nyse, date(2026, 10, 30)) == ("13:30", "20:00")
    assert hours_of(nyse, date(2026, 11, 2)) == ("14:30", "21:00")


def test_an_early_close_is_the_sessions_real_close() -> None:
    nyse = load_calendar("XNYS")
    assert hours_of(nyse, date(2026, 11, 27)) == ("14:30", "18:00")
    assert close_on_or_before(nyse, date(2026, 11, 28)) == utc("2026-11-27 18:00")
    assert last_session_at(nyse, utc("2026-11-27 17:59:59")) == date(2026, 11, 25)


def test_closed_days_are_no_sessions() -> None:
    sessions = load_calendar("XNYS").sessions
    closed = [date(2026, 4, 3), date(2026, 1, 1), date(2012, 10, 29), date(2001, 9, 11)]
    assert not np.isin(np.array(closed, dtype="datetime64[D]"), sessions).any()


def test_the_range_is_fixed_from_1990_to_2040() -> None:
    nyse = load_calendar("XNYS")
    assert (nyse.name, nyse.zone) == ("XNYS", "America/New_York")
    assert nyse.week_starts == ((date(1990, 1, 1), MONDAY),)
    assert str(nyse.sessions[0]) == "1990-01-02"
    assert str(nyse.sessions[-1]) == "2040-12-31"


def test_the_test_calendar_has_new_yorks_hours() -> None:
    nyse = load_calendar("XNYS")
    built = calendar(
        date(2026, 11, 23),
        date(2026, 12, 4),
        holidays=[date(2026, 11, 26)],
        early_closes={date(2026, 11, 27): time(13, 0)},
    )
    at = np.searchsorted(nyse.sessions, built.sessions)
    assert np.array_equal(nyse.sessions[at], built.sessions)
    assert np.array_equal(nyse.opened_at[at], built.opened_at)
    assert np.array_equal(nyse.closed_at[at], built.closed_at)


def test_a_market_that_never_closes_has_a_session_every_day_in_utc() -> None:
    crypto = load_calendar("24/7")
    assert (crypto.name, crypto.zone) == ("24/7", "UTC")
    assert crypto.week_starts == ((date(1990, 1, 1), MONDAY),)
    assert bool(np.all(np.diff(crypto.sessions) == np.timedelta64(1, "D")))
    assert last_session_at(crypto, utc("2026-11-22 00:00")) == date(2026, 11, 21)


def test_a_sunday_to_thursday_exchange_starts_its_week_on_sunday_and_reaches_as_far_as_known() -> (
    None
):
    saudi = load_calendar("XSAU")
    assert saudi.week_starts == ((date(2021, 1, 1), SUNDAY),)
    assert (str(saudi.sessions[0])[:4], str(saudi.sessions[-1])[:4]) == ("2021", "2029")
    assert set((saudi.sessions.astype(np.int64) + 3) % 7) == {6, 0, 1, 2, 3}


def test_tokyo_opens_before_its_session_date_in_utc_begins() -> None:
    tokyo = load_calendar("XTKS")
    at = int(np.searchsorted(tokyo.sessions, np.datetime64("2026-01-05")))
    assert str(tokyo.opened_at[at]) == "2026-01-05T00:00:00.000000"
    assert str(tokyo.sessions[0]) == "1997-01-06"


def test_an_alias_returns_the_calendar_it_stands_for() -> None:
    assert load_calendar("NYSE").name == "XNYS"


def test_a_calendar_is_loaded_once() -> None:
    assert load_calendar("XNYS") is load_calendar("XNYS")


def test_an_unknown_name_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(InvalidInput, match=r"calendar 'xnsy': unknown; did you mean .*XNYS"):
        load_calendar("xnsy")


def test_a_name_like_no_other_is_refused_with_examples() -> None:
    with pytest.raises(InvalidInput, match="did you mean XNYS, XNAS, XLON, 24/7"):
        load_calendar("?")


# What the library has wrong, or had with newer releases of pandas, and Diwali's hour of trading.
SPECIAL_SESSIONS: Final = [
    ("XBOM", "2024-01-20", "03:45", "10:00"),
    ("XBOM", "2025-02-01", "03:45", "10:00"),
    ("XBOM", "2023-11-12", "12:45", "13:45"),
    ("XBOM", "2026-02-01", "03:45", "10:00"),
    ("XMOS", "2018-04-28", "07:00", "15:45"),
    ("XMOS", "2024-04-27", "07:00", "15:45"),
    ("XMOS", "2024-12-28", "07:00", "15:45"),
    ("XKRX", "1998-11-28", "00:30", "06:00"),
    ("XNYS", "2024-11-29", "14:30", "18:00"),
    ("CMES", "2024-06-19", "22:00", "17:00"),
    ("CMES", "2024-06-20", "22:00", "22:00"),
    ("XLON", "2024-12-24", "08:00", "12:30"),
    ("XTKS", "2024-11-05", "00:00", "06:30"),
    ("XTAE", "2025-12-28", "07:59", "13:40"),
    ("ASEX", "2024-03-01", "08:00", "15:20"),
]


@pytest.mark.parametrize("known", SPECIAL_SESSIONS, ids=" ".join)
def test_a_special_session_has_the_hours_it_had(known: tuple[str, str, str, str]) -> None:
    name, on, *hours = known
    assert [*hours_of(load_calendar(name), date.fromisoformat(on))] == hours


def test_moscow_has_its_nineteen_weekend_sessions_since_2008() -> None:
    sessions = load_calendar("XMOS").sessions
    is_weekend = (sessions.astype(np.int64) + 3) % 7 >= SATURDAY
    since, until = np.datetime64("2008-01-01"), np.datetime64("2025-01-01")
    assert np.count_nonzero(is_weekend & (sessions >= since) & (sessions < until)) == 19


def test_tel_avivs_weeks_start_on_sunday_until_2026_and_on_monday_from_then_on() -> None:
    calendar = load_calendar("XTAE")
    assert calendar.week_starts == ((date(1990, 1, 1), SUNDAY), (date(2026, 1, 5), MONDAY))
    days = np.arange("2025-12-24", "2026-01-15", dtype="datetime64[D]")
    sessions = days[np.isin(days, calendar.sessions)]
    numbers = week_numbers(sessions, calendar.week_starts)
    first_of_weeks = sessions[np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))]
    assert [*map(str, first_of_weeks[1:])] == [
        "2025-12-28",
        "2026-01-04",
        "2026-01-05",
        "2026-01-12",
    ]
    assert set(np.diff(numbers)) == {0, 1}


def test_the_week_of_good_friday_ends_on_thursday() -> None:
    nyse = load_calendar("XNYS")
    days = nyse.sessions[nyse.sessions >= np.datetime64("2026-03-30")]
    numbers = week_numbers(days, nyse.week_starts)
    assert [*map(str, days[numbers == numbers[0]])] == [f"2026-0{day}" for day in HOLY_WEEK]


@pytest.mark.parametrize("name", ["XBOM", "XSES", "XSHG"])
def test_a_question_beyond_a_calendars_end_is_answered_by_how_far_it_is_known(name: str) -> None:
    calendar = load_calendar(name)
    for ask in (
        lambda: close_on_or_before(calendar, date(2027, 1, 4)),
        lambda: last_session_at(calendar, utc("2027-01-04 12:00")),
    ):
        with pytest.raises(InvalidInput, match=f"{name} is known from .* until 2026-12-31"):
            ask()


def test_a_question_before_a_calendars_beginning_is_refused() -> None:
    with pytest.raises(InvalidInput, match="XTKS is known from 1997-01-06 until 2040-12-31"):
        close_on_or_before(load_calendar("XTKS"), date(1996, 12, 30))


def test_every_calendar_of_the_table_can_be_loaded_by_each_of_its_names() -> None:
    table = gzip.decompress(TABLE.read_bytes()).decode()
    names = re.findall(r"^tapetrail-calendar/1 name=(\S+) ", table, re.MULTILINE)
    others = dict(re.findall(r"^alias (\S+) (\S+)$", table, re.MULTILINE))
    assert (len(names), len(others)) == (71, 31)
    assert {load_calendar(name).name for name in names} == {*names}
    assert {other: load_calendar(other).name for other in others} == others
    assert (others["NYSE"], others["XNAS"], others["CME"]) == ("XNYS", "XNYS", "CMES")


def test_the_text_of_a_calendar_is_what_it_was_read_from_and_shows_breaks() -> None:
    tokyo = load_calendar("XTKS")
    assert parse_calendar(tokyo.text).text == tokyo.text
    assert b"hours b 00:00 06:30 break 02:30 03:30\n" in tokyo.text


def test_the_table_is_only_changed_on_purpose() -> None:
    # A new table is written by tools/write_calendars.py, which prints how it differs.
    assert digest_bytes(gzip.decompress(TABLE.read_bytes())) == TABLE_DIGEST


def test_changes_are_in_the_exchanges_own_time_and_stand_at_the_texts_end() -> None:
    nyse = load_calendar("XNYS")
    changed = load_calendar(
        "XNYS",
        CalendarChanges(
            extra=((date(2026, 7, 4), time(9, 30), time(16, 0)),),
            closed=(date(2026, 7, 2),),
            early=((date(2026, 11, 30), time(13, 0)),),
        ),
    )
    assert hours_of(changed, date(2026, 7, 4)) == ("13:30", "20:00")
    assert hours_of(changed, date(2026, 11, 30)) == ("14:30", "18:00")
    assert np.datetime64("2026-07-02") not in changed.sessions
    assert changed.text == nyse.text + (
        b"extra 2026-07-04 13:30 20:00\nclosed 2026-07-02\nearly 2026-11-30 18:00\n"
    )
    assert len(changed.sessions) == len(nyse.sessions)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            CalendarChanges(extra=((date(2026, 7, 6), time(9, 30), time(16, 0)),)),
            "calendar_extra 2026-07-06: is a session already, 13:30 to 20:00 UTC",
        ),
        (
            CalendarChanges(extra=((date(2041, 1, 2), time(9, 30), time(16, 0)),)),
            (
                "calendar_extra 2041-01-02: lies outside of what is known; XNYS is known from"
                " 1990-01-01 until 2040-12-31"
            ),
        ),
        (
            CalendarChanges(extra=((date(2026, 7, 4), time(16, 0), time(9, 30)),)),
            "calendar_extra 2026-07-04: a session closes after it opens",
        ),
        (CalendarChanges(closed=(date(2026, 7, 4),)), "calendar_closed 2026-07-04: is no session"),
        (
            CalendarChanges(early=((date(2026, 7, 4), time(13, 0)),)),
            "calendar_early 2026-07-04: is no session",
        ),
        (
            CalendarChanges(early=((date(2026, 7, 6), time(16, 0)),)),
            (
                "calendar_early 2026-07-06: closes at 20:00 UTC, which is not within the session,"
                " 13:30 to 20:00 UTC"
            ),
        ),
        (
            CalendarChanges(early=((date(2026, 7, 6), time(9, 30)),)),
            "calendar_early 2026-07-06: closes at 13:30 UTC, which is not within",
        ),
    ],
)
def test_changes_that_change_nothing_or_make_no_sense_are_refused(
    changes: CalendarChanges, said: str
) -> None:
    with pytest.raises(InvalidInput, match=f"^calendar XNYS: {said}"):
        load_calendar("XNYS", changes)


def test_no_calendar_is_computed_by_pandas_or_its_libraries() -> None:
    probe = (
        "import sys; from tapetrail.sources.calendars import load_calendar;"
        "load_calendar('XTAE');"
        "sys.exit(bool({'pandas', 'exchange_calendars'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0


OF_THEIR_OWN: Final = {"ARCX", "BATS", "OOTC", "XASE", "XNAS", "XTSX"}
SHARE_A_CALENDAR: Final = {"CBOT", "CME", "COMEX", "ICEUS", "NYFE", "NYMEX"}


def test_every_name_that_is_accepted_of_an_exchange_is_one_exchange() -> None:
    table = gzip.decompress(TABLE.read_bytes()).decode()
    others = dict(re.findall(r"^alias (\S+) (\S+)$", table, re.MULTILINE))
    assert {*ALIASES} == {*others} - OF_THEIR_OWN - SHARE_A_CALENDAR
    for alias, mic in ALIASES.items():
        assert others[alias] == others.get(mic, mic)


def test_an_exchange_by_any_name_is_its_mic() -> None:
    assert [mic_of(name) for name in ("NYSE", "nyse", "XNYS", "xnys")] == ["XNYS"] * 4
    assert [mic_of(name) for name in ("NASDAQ", "XNAS", "CBOT", "binance")] == [
        "XNAS", "XNAS", "CBOT", "binance",
    ]  # fmt: skip
    assert names_of("NYSE") == names_of("XNYS") == ("XNYS", "NYSE")
    assert names_of("binance") == ("binance",)
