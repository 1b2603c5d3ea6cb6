"""Exchange calendars as the library has them, read as columns."""

import subprocess
import sys
from datetime import date, time
from typing import Final

import exchange_calendars
import numpy as np
import pytest
from tests.builders import calendar, utc

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Calendar
from tapetrail.core.market.exchanges import ALIASES, mic_of, names_of
from tapetrail.core.market.sessions import close_on_or_before, last_session_at
from tapetrail.sources.calendars import load_calendar


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
    assert (nyse.name, nyse.zone, nyse.week_starts_on) == ("XNYS", "America/New_York", 0)
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
    assert (crypto.name, crypto.zone, crypto.week_starts_on) == ("24/7", "UTC", 0)
    assert bool(np.all(np.diff(crypto.sessions) == np.timedelta64(1, "D")))
    assert last_session_at(crypto, utc("2026-11-22 00:00")) == date(2026, 11, 21)


def test_a_sunday_to_thursday_exchange_starts_its_week_on_sunday_and_reaches_as_far_as_known() -> (
    None
):
    saudi = load_calendar("XSAU")
    assert saudi.week_starts_on == 6
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


def test_a_calendar_the_library_cannot_build_is_refused_with_its_reason() -> None:
    # Athens needs a date rule that newer releases of pandas no longer offer the library.
    with pytest.raises(InvalidInput, match=r"calendar 'ASEX': exchange-calendars .* cannot build"):
        load_calendar("ASEX")


def test_importing_the_module_leaves_pandas_alone() -> None:
    probe = "import sys, tapetrail.sources.calendars; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0


OF_THEIR_OWN: Final = {"ARCX", "BATS", "OOTC", "XASE", "XNAS", "XTSX"}
SHARE_A_CALENDAR: Final = {"CBOT", "CME", "COMEX", "ICEUS", "NYFE", "NYMEX"}


def test_every_name_that_is_accepted_of_an_exchange_is_one_exchange() -> None:
    accepted = exchange_calendars.get_calendar_names(include_aliases=True)
    known = exchange_calendars.get_calendar_names(include_aliases=False)
    assert {*ALIASES} == {*accepted} - {*known} - OF_THEIR_OWN - SHARE_A_CALENDAR
    for alias, mic in ALIASES.items():
        calendars = {exchange_calendars.resolve_alias(name) for name in (alias, mic)}
        assert len(calendars) == 1


def test_an_exchange_by_any_name_is_its_mic() -> None:
    assert [mic_of(name) for name in ("NYSE", "nyse", "XNYS", "xnys")] == ["XNYS"] * 4
    assert [mic_of(name) for name in ("NASDAQ", "XNAS", "CBOT", "binance")] == [
        "XNAS", "XNAS", "CBOT", "binance",
    ]  # fmt: skip
    assert names_of("NYSE") == names_of("XNYS") == ("XNYS", "NYSE")
    assert names_of("binance") == ("binance",)
