"""The demo with a model, as a newcomer runs it: what it says first, and what it leaves."""

import json
import re
from typing import Final

import pytest
from tests.model_server import Asked, model_server
from tests.workflows.conftest import Home
from tests.workflows.model_answers import CHART, HOLD, is_whole

from tapetrail.usecases.model_demo import TEXT_BYTES, TEXT_BYTES_OF_ALL

pytestmark = pytest.mark.service

DECISIONS: Final = """
SELECT d.symbol, d.status, d.provenance, d.as_of::date::text AS day, d.execution_id, s.name,
    s.spec -> 'budget' ->> 'execution_usd' AS budget, s.spec -> 'analyst' ->> 'analyst' AS analyst
FROM tapetrail.decisions d JOIN tapetrail.workflow_executions e ON e.id = d.execution_id
JOIN tapetrail.strategies s ON s.id = e.strategy_id ORDER BY d.symbol
"""
IMAGE: Final = re.compile(rb"base64,[A-Za-z0-9+/=]+")


def answered(asked: Asked) -> str:
    """An answer about every share but FB."""
    return (
        "no"
        if b"FB" in IMAGE.sub(b"", asked.body)
        else json.dumps(HOLD if is_whole(asked) else CHART)
    )


def test_the_demo_with_a_model_asks_first_and_says_what_came_of_it(home: Home) -> None:
    with model_server() as server:
        server.answers = answered
        words = ("demo", "--analyst", "compatible:m", "--base-url", f"{server.url}/v1")
        refused = home.run(*words, "--decisions", "2")
        assert refused.returncode == 2
        assert "6 calls: up to about " in refused.stderr
        assert "on this machine: local, 0 USD by rule" in refused.stderr
        assert "nobody is there to say yes, and --yes was not given" in refused.stderr
        assert server.asked == []

        ended = home.run(*words, "--decisions", "2", "--yes")
    assert ended.returncode == 1, ended.stderr
    assert "local, 0 USD by rule" in ended.stderr
    assert re.search(r"^ *\d+ .* AAPL .* completed .* HOLD", ended.stdout, re.MULTILINE)
    assert "FB: analysis: " in ended.stderr
    # A question that cannot be read is asked thrice.
    assert re.search(
        r"3 of \d questions answered by compatible:m in \d+ calls, 0 USD", ended.stderr
    )
    assert "Try: tapetrail decisions show " in ended.stderr
    for asked in server.asked:
        text = len(IMAGE.sub(b"", asked.body))
        assert text <= (TEXT_BYTES_OF_ALL if is_whole(asked) else TEXT_BYTES)

    rows = home.rows(DECISIONS)
    assert [(row["symbol"], row["status"]) for row in rows] == [
        ("AAPL", "completed"),
        ("FB", "failed"),
    ]
    for row in rows:
        said = (row["provenance"], row["day"], row["name"], row["budget"], row["analyst"])
        assert said == ("demo", "2012-11-30", "demo-with-a-model", "0", "compatible:m")


def test_words_about_a_model_need_one(home: Home) -> None:
    ended = home.run("demo", "--decisions", "2")
    assert ended.returncode == 2
    assert "--decisions: says how a model is asked" in ended.stderr
    assert "name it with --analyst" in ended.stderr
