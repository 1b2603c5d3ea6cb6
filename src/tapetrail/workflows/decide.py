"""The two workflows: an execution opens its decisions, a decision is prepared, asked and concluded.

Workflows pass ids and instants. Where every analyst is code, a decision is one transaction that
commits together with the engine's checkpoint. Where one is asked over a wire, what it is shown is
committed first, every call by itself, and the end last: a process that goes on with it finds all
that was said, and asks nothing twice that has a reply.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from dbos import (
    DBOS,
    DBOSConfiguredInstance,
    SetEnqueueOptions,
    SetWorkflowID,
)
from dbos._core import StepOptions
from dbos._datasource import DatasourceOptions
from sqlalchemy.orm import Session

from tapetrail.core.analysis.prompts import PromptTemplate
from tapetrail.core.analysis.questions import Evidence
from tapetrail.core.canonical import JsonValue
from tapetrail.core.errors import ErrorKind, Stage, TapeTrailError
from tapetrail.core.failures import Failure
from tapetrail.core.market.timeframes import Timeframe
from tapetrail.core.records.base import Stored
from tapetrail.core.records.states import DecisionStatus
from tapetrail.core.strategy.strategies import parse_strategy
from tapetrail.persistence import ShownChart
from tapetrail.store import control, prompts, reads
from tapetrail.store.reads import DecisionTask
from tapetrail.workflows.ask import (
    Asked,
    Heard,
    Put,
    ask_local,
    in_turn,
    interview,
)
from tapetrail.workflows.calls import HeardBefore
from tapetrail.workflows.conclude import Conclusion, append_conclusion, begin, conclude, end
from tapetrail.workflows.defects import in_plain_text, message_of
from tapetrail.workflows.engine import (
    EXECUTE,
    RESUME,
    forget_try,
)
from tapetrail.workflows.evidence import KeptEvidence, append_evidence, keep_evidence
from tapetrail.workflows.halting import Halted, goes_on, resume
from tapetrail.workflows.open_decisions import Dependencies, Kept, OpenDecision, load_open, recalled
from tapetrail.workflows.open_execution import open_execution
from tapetrail.workflows.prepare import Prepared, evidence_of, prepare
from tapetrail.workflows.queues import PRIORITY_MAX, QUEUE, queue_of
from tapetrail.workflows.recall import Recalled, Rows
from tapetrail.workflows.run_request import RunRequest
from tapetrail.workflows.said import Said
from tapetrail.workflows.supply import Next, Supply, fetch, is_to_fetch, second_of, source_of
from tapetrail.workflows.wire import Unsent, ask_remote, look_up, nobody

INSTANCE: Final = "tapetrail"
# Decisions lock what they must by name, so the weakest level is enough and nothing is retried.
_ISOLATION: Final = "READ COMMITTED"
_OPEN: Final = DatasourceOptions(name="open_execution", isolation_level=_ISOLATION)
# The engine knows steps by name: the first one had this name before decisions had parts.
_PREPARE: Final = DatasourceOptions(name="record_decision", isolation_level=_ISOLATION)
_FETCH: Final[StepOptions] = {"name": "fetch"}
_ASK: Final[StepOptions] = {"name": "ask"}
_RESUME: Final = DatasourceOptions(name="resume_execution", isolation_level=_ISOLATION)
_CONCLUDE: Final = DatasourceOptions(name="conclude_decision", isolation_level=_ISOLATION)
_GIVE_UP: Final = DatasourceOptions(name="record_defect", isolation_level=_ISOLATION)

_log = logging.getLogger(__name__)


@DBOS.dbos_class("Decisions")
class Decisions(DBOSConfiguredInstance):
    """The workflows, bound to the dependencies of this process.

    The engine knows one of them in the life of a process, so it is bound anew at each launch.
    """

    def __init__(self) -> None:
        super().__init__(INSTANCE)
        self._bound: Dependencies | None = None

    def bind(self, deps: Dependencies) -> None:
        """Work with `deps` from now on."""
        self._bound = deps

    def queue_of(self, strategy_id: int) -> str:
        """Return where decisions go: to who has the analysts, and waiting ones apart."""
        with Session(self._deps.engine) as session:
            spec = reads.strategy_spec(session, strategy_id)
        return queue_of(parse_strategy(spec, place=f"strategy {strategy_id}"), self._deps.ports)

    @property
    def _deps(self) -> Dependencies:
        if self._bound is None:
            raise AssertionError("workflows are carried out once they are bound")
        return self._bound

    @DBOS.workflow(name=EXECUTE)
    def execute(
        self, request: RunRequest, queue: str = QUEUE, priority: int = PRIORITY_MAX
    ) -> None:
        """Open the execution and its decisions, then put each decision on `queue`.

        The queue comes with the request: whoever goes on with it may not have the analysts.
        """
        workflow_id = str(DBOS.workflow_id)
        ids = self._deps.datasource.run_tx_step(_OPEN, self._open, request, workflow_id)
        self._enqueue(ids, 0, queue=queue, priority=priority)

    @DBOS.workflow(name=RESUME)
    def resume(  # noqa: PLR0917 # the engine passes its input by position
        self, execution_id: int, queue: str, priority: int, said: Sequence[str]
    ) -> None:
        """Let a stopped execution go on and put its open decisions on `queue`.

        `said` are the actor and the reason. One that is not stopped any more is left as it is.
        """
        run = self._deps.datasource.run_tx_step
        found = run(_RESUME, self._resume, execution_id, [*said])
        if found:
            resumptions, *ids = found
            self._enqueue(ids, resumptions, queue=queue, priority=priority)

    def _enqueue(self, ids: Sequence[int], resumptions: int, *, queue: str, priority: int) -> None:
        workflow_id = str(DBOS.workflow_id)
        for number in ids:
            named = SetWorkflowID(f"{workflow_id}:{number}")
            with named, SetEnqueueOptions(priority=priority):
                DBOS.enqueue_workflow(queue, self.decide, number, resumptions)

    @DBOS.workflow(name="decide")
    def decide(self, decision_id: int, resumptions: int = 0) -> None:
        """Make a decision and record it; a defect is recorded too, and raised.

        Does nothing where the execution was stopped, or resumed more often than when this was
        queued: then it was queued anew.
        """
        run, work = self._deps.datasource.run_tx_step, self._deps.work
        try:
            with work.slot():
                then = Next.of(run(_PREPARE, self._prepare, decision_id, resumptions))
            if then is Next.FETCH:
                came = DBOS.run_step(_FETCH, self._fetch_through, decision_id, resumptions)
                with work.slot():
                    again = run(_PREPARE, self._prepare, decision_id, resumptions, came)
                then = Next.of(again)
            if then is Next.ASK:
                said = DBOS.run_step(_ASK, self._ask_through, decision_id, resumptions)
                with work.slot():
                    run(_CONCLUDE, self._conclude, decision_id, resumptions, said)
        except Exception as error:
            # An engine that is being taken down fails in ways that are nobody's defect.
            if not work.is_ending:
                message = message_of(error)
                run(_GIVE_UP, self._record_defect, decision_id, message)
                trace = error if _log.isEnabledFor(logging.DEBUG) else None
                _log.error(
                    "decision %d failed by a defect: %s", decision_id, message, exc_info=trace
                )
            raise

    def _open(self, request: RunRequest, workflow_id: str) -> list[int]:
        session, now = self._deps.datasource.sql_session(), self._deps.ports.clock()
        return open_execution(session, request, workflow_id=workflow_id, at=now)

    def _resume(self, execution_id: int, said: Sequence[str]) -> list[int]:
        """Return how often the execution has been resumed now, and its open decisions."""
        session, now = self._deps.datasource.sql_session(), self._deps.ports.clock()
        actor, reason = said
        try:
            ids = resume(session, execution_id, actor=actor, reason=reason, at=now)
        except TapeTrailError:
            return []
        return [control.execution(session, execution_id).resumptions, *ids]

    @in_plain_text
    def _prepare(self, decision_id: int, resumptions: int, came: JsonValue = None) -> JsonValue:
        """Prepare a decision, and end it where nobody has to be waited for; return what is next.

        All is computed before the first statement, so that no row is locked meanwhile. Bars that
        only a vendor has are fetched first, and `came` is what that found.
        """
        found, ports = load_open(self._deps, decision_id, resumptions), self._deps.ports
        if found is None or found.task.status is DecisionStatus.RUNNING:
            return Next.END if found is None else Next.ASK
        started_at, supply = ports.clock(), Supply.of(came)
        if failure := found.failure or (supply and supply.failure):
            prepared = Prepared(failure=failure)
        elif found.task.is_question:
            prepared = Prepared()  # its chart is on record
        else:
            source = partial(source_of, self._deps, found, supply)
            second = second_of(self._deps, found, supply)
            prepared = prepare(found.task, found.strategy, ports, open_source=source, second=second)
            if supply is None and is_to_fetch(found.task, prepared.failure):
                return Next.FETCH
        conclusion = None
        if prepared.failure is None and found.is_local and not found.task.is_question:
            evidence = evidence_of(found.task, found.strategy, prepared)
            conclusion = self._conclusion(found, evidence, put=self._put(nobody))
        kept = keep_evidence(self._deps.blobs, prepared)
        return self._record(found, kept, conclusion=conclusion, started_at=started_at)

    def _record(
        self,
        found: OpenDecision,
        kept: KeptEvidence,
        *,
        conclusion: Conclusion | None,
        started_at: datetime,
    ) -> Next:
        """Record what was prepared and, if that is the end, the end; return what is next."""
        deps, task = self._deps, found.task
        session, clock = deps.datasource.sql_session(), deps.ports.clock
        if not goes_on(session, task):
            return Next.END
        begin(session, task, at=started_at)
        charts = append_evidence(session, kept, task=task, blobs=deps.blobs, clock=clock)
        templates, failure = _templates(session, found)
        failure = kept.prepared.failure or failure
        if failure is None and conclusion is None:
            if not task.is_question:
                evidence = evidence_of(task, found.strategy, kept.prepared)
                deps.keep(task.refs.decision.id, _kept(evidence, charts, templates))
            return Next.ASK
        if failure is None and conclusion is not None:
            rows = Rows(charts=charts)
            append_conclusion(session, conclusion, task=task, rows=rows, at=clock())
            failure = conclusion.failure
        end(session, task, failure=failure, at=clock())
        return Next.END

    def _fetch_through(self, decision_id: int, resumptions: int) -> JsonValue:
        return self._wait_through(lambda: self._fetch(decision_id, resumptions))

    def _ask_through(self, decision_id: int, resumptions: int) -> JsonValue:
        return self._wait_through(lambda: self._ask(decision_id, resumptions))

    def _wait_through(self, call: Callable[[], JsonValue]) -> JsonValue:
        """Wait for somebody; a database that goes away meanwhile is waited for, as elsewhere.

        A process that ends in good order while it waits has not died over the decision.
        """
        work, executor_id = self._deps.work, self._deps.executor_id
        with work.waiting():
            try:
                return work.ride_out(call)
            except SystemExit:
                forget_try(executor_id)
                raise

    @in_plain_text
    def _fetch(self, decision_id: int, resumptions: int) -> JsonValue:
        """Ask a vendor for bars; return in which vintages they are, as `Supply` has it."""
        found = load_open(self._deps, decision_id, resumptions)
        if found is None or found.failure is not None:
            return None
        return fetch(self._deps, found).as_json()

    @in_plain_text
    def _ask(self, decision_id: int, resumptions: int) -> JsonValue:
        """Ask what has no reply on record; return what is not on record, as `Said` has it."""
        work = self._deps.work
        wire = self._deps.wire(work.slot)
        with work.slot():
            found = load_open(self._deps, decision_id, resumptions)
            if found is None or found.failure is not None:
                return None
            calls = wire.calls(found.task)
            try:
                kept = Kept(recalled=recalled(self._deps, found))
            except TapeTrailError as error:
                return Said(failure=Failure.of(Stage.ENGINE, error)).as_json()
        # Seats with code alone are asked when the decision is concluded, in a slot.
        asked = [seat for seat in found.seats if not seat.is_local]
        unsent: Unsent = {}
        put = self._put(ask_remote(wire, found.task, calls, unsent=unsent, before=kept.heard))
        try:
            interview(kept.recalled.evidence, asked, put=put, side_by_side=work.side_by_side)
        except Halted:
            return None  # the conclusion finds the same
        except TapeTrailError as error:
            return Said(failure=Failure.of(Stage.ENGINE, error)).as_json()
        self._deps.keep(decision_id, kept)
        return Said(unsent=unsent, seen=kept.heard.seen).as_json()

    @in_plain_text
    def _conclude(self, decision_id: int, resumptions: int, output: JsonValue) -> None:
        """Record what was answered, and end the decision."""
        found, clock = load_open(self._deps, decision_id, resumptions), self._deps.ports.clock
        if found is None:
            return
        said = Said.of(output)
        failure = said.failure or found.failure
        conclusion, whole, kept = None, None, self._deps.kept.pop(decision_id, None)
        if failure is None:
            try:
                whole = kept.recalled if kept else recalled(self._deps, found)
                before = kept.heard if kept else HeardBefore()
                put = self._put(self._looked_up(found.task, said, before))
                conclusion = self._conclusion(found, whole.evidence, put=put)
                failure = conclusion.failure
            except TapeTrailError as error:
                failure = Failure.of(Stage.ENGINE, error)
        session, task = self._deps.datasource.sql_session(), found.task
        if not goes_on(session, task):
            return
        if conclusion is not None and whole is not None:
            append_conclusion(session, conclusion, task=task, rows=whole.rows, at=clock())
        end(session, task, failure=failure, at=clock())

    def _looked_up(self, task: DecisionTask, said: Said, before: HeardBefore) -> Put:
        wire = self._deps.wire()
        calls = wire.calls(task, seen=said.seen)
        return look_up(wire, calls, unsent=said.unsent, before=before)

    def _conclusion(self, found: OpenDecision, evidence: Evidence, *, put: Put) -> Conclusion:
        answers = interview(evidence, found.seats, put=put, side_by_side=in_turn)
        calendar = self._deps.ports.calendar_of(found.task, found.strategy)
        return conclude(answers, evidence, calendar=calendar)

    def _record_defect(self, decision_id: int, message: str) -> None:
        session, now = self._deps.datasource.sql_session(), self._deps.ports.clock()
        task = reads.decision_task(session, decision_id)
        if not goes_on(session, task):
            return
        if task.status is DecisionStatus.PENDING:
            begin(session, task, at=now)
        failure = Failure(
            failed_stage=Stage.ENGINE, error_kind=ErrorKind.DEFECT, error_message=message
        )
        end(session, task, failure=failure, at=now)

    def _put(self, over_the_wire: Put) -> Put:
        """Return what puts a question: to code at once, to others over the wire."""

        def put(asked: Asked) -> Heard:
            if asked.named.is_local:
                return ask_local(asked, ports=self._deps.ports, timer=time.perf_counter)
            return over_the_wire(asked)

        return put


DECISIONS: Final = Decisions()


def _templates(
    session: Session, found: OpenDecision
) -> tuple[Mapping[str, tuple[Stored, PromptTemplate]], Failure | None]:
    """Record the prompts of a decision that models are asked in; return them, or why not."""
    if not found.has_models:
        return {}, None
    try:
        return prompts.templates_of(session, found.strategy), None
    except TapeTrailError as error:
        return {}, Failure.of(Stage.ANALYSIS, error)


def _kept(
    evidence: Evidence,
    charts: Mapping[Timeframe, ShownChart],
    templates: Mapping[str, tuple[Stored, PromptTemplate]],
) -> Kept:
    """Return what was prepared, as it would be recalled."""
    shown = {kind: template for kind, (_, template) in templates.items()}
    rows = Rows(charts=charts, templates={kind: row for kind, (row, _) in templates.items()})
    return Kept(recalled=Recalled(evidence=replace(evidence, templates=shown), rows=rows))
