"""A reply is an analysis as a whole, or refused with the place and the rule."""

import json
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tapetrail.core.analysis.analyses import (
    Analysis,
    ChartAnalysis,
    ConsolidatedAnalysis,
    EntryType,
    RuleOutcome,
    RuleVerdict,
    SignalType,
    Trend,
    parse_reply,
)
from tapetrail.core.canonical import decimal_text
from tapetrail.core.errors import ErrorKind, InvalidInput

CHART: Mapping[str, object] = {
    "trend": "bullish",
    "confidence": "0.75",
    "support_levels": ["98.50", "95"],
    "resistance_levels": ["101.123456789012345678"],
    "key_patterns": ["higher lows"],
    "reasoning": "It rises.",
}
CONSOLIDATED: Mapping[str, object] = {
    **CHART,
    "signal_type": "BUY",
    "entry_type": "limit",
    "entry_price": "100.00",
    "stop_loss": "98",
    "target_price": "104",
    "horizon_bars": 20,
}
HOLD: Mapping[str, object] = {
    **CONSOLIDATED,
    "signal_type": "HOLD",
    "entry_type": None,
    "entry_price": None,
    "stop_loss": None,
    "target_price": None,
}


def chart(change: Mapping[str, object]) -> str:
    return json.dumps({**CHART, **change})


def refusal(text: str, kind: type[Analysis] = ChartAnalysis) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_reply(kind, text)
    assert caught.value.kind is ErrorKind.UNPARSEABLE_REPLY
    return caught.value.message


def test_a_chart_reply_is_read_with_every_digit() -> None:
    assert parse_reply(ChartAnalysis, json.dumps(CHART)) == ChartAnalysis(
        trend=Trend.BULLISH,
        confidence=Decimal("0.75"),
        support_levels=(Decimal("98.50"), Decimal(95)),
        resistance_levels=(Decimal("101.123456789012345678"),),
        key_patterns=("higher lows",),
        reasoning="It rises.",
    )


def test_a_consolidated_reply_says_what_to_do_at_which_prices() -> None:
    analysis = parse_reply(ConsolidatedAnalysis, json.dumps(CONSOLIDATED))
    assert analysis == ConsolidatedAnalysis(
        trend=Trend.BULLISH,
        confidence=Decimal("0.75"),
        support_levels=(Decimal("98.50"), Decimal(95)),
        resistance_levels=(Decimal("101.123456789012345678"),),
        key_patterns=("higher lows",),
        reasoning="It rises.",
        signal_type=SignalType.BUY,
        entry_type=EntryType.LIMIT,
        entry_price=Decimal(100),
        stop_loss=Decimal(98),
        target_price=Decimal(104),
        horizon_bars=20,
    )
    assert parse_reply(ConsolidatedAnalysis, json.dumps(HOLD)).entry_price is None


@settings(deadline=None)
@given(st.floats(min_value=1e-12, max_value=1e14), st.decimals(0, 1, places=6))
def test_any_price_and_score_is_read_as_written(price: float, score: Decimal) -> None:
    level = decimal_text(Decimal(repr(price)))
    reply = {**CHART, "support_levels": [level], "confidence": decimal_text(score)}
    analysis = parse_reply(ChartAnalysis, json.dumps(reply))
    assert [decimal_text(found) for found in analysis.support_levels] == [level]
    assert analysis.confidence == score


@pytest.mark.parametrize("name", list(CONSOLIDATED))
def test_a_missing_field_is_refused_and_never_gets_a_default(name: str) -> None:
    reply = {key: value for key, value in CONSOLIDATED.items() if key != name}
    assert f"{name}: Field required" in refusal(json.dumps(reply), ConsolidatedAnalysis)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trend": "BULLISH"}, "trend: Input should be 'bullish', 'bearish' or 'neutral'"),
        ({"trend": None}, "trend: "),
        ({"confidence": 1}, "confidence: expected a decimal in quotes"),
        ({"confidence": "1.01"}, "confidence: Input should be less than or equal to 1"),
        ({"confidence": "-0.1"}, "confidence: expected a decimal in quotes"),
        ({"confidence": "75%"}, "confidence: expected a decimal in quotes"),
        ({"confidence": None}, "confidence: expected a decimal in quotes"),
        ({"support_levels": "98"}, "support_levels: "),
        ({"support_levels": None}, "support_levels: "),
        ({"support_levels": ["0"]}, "support_levels.0: Input should be greater than 0, found '0'"),
        ({"support_levels": ["1", "-5"]}, "support_levels.1: expected a decimal in quotes"),
        ({"support_levels": ["NaN"]}, "support_levels.0: expected a decimal in quotes"),
        ({"support_levels": ["Infinity"]}, "support_levels.0: expected a decimal in quotes"),
        ({"support_levels": ["1e5"]}, "support_levels.0: expected a decimal in quotes"),
        ({"support_levels": ["1,000"]}, "support_levels.0: expected a decimal in quotes"),
        ({"support_levels": ["$10"]}, "support_levels.0: expected a decimal in quotes"),
        ({"support_levels": [" 10"]}, "support_levels.0: expected a decimal in quotes"),
        ({"support_levels": ["10\n"]}, "support_levels.0: expected a decimal in quotes"),
        ({"support_levels": ["\u0661"]}, "support_levels.0: expected a decimal in quotes"),
        ({"support_levels": ["9" * 16]}, "support_levels.0: expected a decimal in quotes"),
        ({"support_levels": ["0." + "1" * 31]}, "support_levels.0: expected a decimal in quotes"),
        ({"support_levels": ["1"] * 11}, "support_levels: Tuple should have at most 10 items"),
        ({"key_patterns": [""]}, "key_patterns.0: String should have at least 1 character"),
        ({"key_patterns": ["x" * 121]}, "key_patterns.0: String should have at most 120"),
        ({"key_patterns": [7]}, "key_patterns.0: Input should be a valid string"),
        ({"reasoning": ""}, "reasoning: String should have at least 1 character"),
        ({"reasoning": "x" * 20_001}, "reasoning: String should have at most 20000 characters"),
        ({"advice": "sell"}, "advice: Extra inputs are not permitted, found 'sell'"),
        ({"a\nb": 1}, r"'a\nb': Extra inputs are not permitted"),
        ({"rules": [{"name": "Not A Name", "outcome": "bullish"}]}, "rules.0.name: "),
        (
            {"rules": [{"name": "a", "outcome": "neutral", "numbers": {"x": "1e3"}}]},
            'rules.0.numbers.x: expected a decimal in quotes, such as "-0.25"',
        ),
        (
            {"rules": [{"name": "a", "outcome": "neutral", "numbers": {"x": 3}}]},
            "rules.0.numbers.x: expected a decimal in quotes",
        ),
    ],
)
def test_a_field_that_breaks_its_rule_is_refused_with_its_place(
    change: Mapping[str, object], message: str
) -> None:
    assert message in refusal(chart(change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"signal_type": "buy"}, "signal_type: Input should be 'BUY', 'SELL' or 'HOLD'"),
        ({"entry_type": "now"}, "entry_type: Input should be 'market', 'limit' or 'stop'"),
        ({"entry_price": "-1"}, "entry_price: expected a decimal in quotes"),
        ({"entry_price": "0"}, "entry_price: Input should be greater than 0"),
        ({"stop_loss": 98}, "stop_loss: expected a decimal in quotes"),
        ({"horizon_bars": "20"}, "horizon_bars: Input should be a valid integer"),
        ({"horizon_bars": True}, "horizon_bars: Input should be a valid integer"),
        ({"horizon_bars": 0}, "horizon_bars: Input should be greater than or equal to 1"),
        ({"horizon_bars": 261}, "horizon_bars: Input should be less than or equal to 260"),
    ],
)
def test_an_action_that_breaks_its_rule_is_refused_with_its_place(
    change: Mapping[str, object], message: str
) -> None:
    assert message in refusal(json.dumps({**CONSOLIDATED, **change}), ConsolidatedAnalysis)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1: Expecting value"),
        ("I would buy.", "line 1, column 1: Expecting value"),
        ("null", "the reply: Input should be an object"),
        ("[]", "the reply: Input should be an object"),
        (json.dumps(CHART) + " Good luck!", "Extra data"),
        (json.dumps(CHART) * 2, "Extra data"),
        ("```json\n" + json.dumps(CHART) + "\n```", "line 1, column 1: Expecting value"),
        ("\ufeff" + json.dumps(CHART), "Unexpected UTF-8 BOM"),
        (json.dumps(CHART)[:-1], "expected one JSON object and nothing else"),
        (json.dumps(CHART)[:-1] + ', "trend": "bearish"}', "'trend': appears twice"),
        (chart({"confidence": 0.75}), "'0.75': prices and scores are decimals in"),
        (chart({"confidence": float("nan")}), "'NaN': prices and scores are"),
        (chart({"confidence": float("inf")}), "'Infinity': prices and scores are"),
        ('{"confidence": 1e999}', "'1e999': prices and scores are decimals in quotes"),
        ('{"horizon_bars": ' + "9" * 5000 + "}", "a whole number has at most 9 digits"),
        ("[" * 100_000, "nested too deeply"),
        (" " * 200_001, "200001 characters, expected at most 200000"),
        (chart({"reasoning": "\ud800"}), "the reply: Invalid JSON"),
        ('"\ud800"', "the reply: "),
        ('{"reasoning": "\x01"}', "Invalid control character"),
    ],
)
def test_text_that_is_not_one_json_object_is_refused(text: str, message: str) -> None:
    assert message in refusal(text)


def test_a_message_shows_five_broken_rules_and_short_excerpts_only() -> None:
    message = refusal(json.dumps({"x" * 1000: "y" * 1000}))
    assert message.endswith("; and 2 more")
    assert len(refusal(chart({"trend": "y" * 1000}))) < 300
    assert "more" not in refusal(chart({"trend": "up"}))


def test_text_that_a_database_cannot_hold_is_shown_with_a_replacement() -> None:
    reply = {**CHART, "reasoning": "a\x00b", "key_patterns": ["\x00"]}
    analysis = parse_reply(ChartAnalysis, json.dumps(reply))
    assert analysis.reasoning == "a\ufffdb"
    assert analysis.key_patterns == ("\ufffd",)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_raises_anything_but_a_stated_refusal(text: str) -> None:
    refusal(text)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*CHART, "other"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3),
            max_leaves=5,
        ),
    )
)
def test_no_json_raises_anything_but_a_stated_refusal(change: Mapping[str, object]) -> None:
    with suppress(InvalidInput):
        assert 0 <= parse_reply(ChartAnalysis, chart(change)).confidence <= 1


def test_the_rules_of_a_rule_based_analyst_are_read_and_no_model_is_asked_for_them() -> None:
    rule = {"name": "sma_50_slope", "outcome": "bullish", "points": 1, "weight": 1}
    reply = {**CHART, "rules": [{**rule, "numbers": {"sma_50": "-101.25"}}]}
    assert parse_reply(ChartAnalysis, json.dumps(reply)).trend is Trend.BULLISH
    assert "rules" not in ChartAnalysis.model_json_schema()["properties"]


def test_an_analysis_in_hand_keeps_the_same_rules() -> None:
    rule = RuleVerdict(name="x", outcome=RuleOutcome.NEUTRAL, numbers={"y": Decimal("-0.5")})
    assert rule.numbers == {"y": Decimal("-0.5")}
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        ChartAnalysis(
            trend=Trend.NEUTRAL,
            confidence=Decimal(2),
            support_levels=(),
            resistance_levels=(),
            key_patterns=(),
            reasoning="why",
        )
    with pytest.raises(ValidationError, match="greater than 0"):
        ChartAnalysis(
            trend=Trend.NEUTRAL,
            confidence=Decimal(1),
            support_levels=(),
            resistance_levels=(Decimal(0),),
            key_patterns=(),
            reasoning="why",
        )
