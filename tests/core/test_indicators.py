"""Indicators follow their stated conventions, checked against exact arithmetic and invariances."""

import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import calendar, daily_bars, wave
from tests.core import oracles

from tapetrail.core.canonical import canonical_json
from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Bars, Flags, Floats
from tapetrail.core.market.indicators import (
    IndicatorSettings,
    IndicatorValues,
    applied,
    derive_indicators,
)

CALENDAR = calendar()
SHORT = IndicatorSettings(
    sma=(2, 5),
    bollinger=(5, Decimal("1.5")),
    supertrend=(3, Decimal("1.25")),
    rsi=4,
    macd=(3, 6, 4),
    atr=4,
)
# Four-decimal closes published with StockCharts' worked example of RSI(14), and its results.
STOCKCHARTS_CLOSES = (
    44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826,
    45.8931, 46.0328, 45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439,
    46.2122, 46.2521, 45.7137, 46.4515, 45.7835, 45.3548, 44.0288, 44.1783, 44.2181, 44.5672,
    43.4205, 42.6628, 43.1314,
)  # fmt: skip
STOCKCHARTS_RSI = (
    70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93, 63.26, 56.06, 62.38, 54.71, 50.42, 39.99,
    41.46, 41.87, 45.46, 37.30, 33.08, 37.77,
)  # fmt: skip


@st.composite
def markets(draw: st.DrawFn, *, longest: int = 40) -> Bars:
    """Return bars on a grid of quarters, so that equal prices, gaps and flat stretches occur."""
    count = draw(st.integers(0, longest))
    quarters = st.lists(st.integers(40, 200), min_size=count, max_size=count)
    reaches = st.lists(st.integers(0, 12), min_size=count, max_size=count)
    closes, opens = (np.array(draw(quarters), dtype=np.float64) / 4 for _ in range(2))
    above, below = (np.array(draw(reaches), dtype=np.float64) / 4 for _ in range(2))
    volumes = st.lists(st.integers(0, 1000), min_size=count, max_size=count)
    return replace(
        daily_bars(closes, on=CALENDAR, volumes=draw(volumes)),
        open=opens,
        high=np.maximum(opens, closes) + above,
        low=np.minimum(opens, closes) - below,
    )


def candles(bars: Bars) -> oracles.Candles:
    return oracles.Candles(
        high=oracles.exact(bars.high.tolist()),
        low=oracles.exact(bars.low.tolist()),
        close=oracles.exact(bars.close.tolist()),
    )


def same(column: Floats | None, expected: Sequence[Fraction | float | None]) -> bool:
    assert column is not None
    wanted = np.array([math.nan if value is None else float(value) for value in expected])
    return column.shape == wanted.shape and np.allclose(
        column, wanted, rtol=1e-9, atol=1e-9, equal_nan=True
    )


def columns(values: IndicatorValues) -> dict[str, Floats | Flags | None]:
    named = {field.name: getattr(values, field.name) for field in fields(values)[1:]}
    return {f"sma_{period}": column for period, column in values.sma.items()} | named


@settings(deadline=None)
@given(markets())
def test_averages_and_bands_equal_exact_arithmetic(bars: Bars) -> None:
    values = derive_indicators(bars, SHORT, first_drawn=0)
    closes = candles(bars).close
    assert all(same(values.sma[period], oracles.sma(closes, period)) for period in (2, 5))
    middle, spread = oracles.sma(closes, 5), oracles.deviation(closes, 5)
    for sign, column in (
        (1.5, values.bollinger_upper),
        (0.0, values.bollinger_middle),
        (-1.5, values.bollinger_lower),
    ):
        band = [
            None if mean is None or width is None else float(mean) + sign * width
            for mean, width in zip(middle, spread, strict=True)
        ]
        assert column is not None
        assert np.allclose(
            column, np.array(band, dtype=np.float64), rtol=0, atol=1e-6, equal_nan=True
        )


@settings(deadline=None)
@given(markets())
def test_wilder_and_exponential_means_equal_exact_arithmetic(bars: Bars) -> None:
    values = derive_indicators(bars, SHORT, first_drawn=0)
    exact = candles(bars)
    line, signal, histogram = oracles.macd(exact.close, fast=3, slow=6, signal=4)
    assert same(values.rsi, oracles.rsi(exact.close, 4))
    assert same(values.atr, oracles.atr(exact, 4))
    assert same(values.macd, line)
    assert same(values.macd_signal, signal)
    assert same(values.macd_histogram, histogram)


@settings(deadline=None)
@given(markets())
def test_supertrend_equals_exact_arithmetic(bars: Bars) -> None:
    # Prices are quarters and Wilder divides by 3: a band is either exact in floats too, or has a
    # power of 3 below the line that no price and no other band has. So rounding decides no tie.
    values = derive_indicators(bars, SHORT, first_drawn=0)
    line, up = oracles.supertrend(candles(bars), 3, Fraction(5, 4))
    assert same(values.supertrend, line)
    assert values.supertrend_up is not None
    assert values.supertrend_up.tolist() == up


@settings(deadline=None)
@given(markets(), st.integers(0, 40))
def test_obv_starts_at_0_in_the_first_drawn_bar(bars: Bars, first_drawn: int) -> None:
    first = min(first_drawn, len(bars))
    values = derive_indicators(bars, SHORT, first_drawn=first)
    if not (bars.volume[first:] > 0).any():
        assert values.obv is None
    else:
        volumes = oracles.exact(bars.volume.tolist())
        assert same(values.obv, oracles.obv(candles(bars).close, volumes, first))


@pytest.mark.parametrize("volume", [0.0, math.nan])
def test_without_volume_in_the_drawn_bars_there_is_no_obv(volume: float) -> None:
    bars = daily_bars(wave(10), on=CALENDAR, volumes=[5.0] * 6 + [volume] * 4)
    assert derive_indicators(bars, SHORT, first_drawn=6).obv is None
    assert derive_indicators(bars, SHORT, first_drawn=5).obv is not None


def test_a_missing_volume_is_not_0_and_leaves_the_rest_of_obv_undefined() -> None:
    bars = daily_bars([10, 11, 12, 11, 12], on=CALENDAR, volumes=[math.nan, 4, math.nan, 2, 1])
    values = derive_indicators(bars, SHORT, first_drawn=0)
    assert same(values.obv, [0, 4, None, None, None])


def test_rsi_equals_the_published_series_of_stockcharts() -> None:
    bars = daily_bars(STOCKCHARTS_CLOSES, on=CALENDAR)
    values = derive_indicators(bars, IndicatorSettings(), first_drawn=0)
    assert values.rsi is not None
    assert np.isnan(values.rsi[:14]).all()
    assert tuple(np.round(values.rsi[14:], 2).tolist()) == STOCKCHARTS_RSI


def test_rsi_is_undefined_until_the_price_has_moved_and_stays_defined_after() -> None:
    flat = [20.0] * 30
    still = derive_indicators(daily_bars(flat, on=CALENDAR), SHORT, first_drawn=0)
    moved = derive_indicators(daily_bars([*flat, *[21.0] * 900], on=CALENDAR), SHORT, first_drawn=0)
    assert still.rsi is not None
    assert np.isnan(still.rsi).all()
    assert moved.rsi is not None
    assert np.isnan(moved.rsi[:30]).all()
    assert (moved.rsi[30:] == 100.0).all()


def test_a_close_on_the_supertrend_band_turns_nothing() -> None:
    # True range 2 throughout; with width 1 the first upper band is 102.
    closes = np.array([100.0, 100, 100, 100, 102, 102.5, 100.5, 100.25])
    bars = replace(
        daily_bars(closes, on=CALENDAR),
        open=closes,
        high=np.array([101.0, 101, 101, 101, 102, 103, 102.5, 101]),
        low=np.array([99.0, 99, 99, 99, 100, 101, 100.5, 99]),
    )
    settings_ = replace(SHORT, supertrend=(3, Decimal(1)))
    values = derive_indicators(bars, settings_, first_drawn=0)
    assert values.supertrend_up is not None
    assert values.supertrend is not None
    assert values.supertrend[3:5].tolist() == [102.0, 102.0]
    assert values.supertrend_up.tolist()[3:6] == [False, False, True]


def test_the_first_defined_supertrend_bar_points_down_wherever_it_closes() -> None:
    bars = daily_bars([10, 20, 30, 40, 50], on=CALENDAR)
    values = derive_indicators(bars, replace(SHORT, supertrend=(3, Decimal("0.01"))), first_drawn=0)
    assert values.supertrend_up is not None
    assert values.supertrend_up.tolist() == [False, False, False, False, True]


def test_with_fewer_bars_than_the_lookback_every_column_is_undefined() -> None:
    asked = replace(IndicatorSettings(), obv=False)
    for count in range(10):
        values = derive_indicators(daily_bars(wave(count), on=CALENDAR), asked, first_drawn=0)
        assert values.supertrend_up is not None
        assert not values.supertrend_up.any()
        for column in columns(replace(values, supertrend_up=None)).values():
            assert column is None or (column.shape == (count,) and bool(np.isnan(column).all()))


@pytest.mark.parametrize(
    ("asked", "lookback"),
    [
        (IndicatorSettings(), 199),
        (replace(IndicatorSettings(), sma=(20, 50)), 49),
        (replace(IndicatorSettings(), sma=()), 33),
        (replace(IndicatorSettings(), sma=(), macd=None, bollinger=(40, Decimal(2))), 39),
        (replace(IndicatorSettings(), sma=(), macd=None), 19),
        (replace(IndicatorSettings(), sma=(), macd=None, bollinger=None), 14),
        (
            IndicatorSettings(
                sma=(),
                bollinger=None,
                supertrend=(7, Decimal(3)),
                rsi=None,
                macd=None,
                obv=False,
                atr=None,
            ),
            7,
        ),
        (
            IndicatorSettings(
                sma=(),
                bollinger=None,
                supertrend=None,
                rsi=None,
                macd=None,
                obv=False,
                atr=None,
            ),
            0,
        ),
    ],
)
def test_after_the_longest_lookback_and_not_before_every_indicator_has_a_value(
    asked: IndicatorSettings, lookback: int
) -> None:
    assert asked.longest_lookback == lookback
    values = derive_indicators(
        daily_bars(wave(lookback + 1), on=CALENDAR), replace(asked, obv=False), first_drawn=0
    )
    found = [column for column in columns(values).values() if column is not None]
    assert not any(np.isnan(column[lookback:]).any() for column in found)
    assert not found or any(np.isnan(column[:lookback]).all() for column in found)


@settings(deadline=None)
@given(markets(), st.integers(0, 40))
def test_no_value_changes_when_later_bars_arrive(bars: Bars, cut: int) -> None:
    early = bars.take(slice(0, cut))
    before = columns(derive_indicators(early, replace(SHORT, obv=False), first_drawn=0))
    after = columns(derive_indicators(bars, replace(SHORT, obv=False), first_drawn=0))
    for name, column in before.items():
        later = after[name]
        assert (
            column is None
            if later is None
            else np.array_equal(later[:cut], column if column is not None else [], equal_nan=True)
        )


@settings(deadline=None)
@given(markets(), st.integers(-30, 30))
def test_prices_in_another_unit_give_the_same_values_in_that_unit(bars: Bars, power: int) -> None:
    scale = 2.0**power
    other = replace(
        bars,
        open=bars.open * scale,
        high=bars.high * scale,
        low=bars.low * scale,
        close=bars.close * scale,
    )
    one = columns(derive_indicators(bars, SHORT, first_drawn=0))
    two = columns(derive_indicators(other, SHORT, first_drawn=0))
    for name, column in one.items():
        scaled = two[name]
        if column is None or scaled is None:
            assert column is scaled is None
        elif name in {"rsi", "obv", "supertrend_up"}:
            assert np.allclose(scaled, column, rtol=1e-9, atol=1e-9, equal_nan=True)
        else:
            assert np.allclose(scaled / scale, column, rtol=1e-9, atol=1e-6, equal_nan=True)


@settings(deadline=None)
@given(markets(), st.integers(1, 500))
def test_a_constant_on_all_prices_moves_the_averages_and_nothing_else(
    bars: Bars, shift: int
) -> None:
    other = replace(
        bars,
        open=bars.open + shift,
        high=bars.high + shift,
        low=bars.low + shift,
        close=bars.close + shift,
    )
    one = columns(derive_indicators(bars, SHORT, first_drawn=0))
    two = columns(derive_indicators(other, SHORT, first_drawn=0))
    for name in ("sma_2", "sma_5", "bollinger_middle", "supertrend"):
        assert same(two[name] - shift, one[name].tolist())  # pyright: ignore[reportOptionalOperand, reportOptionalMemberAccess, reportArgumentType] # asked for above
    for name in ("rsi", "atr", "macd", "macd_signal", "macd_histogram"):
        assert np.allclose(two[name], one[name], rtol=0, atol=1e-8, equal_nan=True)  # pyright: ignore[reportArgumentType] # asked for above


@settings(deadline=None)
@given(markets(), st.integers(0, 40))
def test_a_bar_that_is_not_complete_feeds_no_indicator_and_has_no_value(
    bars: Bars, first_drawn: int
) -> None:
    partial = replace(bars, complete=np.arange(len(bars)) < len(bars) - 1)
    first = min(first_drawn, len(bars))
    whole = bars.take(partial.complete)
    values = columns(derive_indicators(partial, SHORT, first_drawn=first))
    without = columns(derive_indicators(whole, SHORT, first_drawn=min(first, len(whole))))
    for name, column in values.items():
        expected = without[name]
        if column is None or expected is None:
            assert column is expected is None
        else:
            assert np.array_equal(column[: len(whole)], expected, equal_nan=True)
            blank = column[len(whole) :]
            assert not blank.any() if name == "supertrend_up" else np.isnan(blank).all()


def test_what_is_not_asked_for_is_none() -> None:
    nothing = IndicatorSettings(
        sma=(), bollinger=None, supertrend=None, rsi=None, macd=None, obv=False, atr=None
    )
    values = derive_indicators(daily_bars(wave(300), on=CALENDAR), nothing, first_drawn=0)
    assert set(columns(values).values()) == {None}


@pytest.mark.parametrize("first_drawn", [-1, 11])
def test_the_first_drawn_bar_must_be_one_of_the_bars(first_drawn: int) -> None:
    bars = daily_bars(wave(10), on=CALENDAR)
    with pytest.raises(InvalidInput, match=f"first drawn bar {first_drawn} of 10"):
        derive_indicators(bars, SHORT, first_drawn=first_drawn)


def test_columns_of_different_shapes_are_refused() -> None:
    values = derive_indicators(daily_bars(wave(10), on=CALENDAR), SHORT, first_drawn=0)
    with pytest.raises(InvalidInput, match=r"expected one \(n,\)"):
        replace(values, rsi=np.zeros(9))
    with pytest.raises(InvalidInput, match=r"expected one \(n,\)"):
        replace(
            derive_indicators(daily_bars(wave(10), on=CALENDAR), SHORT, first_drawn=0),
            sma={2: np.zeros((10, 2))},
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sma": (1,)}, "SMA: period 1 "),
        ({"sma": (20, 1001)}, "SMA: period 1001 "),
        ({"sma": (20, 20)}, r"SMA: the periods \[20, 20\] name one twice"),
        ({"bollinger": (0, Decimal(2))}, "Bollinger: period 0 "),
        ({"bollinger": (20, Decimal(0))}, "Bollinger: width 0 "),
        ({"supertrend": (10, Decimal("NaN"))}, "SuperTrend: width NaN "),
        ({"supertrend": (10, Decimal(101))}, "SuperTrend: width 101 "),
        ({"rsi": -14}, "RSI: period -14 "),
        ({"macd": (26, 12, 9)}, "MACD: the fast period 26 must be shorter than the slow one, 12"),
        ({"macd": (12, 26, 1)}, "MACD: period 1 "),
        ({"atr": 1}, "ATR: period 1 "),
    ],
)
def test_settings_out_of_range_are_refused_by_name(change: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        replace(IndicatorSettings(), **change)


def test_the_record_names_every_indicator_and_the_version_of_its_conventions() -> None:
    assert canonical_json(applied(IndicatorSettings())).decode() == (
        '{"ATR":14,"Bollinger":[20,"2"],"MACD":[12,26,9],"OBV":true,"RSI":14,"SMA":[20,50,200],'
        '"SuperTrend":[10,"3"],"conventions":1}'
    )
    nothing = IndicatorSettings(
        sma=(), bollinger=None, supertrend=None, rsi=None, macd=None, obv=False, atr=None
    )
    assert applied(nothing) == {
        "conventions": 1,
        "SMA": [],
        "Bollinger": None,
        "SuperTrend": None,
        "RSI": None,
        "MACD": None,
        "OBV": False,
        "ATR": None,
    }


def test_reading_settings_does_not_wait_for_talib_and_what_it_loads() -> None:
    module = "tapetrail.core.market.indicators"
    code = f"import sys, {module}; print({{'talib', 'pandas'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
