"""The private server under everything that may happen to it. All of it really happens here."""

import os
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from tests.edges.server_processes import (
    BIN_DIR,
    USE,
    answer,
    as_root,
    is_written,
    kill,
    postmaster_of,
    programs_of,
    supervisor_of,
    user_of,
    write_down,
)
from tests.edges.waiting import wait_for

from tapetrail.core.errors import EdgeFailure
from tapetrail.store.private.account import become, server_account
from tapetrail.store.private.cluster import Cluster
from tapetrail.store.private.files import ServerFiles, load_state
from tapetrail.store.private.server import PrivateServer, ServerAddress
from tapetrail.store.private.socket_folder import open_socket_folder, socket_folder
from tapetrail.store.private.supervisor import STARTS_MAX

pytestmark = pytest.mark.service

# What may happen to it


def test_a_killed_supervisor_takes_postgresql_down_with_it(home: Path) -> None:
    with user_of(home) as user:
        user.libpq_url()
        kill(supervisor_of(home))
        wait_for(lambda: not programs_of(home))
        with PrivateServer(home=home).hold() as address:
            assert answer(address, "SELECT 42") == "42"


def test_a_killed_postmaster_is_replaced_at_the_next_use(home: Path) -> None:
    server = PrivateServer(home=home)
    with server.hold() as address:
        write_down(address)
        killed = postmaster_of(home)
        kill(killed)
        with server.hold() as again:
            assert postmaster_of(home) != killed
            assert is_written(again)


def test_a_postmaster_killed_under_its_user_is_started_again_in_its_place(home: Path) -> None:
    with PrivateServer(home=home).hold() as address:
        write_down(address)
        killed, supervisor = postmaster_of(home), supervisor_of(home)
        kill(killed)
        wait_for(lambda: is_up(home, address))
        assert is_written(address)
        assert (postmaster_of(home) != killed, supervisor_of(home)) == (True, supervisor)


def test_a_server_that_ends_again_and_again_is_given_up(home: Path) -> None:
    with PrivateServer(home=home).hold() as address:
        for _ in range(STARTS_MAX):
            wait_for(lambda: is_up(home, address))
            kill(postmaster_of(home))
        wait_for(lambda: not programs_of(home))
    assert "PostgreSQL ended by itself" in ServerFiles(home=home).log.read_text()


def is_up(home: Path, address: ServerAddress) -> bool:
    """Return whether the server answers and its supervisor has said so."""
    state = load_state(ServerFiles(home=home))
    if state is None or state.postmaster_pid is None:
        return False
    try:
        return answer(address, "SELECT 42") == "42"
    except psycopg.OperationalError:
        return False


def test_a_server_that_recovers_for_long_stops_when_it_is_told(home: Path, tmp_path: Path) -> None:
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    script = f'#!/bin/sh\n[ "$1" = --version ] && exec {BIN_DIR}/postgres "$1"\nexec sleep 1000\n'
    for name in ("postgres", "initdb"):
        (bin_dir / name).write_text(script)
        (bin_dir / name).chmod(0o755)
    server, files = PrivateServer(home=home, bin_dir=bin_dir), ServerFiles(home=home)
    with ThreadPoolExecutor(max_workers=1) as thread:
        started = thread.submit(server.start)
        wait_for(lambda: load_state(files) is not None)
        assert server.stop()
        with pytest.raises(EdgeFailure, match="told to stop before PostgreSQL was ready"):
            started.result()


def test_a_query_under_way_does_not_outlive_a_killed_postmaster(home: Path) -> None:
    with user_of(home) as user, closing(psycopg.connect(user.libpq_url())) as connection:
        start_endless_query(connection, PrivateServer(home=home))
        programs = {*programs_of(home)} - {supervisor_of(home)}
        kill(postmaster_of(home))
        wait_for(lambda: not programs & {*programs_of(home)})


def test_all_killed_at_once_leave_nothing_running_and_nothing_lost(home: Path) -> None:
    """Also with a query under way, which never looks whether its postmaster lives."""
    server = PrivateServer(home=home)
    with user_of(home) as user, closing(psycopg.connect(user.libpq_url())) as connection:
        with server.hold() as address:
            write_down(address)
            start_endless_query(connection, server)
        kill(postmaster_of(home), supervisor_of(home), user.process.pid)
    wait_for(lambda: not programs_of(home))
    with server.hold() as address:
        assert is_written(address)


def start_endless_query(connection: psycopg.Connection, server: PrivateServer) -> None:
    """Send a query and do not wait for its answer."""
    query = b"SELECT count(*) FROM generate_series(1, 1000000000000)"
    connection.pgconn.send_query(query)
    connection.pgconn.flush()
    address = server.address_if_running()
    assert address is not None
    busy = (
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%series(1,%'"
    )
    wait_for(lambda: answer(address, f"{busy} AND pid <> pg_backend_pid()") == "1")


@pytest.mark.parametrize(
    "victims", [(supervisor_of,), (postmaster_of,), (supervisor_of, postmaster_of)]
)
def test_a_use_right_after_a_kill_gets_a_server_that_lives(
    home: Path, victims: Sequence[Callable[[Path], int]]
) -> None:
    server = PrivateServer(home=home)
    with server.hold() as address:
        write_down(address)
        for _ in range(3):
            kill(*(victim(home) for victim in victims))
            with server.hold() as again:
                assert is_written(again)


def test_an_interrupted_first_use_is_made_up_for(new_home: Path) -> None:
    files = ServerFiles(home=new_home)
    with user_of(new_home) as user:
        wait_for((files.unfinished_data / "base").exists)
        kill(supervisor_of(new_home))
        user.kill()
    wait_for(lambda: not programs_of(new_home))
    assert not files.data.exists()
    with PrivateServer(home=new_home).hold() as address:
        assert answer(address, "SELECT 42") == "42"
    assert not files.unfinished_data.exists()


def test_a_user_killed_while_the_server_starts_does_not_block_the_next(new_home: Path) -> None:
    with user_of(new_home) as user:
        wait_for(ServerFiles(home=new_home).unfinished_data.exists)
        user.kill()
    with PrivateServer(home=new_home).hold() as address:
        assert answer(address, "SELECT 42") == "42"


def test_a_stop_during_the_first_start_stops_it(new_home: Path) -> None:
    with user_of(new_home) as user:
        wait_for(ServerFiles(home=new_home).unfinished_data.exists)
        user.kill()
    assert PrivateServer(home=new_home).stop()
    assert programs_of(new_home) == []


def test_a_pid_file_that_names_somebody_else_is_removed(home: Path) -> None:
    """After a crash of the machine, its number may belong to any program."""
    server = PrivateServer(home=home)
    with server.hold() as address:
        write_down(address)
    server.stop()
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as somebody_else:
        pid_file = ServerFiles(home=home).postmaster_pid
        pid_file.write_text(f"{somebody_else.pid}\n{home}/postgres\n1\n5432\n\n\n1 1\nready   \n")
        address.socket_dir.mkdir(mode=0o700)
        (address.socket_dir / ".s.PGSQL.5432").touch()
        (address.socket_dir / ".s.PGSQL.5432.lock").write_text(f"{somebody_else.pid}\n")
        assert server.address_if_running() is None
        assert not server.stop()
        with server.hold() as again:
            assert is_written(again)
        assert somebody_else.poll() is None
        somebody_else.kill()


def test_a_pid_file_cut_short_by_a_crash_is_removed(home: Path) -> None:
    server = PrivateServer(home=home)
    server.start()
    server.stop()
    ServerFiles(home=home).postmaster_pid.write_text("")
    with server.hold() as address:
        assert answer(address, "SELECT 42") == "42"


@contextmanager
def stray_postmaster(home: Path) -> Generator[subprocess.Popen[bytes]]:
    """Run a server without a supervisor: what a killed one leaves where no kernel ends it."""
    files = ServerFiles(home=home)
    account = server_account(files)
    folder = socket_folder(files, account)
    cluster = Cluster(files=files, bin_dir=BIN_DIR, account=account, socket_dir=folder)
    tester = os.getpid()
    with (
        open_socket_folder(folder, account),
        subprocess.Popen(
            [BIN_DIR / "postgres", "-D", files.data, "-p", "5432", "-k", folder],
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: become(account, cluster.view(), tester),  # noqa: PLW1509 # no threads here
        ) as stray,
    ):
        wait_for(lambda: "ready" in read(files.postmaster_pid))
        yield stray


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_a_server_without_supervisor_is_replaced(home: Path) -> None:
    server = PrivateServer(home=home)
    server.start()
    server.stop()
    with stray_postmaster(home) as stray, server.hold() as address:
        assert stray.wait() == 0
        assert answer(address, "SELECT 42") == "42"
        assert postmaster_of(home) != stray.pid
        server.stop()


def test_a_server_without_supervisor_is_stopped(home: Path) -> None:
    server = PrivateServer(home=home)
    server.start()
    server.stop()
    with stray_postmaster(home) as stray:
        assert server.stop()
        assert stray.wait() == 0


def test_a_failed_start_quotes_the_log_and_says_where_it_is(home: Path) -> None:
    server = PrivateServer(home=home)
    server.start()
    server.stop()
    files = ServerFiles(home=home)
    (files.data / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(EdgeFailure) as caught, server.hold():
        pass
    assert str(files.log) in caught.value.message
    assert "database files are incompatible with server" in caught.value.message
    assert "PostgreSQL ended at its start with status 1" in caught.value.message
    assert programs_of(home) == []


def test_a_home_that_cannot_be_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(EdgeFailure, match="home folder"),
        PrivateServer(home=tmp_path / "file").hold(),
    ):
        pass


@as_root
def test_a_home_on_a_read_only_disk_says_how_to_read_it(home: Path) -> None:
    PrivateServer(home=home).stop()
    mounted = f"mount --bind {home} {home} && mount -o remount,ro,bind {home}"
    command = f'{mounted} && exec {sys.executable} -c "$0" {home} {BIN_DIR}'
    words = ["unshare", "--mount", "sh", "-c", command, USE]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "Read-only file system" in ended.stderr
    assert "copy the home to where you may write, and read it there" in ended.stderr


# Who may be in its way


@pytest.fixture
def foreign(new_home: Path) -> Generator[Path]:
    """The place of the home's socket folder, for somebody who was there first."""
    files = ServerFiles(home=new_home)
    folder = socket_folder(files, server_account(files))
    yield folder
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        folder.rmdir()


def assert_refused(home: Path) -> None:
    with (
        pytest.raises(EdgeFailure, match="expected a folder of user"),
        PrivateServer(home=home).hold(),
    ):
        pass


def test_a_socket_folder_that_others_can_enter_is_refused(new_home: Path, foreign: Path) -> None:
    foreign.mkdir()
    foreign.chmod(0o755)
    assert_refused(new_home)


@as_root
def test_a_socket_folder_of_somebody_else_is_refused(new_home: Path, foreign: Path) -> None:
    foreign.mkdir(mode=0o700)
    os.chown(foreign, 4711, 4711)
    assert_refused(new_home)


def test_a_link_in_place_of_the_socket_folder_is_not_followed(
    new_home: Path, foreign: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (elsewhere / ".s.PGSQL.5432").touch()
    foreign.symlink_to(elsewhere)
    assert_refused(new_home)
    assert (elsewhere / ".s.PGSQL.5432").exists()
