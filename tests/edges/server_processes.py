"""Real processes that use a private server, and what tests look at in them."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from tests.edges.waiting import wait_for

import tapetrail
from tapetrail.store.private.binaries import find_bin_dir
from tapetrail.store.private.files import ServerFiles, load_state
from tapetrail.store.private.server import ServerAddress

SOURCE = Path(tapetrail.__file__).parents[1]
BIN_DIR = find_bin_dir(None)
SYSTEM_BIN_DIR = Path("/usr/lib/postgresql/15/bin")
IS_ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not IS_ROOT, reason="only root may become another user")
USE = """
import sys
from pathlib import Path
from tapetrail.store.private.server import PrivateServer
with PrivateServer(home=Path(sys.argv[1]), bin_dir=Path(sys.argv[2])).hold() as address:
    print(address.libpq_url("postgres"), flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A process that uses a home until it is killed, or its test ends."""

    process: subprocess.Popen[str]

    def libpq_url(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def user_of(
    home: Path, *, through: Sequence[str] = (), python: str = sys.executable, **environment: str
) -> Generator[User]:
    command = [*through, python, "-c", USE, str(home), str(BIN_DIR)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env={**os.environ, **environment},
    ) as process:
        try:
            yield User(process=process)
        finally:
            process.kill()


def as_stranger(uid: int, attempt: Callable[[], object]) -> bool:
    """Return whether an attempt succeeds in a child process of another user."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            attempt()
        except (OSError, psycopg.OperationalError):
            os._exit(1)
        except BaseException:  # noqa: BLE001 # nothing may return from a fork of the tests
            os._exit(2)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in {0, 1}, "the attempt itself is broken"
    return status == 0


def programs_of(home: Path) -> list[int]:
    """Return every process of a home: supervisor, postmaster and PostgreSQL's other processes."""
    marks = (
        f"\0{home}\0".encode(),
        f"\0{home}/postgres".encode(),
        ServerFiles(home=home).name.encode(),
    )
    found: list[int] = []
    for pid in (int(folder.name) for folder in Path("/proc").glob("[1-9]*")):
        command = command_of(pid)
        if USE.encode() not in command and any(mark in command for mark in marks):
            found.append(pid)
    return found


def supervisor_of(home: Path) -> int:
    state = load_state(ServerFiles(home=home))
    assert state is not None
    return state.supervisor_pid


def postmaster_of(home: Path) -> int:
    state = load_state(ServerFiles(home=home))
    assert state is not None
    assert state.postmaster_pid is not None
    return state.postmaster_pid


def kill(*pids: int) -> None:
    """Kill all at once, and return when the last is dead."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(map(command_of, pids)))


def command_of(pid: int) -> bytes:
    """Return a process's words, each ended by NUL; none if it is dead, buried or not."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def answer(address: ServerAddress, query: str) -> str:
    with psycopg.connect(address.libpq_url("postgres")) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return str(row[0])


def write_down(address: ServerAddress) -> None:
    with psycopg.connect(address.libpq_url("postgres")) as connection:
        connection.execute("CREATE TABLE written (number int)")
        connection.execute("INSERT INTO written VALUES (42)")


def is_written(address: ServerAddress) -> bool:
    return answer(address, "SELECT number FROM written") == "42"
