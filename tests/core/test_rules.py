"""The built-in analyst says what its rules saw, no more, and the same every time."""

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from math import inf, nan
from typing import TypedDict, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import calendar, daily_bars, wave

from tapetrail.core.analysis.analyses import (
    ChartAnalysis,
    RuleOutcome,
    RuleVerdict,
    Trend,
    parse_reply,
)
from tapetrail.core.analysis.market_view import derive_view, drawn_number, shown
from tapetrail.core.analysis.rules import ANALYST, answer_chart
from tapetrail.core.analysis.trend_rules import read_rules, score_rules
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Bars, Floats
from tapetrail.core.market.indicators import IndicatorSettings, derive_indicators

CALENDAR = calendar()
ASKED = IndicatorSettings()
DAYS = np.arange(300, dtype=np.float64)
RISING: Floats = np.round(100.0 * np.power(1.004, DAYS) * (1.0 + 0.02 * np.sin(DAYS / 2.0)), 2)
FALLING: Floats = RISING[::-1].copy()
NOTHING = IndicatorSettings(
    sma=(), bollinger=None, supertrend=None, rsi=None, macd=None, obv=False, atr=None
)


class Rule(TypedDict):
    """One rule as a reply's JSON holds it."""

    name: str
    outcome: str
    points: int
    weight: int
    numbers: dict[str, str]


def answer(bars: Bars, asked: IndicatorSettings = ASKED, *, first_drawn: int = 0) -> str:
    return answer_chart(
        bars,
        derive_indicators(bars, asked, first_drawn=first_drawn),
        asked,
        first_drawn=first_drawn,
    )


def rules_of(reply: str) -> dict[str, Rule]:
    return {rule["name"]: rule for rule in cast("list[Rule]", json.loads(reply)["rules"])}


def refusal(bars: Bars, asked: IndicatorSettings = ASKED, *, first_drawn: int = 0) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        answer(bars, asked, first_drawn=first_drawn)
    return caught.value


def market(closes: Sequence[float] | Floats) -> Bars:
    return daily_bars(closes, on=CALENDAR)


def test_a_market_that_rises_is_bullish_and_one_that_falls_bearish() -> None:
    up, down = (
        parse_reply(ChartAnalysis, answer(market(RISING))),
        parse_reply(ChartAnalysis, answer(market(FALLING))),
    )
    assert (up.trend, down.trend) == (Trend.BULLISH, Trend.BEARISH)
    assert up.confidence > Decimal("0.6")
    assert down.confidence > Decimal("0.6")


def test_a_reply_says_that_rules_made_it_and_what_they_saw() -> None:
    analysis = parse_reply(ChartAnalysis, answer(market(RISING), first_drawn=50))
    assert analysis.reasoning.startswith(
        "Rule-based reading, no language model. 1d close 323.55 on 2026-11-20: bullish. Bullish:"
    )
    assert "close against sma 50 (close 323.55, sma 50 " in analysis.reasoning
    assert ANALYST == "builtin:technical-rules-v1"


def test_every_rule_is_listed_with_the_numbers_it_compared() -> None:
    bars = market(RISING)
    values = derive_indicators(bars, ASKED, first_drawn=50)
    rules = rules_of(answer(bars, first_drawn=50))
    assert list(rules) == [
        "close_against_sma_20",
        "close_against_sma_50",
        "close_against_sma_200",
        "sma_50_against_sma_200",
        "sma_50_slope",
        "supertrend_direction",
        "macd_against_signal",
        "rsi_zone",
        "obv_slope",
    ]
    assert rules["sma_50_slope"] == {
        "name": "sma_50_slope",
        "outcome": "bullish",
        "points": 1,
        "weight": 1,
        "numbers": {
            "sma_50": shown_digits(values.sma[50][-1]),
            "sma_50_10_bars_ago": shown_digits(values.sma[50][-11]),
        },
    }
    assert rules["supertrend_direction"]["weight"] == 2


def shown_digits(number: np.float64) -> str:
    return f"{number:.10g}"


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(40, 200), min_size=60, max_size=120), st.integers(0, 50))
def test_any_market_gets_a_parseable_answer_whose_points_give_its_trend(
    closes: list[int], first_drawn: int
) -> None:
    bars = market([float(close) for close in closes])
    reply = answer(bars, first_drawn=first_drawn)
    analysis = parse_reply(ChartAnalysis, reply)
    rules = rules_of(reply).values()
    applicable = [rule for rule in rules if rule["outcome"] != "not_applicable"]
    net = sum(rule["points"] for rule in applicable)
    at_stake = sum(rule["weight"] for rule in applicable)
    sides = {Trend.BULLISH: net >= 0.4 * at_stake, Trend.BEARISH: -net >= 0.4 * at_stake}
    assert sides.get(analysis.trend, abs(net) < 0.4 * at_stake)
    for rule in rules:
        side = {"bullish": 1, "bearish": -1}.get(rule["outcome"], 0)
        assert rule["points"] == side * rule["weight"]
        assert bool(rule["numbers"]) == (rule["outcome"] != "not_applicable")
    assert all(level < bars.close[-1] for level in analysis.support_levels)
    assert all(level > bars.close[-1] for level in analysis.resistance_levels)
    assert answer(bars, first_drawn=first_drawn) == reply


def test_rules_without_history_are_named_and_lower_the_confidence() -> None:
    short = parse_reply(ChartAnalysis, answer(market(RISING[-60:])))
    rules = rules_of(answer(market(RISING[-60:])))
    assert [name for name, rule in rules.items() if rule["outcome"] == "not_applicable"] == [
        "close_against_sma_200",
        "sma_50_against_sma_200",
    ]
    assert (
        "Not applicable, too little data: close against sma 200; sma 50 against sma 200."
        in short.reasoning
    )
    assert short.trend is Trend.BULLISH
    assert short.confidence <= Decimal("0.8")


def test_with_fewer_than_three_applicable_rules_nothing_is_said() -> None:
    error = refusal(market(RISING[:19]))
    assert error.kind is ErrorKind.TOO_FEW_BARS
    assert error.message.startswith(
        "rules: 2 of 9 have the history they need, expected at least 3; not applicable:"
        " close_against_sma_20, close_against_sma_50,"
    )
    assert "not applicable: none" in refusal(market(RISING), replace(NOTHING, rsi=14)).message


def test_the_rules_speak_about_the_last_complete_bar() -> None:
    bars = market(RISING)
    partial = replace(bars, complete=np.arange(len(bars)) < len(bars) - 1)
    assert answer(partial) == answer(bars.take(partial.complete))


def test_what_is_drawn_decides_levels_and_nothing_else_of_the_trend() -> None:
    bars = market(wave(300))
    whole, part = (
        answer(bars, replace(ASKED, obv=False)),
        answer(bars, replace(ASKED, obv=False), first_drawn=250),
    )
    assert rules_of(whole) == rules_of(part)
    assert (
        parse_reply(ChartAnalysis, whole).support_levels
        != parse_reply(ChartAnalysis, part).support_levels
    )


def test_with_no_complete_drawn_bar_nothing_is_said() -> None:
    bars = market(RISING)
    for broken in (
        bars.take(slice(0, 0)),
        replace(bars, complete=np.zeros(len(bars), dtype=np.bool_)),
    ):
        error = refusal(broken)
        assert error.kind is ErrorKind.TOO_FEW_BARS
        assert "no complete bar is drawn" in error.message
    assert refusal(bars, first_drawn=300).kind is ErrorKind.TOO_FEW_BARS


@pytest.mark.parametrize("scale", [-1e15, 1e-12, 1e14])
def test_prices_that_a_reply_cannot_say_are_refused(scale: float) -> None:
    bars = market(RISING)
    low, high = sorted((scale, 2 * scale))
    other = replace(
        bars,
        open=np.full(300, low),
        high=np.full(300, high),
        low=np.full(300, low),
        close=np.full(300, high),
    )
    if scale == 1e14:
        assert parse_reply(ChartAnalysis, answer(other)).trend
        other = replace(other, high=np.full(300, 1e15))
    error = refusal(other)
    assert error.kind is ErrorKind.BAD_BARS
    assert "the rules read prices from" in error.message
    assert f"the 1d bar of {other.last_on[0]}" in error.message


def test_a_volume_too_large_to_write_down_makes_its_rule_not_applicable() -> None:
    bars = replace(market(RISING), volume=np.full(300, 1e30))
    assert rules_of(answer(bars))["obv_slope"]["outcome"] == "not_applicable"


def test_only_what_was_asked_for_is_judged() -> None:
    asked = replace(NOTHING, sma=(10,), rsi=14)
    assert list(rules_of(answer(market(RISING), asked))) == [
        "close_against_sma_10",
        "sma_10_slope",
        "rsi_zone",
    ]


def test_levels_and_patterns_appear_in_the_reasoning() -> None:
    still = parse_reply(ChartAnalysis, answer(market(np.full(300, 50.0)), replace(ASKED, rsi=None)))
    assert "No pattern was found." in still.reasoning
    assert "Support: no swing in the drawn bars." in still.reasoning
    swinging = parse_reply(ChartAnalysis, answer(market(wave(300))))
    assert swinging.support_levels
    assert "swings), " in swinging.reasoning
    turning = parse_reply(ChartAnalysis, answer(market(RISING[:297])))
    assert turning.key_patterns
    assert f"Patterns: {'; '.join(turning.key_patterns)}." in turning.reasoning


@pytest.mark.parametrize(
    ("strength", "outcome"),
    [
        (71.0, RuleOutcome.NEUTRAL),
        (70.0, RuleOutcome.BULLISH),
        (55.0, RuleOutcome.BULLISH),
        (54.9, RuleOutcome.NEUTRAL),
        (45.1, RuleOutcome.NEUTRAL),
        (45.0, RuleOutcome.BEARISH),
        (30.0, RuleOutcome.BEARISH),
        (29.9, RuleOutcome.NEUTRAL),
        (nan, RuleOutcome.NOT_APPLICABLE),
        (inf, RuleOutcome.NOT_APPLICABLE),
    ],
)
def test_rsi_speaks_in_its_zones_and_is_silent_where_exhausted(
    strength: float, outcome: RuleOutcome
) -> None:
    bars = market(RISING)
    asked = replace(NOTHING, rsi=14)
    values = replace(derive_indicators(bars, asked, first_drawn=0), rsi=np.full(300, strength))
    (rule,) = read_rules(derive_view(bars, values, asked, first_drawn=0))
    assert rule.outcome is outcome


def test_a_close_on_the_average_is_no_side() -> None:
    bars = market(np.full(300, 50.0))
    (close_rule, slope) = read_rules(
        derive_view(
            bars,
            derive_indicators(bars, replace(NOTHING, sma=(5,)), first_drawn=0),
            replace(NOTHING, sma=(5,)),
            first_drawn=0,
        )
    )
    assert (close_rule.outcome, close_rule.points) == (RuleOutcome.NEUTRAL, 0)
    assert (slope.outcome, slope.points) == (RuleOutcome.NEUTRAL, 0)


def points(*given_: int, silent: int = 0) -> tuple[RuleVerdict, ...]:
    judged = [
        RuleVerdict(name=f"r{at}", outcome=RuleOutcome.NEUTRAL, points=point, weight=1)
        for at, point in enumerate(given_)
    ]
    dumb = [
        RuleVerdict(name=f"n{at}", outcome=RuleOutcome.NOT_APPLICABLE, weight=1)
        for at in range(silent)
    ]
    return (*judged, *dumb)


@pytest.mark.parametrize(
    ("readings", "trend", "confidence"),
    [
        (points(1, 1, 1, 1, 1), Trend.BULLISH, "1"),
        (points(1, 1, 1, 0, -1), Trend.BULLISH, "0.6"),
        (points(1, 1, 0, 0, -1), Trend.NEUTRAL, "0.8"),
        (points(-1, -1, 0, 0, 0), Trend.BEARISH, "0.4"),
        (points(-1, -1, -1, silent=3), Trend.BEARISH, "0.5"),
        (points(0, 0, 0, silent=3), Trend.NEUTRAL, "0.5"),
        (points(1, -1, 0), Trend.NEUTRAL, "1"),
        (points(1, 1, 1, silent=4), Trend.BULLISH, "0.43"),
    ],
)
def test_the_net_of_the_points_is_the_trend_and_their_share_of_all_the_confidence(
    readings: tuple[RuleVerdict, ...], trend: Trend, confidence: str
) -> None:
    assert score_rules(readings) == (trend, Decimal(confidence))


def test_numbers_are_written_with_the_ten_digits_that_are_drawn() -> None:
    assert drawn_number(1 / 3) == Decimal("0.3333333333")
    assert drawn_number(1e-19) == 0
    assert drawn_number(-12345678901.0) == Decimal(-12345678900)
    assert shown(1234567.0) == "1234570"
    assert shown(0.000012345678) == "0.0000123457"
