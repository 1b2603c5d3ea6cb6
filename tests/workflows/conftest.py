"""Homes of their own for what tests do to processes, servers and folders."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg.rows import dict_row
from tests.edges.waiting import wait_for
from tests.homes import copy_home, plain_path, programs, server_of

from tapetrail.store.private.files import ServerFiles, is_postmaster, load_state, orphans

AS_OF: Final = "2012-08-31"
FOUR: Final = "AAPL, GOOG, IBM, MSFT"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A home folder, and our command line in it."""

    path: Path

    def run(
        self, *words: str, prefix: Sequence[str] = (), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Return how a command ended, which it has to within two minutes.

        `prefix` is a command that runs ours.
        """
        return subprocess.run(
            [*prefix, sys.executable, "-m", "tapetrail", *words],
            env=self._environment(environment),
            cwd=self.path.parent,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @contextmanager
    def started(self, *words: str, **environment: str) -> Generator[subprocess.Popen[str]]:
        """Give a running command, killed at the end if it still runs."""
        with subprocess.Popen(
            [sys.executable, "-m", "tapetrail", *words],
            env=self._environment(environment),
            cwd=self.path.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def strategy(self, name: str = "test", *, symbols: str = "AAPL, MSFT", more: str = "") -> str:
        """Return the path of a strategy file over the sample's bars."""
        path = self.path.parent / f"{name}.yaml"
        path.write_text(f"name: {name}\ninstruments: [{symbols}]\n{more}\n", encoding="utf-8")
        return str(path)

    def asked(self, name: str = "test", *, symbols: str = "AAPL, MSFT") -> tuple[str, ...]:
        """Return the words that run a strategy."""
        return ("run", self.strategy(name, symbols=symbols), "--as-of", AS_OF)

    @contextmanager
    def connected(self) -> Generator[psycopg.Connection[Row]]:
        """Give the superuser's connection; each statement is its own transaction."""
        with (
            server_of(self.path).hold() as address,
            psycopg.Connection[Row].connect(
                address.libpq_url("postgres"), autocommit=True, row_factory=dict_row
            ) as connection,
        ):
            yield connection

    def rows(self, statement: str) -> Sequence[Row]:
        """Return what a query finds."""
        with self.connected() as connection:
            return connection.execute(statement.encode()).fetchall()

    def processes(self) -> set[int]:
        """Return the server's supervisor and postmaster, those that live."""
        state = load_state(ServerFiles(home=self.path))
        if state is None:
            return set()
        return {pid for pid in (state.supervisor_pid, state.postmaster_pid) if pid}

    def postmaster(self) -> int | None:
        """Return the number of the running server."""
        state = load_state(ServerFiles(home=self.path))
        pid = state.postmaster_pid if state else None
        return pid if pid and is_postmaster(pid, ServerFiles(home=self.path).data) else None

    def kill_server(self, *, whole: bool = False) -> None:
        """Kill the postmaster, and the supervisor before it if `whole`."""
        state = load_state(ServerFiles(home=self.path))
        if state is None:
            return
        numbers = (state.supervisor_pid if whole else None, state.postmaster_pid)
        for number in filter(None, numbers):
            kill(number)

    def is_quiet(self) -> bool:
        """Return whether no process of PostgreSQL works in this home."""
        files = ServerFiles(home=self.path)
        uid = os.stat(files.data).st_uid if files.data.exists() else os.getuid()  # noqa: PTH116
        return self.postmaster() is None and not self.processes() and not orphans(files, uid)

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("TAPETRAIL_")}
        own = {"TAPETRAIL_HOME": str(self.path), **programs()}
        return {**inherited, **plain_path(), **own, **more}


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal to a process that may be gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


@pytest.fixture
def new_home(tmp_path: Path) -> Iterator[Home]:
    """Give a home of the test's own that is not yet made; its server is stopped after the test."""
    home = Home(path=tmp_path / "place" / "home")
    home.path.parent.mkdir()
    yield home
    server_of(home.path).stop()
    wait_for(home.is_quiet)


@pytest.fixture
def home(new_home: Home, prepared_home: Path) -> Home:
    """Return a home of the test's own with a schema and without rows."""
    copy_home(prepared_home, new_home.path)
    return new_home


@pytest.fixture(scope="session")
def worked_in(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home in which one run of four instruments has completed: there to be copied."""
    home = Home(path=tmp_path_factory.mktemp("worked-in") / "home")
    copy_home(prepared_home, home.path)
    ended = home.run(*home.asked(symbols=FOUR))
    assert ended.returncode == 0, ended.stderr
    server_of(home.path).stop()
    return home


@pytest.fixture
def warm(new_home: Home, worked_in: Home) -> Home:
    """Return a home of the test's own in which one run of four instruments has completed."""
    copy_home(worked_in.path, new_home.path)
    return new_home


@pytest.fixture(scope="session")
def recorded(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Give a home with one run of three instruments, of which FB has too few bars."""
    home = Home(path=tmp_path_factory.mktemp("recorded") / "home")
    copy_home(prepared_home, home.path)
    ended = home.run(*home.asked(symbols="AAPL, FB, IBM"))
    assert ended.returncode == 1, ended.stderr
    with server_of(home.path).hold():
        yield home
    server_of(home.path).stop()
