"""Agents of four kinds are recorded by a few lines each, as a user would run them."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from tests.homes import held_home
from tests.model_server import Asked, model_server
from tests.workflows.recordings import assert_sound, rows_of

import tapetrail

pytestmark = pytest.mark.service

EXAMPLES: Final = Path(__file__).parents[2] / "examples" / "recording"
LINES_MAX: Final = 8
VIEWS: Final = {"AAPL": 0.5, "MSFT": -0.5, "IBM": 0.0}
COINS: Final = [
    {"coin": "BTC", "action": "open_long", "leverage": 5},
    {"coin": "ETH", "action": "close_long"},
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An agent's script, how a model answers it, and what is then on record."""

    name: str
    answers: Callable[[Asked], str]
    signals: Mapping[str, str]
    calls: int
    charts: int = 0
    decisions: int = 1

    def __str__(self) -> str:
        """Return what pytest shows."""
        return self.name


def rating(asked: Asked) -> str:
    return "Overweight." if "manager" in str(asked.document["instructions"]) else "It depends."


AGENTS: Final = (
    Example(name="debate", answers=rating, signals={"AAPL": "BUY"}, calls=5),
    Example(
        name="personas",
        answers=lambda _: json.dumps(VIEWS),
        signals={"AAPL": "BUY", "MSFT": "SELL", "IBM": "HOLD"},
        calls=3,
        decisions=4,
    ),
    Example(
        name="coins",
        answers=lambda _: json.dumps(COINS),
        signals={"BTC": "BUY", "ETH": "SELL"},
        calls=1,
        decisions=4,
    ),
    Example(name="graph", answers=lambda _: "buy", signals={"AAPL": "BUY"}, calls=1, charts=1),
)


def run(script: Path, home: Path, url: str, **more: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        **os.environ,
        **more,
        "TAPETRAIL_HOME": str(home),
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_BASE": f"{url}/v1",
        "ANTHROPIC_BASE_URL": url,
        "OPENAI_API_KEY": "sk-of-tests-0123456789",
        "ANTHROPIC_API_KEY": "sk-of-tests-0123456789",
    }
    command = [sys.executable, str(script)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def home(prepared_home: Path, tmp_path: Path) -> Iterator[Path]:
    with held_home(prepared_home, tmp_path / "home") as found:
        yield found


@pytest.mark.parametrize("example", AGENTS, ids=str)
def test_an_agent_is_recorded_with_its_whole_lineage(example: Example, home: Path) -> None:
    with model_server() as model:
        model.answers = example.answers
        ran = run(EXAMPLES / f"{example.name}.py", home, model.url)
        assert ran.returncode == 0, ran.stderr
    with tapetrail.open_record(home) as record:
        signals = {str(row["symbol"]): row["signal_type"] for row in rows_of(record, "signals")}
        analyses = rows_of(record, "analyses")
        numbers = [int(str(row["id"])) for row in analyses]
        assert [record.analyses.request(each) for each in numbers] == [
            each.body for each in model.asked
        ]
        assert [record.analyses.reply(each) for each in numbers] == model.sent
        charts = rows_of(record, "charts")
        decisions = rows_of(record, "decisions")
        assert signals == example.signals
        assert (len(analyses), len(charts)) == (example.calls, example.charts)
        assert len(decisions) == example.decisions
        assert all(row["chart_id"] == charts[0]["id"] for row in analyses if charts)
    assert_sound(home)


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("chart_service", "AAPL 1w active\nAAPL 1d active\n"),
        ("analysis_service", "openai:gpt-5-mini 2 1\n"),
    ],
)
def test_the_services_work_for_any_program(home: Path, name: str, printed: str) -> None:
    ran = run(EXAMPLES / f"{name}.py", home, "http://127.0.0.1:9")
    assert (ran.returncode, ran.stdout) == (0, printed), ran.stderr
    assert_sound(home)


@pytest.mark.parametrize("example", AGENTS, ids=str)
def test_recording_takes_a_few_lines(example: Example) -> None:
    text = (EXAMPLES / f"{example.name}.py").read_text(encoding="utf-8")
    added = [line for line in text.splitlines() if line.endswith("# recorded")]
    assert 0 < len(added) <= LINES_MAX
    told = [line for line in text.splitlines() if re.search(r"recorder|\.log_|\.answer", line)]
    assert [line for line in told if not line.endswith("# recorded")] == []
