"""Executions that are stopped, resumed or cancelled: what is asked of the record for that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tapetrail.core.canonical import Digest
from tapetrail.core.errors import NotFound
from tapetrail.core.records.base import Stored
from tapetrail.core.records.states import DecisionStatus, ExecutionStatus, RunType
from tapetrail.store.reads import resumptions_of, table

_OPEN = (DecisionStatus.PENDING, DecisionStatus.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """Where an execution stands; `resumptions` counts how often it was resumed."""

    row: Stored
    workflow_id: str | None
    strategy_id: int | None
    status: ExecutionStatus
    resumptions: int
    open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One decision of a strategy version that completed or is open, and the run that it is in."""

    instrument_id: int
    as_of: datetime
    provenance: str
    status: DecisionStatus
    execution_id: int
    execution_status: ExecutionStatus
    run_type: RunType


def execution(session: Session, number: int) -> Execution:
    """Return where an execution stands. Raises `NotFound`."""
    found = _executions(session, numbers=[number])
    if not found:
        newest = session.scalar(select(func.max(table("workflow_executions").c.id)))
        there_is = "there is none yet" if newest is None else f"the newest is {newest}"
        raise NotFound(f"no execution {number}; {there_is}")
    return found[0]


def executions_of(session: Session, workflow_ids: Sequence[str]) -> list[Execution]:
    """Return the executions that these workflows opened, oldest first."""
    rows = table("workflow_executions")
    ids = session.scalars(select(rows.c.id).where(rows.c.workflow_id.in_(workflow_ids)))
    return _executions(session, numbers=[*ids])


def executions_in_work(session: Session) -> list[Execution]:
    """Return the executions that run, oldest first."""
    rows = table("workflow_executions")
    running = rows.c.status.in_([ExecutionStatus.PENDING, ExecutionStatus.RUNNING])
    return _executions(session, numbers=[*session.scalars(select(rows.c.id).where(running))])


def open_decisions(session: Session, execution_id: int) -> list[tuple[Stored, DecisionStatus]]:
    """Return the decisions of an execution that have not ended, oldest first."""
    decisions = table("decisions")
    found = session.execute(
        select(decisions.c.id, decisions.c.record_digest, decisions.c.status)
        .where(decisions.c.execution_id == execution_id, decisions.c.status.in_(_OPEN))
        .order_by(decisions.c.id)
    )
    return [
        (Stored(row.id, Digest(row.record_digest)), DecisionStatus(row.status)) for row in found
    ]


def passes_made(session: Session, strategy_id: int) -> list[Pass]:
    """Return the decisions of a strategy version that completed or are open, oldest first."""
    decisions, executions = table("decisions"), table("workflow_executions")
    found = session.execute(
        select(
            decisions.c.instrument_id,
            decisions.c.as_of,
            decisions.c.provenance,
            decisions.c.status,
            executions.c.id.label("execution_id"),
            executions.c.status.label("execution_status"),
            executions.c.run_type,
        )
        .join_from(decisions, executions, decisions.c.execution_id == executions.c.id)
        .where(
            executions.c.strategy_id == strategy_id,
            decisions.c.status.in_([*_OPEN, DecisionStatus.COMPLETED]),
        )
        .order_by(decisions.c.id)
    )
    return [
        Pass(
            instrument_id=row.instrument_id,
            as_of=row.as_of,
            provenance=row.provenance,
            status=DecisionStatus(row.status),
            execution_id=row.execution_id,
            execution_status=ExecutionStatus(row.execution_status),
            run_type=RunType(row.run_type),
        )
        for row in found
    ]


def _executions(session: Session, *, numbers: Sequence[int]) -> list[Execution]:
    rows, decisions = table("workflow_executions"), table("decisions")
    still_open = (
        select(func.count())
        .where(decisions.c.execution_id == rows.c.id, decisions.c.status.in_(_OPEN))
        .scalar_subquery()
    )
    found = session.execute(
        select(
            rows.c.id,
            rows.c.record_digest,
            rows.c.workflow_id,
            rows.c.strategy_id,
            rows.c.status,
            resumptions_of(rows.c.id).label("resumptions"),
            still_open.label("open"),
        )
        .where(rows.c.id.in_(numbers))
        .order_by(rows.c.id)
    )
    return [
        Execution(
            row=Stored(row.id, Digest(row.record_digest)),
            workflow_id=row.workflow_id,
            strategy_id=row.strategy_id,
            status=ExecutionStatus(row.status),
            resumptions=row.resumptions,
            open=row.open,
        )
        for row in found
    ]
