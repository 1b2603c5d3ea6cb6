"""Programs tell over a network as they tell a home: the same rows, once, whatever breaks."""

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from tests.api_server import ApiServer, api_server
from tests.homes import copy_home
from tests.model_server import model_server
from tests.surfaces.conftest import Terminal
from tests.workflows.recordings import assert_sound
from tests.workflows.test_recorded_agents import AGENTS, EXAMPLES, Example, run

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def terminal(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    found = Terminal(home=tmp_path_factory.mktemp("told") / "home")
    copy_home(prepared_home, found.home)
    return found


@pytest.fixture(scope="module")
def server(terminal: Terminal) -> Generator[ApiServer]:
    with api_server(terminal) as found:
        yield found
    assert_sound(terminal.home)


@pytest.mark.parametrize("example", AGENTS, ids=str)
def test_an_agent_is_recorded_over_http_as_in_a_home(
    example: Example, server: ApiServer, tmp_path: Path
) -> None:
    before = server.document("/api/decisions?count=true")["count"]
    with model_server() as model:
        model.answers = example.answers
        ran = run(
            EXAMPLES / f"{example.name}.py",
            tmp_path / "none",
            model.url,
            TAPETRAIL_SERVER=server.url,
            TAPETRAIL_SERVER_KEY=server.token,
        )
        assert ran.returncode == 0, ran.stderr
    assert not (tmp_path / "none").exists()
    newest = server.document("/api/executions?limit=1")["data"][0]
    of_run = f"?execution_id={newest['id']}"
    decisions = server.every(f"/api/decisions{of_run}")
    signals = server.every(f"/api/signals{of_run}")
    assert len(decisions) == example.decisions
    assert server.document("/api/decisions?count=true")["count"] == before + len(decisions)
    assert {each["symbol"]: each["signal_type"] for each in signals} == example.signals
    analyses = sorted(each["id"] for each in server.every(f"/api/llm-analyses{of_run}"))
    asked = [server.get(f"/api/llm-analyses/{each}/request").content for each in analyses]
    replied = [server.get(f"/api/llm-analyses/{each}/reply").content for each in analyses]
    assert sorted(asked) == sorted(each.body for each in model.asked)
    assert sorted(replied) == sorted(model.sent)
    charts = server.every(f"/api/charts{of_run}")
    assert len(charts) == example.charts
    for each in charts:
        assert server.get(f"/api/charts/{each['id']}/image").status_code == 200


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("chart_service", "AAPL 1w active\nAAPL 1d active\n"),
        ("analysis_service", "openai:gpt-5-mini 2 1\n"),
    ],
)
def test_the_services_work_over_http(
    server: ApiServer, tmp_path: Path, *, name: str, printed: str
) -> None:
    ran = run(
        EXAMPLES / f"{name}.py",
        tmp_path / "none",
        "http://127.0.0.1:9",
        TAPETRAIL_SERVER=server.url,
        TAPETRAIL_SERVER_KEY=server.token,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith(printed)


def told(script: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    own = {k: v for k, v in os.environ.items() if not k.startswith("TAPETRAIL_")}
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**own, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"TAPETRAIL_SERVER": "http://192.0.2.1"}, "a key would travel in the clear"),
        ({"TAPETRAIL_SERVER": "http://127.0.0.1:9"}, "no key; TAPETRAIL_SERVER_KEY takes one"),
        ({"TAPETRAIL_SERVER": "https://"}, "expected an address such as https://"),
        ({"TAPETRAIL_SERVER_KEY": "ttk_x"}, "not a key that tapetrail keys create made"),
    ],
)
def test_who_cannot_be_told_safely_is_not(
    environment: dict[str, str], said: str, tmp_path: Path
) -> None:
    ended = told(
        "import tapetrail; tapetrail.recorder()", TAPETRAIL_HOME=str(tmp_path), **environment
    )
    assert said in ended.stderr
    assert "ttk_x" not in ended.stderr
