"""A pattern is named only where its numbers are there and say so."""

from collections.abc import Sequence
from dataclasses import replace
from math import nan

import numpy as np
import pytest
from tests.builders import calendar, daily_bars

from tapetrail.core.analysis.market_view import derive_view
from tapetrail.core.analysis.patterns import find_patterns
from tapetrail.core.market.bars import Bars, Floats
from tapetrail.core.market.indicators import IndicatorSettings, IndicatorValues

CALENDAR = calendar()
NOTHING = IndicatorValues(sma={})
# Each bar reaches beyond the one before on both sides and closes where it opened: no pattern.
QUIET = 12


def column(values: Sequence[float]) -> Floats:
    return np.array(values, dtype=np.float64)


def quiet(count: int = QUIET) -> Bars:
    width = np.arange(1, count + 1) / 100
    close = np.full(count, 50.0)
    return replace(
        daily_bars(close, on=CALENDAR), open=close, high=close + width, low=close - width
    )


def found(values: IndicatorValues = NOTHING, bars: Bars | None = None) -> tuple[str, ...]:
    return find_patterns(derive_view(bars or quiet(), values, IndicatorSettings(), first_drawn=0))


def test_a_quiet_market_has_no_pattern() -> None:
    assert found() == ()


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [
        ([-1] * 11 + [1], "golden cross at the last bar: SMA 50 moved above SMA 200"),
        ([-1] * 10 + [1, 1], "golden cross 1 bar ago: SMA 50 moved above SMA 200"),
        ([-1, -1] + [1] * 10, "golden cross 9 bars ago: SMA 50 moved above SMA 200"),
        ([1] * 9 + [-1] * 3, "death cross 2 bars ago: SMA 50 moved below SMA 200"),
        ([1] * 6 + [-1, -1, 1, 1, -1, -1], "death cross 1 bar ago: SMA 50 moved below SMA 200"),
        ([1] * 9 + [0, 0, -1], "death cross at the last bar: SMA 50 moved below SMA 200"),
    ],
)
def test_the_latest_cross_of_the_two_longest_averages_in_ten_bars_is_named(
    gaps: Sequence[float], expected: str
) -> None:
    slow = np.full(QUIET, 50.0)
    sma = {200: slow, 20: slow + 9, 50: slow + column(gaps)}
    assert found(replace(NOTHING, sma=sma)) == (expected,)


@pytest.mark.parametrize(
    "gaps",
    [[-1] + [1] * 11, [1] * 12, [1] * 10 + [0, 1], [0] * 12, [nan] * 11 + [1], [-1, nan] * 6],
)
def test_an_old_cross_a_touch_and_an_undefined_average_are_no_cross(
    gaps: Sequence[float],
) -> None:
    slow = np.full(QUIET, 50.0)
    assert found(replace(NOTHING, sma={200: slow, 50: slow + column(gaps)})) == ()
    assert found(replace(NOTHING, sma={200: slow + column(gaps)})) == ()


def test_macd_crossing_its_signal_is_named_for_three_bars() -> None:
    cross = column([-1] * 9 + [1, 1, 1])
    below = replace(NOTHING, macd_histogram=-cross)
    assert found(replace(NOTHING, macd_histogram=cross)) == (
        "MACD moved above its signal line 2 bars ago",
    )
    assert found(below) == ("MACD moved below its signal line 2 bars ago",)
    assert found(replace(NOTHING, macd_histogram=column([-1] * 8 + [1] * 4))) == ()


def test_a_turn_of_supertrend_is_named_for_five_bars() -> None:
    line = np.full(QUIET, 48.0)
    up = np.arange(QUIET) >= QUIET - 5
    turned = replace(NOTHING, supertrend=line, supertrend_up=up)
    assert found(turned) == ("SuperTrend turned up 4 bars ago",)
    assert found(replace(turned, supertrend_up=~up)) == ("SuperTrend turned down 4 bars ago",)
    assert found(replace(turned, supertrend_up=np.arange(QUIET) >= QUIET - 6)) == ()


def test_the_start_of_supertrend_is_no_turn() -> None:
    line = column([nan] * 10 + [48.0, 48.0])
    up = np.array([False] * 10 + [True, True])
    assert found(replace(NOTHING, supertrend=line, supertrend_up=up)) == ()


def test_a_close_beyond_the_twenty_bars_before_is_a_breakout_or_a_breakdown() -> None:
    bars = quiet(21)
    close = bars.close.copy()
    close[-1] = 50.205
    high = np.maximum(bars.high, close)
    assert found(bars=replace(bars, close=close, high=high)) == (
        "20-bar breakout: close 50.205 above 50.2",
    )
    close[-1] = 49.795
    assert found(bars=replace(bars, close=close, low=np.minimum(bars.low, close))) == (
        "20-bar breakdown: close 49.795 below 49.8",
    )
    close[-1] = 50.2
    assert found(bars=replace(bars, close=close)) == ()


def test_twenty_bars_alone_cannot_be_broken_out_of() -> None:
    bars = quiet(20)
    close = bars.close.copy()
    close[-1] = 90.0
    assert found(bars=replace(bars, close=close, high=np.maximum(bars.high, close))) == ()


def test_bands_narrower_than_in_the_119_bars_before_are_a_squeeze() -> None:
    bars = quiet(121)
    middle = np.full(121, 50.0)
    half = np.linspace(3.0, 1.0, 121)

    def bands(widths: Floats) -> IndicatorValues:
        return replace(
            NOTHING,
            bollinger_upper=middle + widths,
            bollinger_middle=middle,
            bollinger_lower=middle - widths,
        )

    assert found(bands(half), bars) == ("Bollinger squeeze: bands 4 % wide, the least in 120 bars",)
    assert found(bands(half[::-1]), bars) == ()
    assert found(bands(np.where(np.arange(121) < 2, nan, half)), bars) == ()
    assert found(bands(np.full(121, 1.0)), bars) == ()


def test_a_short_history_has_no_squeeze() -> None:
    bars = quiet(119)
    middle = np.full(119, 50.0)
    half = np.linspace(3.0, 1.0, 119)
    values = replace(
        NOTHING,
        bollinger_upper=middle + half,
        bollinger_middle=middle,
        bollinger_lower=middle - half,
    )
    assert found(values, bars) == ()


@pytest.mark.parametrize(
    ("strength", "expected"),
    [
        (70.5, ("RSI 70.5 is overbought, above 70",)),
        (29.5, ("RSI 29.5 is oversold, below 30",)),
        (70.0, ()),
        (30.0, ()),
        (nan, ()),
    ],
)
def test_rsi_is_extreme_beyond_70_and_30(strength: float, expected: tuple[str, ...]) -> None:
    assert found(replace(NOTHING, rsi=np.full(QUIET, strength))) == expected


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        (
            ((51, 50), (50, 52)),
            ("bullish engulfing: the last body covers the falling one before it",),
        ),
        (
            ((50, 51), (51, 49)),
            ("bearish engulfing: the last body covers the rising one before it",),
        ),
        (((51, 50), (50, 51)), ()),
        (((50, 51), (51, 50)), ()),
        (((51, 50), (50.5, 52)), ()),
        (((50, 51), (50.5, 49)), ()),
        (((50, 50), (49, 52)), ()),
    ],
)
def test_a_body_that_covers_the_opposite_one_before_it_engulfs_it(
    bodies: tuple[tuple[float, float], tuple[float, float]], expected: tuple[str, ...]
) -> None:
    opens, closes = column([body[0] for body in bodies]), column([body[1] for body in bodies])
    bars = replace(
        daily_bars(closes, on=CALENDAR),
        open=opens,
        high=np.array([60.0, 61.0]),
        low=np.array([40.0, 39.0]),
    )
    assert found(bars=bars) == expected


def test_a_range_within_the_one_before_is_an_inside_bar() -> None:
    bars = quiet(2)
    inside = replace(bars, high=np.array([60.0, 55.0]), low=np.array([40.0, 45.0]))
    assert found(bars=inside) == ("inside bar: the last range lies within the one before it",)
    assert found(bars=replace(inside, low=np.array([40.0, 40.0]))) == ()
    assert found(bars=replace(inside, high=np.array([60.0, 60.0]))) == ()


def test_one_bar_forms_no_pattern() -> None:
    assert found(bars=quiet(1)) == ()
