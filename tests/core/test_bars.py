"""Bars, calendars and instruments refuse to exist when they break a rule."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import numpy as np
import pytest
from tests.builders import calendar, daily_bars, days_of, instrument, utc, wave

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import (
    WEEKLY,
    Bars,
    Split,
    Timeframe,
    instant_of,
)


def test_an_instrument_is_shown_by_symbol_exchange_and_currency() -> None:
    assert str(instrument("IBM", exchange="XNYS")) == "IBM (XNYS, USD)"


def test_a_price_at_its_bound_is_allowed() -> None:
    flat = np.full(3, 5.0)
    bars = replace(daily_bars([1, 2, 3]), open=flat, high=flat, low=flat, close=flat)
    assert len(bars) == 3


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("open", np.nan, "open, high, low and close are finite"),
        ("close", np.inf, "open, high, low and close are finite"),
        ("low", 10.5, "low is at or below open and close"),
        ("high", 9.5, "high is at or above open and close"),
        ("volume", -1.0, "volume is missing, or finite and not negative"),
        ("volume", np.inf, "volume is missing, or finite and not negative"),
    ],
)
def test_a_bar_that_breaks_a_price_rule_is_refused_by_name(
    column: str, value: float, rule: str
) -> None:
    good = daily_bars([10, 10, 10])
    broken = getattr(good, column).copy()
    broken[1] = value
    with pytest.raises(InvalidInput, match=f"bar 2026-11-19: .* break the rule that {rule}") as no:
        replace(good, **{column: broken})
    assert no.value.kind is ErrorKind.BAD_BARS


def test_a_missing_volume_is_allowed() -> None:
    assert np.isnan(daily_bars([10], volumes=[np.nan]).volume[0])


def test_a_column_of_another_length_is_refused() -> None:
    good = daily_bars([10, 11])
    with pytest.raises(InvalidInput, match=r"column high has shape \(1,\), expected \(2,\)"):
        replace(good, high=good.high[:1])


def test_bars_out_of_order_are_refused() -> None:
    good = daily_bars([10, 11])
    with pytest.raises(InvalidInput, match="time must strictly increase"):
        replace(good, opened_at=good.opened_at[::-1])


def test_a_time_that_is_missing_is_refused() -> None:
    good = daily_bars([10, 11])
    nowhen = np.array(["2026-11-19T14:30", "NaT"], dtype="datetime64[us]")
    with pytest.raises(InvalidInput, match="time must strictly increase"):
        replace(good, opened_at=nowhen)


def test_two_bars_of_one_session_are_refused() -> None:
    good = daily_bars([10, 11])
    twice = days_of([good.last_on[0].item()] * 2)
    with pytest.raises(InvalidInput, match="a session belongs to one bar"):
        replace(good, first_on=twice, last_on=twice)


def test_intraday_bars_share_their_session() -> None:
    good = daily_bars([10, 11])
    same = days_of([good.last_on[1].item()] * 2)
    bars = replace(good, timeframe=Timeframe.parse("1h"), first_on=same, last_on=same)
    assert len(bars) == 2


def test_a_bar_that_closes_before_it_opens_is_refused() -> None:
    good = daily_bars([10, 11])
    with pytest.raises(InvalidInput, match="a bar closes after it opens"):
        replace(good, closed_at=good.opened_at)


def test_a_bar_that_ends_before_its_first_session_is_refused() -> None:
    good = replace(daily_bars([10]), timeframe=WEEKLY)
    with pytest.raises(InvalidInput, match="its last session is not before its first"):
        replace(good, first_on=good.last_on + 1)


def test_a_daily_bar_of_two_sessions_is_refused() -> None:
    good = daily_bars([10])
    with pytest.raises(InvalidInput, match="a bar of 1d lies in one session"):
        replace(good, first_on=good.last_on - 1)


@pytest.mark.parametrize(("currency", "unit"), [("US D", "shares"), ("USD", ""), ("USD", "lots\n")])
def test_a_currency_or_unit_that_is_not_one_word_is_refused(currency: str, unit: str) -> None:
    with pytest.raises(InvalidInput, match="must be one word of printable ASCII"):
        replace(daily_bars([10]), currency=currency, volume_unit=unit)


def test_taking_bars_keeps_their_order_and_what_they_are() -> None:
    bars = daily_bars(wave(30))
    some = bars.take(bars.close > 105)
    assert isinstance(some, Bars)
    assert some.currency == "USD"
    assert some.close.tolist() == [close for close in bars.close.tolist() if close > 105]


def test_a_calendar_without_sessions_is_refused() -> None:
    good = calendar()
    with pytest.raises(InvalidInput, match="calendar TEST: has no sessions"):
        replace(good, sessions=good.sessions[:0])


def test_a_calendar_with_more_sessions_than_opens_is_refused() -> None:
    good = calendar()
    with pytest.raises(InvalidInput, match=r"sessions with \(1,\) opens"):
        replace(good, opened_at=good.opened_at[:1])


@pytest.mark.parametrize("column", ["sessions", "opened_at", "closed_at"])
def test_a_calendar_out_of_order_is_refused(column: str) -> None:
    good = calendar()
    with pytest.raises(InvalidInput, match="sessions must strictly increase"):
        replace(good, **{column: getattr(good, column)[::-1]})


def test_a_session_that_closes_before_it_opens_is_refused() -> None:
    good = calendar()
    with pytest.raises(InvalidInput, match="each session closes after it opens"):
        replace(good, closed_at=good.opened_at)


@pytest.mark.parametrize("ratio", ["0", "-2", "NaN", "Infinity"])
def test_a_split_by_no_number_above_zero_is_refused(ratio: str) -> None:
    with pytest.raises(InvalidInput, match="must be a number above 0"):
        Split(ex_on=utc("2026-11-20").date(), ratio=Decimal(ratio))


def test_an_instant_is_compared_in_utc() -> None:
    eastern = datetime.fromisoformat("2026-11-20T16:00:00-05:00")
    assert instant_of(eastern) == np.datetime64("2026-11-20T21:00")


def test_a_time_without_a_zone_is_no_instant() -> None:
    with pytest.raises(InvalidInput, match="an instant carries a zone"):
        instant_of(utc("2026-11-20").replace(tzinfo=None))
