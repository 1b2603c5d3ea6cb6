"""A record on a server and in a bucket, under load, and what must hold of it afterwards."""

import os
import random
import re
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg.rows import dict_row
from tests.edges.waiting import wait_for
from tests.postgres_server import Cluster
from tests.s3_server import S3Server, raw_keys
from tests.workflows.conftest import FOUR, Home, Row
from tests.workflows.soundness import COUNTS, EMPTY, OPEN_DECISIONS, UNFINISHED_WORK, WHOLE

from tapetrail.sources.calendars import load_calendar

SEED: Final = int(os.environ.get("KILL_SEED_IN_TESTS", "20121130"))
DATABASE: Final = "far"
WINDOW: Final = 8
"""How many sessions a backfill of these tests has: enough for several failures in its life."""
DAYS: Final = [str(day) for day in load_calendar("XNYS").sessions]
LAST: Final = DAYS.index("2012-08-31") + 1
AWAY: Final = 5
DECIDED: Final = "SELECT symbol, session_on::text AS day FROM tapetrail.decisions"
Decision = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A home without a server or blobs of its own, and what its command line uses instead."""

    home: Home
    cluster: Cluster
    s3: S3Server
    bucket: str

    def environment(self, *, port: int | None = None) -> dict[str, str]:
        """Return the variables of the record, its database at a port of this machine."""
        url = self.cluster.url(DATABASE, DATABASE, port=port)
        return {"TAPETRAIL_DATABASE_URL": url, **self.s3.environment(self.bucket)}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.home.run(*words, **self.environment())

    def rows(self, statement: str) -> Sequence[Row]:
        """Return what the administrator finds; the server has to be there."""
        url = self.cluster.url(DATABASE)
        with psycopg.Connection[Row].connect(url, row_factory=dict_row) as connection:
            return connection.execute(statement.encode()).fetchall()

    def backfill(self, number: int) -> tuple[str, ...]:
        """Return the words of a backfill, of other days than those of other numbers."""
        days = window(number)
        ends = ("--from", days[0], "--to", days[-1], "--every", "session")
        return ("backfill", self.home.strategy(symbols=FOUR), *ends)

    def work_off(self) -> None:
        """Let a worker do what is left, which ends when nothing is."""
        ended = self.run("worker", "--until-empty")
        assert ended.returncode == 0, ended.stderr
        assert self.rows(OPEN_DECISIONS) == []

    def assert_whole(self, numbers: int) -> None:
        """Every decision of so many backfills is there once, ended and sealed; no blob is lost."""
        found = Counter((row["symbol"], row["day"]) for row in self.rows(DECIDED))
        assert found == Counter(asked_for(numbers))
        for row in self.rows(COUNTS):
            assert {name: row[name] for name in WHOLE} == WHOLE, row
        # Another process of the engine may be about to note the end of what it did.
        wait_for(lambda: not self.rows(UNFINISHED_WORK), timeout_s=5)
        assert self.rows(EMPTY) == []
        kept = {key.removeprefix("trail/") for key in raw_keys(self.s3, self.bucket)}
        named = {row["key"] for row in self.rows("SELECT key FROM tapetrail.blobs")}
        assert named - kept == set()
        verified = self.run("verify", "--deep")
        assert verified.returncode == 0, verified.stdout + verified.stderr


def window(number: int) -> list[str]:
    """Return the days of a backfill: the newest are those of the first, numbered 0."""
    end = LAST - WINDOW * number
    return DAYS[end - WINDOW : end]


def asked_for(numbers: int) -> list[Decision]:
    """Return what so many backfills decide."""
    days = [day for number in range(numbers) for day in window(number)]
    return [(symbol, day) for day in days for symbol in FOUR.split(", ")]


def new_remote(folder: Path, cluster: Cluster, s3: S3Server) -> Remote:
    """Return a new record without rows, of a user of the cluster, in a bucket of its own."""
    folder.mkdir()
    cluster.new_customer(DATABASE, "CREATEROLE")
    remote = Remote(home=Home(path=folder / "home"), cluster=cluster, s3=s3, bucket=s3.new_bucket())
    upgraded = remote.run("db", "upgrade")
    assert upgraded.returncode == 0, upgraded.stderr
    return remote


@contextmanager
def ready_worker(home: Home, environment: dict[str, str]) -> Generator[subprocess.Popen[str]]:
    """Give a worker that is at work."""
    with home.started("worker", **environment) as worker:
        assert worker.stdout is not None
        assert "worker ready" in worker.stdout.readline()
        yield worker


def pause(chance: random.Random, least_s: float, most_s: float) -> None:
    """Wait for a time drawn by chance."""
    threading.Event().wait(chance.uniform(least_s, most_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A backfill under which something failed, and how it ended."""

    number: int
    code: int
    said: str


def failing(
    remote: Remote, fail: Callable[[], bool], *, times: int, port: int | None = None
) -> list[Load]:
    """Have something fail so many times while backfills work, their starts included.

    `fail` says whether there was something to fail yet; `port` is where they look for the
    database. Returns them in their order.
    """
    chance = random.Random(SEED)  # noqa: S311 # the same times every time
    loads: list[Load] = []
    failures = 0
    while failures < times:
        words = remote.backfill(len(loads))
        with remote.home.started(*words, **remote.environment(port=port)) as load:
            while load.poll() is None and failures < times:
                pause(chance, 0.2, 1.5)
                failures += fail()
            said, _ = load.communicate(timeout=180)
        loads.append(Load(number=len(loads), code=load.returncode, said=said))
        assert "Traceback" not in said, said
    print(f"{failures} failures; backfills ended {Counter(each.code for each in loads)}")  # noqa: T201 # for -s
    return loads


def finish(remote: Remote, loads: Sequence[Load]) -> None:
    """Have a worker finish what is left, and ask again for what was refused or given up."""
    remote.work_off()
    decided = {row["day"] for row in remote.rows(DECIDED)}
    for load in loads:
        assert load.code in {0, AWAY}, load
        if load.code == AWAY:
            again = remote.run(*remote.backfill(load.number))
            assert again.returncode == 0, again.stderr
            # What it had queued was finished, and is not decided anew.
            known = len(decided.intersection(window(load.number))) * len(FOUR.split(", "))
            assert re.search(rf"^skipped +{known}$", again.stdout, re.MULTILINE), again.stdout
