"""Every CHECK of the schema refuses the row it is there to refuse."""

from typing import LiteralString

import pytest
from psycopg.errors import CheckViolation
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError
from tests.edges.bad_rows import BAD, GOOD, Bad
from tests.edges.conftest import Connect
from tests.edges.rows import DIGEST, WORK, Columns, insert_row

pytestmark = pytest.mark.service


def check_only(connection: Connection) -> None:
    """Leave CHECKs as the only guard: no triggers, and so no foreign keys either."""
    connection.execute(text("SET LOCAL session_replication_role = replica"))


def refused_by(connection: Connection, table: str, changes: Columns) -> str | None:
    """Return the name of the CHECK that refuses the row."""
    with pytest.raises(IntegrityError) as caught:
        insert_row(connection, table, changes)
    assert isinstance(caught.value.orig, CheckViolation)
    return caught.value.orig.diag.constraint_name


def names_of_checks(connection: Connection, pattern: LiteralString) -> set[str]:
    """Return the names of the record's CHECKs that match a pattern of LIKE."""
    found = connection.execute(
        text(
            "SELECT conname FROM pg_constraint WHERE contype = 'c'"
            " AND connamespace = 'tapetrail'::regnamespace AND conname LIKE :pattern"
            " AND (SELECT relname FROM pg_class WHERE pg_class.oid = conrelid) <> ALL (:work)"
        ),
        {"pattern": pattern, "work": [*WORK]},
    )
    return set(found.scalars())


@pytest.mark.parametrize(("table", "changes"), GOOD)
def test_a_valid_row_passes_every_check(connect: Connect, table: str, changes: Columns):
    with connect("postgres") as connection:
        check_only(connection)
        insert_row(connection, table, changes)


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_each_check_refuses_the_row_it_is_there_for(connect: Connect, bad: Bad):
    with connect("postgres") as connection:
        check_only(connection)
        assert refused_by(connection, bad.table, bad.changes) == f"ck_{bad.table}_{bad.check}"


def test_no_check_is_without_a_row_that_it_refuses(connect: Connect):
    with connect("postgres") as connection:
        there = names_of_checks(connection, "%") - names_of_checks(connection, "%digest\\_form")
    assert there == {f"ck_{bad.table}_{bad.check}" for bad in BAD}


@pytest.mark.parametrize("text_of_digest", ["", "sha256:", DIGEST.upper(), f"{DIGEST}0", "md5:00"])
def test_every_digest_column_takes_digests_only(connect: Connect, text_of_digest: str):
    with connect("postgres") as connection:
        check_only(connection)
        columns = connection.execute(
            text(
                "SELECT table_name, column_name FROM information_schema.columns"
                " WHERE table_schema = 'tapetrail'"
                " AND (column_name LIKE '%\\_digest' OR column_name = 'digest')"
            )
        ).all()
        assert len(columns) >= 35
        for table, column in columns:
            changes: Columns = {column: text_of_digest}
            if column == "benchmark_bars_digest":
                changes = {**changes, "benchmark": "SPY"}
            if column == "html_digest":
                changes = {**changes, "chart_url_html": "file:a.html"}
            with connection.begin_nested() as savepoint:
                assert refused_by(connection, table, changes) == f"ck_{table}_{column}_form"
                savepoint.rollback()
