"""Which analysts a strategy may name, before anything of it is recorded."""

import re
from collections.abc import Sequence

import pytest

from tapetrail.analysts.registry import Analysts
from tapetrail.analysts.rules import TechnicalRules
from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.core.strategy.strategies import StrategySpec, parse_strategy

RULES = "builtin:technical-rules-v1"
BROUGHT = Analysts({"own": lambda _name: TechnicalRules(), "odd": lambda _name: "no analyst"})
FAR = Analysts({"own": lambda _name: TechnicalRules(), "far": lambda _name: TechnicalRules()})


def strategy(analyst: str, shadows: Sequence[str] = ()) -> StrategySpec:
    asked = {"name": "s", "instruments": ["IBM"], "analyst": analyst, "shadows": list(shadows)}
    return parse_strategy(asked, place="a test")


def test_the_deciding_analyst_comes_first_and_shadows_in_their_order() -> None:
    deciding, shadow = BROUGHT.of(strategy(RULES, ["own:a"]))
    assert isinstance(deciding, TechnicalRules)
    assert isinstance(shadow, TechnicalRules)


@pytest.mark.parametrize(
    ("analysts", "named", "message"),
    [
        (BROUGHT, [RULES, RULES], f"{RULES} is named twice"),
        (BROUGHT, ["own:a", "own:b", "own:b"], "own:b is named twice"),
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


def test_a_child_process_is_not_given_what_it_does_not_know() -> None:
    assert BROUGHT.of(strategy(RULES), in_child=True)
    for asked in (strategy("own:a"), strategy(RULES, ["own:a"])):
        with pytest.raises(InvalidInput, match="analysts of own: a child process knows"):
            BROUGHT.of(asked, in_child=True)


def test_an_unknown_name_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(NotFound, match=f"did you mean {RULES}") as caught:
        BROUGHT.of(strategy("builtin:technical-rule-v1"))
    assert caught.value.kind is ErrorKind.ANALYST_UNAVAILABLE
