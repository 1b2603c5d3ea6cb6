"""All charts together: when the built-in analyst acts, at which prices, and why it holds."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import calendar, daily_bars

from tapetrail.core.analysis.analyses import (
    ChartAnalysis,
    ConsolidatedAnalysis,
    RuleOutcome,
    SignalType,
    Trend,
    parse_reply,
)
from tapetrail.core.analysis.rules import answer_chart, answer_consolidated, derive_verdict
from tapetrail.core.analysis.signals import derive_signal
from tapetrail.core.analysis.trade_plan import TimeframeVerdict
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import DAILY, WEEKLY, Bars, Floats, Timeframe
from tapetrail.core.market.indicators import IndicatorSettings, derive_indicators
from tapetrail.core.strategy.signal_settings import SellMeaning, SignalSettings

CALENDAR = calendar()
ASKED = IndicatorSettings()
SIGNALS = SignalSettings()
EXIT = SignalSettings(sell_means=SellMeaning.EXIT)
CENT = Decimal("0.01")
DAYS = np.arange(300, dtype=np.float64)
RISING: Floats = np.round(100.0 * np.power(1.004, DAYS) * (1.0 + 0.02 * np.sin(DAYS / 2.0)), 2)


def market(closes: Sequence[float] | Floats) -> Bars:
    return daily_bars(closes, on=CALENDAR)


def reading(
    trend: Trend,
    confidence: str = "1",
    *,
    timeframe: Timeframe = DAILY,
    above: Sequence[str] = (),
    atr: str | None = "1",
) -> TimeframeVerdict:
    return TimeframeVerdict(
        timeframe=timeframe,
        analysis=ChartAnalysis(
            trend=trend,
            confidence=Decimal(confidence),
            support_levels=(Decimal(90),),
            resistance_levels=tuple(map(Decimal, above)),
            key_patterns=(f"seen in {timeframe}",),
            reasoning="why",
        ),
        last_close=Decimal("100.5"),
        atr=None if atr is None else Decimal(atr),
        resolution=Decimal("0.1"),
    )


def consolidated(
    *charts: TimeframeVerdict,
    settings_: SignalSettings = SIGNALS,
    missing: Sequence[str] = (),
) -> ConsolidatedAnalysis:
    text = answer_consolidated(charts, settings_, tick=CENT, missing=missing)
    analysis = parse_reply(ConsolidatedAnalysis, text)
    # Whatever the built-in analyst answers is a signal that may exist.
    derive_signal(analysis, settings_, timeframes=[str(chart.timeframe) for chart in charts])
    return ConsolidatedAnalysis.model_validate_json(text)


UP, DOWN, FLAT = Trend.BULLISH, Trend.BEARISH, Trend.NEUTRAL


@pytest.mark.parametrize(
    ("primary", "confirming", "expected"),
    [
        (UP, UP, (SignalType.BUY, UP)),
        (UP, FLAT, (SignalType.BUY, UP)),
        (UP, DOWN, (SignalType.HOLD, FLAT)),
        (DOWN, DOWN, (SignalType.SELL, DOWN)),
        (DOWN, FLAT, (SignalType.SELL, DOWN)),
        (DOWN, UP, (SignalType.HOLD, FLAT)),
        (FLAT, UP, (SignalType.HOLD, FLAT)),
        (FLAT, DOWN, (SignalType.HOLD, FLAT)),
        (FLAT, FLAT, (SignalType.HOLD, FLAT)),
    ],
)
def test_the_primary_chart_decides_unless_another_says_the_opposite(
    primary: Trend, confirming: Trend, expected: tuple[SignalType, Trend]
) -> None:
    reply = consolidated(reading(primary), reading(confirming, timeframe=WEEKLY))
    assert (reply.signal_type, reply.trend) == expected


def test_a_trade_enters_at_the_last_close_of_the_primary_chart() -> None:
    reply = consolidated(reading(UP, above=["105.123"]), reading(UP, timeframe=WEEKLY))
    assert (reply.entry_type, reply.entry_price) == ("market", Decimal("100.5"))
    assert (reply.stop_loss, reply.target_price) == (Decimal("98.5"), Decimal("105.12"))
    assert reply.horizon_bars == 20
    assert reply.reasoning == (
        "Rule-based reading, no language model. BUY: the primary 1d is bullish and no other chart"
        " says the opposite. 1d: bullish, score 1. 1w: bullish, score 1. Entry at the last close"
        " 100.5, stop 98.5, target 105.12: the target is the nearest level, 105.123."
    )
    assert reply.key_patterns == ("1d: seen in 1d", "1w: seen in 1w")
    assert reply.support_levels == (Decimal(90),)


def test_a_short_sell_has_its_stop_above_and_its_target_below() -> None:
    reply = consolidated(reading(DOWN))
    assert (reply.stop_loss, reply.target_price) == (Decimal("102.5"), Decimal("97.5"))


def test_a_sell_that_leaves_has_no_stop_no_target_and_needs_no_range() -> None:
    reply = consolidated(reading(DOWN, atr=None), settings_=EXIT)
    assert (reply.signal_type, reply.entry_price) == (SignalType.SELL, Decimal("100.5"))
    assert (reply.stop_loss, reply.target_price) == (None, None)
    assert "SELL means to leave" in reply.reasoning
    assert consolidated(reading(UP), settings_=EXIT).stop_loss == Decimal("98.5")


def test_a_level_in_the_way_means_hold_with_its_numbers() -> None:
    reply = consolidated(reading(UP, above=["102.25"]))
    assert reply.signal_type is SignalType.HOLD
    assert reply.trend is UP
    assert (reply.entry_type, reply.entry_price, reply.stop_loss) == (None, None, None)
    assert "but the level 102.25 stands in the way" in reply.reasoning
    assert reply.rules[-1].name == "room_for_stop_and_target"
    assert reply.rules[-1].outcome is RuleOutcome.FAILED
    assert reply.rules[-1].numbers["level"] == Decimal("102.25")
    # A reward of 1.75 where 3 is the least: 42 % are missing.
    assert reply.confidence == Decimal("0.42")


@pytest.mark.parametrize(
    ("charts", "confidence"),
    [
        ((reading(UP, "0.9"), reading(UP, "0.6", timeframe=WEEKLY)), "0.8"),
        ((reading(UP, "0.9"), reading(FLAT, "0.6", timeframe=WEEKLY)), "0.6"),
        ((reading(DOWN, "0.5"),), "0.5"),
        ((reading(UP, "0.9"), reading(DOWN, "0.6", timeframe=WEEKLY)), "0.6"),
        ((reading(FLAT, "0.9"), reading(DOWN, "0.6", timeframe=WEEKLY)), "0.8"),
        ((reading(FLAT, "0.3"),), "1"),
    ],
)
def test_confidence_is_a_score_of_agreement_in_which_the_primary_chart_counts_twice(
    charts: tuple[TimeframeVerdict, ...], confidence: str
) -> None:
    assert consolidated(*charts).confidence == Decimal(confidence)


def test_each_step_of_the_consolidation_is_a_rule_with_an_outcome() -> None:
    agreed = consolidated(reading(UP, "0.9"), reading(FLAT, "0.6", timeframe=WEEKLY))
    assert [(rule.name, rule.outcome, rule.points) for rule in agreed.rules] == [
        ("primary_trend_1d", "bullish", 2),
        ("confirming_trend_1w", "neutral", 0),
        ("no_chart_says_the_opposite", "passed", 0),
        ("room_for_stop_and_target", "passed", 0),
    ]
    opposed = consolidated(reading(UP), reading(DOWN, timeframe=WEEKLY))
    assert opposed.rules[-1].outcome is RuleOutcome.FAILED
    assert "is bullish, but 1w says the opposite" in opposed.reasoning


def test_a_chart_without_an_analysis_is_named() -> None:
    assert "Without an analysis: 1w." in consolidated(reading(UP), missing=["1w"]).reasoning
    with pytest.raises(InvalidInput, match="no chart was analysed, missing: 1d, 1w") as caught:
        answer_consolidated([], SIGNALS, tick=CENT, missing=["1d", "1w"])
    assert caught.value.kind is ErrorKind.TOO_FEW_BARS
    with pytest.raises(InvalidInput, match="missing: none"):
        answer_consolidated([], SIGNALS, tick=CENT)


def test_a_trade_without_a_range_for_its_stop_is_refused() -> None:
    with pytest.raises(InvalidInput, match="needs ATR") as caught:
        answer_consolidated([reading(UP, atr=None)], SIGNALS, tick=CENT)
    assert caught.value.kind is ErrorKind.TOO_FEW_BARS


@settings(deadline=None, max_examples=40)
@given(
    st.floats(-0.02, 0.02),
    st.lists(st.floats(-0.04, 0.04), min_size=80, max_size=140),
    st.sampled_from([SIGNALS, EXIT]),
)
def test_whatever_the_market_the_answer_is_a_signal_that_may_exist(
    drift: float, steps: list[float], settings_: SignalSettings
) -> None:
    bars = market(100 * np.exp(np.cumsum(np.array(steps) + drift)))
    values = derive_indicators(bars, ASKED, first_drawn=20)
    analysis = parse_reply(ChartAnalysis, answer_chart(bars, values, ASKED, first_drawn=20))
    chart = derive_verdict(bars, values, analysis)
    reply = answer_consolidated([chart], settings_, tick=CENT)
    signal = derive_signal(parse_reply(ConsolidatedAnalysis, reply), settings_, timeframes=["1d"])
    assert signal.signal_type is not SignalType.BUY or analysis.trend is Trend.BULLISH
    assert signal.signal_type is not SignalType.SELL or analysis.trend is Trend.BEARISH


def test_a_reading_has_the_exact_close_and_the_drawn_range_of_the_last_complete_bar() -> None:
    bars = market(RISING)
    partial = replace(bars, complete=np.arange(len(bars)) < len(bars) - 1)
    values = derive_indicators(partial, ASKED, first_drawn=0)
    analysis = reading(UP).analysis
    found = derive_verdict(partial, values, analysis)
    assert values.atr is not None
    assert found.last_close == Decimal(repr(float(RISING[-2])))
    assert found.atr == Decimal(f"{values.atr[-2]:.10g}")
    assert found.timeframe == DAILY
    assert found.analysis is analysis


def test_a_reading_without_a_range_says_so() -> None:
    bars = market(RISING[:10])
    analysis = reading(UP).analysis
    for asked in (ASKED, replace(ASKED, atr=None)):
        values = derive_indicators(bars, asked, first_drawn=0)
        assert derive_verdict(bars, values, analysis).atr is None


def test_a_reading_needs_a_complete_bar_and_a_price_that_can_be_said() -> None:
    bars = market(RISING)
    values = derive_indicators(bars, ASKED, first_drawn=0)
    analysis = reading(UP).analysis
    partial = replace(bars, complete=np.zeros(len(bars), dtype=np.bool_))
    with pytest.raises(InvalidInput, match="none of 300 1d bars is complete") as caught:
        derive_verdict(partial, values, analysis)
    assert caught.value.kind is ErrorKind.TOO_FEW_BARS
    with pytest.raises(InvalidInput, match="the rules read prices from") as caught:
        derive_verdict(replace(bars, low=np.full(300, -1e15)), values, analysis)
    assert caught.value.kind is ErrorKind.BAD_BARS
