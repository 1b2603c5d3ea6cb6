"""A new data directory: PostgreSQL's `initdb`, our first settings, and the `tapetrail` database."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tapetrail.core.errors import EdgeFailure
from tapetrail.store.private.account import Account, become
from tapetrail.store.private.binaries import installation, major_version
from tapetrail.store.private.files import DATABASE, ServerFiles, sync_folder
from tapetrail.store.private.mounts import View, view_for

CREATE_TIMEOUT_S: Final = 300.0
OLDEST_VERSION: Final = 15
BUILTIN_LOCALE_VERSION: Final = 17

# A first setting; whoever knows better may edit postgresql.conf in the home.
SETTINGS: Final = """
# TapeTrail
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
# A run or a worker holds about 15; those beside it, what they read with.
max_connections = 300
shared_buffers = '128MB'
log_checkpoints = off
# A query ends when its client has died, even if the postmaster has died as well.
client_connection_check_interval = '2s'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One home's PostgreSQL: its files, programs, account and socket folder."""

    files: ServerFiles
    bin_dir: Path
    account: Account
    socket_dir: Path

    def needed(self) -> list[Path]:
        """Return the folders that the account must get to, of those there are."""
        files = self.files
        data = [path for path in (files.data, files.unfinished_data) if path.exists()]
        return [*data, files.admission, *installation(self.bin_dir), self.socket_dir]

    def view(self) -> View | None:
        """Return what a confined account is shown, None for one that is not."""
        if not self.account.is_confined:
            return None
        return view_for(self.account.uid, self.needed(), passwd=self.files.passwd)


def environment() -> Mapping[str, str]:
    """Return our environment without the variables that PostgreSQL takes for settings."""
    return {name: text for name, text in os.environ.items() if not name.startswith("PG")}


def create_cluster(cluster: Cluster) -> None:
    """Make the data directory beside its place and move it there once all of it is on disk."""
    if major_version(cluster.bin_dir) < OLDEST_VERSION:
        raise EdgeFailure(f"{cluster.bin_dir}: PostgreSQL {OLDEST_VERSION} or newer is needed")
    unfinished = cluster.files.unfinished_data
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    os.chown(unfinished, cluster.account.uid, cluster.account.gid)
    options = _initdb_options(cluster.bin_dir)
    _run(cluster, ["initdb", "--no-instructions", "-D", str(unfinished), *options], typed=b"")
    with (unfinished / "postgresql.conf").open("a") as file:
        file.write(SETTINGS)
        file.flush()
        os.fsync(file.fileno())
    single = ["postgres", "--single", "-c", "exit_on_error=on", "-D", str(unfinished), "postgres"]
    _run(cluster, single, typed=f"CREATE DATABASE {DATABASE}\n".encode())
    unfinished.rename(cluster.files.data)
    sync_folder(cluster.files.home)


def _initdb_options(bin_dir: Path) -> list[str]:
    """Return the options: sorted by code point, whatever the system's locales are."""
    always = ["--username=postgres", "--auth=peer", "--encoding=UTF8", "--data-checksums"]
    if major_version(bin_dir) < BUILTIN_LOCALE_VERSION:
        return [*always, "--locale=C.UTF-8"]
    return [*always, "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]


def _run(cluster: Cluster, command: Sequence[str], *, typed: bytes) -> None:
    parent_pid, view = os.getpid(), cluster.view()
    ended = subprocess.run(  # noqa: S603 # fixed words
        [str(cluster.bin_dir / command[0]), *command[1:]],
        input=typed,
        env=environment(),
        preexec_fn=lambda: become(cluster.account, view, parent_pid),
        timeout=CREATE_TIMEOUT_S,
        check=False,
    )
    if ended.returncode != 0:
        raise EdgeFailure(f"{command[0]} ended with status {ended.returncode}")
