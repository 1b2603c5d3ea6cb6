"""Rows out: what the work itself asks of the record. One question, one function, one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Executable,
    ScalarSelect,
    Select,
    Table,
    bindparam,
    cast,
    func,
    literal,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from tapetrail.core.canonical import Digest, FieldValue
from tapetrail.core.errors import NotFound
from tapetrail.core.market.instruments import Instrument
from tapetrail.core.records.base import Stored
from tapetrail.core.records.runs import DecisionRefs
from tapetrail.core.records.seals import SEAL_ORDER, SealedDecision
from tapetrail.core.records.states import DecisionStatus, ExecutionStatus, FactField, Provenance
from tapetrail.store.tables.schema import metadata

_TRADED: Final = tuple(field.name for field in fields(Instrument))


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionTask:
    """What a recorded decision asks for, and the rows it hangs on.

    `resumptions` counts how often its execution was resumed after a stop.
    """

    refs: DecisionRefs
    instrument: Stored
    traded: Instrument
    spec: Mapping[str, FieldValue]
    as_of: datetime
    provenance: Provenance
    status: DecisionStatus
    execution_status: ExecutionStatus
    resumptions: int
    created_at: datetime
    actor: str
    config: Mapping[str, str]
    debug_mode: bool

    @property
    def is_question(self) -> bool:
        """Return whether it only asks about a chart of another decision."""
        return self.provenance is Provenance.QUESTION


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a decision and its execution stand, and how often that one was resumed."""

    decision: DecisionStatus
    execution: ExecutionStatus
    resumptions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What an instrument is called."""

    symbol: str
    conid: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an execution is."""

    execution_id: int
    workflow_id: str
    status: ExecutionStatus
    decisions: int
    ended: int
    failed: int


@cache
def _decision_task() -> Executable:
    """Return the statement that reads one decision; made once, as those that follow.

    Making a statement takes longer than carrying it out.
    """
    decisions, executions = table("decisions"), table("workflow_executions")
    strategies, instruments = table("strategies"), table("instruments")
    return (
        select(
            decisions.c.id,
            decisions.c.record_digest,
            decisions.c.as_of,
            decisions.c.status,
            decisions.c.provenance,
            decisions.c.created_at,
            executions.c.id.label("execution_id"),
            executions.c.record_digest.label("execution_digest"),
            executions.c.status.label("execution_status"),
            resumptions_of(executions.c.id).label("resumptions"),
            executions.c.actor,
            executions.c.config,
            executions.c.debug_mode,
            strategies.c.id.label("strategy_id"),
            strategies.c.record_digest.label("strategy_digest"),
            strategies.c.spec,
            instruments.c.id.label("instrument_id"),
            instruments.c.record_digest.label("instrument_digest"),
            *((decisions if name == "conid" else instruments).c[name] for name in _TRADED),
        )
        .join_from(decisions, executions, decisions.c.execution_id == executions.c.id)
        .join(strategies, executions.c.strategy_id == strategies.c.id)
        .join(instruments, decisions.c.instrument_id == instruments.c.id)
        .where(decisions.c.id == bindparam("decision_id"))
    )


@cache
def _where_stands() -> Executable:
    decisions, executions = table("decisions"), table("workflow_executions")
    return (
        select(
            decisions.c.status,
            executions.c.status.label("execution_status"),
            resumptions_of(executions.c.id).label("resumptions"),
        )
        .join_from(decisions, executions, decisions.c.execution_id == executions.c.id)
        .where(decisions.c.id == bindparam("decision_id"))
    )


def decision_task(session: Session, decision_id: int) -> DecisionTask:
    """Return what decision `decision_id` asks for. Raises `NotFound`."""
    row = session.execute(_decision_task(), {"decision_id": decision_id}).one_or_none()
    if row is None:
        raise NotFound(f"no decision {decision_id}")
    return DecisionTask(
        refs=DecisionRefs(
            execution=Stored(row.execution_id, row.execution_digest),
            decision=Stored(row.id, row.record_digest),
            strategy=Stored(row.strategy_id, row.strategy_digest),
            symbol=row.symbol,
            conid=row.conid,
        ),
        instrument=Stored(row.instrument_id, row.instrument_digest),
        traded=Instrument(**{name: getattr(row, name) for name in _TRADED}),
        spec=row.spec,
        as_of=row.as_of,
        provenance=Provenance(row.provenance),
        status=DecisionStatus(row.status),
        execution_status=ExecutionStatus(row.execution_status),
        resumptions=row.resumptions,
        created_at=row.created_at,
        actor=row.actor,
        config={name: word for name, word in row.config.items() if isinstance(word, str)},
        debug_mode=row.debug_mode,
    )


def where_stands(session: Session, decision_id: int) -> Standing:
    """Return where a decision and its execution stand at this moment."""
    row = session.execute(_where_stands(), {"decision_id": decision_id}).one()
    return Standing(
        decision=DecisionStatus(row.status),
        execution=ExecutionStatus(row.execution_status),
        resumptions=row.resumptions,
    )


def stored(session: Session, name: str, ids: Sequence[int]) -> dict[int, Stored]:
    """Return number and digest of rows `ids` of table `name`. Raises `NotFound` if one lacks."""
    rows = table(name)
    found = session.execute(
        select(rows.c.id, rows.c.record_digest).where(rows.c.id.in_(ids)).order_by(rows.c.id)
    )
    by_id = {row.id: Stored(row.id, Digest(row.record_digest)) for row in found}
    missing = [number for number in ids if number not in by_id]
    if missing:
        raise NotFound(f"{name}: no row {missing[0]}")
    return by_id


def instruments(session: Session, ids: Sequence[int]) -> dict[int, Named]:
    """Return symbol and conid of instruments, by id; a conid may have been learnt later."""
    rows, facts = table("instruments"), table("instrument_facts")
    conid = func.coalesce(rows.c.conid, cast(facts.c.value, BigInteger)).label("conid")
    learnt = (facts.c.instrument_id == rows.c.id) & (facts.c.field == FactField.CONID)
    found = session.execute(
        select(rows.c.id, rows.c.symbol, conid)
        .outerjoin_from(rows, facts, learnt)
        .where(rows.c.id.in_(ids))
        .order_by(rows.c.id)
    )
    return {row.id: Named(symbol=row.symbol, conid=row.conid) for row in found}


def strategy_spec(session: Session, strategy_id: int) -> Mapping[str, FieldValue]:
    """Return the specification of a strategy's version. Raises `NotFound`."""
    rows = table("strategies").c
    found = session.execute(select(rows.spec).where(rows.id == strategy_id)).scalar_one_or_none()
    if found is None:
        raise NotFound(f"no strategy {strategy_id}")
    return found


def passes(
    session: Session,
    asked: Sequence[tuple[int, datetime]],
    *,
    strategy_id: int,
    provenance: str,
) -> dict[tuple[int, datetime], int]:
    """Return how often this strategy, by name, decided on each instrument and instant before."""
    decisions, executions = table("decisions"), table("workflow_executions")
    strategies = table("strategies")
    name = select(strategies.c.name).where(strategies.c.id == strategy_id).scalar_subquery()
    found = session.execute(
        select(decisions.c.instrument_id, decisions.c.as_of, func.count().label("n"))
        .join_from(decisions, executions, decisions.c.execution_id == executions.c.id)
        .join(strategies, executions.c.strategy_id == strategies.c.id)
        .where(
            tuple_(decisions.c.instrument_id, decisions.c.as_of).in_(asked),
            decisions.c.provenance == provenance,
            strategies.c.name == name,
        )
        .group_by(decisions.c.instrument_id, decisions.c.as_of)
    )
    return {(row.instrument_id, row.as_of): row.n for row in found}


def seal_members(session: Session, decision_id: int) -> list[Stored]:
    """Return what a seal covers in its order: the decision, then its rows by table and id."""
    found = session.execute(_seal_members(), {"decision_id": decision_id})
    return [Stored(row.id, Digest(row.record_digest)) for row in found]


@cache
def _seal_members() -> CompoundSelect[int, Any, Any]:
    """Return the statement, once: it is put together from eight, and asked by every decision."""
    decisions, asked = table("decisions"), bindparam("decision_id", type_=BigInteger)
    parts: list[Select[int, Any, Any]] = [_members(decisions, 0).where(decisions.c.id == asked)]
    for position, name in enumerate(SEAL_ORDER, start=1):
        rows = table(name)
        parts.append(_members(rows, position).where(rows.c.decision_id == asked))
    return union_all(*parts).order_by("position", "id")


def progress(session: Session, workflow_ids: Sequence[str]) -> list[Progress]:
    """Return how far the executions of these engine workflows are, oldest first."""
    executions, decisions = table("workflow_executions"), table("decisions")
    found = session.execute(
        select(
            executions.c.id.label("execution_id"),
            executions.c.workflow_id,
            executions.c.status,
            func.count(decisions.c.id).label("decisions"),
            func.count()
            .filter(decisions.c.status.in_(["completed", "failed", "cancelled"]))
            .label("ended"),
            func.count().filter(decisions.c.status == "failed").label("failed"),
        )
        .join_from(executions, decisions, decisions.c.execution_id == executions.c.id)
        .where(executions.c.workflow_id.in_(workflow_ids))
        .group_by(executions.c.id, executions.c.workflow_id, executions.c.status)
        .order_by(executions.c.id)
    )
    return [
        Progress(
            execution_id=row.execution_id,
            workflow_id=row.workflow_id,
            status=ExecutionStatus(row.status),
            decisions=row.decisions,
            ended=row.ended,
            failed=row.failed,
        )
        for row in found
    ]


def decision_counts(session: Session, execution_id: int) -> dict[DecisionStatus, int]:
    """Return how many decisions of an execution stand where."""
    decisions = table("decisions")
    found = session.execute(
        select(decisions.c.status, func.count().label("n"))
        .where(decisions.c.execution_id == execution_id)
        .group_by(decisions.c.status)
    )
    return {DecisionStatus(row.status): row.n for row in found}


def execution_events(session: Session, execution_id: int) -> list[Digest]:
    """Return the digests of an execution's events, by id."""
    events = table("execution_events")
    found = session.execute(
        select(events.c.record_digest)
        .where(events.c.execution_id == execution_id)
        .order_by(events.c.id)
    )
    return [Digest(digest) for digest in found.scalars()]


def sealed_decisions(session: Session, execution_id: int) -> list[SealedDecision]:
    """Return the decisions of an execution that ended, in the order of the request."""
    decisions, events, seals = table("decisions"), table("decision_events"), table("decision_seals")
    of_decision = (
        select(func.array_agg(aggregate_order_by(events.c.record_digest, events.c.id)))
        .where(events.c.decision_id == decisions.c.id)
        .scalar_subquery()
    )
    found = session.execute(
        select(
            decisions.c.record_digest.label("decision"),
            of_decision.label("events"),
            seals.c.record_digest.label("seal"),
        )
        .join_from(decisions, seals, seals.c.decision_id == decisions.c.id)
        .where(decisions.c.execution_id == execution_id)
        .order_by(decisions.c.id)
    )
    return [
        SealedDecision(
            decision=Digest(row.decision),
            events=[Digest(digest) for digest in row.events],
            seal=Digest(row.seal),
        )
        for row in found
    ]


def row_with_digest(session: Session, name: str, digest: Digest) -> Stored | None:
    """Return the row of table `name` that has this digest, if there is one."""
    rows = table(name)
    found = session.execute(select(rows.c.id).where(rows.c.record_digest == digest)).scalar()
    return None if found is None else Stored(found, digest)


def blob_keys(session: Session, digests: Sequence[str]) -> dict[str, str]:
    """Return the keys of stored bytes, by digest, of those that are there."""
    blobs = table("blobs")
    found = session.execute(select(blobs.c.digest, blobs.c.key).where(blobs.c.digest.in_(digests)))
    return {row.digest: row.key for row in found}


def active_charts_before(
    session: Session, instant: datetime, *, after_id: int = 0, limit: int | None = None
) -> list[Stored]:
    """Return the active charts generated before `instant`, by id: at most `limit`."""
    charts = table("charts")
    found = session.execute(
        select(charts.c.id, charts.c.record_digest)
        .where(charts.c.status == "active", charts.c.generated_at < instant, charts.c.id > after_id)
        .order_by(charts.c.id)
        .limit(limit)
    )
    return [Stored(row.id, Digest(row.record_digest)) for row in found]


def table(name: str) -> Table:
    """Return the table of that name in our schema."""
    return metadata.tables[f"tapetrail.{name}"]


def resumptions_of(execution_id: ColumnElement[int]) -> ScalarSelect[int]:
    """Return how often an execution was resumed after a stop, as an expression."""
    events = table("execution_events")
    return (
        select(func.count())
        .where(events.c.execution_id == execution_id, events.c.from_status == "stopped")
        .where(events.c.to_status == "running")
        .scalar_subquery()
    )


def _members(rows: Table, position: int) -> Select[int, Any, Any]:
    return select(literal(position).label("position"), rows.c.id, rows.c.record_digest)
