"""The demo, as a newcomer runs it: once, whole, and then once more."""

from typing import Final

import pytest
from tests.workflows import stranger
from tests.workflows.conftest import Home

from tapetrail.store.private.server import PrivateServer

pytestmark = pytest.mark.service

LINKS: Final = """
SELECT s.id, s.execution_id = d.execution_id AS same_run, c.timeframe AS primary_chart,
    (SELECT array_agg(timeframe ORDER BY timeframe) FROM tapetrail.charts
     WHERE decision_id = d.id) AS charts,
    (SELECT array_agg(question ORDER BY id) FROM tapetrail.llm_analyses
     WHERE decision_id = d.id AND status = 'completed') AS questions,
    (SELECT count(*) FROM tapetrail.analysis_charts WHERE analysis_id = s.llm_analysis_id) AS read
FROM tapetrail.trading_signals AS s JOIN tapetrail.decisions AS d ON d.id = s.decision_id
JOIN tapetrail.charts AS c ON c.id = s.chart_id
"""
DECISIONS: Final = """
SELECT symbol, status, error_kind, run_no, provenance FROM tapetrail.decisions ORDER BY id
"""
SHORT_HISTORIES: Final = """
SELECT DISTINCT symbol FROM tapetrail.charts WHERE missing_indicators <> '[]'
"""


def test_the_demo_records_130_linked_decisions_once(new_home: Home) -> None:
    first = new_home.run("demo", "--no-serve")
    assert first.returncode == 0, first.stderr
    assert "130 decisions in 26 executions" in first.stderr
    assert "FB: too_few_bars" in first.stderr
    again = new_home.run("demo", "--no-serve")
    assert again.returncode == 0, again.stderr

    decisions = new_home.rows(DECISIONS)
    assert len(decisions) == 130
    assert {row["run_no"] for row in decisions} == {1}
    assert {row["provenance"] for row in decisions} == {"demo"}
    failed = [row for row in decisions if row["status"] != "completed"]
    assert {(row["symbol"], row["error_kind"]) for row in failed} == {("FB", "too_few_bars")}
    # The one share with a short history says so on its charts; the others lack nothing.
    assert [row["symbol"] for row in new_home.rows(SHORT_HISTORIES)] == ["FB"]

    signals = new_home.rows(LINKS)
    assert len(signals) == 130 - len(failed)
    for row in signals:
        assert row["same_run"], row
        assert row["primary_chart"] == "1d", row
        assert row["charts"] == ["1d", "1w"], row
        assert row["questions"] == ["chart:1d", "chart:1w", "consolidated"], row
        assert row["read"] == 2, row

    with PrivateServer(home=new_home.path).hold() as address:
        found = stranger.differences(address.libpq_url("postgres"), new_home.path / "blobs")
    assert found == []
