"""What fails is recorded with its reason, or refused before anything is recorded; nothing hangs."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from tests.edges.waiting import wait_for
from tests.homes import plain_path, server_of
from tests.workflows import broken_run, deadly_run, stranger
from tests.workflows.conftest import FOUR, Home
from tests.workflows.soundness import assert_sound, is_done, work_off

from tapetrail.workflows.open_decisions import TRIES_MAX

pytestmark = pytest.mark.service

ENDS: Final = """
SELECT d.status, d.failed_stage, d.error_kind, d.error_message, e.status AS execution,
    (SELECT count(*) FROM tapetrail.decision_seals WHERE decision_id = d.id) AS seals,
    (SELECT count(*) FROM tapetrail.market_snapshots WHERE decision_id = d.id)
    + (SELECT count(*) FROM tapetrail.charts WHERE decision_id = d.id)
    + (SELECT count(*) FROM tapetrail.llm_analyses WHERE decision_id = d.id)
    + (SELECT count(*) FROM tapetrail.trading_signals WHERE decision_id = d.id) AS claimed
FROM tapetrail.decisions AS d JOIN tapetrail.workflow_executions AS e ON e.id = d.execution_id
ORDER BY d.id
"""


def assert_failed_without_a_claim(home: Home, *, kind: str) -> str:
    """Every decision failed in the engine for this reason; return the message of the last."""
    rows = home.rows(ENDS)
    assert rows
    for row in rows:
        assert (row["status"], row["failed_stage"], row["error_kind"]) == ("failed", "engine", kind)
        assert (row["execution"], row["seals"], row["claimed"]) == ("failed", 1, 0)
    assert is_done(home)
    with server_of(home.path).hold() as address:
        assert stranger.differences(address.libpq_url("postgres"), home.path / "blobs") == []
    return rows[-1]["error_message"]


def test_a_full_disk_fails_the_decision_with_the_reason_and_nothing_is_claimed(home: Home) -> None:
    server_of(home.path).start()
    # No file of the run may grow beyond 4 KiB; the server was started before and may.
    prefix = ("/bin/sh", "-c", 'unset COVERAGE_PROCESS_CONFIG; ulimit -f 8; exec "$@"', "sh")
    ended = home.run(*home.asked(symbols="IBM"), prefix=prefix)
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    message = assert_failed_without_a_claim(home, kind="blob_store_unavailable")
    assert "File too large" in message
    assert "File too large" in ended.stderr


def on_a_disk_of(size: str, home: Path) -> tuple[str, ...]:
    mount = f'mount -t tmpfs -o mode=755,size={size} none "$0" && exec "$@"'
    return ("unshare", "--mount", "sh", "-c", mount, str(home))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a disk")
def test_a_worker_ends_with_the_reason_when_there_is_no_room(new_home: Home) -> None:
    """The disk takes an empty home and no more."""
    new_home.path.mkdir()
    ended = new_home.run("worker", prefix=on_a_disk_of("90m", new_home.path))
    assert ended.returncode == 5, ended.stderr
    assert f"MB are free on the disk of {new_home.path}" in ended.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a disk")
def test_a_run_ends_with_the_reason_before_its_disk_is_full(new_home: Home) -> None:
    """The disk takes an empty home and some decisions; PostgreSQL would stop when it is full."""
    new_home.path.mkdir()
    words = ("backfill", new_home.strategy(symbols="AAPL, GOOG, IBM, MSFT"))
    days = ("--from", "2011-01-03", "--to", "2012-08-31")
    ended = new_home.run(*words, *days, prefix=on_a_disk_of("150m", new_home.path))
    assert ended.returncode == 5, ended.stderr
    assert f"MB are free on the disk of {new_home.path}" in ended.stderr
    assert "a run needs 48 MB" in ended.stderr
    assert "make room" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_blob_folder_that_is_none_is_refused_or_recorded(home: Home) -> None:
    (home.path / "blobs").touch()
    ended = home.run(*home.asked(symbols="IBM"))
    assert "Traceback" not in ended.stderr
    assert str(home.path / "blobs") in ended.stderr
    if ended.returncode == 5:
        assert home.rows(ENDS) == []
    else:
        assert ended.returncode == 1
        (home.path / "blobs").unlink()
        assert_failed_without_a_claim(home, kind="blob_store_unavailable")


def test_a_defect_is_recorded_and_ends_its_execution(home: Home) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", broken_run.__name__, str(home.path)],
        cwd=Path(__file__).parents[2], env={**os.environ, **plain_path()},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (0, "failed\n"), ended.stderr
    assert "Traceback" not in ended.stderr
    message = assert_failed_without_a_claim(home, kind="defect")
    assert message == "ZeroDivisionError: nothing� � here"


def test_a_decision_that_ends_every_process_is_given_up_and_said_so(home: Home) -> None:
    def begun(*, minutes: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", deadly_run.__name__, str(home.path), str(minutes)],
            cwd=Path(__file__).parents[2], env={**os.environ, **plain_path()},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    # In its first minute a decision is not counted.
    codes = [begun(minutes=minutes).returncode for minutes in (0, *[2] * TRIES_MAX)]
    assert codes == [-signal.SIGKILL] * (1 + TRIES_MAX)
    assert not is_done(home)
    ended = begun(minutes=2)
    assert (ended.returncode, ended.stdout) == (0, "failed\n"), ended.stderr
    message = assert_failed_without_a_claim(home, kind="defect")
    assert message.startswith(f"begun by {TRIES_MAX} processes, ")


def test_two_runs_of_the_same_at_the_same_moment_both_complete(new_home: Home) -> None:
    home = new_home  # Nobody has used it: all three come to make its server and its schema.
    # The same instruments in another order, so that nobody waits for the other crosswise.
    one, two = home.asked("same", symbols="AAPL, GOOG, IBM"), home.asked(symbols="IBM, GOOG, AAPL")
    with home.started(*one) as first, home.started(*one) as second, home.started(*two) as third:
        said = [run.communicate(timeout=120)[0] for run in (first, second, third)]
        codes = [run.returncode for run in (first, second, third)]
    assert codes == [0, 0, 0], said
    assert not [words for words in said if "Traceback" in words]
    work_off(home)
    assert len(assert_sound(home)) == 9
    passes = home.rows("SELECT symbol, array_agg(run_no ORDER BY run_no) AS n FROM"
                       " tapetrail.decisions GROUP BY symbol")  # fmt: skip
    assert sorted(row["n"] for row in passes) == [[1, 1, 2]] * 3


def test_a_run_that_ends_lets_the_work_of_others_in_its_hands_come_to_its_end(warm: Home) -> None:
    with warm.started(*warm.asked(symbols=FOUR)) as long:
        wait_for(lambda: len(warm.rows("SELECT id FROM tapetrail.decisions")) == 8)
        long.kill()
        long.wait()
    # A short run takes the dead one's work over, and may end in the middle of it.
    ended = warm.run(*warm.asked("short", symbols="IBM"))
    assert ended.returncode == 0
    assert "Traceback" not in ended.stderr
    assert "ERROR" not in ended.stderr
    work_off(warm)
    assert len(assert_sound(warm)) == 9
