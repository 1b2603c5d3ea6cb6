"""Which analysts a strategy may name, before anything of it is recorded."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from tests.builders import instrument, utc

from tapetrail.analysts.protocol import Identity, ReadResponse
from tapetrail.analysts.registry import Analysts
from tapetrail.analysts.rules import TechnicalRules
from tapetrail.core.analysis.questions import Question
from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.core.strategy.analysts import AnalystSpec
from tapetrail.core.strategy.strategies import StrategySpec, parse_strategy

RULES = "builtin:technical-rules-v1"


@dataclass(frozen=True)
class Own:
    """An analyst with the name that it is asked for."""

    name: str

    @property
    def identity(self) -> Identity:
        return Identity(name=self.name, provider="own", model_name=self.name)

    def reply(self, question: Question) -> str:
        raise NotImplementedError(question)


BROUGHT = Analysts(
    {"own": Own, "odd": lambda _name: "no analyst", "alias": lambda _name: Own("own:a")}
)
FAR = Analysts({"own": Own, "far": Own})


def strategy(analyst: str, shadows: Sequence[str] = ()) -> StrategySpec:
    asked = {"name": "s", "instruments": ["IBM"], "analyst": analyst, "shadows": list(shadows)}
    return parse_strategy(asked, place="a test")


@pytest.mark.parametrize(
    ("stated", "recorded", "meant"),
    [("0.05", None, "0.05"), (None, "0.01", "0.01"), ("0.01", "0.01", "0.01"), (None, None, None)],
)
def test_a_tick_size_is_the_strategys_word_or_else_the_records(
    stated: str | None, recorded: str | None, meant: str | None
) -> None:
    data = {"exchange": "XNYS", "currency": "USD", "adjustment": "raw"}
    asked = {"name": "s", "instruments": ["AAPL"], "source": "file:a.csv"}
    tick = {} if stated is None else {"tick_size": stated}
    share = replace(instrument(), tick_size=None if recorded is None else Decimal(recorded))
    question = Question(
        name="consolidated",
        instrument=share,
        as_of=utc("2024-03-04 21:00"),
        strategy=parse_strategy({**asked, "data": {**data, **tick}}, place="a test"),
        charts=(),
    )
    assert question.tick_size == (None if meant is None else Decimal(meant))


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ({"symbol": "AAPL", "tick_size": "0.25"}, "0.25"),
        ({"symbol": "A*", "tick_size": "0.25"}, "0.25"),
        ({"symbol": "AAPL", "exchange": "XTKS"}, None),
        ("IBM", "0.05"),
    ],
)
def test_a_tick_size_of_its_own_comes_before_that_of_data_and_another_market_has_none(
    named: object, meant: str | None
) -> None:
    data = {"exchange": "XNYS", "currency": "USD", "adjustment": "raw", "tick_size": "0.05"}
    asked = {"name": "s", "instruments": [named], "source": "file:a.csv", "data": data}
    question = Question(
        name="consolidated",
        instrument=replace(instrument(), symbol="AAPL", tick_size=None),
        as_of=utc("2024-03-04 21:00"),
        strategy=parse_strategy(asked, place="a test"),
        charts=(),
    )
    assert question.tick_size == (None if meant is None else Decimal(meant))


def test_the_deciding_analyst_comes_first_and_shadows_in_their_order() -> None:
    deciding, shadow = BROUGHT.of(strategy(RULES, ["own:a"]))
    assert isinstance(deciding, TechnicalRules)
    assert shadow == Own("own:a")


@pytest.mark.parametrize(
    ("analysts", "named", "message"),
    [
        (BROUGHT, [RULES, RULES], f"{RULES} is named twice"),
        (BROUGHT, ["own:a", "own:b", "own:b"], "own:b is named twice"),
        (BROUGHT, ["alias:a"], "analyst 'alias:a': alias gave one named 'own:a'"),
        (BROUGHT, ["odd:a"], "odd gave 'no analyst', which is no analyst"),
        (FAR, ["own:a", "far:b"], "analysts of far and own: decisions wait for programs with one"),
        (FAR, [RULES, "own:a", "far:b"], "analysts of far and own"),
    ],
)
def test_analysts_that_cannot_answer_together_are_refused(
    analysts: Analysts, named: Sequence[str], message: str
) -> None:
    with pytest.raises(InvalidInput, match=re.escape(message)):
        analysts.of(strategy(named[0], named[1:]))


@pytest.mark.parametrize("label", ["builtin:x", "openai:gpt-5.2", "far:a"])
def test_a_name_of_ones_own_does_not_pass_for_an_analyst_of_another_family(label: str) -> None:
    spec = AnalystSpec.model_validate({"analyst": "own:a", "as": label})
    word = label.partition(":")[0]
    with pytest.raises(InvalidInput, match=f"as {label}: {word} is another family of analysts"):
        FAR.check(spec)


@pytest.mark.parametrize("label", ["cold", "own:cold", "mine:a", "builtin"])
def test_any_other_name_of_ones_own_is_taken(label: str) -> None:
    FAR.check(AnalystSpec.model_validate({"analyst": "own:a", "as": label}))


def test_a_child_process_is_not_given_what_it_does_not_know() -> None:
    assert BROUGHT.of(strategy(RULES), in_child=True)
    for asked in (strategy("own:a"), strategy(RULES, ["own:a"])):
        with pytest.raises(InvalidInput, match="analysts of own: a child process knows"):
            BROUGHT.of(asked, in_child=True)


def test_a_family_that_breaks_is_named_with_what_it_raised() -> None:
    with pytest.raises(NotFound, match="analyst 'own:a': own raised KeyError: 'own:a'") as caught:
        Analysts({"own": dict[str, Own]().__getitem__}).open(AnalystSpec(analyst="own:a"))
    assert caught.value.kind is ErrorKind.ANALYST_UNAVAILABLE


def test_nobody_passes_for_a_built_in_analyst() -> None:
    with pytest.raises(InvalidInput, match="'builtin' is a family of ours"):
        Analysts({"builtin": Own})


def test_a_reply_costs_nothing_negative() -> None:
    with pytest.raises(InvalidInput, match="tokens_used -1 must not be negative"):
        ReadResponse(text="a", tokens_used=-1)
    with pytest.raises(InvalidInput, match=r"cost_usd -0\.5 must not be negative"):
        ReadResponse(text="a", cost_usd=Decimal("-0.5"))


def test_an_unknown_name_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(NotFound, match=f"did you mean {RULES}") as caught:
        BROUGHT.of(strategy("builtin:technical-rule-v1"))
    assert caught.value.kind is ErrorKind.ANALYST_UNAVAILABLE
