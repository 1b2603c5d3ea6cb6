"""An analyst that was refused for good is asked no more, by no process, until it is resumed."""

import json
import threading
from collections.abc import Generator
from typing import Final

import pytest
from tests.edges.waiting import wait_for
from tests.model_server import Answer, Asked, ModelServer, model_server
from tests.workflows.conftest import AS_OF, Home
from tests.workflows.model_answers import good
from tests.workflows.soundness import work_off

pytestmark = pytest.mark.service

DECISIONS: Final = """
SELECT i.symbol, d.status, d.error_kind, d.error_message FROM tapetrail.decisions AS d
JOIN tapetrail.instruments AS i ON i.id = d.instrument_id ORDER BY d.id
"""


@pytest.fixture
def model() -> Generator[ModelServer]:
    with model_server() as made:
        yield made


@pytest.mark.parametrize("is_resumed", [False, True])
def test_who_goes_on_for_a_dead_process_knows_what_it_was_told(
    home: Home, model: ModelServer, *, is_resumed: bool
) -> None:
    # Each decision asks about two charts at once, and all of it before anybody is told anything.
    all_asked = threading.Barrier(4, timeout=60)

    def answers(asked: Asked) -> Answer | str:
        all_asked.wait()
        is_held = b"MSFT" in asked.body
        return Answer(is_held=True) if is_held else Answer(status=401, body=b"{}")

    model.answers = answers
    told = {"analyst": "compatible:m", "base_url": f"{model.url}/v1", "image": False}
    file = home.strategy(symbols="AAPL, MSFT", more=f"analyst: {json.dumps(told)}")
    with home.started("run", file, "--as-of", AS_OF) as running:
        wait_for(lambda: [row["status"] for row in home.rows(DECISIONS)] == ["failed", "running"])
        if is_resumed:
            assert home.run("executions", "stop", "1").returncode == 0
        running.kill()
        running.wait()
    model.release()
    model.answers = good
    before = len(model.asked)
    if is_resumed:
        home.run("executions", "resume", "1")
    work_off(home)
    refused, other = home.rows(DECISIONS)
    assert (refused["symbol"], refused["error_kind"]) == ("AAPL", "bad_key")
    if is_resumed:
        assert len(model.asked) > before
        assert other["error_kind"] != "bad_key"
        return
    assert len(model.asked) == before
    assert (other["status"], other["error_kind"]) == ("failed", "bad_key")
    said = "not asked: compatible:m is asked no more in this execution since decision 1: "
    assert said in other["error_message"]
    assert other["error_message"].count("not asked") == 1
