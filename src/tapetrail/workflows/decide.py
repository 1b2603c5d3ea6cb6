"""The two workflows: an execution opens its decisions, a decision is worked out and recorded.

Workflows pass ids and instants. A decision is one transaction that commits together with the
engine's checkpoint: it is worked out before the first statement, so no row is locked meanwhile,
and whatever dies on the way leaves no row at all.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dbos import DBOS, DBOSConfiguredInstance, SetWorkflowID, SQLAlchemyDatasource
from dbos._datasource import DatasourceOptions
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tapetrail.core.canonical import storable_text
from tapetrail.core.errors import ErrorKind, Stage
from tapetrail.core.records import (
    DecisionEventRecord,
    DecisionRecord,
    DecisionStatus,
    EndState,
    ExecutionEventRecord,
    ExecutionRecord,
    ExecutionStatus,
    Provenance,
    RunType,
    SealRecord,
    Stored,
    seal_digest,
)
from tapetrail.core.strategy.strategies import parse_strategy
from tapetrail.persistence import BlobStore
from tapetrail.store import appends, reads
from tapetrail.store.reads import DecisionTask
from tapetrail.workflows.engine import EXECUTE, QUEUE, Work, count_recovery_attempt
from tapetrail.workflows.evidence import append_findings, keep_findings
from tapetrail.workflows.findings import Failure, Findings, Ports, Task, evaluate
from tapetrail.workflows.run_request import RunRequest

INSTANCE: Final = "tapetrail"
COUNTED_AFTER: Final = timedelta(minutes=1)
"""From this age on a decision is counted whenever it is begun, which costs two statements."""
BEGUN_MAX: Final = 5
# Decisions lock what they must by name, so the weakest level is enough and nothing is retried.
_ISOLATION: Final = "READ COMMITTED"
_OPEN: Final = DatasourceOptions(name="open_execution", isolation_level=_ISOLATION)
_DECIDE: Final = DatasourceOptions(name="record_decision", isolation_level=_ISOLATION)
_GIVE_UP: Final = DatasourceOptions(name="record_defect", isolation_level=_ISOLATION)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What the workflows work with."""

    engine: Engine
    datasource: SQLAlchemyDatasource
    blobs: BlobStore
    ports: Ports
    work: Work


class Defect(Exception):
    """What nobody raised on purpose, as storable text."""


@DBOS.dbos_class("Decisions")
class Decisions(DBOSConfiguredInstance):
    """The workflows, bound to the edges of this process."""

    def __init__(self, deps: Dependencies) -> None:
        super().__init__(INSTANCE)
        self._deps = deps

    @DBOS.workflow(name=EXECUTE)
    def execute(self, order: RunRequest) -> None:
        """Open the execution and its decisions, then put each decision on the queue."""
        workflow_id = str(DBOS.workflow_id)
        ids = self._deps.datasource.run_tx_step(_OPEN, self._open, order, workflow_id)
        for decision_id in ids:
            with SetWorkflowID(f"{workflow_id}:{decision_id}"):
                DBOS.enqueue_workflow(QUEUE, self.decide, decision_id)

    @DBOS.workflow(name="decide")
    def decide(self, decision_id: int) -> None:
        """Work a decision out and record it; a defect is recorded too, and raised."""
        run, work = self._deps.datasource.run_tx_step, self._deps.work
        with work.one():
            try:
                run(_DECIDE, self._decide_in_plain_text, decision_id)
            except Exception as error:
                # An engine that is being taken down fails in ways that are nobody's defect.
                if not work.is_ending:
                    message = _message(error)
                    run(_GIVE_UP, self._record_defect, decision_id, message)
                    trace = error if _log.isEnabledFor(logging.DEBUG) else None
                    _log.error(
                        "decision %d failed by a defect: %s", decision_id, message, exc_info=trace
                    )
                raise

    def _open(self, order: RunRequest, workflow_id: str) -> list[int]:
        session, now = self._deps.datasource.sql_session(), self._deps.ports.clock()
        strategy = reads.stored(session, "strategies", [order["strategy_id"]])
        runtime = reads.stored(session, "runtimes", [order["runtime_id"]])
        execution = appends.append(
            session,
            ExecutionRecord(
                strategy=strategy[order["strategy_id"]],
                runtime=runtime[order["runtime_id"]],
                workflow_id=workflow_id,
                run_type=RunType(order["run_type"]),
                provenance=Provenance(order["provenance"]),
                as_of=datetime.fromisoformat(order["as_of"]),
                debug_mode=False,
                actor=order["actor"],
                config=order["config"],
                created_at=now,
            ),
        )
        opened = _open_decisions(session, order, execution=execution, at=now)
        appends.append(
            session,
            ExecutionEventRecord(
                execution=execution,
                at=now,
                from_status=ExecutionStatus.PENDING,
                to_status=ExecutionStatus.RUNNING,
                actor=order["actor"],
                reason="started",
            ),
        )
        return [decision.id for decision in opened]

    def _decide_in_plain_text(self, decision_id: int) -> None:
        """Decide; a defect is raised anew in text that the engine and the database can store."""
        try:
            self._decide(decision_id)
        except DBAPIError:
            raise  # the engine knows which ones to wait out
        except Exception as error:
            raise Defect(_message(error)) from error

    def _decide(self, decision_id: int) -> None:
        deps = self._deps
        # Read outside of the step's transaction, which begins with the first row. An error of the
        # database passes as it is: the engine knows which ones to wait out.
        with Session(deps.engine) as reading:
            task = reads.decision_task(reading, decision_id)
        if task.status is not DecisionStatus.PENDING:
            return
        started_at = deps.ports.clock()
        spec = parse_strategy(task.spec, place=f"strategy of decision {decision_id}")
        findings = _dead_lettered(task, at=started_at)
        if findings is None:
            asked = Task(instrument=task.traded, spec=spec, as_of=task.as_of, config=task.config)
            findings = evaluate(asked, deps.ports)
        kept = keep_findings(deps.blobs, findings, symbol=task.traded.symbol, spec=spec)
        session = deps.datasource.sql_session()
        _append_event(session, task, at=started_at, to_status=DecisionStatus.RUNNING)
        append_findings(session, kept, task=task, blobs=deps.blobs, clock=deps.ports.clock)
        _end(session, task, failure=kept.findings.failure, at=deps.ports.clock())

    def _record_defect(self, decision_id: int, message: str) -> None:
        session, now = self._deps.datasource.sql_session(), self._deps.ports.clock()
        task = reads.decision_task(session, decision_id)
        if task.status is not DecisionStatus.PENDING:
            return
        _append_event(session, task, at=now, to_status=DecisionStatus.RUNNING)
        failure = Failure(stage=Stage.ENGINE, kind=ErrorKind.DEFECT, message=message)
        _end(session, task, failure=failure, at=now)


def _dead_lettered(task: DecisionTask, *, at: datetime) -> Findings | None:
    """Return the failure of a decision that seems to end every process that begins it, else None.

    Processes end for many reasons, so a few times are no sign. Without a limit, one that does end
    its process would be taken over for ever.
    """
    if at - task.created_at < COUNTED_AFTER:
        return None
    before = count_recovery_attempt() - 1
    if before < BEGUN_MAX:
        return None
    message = f"begun {before} times, and every time the process ended before the decision did"
    return Findings(failure=Failure(stage=Stage.ENGINE, kind=ErrorKind.DEFECT, message=message))


def _message(error: Exception) -> str:
    said = str(error) if isinstance(error, Defect) else f"{type(error).__name__}: {error}"
    return storable_text(said)


def _open_decisions(
    session: Session, order: RunRequest, *, execution: Stored, at: datetime
) -> list[Stored]:
    ids = [decision["instrument_id"] for decision in order["decisions"]]
    instruments = reads.stored(session, "instruments", ids)
    named = reads.instruments(session, ids)
    # Passes are counted under a lock, so that no two executions get the same number.
    appends.lock_name(session, "passes")
    asked = [(d["instrument_id"], datetime.fromisoformat(d["as_of"])) for d in order["decisions"]]
    before = reads.passes(
        session, asked, strategy_id=order["strategy_id"], provenance=order["provenance"]
    )
    records = [
        DecisionRecord(
            execution=execution,
            instrument=instruments[number],
            symbol=named[number].symbol,
            conid=named[number].conid,
            as_of=as_of,
            run_no=before.get((number, as_of), 0) + 1,
            created_at=at,
        )
        for number, as_of in asked
    ]
    return appends.append_all(session, records)


def _append_event(
    session: Session,
    task: DecisionTask,
    *,
    at: datetime,
    to_status: DecisionStatus,
    failure: Failure | None = None,
) -> None:
    is_start = to_status is DecisionStatus.RUNNING
    appends.append(
        session,
        DecisionEventRecord(
            decision=task.decision,
            at=at,
            from_status=DecisionStatus.PENDING if is_start else DecisionStatus.RUNNING,
            to_status=to_status,
            actor=task.actor,
            reason="started" if is_start else ("failed" if failure else "signal recorded"),
            failed_stage=failure.stage if failure else None,
            error_kind=failure.kind if failure else None,
            error_message=failure.message if failure else None,
        ),
    )


def _end(session: Session, task: DecisionTask, *, failure: Failure | None, at: datetime) -> None:
    """End a decision: its last event, its seal, and the execution's end if it was the last."""
    status = DecisionStatus.FAILED if failure else DecisionStatus.COMPLETED
    _append_event(session, task, at=at, to_status=status, failure=failure)
    end = EndState(
        status=status,
        failed_stage=failure.stage if failure else None,
        error_kind=failure.kind if failure else None,
        error_message=failure.message if failure else None,
    )
    members = reads.seal_members(session, task.decision.id)
    seal = SealRecord(decision=task.decision, seal_digest=seal_digest(members, end), sealed_at=at)
    appends.append(session, seal)
    _end_execution(session, task, at=at)


def _end_execution(session: Session, task: DecisionTask, *, at: datetime) -> None:
    """Close the execution when no decision of it is open.

    The lock makes the last two decisions take turns: the second sees what the first committed.
    """
    appends.lock_name(session, f"end of execution {task.execution.id}")
    counts = reads.decision_counts(session, task.execution.id)
    if counts.get(DecisionStatus.PENDING) or counts.get(DecisionStatus.RUNNING):
        return
    failed, total = counts.get(DecisionStatus.FAILED, 0), sum(counts.values())
    status = _execution_status(counts)
    appends.append(
        session,
        ExecutionEventRecord(
            execution=task.execution,
            at=at,
            from_status=ExecutionStatus.RUNNING,
            to_status=status,
            actor=task.actor,
            reason="every decision ended",
            error=f"{failed} of {total} decisions failed" if failed else None,
        ),
    )


def _execution_status(counts: Mapping[DecisionStatus, int]) -> ExecutionStatus:
    if not counts.get(DecisionStatus.COMPLETED):
        return ExecutionStatus.FAILED
    if counts.get(DecisionStatus.FAILED) or counts.get(DecisionStatus.CANCELLED):
        return ExecutionStatus.COMPLETED_WITH_ERRORS
    return ExecutionStatus.COMPLETED
