"""What the private server keeps in a home folder, and how to tell who is alive.

A lock here is `flock`: the kernel releases it when its holder dies, however it dies. Locks end by
closing the file, never by unlocking it, so that a forked child keeps what its parent held.

* `users.lock` is held shared by every process that uses the server.
* `start.lock` is held alone by whoever starts or stops it.
* `server.lock` is held alone by the supervisor for as long as it lives. Its text is the
  supervisor's process id and, once the server takes connections, where.
"""

import os
import re
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path
from typing import Final

from tapetrail.core.canonical import digest_bytes

DATABASE: Final = "tapetrail"
SUPERVISOR: Final = "tapetrail.store.private.supervisor"
POLL_S: Final = 0.01
PROC: Final = Path("/proc")


class _Lock(IntFlag):
    """What to ask `flock` for. The numbers are the same on every Unix."""

    SHARED = 1
    ALONE = 2
    AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFiles:
    """The server's files in one home, an absolute path without symbolic links."""

    home: Path

    @property
    def data(self) -> Path:
        """The data directory. It exists only when complete, `tapetrail` database included."""
        return self.home / "postgres"

    @property
    def unfinished_data(self) -> Path:
        """The data directory while it is being made; whoever finds one may remove it."""
        return self.home / "postgres.unfinished"

    @property
    def postmaster_pid(self) -> Path:
        """PostgreSQL's own pid file; right after a crash it may name anyone."""
        return self.data / "postmaster.pid"

    @property
    def admission(self) -> Path:
        """The folder of what PostgreSQL reads of ours: who may connect."""
        return self.home / "access"

    @property
    def hba(self) -> Path:
        """Who may connect, in PostgreSQL's own form, and the names of `ident` with it."""
        return self.admission / "pg_hba.conf"

    @property
    def ident(self) -> Path:
        """Which user of the system may be which role."""
        return self.admission / "pg_ident.conf"

    @property
    def passwd(self) -> Path:
        """The users that a confined PostgreSQL finds in the place of the system's."""
        return self.admission / "passwd"

    @property
    def users_lock(self) -> Path:
        """Held shared by the users."""
        return self.home / "users.lock"

    @property
    def start_lock(self) -> Path:
        """Held alone while starting or stopping."""
        return self.home / "start.lock"

    @property
    def server_lock(self) -> Path:
        """Held alone by the supervisor."""
        return self.home / "server.lock"

    @property
    def keep(self) -> Path:
        """Its existence keeps the running server up without users."""
        return self.home / "keep"

    @property
    def log(self) -> Path:
        """What the supervisor and PostgreSQL have to say."""
        return self.home / "postgres.log"

    @property
    def name(self) -> str:
        """A short name of this home: its socket folder's and its PostgreSQL cluster's."""
        return f"tapetrail-{digest_bytes(os.fsencode(self.home))[7:19]}"


def make_lasting(folder: Path) -> None:
    """Make a folder and those above it that are missing, so that a power cut leaves them there.

    A folder that may be written to and not read cannot be synced, and is no reason to refuse.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in reversed(missing):
        with suppress(PermissionError):
            sync_folder(each.parent)


def sync_folder(folder: Path) -> None:
    """Return once the names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    """The text of `server.lock`. `postmaster_pid` is None until the server takes connections."""

    supervisor_pid: int
    postmaster_pid: int | None = None
    port: int = 0
    socket_dir: Path = Path()

    def text(self) -> str:
        """Return one line; its end says that it is whole."""
        if self.postmaster_pid is None:
            return f"{self.supervisor_pid}\n"
        return f"{self.supervisor_pid} {self.postmaster_pid} {self.port} {self.socket_dir}\n"


def load_state(files: ServerFiles) -> ServerState | None:
    """Return what a living supervisor says of itself, None if there is none or not yet a word."""
    if not is_held(files.server_lock):
        return None
    # A file that is read in two parts while it is written may hold the end of another line.
    line, end, more = os.fsdecode(files.server_lock.read_bytes()).partition("\n")
    if not end or more:
        return None
    supervisor_pid, *rest = line.split(" ", 3)
    if not rest:
        return ServerState(supervisor_pid=int(supervisor_pid))
    postmaster_pid, port, socket_dir = rest
    return ServerState(
        supervisor_pid=int(supervisor_pid),
        postmaster_pid=int(postmaster_pid),
        port=int(port),
        socket_dir=Path(socket_dir),
    )


@contextmanager
def shared(path: Path) -> Generator[None]:
    """Hold a lock together with others, waiting while someone holds it alone."""
    with _opened(path) as descriptor:
        _flock(descriptor, _Lock.SHARED)
        yield


@contextmanager
def alone(path: Path) -> Generator[None]:
    """Hold a lock alone, waiting while anyone else holds it."""
    with _opened(path) as descriptor:
        _flock(descriptor, _Lock.ALONE)
        yield


def try_alone(path: Path) -> int | None:
    """Return the open file of a lock now held alone, None if someone else holds it."""
    descriptor = _open(path)
    try:
        _flock(descriptor, _Lock.ALONE | _Lock.AT_ONCE)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_held(path: Path) -> bool:
    """Return whether some process holds the lock alone. Creates nothing."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        try:
            _flock(file.fileno(), _Lock.SHARED | _Lock.AT_ONCE)
        except BlockingIOError:
            return True
    return False


def wait_until(condition: Callable[[], bool], *, timeout_s: float) -> bool:
    """Return whether the condition came true in time."""
    deadline = time.monotonic() + timeout_s
    while not (is_true := condition()) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return is_true


def pid_in(path: Path) -> int | None:
    """Return the process id in a pid or lock file of PostgreSQL, None without a readable one.

    A server in single-user mode writes its id as a negative number.
    """
    try:
        first_line = path.read_bytes().partition(b"\n")[0]
    except FileNotFoundError:
        return None
    return abs(int(first_line)) if re.fullmatch(rb"-?[1-9]\d*", first_line) else None


def is_postmaster(pid: int, data: Path) -> bool:
    """Return whether the process is a living PostgreSQL server on exactly this data directory.

    A pid file alone proves nothing: after a crash its number may belong to another program. A
    zombie has no command line, so it does not count as living.
    """
    program, *options = _command_words(pid) or ("",)
    return program.endswith("/postgres") and options[:2] == ["-D", str(data)]


def is_supervisor(pid: int) -> bool:
    """Return whether the process is a supervisor, and not one of another container's numbers."""
    return SUPERVISOR in _command_words(pid)


def orphans(files: ServerFiles, uid: int) -> list[int]:
    """Return the children a dead postmaster of this home left running, found by their title.

    PostgreSQL starts their title with the cluster's name. Where there is no /proc none are found,
    and a server that would meet them refuses to start.
    """
    title = f"postgres: {files.name}: ".encode()
    found = [
        folder for folder in PROC.glob("[1-9]*") if _read(folder / "cmdline").startswith(title)
    ]
    return [int(folder.name) for folder in found if _owner(folder) == uid]


def _command_words(pid: int) -> tuple[str, ...]:
    if PROC.joinpath("self", "cmdline").exists():
        return tuple(os.fsdecode(_read(PROC / str(pid) / "cmdline")).split("\0"))
    return _command_words_from_ps(pid)


def _command_words_from_ps(pid: int) -> tuple[str, ...]:
    """Return the words of a command; of a server's, the first three, whose folders have spaces."""
    command = ("ps", "-ww", "-p", str(pid), "-o", "command=")
    printed = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 # fixed words and a number
    found = re.fullmatch(r"(\S.*?) (-D) (.*?) -p .*", printed.strip())
    return found.groups() if found else tuple(printed.split())


def _read(path: Path) -> bytes:
    """Return the bytes of a file about a process, none if it has just gone or is hidden from us."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""


def _owner(folder: Path) -> int | None:
    try:
        return folder.stat().st_uid
    except FileNotFoundError:
        return None


def _flock(descriptor: int, operation: _Lock) -> None:
    import fcntl  # noqa: PLC0415 # absent on Windows, where this module must still be importable

    fcntl.flock(descriptor, operation)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextmanager
def _opened(path: Path) -> Generator[int]:
    descriptor = _open(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
