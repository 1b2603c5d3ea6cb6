"""Who answers for a strategy: one for all or for each kind, with fallbacks and shadows."""

from decimal import Decimal
from typing import Any

import pytest

from tapetrail.core.errors import InvalidInput
from tapetrail.core.strategy.analysts import AnalystSpec, Tier
from tapetrail.core.strategy.strategies import StrategySpec, parse_strategy, spec_document


def strategy(**keys: Any) -> StrategySpec:
    return parse_strategy({"name": "mine", "instruments": ["AAPL"], **keys}, place="mine.yaml")


def refusal(**keys: Any) -> str:
    with pytest.raises(InvalidInput) as caught:
        strategy(**keys)
    return caught.value.message


def names(specs: tuple[AnalystSpec, ...]) -> list[str]:
    return [spec.name for spec in specs]


def test_a_bare_name_answers_every_question_and_stays_a_word() -> None:
    spec = strategy(analyst="openai:a-model")
    assert names(spec.analyst.chart) == names(spec.analyst.consolidated) == ["openai:a-model"]
    assert spec.analyst.chart[0].family == "openai"
    same = strategy(analyst={"analyst": "openai:a-model"})
    assert spec_document(spec) == spec_document(same)
    assert spec_document(spec)["analyst"] == "openai:a-model"


def test_a_list_falls_back_in_order_and_kinds_may_be_told_apart() -> None:
    spec = strategy(
        analyst={"chart": ["a:1", "b:2"], "consolidated": {"analyst": "a:1", "as": "whole"}},
        shadows=["c:3"],
    )
    assert names(spec.analyst.chart) == ["a:1", "b:2"]
    assert names(spec.analysts) == ["a:1", "b:2", "whole", "c:3"]
    assert names(strategy(analyst=["a:1", "b:2"]).analyst.consolidated) == ["a:1", "b:2"]


def test_how_an_analyst_is_asked_is_kept_to_the_digit() -> None:
    told = {"analyst": "compatible:m", "as": "local", "base_url": "http://127.0.0.1:11434/v1",
            "key_env": "LOCAL_API_KEY", "params": {"temperature": 0.2, "max_output_tokens": 500},
            "price": {"input": 0.15, "output": 0.6}, "tier": "flex", "schema": False}  # fmt: skip
    (spec,) = strategy(analyst=told, samples=3).analysts
    assert spec.params.stated == {"max_output_tokens": 500, "temperature": Decimal("0.2")}
    assert (spec.tier, spec.by_schema) == (Tier.FLEX, False)
    assert spec.price is not None
    assert spec.price.output == Decimal("0.6")
    assert spec.options == ("as", "base_url", "key_env", "params", "price", "tier", "schema")


def test_a_single_sample_is_left_out_of_the_stored_form() -> None:
    assert "samples" not in spec_document(strategy())
    assert spec_document(strategy(samples=2))["samples"] == 2


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"analyst": {"chart": "a:1"}}, "the key 'analyst.consolidated' is missing"),
        ({"analyst": {"as": "x"}}, "the key 'analyst.analyst' is missing"),
        ({"analyst": {"analyst": "a:1", "parms": {}}}, "'analyst.parms', did you mean 'params'?"),
        ({"analyst": {"analyst": "a:1", "params": {"temprature": 1}}},
         "unknown key 'analyst.params.temprature', did you mean 'temperature'?"),
        ({"analyst": {"analyst": "a:1", "params": {"temperature": "hot"}}},
         "analyst.params.temperature: expected a number from 0 to 2, found 'hot'"),
        ({"shadows": [{"analyst": "a:1", "price": {"input": 1}}]},
         "the key 'shadows.0.price.output' is missing"),
        ({"analyst": {"analyst": "a:1", "base_url": "ftp://x"}},
         "analyst.base_url: expected an address, such as http://127.0.0.1:11434/v1, found"),
        ({"analyst": {"analyst": "a:1", "key_env": "sk-ant-123"}},
         "analyst.key_env: expected the name of an environment variable, never a key"),
        ({"analyst": ["a:1", {"analyst": "a:1", "tier": "flex"}]},
         "analyst: a:1 is named twice; tell them apart by 'as'"),
        ({"analyst": "a:1", "shadows": ["a:1"]}, "shadows: a:1 is named twice; a shadow is"),
        ({"shadows": ["a:1", "a:1"]}, "shadows: a:1 is named twice; a shadow is another analyst"),
        ({"analyst": []}, "analyst: expected 1 to 5 analysts, found 0"),
        ({"analyst": {"analyst": "a:1", "image": False, "numbers": False}},
         "image false and numbers false show nothing"),
        ({"analyst": {"analyst": "a:1", "images": False, "numbers": False}},
         "images false and numbers false show nothing"),
        ({"samples": 0}, "samples: expected a whole number from 1 to 20, found 0"),
    ],
)  # fmt: skip
def test_what_says_nothing_clear_is_refused(keys: dict[str, Any], said: str) -> None:
    assert said in refusal(**keys)


def test_a_model_may_be_asked_from_the_picture_alone() -> None:
    spec = AnalystSpec.model_validate({"analyst": "a:1", "numbers": False})
    assert (spec.image, spec.images, spec.numbers) == (True, True, False)
