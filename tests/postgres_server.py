"""A PostgreSQL server of others for tests: Debian's programs, over TCP, by password."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
import pytest
from tests.edges.waiting import wait_for
from tests.s3_server import free_ports

PGBOUNCER: Final = Path("/usr/sbin/pgbouncer")
DEBIAN: Final = Path("/usr/lib/postgresql")
PASSWORD: Final = "of-tests"  # noqa: S105 # of a server that lives for a test
ADMIN: Final = "postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A server with databases, and whoever administers it."""

    bin_dir: Path
    folder: Path
    port: int

    def url(self, database: str, user: str = ADMIN, *, port: int | None = None) -> str:
        """Return the address of a database for a user, who has the password of all."""
        place = f"127.0.0.1:{port or self.port}"
        return f"postgresql://{user}:{PASSWORD}@{place}/{database}"

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as the administrator, each in a transaction of its own."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def new_customer(self, name: str, *more: str) -> str:
        """Create a user without rights, with a database of their own; return its address."""
        self.execute(
            f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}' {' '.join(more)}",
            f"CREATE DATABASE {name} OWNER {name}",
        )
        return self.url(name, name)

    def start(self) -> None:
        """Start the server and return once it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
        log = self.folder / "log"
        self.control("start", "-w", "-l", str(log), "-o", f"{options} -c max_connections=200")

    def stop(self, how: str = "fast") -> None:
        """End the server; `immediate` is how one ends whose machine fails."""
        self.control("stop", "-w", "-m", how)

    def control(self, *words: str) -> None:
        """Run `pg_ctl` on this server."""
        data = str(self.folder / "data")
        run_as_postgres([str(self.bin_dir / "pg_ctl"), "-D", data, *words])


def debian_versions() -> Sequence[str]:
    """Return the versions of Debian's PostgreSQL that are installed here."""
    return sorted(path.parent.name for path in DEBIAN.glob("*/bin") if (path / "initdb").exists())


@contextmanager
def running_cluster(bin_dir: Path) -> Generator[Cluster]:
    """Give a new server that runs until the end, in a folder that its user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="cluster-"))
    account = _account()
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
    cluster = Cluster(bin_dir=bin_dir, folder=folder, port=free_ports(1)[0])
    secret = folder / "password"
    secret.write_text(PASSWORD, encoding="utf-8")
    secret.chmod(0o644)
    words = ["-D", str(folder / "data"), "-U", ADMIN, "-E", "UTF8", "--locale=C", "--no-sync"]
    auth = ["--auth=scram-sha-256", f"--pwfile={secret}"]
    run_as_postgres([str(bin_dir / "initdb"), *words, *auth])
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


def run_as_postgres(words: Sequence[str]) -> None:
    """Run a program of PostgreSQL's, which refuses to be run by root."""
    account = _account()
    subprocess.run(
        words,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        user=None if account is None else account.pw_uid,
        group=None if account is None else account.pw_gid,
    )


def _account() -> pwd.struct_passwd | None:
    return pwd.getpwnam("postgres") if os.geteuid() == 0 else None


@contextmanager
def running_pool(cluster: Cluster, mode: str) -> Generator[int]:
    """Give the port of a pgbouncer before a cluster, which pools by `session` or `transaction`."""
    if not PGBOUNCER.exists():
        pytest.skip("pgbouncer is not installed")
    port, folder = free_ports(1)[0], cluster.folder / f"pool-{mode}"
    folder.mkdir()
    users = folder / "users"
    users.write_text(f'"trail" "{PASSWORD}"\n', encoding="utf-8")
    file = folder / "pgbouncer.ini"
    file.write_text(
        f"[databases]\n* = host=127.0.0.1 port={cluster.port}\n"
        f"[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\nunix_socket_dir=\n"
        f"auth_type=plain\nauth_file={users}\npool_mode={mode}\ndefault_pool_size=40\n",
        encoding="utf-8",
    )
    account = _account()
    process = subprocess.Popen(
        [PGBOUNCER, "-q", str(file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=None if account is None else account.pw_uid,
    )
    try:
        wait_for(lambda: _listens(port))
        yield port
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
