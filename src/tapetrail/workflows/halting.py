"""Executions that somebody stops, resumes or cancels, beside those who work on them.

Whoever writes rows of a decision holds the name of its execution together with others and looks
where it stands; whoever stops or cancels it holds the name alone. So what is in the middle of its
transaction comes to its end, and nothing begins after the stop. Work that was queued before a stop
does nothing when its turn comes: a resumption queues the open decisions anew.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from tapetrail.core.errors import InvalidInput
from tapetrail.core.records.runs import DecisionEventRecord, ExecutionEventRecord
from tapetrail.core.records.seals import EndState
from tapetrail.core.records.states import DecisionStatus, ExecutionStatus
from tapetrail.store import appends, control, reads
from tapetrail.store.control import Execution
from tapetrail.store.reads import DecisionTask
from tapetrail.workflows.sealing import seal_decision, seal_execution


class Halted(Exception):
    """The execution was stopped or cancelled, or the decision ended, while it was worked on."""


def goes_on(session: Session, task: DecisionTask) -> bool:
    """Return whether rows of the decision may be written in this transaction, and hold that."""
    appends.share_name(session, _name(task.refs.execution.id))
    found = reads.where_stands(session, task.refs.decision.id)
    return (
        found.execution.is_in_work
        and not found.decision.has_ended
        and found.resumptions == task.resumptions
    )


def stop(session: Session, number: int, *, actor: str, reason: str, at: datetime) -> Execution:
    """Stop an execution; return where it stood. Raises `NotFound`, `InvalidInput` at rest."""
    found = _held(session, number)
    if not found.status.is_in_work:
        raise InvalidInput(f"execution {number} is {found.status}: there is nothing to stop")
    _append_event(session, found, ExecutionStatus.STOPPED, actor=actor, reason=reason, at=at)
    return found


def stop_if_in_work(
    session: Session, number: int, *, actor: str, reason: str, at: datetime
) -> bool:
    """Stop an execution that is in work; return whether it was."""
    if not _held(session, number).status.is_in_work:
        return False
    stop(session, number, actor=actor, reason=reason, at=at)
    return True


def resume(session: Session, number: int, *, actor: str, reason: str, at: datetime) -> list[int]:
    """Let a stopped execution run and return its open decisions. Raises as `stop` does."""
    found = _held(session, number)
    if found.status is not ExecutionStatus.STOPPED:
        raise InvalidInput(f"execution {number} is {found.status}: only a stopped one is resumed")
    _append_event(session, found, ExecutionStatus.RUNNING, actor=actor, reason=reason, at=at)
    return [decision.id for decision, _ in control.open_decisions(session, number)]


def cancel(session: Session, number: int, *, actor: str, reason: str, at: datetime) -> int:
    """End what is open of an execution as cancelled, sealed, for good; return how many that was.

    Raises `NotFound`, and `InvalidInput` for one that has ended.
    """
    found = _held(session, number)
    if found.status.has_ended:
        raise InvalidInput(f"execution {number} is {found.status}: there is nothing to cancel")
    still_open = control.open_decisions(session, number)
    for decision, status in still_open:
        event = DecisionEventRecord(
            decision=decision,
            at=at,
            from_status=status,
            to_status=DecisionStatus.CANCELLED,
            actor=actor,
            reason=reason,
        )
        appends.append(session, event)
        seal_decision(session, decision, EndState(status=DecisionStatus.CANCELLED), at=at)
    _append_event(session, found, ExecutionStatus.CANCELLED, actor=actor, reason=reason, at=at)
    seal_execution(session, found.row, at=at)
    return len(still_open)


def _held(session: Session, number: int) -> Execution:
    appends.lock_name(session, _name(number))
    return control.execution(session, number)


def _name(number: int) -> str:
    return f"execution {number}"


def _append_event(
    session: Session,
    found: Execution,
    status: ExecutionStatus,
    *,
    actor: str,
    reason: str,
    at: datetime,
) -> None:
    event = ExecutionEventRecord(
        execution=found.row,
        at=at,
        from_status=found.status,
        to_status=status,
        actor=actor,
        reason=reason,
    )
    appends.append(session, event)
