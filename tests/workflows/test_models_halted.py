"""An execution is stopped while models answer, and resumed: nothing is paid for twice."""

import json
from collections import Counter
from collections.abc import Generator
from decimal import Decimal
from typing import Final

import pytest
from tests.model_server import Answer, Asked, ModelServer, model_server, spoken
from tests.workflows.conftest import AS_OF, Home
from tests.workflows.model_answers import good, is_whole
from tests.workflows.test_model_decisions import LEDGER

pytestmark = pytest.mark.service

RESERVED: Final = "SELECT status, cost_usd FROM tapetrail.budget_reservations ORDER BY attempt_no"
ASKED: Final = """
SELECT output FROM dbos.operation_outputs WHERE function_name = 'ask' AND output IS NOT NULL
"""
ENDED: Final = """
SELECT d.status, s.signal_type, e.status AS execution FROM tapetrail.decisions AS d
JOIN tapetrail.workflow_executions AS e ON e.id = d.execution_id
LEFT JOIN tapetrail.trading_signals AS s ON s.decision_id = d.id
"""


@pytest.fixture
def model() -> Generator[ModelServer]:
    def held(asked: Asked) -> Answer:
        text = good(asked)
        assert isinstance(text, str)
        return Answer(body=spoken(asked, text), is_held=True)

    with model_server() as made:
        made.answers = held
        yield made


def test_a_stopped_execution_keeps_what_was_paid_for_and_goes_on_from_there(
    home: Home, model: ModelServer
) -> None:
    told = {"analyst": "compatible:llava", "base_url": f"{model.url}/v1",
            "price": {"input": 2, "output": 8, "cached_read": 0.5}}  # fmt: skip
    more = f"analyst: {json.dumps(told)}\nbudget: {{execution_usd: 1}}"
    file = home.strategy(symbols="IBM", more=more)
    with home.started("run", file, "--as-of", AS_OF) as process:
        model.await_asked(2)
        assert home.run("executions", "stop", "1", "--reason", "the desk closes").returncode == 0
        model.release()
        said, _ = process.communicate(timeout=60)
    assert "stopped" in said
    ledger = home.rows(LEDGER)
    assert [row["reply"] is not None for row in ledger] == [True, True]
    costs = [row["cost_usd"] for row in ledger]
    assert all(cost > 0 for cost in costs)
    reserved = home.rows(RESERVED)
    assert sorted((row["status"], row["cost_usd"]) for row in reserved) == sorted(
        ("settled", cost) for cost in costs
    )
    resumed = home.run("executions", "resume", "1")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert home.run("worker", "--until-empty").returncode == 0
    assert Counter(is_whole(asked) for asked in model.asked) == {False: 2, True: 1}
    (end,) = home.rows(ENDED)
    assert (end["status"], end["signal_type"], end["execution"]) == (
        "completed",
        "BUY",
        "completed",
    )
    spent = sum((row["cost_usd"] for row in home.rows(LEDGER)), Decimal(0))
    assert sum((row["cost_usd"] for row in home.rows(RESERVED)), Decimal(0)) == spent
    # Whoever concludes counts what was heard when all was asked, and nothing that comes later.
    asked = [json.loads(row["output"]) for row in home.rows(ASKED)]
    assert [each["seen"] for each in asked if each is not None] == [[1, 2, 3]]
    assert home.run("verify", "--deep").returncode == 0
