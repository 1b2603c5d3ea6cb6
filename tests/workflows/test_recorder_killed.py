"""Programs that record are killed while their record goes away and their disk is full.

What was acknowledged is there, once; what was not is there as a whole or named as given up. The
times are drawn by chance from a fixed seed; `KILL_SEED_IN_TESTS` gives others.
"""

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg.rows import dict_row
from tests.edges.waiting import wait_for
from tests.postgres_server import Cluster, running_cluster
from tests.tcp_proxy import Proxy, running_proxy
from tests.workflows.remote import SEED, pause
from tests.workflows.told_program import ENOUGH, FULL_BYTES

from tapetrail.core.recording.again import derived_id

pytestmark = pytest.mark.service

DATABASE: Final = "told"
ABANDONED: Final = "abandoned"
RUN_OUT: Final = "UPDATE tapetrail.recording_leases SET expires_at = expires_at - interval '1 hour'"
OPEN: Final = """
SELECT 'decision' AS what, id, status FROM tapetrail.decisions
WHERE status IN ('pending', 'running')
UNION ALL
SELECT 'run', id, status FROM tapetrail.workflow_executions WHERE status IN ('pending', 'running')
"""
DECISIONS: Final = """
SELECT d.id, d.external_id, d.symbol, d.status, d.error_kind,
    (SELECT count(*) FROM tapetrail.decision_seals WHERE decision_id = d.id) AS seals,
    (SELECT count(*) FROM tapetrail.charts WHERE decision_id = d.id) AS charts,
    (SELECT count(*) FROM tapetrail.llm_analyses WHERE decision_id = d.id) AS analyses,
    (SELECT count(*) FROM tapetrail.trading_signals WHERE decision_id = d.id) AS signals
FROM tapetrail.decisions AS d ORDER BY d.id
"""
SIGNALS: Final = "SELECT external_id, decision_id, order_ref FROM tapetrail.trading_signals"
ORDERS: Final = "SELECT external_id, decision_id, client_order_id FROM tapetrail.order_events"
NOTES: Final = "SELECT external_id, decision_id FROM tapetrail.notes"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A record on a server of its own, programs that tell it, and the failures between."""

    folder: Path
    cluster: Cluster
    proxy: Proxy
    chance: random.Random
    programs: list["subprocess.Popen[str]"]
    names: list[str]

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def spool(self) -> Path:
        return self.home / "spool"

    def environment(self, port: int) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TAPETRAIL_")}
        url = self.cluster.url(DATABASE, DATABASE, port=port)
        return {**kept, "TAPETRAIL_HOME": str(self.home), "TAPETRAIL_DATABASE_URL": url}

    def begin(self, threads: int) -> None:
        """Start a program that goes on where others were killed."""
        name = f"P{len(self.names)}"
        self.names.append(name)
        words = [str(self.home), str(self.folder), name, str(threads)]
        with (self.folder / f"{name}.said").open("w") as said:
            program = subprocess.Popen(
                [sys.executable, "-m", "tests.workflows.told_program", *words],
                env=self.environment(self.proxy.port),
                stdout=said,
                stderr=said,
                text=True,
            )
        self.programs.append(program)

    def kill(self) -> None:
        """Kill one of the programs, whatever it is doing."""
        program = self.programs.pop(self.chance.randrange(len(self.programs)))
        assert program.poll() is None, "a program ended by itself"
        program.kill()
        program.wait()

    def fill_disk(self, most: int) -> None:
        """Let no file of the programs grow beyond so many bytes."""
        for each in self.programs:
            _, hard = resource.prlimit(each.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(each.pid, resource.RLIMIT_FSIZE, (most, hard))

    def said(self) -> str:
        """Return what the programs wrote to the terminal."""
        return "".join(path.read_text() for path in self.folder.glob("*.said"))

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run the command line, which reaches the server without the proxy."""
        return subprocess.run(
            [sys.executable, "-m", "tapetrail", *words],
            env=self.environment(self.cluster.port),
            capture_output=True,
            text=True,
            check=False,
        )

    def rows(self, statement: str) -> Sequence[Row]:
        url = self.cluster.url(DATABASE)
        with psycopg.Connection[Row].connect(url, row_factory=dict_row) as connection:
            return connection.execute(statement.encode()).fetchall()

    def decided(self) -> int:
        return sum(1 for _ in (self.folder / "told").iterdir())

    def let_leases_run_out(self) -> None:
        """Make it an hour later for all that is held, and have somebody look."""
        self.cluster.execute(RUN_OUT, database=DATABASE)
        program = (
            f"import tapetrail; tapetrail.recorder({str(self.home)!r}, spool='elsewhere').close()"
        )
        words = [sys.executable, "-c", program]
        environment = self.environment(self.cluster.port)
        subprocess.run(words, env=environment, check=True, cwd=self.folder)


@pytest.fixture
def told(tmp_path: Path, cluster: Cluster) -> Generator[Told]:
    """A record without rows, whose server falls with nobody else's."""
    with (
        running_cluster(cluster.bin_dir) as own,
        running_proxy(own.port) as proxy,
        ExitStack() as stack,
    ):
        own.new_customer(DATABASE, "CREATEROLE")
        chance = random.Random(SEED)  # noqa: S311 # the same times every time
        (tmp_path / "told").mkdir()
        found = Told(
            folder=tmp_path, cluster=own, proxy=proxy, chance=chance, programs=[], names=[]
        )
        assert found.run("db", "upgrade").returncode == 0
        stack.callback(lambda: [(each.kill(), each.wait()) for each in found.programs])
        yield found


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What happens to the programs, and how much they decide at least."""

    programs: int
    threads: int
    decisions: int
    kills: int
    falls: int
    away_s: float
    is_late: bool


SHORT: Final = History(
    programs=2, threads=4, decisions=60, kills=2, falls=0, away_s=2, is_late=False
)
LONG: Final = History(
    programs=3, threads=8, decisions=1_000, kills=20, falls=1, away_s=10, is_late=True
)


@pytest.mark.parametrize("history", [SHORT, pytest.param(LONG, marks=pytest.mark.torture)],
                         ids=["short", "long"])  # fmt: skip
def test_what_was_acknowledged_is_there_once_whatever_failed(told: Told, history: History) -> None:
    happen(told, history)
    kept = told.folder / "kept"
    shutil.copytree(told.spool, kept)
    assert any(kept.iterdir())
    if history.is_late:
        # Nobody has heard of what was open for an hour when the spool is sent.
        told.let_leases_run_out()
    send(told)
    told.let_leases_run_out()
    assert told.rows(OPEN) == []
    assert_acknowledged(told)
    assert_nothing_doubled(told)
    # A week later somebody finds a copy of the spool.
    before = everything(told)
    shutil.copytree(kept, told.spool, dirs_exist_ok=True)
    send(told)
    assert everything(told) == before
    verified = told.run("verify", "--deep")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def happen(told: Told, history: History) -> None:
    """Let programs decide, be killed, lose their record and their disk, and end without it."""
    for _ in range(history.programs):
        told.begin(history.threads)
    early = history.kills // 2
    kill(told, history, early)
    for _ in range(history.falls):
        told.cluster.stop("immediate")
        kill(told, history, 1, within_s=history.away_s)
        told.cluster.start()
    kill(told, history, history.kills - early - history.falls - 1)
    wait_for(lambda: told.decided() >= history.decisions, timeout_s=600)
    told.proxy.freeze()
    told.fill_disk(FULL_BYTES)
    threading.Event().wait(history.away_s / 2)
    wait_for(lambda: any(line["what"] == "raised" for line in acknowledged(told)))
    told.fill_disk(resource.RLIM_INFINITY)
    kill(told, history, 1, within_s=history.away_s / 2)
    # What is begun now ends without the record, and leaves its spool behind.
    (told.folder / ENOUGH).touch()
    for each in told.programs:
        assert each.wait(60) == 0, told.said()
    told.programs.clear()
    told.proxy.thaw()
    assert "Traceback" not in told.said()


def kill(told: Told, history: History, times: int, *, within_s: float | None = None) -> None:
    """Kill programs at random; each time another one goes on."""
    for _ in range(times):
        if within_s is None:
            pause(told.chance, 0.5, 3.0)
        else:
            pause(told.chance, 0.2 * within_s, within_s)
        told.kill()
        told.begin(history.threads)


def send(told: Told) -> None:
    """Send the spool, all of which is taken."""
    sent = told.run("spool", "send")
    assert sent.returncode == 0, sent.stdout + sent.stderr
    listed = told.run("spool", "list", "--json")
    assert json.loads(listed.stdout)["data"] == []


def acknowledged(told: Told) -> Sequence[Row]:
    """Return what programs were told is safe, line by line; a last one may be cut off."""
    texts = [path.read_text() for path in sorted((told.folder / "told").iterdir())]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def assert_acknowledged(told: Told) -> None:
    """Everything acknowledged is there, under its id or under the one that follows from it."""
    decisions = {row["external_id"]: row for row in told.rows(DECISIONS)}
    signals = {row["external_id"]: row for row in told.rows(SIGNALS)}
    orders = {row["external_id"]: row for row in told.rows(ORDERS)}
    counts = Counter[str]()
    for line in acknowledged(told):
        counts[line["what"]] += 1
        match line["what"]:
            case "entered":
                assert found(decisions, line), line
            case "signal":
                assert {row["order_ref"] for row in found(signals, line)} == {line["order_ref"]}
            case "order":
                assert orders[line["external_id"]]["client_order_id"] == line["symbol"]
            case "ended":
                assert found(decisions, line)[-1]["status"] == "completed", line
            case _:
                assert line["what"] == "raised"
    print(f"{len(told.names)} programs; {dict(counts)}")  # noqa: T201 # for -s
    assert all(counts[what] for what in ("entered", "signal", "order", "ended", "raised"))


def assert_nothing_doubled(told: Told) -> None:
    """A decision is there once, or once given up and once whole; then a note says so."""
    decisions = told.rows(DECISIONS)
    about = defaultdict[str, list[Row]](list)
    for row in decisions:
        assert (row["seals"], row["status"]) in {(1, "completed"), (1, "failed")}, row
        if row["status"] == "completed":
            assert (row["charts"], row["analyses"], row["signals"]) == (1, 1, 1), row
        else:
            assert row["error_kind"] in {ABANDONED, "agent_failed"}, row
        about[row["symbol"]].append(row)
    noted = {row["decision_id"] for row in told.rows(NOTES)}
    twice = [rows for rows in about.values() if len(rows) > 1]
    for first, second in twice:
        assert first["error_kind"] == ABANDONED
        assert second["external_id"] == derived_id(first["external_id"])
        assert first["id"] in noted
    assert len(noted) == len(twice)
    ordered = Counter(row["client_order_id"] for row in told.rows(ORDERS))
    assert not ordered or max(ordered.values()) == 1
    ends = Counter((row["status"], row["error_kind"]) for row in decisions)
    print(f"{len(twice)} told again; {dict(ends)}")  # noqa: T201 # for -s


def found(rows: dict[str, Row], line: Row) -> list[Row]:
    """Return what is there of something: first under its own id, then under the derived one."""
    names = (line["external_id"], derived_id(line["external_id"]))
    return [rows[name] for name in names if name in rows]


def everything(told: Told) -> Sequence[Sequence[Row]]:
    """Return all rows that could be there twice."""
    return [told.rows(each) for each in (DECISIONS, SIGNALS, ORDERS, NOTES, OPEN)]
