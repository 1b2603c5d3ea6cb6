"""Two hosts that share a database and a bucket, and no folder: one dies or sleeps, one works on."""

import signal
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg.rows import dict_row
from tests.edges.waiting import wait_for
from tests.postgres_server import Cluster, running_cluster
from tests.s3_server import S3Server
from tests.workflows.conftest import Home, Row
from tests.workflows.remote import (
    DATABASE,
    Remote,
    asked_for,
    new_remote,
    ready_worker,
)
from tests.workflows.soundness import OPEN_DECISIONS

pytestmark = pytest.mark.service

TAKEN_OVER_S: Final = 5.0
HELD: Final = """
SELECT workflow_uuid AS id, replace(executor_id, '-', '') AS by, status FROM dbos.workflow_status
WHERE name LIKE '%decide' AND status <> 'ENQUEUED'
"""
"""What is or was in the hands of a process, by the name that the engine gave the process."""
LIVING: Final = """
SELECT lpad(to_hex((classid::bigint << 32) | objid::bigint), 15, '0') AS name
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND state = 'idle'
"""
"""The beginnings of the names of idle workers, as the locks have them that say that they live."""

QUEUED: Final = "SELECT workflow_uuid FROM dbos.workflow_status WHERE name LIKE '%decide'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A worker on a host of its own; `name` begins the one that the engine has for it."""

    name: str
    worker: subprocess.Popen[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The database, as whoever looks on has it."""

    connection: psycopg.Connection[Row]

    def rows(self, statement: str) -> Sequence[Row]:
        return self.connection.execute(statement.encode()).fetchall()

    def living(self) -> set[str]:
        return {str(row["name"]) for row in self.rows(LIVING)}

    def held_by(self, host: Host, *statuses: str) -> set[str]:
        """Return the decisions of these statuses that this host had in hand last."""
        return {
            row["id"]
            for row in self.rows(HELD)
            if row["by"].startswith(host.name) and row["status"] in statuses
        }

    def is_all_ended(self) -> bool:
        return not self.rows(OPEN_DECISIONS)


@pytest.fixture
def remote(tmp_path: Path, cluster: Cluster, s3: S3Server) -> Generator[Remote]:
    with running_cluster(cluster.bin_dir) as own:
        yield new_remote(tmp_path / "far", own, s3)


@pytest.fixture
def desk(remote: Remote) -> Generator[Desk]:
    url = remote.cluster.url(DATABASE)
    connect = psycopg.Connection[Row].connect
    with connect(url, autocommit=True, row_factory=dict_row) as connection:
        yield Desk(connection=connection)


@contextmanager
def idle_host(remote: Remote, desk: Desk, folder: Path) -> Generator[Host]:
    """Give a worker in a folder of its own that waits for work."""
    others = desk.living()
    folder.mkdir()
    with ready_worker(Home(path=folder / "home"), remote.environment()) as worker:
        wait_for(lambda: desk.living() - others)
        (name,) = desk.living() - others
        yield Host(name=name, worker=worker)


def ask(remote: Remote, desk: Desk) -> None:
    """Put decisions on the queue; who asked for them dies at once, and leaves them to the hosts."""
    wanted = len(asked_for(1))
    with remote.home.started(*remote.backfill(0), **remote.environment()) as asking:
        wait_for(lambda: len(desk.rows(QUEUED)) == wanted)
        asking.kill()
        asking.wait()


def catch_at_work(desk: Desk, host: Host) -> set[str]:
    """Stop a host in the middle of its work; return the decisions in its hands."""
    held: set[str] = set()

    def caught() -> bool:
        host.worker.send_signal(signal.SIGSTOP)
        held.update(desk.held_by(host, "PENDING"))
        if not held:
            host.worker.send_signal(signal.SIGCONT)
        return bool(held)

    wait_for(caught)
    return held


def end(*hosts: Host) -> None:
    """End hosts in good order; that its lock was lost, one may have said."""
    for host in hosts:
        host.worker.send_signal(signal.SIGTERM)
    for host in hosts:
        said, _ = host.worker.communicate(timeout=60)
        assert (host.worker.returncode, "Traceback" in said) == (0, False), said


def test_what_a_dead_host_had_in_hand_another_has_within_seconds(
    *, remote: Remote, desk: Desk, tmp_path: Path
) -> None:
    with (
        idle_host(remote, desk, tmp_path / "one") as one,
        idle_host(remote, desk, tmp_path / "other") as other,
    ):
        ask(remote, desk)
        held = catch_at_work(desk, one)
        one.worker.kill()
        died_at = time.monotonic()
        wait_for(lambda: held & desk.held_by(other, "PENDING", "SUCCESS"), timeout_s=TAKEN_OVER_S)
        first_s = time.monotonic() - died_at
        # None of them stays with the dead one; the other has its hands full, and takes in turn.
        wait_for(lambda: not desk.held_by(one, "PENDING"), timeout_s=TAKEN_OVER_S - first_s)
        # An end that was on its way to the server when it was caught is its own.
        wait_for(lambda: held <= desk.held_by(other, "SUCCESS") | desk.held_by(one, "SUCCESS"))
        all_s = time.monotonic() - died_at
        print(f"{len(held)} held; {first_s:.1f} s to the first, {all_s:.1f} s to all ends")  # noqa: T201 # for -s
        wait_for(desk.is_all_ended)
        end(other)
    remote.assert_whole(1)


@pytest.mark.torture
@pytest.mark.parametrize("asleep_s", [15, 60])
def test_a_host_that_sleeps_and_wakes_writes_nothing_twice(
    *, remote: Remote, desk: Desk, tmp_path: Path, asleep_s: int
) -> None:
    with (
        idle_host(remote, desk, tmp_path / "one") as one,
        idle_host(remote, desk, tmp_path / "other") as other,
    ):
        ask(remote, desk)
        catch_at_work(desk, one)
        due = time.monotonic() + asleep_s
        # Rows that its open transactions hold are free after the same time at the latest.
        wait_for(lambda: not desk.held_by(one, "PENDING"), timeout_s=asleep_s)
        wait_for(lambda: time.monotonic() >= due, timeout_s=asleep_s + 1)
        one.worker.send_signal(signal.SIGCONT)
        # Awake, it goes on in the middle of what others have taken, and with new work.
        ended = remote.run(*remote.backfill(1))
        assert ended.returncode == 0, ended.stderr
        wait_for(desk.is_all_ended)
        end(one, other)
    remote.assert_whole(2)
