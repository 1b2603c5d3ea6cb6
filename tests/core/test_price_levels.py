"""Support and resistance are prices at which the market really turned, nearest first."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import calendar, daily_bars

from tapetrail.core.analysis.price_levels import SWING_BARS, PriceLevel, resistances, supports
from tapetrail.core.market.bars import Bars

CALENDAR = calendar()
GRID = st.lists(st.integers(400, 480), min_size=1, max_size=60)


def market(lows: Sequence[float], *, close: float) -> Bars:
    """Return bars with these lows, highs two above, and a last close."""
    low = np.array([*lows, close - 1.0], dtype=np.float64)
    return replace(daily_bars(low + 1.0, on=CALENDAR), open=low + 1.0, high=low + 2.0, low=low)


def mirrored(bars: Bars) -> Bars:
    return replace(
        bars,
        open=1000 - bars.open,
        high=1000 - bars.low,
        low=1000 - bars.high,
        close=1000 - bars.close,
    )


def valley(bottom: float, *, rim: float = 50.0) -> list[float]:
    sides = [rim - (rim - bottom) * step / 6 for step in range(6)]
    return [*sides, bottom, *reversed(sides)]


def prices(levels: Sequence[PriceLevel]) -> list[Decimal]:
    return [level.price for level in levels]


def test_a_swing_low_below_the_close_is_support_at_its_exact_price() -> None:
    bars = market(valley(40.1), close=45)
    assert supports(bars, atr=0.0) == (PriceLevel(price=Decimal("40.1"), swings=1),)


def test_a_swing_low_above_the_close_is_no_support() -> None:
    assert supports(market(valley(40.0), close=39), atr=0.0) == ()


def test_the_last_five_bars_hold_no_swing_yet() -> None:
    lows = valley(40.0)
    bottom = lows.index(40.0)
    # `market` adds the last bar, so these have five and four bars after the bottom.
    assert supports(market(lows[: bottom + SWING_BARS], close=47), atr=0.0)
    assert not supports(market(lows[: bottom + SWING_BARS - 1], close=47), atr=0.0)


def test_a_flat_bottom_is_one_swing_and_a_flat_market_has_none() -> None:
    lows = valley(40.0)
    bottom = lows.index(40.0)
    flat = [*lows[:bottom], 40.0, 40.0, 40.0, *lows[bottom + 1 :]]
    assert supports(market(flat, close=45), atr=0.0)[0].swings == 1
    assert supports(market([40.0] * 40, close=45), atr=0.0) == ()


def test_swings_within_one_range_are_one_level_at_the_nearest_of_them() -> None:
    bars = market([*valley(40.0), *valley(41.0), *valley(38.0)], close=45)
    assert supports(bars, atr=1.0) == (
        PriceLevel(price=Decimal(41), swings=2),
        PriceLevel(price=Decimal(38), swings=1),
    )
    assert prices(supports(bars, atr=0.5)) == [41, 40, 38]


def test_the_three_nearest_levels_are_shown() -> None:
    lows = [low for bottom in (30.0, 40.0, 20.0, 35.0) for low in valley(bottom)]
    assert prices(supports(market(lows, close=45), atr=0.5)) == [40, 35, 30]


@settings(deadline=None)
@given(GRID, st.integers(0, 20))
def test_every_level_is_a_price_whose_ten_neighbours_are_not_beyond_it(
    lows: Sequence[int], range_: int
) -> None:
    bars = market([float(low) for low in lows], close=440.0)
    levels = supports(bars, atr=float(range_))
    held = bars.low.tolist()
    swings = {
        held[at]
        for at in range(SWING_BARS, len(held) - SWING_BARS)
        if held[at] == min(held[at - SWING_BARS : at + SWING_BARS + 1])
    }
    assert {float(level.price) for level in levels} <= swings
    assert all(level.price < 440 for level in levels)
    assert prices(levels) == sorted(prices(levels), reverse=True)
    gaps = -np.diff([float(level.price) for level in levels])
    assert (gaps > range_).all()


@settings(deadline=None)
@given(GRID, st.integers(0, 20))
def test_resistance_mirrors_support(lows: Sequence[int], range_: int) -> None:
    bars = market([float(low) for low in lows], close=440.0)
    below = supports(bars, atr=float(range_))
    above = resistances(mirrored(bars), atr=float(range_))
    assert [(1000 - level.price, level.swings) for level in above] == [
        (level.price, level.swings) for level in below
    ]
