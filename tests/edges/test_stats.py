"""Statistics of models against tables that were worked out by hand, on rows made for them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import pytest
from tests.edges.rows import NOON, Rows, driver

from tapetrail.core.errors import InvalidInput
from tapetrail.listing import ANALYSES
from tapetrail.store import stats
from tapetrail.store.stats import By
from tapetrail.wire import GroundingStats, UsageStats

pytestmark = pytest.mark.service

USED: Final = {"input": 100, "output": 10}
LATER: Final = NOON + timedelta(days=1)
GROUNDED: Final = {
    "supports": [
        {"price": "95", "on_its_side": True, "is_visible": True, "touches": 3},
        {"price": "20", "on_its_side": True, "is_visible": False, "touches": 0},
    ],
    "resistances": [{"price": "90", "on_its_side": False, "is_visible": True, "touches": None}],
    "observations": [
        {"text": "last close = 100", "stated": "100", "actual": "100", "agrees": True},
        {"text": "RSI = 7", "stated": "7", "actual": "55", "agrees": False},
        {"text": "odd = 1", "stated": "1", "actual": None, "agrees": None},
        {"text": "words", "stated": None, "actual": None, "agrees": None},
    ],
}


@pytest.fixture
def asked(running: Rows) -> Rows:
    """A decision on AAPL: one answer after a retry, one refusal after a re-ask, one lost call."""
    running.add("market_snapshots")
    running.add("charts")
    answer(running, status="completed", latency_ms=100, grounding=GROUNDED)
    call(running, 1, "first", cost_usd=None, usage=None, http_status=429)
    call(running, 2, "retry", cost_usd=Decimal("0.01"), usage=USED)
    running.add("trading_signals")
    whole = {"question": "consolidated", "kind": "consolidated", "chart_id": None}
    answer(running, **whole, status="refused", error_kind="refused", latency_ms=300)
    call(running, 1, "first", question="consolidated", cost_usd=Decimal("0.02"), usage=USED)
    call(
        running, 2, "re_ask", question="consolidated", cost_usd=Decimal("0.03"), usage={"output": 5}
    )
    running.add(
        "llm_attempts", question="chart:1w", analyst="openai:other", model_name="other",
        attempt_no=1, turn_no=1, reason="first", sent_at=LATER,
    )  # fmt: skip
    answer(running, question="chart:x", analyst="house", provider="builtin", latency_ms=1)
    return running


def answer(rows: Rows, **changes: object) -> None:
    failed = changes.get("status", "completed") != "completed"
    said = {"error_message": "no"} if failed else {}
    rows.add("llm_analyses", **said, **changes)


def call(
    rows: Rows, number: int, reason: str, *, question: str = "chart:1d", **reply: object
) -> None:
    rows.add("llm_attempts", question=question, attempt_no=number, turn_no=1, reason=reason)
    rows.add("llm_replies", **reply)


def usage(rows: Rows, by: By = By.MODEL, **filters: str | int | datetime) -> list[UsageStats]:
    return stats.usage(driver(rows), ANALYSES.select(**filters), by=by)


def test_calls_answers_failures_tokens_and_cost_are_those_that_were_worked_out(
    asked: Rows,
) -> None:
    found, other = usage(asked)
    assert found == UsageStats(
        key="openai:a-model", decisions=1, signals=1, asked=2, answers=1, calls=4, lost=0,
        retries=1, re_asks=1, failures={"refused": 1}, tokens={"input": 200, "output": 25},
        cost_usd=Decimal("0.06"), unpriced=1, usd_per_decision=None, usd_per_signal=None,
        latency_ms_p50=200, latency_ms_p95=290,
    )  # fmt: skip
    assert (other.key, other.decisions, other.asked, other.answers) == ("openai:other", 1, 0, 0)
    assert (other.calls, other.lost, other.cost_usd, other.unpriced) == (1, 1, None, 1)
    assert (other.failures, other.tokens, other.latency_ms_p50) == ({}, {}, None)


def test_cost_of_a_decision_and_a_signal_is_said_where_all_of_it_is_known(asked: Rows) -> None:
    (known,) = usage(asked, status="refused")
    assert (known.cost_usd, known.usd_per_decision) == (Decimal("0.05"), Decimal("0.05"))
    assert known.usd_per_signal is None  # it has none
    asked.add("llm_analyses", question="chart:2", cost_usd=Decimal("0.3"), usage=USED)
    asked.add("trading_signals", role="shadow")
    (older,) = usage(asked, status="completed")
    assert (older.cost_usd, older.unpriced) == (Decimal("0.31"), 1)
    assert older.tokens == {"input": 200, "output": 20}


def test_what_was_never_sent_costs_nothing_and_what_nobody_priced_is_counted(
    running: Rows,
) -> None:
    running.add("market_snapshots")
    running.add("charts")
    answer(running, status="budget_exceeded", error_kind="budget_exceeded", response_text=None)
    (unsent,) = usage(running)
    assert (unsent.calls, unsent.unpriced, unsent.cost_usd) == (0, 0, None)
    assert unsent.failures == {"budget_exceeded": 1}
    running.add("llm_analyses", question="chart:2")
    (unknown,) = usage(running)
    assert (unknown.asked, unknown.unpriced) == (2, 1)


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        (By.DAY, ["2026-11-21", "2026-11-20"]),
        (By.ANALYST, ["openai:a-model", "openai:other"]),
        (By.STRATEGY, ["swing@1"]),
        (By.SYMBOL, ["AAPL"]),
    ],
)
def test_rows_are_by_what_is_asked_for(asked: Rows, by: By, keys: list[str]) -> None:
    found = usage(asked, by)
    assert [row.key for row in found] == keys
    assert sum(row.calls for row in found) == 5


@pytest.mark.parametrize(
    ("filters", "calls"),
    [
        ({"symbol": "AAPL"}, 5),
        ({"symbol": "IBM"}, 0),
        ({"strategy": "swing@1"}, 5),
        ({"strategy": "swing@2"}, 0),
        ({"as_of": "2026-11-20"}, 5),
        ({"as_of": "2026-11-21"}, 0),
        ({"analyst": "openai:other"}, 1),
        ({"since": LATER}, 1),
        ({"until": LATER}, 4),
        ({"role": "deciding"}, 4),
    ],
)
def test_statistics_are_narrowed_as_lists_are(
    asked: Rows, filters: dict[str, str | datetime], calls: int
) -> None:
    assert sum(row.calls for row in usage(asked, By.MODEL, **filters)) == calls


def test_a_replay_is_in_no_statistic(asked: Rows) -> None:
    before = usage(asked)
    replayed = asked.last["decisions"]
    asked.add("workflow_executions", workflow_id="again", provenance="replay", run_type="replay")
    asked.add("decisions", replay_of=replayed, provenance="replay")
    asked.add("decision_events")
    asked.add("llm_analyses", provenance="replay", grounding=GROUNDED)
    call(asked, 1, "first", cost_usd=Decimal(1), usage=USED)
    assert usage(asked) == before
    assert [
        row.answers for row in stats.grounding(driver(asked), ANALYSES.select(), by=By.DAY)
    ] == [1]
    period = stats.period(driver(asked), "today", since=NOON)
    assert (period.decisions, period.cost_usd) == (1, Decimal("0.06"))


def test_findings_on_what_was_stated_are_counted(asked: Rows) -> None:
    (found,) = stats.grounding(driver(asked), ANALYSES.select(symbol="AAPL"), by=By.MODEL)
    assert found == GroundingStats(
        key="openai:a-model", answers=1, levels=3, on_their_side=2, visible=2, touched=1, untold=1,
        numbers=3, known=2, equal=1,
    )  # fmt: skip
    assert stats.grounding(driver(asked), ANALYSES.select(symbol="IBM"), by=By.MODEL) == []


def test_findings_of_another_shape_count_for_nothing(running: Rows) -> None:
    running.add("market_snapshots")
    running.add("charts")
    odd = {"supports": 1, "observations": {"stated": [1]}, "resistances": "many"}
    running.add("llm_analyses", grounding=odd, usage={"input": "many", "more": [1], "output": 1.5})
    (found,) = stats.grounding(driver(running), ANALYSES.select(), by=By.MODEL)
    assert (found.answers, found.levels, found.visible, found.touched) == (1, 0, 0, 0)
    assert usage(running)[0].tokens == {}


def test_a_period_says_what_was_decided_and_what_it_cost(asked: Rows) -> None:
    asked.add("workflow_executions", workflow_id="run-2")
    asked.add("decisions", run_no=2, created_at=LATER)
    asked.add("decision_events")
    asked.add(
        "decision_events", from_status="running", to_status="failed", failed_stage="analysis",
        error_kind="refused", error_message="no",
    )  # fmt: skip
    found = stats.period(driver(asked), "all", since=datetime(2026, 1, 1, tzinfo=UTC))
    assert (found.period, found.decisions, found.completed, found.failed) == ("all", 2, 0, 1)
    assert (found.signals, found.failures) == ({"BUY": 1}, {"refused": 1})
    assert (found.cost_usd, found.unpriced) == (Decimal("0.06"), 2)
    later = stats.period(driver(asked), "later", since=LATER)
    assert (later.decisions, later.signals, later.failures) == (1, {}, {"refused": 1})
    assert (later.cost_usd, later.unpriced) == (None, 1)


def test_an_unknown_word_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InvalidInput, match="by 'hour': expected one of day, model, analyst"):
        stats.read_by("hour")
