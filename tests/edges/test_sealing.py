"""Who ends a decision seals it, with what was hashed and what ran; then the execution, too."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from tests.edges.rows import NOON, Rows

from tapetrail.core.canonical import Digest
from tapetrail.core.records.base import Stored, digest_of
from tapetrail.core.records.seals import EndState, seal_digest
from tapetrail.core.records.states import DecisionStatus
from tapetrail.workflows.runtime import runtime_record
from tapetrail.workflows.sealing import seal_decision, seal_execution

pytestmark = pytest.mark.service


def stored(session: Session, table: str, number: int) -> Stored:
    asked = text(f"SELECT record_digest FROM tapetrail.{table} WHERE id = :id")  # noqa: S608 # ours
    return Stored(number, Digest(session.execute(asked, {"id": number}).scalar_one()))


def test_a_seal_names_what_concluded_and_not_what_planned(running: Rows) -> None:
    running.add_evidence()
    running.add("decision_events", from_status="running", to_status="completed")
    at = NOON + timedelta(hours=1)
    with Session(running.connection) as session:
        decision = stored(session, "decisions", running.last["decisions"])
        seal_decision(session, decision, EndState(status=DecisionStatus.COMPLETED), at=at)
        found = session.execute(
            text(
                "SELECT s.seal_digest, s.seal_document, s.runtime_id, r.record_digest"
                " FROM tapetrail.decision_seals s JOIN tapetrail.runtimes r ON r.id = s.runtime_id"
            )
        ).one()
    assert found.record_digest == digest_of(runtime_record())
    assert found.runtime_id != running.last["runtimes"]
    assert found.seal_digest == seal_digest(found.seal_document)
    assert found.seal_document[0] == decision.digest
    assert found.seal_document[-1] == {"format": 1, "table": "decisions", "status": "completed"}


def test_the_seal_of_an_execution_covers_its_events_and_its_decisions(running: Rows) -> None:
    running.add_evidence()
    running.end_decision()
    running.add("execution_events", from_status="pending", to_status="completed")
    with Session(running.connection) as session:
        rows = {
            table: stored(session, table, running.last[table]).digest
            for table in ("execution_events", "decisions", "decision_seals")
        }
        execution = stored(session, "workflow_executions", running.last["workflow_executions"])
        seal_execution(session, execution, at=NOON)
        document = session.execute(
            text("SELECT seal_document FROM tapetrail.execution_seals")
        ).scalar_one()
        events = session.execute(
            text("SELECT record_digest FROM tapetrail.decision_events ORDER BY id")
        ).scalars()
        assert document == {
            "format": 1,
            "table": "execution_seals",
            "execution": execution.digest,
            "events": [rows["execution_events"]],
            "decisions": [
                {"decision": rows["decisions"], "events": [*events], "seal": rows["decision_seals"]}
            ],
        }
