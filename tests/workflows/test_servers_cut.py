"""A server of others is restarted and its connections break: nothing is lost, nothing doubled.

The times are drawn by chance from a fixed seed; `KILL_SEED_IN_TESTS` gives others.
"""

import random
import signal
import subprocess
import threading
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from tests.postgres_server import Cluster, running_cluster
from tests.s3_server import S3Server
from tests.tcp_proxy import Proxy, running_proxy
from tests.workflows.remote import (
    SEED,
    Remote,
    failing,
    finish,
    new_remote,
    pause,
    ready_worker,
)
from tests.workflows.wired import settings_of

from tapetrail import bootstrap

pytestmark = pytest.mark.service

SCHEME: Final = "postgresql+psycopg:"
CUT: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'far'
"""
LOCK_SESSIONS: Final = """
SELECT pid FROM pg_locks
JOIN (SELECT DISTINCT executor_id FROM dbos.workflow_status WHERE status = 'PENDING') AS workers
ON ((classid::bigint << 32) | objid::bigint)
    = ('x' || lpad(left(replace(executor_id, '-', ''), 15), 16, '0'))::bit(64)::bigint
WHERE locktype = 'advisory' AND granted
"""
"""The sessions that say that a worker lives, of workers with work in their hands."""


@pytest.fixture
def remote(tmp_path: Path, cluster: Cluster, s3: S3Server) -> Generator[Remote]:
    """A record whose server falls with nobody else's."""
    with running_cluster(cluster.bin_dir) as own:
        yield new_remote(tmp_path / "far", own, s3)


@pytest.mark.parametrize("restarts", [1, pytest.param(20, marks=pytest.mark.torture)])
def test_a_server_that_falls_and_comes_back_has_every_decision_once(
    remote: Remote, restarts: int
) -> None:
    chance = random.Random(SEED)  # noqa: S311 # the same times every time

    def restart() -> bool:
        remote.cluster.stop("immediate")
        pause(chance, 0.0, 2.0)
        remote.cluster.start()
        return True

    with ready_worker(remote.home, remote.environment()) as worker:
        loads = failing(remote, restart, times=restarts)
        assert ended_well(worker)
    finish(remote, loads)
    remote.assert_whole(len(loads))


@pytest.mark.parametrize(
    ("cuts", "freeze_s"), [(3, 1.0), pytest.param(20, 12.0, marks=pytest.mark.torture)]
)
def test_connections_that_break_or_stall_lose_nothing_and_double_nothing(
    remote: Remote, cuts: int, freeze_s: float
) -> None:
    with running_proxy(remote.cluster.port) as proxy:
        kinds = (
            lambda: lost_lock(remote),
            lambda: proxy.cut() > 0,
            lambda: stalled(proxy, freeze_s),
        )
        done: list[int] = []

        def fail() -> bool:
            kind = len(done) % len(kinds)
            has_failed = kinds[kind]()
            done.extend([kind] * has_failed)
            return has_failed

        with ready_worker(remote.home, remote.environment(port=proxy.port)) as worker:
            loads = failing(remote, fail, times=cuts, port=proxy.port)
            assert ended_well(worker)
    assert set(done) == set(range(len(kinds)))
    finish(remote, loads)
    remote.assert_whole(len(loads))


def test_who_asks_over_connections_that_were_cut_is_answered(remote: Remote) -> None:
    """A run asks what others left when its own work is done: it does not end badly by that."""
    url = remote.environment()["TAPETRAIL_DATABASE_URL"].replace("postgresql:", SCHEME, 1)
    settings = replace(settings_of(remote.home.path), database_url=url)
    with (
        bootstrap.open_record(settings) as record,
        record.runs.working(concurrency=1) as runner,
    ):
        for ask in (runner.unfinished, lambda: runner.stopped([]), lambda: runner.progress([])):
            assert ask() == []
            remote.cluster.execute(CUT)
            assert ask() == []


def lost_lock(remote: Remote) -> bool:
    """End the session that says that a worker lives, alone; return whether one had work."""
    found = remote.rows(LOCK_SESSIONS)
    for row in found[:1]:
        remote.cluster.execute(f"SELECT pg_terminate_backend({row['pid']})")
    return bool(found)


def stalled(proxy: Proxy, freeze_s: float) -> bool:
    """Let nothing through for a time; the connections stand."""
    proxy.freeze()
    threading.Event().wait(freeze_s)
    proxy.thaw()
    return True


def ended_well(worker: subprocess.Popen[str]) -> bool:
    """End a worker, which outlived all that failed; return whether it said so, and only that."""
    worker.send_signal(signal.SIGTERM)
    said, _ = worker.communicate(timeout=60)
    return (worker.returncode, "Traceback" in said) == (0, False)
