"""The process that owns a home's PostgreSQL: starts it, watches it, ends it.

Started by `PrivateServer` as `python -m tapetrail.store.private.supervisor HOME BIN_DIR`. The
standard output and error are the server's log. There is at most one to a home, by `server.lock`.
It ends the server when

* nobody has held `users.lock` for a moment and the `keep` marker is absent,
* it is told to by SIGTERM or SIGINT, or
* the home is deleted or moved.

Killed, it takes the server along: the kernel interrupts PostgreSQL in its place. A PostgreSQL that
is killed under its users is started again, at the same address, so that they connect anew.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tapetrail.core.errors import EdgeFailure
from tapetrail.store.private.account import become, check_reachable, own, server_account
from tapetrail.store.private.admission import write_admission
from tapetrail.store.private.binaries import major_version
from tapetrail.store.private.cluster import Cluster, create_cluster, environment
from tapetrail.store.private.files import (
    POLL_S,
    ServerFiles,
    ServerState,
    is_postmaster,
    orphans,
    pid_in,
    try_alone,
    wait_until,
)
from tapetrail.store.private.kernel import ON_LINUX
from tapetrail.store.private.socket_folder import (
    LOCK_NAME,
    PORT,
    open_socket_folder,
    remove_sockets,
    socket_folder,
)

START_TIMEOUT_S: Final = 300.0
STOP_TIMEOUT_S: Final = 60.0
KILL_TIMEOUT_S: Final = 10.0
CLAIM_TIMEOUT_S: Final = 2.0
WATCH_S: Final = 0.25
GRACE_S: Final = 1.0
STATUS_LINE: Final = 7
STARTS_MAX: Final = 5
"""How often one supervisor starts a server that ends by itself, as by a lack of memory."""


def main(arguments: Sequence[str]) -> int:
    """Take charge of the home and go to the background. Return 1 if another is in charge.

    The lock is taken before the fork: when the command returns, the lock is held, and it stays
    held for exactly as long as the background process lives.
    """
    files, bin_dir = ServerFiles(home=Path(arguments[0])), Path(arguments[1])
    signals = _signal_pipe()
    lock = _claim(files)
    if lock is None:
        return 1
    os.ftruncate(lock, 0)  # what it says is of another's making
    if os.fork() != 0:
        os._exit(0)
    os.chdir("/")
    try:
        _supervise(files, bin_dir, lock=lock, signals=signals)
    except (EdgeFailure, OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"tapetrail: {error}\n")
        return 1
    return 0


def _supervise(files: ServerFiles, bin_dir: Path, *, lock: int, signals: int) -> None:
    """Run the server from its start to its end."""
    _publish(lock, ServerState(supervisor_pid=os.getpid()))
    files.keep.unlink(missing_ok=True)
    account = server_account(files)
    socket_dir = socket_folder(files, account)
    cluster = Cluster(files=files, bin_dir=bin_dir, account=account, socket_dir=socket_dir)
    with open_socket_folder(socket_dir, account):
        _end_remains(cluster)
        _admit(cluster)
        if not files.data.exists():
            create_cluster(cluster)
        for _ in range(STARTS_MAX):
            with _postmaster(cluster, signals) as postmaster:
                _publish(lock, _ready_state(cluster, postmaster))
                has_ended = _watch(cluster, postmaster, signals)
                _publish(lock, ServerState(supervisor_pid=os.getpid()))
            if not has_ended:
                return
            sys.stderr.write("tapetrail: PostgreSQL ended by itself\n")
            _end_remains(cluster)


def _admit(cluster: Cluster) -> None:
    """Let the account, and nobody else, get to what it needs; say who may connect."""
    files, account = cluster.files, cluster.account
    write_admission(files, account, major_version=major_version(cluster.bin_dir))
    if os.geteuid() == 0 and files.data.exists():
        own(files.data, account)
    if account.group_enters:
        os.chown(files.home, -1, account.gid)
        files.home.chmod(0o710)
    if os.geteuid() == 0:
        check_reachable(account, cluster.needed())


def _claim(files: ServerFiles) -> int | None:
    """Return the held `server.lock`; a glance at it by others may be in the way for a moment."""
    deadline = time.monotonic() + CLAIM_TIMEOUT_S
    while (lock := try_alone(files.server_lock)) is None and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return lock


def _publish(lock: int, state: ServerState) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, os.fsencode(state.text()), 0)


def _ready_state(cluster: Cluster, postmaster: subprocess.Popen[bytes]) -> ServerState:
    return ServerState(
        supervisor_pid=os.getpid(),
        postmaster_pid=postmaster.pid,
        port=PORT,
        socket_dir=cluster.socket_dir,
    )


def _signal_pipe() -> int:
    """Return a descriptor from which each signal's number can be read, so that none is missed."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, lambda _number, _frame: None)
    signal.set_wakeup_fd(writer)
    return reader


@contextmanager
def _postmaster(cluster: Cluster, signals: int) -> Generator[subprocess.Popen[bytes]]:
    """Give the server once it takes connections; leave nothing of it behind."""
    postmaster = _start(cluster)
    with _guarded(postmaster):
        try:
            _await_ready(cluster, postmaster, signals)
            yield postmaster
        finally:
            _end(postmaster)
            _end_orphans(cluster)


def _start(cluster: Cluster) -> subprocess.Popen[bytes]:
    """Start the server. The options are what must hold, whatever postgresql.conf says."""
    sockets = str(cluster.socket_dir).replace('"', '""')
    options = (
        "listen_addresses=",
        f'unix_socket_directories="{sockets}"',
        f"cluster_name={cluster.files.name}",
        f"hba_file={cluster.files.hba}",
        f"ident_file={cluster.files.ident}",
    )
    command = [str(cluster.bin_dir / "postgres"), "-D", str(cluster.files.data), "-p", str(PORT)]
    parent_pid, view = os.getpid(), cluster.view()
    return subprocess.Popen(  # noqa: S603 # fixed words
        [*command, *(word for option in options for word in ("-c", option))],
        stdin=subprocess.DEVNULL,
        env=environment(),
        preexec_fn=lambda: become(cluster.account, view, parent_pid),  # noqa: PLW1509 # one thread
        start_new_session=True,
    )


def _await_ready(cluster: Cluster, postmaster: subprocess.Popen[bytes], signals: int) -> None:
    """Wait until the server takes connections. One that recovers may be told to end, too."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while postmaster.poll() is None and not _is_ready(cluster.files, postmaster.pid):
        if _is_told_to_end(signals, wait_s=POLL_S):
            raise EdgeFailure("told to stop before PostgreSQL was ready")
        if time.monotonic() > deadline:
            raise EdgeFailure(f"PostgreSQL was not ready within {START_TIMEOUT_S:.0f} s")
    if postmaster.returncode is not None:
        raise EdgeFailure(f"PostgreSQL ended at its start with status {postmaster.returncode}")


def _is_ready(files: ServerFiles, pid: int) -> bool:
    """Return whether the server says so itself, in a line of its pid file."""
    if pid_in(files.postmaster_pid) != pid:
        return False
    lines = files.postmaster_pid.read_bytes().splitlines()
    return len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == b"ready"


def _watch(cluster: Cluster, postmaster: subprocess.Popen[bytes], signals: int) -> bool:
    """Return when the server has to end, or has ended by itself; True says the latter.

    Without users, the exclusive `users.lock` stays held to the end of this process: whoever comes
    now waits until the server has stopped, and starts it again.
    """
    files = cluster.files
    inode = _inode(files.users_lock)
    used_at = time.monotonic()
    while postmaster.poll() is None and not _is_told_to_end(signals, wait_s=WATCH_S):
        if inode is None or _inode(files.users_lock) != inode:
            return False
        lock = None if files.keep.exists() else try_alone(files.users_lock)
        if lock is None:
            used_at = time.monotonic()
        elif time.monotonic() - used_at >= GRACE_S:
            return False
        else:
            os.close(lock)
    return postmaster.returncode is not None


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _is_told_to_end(signals: int, *, wait_s: float) -> bool:
    """Wait a moment, or until a signal comes; return whether it asks for the end."""
    readable, _, _ = select.select([signals], [], [], wait_s)
    received = os.read(signals, 64) if readable else b""
    return signal.SIGTERM in received or signal.SIGINT in received


def _end(postmaster: subprocess.Popen[bytes]) -> None:
    """Stop the server: fast, then at once, then by force."""
    steps = (
        (signal.SIGINT, STOP_TIMEOUT_S),
        (signal.SIGQUIT, KILL_TIMEOUT_S),
        (signal.SIGKILL, KILL_TIMEOUT_S),
    )
    for number, timeout_s in steps:
        postmaster.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            postmaster.wait(timeout_s)
            return


def _end_remains(cluster: Cluster) -> None:
    """End what a killed supervisor or postmaster left, and remove the files that name them.

    Two files may name a server of ours: its pid file and its socket's lock, should the home have
    been deleted under it. Only a process that is_postmaster confirms is touched.
    """
    sources = (cluster.files.postmaster_pid, cluster.socket_dir / LOCK_NAME)
    if not any(path.exists() for path in sources):
        return
    for pid in {pid for path in sources if (pid := pid_in(path)) is not None}:
        _end_stray(pid, cluster.files.data)
    _end_orphans(cluster)
    cluster.files.postmaster_pid.unlink(missing_ok=True)
    remove_sockets(cluster.socket_dir)


def _end_stray(pid: int, data: Path) -> None:
    """Stop a server that is not our child, if it is one of this home."""
    for number, timeout_s in ((signal.SIGINT, STOP_TIMEOUT_S), (signal.SIGKILL, KILL_TIMEOUT_S)):
        if is_postmaster(pid, data):
            os.kill(pid, number)
        if wait_until(lambda: not is_postmaster(pid, data), timeout_s=timeout_s):
            return
    raise EdgeFailure(f"PostgreSQL, process {pid}, on {data} cannot be stopped")


def _end_orphans(cluster: Cluster) -> None:
    """Kill the children that a killed postmaster left: they hold nothing worth a slow goodbye."""
    for pid in orphans(cluster.files, cluster.account.uid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    files, uid = cluster.files, cluster.account.uid
    if not wait_until(lambda: not orphans(files, uid), timeout_s=KILL_TIMEOUT_S):
        raise EdgeFailure(f"PostgreSQL processes {orphans(files, uid)} cannot be killed")


@contextmanager
def _guarded(postmaster: subprocess.Popen[bytes]) -> Generator[None]:
    """Interrupt the server at our death where the kernel would not: a shell looks every second."""
    if ON_LINUX:
        yield
        return
    loop = 'while kill -0 "$1"; do sleep 1; done; kill -INT "$2"'
    pids = (str(os.getpid()), str(postmaster.pid))
    command = ("/bin/sh", "-c", loop, "sh", *pids)
    with subprocess.Popen(command, start_new_session=True) as guard:  # noqa: S603 # two numbers
        try:
            yield
        finally:
            guard.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
