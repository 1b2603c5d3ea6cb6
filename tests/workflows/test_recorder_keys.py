"""A key leads back to what a dead program left, once, and never into what a living one does."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest
from tests.edges.waiting import wait_for
from tests.homes import held_home, server_of
from tests.workflows.recordings import assert_sound, read, rows_of

import tapetrail
from tapetrail.core.errors import EdgeFailure, InvalidInput
from tapetrail.sdk.recording import Recorder
from tapetrail.sdk.spool import Spool

pytestmark = pytest.mark.service

NOWHERE: Final = "postgresql://nobody@127.0.0.1:1/nowhere"
DIES: Final = """
import os, sys, tapetrail
home, url, signals = sys.argv[1:]
recorder = tapetrail.recorder(home, agent="keys", on_error="spool", max_wait=1)
run = recorder.execution("keys", key="run")
decision = run.decision("AAA", key="one")
decision.begin()
decision.log_analysis(agent="a", response="before")
recorder.flush()
if url:
    from tapetrail.sdk import journal
    def away(*_):
        raise journal.EdgeFailure("it is away")
    recorder._journal._sink.take = away
if signals:
    print(decision.log_signal("buy").order_ref, flush=True)
else:
    decision.log_analysis(agent="a", response="in the spool")
    recorder.flush()
os._exit(9)
"""


@pytest.fixture
def home(prepared_home: Path, tmp_path: Path) -> Iterator[Path]:
    with held_home(prepared_home, tmp_path / "home") as found:
        yield found


@pytest.fixture
def recorder(home: Path) -> Iterator[Recorder]:
    """The program that is started after the other one died, with a spool of its own."""
    with tapetrail.recorder(home, agent="keys", spool=home / "other") as found:
        yield found


def die(home: Path, *, away: bool = False, signals: bool = False) -> str:
    """Run a program that is killed, after it told what it could; return its `order_ref`."""
    if "TAPETRAIL_DATABASE_URL" not in os.environ:
        with tapetrail.recorder(home, spool=home / "nowhere"):
            pass  # It is there, and running.
    words = [sys.executable, "-c", DIES, str(home), "away" if away else "", "yes" * signals]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    assert found.returncode == 9, found.stderr
    return found.stdout.strip()


def send(home: Path) -> None:
    """Send the spool of the program that died."""
    found = subprocess.run(
        [sys.executable, "-m", "tapetrail", "spool", "send", "--from", str(home / "spool")],
        env={**os.environ, "TAPETRAIL_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stdout) == (0, "sent 1 of 1\n"), found.stderr


def make_it_later(home: Path) -> None:
    """Let an hour pass for all that is held, and have somebody look."""
    with (
        server_of(home).hold() as address,
        psycopg.connect(address.libpq_url("postgres")) as connection,
    ):
        connection.execute(
            "UPDATE tapetrail.recording_leases SET expires_at = expires_at - interval '1 hour'"
        )
    with tapetrail.recorder(home, spool=home / "nowhere"):
        pass


def states(home: Path, listed: str = "decisions") -> list[tuple[object, object]]:
    """Return how each ended, oldest first."""
    name = "symbol" if listed == "decisions" else "strategy"
    return [(row[name], row["status"]) for row in read(home, listed)]


def test_a_run_ends_after_the_decision_that_another_program_left_open(
    home: Path, recorder: Recorder
) -> None:
    die(home)
    with with_the_same_run(recorder) as run, run.decision("BBB") as decision:
        decision.log_signal("buy")
    assert states(home, "executions") == [("keys", "running")]
    make_it_later(home)
    assert states(home) == [("AAA", "failed"), ("BBB", "completed")]
    assert states(home, "executions") == [("keys", "completed_with_errors")]
    (row,) = read(home, "executions")
    assert row["error"] == "1 of 2 decisions failed"
    assert read(home, "notes") == []
    assert_sound(home)


def test_a_run_that_programs_share_ends_with_the_last_of_them(
    home: Path, recorder: Recorder
) -> None:
    with tapetrail.recorder(home, agent="keys") as other:
        with with_the_same_run(other) as theirs:
            with theirs.decision("AAA") as decision:
                decision.log_signal("buy")
            with with_the_same_run(recorder) as run, run.decision("BBB") as decision:
                decision.log_signal("buy")
            assert states(home, "executions") == [("keys", "running")]
            with theirs.decision("CCC") as decision:
                decision.log_signal("sell")
        assert states(home, "executions") == [("keys", "completed")]
    assert states(home) == [(symbol, "completed") for symbol in ("AAA", "BBB", "CCC")]
    assert_sound(home)


def test_what_broke_a_shared_run_off_is_a_note_while_another_program_decides(
    home: Path, recorder: Recorder
) -> None:
    other = tapetrail.recorder(home, agent="keys", spool=home / "third")
    left = other.execution("keys", key="run").decision("AAA")
    left.begin()
    with pytest.raises(ZeroDivisionError), with_the_same_run(recorder) as run:
        run.decision("BBB", key=str(1 // 0)).begin()
    (note,) = read(home, "notes")
    assert "while decisions were open: ZeroDivisionError: " in note["text"]
    left.log_signal("hold")
    left.conclude()
    other.close()
    assert ("AAA", "completed") in states(home)


def test_who_goes_on_with_a_decision_has_the_signal_that_was_told_before(
    home: Path, recorder: Recorder
) -> None:
    order_ref = die(home, signals=True)
    with with_the_same_run(recorder) as run:
        with run.decision("AAA", key="one") as decision:
            assert decision.signal is not None
            assert (decision.signal.order_ref, decision.signal.is_recorded) == (order_ref, True)
            with pytest.raises(InvalidInput, match=r"decision\.signal"):
                decision.log_signal("sell")
        assert recorder.log_order(
            decision.signal, broker="b", mode="live", client_order_id=order_ref, status="new"
        ).is_recorded
    assert states(home) == [("AAA", "completed")]
    assert_sound(home)


def test_what_was_given_up_after_its_signal_is_not_decided_again(
    home: Path, recorder: Recorder
) -> None:
    die(home, signals=True)
    make_it_later(home)
    run = with_the_same_run(recorder)
    with pytest.raises(tapetrail.DecisionEnded, match="given up after its signal"):
        run.decision("AAA", key="one").begin()
    run.decision("CCC", key="one").begin()
    assert [row["signal_type"] for row in read(home, "signals")] == ["BUY"]
    assert keys(home, "executions") == ["run", "run (2)"]


def test_what_was_given_up_before_its_signal_is_decided_beside_it(
    home: Path, recorder: Recorder
) -> None:
    die(home)
    make_it_later(home)
    with with_the_same_run(recorder) as run, run.decision("AAA", key="one") as decision:
        assert decision.signal is None
        decision.log_signal("sell")
    assert states(home) == [("AAA", "failed"), ("AAA", "completed")]


def with_the_same_run(recorder: Recorder) -> tapetrail.Execution:
    return recorder.execution("keys", key="run")


@pytest.mark.parametrize("ends", [False, True], ids=["is at work", "has ended it"])
def test_a_spool_of_the_dead_ends_nothing_that_another_program_went_on_with(
    home: Path, recorder: Recorder, *, ends: bool
) -> None:
    die(home, away=True)
    assert len(Spool(home / "spool").names()) == 1
    run = with_the_same_run(recorder)
    decision = run.decision("AAA", key="one")
    decision.begin()
    if ends:
        decision.log_signal("sell")
        decision.conclude()
    send(home)
    if not ends:
        decision.log_signal("sell")
        decision.conclude()
    run.end()
    make_it_later(home)
    told = [row["status"] for row in read(home, "analyses")]
    if ends:
        assert states(home) == [("AAA", "completed"), ("AAA", "failed")]
        assert len(told) == 3, "the one before, and both beside it"
        (note,) = read(home, "notes")
        assert "told later as decision 2" in note["text"]
    else:
        assert states(home) == [("AAA", "completed")]
        assert len(told) == 2
    assert_sound(home)


def test_a_spool_that_knows_only_a_key_lies_beside_what_another_program_does(
    home: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TAPETRAIL_DATABASE_URL", NOWHERE)
        die(home)
    decision = with_the_same_run(recorder).decision("AAA", key="one")
    decision.begin()
    send(home)
    decision.log_analysis(agent="a", response="of its own")
    decision.log_signal("sell")
    decision.conclude()
    assert states(home) == [("AAA", "completed"), ("AAA", "failed")]
    assert keys(home, "decisions") == ["one", None]


def keys(home: Path, listed: str) -> list[object]:
    """Return the keys of runs or decisions, oldest first."""
    name = {"decisions": "decision_key", "executions": "execution_key"}[listed]
    with tapetrail.open_record(home) as record:
        numbers = [int(str(row["id"])) for row in rows_of(record, listed)]
        return [record.detail(listed, number).columns[name] for number in numbers]


def test_what_was_begun_in_one_record_goes_to_no_other(home: Path, tmp_path: Path) -> None:
    die(home, away=True, signals=True)
    command = [sys.executable, "-m", "tapetrail", "spool", "send", "--from", str(home / "spool")]
    other = tmp_path / "other" / "home"
    with tapetrail.recorder(other):
        pass
    environment = {**os.environ, "TAPETRAIL_HOME": str(other)}
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (1, "sent 0 of 1\n")
    assert "about AAA: it was begun in another record" in found.stderr
    assert (read(other, "decisions"), read(other, "executions")) == ([], [])
    send(home)
    make_it_later(home)
    assert states(home) == [("AAA", "failed")]
    assert len(read(home, "signals")) == 1


def test_what_went_on_under_a_key_and_then_to_the_spool_is_one_decision(
    home: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise EdgeFailure("it is away")

    die(home)
    with tapetrail.recorder(home, agent="keys", on_error="spool", max_wait=0.3) as other:
        run = with_the_same_run(other)
        with run.decision("AAA", key="one") as decision, monkeypatch.context() as patch:
            patch.setattr("tapetrail.usecases.recordings.Recordings.take", away)
            assert not decision.log_signal("sell").is_recorded
        run.end()
        wait_for(lambda: not Spool(home / "spool").names())
    assert states(home) == [("AAA", "completed")]
    assert len(read(home, "analyses")) == 2
    assert recorder.execution() is not None
    assert_sound(home)


def test_a_program_cannot_say_of_itself_that_it_died(recorder: Recorder) -> None:
    with (
        recorder.execution() as run,
        run.decision("AAA") as decision,
        pytest.raises(InvalidInput, match="programs that died"),
    ):
        decision.fail("signal", "gone", kind="abandoned")
