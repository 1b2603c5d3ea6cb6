"""An execution and its decisions, opened in one transaction."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from tapetrail import host_clock
from tapetrail.core.canonical import instant_text
from tapetrail.core.records.base import JsonArray, Stored
from tapetrail.core.records.runs import (
    INSTRUMENTS,
    DecisionRecord,
    ExecutionEventRecord,
    ExecutionFacts,
    ExecutionRecord,
)
from tapetrail.core.records.states import DecisionScope, ExecutionStatus, Provenance, RunType
from tapetrail.store import appends, reads
from tapetrail.workflows.run_request import RunRequest


def open_execution(
    session: Session, request: RunRequest, *, workflow_id: str, at: datetime
) -> list[int]:
    """Open the execution that was requested; return the numbers of its decisions."""
    strategy = reads.stored(session, "strategies", [request["strategy_id"]])
    runtime = reads.stored(session, "runtimes", [request["runtime_id"]])
    ids = [decision["instrument_id"] for decision in request["decisions"]]
    instruments = reads.stored(session, "instruments", ids)
    offset = request.get("clock_offset_ms")
    record = ExecutionRecord(
        strategy=strategy[request["strategy_id"]],
        runtime=runtime[request["runtime_id"]],
        workflow_id=workflow_id,
        facts=ExecutionFacts(
            run_type=RunType(request["run_type"]),
            provenance=Provenance(request["provenance"]),
            as_of=datetime.fromisoformat(request["as_of"]),
            debug_mode=request.get("debug_mode", False),
            actor=request["actor"],
            config={**request["config"], INSTRUMENTS: _asked(request, instruments)},
            created_at=at,
            clock_offset_ms=None if offset is None else Decimal(offset),
            clock_source=None if offset is None else host_clock.SOURCE,
        ),
    )
    execution = appends.append(session, record)
    opened = _open_decisions(session, request, instruments, execution=execution, at=at)
    started = ExecutionEventRecord(
        execution=execution,
        at=at,
        from_status=ExecutionStatus.PENDING,
        to_status=ExecutionStatus.RUNNING,
        actor=request["actor"],
        reason="started",
    )
    appends.append(session, started)
    return [decision.id for decision in opened]


def _asked(request: RunRequest, instruments: Mapping[int, Stored]) -> JsonArray:
    """Return what decisions are asked for, so that one that is gone later can be named."""
    return [
        {
            "instrument": instruments[decision["instrument_id"]].digest,
            "as_of": instant_text(datetime.fromisoformat(decision["as_of"])),
        }
        for decision in request["decisions"]
    ]


def _open_decisions(
    session: Session,
    request: RunRequest,
    instruments: Mapping[int, Stored],
    *,
    execution: Stored,
    at: datetime,
) -> list[Stored]:
    named = reads.instruments(session, [*instruments])
    # Passes are counted under a lock, so that no two executions get the same number.
    appends.lock_name(session, "passes")
    asked = [(d["instrument_id"], datetime.fromisoformat(d["as_of"])) for d in request["decisions"]]
    sessions = [d.get("session_on") for d in request["decisions"]]
    before = reads.passes(
        session, asked, strategy_id=request["strategy_id"], provenance=request["provenance"]
    )
    # A question is no pass over anything, however often it is asked.
    is_question = request["provenance"] == Provenance.QUESTION
    records = [
        DecisionRecord(
            execution=execution,
            instrument=instruments[number],
            symbol=named[number].symbol,
            conid=named[number].conid,
            as_of=as_of,
            run_no=1 if is_question else before.get((number, as_of), 0) + 1,
            scope=DecisionScope.QUESTION if is_question else DecisionScope.INSTRUMENT,
            session_on=date.fromisoformat(session) if session else None,
            created_at=at,
        )
        for (number, as_of), session in zip(asked, sessions, strict=True)
    ]
    return appends.append_all(session, records)
