"""Backfills: which days they are as of, and what is left out of them."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.instruments import Instrument
from tapetrail.core.plans import Coverage, Every, dates_between, plan_past
from tapetrail.sources.calendars import load_calendar

NEW_YORK, TOKYO = load_calendar("XNYS"), load_calendar("XTKS")
NOW = datetime(2024, 7, 1, 12, tzinfo=UTC)


def coverage(
    symbol: str, *, calendar: str = "XNYS", sessions: tuple[date, date] | None = None
) -> Coverage:
    instrument = Instrument(symbol=symbol, exchange=calendar, currency="USD", calendar=calendar)
    loaded = NEW_YORK if calendar == "XNYS" else TOKYO
    return Coverage(instrument=instrument, calendar=loaded, sessions=sessions, is_sample=False)


def between(first: str, last: str, every: Every, *coverages: Coverage) -> list[str]:
    found = dates_between(
        coverages or (coverage("A"),),
        date.fromisoformat(first),
        date.fromisoformat(last),
        every=every,
    )
    return [str(on) for on in found]


def test_a_week_is_as_of_its_last_session_also_before_a_holiday() -> None:
    # Good Friday, 29 March 2024, is no session.
    assert between("2024-03-18", "2024-04-05", Every.WEEK) == [
        "2024-03-22",
        "2024-03-28",
        "2024-04-05",
    ]


def test_a_week_or_month_that_is_not_over_by_the_last_day_is_left_out() -> None:
    assert between("2024-03-18", "2024-04-04", Every.WEEK) == ["2024-03-22", "2024-03-28"]
    assert between("2024-01-02", "2024-03-27", Every.MONTH) == ["2024-01-31", "2024-02-29"]


def test_the_last_session_that_a_calendar_knows_is_one_and_ends_its_month() -> None:
    # 31 December 2026 is a Thursday: the week goes on, the month does not.
    end = int(np.searchsorted(NEW_YORK.sessions, np.datetime64("2027-01-01")))
    known = replace(
        NEW_YORK,
        known_until=date(2026, 12, 31),
        sessions=NEW_YORK.sessions[:end],
        opened_at=NEW_YORK.opened_at[:end],
        closed_at=NEW_YORK.closed_at[:end],
    )
    of_it = replace(coverage("A"), calendar=known)
    assert between("2026-12-30", "2026-12-31", Every.SESSION, of_it) == [
        "2026-12-30",
        "2026-12-31",
    ]
    assert between("2026-12-14", "2026-12-31", Every.WEEK, of_it) == ["2026-12-18", "2026-12-24"]
    assert between("2026-11-01", "2026-12-31", Every.MONTH, of_it) == ["2026-11-30", "2026-12-31"]


def test_sessions_are_those_of_any_calendar() -> None:
    # 1 May 2024 is a session of New York and 3 to 6 May are none of Tokyo.
    assert between(
        "2024-05-01", "2024-05-06", Every.SESSION, coverage("A"), coverage("B", calendar="XTKS")
    ) == ["2024-05-01", "2024-05-02", "2024-05-03", "2024-05-06"]


@pytest.mark.parametrize(
    ("first", "last", "every", "said"),
    [
        ("2024-05-06", "2024-05-01", Every.SESSION, "ends before it begins"),
        ("2024-05-04", "2024-05-05", Every.SESSION, "no session"),
        ("2024-05-06", "2024-05-08", Every.WEEK, "no week ends by then"),
        ("2024-05-06", "2024-05-08", Every.MONTH, "no month ends by then"),
        ("1900-01-01", "2024-05-08", Every.MONTH, "calendar XNYS is known from"),
    ],
)
def test_days_that_are_none_are_refused(*, first: str, last: str, every: Every, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        between(first, last, every)


def test_an_instrument_without_bars_on_a_day_is_left_out_there_and_counted() -> None:
    listed = coverage("NEW", sessions=(date(2024, 5, 2), date(2024, 5, 31)))
    days = [date(2024, 4, 30), date(2024, 5, 2)]
    found = plan_past([coverage("OLD"), listed], days, now=NOW)
    assert found.without_bars == 1
    assert [[d.instrument.symbol for d in plan.decisions] for plan in found.plans] == [
        ["OLD"],
        ["OLD", "NEW"],
    ]


def test_an_instrument_is_decided_once_a_close_though_another_has_sessions_between() -> None:
    tokyo = coverage("B", calendar="XTKS")
    days = [date(2024, 5, 2), date(2024, 5, 3), date(2024, 5, 6)]
    found = plan_past([coverage("A"), tokyo], days, now=NOW)
    assert [[d.instrument.symbol for d in plan.decisions] for plan in found.plans] == [
        ["A", "B"],
        ["A"],
        ["A"],
    ]


def test_a_backfill_of_days_without_any_bars_is_refused() -> None:
    listed = coverage("NEW", sessions=(date(2024, 5, 2), date(2024, 5, 31)))
    with pytest.raises(InvalidInput, match="no bars of any day"):
        plan_past([listed], [date(2024, 4, 30)], now=NOW)
