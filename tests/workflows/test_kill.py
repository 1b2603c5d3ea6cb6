"""Any process may be killed at any time; the record is whole afterwards, and nothing stays behind.

The times of the kills are drawn by chance from a fixed seed and spread over the whole life of a
process, its start included. `make torture` kills far more often than `make test`; the environment
variable `KILL_SEED_IN_TESTS` gives other times.
"""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Final

import pytest
from tests.edges.waiting import wait_for
from tests.workflows.conftest import FOUR, Home, kill
from tests.workflows.soundness import OPEN_DECISIONS, assert_sound, is_done, work_off

from tapetrail.workflows.engine import FROZEN_AFTER_S, PATIENCE_S

pytestmark = pytest.mark.service

SEED: Final = int(os.environ.get("KILL_SEED_IN_TESTS", "20121130"))
PENDING_DECISIONS: Final = """
SELECT executor_id FROM dbos.workflow_status WHERE name LIKE '%decide' AND status = 'PENDING'
"""
DECIDERS: Final = """
SELECT DISTINCT executor_id FROM dbos.workflow_status WHERE name LIKE '%decide'
"""


@contextmanager
def ready_worker(home: Home) -> Generator[subprocess.Popen[str]]:
    """Give a worker that is at work."""
    with home.started("worker") as worker:
        assert worker.stdout is not None
        assert "worker ready" in worker.stdout.readline()
        yield worker


def out_of(process: subprocess.Popen[str], *, timeout_s: float = 60) -> str:
    """Return what a process said until its end, which comes in time."""
    said, _ = process.communicate(timeout=timeout_s)
    return said


@pytest.mark.parametrize("kills", [8, pytest.param(100, marks=pytest.mark.torture)])
def test_kills_at_any_time_leave_every_decision_ended_exactly_once(home: Home, kills: int) -> None:
    chance = random.Random(SEED)  # noqa: S311 # the same times every time
    began = time.monotonic()
    assert home.run(*home.asked(symbols=FOUR)).returncode == 0
    life_s = time.monotonic() - began
    killed: list[str] = []
    while len(killed) < kills:
        killed += _round_of_kills(home, chance, life_s=life_s)
    assert home.run(*home.asked(symbols=FOUR)).returncode == 0
    work_off(home)
    rows = assert_sound(home)
    print(f"{len(killed)} kills: {sorted(killed)}; {len(rows)} decisions")  # noqa: T201 # for -s
    wait_for(home.is_quiet, timeout_s=30)


def _round_of_kills(home: Home, chance: random.Random, *, life_s: float) -> list[str]:
    """Start a run and sometimes a worker, and kill each, or the server, at some time of its life.

    Everything is dead at the end, as after the loss of a machine.
    """
    killers: list[tuple[float, str, Callable[[], None]]] = []
    with ExitStack() as stack:
        run = stack.enter_context(home.started(*home.asked(symbols=FOUR)))
        killers.append((chance.uniform(0, life_s), "run", run.kill))
        if chance.random() < 0.5:
            worker = stack.enter_context(home.started("worker"))
            killers.append((chance.uniform(0, life_s), "worker", worker.kill))
        if chance.random() < 0.3:
            is_whole = chance.random() < 0.5
            name = "supervisor and postmaster" if is_whole else "postmaster"
            when = chance.uniform(0, life_s)
            killers.append((when, name, lambda: home.kill_server(whole=is_whole)))
        began = time.monotonic()
        for when, _, kill_it in sorted(killers, key=lambda killer: killer[0]):
            wait_for(lambda due=began + when: time.monotonic() >= due)
            kill_it()
    return [name for _, name, _ in killers]


def test_a_worker_takes_over_from_a_dead_run(warm: Home) -> None:
    with warm.started(*warm.asked(symbols=FOUR)) as run:
        wait_for(lambda: warm.rows(OPEN_DECISIONS))
        run.kill()
        run.wait()
    assert warm.rows(OPEN_DECISIONS)
    work_off(warm)
    assert len(assert_sound(warm)) == 8


def test_a_run_killed_before_its_execution_opens_leaves_nothing_half_done(warm: Home) -> None:
    executions = "SELECT id FROM tapetrail.workflow_executions"
    strategies = "SELECT id FROM tapetrail.strategies WHERE name = 'late'"
    waiting = "SELECT pid FROM pg_locks WHERE NOT granted"
    with warm.connected() as connection:
        # Nobody can open an execution for now; the strategy is recorded before.
        with connection.transaction():
            connection.execute("LOCK TABLE tapetrail.workflow_executions IN EXCLUSIVE MODE")
            with warm.started(*warm.asked("late", symbols="IBM")) as run:
                wait_for(lambda: connection.execute(waiting).fetchall())
                run.kill()
                run.wait()
        assert len(warm.rows(strategies)) == 1
        wait_for(lambda: not connection.execute(waiting).fetchall())
        assert len(warm.rows(executions)) == 1
    work_off(warm)
    assert len(assert_sound(warm)) == 5
    assert len(warm.rows(executions)) == 2


def test_two_workers_share_a_queue(warm: Home) -> None:
    with ready_worker(warm) as one, ready_worker(warm) as two:
        before = len(warm.rows(DECIDERS))
        for _ in range(5):
            # It takes one decision at a time and leaves the others for the workers.
            assert warm.run(*warm.asked(symbols=FOUR), "--concurrency", "1").returncode == 0
            if len(warm.rows(DECIDERS)) - before >= 3:
                break
        wait_for(lambda: is_done(warm))
        for worker in (one, two):
            worker.send_signal(signal.SIGTERM)
        said = [out_of(worker) for worker in (one, two)]
    assert said == ["worker stopped\n", "worker stopped\n"]
    # A run that gets no decision itself is possible; then two workers had them all.
    assert len(warm.rows(DECIDERS)) - before >= 2
    assert_sound(warm)


def test_a_frozen_worker_loses_its_work_and_cannot_write_when_it_wakes(warm: Home) -> None:
    with ready_worker(warm) as frozen:
        _freeze_in_mid_decision(warm, frozen)
        with ready_worker(warm):
            wait_for(lambda: is_done(warm), timeout_s=FROZEN_AFTER_S + 60)
            decisions = len(assert_sound(warm))
            frozen.send_signal(signal.SIGCONT)
            # Both work on from here, and the one that slept has its lock again.
            assert warm.run(*warm.asked(symbols=FOUR)).returncode == 0
            wait_for(lambda: is_done(warm))
            frozen.send_signal(signal.SIGTERM)
            said = out_of(frozen)
    assert "Traceback" not in said
    assert frozen.returncode == 0
    assert len(assert_sound(warm)) == decisions + 4


def _freeze_in_mid_decision(home: Home, worker: subprocess.Popen[str]) -> None:
    """Stop the worker while a decision is under its hands. The run that gave it is killed."""
    with home.connected() as connection:
        for _ in range(20):
            with home.started(*home.asked(symbols=FOUR)) as run:
                wait_for(lambda: connection.execute(OPEN_DECISIONS.encode()).fetchall())
                run.kill()
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                worker.send_signal(signal.SIGSTOP)
                if connection.execute(PENDING_DECISIONS.encode()).fetchall():
                    return
                worker.send_signal(signal.SIGCONT)
                if not connection.execute(OPEN_DECISIONS.encode()).fetchall():
                    break
    pytest.fail("no decision was caught in the worker's hands")


def test_a_run_survives_the_death_of_the_server(warm: Home) -> None:
    with warm.started(*warm.asked(symbols=FOUR)) as run:
        wait_for(lambda: warm.rows(OPEN_DECISIONS))
        warm.kill_server()
        said = out_of(run, timeout_s=PATIENCE_S + 60)
    assert run.returncode == 0, said
    assert "Traceback" not in said
    assert warm.run(*warm.asked(symbols=FOUR)).returncode == 0
    work_off(warm)
    assert len(assert_sound(warm)) == 12


def test_a_worker_outlives_the_death_of_the_server(warm: Home) -> None:
    with ready_worker(warm) as worker:
        warm.kill_server()
        wait_for(lambda: warm.postmaster() is None)
        # The server is started again in its place, and the worker goes on with it.
        assert warm.run(*warm.asked(symbols=FOUR)).returncode == 0
        with warm.started(*warm.asked(symbols=FOUR)) as run:
            wait_for(lambda: warm.rows(OPEN_DECISIONS))
            kill(run.pid)
        wait_for(lambda: is_done(warm), timeout_s=60)
        worker.send_signal(signal.SIGTERM)
        said = out_of(worker)
    assert worker.returncode == 0
    assert "Traceback" not in said
    assert len(assert_sound(warm)) == 12
