"""A vendor's weeks before its days begin: joined where both agree, refused where they do not."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pytest
from tests.builders import daily_bars, wave

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import WEEKLY, Bars
from tapetrail.core.market.histories import derive_bars
from tapetrail.core.market.longer_histories import Extended, Periods, extend_back
from tapetrail.sources.calendars import load_calendar

CALENDAR: Final = load_calendar("XNYS")
AS_OF: Final = datetime(2026, 11, 20, 21, tzinfo=UTC)
DAILY: Final = daily_bars(wave(400), on=CALENDAR)
WEEKS: Final = derive_bars(DAILY, WEEKLY, calendar=CALENDAR, as_of=AS_OF)
LATE: Final = DAILY.take(slice(300, None))
DERIVED: Final = derive_bars(LATE, WEEKLY, calendar=CALENDAR, as_of=AS_OF)


def changed(bars: Bars, name: str, by: float) -> Bars:
    column = getattr(bars, name).copy()
    column[-3] *= by
    return replace(bars, **{name: column})


def extended(vendors: Bars, *, days: int = 100) -> Extended:
    return extend_back(DERIVED, vendors, days=days, calendar=CALENDAR)


def test_the_vendors_weeks_go_before_those_of_the_days() -> None:
    found = extended(WEEKS, days=len(LATE))
    assert len(found.bars) == len(WEEKS)
    np.testing.assert_array_equal(found.bars.close, WEEKS.close)
    assert (found.own, found.confirmed) == (len(WEEKS) - len(DERIVED), len(DERIVED))
    assert found.remark is not None
    assert f"100 daily bars confirm the {len(DERIVED)} after them" in found.remark
    window = found.within(found.bars.take(slice(-len(DERIVED) - 3, None)))
    assert window.own == 3
    assert found.within(DERIVED).remark is None


def test_weeks_that_the_days_have_all_of_add_nothing() -> None:
    found = extend_back(WEEKS, WEEKS.take(slice(5, None)), days=400, calendar=CALENDAR)
    assert found.bars is WEEKS
    assert (found.own, found.remark) == (0, None)


@pytest.mark.parametrize(("name", "by"), [("open", 1.00001), ("high", 1.001), ("low", 0.999)])
def test_a_price_of_another_history_is_refused_by_its_week(name: str, by: float) -> None:
    with pytest.raises(InvalidInput, match=rf"1w bar of .* to .*: {name} "):
        extended(changed(WEEKS, name, by))


def test_prices_rounded_in_two_ways_are_one_and_a_missing_volume_is_no_difference() -> None:
    rounded = changed(WEEKS, "open", 1 + 1e-9)
    volume = WEEKS.volume.copy()
    volume[-4] = np.nan
    extended(replace(rounded, volume=volume))
    with pytest.raises(InvalidInput, match="volume"):
        extended(changed(WEEKS, "volume", 100))


def test_weeks_that_no_day_can_confirm_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no week is in both"):
        extended(WEEKS.take(slice(0, 10)))


def test_a_day_outside_of_every_period_has_none() -> None:
    periods = Periods.of(CALENDAR, WEEKLY)
    days = np.array(["1901-01-01", "2026-11-18", "2026-11-21"], dtype="datetime64[D]")
    none, week, weekend = periods.holding(days).tolist()
    assert (none, week) == (-1, weekend)
    assert str(periods.calendar.sessions[week]) == "2026-11-20"


def test_weeks_that_the_vendor_left_out_are_counted_and_named() -> None:
    hole = np.isin(np.arange(len(WEEKS)), [7, 8, 9])
    found = extended(WEEKS.take(~hole))
    assert found.lacking.tolist() == WEEKS.last_on[7:10].tolist()
    first, last = WEEKS.last_on[7], WEEKS.last_on[9]
    assert found.lack == f"3 weeks of them, from that to {first} to that to {last}, have no bar"
    assert found.remark is not None
    assert found.remark.endswith(found.lack)
    # Those before a window are nothing to it.
    assert found.within(found.bars.take(slice(20, None))).lack == ""
    one = extended(WEEKS.take(np.arange(len(WEEKS)) != 7))
    assert one.lack == f"1 week of them, to {first}, has no bar"
