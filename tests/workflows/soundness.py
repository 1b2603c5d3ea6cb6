"""What must hold of a home after any history of kills, once its work is done."""

from collections.abc import Sequence
from typing import Final

from tests.edges.waiting import wait_for
from tests.homes import server_of
from tests.workflows import stranger
from tests.workflows.conftest import Home, Row

import tapetrail

OPEN_DECISIONS: Final = """
SELECT id FROM tapetrail.decisions WHERE status IN ('pending', 'running')
"""
UNFINISHED_WORK: Final = """
SELECT workflow_uuid, name, status FROM dbos.workflow_status
WHERE status NOT IN ('SUCCESS', 'ERROR')
"""
# A completed decision has 2 snapshots, 2 charts, 3 analyses, 1 signal, 2 events and 1 seal.
COUNTS: Final = """
SELECT d.id, d.status, e.status AS execution,
    (SELECT count(*) FROM tapetrail.decision_seals WHERE decision_id = d.id) AS seals,
    (SELECT count(*) FROM tapetrail.decision_events WHERE decision_id = d.id) AS events,
    (SELECT count(*) FROM tapetrail.market_snapshots WHERE decision_id = d.id) AS snapshots,
    (SELECT count(*) FROM tapetrail.charts WHERE decision_id = d.id) AS charts,
    (SELECT count(*) FROM tapetrail.llm_analyses WHERE decision_id = d.id) AS analyses,
    (SELECT count(*) FROM tapetrail.analysis_charts WHERE decision_id = d.id) AS reads,
    (SELECT count(*) FROM tapetrail.trading_signals
     WHERE decision_id = d.id AND role = 'deciding') AS signals,
    (SELECT count(*) FROM tapetrail.execution_events WHERE execution_id = e.id) AS turns
FROM tapetrail.decisions AS d JOIN tapetrail.workflow_executions AS e ON e.id = d.execution_id
ORDER BY d.id
"""
WHOLE: Final = {
    "status": "completed", "execution": "completed", "seals": 1, "events": 2, "snapshots": 2,
    "charts": 2, "analyses": 3, "reads": 4, "signals": 1, "turns": 2,
}  # fmt: skip
PASSES: Final = """
SELECT s.name, d.symbol, d.as_of, array_agg(d.run_no ORDER BY d.run_no) AS passes
FROM tapetrail.decisions AS d
JOIN tapetrail.workflow_executions AS e ON e.id = d.execution_id
JOIN tapetrail.strategies AS s ON s.id = e.strategy_id
GROUP BY s.name, d.symbol, d.as_of
"""
EMPTY: Final = """
SELECT e.id FROM tapetrail.workflow_executions AS e
WHERE NOT EXISTS (SELECT FROM tapetrail.decisions WHERE execution_id = e.id)
"""


def is_done(home: Home) -> bool:
    """Return whether nothing is left to do."""
    return not home.rows(OPEN_DECISIONS) and not home.rows(UNFINISHED_WORK)


def work_off(home: Home) -> None:
    """Let a worker do what is left."""
    with home.started("worker"):
        wait_for(lambda: is_done(home), timeout_s=90)


def assert_sound(home: Home, *, analysts: int = 1) -> Sequence[Row]:
    """Every decision ended once and whole, nothing is there twice, and every digest holds."""
    rows = home.rows(COUNTS)
    whole = {**WHOLE, "analyses": 3 * analysts, "reads": 4 * analysts}
    for row in rows:
        assert {name: row[name] for name in whole} == whole, row
    assert home.rows(UNFINISHED_WORK) == []
    assert home.rows(EMPTY) == []
    for row in home.rows(PASSES):
        assert row["passes"] == list(range(1, len(row["passes"]) + 1)), row
    _assert_blobs_sound(home)
    with server_of(home.path).hold() as address:
        found = stranger.differences(address.libpq_url("postgres"), home.path / "blobs")
    assert found == []
    with tapetrail.open_record(home.path) as record:
        verified = record.verify()
    assert verified.is_sound, "\n".join(map(str, verified.faults))
    return rows


def _assert_blobs_sound(home: Home) -> None:
    """The folder holds what the rows name: equal decisions share their blobs, killed or not."""
    folder = home.path / "blobs"
    files = {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] != "tmp"
    }
    assert files == {row["key"] for row in home.rows("SELECT key FROM tapetrail.blobs")}
