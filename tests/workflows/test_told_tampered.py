"""What others told is verified as our own rows are: whatever is changed or gone is named."""
# ruff: noqa: S608 # tables and columns are named by this module and the record itself

import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg.types.json import Jsonb
from tests.homes import copy_home, server_of
from tests.workflows.recordings import PNG, assert_sound, read

import tapetrail
from tapetrail.blobs.directory import DirectoryBlobs
from tapetrail.core.records.columns import COVERED, REFERENCES
from tapetrail.core.records.seals import SEAL_ORDER
from tapetrail.core.verification.faults import Fault
from tapetrail.store.found import FoundRecord
from tapetrail.usecases.verifying import Verifier

pytestmark = pytest.mark.service

NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
TOLD: Final = (
    "workflow_executions", "decisions", "market_snapshots", "charts", "llm_analyses",
    "analysis_charts", "llm_attempts", "llm_replies", "decision_inputs", "analysis_inputs",
    "trading_signals", "signal_inputs", "order_events", "notes",
)  # fmt: skip
STRANGER: Final = Path(__file__).with_name("stranger.py")


@pytest.fixture(scope="module")
def home(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record with a row in every table that others fill."""
    found = tmp_path_factory.mktemp("tampered") / "home"
    copy_home(prepared_home, found)
    with tapetrail.recorder(found, agent="told") as recorder:
        with recorder.execution("told", key="k", config={"n": 1}) as run:
            opened = run.decision("AAPL", key="d", as_of=NOON)
            with opened as decision:
                rows = [["2026-11-19", 1.0, 2.0, 0.5, 1.5, 9.0]]
                names = ["date", "open", "high", "low", "close", "volume"]
                frame = [dict(zip(names, row, strict=True)) for row in rows]
                bars = decision.log_bars(frame, timeframe="1d", source="mine")
                chart = decision.log_chart(PNG, timeframe="1d", bars=bars, html="<p></p>")
                news = decision.log_input("news", kind="news", name="n", source="s")
                first = decision.log_analysis(
                    agent="a", request={"model": "m", "messages": []}, response="r",
                    reply={"choices": [{"message": {"content": "r"}, "finish_reason": "stop"}]},
                    charts=[chart], reads=[news], data={"k": 1},
                )  # fmt: skip
                receipt = decision.log_signal("buy", reads=[first, news], entry=10, stop=9,
                                              target=12, size=1, size_unit="u")  # fmt: skip
        recorder.log_order(receipt, broker="b", mode="paper", client_order_id="1", status="new",
                           raw={"a": 1})  # fmt: skip
        recorder.log_note(receipt, "fine")
    return found


@contextmanager
def changed(home: Path) -> Generator[psycopg.Connection[Any]]:
    """Give the superuser's connection, past every guard and CHECK; all of it is undone."""
    with (
        server_of(home).hold() as address,
        psycopg.connect(address.libpq_url("postgres")) as connection,
    ):
        connection.execute("SET session_replication_role = replica")
        yield connection
        connection.rollback()


def faults_seen(home: Path, connection: psycopg.Connection[Any]) -> Sequence[Fault]:
    """Return what verify says of the record as a connection sees it."""
    verifier = Verifier(
        record=FoundRecord(connection), blobs=DirectoryBlobs(root=home / "blobs"), watch=unseen
    )
    return verifier.whole().faults


def unseen(_what: str, _done: int, _of: int) -> None:
    """Look at no progress."""


def other(value: object) -> object:
    """Return another value of the same kind."""
    match value:
        case bool():
            found: object = not value
        case int() | Decimal():
            found = value + 7
        case datetime():
            found = value.replace(year=value.year - 1)
        case str() if value.startswith("sha256:"):
            found = "sha256:" + "5" * 64
        case str():
            found = f"{value}x"
        case dict() | list():
            found = Jsonb({"other": 1})
        case _:
            found = None
    return found


@pytest.mark.parametrize("table", TOLD)
def test_every_column_that_is_changed_is_named(home: Path, table: str) -> None:
    columns = [name for name in COVERED[table] if name not in REFERENCES.get(table, {})]
    for name in columns:
        with changed(home) as connection:
            drop_checks(connection, table)
            row = one(connection, f"SELECT {name} FROM tapetrail.{table} ORDER BY id LIMIT 1")
            if (value := other(row)) is None:
                continue
            update = f"UPDATE tapetrail.{table} SET {name} = %s WHERE id = 1"
            connection.execute(update.encode(), [value])
            faults = faults_seen(home, connection)
        assert any(fault.table == table and fault.id == 1 for fault in faults), (name, faults)
    assert_sound(home)


def one(connection: psycopg.Connection[Any], statement: str) -> object:
    found = connection.execute(statement.encode()).fetchone()
    assert found is not None
    return found[0]


def drop_checks(connection: psycopg.Connection[Any], table: str) -> None:
    """Leave no CHECK, as who controls the server can."""
    found = connection.execute(
        "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = %s::regclass",
        [f"tapetrail.{table}"],
    ).fetchall()
    for (name,) in found:
        connection.execute(f"ALTER TABLE tapetrail.{table} DROP CONSTRAINT {name}".encode())


@pytest.mark.parametrize("table", [each for each in SEAL_ORDER if each in TOLD])
def test_a_row_under_the_seal_that_is_gone_is_named(home: Path, table: str) -> None:
    with changed(home) as connection:
        connection.execute(f"DELETE FROM tapetrail.{table} WHERE id = 1".encode())
        faults = faults_seen(home, connection)
    # Of a row that no other one names, the seal's order tells where it stood, to the next table.
    assert any(
        fault.table == table or (fault.id is None and fault.within == "decision 1")
        for fault in faults
    ), faults


def test_a_stranger_who_knows_the_format_alone_agrees(home: Path) -> None:
    with server_of(home).hold() as address:
        url = address.libpq_url("postgres")
        command = [sys.executable, str(STRANGER), url, str(home / "blobs")]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_it_is_backed_up_and_restored_with_everything(home: Path, tmp_path: Path) -> None:
    def run(at: Path, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "tapetrail", *words]
        environment = {"TAPETRAIL_HOME": str(at), "PATH": "/usr/bin:/bin"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    file, restored = tmp_path / "told.tar", tmp_path / "restored"
    assert run(home, "db", "backup", str(file)).returncode == 0
    ran = run(restored, "db", "restore", str(file))
    assert ran.returncode == 0, ran.stderr
    for listed in ("executions", "decisions", "signals", "inputs", "orders", "notes"):
        assert read(restored, listed) == read(home, listed)
    assert_sound(restored)
