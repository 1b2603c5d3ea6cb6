"""How a decision or a run of others ends: its last event, its seal, and that nobody holds it."""

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from tapetrail.core.errors import ErrorKind, Stage
from tapetrail.core.failures import Failure
from tapetrail.core.records.base import Stored
from tapetrail.core.records.runs import DecisionEventRecord, ExecutionEventRecord
from tapetrail.core.records.seals import EndState
from tapetrail.core.records.states import DecisionStatus, ExecutionStatus
from tapetrail.store import appends, leases, reads, recordings
from tapetrail.store.recordings import KnownDecision, KnownExecution
from tapetrail.workflows.sealing import seal_decision, seal_execution

ABANDONED: Final = Failure(
    failed_stage=Stage.ENGINE,
    error_kind=ErrorKind.ABANDONED,
    error_message="its program said nothing for a minute, and has probably died",
)
REASONS: Final = {
    DecisionStatus.COMPLETED: "signal recorded",
    DecisionStatus.FAILED: "failed",
    DecisionStatus.CANCELLED: "cancelled by its program",
}


def begin_execution(
    session: Session, execution: Stored, *, actor: str, reason: str, at: datetime
) -> None:
    """Say that a run of others runs."""
    appends.append(
        session,
        ExecutionEventRecord(
            execution=execution,
            at=at,
            from_status=ExecutionStatus.PENDING,
            to_status=ExecutionStatus.RUNNING,
            actor=actor,
            reason=reason,
        ),
    )


def begin_decision(
    session: Session, decision: Stored, *, actor: str, reason: str, at: datetime
) -> None:
    """Say that a decision of others runs."""
    appends.append(
        session,
        DecisionEventRecord(
            decision=decision,
            at=at,
            from_status=DecisionStatus.PENDING,
            to_status=DecisionStatus.RUNNING,
            actor=actor,
            reason=reason,
        ),
    )


def end_decision(
    session: Session,
    decision: KnownDecision,
    end: EndState,
    *,
    actor: str,
    at: datetime,
    sealed_at: datetime | None = None,
) -> None:
    """End a decision: its last event and its seal; nobody holds it any more.

    One that ended long ago is sealed later, at `sealed_at`.
    """
    is_abandoned = end.failure is not None and end.failure.error_kind is ErrorKind.ABANDONED
    appends.append(
        session,
        DecisionEventRecord(
            decision=decision.stored,
            at=at,
            from_status=DecisionStatus.RUNNING,
            to_status=end.status,
            actor=actor,
            reason="abandoned" if is_abandoned else REASONS[end.status],
            failure=end.failure,
        ),
    )
    seal_decision(session, decision.stored, end, at=sealed_at or at)
    leases.let_go(session, execution_id=decision.execution_id, decision_id=decision.stored.id)


def end_execution(
    session: Session,
    execution: KnownExecution,
    *,
    at: datetime,
    is_cancelled: bool = False,
    error: str | None = None,
    sealed_at: datetime | None = None,
) -> None:
    """End a run of which no decision is open, by how they ended and by what broke it off.

    One that ended long ago is sealed later, at `sealed_at`.
    """
    counts = reads.decision_counts(session, execution.stored.id)
    failed, total = counts.get(DecisionStatus.FAILED, 0), sum(counts.values())
    said = error or (f"{failed} of {total} decisions failed" if failed else None)
    status = _status(counts, is_cancelled=is_cancelled, is_broken=error is not None)
    appends.append(
        session,
        ExecutionEventRecord(
            execution=execution.stored,
            at=at,
            from_status=ExecutionStatus.RUNNING,
            to_status=status,
            actor=execution.actor,
            reason="broken off" if error else "ended by its program",
            error=said,
        ),
    )
    seal_execution(session, execution.stored, at=sealed_at or at)
    leases.let_go(session, execution_id=execution.stored.id, decision_id=None)


def end_abandoned(session: Session, *, at: datetime) -> int:
    """End every decision and run that nobody works on any more; return how many they were.

    A run ends with its last decision, and one without any when its own program is gone; one that a
    program has ended meanwhile was not given up.
    """
    found = leases.expired(session)
    for each in found:
        if each.decision is not None:
            _abandon(session, each.decision, at=at)
    for each in [each for each in found if each.decision is None]:
        execution = recordings.execution(session, external_id=each.execution, agent=None)
        if execution is not None and not has_open(session, execution.stored.id):
            error = None if each.was_left else ABANDONED.error_message
            end_execution(session, execution, at=at, error=error)
    return len(found)


def _abandon(session: Session, external_id: str, *, at: datetime) -> None:
    decision = recordings.decision(session, external_id)
    if decision is not None and decision.status is DecisionStatus.RUNNING:
        end = EndState(status=DecisionStatus.FAILED, failure=ABANDONED)
        end_decision(session, decision, end, actor="tapetrail", at=at)


def has_open(session: Session, execution_id: int) -> bool:
    """Return whether a decision of a run has not ended."""
    counts = reads.decision_counts(session, execution_id)
    return bool(counts.get(DecisionStatus.PENDING) or counts.get(DecisionStatus.RUNNING))


def _status(
    counts: dict[DecisionStatus, int], *, is_cancelled: bool, is_broken: bool
) -> ExecutionStatus:
    completed = counts.get(DecisionStatus.COMPLETED, 0)
    if is_cancelled:
        return ExecutionStatus.CANCELLED
    if not completed and (counts or is_broken):
        return ExecutionStatus.FAILED
    if is_broken or completed < sum(counts.values()):
        return ExecutionStatus.COMPLETED_WITH_ERRORS
    return ExecutionStatus.COMPLETED
