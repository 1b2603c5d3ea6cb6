"""Which models answered, what they say they are, and the calls that were made for an answer."""

from contextlib import nullcontext
from dataclasses import replace
from decimal import Decimal
from typing import NoReturn

import pytest
from tests.edges.rows import DIGEST, NOON, Rows, driver

from tapetrail.cli.terminal.details import detail_lines
from tapetrail.cli.terminal.output import Screen
from tapetrail.listing import ANALYSES, DECISIONS
from tapetrail.store import calls
from tapetrail.usecases.records import Records
from tapetrail.wire import Detail

pytestmark = pytest.mark.service


@pytest.fixture
def asked(running: Rows) -> Rows:
    """Two decisions: the model of the second says that it is another one."""
    running.add("market_snapshots")
    running.add("charts")
    running.add("llm_analyses", model_reported="a-model-20250101")
    running.add("llm_analyses", question="chart:1w", model_reported=None)
    running.add("workflow_executions", workflow_id="run-2")
    running.add("decisions", run_no=2)
    running.add("decision_events")
    running.add("market_snapshots")
    running.add("charts")
    running.add("llm_analyses", model_reported="a-model-20250601")
    running.add("llm_analyses", question="chart:1w", model_reported="a-model-20250601")
    running.add("llm_analyses", question="x", model_name="other", model_reported="other-1")
    running.add("llm_analyses", question="y", analyst="house", provider="builtin")
    return running


def test_each_model_comes_with_what_it_said_it_was_before(asked: Rows) -> None:
    found = calls.models_asked(driver(asked), "decisions", asked.last["decisions"])
    assert [(each.model_reported, each.reported_before) for each in found] == [
        ("a-model-20250601", "a-model-20250101"),
        ("a-model-20250601", "a-model-20250601"),
        ("other-1", None),
    ]
    (alone,) = calls.models_asked(driver(asked), "llm_analyses", found[0].analysis_id)
    assert alone == found[0]
    assert alone.as_of == NOON
    assert calls.models_asked(driver(asked), "llm_analyses", asked.last["llm_analyses"]) == []


def test_a_model_that_is_another_one_now_is_named_once(asked: Rows) -> None:
    with_rows = detail_of(asked)
    lines = [*detail_lines(DECISIONS, with_rows, screen=Screen())]
    said = [line for line in lines if "says it is" in line]
    assert len(said) == 1
    assert said[0].startswith("  a-model says it is a-model-20250601; in analysis ")
    assert said[0].endswith(" it was a-model-20250101")
    assert "  model: training cut-off of other-1 not known: it may remember this time" in lines
    unchanged = replace(
        with_rows,
        related={**with_rows.related, "models": [*with_rows.related["models"]][1:]},
    )
    assert not any(
        "says it is" in line for line in detail_lines(DECISIONS, unchanged, screen=Screen())
    )


def detail_of(rows: Rows) -> Detail:
    records = Records(lambda: nullcontext(driver(rows)), open_blobs=no_blobs)
    return records.detail(DECISIONS, rows.last["decisions"])


def no_blobs() -> NoReturn:
    raise AssertionError("no bytes are read here")


def test_the_calls_for_an_answer_are_in_their_order_and_a_lost_one_has_no_reply(
    running: Rows,
) -> None:
    running.add("market_snapshots")
    running.add("charts")
    number = running.add("llm_analyses")
    for at, reason in enumerate(("first", "retry", "re_ask"), start=1):
        running.add("llm_attempts", attempt_no=at, turn_no=1 + (at == 3), reason=reason)
        if at != 2:
            running.add("llm_replies", cost_usd=Decimal("0.5"), headers={"x": "y"})
    running.add("llm_attempts", question="chart:1w")
    found = calls.attempts(driver(running), number)
    assert [(each.attempt_no, each.turn_no, each.reason) for each in found] == [
        (1, 1, "first"), (2, 1, "retry"), (3, 2, "re_ask"),
    ]  # fmt: skip
    assert [each.response_digest for each in found] == [DIGEST, None, DIGEST]
    assert (found[0].cost_usd, found[0].headers) == (Decimal("0.5"), {"x": "y"})
    assert found[1].received_at is None
    assert ANALYSES.table in calls.ASKED_BY
