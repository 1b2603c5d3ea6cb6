"""What calls cost through a whole run, by hand; and a budget that parallel calls never pass."""

import json
import threading
from collections import Counter
from collections.abc import Generator
from decimal import Decimal
from itertools import count
from typing import Any, Final

import pytest
from tests import wire_replies
from tests.model_server import Answer, Asked, ModelServer, model_server
from tests.workflows.conftest import AS_OF, Home
from tests.workflows.model_answers import CHART, HOLD, is_whole

pytestmark = pytest.mark.service

PRICE: Final = {"input": 2, "output": 8, "cached_read": 0.5, "cache_write": 3}
# Millionths of a dollar: input read anew, from a cache, written to one; output and reasoning.
BY_HAND: Final = {
    "openai": 150 * 2 + 1000 * 0.5 + 50 * 3 + 300 * 8,
    "openai-chat": 200 * 2 + 1000 * 0.5 + 300 * 8,
    "compatible": 200 * 2 + 1000 * 0.5 + 300 * 8,
    "anthropic": 150 * 2 + 1000 * 0.5 + (40 + 30) * 3 + 300 * 8,
    "google": (1200 - 1000) * 2 + 1000 * 0.5 + (100 + 200) * 8,
}
LIMIT_USD: Final = Decimal(1)
COUNT: Final = """
SELECT spent_usd, open_usd FROM tapetrail.budget_counts WHERE scope LIKE 'execution %'
"""
CALLS: Final = """
SELECT b.status, b.reserved_usd, r.cost_usd, r.id IS NOT NULL AS came
FROM tapetrail.llm_attempts AS a
LEFT JOIN tapetrail.llm_replies AS r ON r.attempt_id = a.id
JOIN tapetrail.budget_reservations AS b ON b.decision = a.decision_id
    AND b.question = a.question AND b.analyst = a.analyst AND b.sample_no = a.sample_no
    AND b.attempt_no = a.attempt_no
"""


@pytest.fixture
def model() -> Generator[ModelServer]:
    with model_server() as made:
        made.answers = lambda asked: json.dumps(HOLD if is_whole(asked) else CHART)
        yield made


def test_each_answer_costs_what_its_tokens_come_to_by_hand(home: Home, model: ModelServer) -> None:
    own: dict[str, object] = {"base_url": f"{model.url}/v1"}
    names = [
        {
            "analyst": f"{word}:m",
            "as": word,
            "price": PRICE,
            **(own if word == "compatible" else {}),
        }
        for word in BY_HAND
    ]
    file = home.strategy(
        symbols="IBM", more=f"analyst: {json.dumps(names[0])}\nshadows: {json.dumps(names[1:])}"
    )
    keys = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY"), "k" * 20)
    places = {"OPENAI_BASE_URL": f"{model.url}/v1", "ANTHROPIC_BASE_URL": model.url,
              "GOOGLE_GEMINI_BASE_URL": model.url}  # fmt: skip
    assert home.run("run", file, "--as-of", AS_OF, **keys, **places).returncode == 0
    rows = home.rows("SELECT analyst, cost_usd FROM tapetrail.llm_analyses")
    assert Counter(row["analyst"] for row in rows) == dict.fromkeys(BY_HAND, 3)
    for row in rows:
        assert row["cost_usd"] * 10**6 == Decimal(BY_HAND[row["analyst"]]), row
    replies = home.rows("SELECT sum(cost_usd) AS usd FROM tapetrail.llm_replies")
    assert replies[0]["usd"] * 10**6 == 3 * Decimal(sum(BY_HAND.values()))


def test_a_budget_is_not_passed_by_parallel_calls_of_which_some_are_lost(
    home: Home, model: ModelServer
) -> None:
    # Below the bound of a prompt of 7 kB: who uses more than its bound may pass a budget by that.
    usage = {"prompt_tokens": 6000, "completion_tokens": 1000, "total_tokens": 7000}
    numbers, lock = count(1), threading.Lock()

    def answers(asked: Asked) -> Answer:
        with lock:
            number = next(numbers)
        if number % 7 == 0:
            return Answer(body=b"x" * 100, cut_at=20)
        text = json.dumps(HOLD if is_whole(asked) else CHART)
        said: dict[str, Any] = {**wire_replies.chat_of(text, "m"), "usage": usage}
        return Answer(body=json.dumps(said).encode())

    model.answers = answers
    told = {"analyst": "compatible:m", "base_url": f"{model.url}/v1", "image": False,
            "price": {"input": 1, "output": 5}, "params": {"max_output_tokens": 1000}}  # fmt: skip
    file = home.strategy(
        symbols="AAPL, GOOG, IBM, MSFT",
        more=f"analyst: {json.dumps(told)}\nsamples: 8\nbudget: {{execution_usd: {LIMIT_USD}}}",
    )
    seen: list[Decimal] = []
    with home.connected() as connection, home.started("run", file, "--as-of", AS_OF) as running:
        while running.poll() is None:
            rows = connection.execute(COUNT.encode()).fetchall()
            seen.extend(row["spent_usd"] + row["open_usd"] for row in rows)
        said = running.stdout.read() if running.stdout else ""
    assert max(seen) <= LIMIT_USD
    calls = home.rows(CALLS)
    spent = sum(
        call["reserved_usd"] if call["cost_usd"] is None else call["cost_usd"] for call in calls
    )
    assert LIMIT_USD * Decimal("0.9") < spent <= LIMIT_USD
    assert {call["status"] for call in calls if call["cost_usd"] is None} == {"lost"}
    (counted,) = home.rows(COUNT)
    assert (counted["spent_usd"], counted["open_usd"]) == (spent, 0)
    kinds = {
        row["error_kind"] for row in home.rows("SELECT error_kind FROM tapetrail.llm_analyses")
    }
    assert "budget_exceeded" in kinds, said
    print(f"{len(calls)} calls, {spent} USD, at most {max(seen)} counted; {kinds}")  # noqa: T201 # for -s
