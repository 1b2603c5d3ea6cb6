"""How what ended is pinned: a decision with all its rows, an execution with all its decisions.

Both are written by whoever ends it, in that transaction.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from tapetrail.core.records.base import Stored, digest_of
from tapetrail.core.records.seals import (
    EndState,
    ExecutionSealRecord,
    SealRecord,
    execution_seal_document,
    seal_digest,
    seal_document,
)
from tapetrail.store import appends, reads
from tapetrail.workflows.runtime import runtime_record


def seal_decision(session: Session, decision: Stored, end: EndState, *, at: datetime) -> None:
    """Pin a decision whose every row is there."""
    document = seal_document(reads.seal_members(session, decision.id), end)
    appends.append(
        session,
        SealRecord(
            decision=decision,
            runtime=_runtime(session),
            seal_digest=seal_digest(document),
            seal_document=document,
            sealed_at=at,
        ),
    )


def seal_execution(session: Session, execution: Stored, *, at: datetime) -> None:
    """Pin an execution whose every decision has ended, and which has its last event."""
    document = execution_seal_document(
        execution.digest,
        events=reads.execution_events(session, execution.id),
        decisions=reads.sealed_decisions(session, execution.id),
    )
    appends.append(
        session,
        ExecutionSealRecord(
            execution=execution,
            runtime=_runtime(session),
            seal_digest=seal_digest(document),
            seal_document=document,
            sealed_at=at,
        ),
    )


def _runtime(session: Session) -> Stored:
    """Return the row of what runs here. It is looked for first: to append, writers take turns."""
    record = runtime_record()
    found = reads.row_with_digest(session, record.TABLE, digest_of(record))
    return found or appends.append_or_same(session, record, unique=("record_digest",))
