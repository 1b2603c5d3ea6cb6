"""What a model answers is read exactly as written, or refused in one of several stated ways."""

import json
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Final, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapetrail.core.analysis.analyses import (
    AnalysisType,
    ChartAnalysis,
    ConsolidatedAnalysis,
    SignalType,
    parse_reply,
)
from tapetrail.core.analysis.model_answers import (
    answer_schema,
    parse_answer,
    re_ask,
    recorded_analysis,
)
from tapetrail.core.analysis.replies import ParsedFrom
from tapetrail.core.errors import ErrorKind, InvalidInput

CHART: Final[Mapping[str, object]] = {
    "observations": ["last close = 101.50", "the last bar closed above SMA50"],
    "support_levels": [98.5, 95],
    "resistance_levels": [],
    "key_patterns": ["higher lows"],
    "reasoning": "It rises.",
    "trend": "bullish",
    "confidence": 0.6,
}
WHOLE: Final[Mapping[str, object]] = {
    **CHART,
    "signal_type": "BUY",
    "entry_type": "limit",
    "entry_price": 100.10,
    "stop_loss": 98,
    "target_price": 104.25,
    "horizon_bars": 20,
}
CHART_TEXT: Final = json.dumps(CHART)


def chart(**change: object) -> str:
    return json.dumps({**CHART, **change})


def whole(**change: object) -> str:
    return json.dumps({**WHOLE, **change})


def refused(text: str, kind: type[AnalysisType]) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        parse_answer(kind, text)
    return caught.value


def test_an_answer_is_read_with_its_observations() -> None:
    read = parse_answer(ChartAnalysis, CHART_TEXT)
    assert read.parsed_from is ParsedFrom.PLAIN
    assert read.analysis.observations == (
        "last close = 101.50",
        "the last bar closed above SMA50",
    )
    assert [str(price) for price in read.analysis.support_levels] == ["98.5", "95"]


def test_a_recorded_answer_is_read_whoever_gave_it() -> None:
    by_a_model = recorded_analysis(CHART_TEXT)
    assert by_a_model == parse_answer(ChartAnalysis, CHART_TEXT).analysis
    by_code = by_a_model.model_dump_json()
    assert recorded_analysis(by_code) == by_a_model
    assert parse_reply(ChartAnalysis, by_code) == by_a_model
    with pytest.raises(InvalidInput):
        recorded_analysis(chart(confidence="many"))


def test_numbers_are_the_decimals_they_are_written_as() -> None:
    text = whole().replace("104.25", "104.123456789012345678901234567890")
    analysis = parse_answer(ConsolidatedAnalysis, text.replace("100.1", "1.001E2")).analysis
    assert str(analysis.target_price) == "104.123456789012345678901234567890"
    assert (analysis.entry_price, analysis.stop_loss) == (Decimal("100.1"), Decimal(98))


@settings(deadline=None)
@given(st.decimals(Decimal("0.0001"), Decimal(10**14), places=9))
def test_any_price_is_read_as_written_as_number_or_as_decimal_text(price: Decimal) -> None:
    for written in (f"{price:f}", f'"{price:f}"'):
        text = CHART_TEXT.replace("98.5", written)
        assert parse_answer(ChartAnalysis, text).analysis.support_levels[0] == price


@pytest.mark.parametrize(
    ("text", "parsed_from"),
    [
        (f"  \n{CHART_TEXT}\n", ParsedFrom.PLAIN),
        (f"```json\n{CHART_TEXT}\n```", ParsedFrom.FENCED),
        (f"Here it is:\n```\n{CHART_TEXT}\n```\nGood luck.", ParsedFrom.FENCED),
        (f"Here it is: {CHART_TEXT}", ParsedFrom.SURROUNDED),
        (f"{CHART_TEXT} Good luck.", ParsedFrom.SURROUNDED),
        (f"```json\n{CHART_TEXT}", ParsedFrom.SURROUNDED),
        (f"\ufeff{CHART_TEXT}", ParsedFrom.SURROUNDED),
    ],
)
def test_one_object_is_found_and_where_it_stood_is_said(text: str, parsed_from: str) -> None:
    assert parse_answer(ChartAnalysis, text).parsed_from == parsed_from


@pytest.mark.parametrize(
    ("text", "parsed_from"),
    [
        (f"<think>Use {{x}}, see [1].</think>\n{CHART_TEXT}", ParsedFrom.SURROUNDED),
        (f"<THINKING>\n{chart(trend='bearish')}\n</THINKING>{CHART_TEXT}", ParsedFrom.SURROUNDED),
        (f"{chart(trend='bearish')} no ...</think>\n{CHART_TEXT}", ParsedFrom.SURROUNDED),
        (f"See [1].</think>\n```json\n{CHART_TEXT}\n```", ParsedFrom.FENCED),
        (f"<think>a</think><think>{{}}</think>{CHART_TEXT}", ParsedFrom.SURROUNDED),
        (
            f"<|channel|>analysis<|message|>{{}}<|channel|>final<|message|>{CHART_TEXT}",
            ParsedFrom.SURROUNDED,
        ),
        (chart(reasoning="<think>It rises.</think>"), ParsedFrom.PLAIN),
    ],
)
def test_an_answer_is_what_stands_behind_the_thoughts(text: str, parsed_from: str) -> None:
    read = parse_answer(ChartAnalysis, text)
    assert (read.analysis.trend, read.parsed_from) == ("bullish", parsed_from)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"<think>Perhaps {CHART_TEXT}? No,", "column 1: '<think>' begins a thought without end"),
        (f"<think>Perhaps {CHART_TEXT}</think>I cannot tell.", "no JSON object behind"),
        (f"Perhaps {CHART_TEXT}\n</think>\nI cannot tell.", "line 2, column 9: no JSON object"),
        (f"<|channel|>analysis<|message|>Perhaps {CHART_TEXT}", "a thought without end"),
        (f"{CHART_TEXT}</think>", "no JSON object behind the thoughts"),
        (f"<think>a</think>{CHART_TEXT} or {CHART_TEXT}", "'{' beside the first object"),
    ],
)
def test_a_draft_in_a_thought_is_no_answer(text: str, message: str) -> None:
    error = refused(text, ChartAnalysis)
    assert (error.kind, message in error.message) == (ErrorKind.NOT_JSON, True), error.message


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_reply_is_said_to_be_empty(text: str) -> None:
    assert refused(text, ChartAnalysis).kind is ErrorKind.EMPTY_REPLY


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("I would buy.", "line 1, column 1: no JSON object"),
        ("null", "no JSON object"),
        (f"[{CHART_TEXT}]", "line 1, column 1: '[' beside the first object"),
        (f"{CHART_TEXT}\n{CHART_TEXT}", "line 2, column 1: '{' beside the first object"),
        (f"{CHART_TEXT}}}", "'}' beside the first object"),
        ("use {x}: " + CHART_TEXT, "line 1, column 6: Expecting property name"),
        (CHART_TEXT[:-1], "expected one JSON object"),
        (CHART_TEXT[:-1] + ",}", "line 1, column"),
        (CHART_TEXT[:-1] + ', "trend": "bearish"}', "'trend' appears twice in one object"),
        (chart(confidence=float("nan")), "NaN is no JSON number"),
        (chart(confidence=float("-inf")), "-Infinity is no JSON number"),
        (CHART_TEXT.replace("98.5", ".5"), "Expecting value"),
    ],
)
def test_what_would_need_a_guess_is_no_json_and_the_place_is_named(text: str, message: str) -> None:
    error = refused(text, ChartAnalysis)
    assert (error.kind, message in error.message) == (ErrorKind.NOT_JSON, True), error.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "missing: confidence, key_patterns, observations, reasoning"),
        (chart(advice="sell"), "not asked for: 'advice'"),
        (chart(rules=[]), "not asked for: 'rules'"),
        (chart(**{"x" * 50: 1}), f"not asked for: '{'x' * 40}'..."),
        (chart(trend="up"), "trend: Input should be 'bullish', 'bearish' or 'neutral'"),
        (chart(support_levels=98), "support_levels: "),
        (chart(support_levels=[-5]), "support_levels.0: expected a number, such as 101.50: no"),
        (chart(support_levels=[0]), "support_levels.0: Input should be greater than 0"),
        (chart(support_levels=["$98"]), "support_levels.0: expected a number, such as 101.50"),
        (chart(support_levels=[True]), "support_levels.0: expected a number"),
        (chart(support_levels=[None]), "support_levels.0: expected a number"),
        (chart(confidence="60%"), "confidence: expected a number, such as"),
        (chart(confidence=None), "confidence: "),
        (chart(reasoning=5), "reasoning: Input should be a valid string"),
        (chart(observations=[7.5]), "observations.0: Input should be a valid string"),
        (CHART_TEXT.replace("98.5", "1e999"), "'1e999': a number has at most 30 digits a side"),
        (CHART_TEXT.replace("98.5", "9" * 5000), "a number has at most 30 digits a side"),
        (CHART_TEXT.replace("98.5", "1e20"), "support_levels.0: expected a number"),
    ],
)
def test_an_answer_against_the_schema_is_refused_with_the_place(text: str, message: str) -> None:
    error = refused(text, ChartAnalysis)
    assert (error.kind, message in error.message) == (ErrorKind.AGAINST_SCHEMA, True), error.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (whole(signal_type="buy"), "signal_type: Input should be 'BUY', 'SELL' or 'HOLD'"),
        (whole(horizon_bars=0), "horizon_bars: Input should be greater than or equal to 1"),
        (whole(horizon_bars="20"), "horizon_bars: Input should be a valid integer"),
        (whole(horizon_bars=20.5), "horizon_bars: Input should be a valid integer"),
        (chart(), "missing: entry_price, entry_type, horizon_bars"),
    ],
)
def test_a_whole_answer_against_the_schema_is_refused(text: str, message: str) -> None:
    error = refused(text, ConsolidatedAnalysis)
    assert (error.kind, message in error.message) == (ErrorKind.AGAINST_SCHEMA, True), error.message


@pytest.mark.parametrize("confidence", [1.01, -0.1, 60, 2])
def test_a_confidence_that_is_no_probability_has_a_kind_of_its_own(confidence: float) -> None:
    error = refused(chart(confidence=confidence), ChartAnalysis)
    assert error.kind is ErrorKind.BAD_CONFIDENCE
    assert f"confidence: {confidence} is no probability" in error.message


@pytest.mark.parametrize("text", [" " * 200_000 + "x", '{"a":' * 30_000])
def test_a_reply_beyond_all_size_is_refused(text: str) -> None:
    assert refused(text, ChartAnalysis).kind is ErrorKind.UNPARSEABLE_REPLY


def test_a_hold_of_a_model_has_no_confidence_and_one_of_code_has() -> None:
    nothing = dict.fromkeys(["entry_type", "entry_price", "stop_loss", "target_price"])
    hold = {**WHOLE, **nothing, "signal_type": "HOLD", "confidence": None}
    analysis = parse_answer(ConsolidatedAnalysis, json.dumps(hold)).analysis
    assert (analysis.signal_type, analysis.confidence) == (SignalType.HOLD, None)
    of_code = {**hold, "support_levels": [], "resistance_levels": []}
    with pytest.raises(InvalidInput, match="confidence: expected a decimal in quotes"):
        parse_reply(ConsolidatedAnalysis, json.dumps(of_code))


def test_text_that_a_database_cannot_hold_is_shown_with_a_replacement() -> None:
    analysis = parse_answer(ChartAnalysis, chart(observations=["a\x00b"])).analysis
    assert analysis.observations == ("a\ufffdb",)
    assert refused(chart(observations=["\ud800"]), ChartAnalysis).kind is ErrorKind.AGAINST_SCHEMA


def test_an_analysis_without_observations_is_written_as_it_was_before_there_were_any() -> None:
    observed = parse_answer(ChartAnalysis, CHART_TEXT).analysis
    assert "observations" in observed.model_dump()
    assert "observations" not in observed.model_copy(update={"observations": ()}).model_dump()


@pytest.mark.parametrize("kind", [ChartAnalysis, ConsolidatedAnalysis])
def test_the_schema_is_in_the_subset_that_every_provider_takes(
    kind: type[ChartAnalysis | ConsolidatedAnalysis],
) -> None:
    schema = answer_schema(kind)
    properties = cast("Mapping[str, object]", schema["properties"])
    assert (schema["type"], schema["additionalProperties"]) == ("object", False)
    assert schema["required"] == list(properties)
    assert next(iter(properties)) == "observations"
    assert set(properties) == kind.model_fields.keys() - {"rules"}
    for word in ("minimum", "maximum", "pattern", "minItems", "maxItems", "minLength", "default"):
        assert f'"{word}"' not in json.dumps(schema)


def test_a_re_ask_says_what_was_wrong_and_asks_the_same() -> None:
    words = re_ask("What do you see?", refused("I would buy.", ChartAnalysis).message)
    assert "line 1, column 1: no JSON object" in words
    assert words.endswith("\n\nWhat do you see?")


@settings(deadline=None)
@given(
    st.text(max_size=60)
    | st.text(alphabet='{}[]",:1e.- \n`', max_size=30)
    | st.lists(st.sampled_from(["<think>", "</think>", "{}", "{", "a"])).map("".join)
)
def test_no_text_raises_anything_but_a_stated_refusal(text: str) -> None:
    assert refused(text, ConsolidatedAnalysis).kind is not None


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*WHOLE, "other"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3),
            max_leaves=5,
        ),
        min_size=1,
    )
)
def test_no_json_raises_anything_but_a_stated_refusal(change: Mapping[str, object]) -> None:
    with suppress(InvalidInput):
        analysis = parse_answer(ConsolidatedAnalysis, whole(**change)).analysis
        assert analysis.confidence is None or 0 <= analysis.confidence <= 1
