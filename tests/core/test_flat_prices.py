"""A price that does not move has indicators that do not move, and no residue decides a rule."""

import json
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import calendar, daily_bars

from tapetrail.core.analysis.analyses import ChartAnalysis, SignalType, Trend, parse_reply
from tapetrail.core.analysis.market_view import derive_view, drawn_number, price_resolution
from tapetrail.core.analysis.patterns import find_patterns
from tapetrail.core.analysis.price_levels import resistances, supports
from tapetrail.core.analysis.rules import answer_chart, answer_consolidated, derive_verdict
from tapetrail.core.analysis.trend_rules import read_rules
from tapetrail.core.market.bars import Bars, Floats
from tapetrail.core.market.indicators import IndicatorSettings, derive_indicators
from tapetrail.core.strategy.signal_settings import SignalSettings

YEARS = calendar()
ASKED = IndicatorSettings()
PRICES = st.decimals("0.01", 9_000, places=2).map(float)


def bars_of(closes: Floats, *, spread: float = 0.0) -> Bars:
    # The builder's own bars open and close above 0.
    return replace(
        daily_bars(np.ones(len(closes)), on=YEARS),
        close=closes,
        open=closes.copy(),
        high=closes + spread,
        low=closes - spread,
        volume=np.full(len(closes), 1000.0),
    )


def halted(price: float, *, moving: int, flat: int) -> Bars:
    """Return bars that move, end at a price and stay there."""
    swing = np.round(price * (1.0 + 0.04 * np.sin(np.arange(moving) / 3.0)), 2)
    return bars_of(np.concatenate([swing, np.full(flat, price)]))


def outcomes(bars: Bars) -> dict[str, str]:
    values = derive_indicators(bars, ASKED, first_drawn=0)
    view = derive_view(bars, values, ASKED, first_drawn=0)
    return {rule.name: rule.outcome for rule in read_rules(view)}


@given(PRICES, st.integers(0, 60))
def test_indicators_of_a_flat_stretch_are_exactly_flat(price: float, moving: int) -> None:
    bars = halted(price, moving=moving, flat=400)
    values = derive_indicators(bars, ASKED, first_drawn=0)
    assert all(column[-1] == price for column in values.sma.values())
    edges = (values.bollinger_upper, values.bollinger_middle, values.bollinger_lower)
    assert all(edge is not None and edge[-1] == price for edge in edges)
    zero = (values.atr, values.macd, values.macd_signal, values.macd_histogram)
    assert all(column is not None and column[-1] == 0.0 for column in zero)
    assert values.supertrend is not None
    assert values.supertrend[-1] == pytest.approx(price, rel=1e-9)


def test_a_mean_is_that_of_its_formula_wherever_the_price_moves() -> None:
    import talib  # noqa: PLC0415 # slow to load

    closes = halted(12.53, moving=300, flat=19).close
    assert np.array_equal(
        derive_indicators(bars_of(closes), ASKED, first_drawn=0).sma[20],
        talib.SMA(closes, 20),
        equal_nan=True,
    )


@pytest.mark.parametrize("spike", [9e14, 1e9, 2e5])
def test_one_large_price_leaves_nothing_behind_in_means_and_bands(spike: float) -> None:
    closes = np.concatenate([[spike], halted(12.53, moving=449, flat=0).close])
    values = derive_indicators(bars_of(closes), ASKED, first_drawn=0)
    assert values.sma[200][-1] == pytest.approx(closes[-200:].mean(), rel=1e-14)
    mean, deviation = closes[-20:].mean(), closes[-20:].std()
    assert values.bollinger_upper is not None
    assert values.bollinger_lower is not None
    assert values.bollinger_upper[-1] == pytest.approx(mean + 2 * deviation, rel=1e-14)
    assert values.bollinger_lower[-1] == pytest.approx(mean - 2 * deviation, rel=1e-14)
    short = derive_indicators(bars_of(closes[:10]), ASKED, first_drawn=0)
    assert np.isnan(short.sma[20]).all()
    assert len(short.sma[20]) == 10


@given(PRICES, st.integers(250, 400))
def test_rules_take_no_side_where_the_price_does_not_move(price: float, flat: int) -> None:
    found = outcomes(halted(price, moving=60, flat=flat))
    # RSI keeps what the last move left it with: nothing to nothing changes no ratio.
    sides = {name for name, outcome in found.items() if outcome in {"bullish", "bearish"}}
    assert sides <= {"rsi_zone", "supertrend_direction", "macd_against_signal"}
    assert {name for name, said in outcomes(halted(price, moving=60, flat=500)).items()
            if said in {"bullish", "bearish"}} <= {"rsi_zone"}  # fmt: skip


def test_every_verdict_follows_from_the_numbers_that_are_recorded() -> None:
    for seed in range(20):
        steps = np.random.default_rng(seed).integers(-2, 3, 450)
        bars = bars_of(np.round(50.0 + np.cumsum(steps) / 100, 2), spread=0.01)
        values = derive_indicators(bars, ASKED, first_drawn=0)
        for rule in read_rules(derive_view(bars, values, ASKED, first_drawn=0)):
            if len(rule.numbers) == 2:
                one, other = rule.numbers.values()
                sign = (one > other) - (one < other)
                assert rule.points == sign * rule.weight, rule


def test_numbers_that_are_equal_in_ten_digits_take_no_side() -> None:
    bars = bars_of(np.full(300, 12.53))
    values = derive_indicators(bars, ASKED, first_drawn=0)
    near = replace(values, sma={period: c + 3e-11 for period, c in values.sma.items()})
    verdicts = read_rules(derive_view(bars, near, ASKED, first_drawn=0))
    assert {rule.outcome for rule in verdicts if rule.name.startswith(("close", "sma"))} == {
        "neutral"
    }


def test_a_halted_share_is_held_whatever_its_charts_say() -> None:
    for flat in (30, 100, 300):
        bars = halted(12.53, moving=200, flat=flat)
        values = derive_indicators(bars, ASKED, first_drawn=0)
        reply = parse_reply(ChartAnalysis, answer_chart(bars, values, ASKED, first_drawn=0))
        for trend in (Trend.BULLISH, Trend.BEARISH):
            sided = reply.model_copy(update={"trend": trend})
            chart = derive_verdict(bars, values, sided)
            said = json.loads(answer_consolidated([chart], SignalSettings(), tick=None))
            assert chart.resolution == Decimal("0.01")
            if chart.atr is not None and 2 * chart.atr < chart.resolution:
                assert said["signal_type"] == SignalType.HOLD
                assert "nearer than the finest step of the prices, 0.01" in said["reasoning"]
            else:
                assert flat == 30


def test_a_share_that_moves_by_single_ticks_is_traded_in_ticks() -> None:
    closes = np.where(np.arange(300) % 2, 10.01, 10.0)
    bars = bars_of(closes)
    values = derive_indicators(bars, ASKED, first_drawn=0)
    reply = parse_reply(ChartAnalysis, answer_chart(bars, values, ASKED, first_drawn=0))
    chart = derive_verdict(bars, values, reply.model_copy(update={"trend": Trend.BULLISH}))
    said = json.loads(answer_consolidated([chart], SignalSettings(), tick=Decimal("0.01")))
    assert chart.atr == Decimal("0.01")
    assert (said["entry_price"], said["stop_loss"]) == ("10.01", "9.99")


def test_equal_prices_with_a_moving_volume_say_nothing() -> None:
    bars = bars_of(np.full(300, 7.77))
    bars = replace(bars, volume=np.arange(300, dtype=np.float64) * 100)
    found = outcomes(bars)
    assert found.pop("rsi_zone") == "not_applicable"
    assert set(found.values()) == {"neutral"}


def test_what_cannot_be_told_apart_in_ten_digits_is_no_breakout_and_no_level() -> None:
    residue = 37.59 / 3  # 12.530000000000001
    assert residue > 12.53
    closes = np.full(60, 12.53)
    closes[20], closes[-1] = residue, residue
    bars, asked = bars_of(closes), IndicatorSettings(supertrend=None, rsi=None)
    values = derive_indicators(bars, asked, first_drawn=0)
    assert find_patterns(derive_view(bars, values, asked, first_drawn=0)) == ()
    assert supports(bars, atr=0.0) == resistances(bars, atr=0.0) == ()


@pytest.mark.parametrize(
    ("prices", "step"),
    [([12.53, 12.5], "0.01"), ([100.0, 250.0], "1"), ([0.00001234], "1E-8"), ([37.59 / 3], "0.01")],
)
def test_the_resolution_is_the_last_decimal_that_any_price_has(
    prices: list[float], step: str
) -> None:
    assert price_resolution(bars_of(np.array(prices))) == Decimal(step)


def test_an_average_below_zero_is_no_width_to_compare() -> None:
    closes = np.linspace(-40.0, 30.0, 300)
    bars = bars_of(np.round(closes, 2), spread=0.05)
    values = derive_indicators(bars, ASKED, first_drawn=0)
    with np.errstate(all="raise"):
        found = find_patterns(derive_view(bars, values, ASKED, first_drawn=0))
    assert not [text for text in found if "squeeze" in text]


def test_prices_at_and_below_zero_are_read_and_levels_are_named_above_zero_only() -> None:
    closes = np.round(3.0 + 8.0 * np.sin(np.arange(300) / 6.0), 2)
    bars = bars_of(closes, spread=0.05)
    values = derive_indicators(bars, ASKED, first_drawn=0)
    reply = parse_reply(ChartAnalysis, answer_chart(bars, values, ASKED, first_drawn=0))
    assert all(level > 0 for level in (*reply.support_levels, *reply.resistance_levels))
    below = bars_of(closes - 20.0, spread=0.05)
    values = derive_indicators(below, ASKED, first_drawn=0)
    reply = parse_reply(ChartAnalysis, answer_chart(below, values, ASKED, first_drawn=0))
    assert reply.support_levels == reply.resistance_levels == ()
    chart = derive_verdict(below, values, reply.model_copy(update={"trend": Trend.BULLISH}))
    said = json.loads(answer_consolidated([chart], SignalSettings(), tick=None))
    assert said["signal_type"] == SignalType.HOLD
    assert "orders are planned at prices above 0" in said["reasoning"]
    assert chart.last_close == drawn_number(below.close[-1]) < 0
