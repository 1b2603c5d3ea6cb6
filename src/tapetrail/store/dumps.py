"""The database as one dump, and back: PostgreSQL's own programs, at one instant of the record.

A dump is restored as the owner of our tables, who is no superuser. It can hold code all the same,
which may come to run as whoever restores it: restore only what you trust.
Until a restore is done a comment on the schema says so.
"""

import os
import re
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from psycopg.sql import Identifier
from sqlalchemy import Connection, Engine, func, inspect, make_url, select, text

from tapetrail.core.canonical import Digest, parse_digest
from tapetrail.core.errors import EdgeFailure, InvalidInput
from tapetrail.store.connections import connect
from tapetrail.store.private.binaries import find_program
from tapetrail.store.reads import table
from tapetrail.store.roles import Roles
from tapetrail.store.session import SCHEMA
from tapetrail.store.tables.schema import metadata

ENGINE_SCHEMA: Final = "dbos"
NEWER: Final = (
    "; what a newer PostgreSQL dumped does not go into an older one: restore it into a home, and"
    " move that there: tapetrail db move"
)
NOT_ALL: Final = "; a backup reads all there is: connect as the user who upgrades the database"
_OF_A_NEWER: Final = ("unsupported version", "transaction_timeout")
_BATCH: Final = 1000
# Schemas are made before, by whoever may; what a role gets by default is the upgrade's to say.
_LEFT_OUT: Final = re.compile(r"\d+; \d+ \d+ (SCHEMA|ACL - SCHEMA|DEFAULT ACL) ", re.ASCII)
_TOKEN: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_COMMENT: Final = re.compile(r"unfinished restore ([0-9a-f]{32})", re.ASCII)


class Snapshot:
    """The record at one instant, whatever is added meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def schema_version(self) -> str:
        """Return the version of the schema."""
        statement = text("SELECT version_num FROM tapetrail.alembic_version")
        return str(self._connection.scalar(statement))

    def rows(self) -> Mapping[str, int]:
        """Return how many rows each table of the record has, by its name."""
        return row_counts(self._connection)

    def blobs(self) -> Generator[tuple[str, Digest, int]]:
        """Yield key, digest and size of every blob, by key. Who stops early closes it."""
        blobs = table("blobs").c
        statement = select(blobs.key, blobs.digest, blobs.size).order_by(blobs.key.collate("C"))
        options = self._connection.execution_options(yield_per=_BATCH)
        with options.execute(statement) as streamed:
            for row in streamed:
                yield row.key, parse_digest(row.digest), row.size

    def dump(self, url: str, into: IO[bytes], *, bin_dir: Path | None) -> None:
        """Write both schemas into a file, in PostgreSQL's custom format.

        Raises `EdgeFailure` if there is no `pg_dump` or it fails.
        """
        name = self._connection.scalar(text("SELECT pg_export_snapshot()"))
        options = ["--format=custom", f"--snapshot={name}", *_schemas()]
        _run("pg_dump", options, url=url, bin_dir=bin_dir, into=into)


@contextmanager
def snapshot(engine: Engine) -> Generator[Snapshot]:
    """Give the record as it is now, for as long as open; it may take its time."""
    with engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        yield Snapshot(connection)


def row_counts(connection: Connection) -> Mapping[str, int]:
    """Return how many rows each table of the record has, by its name."""
    return {
        rows.name: connection.scalar(select(func.count()).select_from(rows)) or 0
        for rows in metadata.sorted_tables
    }


def restore_dump(url: str, dump: Path, *, role: str | None, bin_dir: Path | None) -> None:
    """Restore a dump into the schemas that `claim` made: all of it or nothing.

    `url` connects as the owner, or as somebody who may be that `role`. Raises `EdgeFailure` if
    there is no `pg_restore` or it fails.
    """
    chosen = dump.with_name(f"{dump.name}.list")
    listed = _run("pg_restore", ["--list", str(dump)], bin_dir=bin_dir, major=_major(url))
    kept = [line for line in listed.splitlines() if not _LEFT_OUT.match(line)]
    chosen.write_text("\n".join(kept) + "\n", encoding="utf-8")
    # Who may do what is the upgrade's to say, for the roles of this database.
    options = [
        "--single-transaction",
        "--no-owner",
        "--no-acl",
        f"--use-list={chosen}",
        *_schemas(),
        str(dump),
    ]
    if role is not None:
        options.insert(0, f"--role={role}")
    _run("pg_restore", options, url=url, bin_dir=bin_dir)
    chosen.unlink()


def check_foreign(dump: Path, *, bin_dir: Path | None) -> None:
    """Raise `EdgeFailure` for a file that is no dump, before anything is made for it."""
    _run("pg_restore", ["--list", str(dump)], bin_dir=bin_dir)


def restore_foreign(url: str, dump: Path, *, bin_dir: Path | None) -> None:
    """Restore a dump of another system into an empty database, owners and rights left out.

    Raises `EdgeFailure` if there is no `pg_restore`, or if anything of the dump cannot be restored.
    """
    options = ["--no-owner", "--no-acl", "--exit-on-error", str(dump)]
    _run("pg_restore", options, url=url, bin_dir=bin_dir)


def claimed_by(engine: Engine) -> str | None:
    """Return the token of the restore that is not done in this database, None without one."""
    with engine.connect() as connection:
        said = connection.scalar(
            text("SELECT obj_description(to_regnamespace(:name), 'pg_namespace')"), {"name": SCHEMA}
        )
    found = _COMMENT.fullmatch(said or "")
    return found[1] if found else None


def has_schema(engine: Engine) -> bool:
    """Return whether the database has one of the schemas that a restore creates."""
    with engine.connect() as connection:
        return bool({SCHEMA, ENGINE_SCHEMA} & {*inspect(connection).get_schema_names()})


def claim(token: str, roles: Roles) -> Sequence[str]:
    """Return what says on our schema that the restore `token` is not done, and makes the engine's.

    `token` is 32 hex digits.
    """
    if not _TOKEN.fullmatch(token):
        raise InvalidInput(f"token {token!r}: expected 32 hex digits")
    return (
        f"COMMENT ON SCHEMA {SCHEMA} IS 'unfinished restore {token}'",
        f"CREATE SCHEMA {ENGINE_SCHEMA}",
        f"GRANT USAGE, CREATE ON SCHEMA {ENGINE_SCHEMA} TO {Identifier(roles.owner).as_string()}",
        f"GRANT USAGE ON SCHEMA {ENGINE_SCHEMA} TO {Identifier(roles.app).as_string()}",
    )


def finish(engine: Engine) -> None:
    """Say that the restore is done."""
    with engine.begin() as connection:
        connection.execute(text(f"COMMENT ON SCHEMA {SCHEMA} IS NULL"))


def drop(engine: Engine) -> None:
    """Remove both schemas, of a restore that was not done."""
    with engine.begin() as connection:
        for name in (SCHEMA, ENGINE_SCHEMA):
            connection.execute(text(f"DROP SCHEMA IF EXISTS {name} CASCADE"))


def _schemas() -> tuple[str, ...]:
    return (f"--schema={SCHEMA}", f"--schema={ENGINE_SCHEMA}")


def _run(
    name: str,
    options: Sequence[str],
    *,
    bin_dir: Path | None,
    url: str | None = None,
    major: int | None = None,
    into: IO[bytes] | None = None,
) -> str:
    """Return what a program of PostgreSQL printed, unless that goes `into` a file."""
    program = find_program(name, bin_dir, major=_major(url) if url is not None else major)
    address, password = _address(url) if url is not None else (None, None)
    words = [str(program), "--no-password", *options] if url else [str(program), *options]
    ended = subprocess.run(  # noqa: S603 # PostgreSQL's own program, and words of ours
        [*words, f"--dbname={address}"] if address else words,
        stdin=subprocess.DEVNULL,
        stdout=into or subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Other users can read a command line, but not an environment.
        env={**os.environ, "PGPASSWORD": password} if password else None,
        check=False,
    )
    if ended.returncode != 0:
        said = ended.stderr.decode(errors="replace").strip().partition("\n")[0]
        newer = NEWER if any(sign in said for sign in _OF_A_NEWER) else ""
        newer = newer or (NOT_ALL if "permission denied" in said else "")
        raise EdgeFailure(f"{name} failed; {said.removeprefix(f'{name}: error: ')}{newer}")
    return ended.stdout.decode(errors="replace") if into is None else ""


def _major(url: str) -> int:
    """Return the major version of the server at an address."""
    with connect(url) as connection:
        return connection.info.server_version // 10_000


def _address(url: str) -> tuple[str, str | None]:
    """Return `url` as PostgreSQL's programs take it, without its password, and that."""
    made = make_url(url)
    asked = made.query.get("password")
    password = made.password or (asked if isinstance(asked, str) else None)
    bare = made.set(drivername="postgresql", password="").difference_update_query(["password"])
    return bare.render_as_string(hide_password=False), password
