"""Rows that are no daily bars are named as what they look like, before anything is made of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pytest
from tests.builders import calendar, instrument
from tests.edges.normalising import ROW, SPLIT, read_frame

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Calendar, Days
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.tabular.normaliser import DataConventions, bars_of

NEW_YORK = load_calendar("XNYS")
EVER_OPEN = load_calendar("24/7")
YEAR = NEW_YORK.sessions[
    (NEW_YORK.sessions >= np.datetime64("2023-01-01"))
    & (NEW_YORK.sessions < np.datetime64("2024-01-01"))
]
WEEKDAYS = (YEAR.astype(np.int64) + 3) % 7


def found(
    times: Sequence[object],
    *,
    on: Calendar = NEW_YORK,
    conventions: DataConventions = SPLIT,
    volumes: Sequence[float] | None = None,
) -> int:
    """Return how many bars rows at these times are."""
    volume = [100.0] * len(times) if volumes is None else volumes
    data = [{"date": t, **ROW, "volume": v} for t, v in zip(times, volume, strict=True)]
    raw = read_frame(data, symbol="AAPL")
    return len(bars_of(raw, instrument=instrument(), calendar=on, conventions=conventions).bars)


def refusal(times: Sequence[object], *, on: Calendar = NEW_YORK) -> str:
    with pytest.raises(InvalidInput) as caught:
        found(times, on=on)
    assert caught.value.kind is ErrorKind.BAD_BARS
    return caught.value.message


def dates(days: object) -> list[str]:
    return [str(day) for day in np.asarray(days, dtype="datetime64[D]")]


def weekly(first: str, last: str) -> Days:
    return np.arange(np.datetime64(first), np.datetime64(last), np.timedelta64(7, "D"))


@pytest.mark.parametrize("weekday", range(5))
def test_weekly_bars_are_named_whatever_day_they_carry(weekday: int) -> None:
    fridays = weekly("2012-01-06", "2023-12-30") - (4 - weekday)
    message = refusal(dates(fridays))
    assert "four of five sessions have no bar, these look like weekly bars (" in message
    # A label may be a holiday: what is wrong is the week, not the day.
    assert "is no session" not in message


def test_weekly_bars_are_named_by_a_calendar_that_never_closes() -> None:
    sundays = weekly("2022-01-02", "2023-12-30")
    message = refusal(dates(sundays), on=EVER_OPEN)
    assert "six of seven sessions have no bar, these look like weekly bars" in message


def test_a_week_that_comes_twice_is_still_a_week() -> None:
    fridays = weekly("2022-01-07", "2023-12-30")
    message = refusal(dates([*fridays, fridays[-1] - 1]))
    assert "these look like weekly bars" in message


def test_identical_weeks_of_daily_bars_collapse_and_others_are_refused() -> None:
    days = dates(YEAR[:20])
    assert found(days + days[5:10]) == 20
    with pytest.raises(InvalidInput, match="conflicts with"):
        found(days + days[5:10], volumes=[100.0] * 20 + [99.0] * 5)


@pytest.mark.parametrize("label", ["MS", "ME"])
def test_monthly_bars_are_named(label: str) -> None:
    months = np.arange(540, 647).astype("datetime64[M]").astype("datetime64[D]")
    days = months if label == "MS" else months - 1
    message = refusal(dates(days), on=EVER_OPEN)
    assert "29 of 30 sessions have no bar, these look like monthly bars" in message


@pytest.mark.parametrize(("step", "named"), [(2, "one of two"), (3, "two of three"), (7, "six of")])
def test_bars_of_every_nth_session_are_named(step: int, named: str) -> None:
    message = refusal(dates(YEAR[::step]))
    assert f"{named}" in message
    assert "have no bar, these look like" in message


def test_every_fifth_session_is_a_week() -> None:
    assert "these look like weekly bars" in refusal(dates(YEAR[::5]))


@pytest.mark.parametrize("kept", [(0, 2), (0, 1, 2, 3)])
def test_days_that_are_missing_without_a_rhythm_are_left_to_the_strategy(
    kept: tuple[int, ...],
) -> None:
    days = YEAR[np.isin(WEEKDAYS, kept)]
    assert found(dates(days)) == len(days)


def test_few_bars_and_a_share_that_trades_now_and_then_have_no_rhythm() -> None:
    assert found(dates(YEAR[:35:5])) == 7
    traded = np.sort(np.random.default_rng(7).choice(YEAR, 60, replace=False))
    assert found(dates(traded)) == 60


@pytest.mark.parametrize(("hours", "span"), [((9, 10, 11, 12, 13, 14, 15), "1h"), ((9, 13), "4h")])
def test_intraday_bars_are_named_by_their_span(hours: Sequence[int], span: str) -> None:
    times = [f"{day}T{hour:02}:30:00-05:00" for day in dates(YEAR[:20]) for hour in hours]
    assert f"mostly {span} apart: these look like {span} bars" in refusal(times)


def test_bars_of_half_a_day_are_named_where_trading_never_stops() -> None:
    begin = datetime.fromisoformat("2023-01-01T00:00:00+00:00")
    times = [(begin + timedelta(hours=12 * at)).isoformat() for at in range(60)]
    assert "60 rows for 30 sessions, mostly 12h apart: these look like 12h bars" in refusal(
        times, on=EVER_OPEN
    )


def test_intraday_bars_that_carry_dates_alone_are_named_where_they_conflict() -> None:
    times = [day for day in dates(YEAR[:20]) for _ in range(2)]
    with pytest.raises(InvalidInput, match="these look like intraday bars"):
        found(times, volumes=[float(at) for at in range(40)])


def test_stamps_of_the_end_of_a_session_are_named_where_the_next_one_begins_then() -> None:
    futures = load_calendar("CMES")
    begins = int(np.searchsorted(futures.sessions, np.datetime64("2024-01-08")))
    closes = futures.closed_at[begins : begins + 30]
    message = refusal([f"{close}+00:00" for close in closes], on=futures)
    assert "these look like stamps of the session's end (CMES)" in message
    assert "write the session's date instead" in message
    opens = futures.opened_at[begins : begins + 30]
    assert found([f"{instant}+00:00" for instant in opens], on=futures) == 30


def test_a_stamp_at_the_close_is_the_session_that_closes_where_no_other_begins() -> None:
    at = int(np.searchsorted(NEW_YORK.sessions, np.datetime64("2023-01-03")))
    assert found([f"{close}+00:00" for close in NEW_YORK.closed_at[at : at + 20]]) == 20


def test_midnights_of_daily_bars_have_no_rhythm_of_hours() -> None:
    assert found([f"{day} 00:00:00" for day in dates(YEAR)]) == len(YEAR)


def test_a_small_calendar_knows_its_weeks_too() -> None:
    israel = calendar(weekdays=(6, 0, 1, 2, 3))
    sundays = [str(day) for day in weekly("2022-01-02", "2023-12-30")]
    assert "these look like weekly bars" in refusal(sundays, on=israel)
