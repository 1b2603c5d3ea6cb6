"""Debug mode: bars from the cache alone, and no connection but to the database and the blobs."""

from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest
from tests.edges.test_binance import good
from tests.homes import python_path
from tests.model_server import ModelServer, model_server
from tests.workflows.conftest import Home

pytestmark = pytest.mark.service

# Python looks for this module at every start. The database is reached by a C library, whose
# connections are no events of Python: what is written down is every other one.
WATCHING: Final = """
import os, sys

def watch(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
        with open(os.environ["CONNECTIONS"], "a") as file:
            print(event, arguments[1:], file=file)

sys.addaudithook(watch)
"""
AS_OF: Final = "2024-06-28"
MODEL: Final = "{analyst: 'compatible:llava', base_url: 'http://127.0.0.1:9/v1'}"
MODES: Final = (
    "SELECT e.debug_mode, d.status, d.error_kind, d.error_message, s.from_cache"
    " FROM tapetrail.decisions AS d"
    " JOIN tapetrail.workflow_executions AS e ON e.id = d.execution_id"
    " LEFT JOIN tapetrail.market_snapshots AS s"
    " ON s.decision_id = d.id AND s.timeframe = '1d' ORDER BY d.id"
)


@pytest.fixture
def vendor() -> Generator[ModelServer]:
    with model_server() as made:
        made.answers = good
        yield made


@pytest.fixture
def connections(tmp_path: Path) -> Path:
    (tmp_path / "watching").mkdir()
    (tmp_path / "watching" / "sitecustomize.py").write_text(WATCHING)
    return tmp_path / "connections.txt"


@pytest.fixture
def environment(vendor: ModelServer, connections: Path) -> dict[str, str]:
    return {
        "BINANCE_BASE_URL": vendor.url,
        "CONNECTIONS": str(connections),
        "PYTHONPATH": python_path(connections.parent / "watching"),
    }


def test_debug_mode_takes_what_is_kept_and_makes_no_connection(
    home: Home, vendor: ModelServer, environment: dict[str, str]
) -> None:
    connections = Path(environment["CONNECTIONS"])
    file = home.strategy(symbols="BTCUSDT", more="source: binance")
    fetched = home.run("data", "fetch", file, "--from", AS_OF, **environment)
    assert fetched.returncode == 0, fetched.stderr
    assert vendor.url.rpartition(":")[2] in connections.read_text()  # the watch is awake
    connections.unlink()
    asked = len(vendor.asked)
    done = home.run("run", file, "--as-of", AS_OF, "--debug-mode", **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    past = home.run(
        "backfill", file, "--from", "2024-07-01", "--to", "2024-07-19",
        TAPETRAIL_DEBUG_MODE="1", **environment,
    )  # fmt: skip
    assert past.returncode == 0, past.stdout + past.stderr
    assert "debug mode, by TAPETRAIL_DEBUG_MODE" in past.stderr
    rows = home.rows(MODES)
    assert len(rows) == 3
    assert all(row["debug_mode"] and row["from_cache"] for row in rows)
    assert not connections.exists(), connections.read_text()
    assert len(vendor.asked) == asked
    assert home.run("verify", "--deep").returncode == 0


def test_debug_mode_says_what_is_not_kept_and_what_is(
    home: Home, vendor: ModelServer, environment: dict[str, str]
) -> None:
    connections = Path(environment["CONNECTIONS"])
    file = home.strategy(symbols="BTCUSDT", more="source: binance")
    unknown = home.run("run", file, "--debug-mode", **environment)
    assert unknown.returncode == 3, unknown.stderr
    assert "in debug mode binance is not asked" in unknown.stderr
    assert home.run("data", "fetch", file, **environment).returncode == 0
    connections.unlink()
    asked = len(vendor.asked)
    done = home.run("run", file, "--as-of", "2012-06-29", DEBUG_MODE="1", **environment)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "debug mode, by DEBUG_MODE" in done.stderr
    (row,) = home.rows(MODES)
    assert (row["debug_mode"], row["error_kind"]) == (True, "not_cached")
    assert "in debug mode nobody is asked; kept: 20" in row["error_message"]
    assert "run: tapetrail data fetch STRATEGY --from 2012-06-29" in row["error_message"]
    # The way on is one.
    assert home.run("data", "fetch", file, "--from", "2012-06-29", **environment).returncode == 0
    again = home.run("run", file, "--as-of", "2012-06-29", "--debug-mode", **environment)
    assert again.returncode == 0, again.stdout + again.stderr
    asked, connections = len(vendor.asked), Path("no such file")
    assert (len(vendor.asked), connections.exists()) == (asked, False)


def test_debug_mode_refuses_what_would_have_to_ask(
    home: Home, vendor: ModelServer, environment: dict[str, str]
) -> None:
    model = home.strategy(symbols="AAPL", more=f"analyst: {MODEL}")
    done = home.run("run", model, "--debug-mode", **environment)
    assert done.returncode == 2
    assert "asks nobody over a network, and compatible:llava would be asked" in done.stderr
    file = home.strategy(symbols="BTCUSDT", more="source: binance")
    fetch = home.run("data", "fetch", file, TAPETRAIL_DEBUG_MODE="1", **environment)
    assert fetch.returncode == 2
    assert "debug mode asks nobody over a network" in fetch.stderr
    wrong = home.run("run", file, TAPETRAIL_DEBUG_MODE="maybe", **environment)
    assert wrong.returncode == 2
    assert "TAPETRAIL_DEBUG_MODE: 'maybe', expected one of 1, 0" in wrong.stderr
    assert vendor.asked == []


def test_debug_mode_may_be_left_for_one_run_and_other_words_are_nobodys(
    home: Home, environment: dict[str, str]
) -> None:
    file = home.strategy(symbols="BTCUSDT", more="source: binance")
    words = ("run", file, "--as-of", AS_OF, "--no-debug-mode")
    done = home.run(*words, TAPETRAIL_DEBUG_MODE="1", **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        home.run("run", file, "--as-of", AS_OF, DEBUG_MODE="verbose", **environment).returncode == 0
    )
    assert [row["debug_mode"] for row in home.rows(MODES)] == [False, False]
