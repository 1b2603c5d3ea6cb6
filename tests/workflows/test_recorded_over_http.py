"""Programs tell over a network as they tell a home: the same rows, once, whatever breaks."""

import os
import subprocess
import sys
from collections.abc import Generator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.api_server import ApiServer, api_server
from tests.homes import copy_home
from tests.model_server import model_server
from tests.s3_server import free_ports
from tests.surfaces.conftest import Terminal
from tests.surfaces.test_api import problem
from tests.workflows.recordings import assert_sound
from tests.workflows.test_recorded_agents import AGENTS, EXAMPLES, Example, run

import tapetrail
from tapetrail.core.canonical import Digest, digest_bytes
from tapetrail.core.errors import EdgeFailure, InvalidInput, NotFound
from tapetrail.core.recording.bundles import HOLDER, bundle_body
from tapetrail.core.recording.entries import BarsLogged, DecisionOpened, Entry, ExecutionOpened
from tapetrail.core.recording.taken import Content
from tapetrail.core.records.states import DecisionScope, RunMode
from tapetrail.listing import CHARTS, LISTS
from tapetrail.sdk.ids import new_external_id
from tapetrail.sdk.spool import Spool
from tapetrail.sources.posted_bars import posted_bars
from tapetrail.wire import detail_document

if TYPE_CHECKING:
    import httpx2

pytestmark = pytest.mark.service
NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROWS: Final = [
    {"date": f"2026-11-{day}", "open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5, "volume": 9.0}
    for day in (16, 17, 18)
]


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


def bundle(**of_bars: object) -> tuple[list[Entry], dict[Digest, Content]]:
    """Return a decision with bars of which something else is said than they are."""
    text = posted_bars(ROWS, timeframe="1d", adjustment="split", now=NOW).text
    digest = digest_bytes(text)
    said: dict[str, Any] = {
        "timeframe": "1d", "adjustment": "split", "session_first": date(2026, 11, 16),
        "session_last": date(2026, 11, 18), "bar_count": 3, **of_bars,
    }  # fmt: skip
    run, decision, bars = (new_external_id(NOW) for _ in range(3))
    entries: list[Entry] = [
        ExecutionOpened(external_id=run, at=NOW, actor="tests", mode=RunMode.PAPER),
        DecisionOpened(
            external_id=decision, execution=run, at=NOW, scope=DecisionScope.INSTRUMENT,
            symbol="AAPL",
        ),
        BarsLogged(external_id=bars, decision=decision, at=NOW, content=digest, **said),
    ]  # fmt: skip
    return entries, {digest: Content(data=text, media_type="text/plain")}


def post(server: ApiServer, body: bytes, **headers: str) -> "httpx2.Response":
    own = {"Content-Type": "multipart/form-data; boundary=b", **headers}
    return server.ask("POST", "/api/recordings", content=body, headers=own)


def test_a_bundle_is_taken_once_however_often_it_is_sent(server: ApiServer) -> None:
    entries, contents = bundle()
    body = bundle_body(entries, contents, boundary="b")
    first, second = (post(server, body) for _ in range(2))
    assert first.status_code == 200, first.text
    rows = [each["id"] for each in first.json()["taken"]]
    assert [each["id"] for each in second.json()["taken"]] == rows
    actor = server.document(f"/api/executions/{rows[0]}")["actor"]
    assert actor == "tests"


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"bar_count": 4}, "bar_count is not what the bytes say, which is 3"),
        ({"timeframe": "1w"}, "timeframe is not what the bytes say, which is 1d"),
        ({"session_last": date(2026, 11, 19)}, "session_last is not what the bytes say"),
    ],
)
def test_what_its_bytes_do_not_say_is_not_taken(
    server: ApiServer, said: dict[str, Any], rule: str
) -> None:
    entries, contents = bundle(**said)
    before = server.document("/api/executions?count=true")["count"]
    answer = post(server, bundle_body(entries, contents, boundary="b"))
    assert rule in problem(answer, 422, "invalid-parameters")["detail"]
    assert server.document("/api/executions?count=true")["count"] == before


def test_other_bytes_than_are_named_are_not_taken(server: ApiServer) -> None:
    entries, contents = bundle()
    body = bundle_body(entries, contents, boundary="b")
    problem(post(server, body.replace(b"1.5,9", b"1.5,8", 1)), 409, "hash-mismatch")
    lone = {Digest("sha256:" + "0" * 64): Content(data=b"x", media_type="a/b")}
    problem(post(server, bundle_body(entries, lone, boundary="b")), 409, "hash-mismatch")
    more = {**contents, digest_bytes(b"x"): Content(data=b"x", media_type="a/b")}
    problem(post(server, bundle_body(entries, more, boundary="b")), 422, "invalid-parameters")
    torn = bundle_body(entries, contents, boundary="b").replace(b'"entry"', b'"other"', 1)
    problem(post(server, torn), 422, "invalid-parameters")
    problem(post(server, body, **{HOLDER: "me"}), 422, "invalid-parameters")


def test_a_record_behind_a_server_is_read_as_one_at_hand(
    server: ApiServer, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPETRAIL_SERVER_KEY", server.token)
    with (
        tapetrail.connect(server.url) as far,
        tapetrail.open_record(terminal.home) as record,
    ):
        for listed in LISTS:
            assert [*far.rows(listed)] == record.rows(listed)
        near = record.page(CHARTS, limit=1)
        page = far.page(CHARTS, limit=1)
        assert (page.data, page.next_cursor) == (near.data, near.next_cursor)
        (chart,) = page.data
        assert far.chart_image(chart.id) == record.chart_image(chart.id)
        shown = detail_document(record.detail("charts", chart.id))
        assert far.detail("charts", chart.id) == shown
        with pytest.raises(NotFound, match="no chart 9999"):
            far.detail("charts", 9999)
        with pytest.raises(InvalidInput, match="symbl"):
            far.page(CHARTS, symbl="x")


def test_a_server_that_is_away_is_an_edge_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPETRAIL_SERVER_KEY", f"ttk_{'0' * 12}_{'0' * 64}")
    monkeypatch.setenv("TAPETRAIL_HOME", str(tmp_path / "none"))
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(EdgeFailure, match="before any reply"):
        tapetrail.recorder(url)
    recorder = tapetrail.recorder(url, on_error="spool", max_wait=0.2)
    with recorder.execution("away") as run, run.decision("AAA") as decision:
        receipt = decision.log_signal("buy")
    assert not receipt.is_recorded
    with pytest.warns(UserWarning, match="lie in the spool"):
        recorder.close()
    assert len(Spool(tmp_path / "none" / "spool").names()) > 0
