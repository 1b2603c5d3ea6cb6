"""A record as one file and back: whole, checked, and never half."""

import hashlib
import json
import os
import signal
import subprocess
import tarfile
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url
from tests.edges.waiting import wait_for
from tests.homes import of_any_role, server_of
from tests.surfaces.backup_members import changed, files, members, packed, restore_of
from tests.surfaces.conftest import Recorded, Run, Terminal

from tapetrail.backup_files import DUMP, MANIFEST, SUMS
from tapetrail.backups import Destination, Restorable, restore
from tapetrail.blobs.directory import DirectoryBlobs
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import InvalidInput
from tapetrail.store import dumps, migrate
from tapetrail.store.private.restore_marks import held_mark, is_unfinished
from tapetrail.store.private.server import ServerAddress
from tapetrail.store.roles import PRIVATE
from tapetrail.store.session import open_engine

pytestmark = pytest.mark.service

TOKEN: Final = "0" * 32
SCHEMAS: Final = ("tapetrail", "dbos")


@pytest.fixture(scope="module")
def restored(backup: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Terminal]:
    """Give a home into which the backup was restored, its server up for as long as the tests."""
    terminal = Terminal(home=tmp_path_factory.mktemp("restored") / "home")
    answer = terminal.run("db", "restore", str(backup))
    assert answer.code == 0, answer.err
    assert terminal.run("db", "start").code == 0
    yield terminal
    terminal.run("db", "stop")


def address(terminal: Terminal, role: str = "postgres") -> str:
    found = server_of(terminal.home).address_if_running()
    assert found is not None
    return found.libpq_url(role)


def rows(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table of both schemas."""
    with closing(psycopg.connect(url)) as connection:
        tables = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
            " WHERE table_schema = ANY(%s) ORDER BY 1, 2",
            [list(SCHEMAS)],
        ).fetchall()
        return {
            f"{schema}.{name}": connection.execute(
                sql.SQL("SELECT t::text FROM {} AS t ORDER BY 1").format(
                    sql.Identifier(schema, name)
                )
            ).fetchall()
            for schema, name in tables
        }


def catalog(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return what protects our tables: triggers, constraints, functions, owners and grants."""
    questions: dict[str, LiteralString] = {
        "triggers": "SELECT c.relname, t.tgname, t.tgenabled, pg_get_triggerdef(t.oid)"
        " FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE c.relnamespace = 'tapetrail'::regnamespace AND NOT t.tgisinternal",
        "constraints": "SELECT conrelid::regclass::text, conname, convalidated,"
        " pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'tapetrail'::regnamespace",
        "functions": "SELECT proname, prosecdef, pg_get_functiondef(oid), proowner::regrole::text,"
        " ARRAY(SELECT unnest(proacl)::text ORDER BY 1) FROM pg_proc"
        " WHERE pronamespace = 'tapetrail'::regnamespace",
        "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'tapetrail'",
        "tables": "SELECT relname, relkind, relowner::regrole::text,"
        " ARRAY(SELECT unnest(relacl)::text ORDER BY 1) FROM pg_class"
        " WHERE relnamespace = 'tapetrail'::regnamespace",
        "sequences": "SELECT sequencename, last_value FROM pg_sequences"
        " WHERE schemaname = 'tapetrail'",
        "schemas": "SELECT nspname, nspowner::regrole::text,"
        " ARRAY(SELECT unnest(nspacl)::text ORDER BY 1), obj_description(oid, 'pg_namespace')"
        " FROM pg_namespace WHERE nspname = 'tapetrail'",
        "engine": "SELECT relname, has_table_privilege('tapetrail_app', oid, 'INSERT'),"
        " has_table_privilege('tapetrail_reader', oid, 'SELECT')"
        " FROM pg_class WHERE relnamespace = 'dbos'::regnamespace AND relkind = 'r'",
    }
    with closing(psycopg.connect(url)) as connection:
        return {
            name: sorted(connection.execute(question).fetchall(), key=repr)
            for name, question in questions.items()
        }


def test_a_restored_record_is_the_same_row_by_row_and_blob_by_blob(
    recorded: Recorded, restored: Terminal
) -> None:
    was, found = rows(address(recorded.terminal)), rows(address(restored))
    assert len(was["tapetrail.decisions"]) == 2
    for name, content in was.items():
        # The engine keeps a list of its own versions and workers.
        assert found[name] == content, name
    assert found.keys() == was.keys()
    assert files(restored.home / "blobs") == files(recorded.terminal.home / "blobs")
    shown = [t.run("decisions", "show", "1", "--json").out for t in (recorded.terminal, restored)]
    assert shown[0] == shown[1] != ""


def test_a_restored_record_is_protected_as_before(recorded: Recorded, restored: Terminal) -> None:
    was, found = catalog(address(recorded.terminal)), catalog(address(restored))
    for name, content in was.items():
        assert content
        assert found[name] == content, name
    for role in ("tapetrail_owner", "tapetrail_app", "postgres"):
        with closing(psycopg.connect(address(restored, role))) as connection:
            refused = (
                psycopg.errors.InsufficientPrivilege
                if role == "tapetrail_app"
                else psycopg.errors.RestrictViolation
            )
            with pytest.raises(refused):
                connection.execute("UPDATE tapetrail.charts SET symbol = 'X'")


def test_a_restored_record_goes_on_with_the_next_numbers(
    restored: Terminal, tmp_path: Path
) -> None:
    strategy = tmp_path / "one.yaml"
    strategy.write_text("name: one\ninstruments: [AAPL]\n", encoding="utf-8")
    before = json.loads(restored.run("decisions", "list", "--json").out)["data"]
    ran = restored.run("run", str(strategy), "--as-of", "2012-08-10", "--json")
    assert ran.code == 0, ran.err
    after = json.loads(restored.run("decisions", "list", "--json").out)["data"]
    assert after[0]["id"] == before[0]["id"] + 1
    assert after[1:] == before


def test_a_backup_is_read_with_the_tools_that_everybody_has(backup: Path, tmp_path: Path) -> None:
    subprocess.run(["tar", "xf", str(backup)], cwd=tmp_path, check=True)  # noqa: S607 # from PATH, as people do
    subprocess.run(["sha256sum", "--quiet", "-c", SUMS], cwd=tmp_path, check=True)  # noqa: S607 # from PATH, as people do
    manifest = json.loads((tmp_path / MANIFEST).read_bytes())
    sums = (tmp_path / SUMS).read_bytes()
    assert manifest["sums_digest"] == f"sha256:{hashlib.sha256(sums).hexdigest()}"
    assert manifest["rows"]["decisions"] == 2
    assert manifest["blobs"] == len(sums.splitlines()) - 1
    assert backup.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_is_replaced_only_by_force(recorded: Recorded, tmp_path: Path) -> None:
    file = tmp_path / "there.tar"
    file.write_bytes(b"mine")
    refused = recorded.terminal.run("db", "backup", str(file))
    assert refused.code == 2
    assert refused.err.splitlines()[1] == "  --force replaces it"
    assert file.read_bytes() == b"mine"
    assert recorded.terminal.run("db", "backup", str(file), "--force", "--json").code == 0
    assert tarfile.is_tarfile(file)
    assert [path.name for path in tmp_path.iterdir()] == ["there.tar"]


def test_nothing_is_backed_up_where_nothing_is(call: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    file = str(tmp_path / "x.tar")
    assert call("db", "backup", file, TAPETRAIL_HOME=str(home)).code == 3
    assert not home.exists()


@pytest.mark.parametrize("position", [1, 2, 3, -1])
def test_one_changed_byte_of_any_member_is_found_and_nothing_is_left(
    *, position: int, backup: Path, call: Run, tmp_path: Path
) -> None:
    content = [(member.name, data) for member, data in members(backup)]
    name, data = content[position]
    content[position] = (name, changed(name, data))
    refused = restore_of(packed(tmp_path / "damaged.tar", content), call, tmp_path)
    assert refused.startswith("1 Error: backup ")
    assert "is damaged" in refused
    assert name in refused


@pytest.mark.parametrize(
    "change", ["a member is missing", "a member is added", "two are swapped", "the end is missing"]
)
def test_a_backup_with_other_members_is_damaged(
    *, change: str, backup: Path, call: Run, tmp_path: Path
) -> None:
    content = [(member.name, data) for member, data in members(backup)]
    match change:
        case "a member is missing":
            del content[-1]
        case "a member is added":
            content.append(("blobs/objects/00/00", b"more"))
        case "two are swapped":
            content[-2:] = reversed(content[-2:])
        case _:
            pass
    file = packed(tmp_path / "damaged.tar", content)
    if change == "the end is missing":
        os.truncate(file, file.stat().st_size // 2)
    assert "is damaged" in restore_of(file, call, tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a tar archive at all",
        [("other.txt", b"x")],
        [(MANIFEST, b"[]")],
        [(MANIFEST, b'{"format": "another/1"}')],
        [(MANIFEST, b'{"format": "tapetrail-backup/1"}')],
        [(MANIFEST, b"\xff")],
    ],
)
def test_a_foreign_file_is_refused_and_nothing_is_left(
    *, content: bytes | list[tuple[str, bytes]], call: Run, tmp_path: Path
) -> None:
    file = tmp_path / "foreign.tar"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        packed(file, content)
    assert restore_of(file, call, tmp_path).startswith(f"2 Error: {str(file)!r} is not a backup")


def test_a_backup_of_a_newer_release_is_refused(backup: Path, call: Run, tmp_path: Path) -> None:
    content = [(member.name, data) for member, data in members(backup)]
    document = {**json.loads(content[0][1]), "schema_version": "9999"}
    content[0] = (MANIFEST, json.dumps(document).encode())
    refused = restore_of(packed(tmp_path / "newer.tar", content), call, tmp_path)
    assert refused.startswith("2 Error: the backup holds schema 9999")


@pytest.mark.parametrize("key", ["../outside", "/outside", "tmp/../../outside", "a//b", "a/./b"])
def test_a_member_that_would_leave_the_home_is_refused(
    *, key: str, backup: Path, call: Run, tmp_path: Path
) -> None:
    content = [(member.name, data) for member, data in members(backup)]
    name, data = f"blobs/{key}", b"bytes from outside"
    sums = content[1][1] + f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode()
    document = json.loads(content[0][1])
    document["sums_digest"] = f"sha256:{hashlib.sha256(sums).hexdigest()}"
    document["blobs"] += 1
    forged = [(MANIFEST, json.dumps(document).encode()), (SUMS, sums), *content[2:], (name, data)]
    refused = restore_of(packed(tmp_path / "forged.tar", forged), call, tmp_path)
    assert refused.startswith("2 Error: blob key")
    assert [*tmp_path.rglob("*outside*")] == []


def test_a_home_with_a_record_is_left_alone(recorded: Recorded, backup: Path, ask: Run) -> None:
    before = ask("decisions", "--json").out
    refused = ask("db", "restore", str(backup))
    assert refused.code == 2
    assert refused.err.startswith("Error: there is a record already\n")
    assert ask("decisions", "--json").out == before
    assert not (recorded.terminal.home / "restore.unfinished").exists()


def test_a_restore_killed_on_the_way_leaves_a_home_that_says_so_and_is_begun_anew(
    backup: Path, call: Run, tmp_path: Path
) -> None:
    terminal = Terminal(home=tmp_path / "home")
    words = terminal.command("db", "restore", str(backup))
    with subprocess.Popen(words, env=terminal.environment(), stderr=subprocess.PIPE) as started:
        wait_for(lambda: is_unfinished(terminal.home) and (terminal.home / DUMP).exists())
        started.send_signal(signal.SIGKILL)
    home = str(terminal.home)
    refused = call("status", TAPETRAIL_HOME=home)
    assert refused.code == 5
    assert "incomplete" in refused.err
    assert "Try: tapetrail db restore" in refused.err
    assert call("db", "restore", str(backup), TAPETRAIL_HOME=home).code == 0
    assert json.loads(call("status", "--json", TAPETRAIL_HOME=home).out)["decisions"] == 2
    assert sorted(path.name for path in terminal.home.glob("*restore*")) == []
    assert [*terminal.home.glob("database.dump*")] == []


@pytest.mark.parametrize("has_rows", [False, True])
def test_a_restore_killed_in_its_database_is_begun_anew(
    *,
    has_rows: bool,
    backup: Path,
    call: Run,
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    with server_of(home).hold() as server, held_mark(home) as mark:
        # Exactly what it leaves: the mark, and the schemas that carry its token.
        mark.begin(TOKEN)
        migrate.prepare(
            server.url("postgres"), roles=PRIVATE, statements=dumps.claim(TOKEN, PRIVATE)
        )
        if has_rows:
            (home / DUMP).write_bytes({m.name: d for m, d in members(backup)}[DUMP])
            dumps.restore_dump(server.url("tapetrail_owner"), home / DUMP, role=None, bin_dir=None)
    assert call("status", TAPETRAIL_HOME=str(home)).code == 5
    assert call("db", "restore", str(backup), TAPETRAIL_HOME=str(home)).code == 0
    status = json.loads(call("status", "--json", TAPETRAIL_HOME=str(home)).out)
    assert status["decisions"] == 2


def test_two_restores_into_one_home_do_not_meet(backup: Path, call: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with held_mark(home):
        refused = call("db", "restore", str(backup), TAPETRAIL_HOME=str(home))
    assert refused.code == 5
    assert "another restore is at work" in refused.err
    assert not home.exists()


def server_url(server: ServerAddress, name: str, role: str = "postgres") -> str:
    return replace(server, database=name).libpq_url(role)


@pytest.fixture
def other_database(server: ServerAddress) -> Generator[str]:
    """Give the name of an empty database on another server."""
    with closing(psycopg.connect(server.libpq_url("postgres"), autocommit=True)) as admin:
        admin.execute("CREATE DATABASE restored_here")
        yield "restored_here"
        admin.execute("DROP DATABASE restored_here WITH (FORCE)")


def test_a_record_moves_to_another_server(
    *,
    server: ServerAddress,
    other_database: str,
    recorded: Recorded,
    backup: Path,
    call: Run,
    tmp_path: Path,
) -> None:
    url = server_url(server, other_database)
    place = {"TAPETRAIL_HOME": str(tmp_path / "home"), "TAPETRAIL_DATABASE_URL": url}
    assert call("db", "restore", str(backup), **place).code == 0
    assert (
        rows(url)["tapetrail.decisions"] == rows(address(recorded.terminal))["tapetrail.decisions"]
    )
    again = call("db", "restore", str(backup), **{**place, "TAPETRAIL_HOME": str(tmp_path / "b")})
    assert again.code == 2
    assert "its database has the schemas of a record" in again.err
    file = tmp_path / "again.tar"
    assert call("db", "backup", str(file), **place).code == 0
    assert [m.name for m, _ in members(file)] == [m.name for m, _ in members(backup)]


def test_a_restore_by_somebody_else_in_the_same_database_is_not_taken_over(
    *, server: ServerAddress, other_database: str, backup: Path, call: Run, tmp_path: Path
) -> None:
    url = server_url(server, other_database)
    sqlalchemy_url = make_url(url).set(drivername="postgresql+psycopg")
    plain = sqlalchemy_url.render_as_string(hide_password=False)
    migrate.prepare(plain, roles=PRIVATE, statements=dumps.claim(TOKEN, PRIVATE))
    place = {"TAPETRAIL_HOME": str(tmp_path / "home"), "TAPETRAIL_DATABASE_URL": url}
    assert call("db", "restore", str(backup), **place).code == 2
    engine = open_engine(plain)
    assert dumps.claimed_by(engine) == TOKEN
    engine.dispose()


def test_a_record_that_is_begun_during_a_restore_keeps_its_blobs(
    *, server: ServerAddress, other_database: str, backup: Path, tmp_path: Path
) -> None:
    """A process that looked before the mark stood goes on, and commits rows that name its blobs."""
    url = make_url(server_url(server, other_database)).set(drivername="postgresql+psycopg")
    plain = url.render_as_string(hide_password=False)
    engine, blobs = open_engine(plain), DirectoryBlobs(root=tmp_path / "home" / "blobs")

    @contextmanager
    def opened() -> Generator[Restorable]:
        yield Restorable(
            engine=engine,
            admin_url=plain,
            owner_url=plain,
            owner_role=PRIVATE.owner,
            roles=PRIVATE,
        )

    def meanwhile() -> str:
        migrate.upgrade(plain)
        blobs.put(b"evidence", key="objects/aa/evidence")
        return TOKEN

    destination = Destination(
        home=tmp_path / "home",
        blob_folder=tmp_path / "home" / "blobs",
        bin_dir=None,
        schema_version=migrate.head(),
        has_database=lambda: True,
        open_blobs=lambda: blobs,
        open_database=opened,
        upgrade=migrate.upgrade,
        new_token=meanwhile,
    )
    with pytest.raises(InvalidInput):
        restore(backup, destination)
    assert blobs.read("objects/aa/evidence", digest=digest_bytes(b"evidence")) == b"evidence"
    assert migrate.current(plain) == migrate.head()
    assert not is_unfinished(tmp_path / "home")
    engine.dispose()


@of_any_role()
def test_a_role_that_may_not_create_schemas_is_told_so(
    *, server: ServerAddress, other_database: str, backup: Path, call: Run, tmp_path: Path
) -> None:
    url = server_url(server, other_database, "nobody_special")
    home = tmp_path / "home"
    place = {"TAPETRAIL_HOME": str(home), "TAPETRAIL_DATABASE_URL": url}
    with closing(psycopg.connect(server.libpq_url("postgres"), autocommit=True)) as admin:
        admin.execute("CREATE ROLE nobody_special LOGIN")
        refused = call("db", "restore", str(backup), **place)
        admin.execute("DROP ROLE nobody_special")
    assert refused.code == 2
    assert f'GRANT CREATE ON DATABASE "{other_database}" TO "nobody_special"' in refused.err
    assert not home.exists()
