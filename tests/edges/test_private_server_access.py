"""The private server lets nobody in but its user and root, and can reach nothing of root's."""

import os
import pwd
import re
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from tests.edges.server_processes import (
    BIN_DIR,
    SOURCE,
    USE,
    answer,
    as_root,
    as_stranger,
    postmaster_of,
    programs_of,
    user_of,
)
from tests.edges.waiting import wait_for

from tapetrail.blobs.directory import DirectoryBlobs
from tapetrail.core.errors import EdgeFailure
from tapetrail.store.private.account import OWN_ACCOUNT, Account, check_reachable
from tapetrail.store.private.binaries import installation
from tapetrail.store.private.files import ServerFiles, make_lasting
from tapetrail.store.private.server import PrivateServer, ServerAddress

pytestmark = [pytest.mark.service, as_root]

NOBODY = pwd.getpwnam("nobody").pw_uid
STRANGERS = [NOBODY, 4711]
NO_CAPABILITY = dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapAmb"), "0" * 16)


def status_of(text: str) -> dict[str, str]:
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


@pytest.fixture
def address(home: Path) -> Generator[ServerAddress]:
    """A running server."""
    with PrivateServer(home=home).hold() as found:
        yield found


# What the server is


def test_it_runs_under_an_id_that_no_account_has_and_holds_no_capability(
    home: Path, address: ServerAddress
) -> None:
    del address
    found = status_of(Path(f"/proc/{postmaster_of(home)}/status").read_text())
    uid = int(found["Uid"].split("\t")[0])
    with pytest.raises(KeyError):
        pwd.getpwuid(uid)
    assert found["Uid"].split("\t") == [str(uid)] * 4
    assert {name: found[name] for name in NO_CAPABILITY} == NO_CAPABILITY
    assert (found["Groups"].strip(), found["NoNewPrivs"]) == ("", "1")


def test_programs_that_it_starts_hold_no_capability_either(address: ServerAddress) -> None:
    with psycopg.connect(address.libpq_url("postgres")) as connection:
        connection.execute("CREATE TEMP TABLE said (line text)")
        connection.execute("COPY said FROM PROGRAM 'cat /proc/self/status' (DELIMITER E'\\x01')")
        lines = connection.execute("SELECT line FROM said").fetchall()
    found = status_of("\n".join(str(line) for (line,) in lines))
    assert {name: found[name] for name in NO_CAPABILITY} == NO_CAPABILITY
    assert found["NoNewPrivs"] == "1"


@pytest.mark.parametrize("hidden", ["/etc/shadow", "{home}/server.lock", "{home}/blobs/secret"])
def test_it_can_read_no_file_of_roots(home: Path, address: ServerAddress, hidden: str) -> None:
    (home / "blobs").mkdir(mode=0o700)
    (home / "blobs" / "secret").write_text("a chart")
    path = hidden.format(home=home)
    assert Path(path).read_bytes()
    with (
        psycopg.connect(address.libpq_url("postgres")) as connection,
        pytest.raises(psycopg.Error, match=r"Permission denied|No such file"),
    ):
        connection.execute("SELECT pg_read_file(%s)", [path])


# Who gets to it


@pytest.mark.parametrize("uid", STRANGERS)
def test_a_stranger_gets_neither_to_the_socket_nor_to_a_file(
    home: Path, address: ServerAddress, uid: int
) -> None:
    files = ServerFiles(home=home)
    url = address.libpq_url("postgres")
    for attempt in (
        lambda: psycopg.connect(url),
        lambda: [*home.iterdir()],
        lambda: [*address.socket_dir.iterdir()],
        (files.data / "PG_VERSION").read_bytes,
        files.log.read_bytes,
    ):
        assert not as_stranger(uid, attempt)


@pytest.mark.parametrize("role", ["postgres", "tapetrail_app", "tapetrail_reader"])
@pytest.mark.parametrize("uid", STRANGERS)
def test_a_stranger_is_no_role_even_where_the_socket_folder_is_open(
    address: ServerAddress, uid: int, role: str
) -> None:
    before = address.socket_dir.stat().st_mode
    address.socket_dir.chmod(0o777)
    try:
        assert as_stranger(uid, lambda: [*address.socket_dir.iterdir()])
        assert not as_stranger(uid, lambda: psycopg.connect(address.libpq_url(role)))
    finally:
        address.socket_dir.chmod(before)


def test_the_id_of_the_server_is_no_role(home: Path, address: ServerAddress) -> None:
    uid = (home / "postgres").stat().st_uid
    assert as_stranger(uid, lambda: [*address.socket_dir.iterdir()])
    assert not as_stranger(uid, lambda: psycopg.connect(address.libpq_url("postgres")))


# Homes of before


def test_data_that_belonged_to_nobody_are_given_to_the_servers_own_id(home: Path) -> None:
    files = ServerFiles(home=home)
    for folder, _, names in os.walk(files.data):
        for path in (Path(folder), *(Path(folder, name) for name in names)):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    roots = home / "roots"
    roots.write_text("root's own")
    os.link(roots, files.data / "link")
    (files.data / "symbolic").symlink_to(roots)
    with PrivateServer(home=home).hold() as address:
        assert answer(address, "SELECT 42") == "42"
        owner = files.data.stat().st_uid
        assert owner not in {0, NOBODY}
        assert {path.stat().st_uid for path in files.data.rglob("PG_VERSION")} == {owner}
    assert roots.stat().st_uid == 0
    PrivateServer(home=home).stop()


# Where root may mount nothing


CONTAINER = ("setpriv", "--bounding-set=-sys_admin")
WITH_ACCOUNT = ("unshare", "--mount", "sh", "-c")
MOUNTED = 'mount --bind "$1" /etc/passwd && shift && exec setpriv --bounding-set=-sys_admin "$@"'


def first_use(home: Path, *through: str) -> subprocess.CompletedProcess[str]:
    command = [*through, sys.executable, "-c", USE, str(home), str(BIN_DIR)]
    return subprocess.run(command, input="", capture_output=True, text=True, check=False, cwd="/")


def test_root_that_may_mount_nothing_is_told_three_ways(new_home: Path) -> None:
    said = first_use(new_home, *CONTAINER).stderr
    for way in ("ordinary user", "TAPETRAIL_DATABASE_URL", f"useradd --system .* {OWN_ACCOUNT}"):
        assert re.search(way, said), said
    assert not (new_home / "postgres").exists()


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """A list of users with the account that the message asks for."""
    path = tmp_path / "passwd"
    own = f"{OWN_ACCOUNT}:x:4712:4712::/:/usr/sbin/nologin\n"
    path.write_text(Path("/etc/passwd").read_text() + own)
    return path


def test_an_account_made_for_it_serves_and_lets_no_stranger_in(users: Path) -> None:
    """The session's programs may lie where only root can read; then another test says so."""
    own = Account(uid=4712, gid=4712, group_enters=True)
    try:
        check_reachable(own, [*installation(BIN_DIR), SOURCE])
    except EdgeFailure as error:
        pytest.skip(error.message)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        home = Path(folder) / "home"
        through = (*WITH_ACCOUNT, MOUNTED, "sh", str(users))
        with user_of(home, through=through) as user:
            url = user.libpq_url()
            with psycopg.connect(url) as connection:
                assert connection.execute("SELECT 42").fetchone() == (42,)
            found = status_of(Path(f"/proc/{postmaster_of(home)}/status").read_text())
            assert found["Uid"].split("\t") == ["4712"] * 4
            assert {name: found[name] for name in NO_CAPABILITY} == NO_CAPABILITY
            assert not as_stranger(NOBODY, lambda: psycopg.connect(url))
            assert not as_stranger(NOBODY, (home / "access" / "pg_hba.conf").read_bytes)
        PrivateServer(home=home).stop()
        wait_for(lambda: not programs_of(home))


def test_an_account_without_a_way_to_the_home_is_told_which_folder_is_closed(
    new_home: Path, users: Path
) -> None:
    """The folders of tests are closed to others."""
    said = first_use(new_home, *WITH_ACCOUNT, MOUNTED, "sh", str(users)).stderr
    assert "PostgreSQL runs as user 4712, who cannot enter /" in said, said


@pytest.mark.parametrize("uid", STRANGERS)
def test_a_home_is_made_in_a_folder_that_may_be_written_to_and_not_read(uid: int) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        os.chown(folder, uid, uid)
        folder.chmod(0o300)
        assert as_stranger(uid, lambda: make_lasting(folder / "a" / "home"))
        blobs = DirectoryBlobs(root=folder / "b" / "home" / "blobs")
        assert as_stranger(uid, lambda: blobs.put(b"kept", key="objects/a"))
        assert (folder / "a" / "home").is_dir()
