"""The record grows at its end only: what triggers and privileges refuse, and to whom."""

from datetime import timedelta
from typing import Final

import pytest
from psycopg import errors
from sqlalchemy import Connection, text
from tests.edges.conftest import Connect
from tests.edges.rows import NOON, VALID, Columns, Rows, row_refused, statement_refused, values_of

from tapetrail.store.tables.schema import metadata

pytestmark = pytest.mark.service

TABLES: Final = sorted(table.name for table in metadata.tables.values())
CHANGES: Final = (
    "UPDATE tapetrail.{table} SET id = DEFAULT",
    "UPDATE tapetrail.{table} SET {column} = {column}",
    "DELETE FROM tapetrail.{table}",
    "TRUNCATE tapetrail.{table} CASCADE",
)
FAILED: Final[Columns] = {
    "to_status": "failed",
    "failed_stage": "bars",
    "error_kind": "no_bars",
    "error_message": "none",
}


def fill_every_table(rows: Rows) -> None:
    rows.add_ground()
    rows.add_decision()
    rows.add("execution_events")
    rows.add_evidence()
    rows.end_decision()
    rows.end_execution("running")
    rows.add("instrument_facts")
    rows.add_outside()
    for name in (
        "order_events",
        "notes",
        "market_vintages",
        "chart_archivals",
        "signal_outcomes",
        "analysis_outcomes",
        "audit_events",
        "api_keys",
        "api_key_ends",
    ):
        rows.add(name)


@pytest.mark.parametrize("role", ["tapetrail_owner", "postgres"])
@pytest.mark.parametrize("table", TABLES)
def test_no_row_is_changed_or_removed_even_by_the_owner(connect: Connect, role: str, table: str):
    column = next(iter(VALID[table]))
    with connect(role) as connection:
        fill_every_table(Rows(connection))
        for change in CHANGES:
            statement = change.format(table=table, column=column)
            error = statement_refused(connection, statement)
            assert isinstance(error, errors.RestrictViolation), statement


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", ["tapetrail_app", "tapetrail_reader"])
def test_the_application_may_not_even_try(connect: Connect, role: str, table: str):
    column = next(iter(VALID[table]))
    with connect(role) as connection:
        for change in CHANGES[1:]:
            statement = change.format(table=table, column=column)
            error = statement_refused(connection, statement)
            assert isinstance(error, errors.InsufficientPrivilege), statement


@pytest.mark.parametrize("table", TABLES)
def test_the_reader_adds_nothing(connect: Connect, table: str):
    with connect("tapetrail_reader") as connection:
        error = row_refused(Rows(connection), table)
    assert isinstance(error, errors.InsufficientPrivilege)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE tapetrail.extra (id bigint)",
        "ALTER TABLE tapetrail.charts ADD COLUMN note text",
        "ALTER TABLE tapetrail.charts DISABLE TRIGGER ALL",
        "DROP TRIGGER insert_only ON tapetrail.charts",
        "DROP TABLE tapetrail.charts",
        "CREATE TABLE public.extra (id bigint)",
        "CREATE SCHEMA extra",
        "SET session_replication_role = replica",
        "SET ROLE tapetrail_owner",
        "SELECT tapetrail.running_decision(1)",
    ],
)
def test_the_application_cannot_change_the_schema_or_its_guards(app: Connection, statement: str):
    assert isinstance(statement_refused(app, statement), errors.InsufficientPrivilege)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE tapetrail.workflow_executions SET status = 'running', started_at = now()",
        "UPDATE tapetrail.decisions SET status = 'running'",
        "UPDATE tapetrail.charts SET status = 'archived'",
    ],
)
def test_no_status_changes_without_its_event(connect: Connect, change: str):
    with connect("tapetrail_owner") as connection:
        rows = Rows(connection)
        rows.add_ground()
        rows.add_decision()
        rows.add("market_snapshots")
        rows.add("charts")
        error = statement_refused(connection, change)
    assert isinstance(error, errors.RestrictViolation)


def test_an_event_from_within_a_trigger_still_cannot_change_more_than_the_status(
    connect: Connect,
):
    with connect("tapetrail_owner") as connection:
        rows = Rows(connection)
        rows.add_ground()
        rows.add_decision()
        connection.execute(
            text(
                "CREATE FUNCTION tapetrail.rewrite() RETURNS trigger LANGUAGE plpgsql AS"
                " $$BEGIN UPDATE tapetrail.decisions SET symbol = 'FB'; RETURN NULL; END$$"
            )
        )
        connection.execute(
            text(
                "CREATE TRIGGER rewrite AFTER INSERT ON tapetrail.audit_events"
                " FOR EACH ROW EXECUTE FUNCTION tapetrail.rewrite()"
            )
        )
        error = row_refused(rows, "audit_events")
    assert isinstance(error, errors.RestrictViolation)


def test_events_carry_an_execution_to_its_end_and_its_columns_follow(rows: Rows):
    rows.add("workflow_executions")
    rows.add("execution_events", from_status=None, to_status="pending")
    rows.add("execution_events")
    rows.add(
        "execution_events",
        from_status="running",
        to_status="failed",
        error="no decision completed",
        at=NOON + timedelta(hours=1),
    )
    columns = ("status", "started_at", "completed_at", "error")
    assert values_of(rows, "workflow_executions", *columns) == (
        "failed",
        NOON,
        NOON + timedelta(hours=1),
        "no decision completed",
    )


def test_a_failed_decision_says_where_and_why(running: Rows):
    running.add("decision_events", **{**FAILED, "from_status": "running"})
    columns = ("status", "failed_stage", "error_kind", "error_message")
    assert values_of(running, "decisions", *columns) == ("failed", "bars", "no_bars", "none")


def test_a_chart_is_archived_and_taken_back_by_rows(running: Rows):
    running.add("market_snapshots")
    running.add("charts")
    running.add("chart_archivals")
    assert values_of(running, "charts", "status") == ("archived",)
    running.add("chart_archivals", from_status="archived", to_status="active")
    assert values_of(running, "charts", "status") == ("active",)


@pytest.mark.parametrize("ended", ["completed", "completed_with_errors", "failed", "cancelled"])
@pytest.mark.parametrize("after", ["pending", "running", "completed", "cancelled"])
def test_an_execution_that_ended_stays_ended(rows: Rows, ended: str, after: str):
    rows.add("workflow_executions")
    rows.add("execution_events")
    rows.add("execution_events", from_status="running", to_status=ended, error=_error(ended))
    refused = row_refused(rows, "execution_events", from_status=ended, to_status=after)
    assert isinstance(refused, errors.CheckViolation)
    assert f"no way leads from {ended} to {after}" in str(refused)


def _error(status: str) -> str | None:
    return "no decision completed" if status == "failed" else None


@pytest.mark.parametrize("ended", ["failed", "cancelled"])
@pytest.mark.parametrize("after", ["pending", "running", "completed", "cancelled"])
def test_a_decision_that_ended_stays_ended(running: Rows, ended: str, after: str):
    failure = FAILED if ended == "failed" else {}
    running.add("decision_events", **{**failure, "from_status": "running", "to_status": ended})
    refused = row_refused(running, "decision_events", from_status=ended, to_status=after)
    assert isinstance(refused, errors.CheckViolation)


@pytest.mark.parametrize("status", ["running", "completed", "failed", "cancelled"])
def test_an_execution_begins_as_pending(rows: Rows, status: str):
    ended = None if status == "running" else NOON
    refused = row_refused(
        rows,
        "workflow_executions",
        status=status,
        started_at=NOON,
        completed_at=ended,
        error=_error(status),
    )
    assert isinstance(refused, errors.CheckViolation)
    assert "begins as pending" in str(refused)


@pytest.mark.parametrize("status", ["running", "completed", "cancelled"])
def test_a_decision_begins_as_pending(running: Rows, status: str):
    assert "begins as pending" in str(row_refused(running, "decisions", status=status))


def test_a_chart_begins_as_active(running: Rows):
    running.add("market_snapshots")
    assert "begins as active" in str(row_refused(running, "charts", status="archived"))


@pytest.mark.parametrize(
    ("table", "changes"),
    [
        ("execution_events", {}),
        ("decision_events", {}),
        ("decision_events", {"from_status": None, "to_status": "pending"}),
        ("chart_archivals", {"from_status": "archived", "to_status": "active"}),
    ],
)
def test_an_event_starts_from_the_status_that_is(running: Rows, table: str, changes: Columns):
    running.add("execution_events")
    running.add("market_snapshots")
    running.add("charts")
    refused = row_refused(running, table, **changes)
    assert isinstance(refused, errors.CheckViolation)
    assert "as the event says" in str(refused)


def test_an_opening_event_comes_first_and_once(rows: Rows):
    rows.add("workflow_executions")
    rows.add("execution_events", from_status=None, to_status="pending")
    again = row_refused(rows, "execution_events", from_status=None, to_status="pending")
    assert isinstance(again, errors.UniqueViolation)
    rows.add("workflow_executions", workflow_id="run-2")
    rows.add("execution_events")
    late = row_refused(rows, "execution_events", from_status=None, to_status="pending")
    assert isinstance(late, errors.CheckViolation)


def test_a_chart_is_not_archived_into_what_it_is(running: Rows):
    running.add("market_snapshots")
    running.add("charts")
    refused = row_refused(running, "chart_archivals", to_status="active")
    assert isinstance(refused, errors.CheckViolation)
