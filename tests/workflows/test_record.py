"""What one run leaves behind, and that a stranger finds every change to it."""
# ruff: noqa: S608 # the numbers in these statements come from the record itself

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest
from tests.homes import server_of
from tests.workflows import stranger
from tests.workflows.conftest import Home, Row

pytestmark = pytest.mark.service

LINKS: Final = """
SELECT s.id, e.id AS execution, s.symbol, c.chart_type, c.symbol AS chart_symbol,
       deciding.question, deciding.chart_id,
       (SELECT array_agg(chart_type ORDER BY id) FROM tapetrail.charts
        WHERE decision_id = s.decision_id) AS charts,
       (SELECT array_agg(question ORDER BY id) FROM tapetrail.llm_analyses
        WHERE decision_id = s.decision_id) AS questions,
       (SELECT array_agg(r.timeframe ORDER BY x.id)
        FROM tapetrail.analysis_charts AS x JOIN tapetrail.charts AS r ON r.id = x.chart_id
        WHERE x.analysis_id = deciding.id) AS read,
       (SELECT bool_and(x.image_digest = r.jpeg_digest)
        FROM tapetrail.analysis_charts AS x JOIN tapetrail.charts AS r ON r.id = x.chart_id
        WHERE x.decision_id = s.decision_id) AS saw_what_was_drawn
FROM tapetrail.trading_signals AS s
JOIN tapetrail.workflow_executions AS e ON e.id = s.execution_id
JOIN tapetrail.charts AS c ON c.id = s.chart_id
JOIN tapetrail.llm_analyses AS deciding ON deciding.id = s.llm_analysis_id
ORDER BY s.id
"""


def found_by_a_stranger(home: Home) -> list[str]:
    with server_of(home.path).hold() as address:
        return stranger.differences(address.libpq_url("postgres"), home.path / "blobs")


def test_every_signal_links_to_its_run_both_charts_and_three_analyses(recorded: Home) -> None:
    rows = recorded.rows(LINKS)
    assert [row["symbol"] for row in rows] == ["AAPL", "IBM"]
    for row in rows:
        assert row["chart_type"] == "daily"
        assert row["chart_symbol"] == row["symbol"]
        assert row["charts"] == ["daily", "weekly"]
        assert row["questions"] == ["chart:1d", "chart:1w", "consolidated"]
        assert (row["question"], row["chart_id"]) == ("consolidated", None)
        assert row["read"] == ["1d", "1w"]
        assert row["saw_what_was_drawn"] is True


def test_a_failed_decision_keeps_its_evidence_and_claims_no_signal(recorded: Home) -> None:
    (decision,) = recorded.rows("SELECT * FROM tapetrail.decisions WHERE symbol = 'FB'")
    assert (decision["status"], decision["failed_stage"]) == ("failed", "analysis")
    assert decision["error_kind"] == "too_few_bars"
    assert decision["error_message"].startswith("chart:1w: ")
    counts = recorded.rows(f"""
        SELECT (SELECT count(*) FROM tapetrail.charts WHERE decision_id = {decision["id"]}) AS c,
               (SELECT array_agg(status ORDER BY id) FROM tapetrail.llm_analyses
                WHERE decision_id = {decision["id"]}) AS a,
               (SELECT count(*) FROM tapetrail.trading_signals
                WHERE decision_id = {decision["id"]}) AS s
    """)
    assert counts == [{"c": 2, "a": ["completed", "failed"], "s": 0}]


def test_the_execution_says_how_many_failed(recorded: Home) -> None:
    (execution,) = recorded.rows("SELECT * FROM tapetrail.workflow_executions")
    assert execution["status"] == "completed_with_errors"
    assert execution["error"] == "1 of 3 decisions failed"
    assert execution["started_at"] <= execution["completed_at"]


def test_a_stranger_recomputes_every_digest_of_the_record(recorded: Home) -> None:
    assert found_by_a_stranger(recorded) == []


def test_a_stranger_imports_nothing_of_ours() -> None:
    text = Path(stranger.__file__).read_text(encoding="utf-8")
    imported = [line for line in text.splitlines() if line.startswith(("import ", "from "))]
    assert not [line for line in imported if "tapetrail" in line or "tests" in line]


@contextmanager
def tampered(home: Home) -> Generator[psycopg.Connection[Row]]:
    """Give a connection whose changes no trigger sees: what only a superuser can do."""
    with home.connected() as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


def changed(home: Home, statement: str, undo: str) -> list[str]:
    """Return what a stranger finds after a statement, which is then undone."""
    with tampered(home) as connection:
        connection.execute(statement.encode())
        try:
            return found_by_a_stranger(home)
        finally:
            connection.execute(undo.encode())


def test_a_changed_price_is_found_in_its_row_alone(recorded: Home) -> None:
    (row,) = recorded.rows(
        "SELECT id, price_current FROM tapetrail.charts WHERE symbol = 'IBM' AND timeframe = '1d'"
    )
    to, number = "UPDATE tapetrail.charts SET price_current = ", row["id"]
    found = changed(
        recorded,
        f"{to} price_current + 0.01 WHERE id = {number}",
        f"{to} {row['price_current']} WHERE id = {number}",
    )
    assert found == [f"charts {number}: record_digest"]
    assert found_by_a_stranger(recorded) == []


def test_a_removed_row_is_found_in_its_decision(recorded: Home) -> None:
    (row,) = recorded.rows(
        "SELECT id, decision_id FROM tapetrail.analysis_charts ORDER BY id DESC LIMIT 1"
    )
    found = changed(
        recorded,
        f"CREATE TABLE public.kept AS TABLE tapetrail.analysis_charts;"
        f" DELETE FROM tapetrail.analysis_charts WHERE id = {row['id']}",
        "INSERT INTO tapetrail.analysis_charts OVERRIDING SYSTEM VALUE"
        " SELECT * FROM public.kept ON CONFLICT DO NOTHING; DROP TABLE public.kept",
    )
    assert found == [f"decisions {row['decision_id']}: seal_digest"]
    assert found_by_a_stranger(recorded) == []


def test_a_failure_made_into_a_success_is_found(recorded: Home) -> None:
    (row,) = recorded.rows("SELECT * FROM tapetrail.decisions WHERE symbol = 'FB'")
    columns = ("status", "failed_stage", "error_kind", "error_message")
    undo = ", ".join(f"{name} = $${row[name]}$$" for name in columns)
    found = changed(
        recorded,
        "UPDATE tapetrail.decisions SET status = 'completed', failed_stage = NULL,"
        f" error_kind = NULL, error_message = NULL WHERE id = {row['id']}",
        f"UPDATE tapetrail.decisions SET {undo} WHERE id = {row['id']}",
    )
    assert found == [f"decisions {row['id']}: seal_digest"]


@pytest.mark.parametrize(
    "media_type", ["image/jpeg", "text/html%", "application/json", "text/plain%"]
)
def test_a_flipped_bit_of_a_blob_is_found(recorded: Home, media_type: str) -> None:
    (row,) = recorded.rows(
        f"SELECT key FROM tapetrail.blobs WHERE media_type LIKE '{media_type}' LIMIT 1"
    )
    path = recorded.path / "blobs" / row["key"]
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    path.write_bytes(flipped)
    try:
        assert found_by_a_stranger(recorded) == [f"blob {row['key']}: digest"]
        path.unlink()
        assert found_by_a_stranger(recorded) == [f"blob {row['key']}: missing"]
    finally:
        path.write_bytes(content)
