"""The demo with a model says what it can cost before it asks, and that is its budget."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from tapetrail.bootstrap import Wiring
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.settings import read_settings
from tapetrail.strategy_files import bundled_strategy
from tapetrail.usecases.model_demo import NAME, TEXT_BYTES, TEXT_BYTES_OF_ALL, ModelDemo, model_demo

ROOT: Final = Path(__file__).parents[2]
AT: Final = datetime(2026, 11, 27, tzinfo=UTC)
HAIKU: Final = {"analyst": "anthropic:claude-haiku-4-5"}
LOCAL: Final = {"analyst": "compatible:llava", "base_url": "http://127.0.0.1:11434/v1"}
FIVE: Final = ["AAPL", "FB", "GOOG", "IBM", "MSFT"]


def demo(analyst: Mapping[str, str], decisions: int) -> ModelDemo:
    settings = read_settings({"USER": "ada"}, working_folder=Path("/x"))
    wiring = Wiring(
        settings=settings, environment={"ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k"}
    )
    planner = wiring.planner(None)
    return model_demo(planner, bundled_strategy(), analyst, decisions=decisions, at=AT)


def test_the_newest_days_come_first_and_nothing_is_asked_twice() -> None:
    found = demo(LOCAL, 12)
    assert [(str(query.as_of_on), query.symbols) for query in found.queries] == [
        ("2012-11-30", FIVE), ("2012-11-23", FIVE), ("2012-11-16", ["AAPL", "FB"]),
    ]  # fmt: skip
    assert {query.spec.name for query in found.queries} == {NAME}
    assert {query.workflow_id for query in found.queries} == {None}
    assert str(demo(LOCAL, 130).queries[-1].as_of_on) == "2012-06-08"


def test_the_most_it_can_cost_is_worked_out_by_hand() -> None:
    bound = demo(HAIKU, 1).bound
    # The chart travels in 1268 x 951 pixels: 46 x 34 squares of 28, a token each.
    image, frame = 46 * 34, 1_000
    read = 2 * (TEXT_BYTES + frame + image) + TEXT_BYTES_OF_ALL + frame + 2 * image
    assert (bound.calls, bound.tokens_read, bound.tokens_written) == (3, read, 3 * 16_384)
    # A write into a cache for an hour is the dearest of what is read: 2 USD a million; 5 written.
    # A region adds a tenth.
    per_million = Decimal(1_000_000)
    most = (Decimal(2) * read + 5 * 3 * 16_384) * Decimal("1.1") / per_million
    short = (Decimal(2) * read + 5 * 3 * 1_000) * Decimal("1.1") / per_million
    assert most <= bound.usd < most + Decimal("0.01")
    assert short <= bound.usd_if_short < short + Decimal("0.01")


def test_the_front_page_says_what_it_costs() -> None:
    bound = demo(HAIKU, 5).bound
    page = " ".join(ROOT.joinpath("README.md").read_text(encoding="utf-8").split())
    assert f"at most {bound.usd} USD, or {bound.usd_if_short} USD if no answer takes more" in page
    assert f"on {AT:%Y-%m-%d}" in page


def test_each_execution_has_the_budget_of_its_decisions() -> None:
    found = demo(HAIKU, 7)
    five, two = (query.spec.budget.execution_usd for query in found.queries)
    assert five + two == found.bound.usd
    assert Decimal("2.4") < five / two < Decimal("2.6")
    assert found.queries[0].spec.budget.day_usd == 20
    large = demo(HAIKU, 130)
    assert large.queries[0].spec.budget.day_usd == large.bound.usd > 20


def test_a_model_on_this_machine_costs_nothing_by_rule() -> None:
    found = demo(LOCAL, 5)
    assert found.is_local
    assert (found.bound.usd, found.queries[0].spec.budget.execution_usd) == (0, 0)
    assert not demo(HAIKU, 5).is_local


@pytest.mark.parametrize(
    ("analyst", "says", "kind"),
    [
        ({"analyst": "builtin:technical-rules-v1"}, "no model; expected FAMILY:MODEL", None),
        ({"analyst": "openai:none-of-that-name"}, "is not known", ErrorKind.UNKNOWN_PRICE),
        ({"analyst": "google:gemini-2.5-flash"}, "no key; set GOOGLE", ErrorKind.KEY_MISSING),
        ({"analyst": "compatible:llava"}, "no base_url", None),
        ({"analyst": "compatible:llava", "base_url": "127.0.0.1"}, "base_url", None),
        ({"analyst": "openai:"}, "names no model", None),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is(
    analyst: dict[str, str], says: str, kind: ErrorKind | None
) -> None:
    with pytest.raises(InvalidInput, match=says) as caught:
        demo(analyst, 5)
    assert caught.value.kind is kind
