"""Bars that break no rule and are odd all the same: the last ones all the same, a leap."""

from dataclasses import replace

import numpy as np
import pytest
from tests.builders import daily_bars, wave

from tapetrail.core.market.bars import Bars
from tapetrail.core.market.oddities import oddities

BARS = daily_bars(wave(60))


def standing(bars: Bars, count: int, *, volume: float = 0.0) -> Bars:
    """Return bars whose last ones are all the same."""

    def still(column: np.ndarray[tuple[int], np.dtype[np.float64]], value: float) -> object:
        held = column.copy()
        held[-count:] = value
        return held

    price = float(bars.close[-count])
    names = ("open", "high", "low", "close")
    columns = {name: still(getattr(bars, name), price) for name in names}
    return replace(bars, volume=still(bars.volume, volume), **columns)


def scaled(bars: Bars, at: int, by: float) -> Bars:
    """Return bars whose prices are multiplied from one on."""
    factor = np.where(np.arange(len(bars)) >= at, by, 1.0)
    names = ("open", "high", "low", "close")
    return replace(bars, **{name: getattr(bars, name) * factor for name in names})


def test_bars_as_they_are_have_nothing_odd() -> None:
    assert oddities(BARS) == ()
    assert oddities(BARS.take(slice(0, 1))) == ()


@pytest.mark.parametrize("volume", [0.0, 5.0, float("nan")])
def test_the_last_bars_all_the_same_are_counted(volume: float) -> None:
    (said,) = oddities(standing(BARS, 20, volume=volume))
    assert said.startswith("The last 20 daily bars are all the same, volumes too: nothing traded")
    assert str(BARS.last_on[-20]) in said
    assert oddities(standing(BARS, 2, volume=volume)) == ()
    (whole,) = oddities(standing(BARS, 60, volume=volume))
    assert whole.startswith("The last 60 daily bars")


def test_a_price_that_stands_while_something_trades_is_not_odd() -> None:
    still = standing(BARS, 10)
    assert oddities(replace(still, volume=np.arange(60.0))) == ()


@pytest.mark.parametrize(("by", "way"), [(50.0, "up"), (0.02, "down")])
def test_a_leap_is_told_with_its_day_and_its_factor(by: float, way: str) -> None:
    (said,) = oddities(scaled(BARS, 30, by))
    assert said.startswith(f"The close leaps {way} by a factor of ")
    assert f"on {BARS.last_on[30]}" in said


def test_half_a_price_and_signed_prices_are_no_leap() -> None:
    assert oddities(scaled(BARS, 30, 0.3)) == ()
    names = ("open", "high", "low", "close")
    below = replace(BARS, **{name: getattr(BARS, name) - 150 for name in names})
    assert oddities(below) == ()
