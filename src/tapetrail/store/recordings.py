"""What taking in the rows of others asks of the record."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy import text as sql_text
from sqlalchemy.orm import Session

from tapetrail.core.canonical import Digest
from tapetrail.core.recording.taken import KnownSignal
from tapetrail.core.records.base import Stored
from tapetrail.core.records.states import DecisionStatus, ExecutionStatus, RunMode
from tapetrail.store.reads import table

_TOLD_OF: Final = """
    SELECT '{name}' AS named, t.id, t.record_digest, t.decision_id, t.external_id,
           NULL AS image, NULL AS timeframe, NULL AS chart_id, NULL AS chart_digest, NULL AS status
    FROM tapetrail.{name} t WHERE {{where}}
"""
_TOLD: Final = " UNION ALL ".join((
    """
    SELECT 'charts' AS named, t.id, t.record_digest, t.decision_id, t.external_id,
           t.jpeg_digest AS image, t.timeframe, CAST(NULL AS bigint) AS chart_id,
           NULL AS chart_digest, NULL AS status
    FROM tapetrail.charts t WHERE {where}
    UNION ALL
    SELECT 'llm_analyses', t.id, t.record_digest, t.decision_id, t.external_id,
           NULL, t.timeframe, c.id, c.record_digest, t.status
    FROM tapetrail.llm_analyses t LEFT JOIN tapetrail.charts c ON c.id = t.chart_id WHERE {where}
    """,
    *(_TOLD_OF.format(name=name)
      for name in ("market_snapshots", "llm_attempts", "decision_inputs", "trading_signals")),
))  # fmt: skip
"""What was told of a decision that is open, whatever the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRow:
    """A row that somebody sent: where it is, and what others of its decision need of it.

    `image` and `timeframe` are a chart's; an analysis has its chart, and `is_answer` where it
    answered.
    """

    table: str
    stored: Stored
    decision_id: int
    image: Digest | None = None
    timeframe: str | None = None
    chart: Stored | None = None
    is_answer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownExecution:
    """A run of others, as it stands."""

    stored: Stored
    external_id: str
    strategy: Stored | None
    strategy_name: str | None
    status: ExecutionStatus
    error: str | None
    mode: RunMode
    actor: str
    agent: str | None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDecision:
    """A decision of others, as it stands."""

    stored: Stored
    external_id: str
    execution_id: int
    instrument: Stored | None
    symbol: str | None
    as_of: datetime
    status: DecisionStatus
    error_kind: str | None


def execution(
    session: Session, *, external_id: str | None = None, agent: str | None, key: str | None = None
) -> KnownExecution | None:
    """Return a run of others, by its id or by its agent's name for it."""
    executions, strategies = table("workflow_executions"), table("strategies")
    statement = select(
        executions.c.id,
        executions.c.record_digest,
        executions.c.external_id,
        executions.c.status,
        executions.c.error,
        executions.c.mode,
        executions.c.actor,
        executions.c.agent,
        executions.c.execution_key,
        strategies.c.id.label("strategy_id"),
        strategies.c.record_digest.label("strategy_digest"),
        strategies.c.name.label("strategy_name"),
    ).outerjoin_from(executions, strategies, executions.c.strategy_id == strategies.c.id)
    if external_id is not None:
        statement = statement.where(executions.c.external_id == external_id)
    else:
        statement = statement.where(
            executions.c.agent.is_not_distinct_from(agent), executions.c.execution_key == key
        )
    row = session.execute(statement).one_or_none()
    if row is None:
        return None
    has_strategy = row.strategy_id is not None
    return KnownExecution(
        stored=Stored(row.id, Digest(row.record_digest)),
        external_id=row.external_id,
        strategy=Stored(row.strategy_id, Digest(row.strategy_digest)) if has_strategy else None,
        strategy_name=row.strategy_name,
        status=ExecutionStatus(row.status),
        error=row.error,
        mode=RunMode(row.mode or RunMode.LIVE),
        actor=row.actor,
        agent=row.agent,
        key=row.execution_key,
    )


def decision(session: Session, external_id: str) -> KnownDecision | None:
    """Return a decision of others by its id."""
    return _decision(session, table("decisions").c.external_id == external_id)


def decision_with_key(
    session: Session, *, execution_id: int, scope: str, instrument_id: int | None, key: str
) -> KnownDecision | None:
    """Return the decision that a program calls `key`, in a run and about an instrument or none."""
    rows = table("decisions").c
    return _decision(
        session,
        (rows.execution_id == execution_id)
        & (rows.scope == scope)
        & rows.instrument_id.is_not_distinct_from(instrument_id)
        & (rows.decision_key == key),
    )


def _decision(session: Session, where: Any) -> KnownDecision | None:
    rows, instruments = table("decisions"), table("instruments")
    statement = (
        select(
            rows.c.id,
            rows.c.record_digest,
            rows.c.external_id,
            rows.c.execution_id,
            rows.c.symbol,
            rows.c.as_of,
            rows.c.status,
            rows.c.error_kind,
            instruments.c.id.label("instrument_id"),
            instruments.c.record_digest.label("instrument_digest"),
        )
        .outerjoin_from(rows, instruments, rows.c.instrument_id == instruments.c.id)
        .where(where)
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        return None
    is_named = row.instrument_id is not None
    return KnownDecision(
        stored=Stored(row.id, Digest(row.record_digest)),
        external_id=row.external_id,
        execution_id=row.execution_id,
        instrument=Stored(row.instrument_id, Digest(row.instrument_digest)) if is_named else None,
        symbol=row.symbol,
        as_of=row.as_of,
        status=DecisionStatus(row.status),
        error_kind=row.error_kind,
    )


def rows_of(session: Session, decision_id: int) -> dict[str, KnownRow]:
    """Return what was told of a decision so far, by the senders' ids."""
    found = session.execute(sql_text(_TOLD.format(where="t.decision_id = :number")),
                            {"number": decision_id})  # fmt: skip
    return {row.external_id: _known(row) for row in found}


def row(session: Session, external_id: str) -> KnownRow | None:
    """Return one row that somebody sent, of whatever decision."""
    found = session.execute(sql_text(_TOLD.format(where="t.external_id = :sent")),
                            {"sent": external_id}).first()  # fmt: skip
    return None if found is None else _known(found)


def samples(session: Session, decision_id: int) -> dict[tuple[str, str], int]:
    """Return how often each analyst was asked each question in a decision: the highest number."""
    found: dict[tuple[str, str], int] = {}
    for name in ("llm_analyses", "llm_attempts"):
        rows = table(name)
        for question, analyst, number in session.execute(
            select(rows.c.question, rows.c.analyst, rows.c.sample_no).where(
                rows.c.decision_id == decision_id
            )
        ):
            found[question, analyst] = max(number, found.get((question, analyst), 0))
    return found


def deciding_signal(session: Session, decision_id: int) -> KnownSignal | None:
    """Return the deciding signal of a decision."""
    rows = table("trading_signals").c
    found = session.execute(
        select(rows.external_id, rows.id, rows.record_digest, rows.order_ref)
        .where(rows.decision_id == decision_id)
        .where(rows.role == "deciding")
    ).first()
    if found is None:
        return None
    return KnownSignal(
        external_id=found.external_id,
        id=found.id,
        record_digest=Digest(found.record_digest),
        order_ref=found.order_ref,
    )


def signal_with_ref(session: Session, order_ref: str) -> KnownRow | None:
    """Return the newest signal that a program knows by this reference."""
    rows = table("trading_signals")
    found = session.execute(
        select(rows.c.id, rows.c.record_digest, rows.c.decision_id)
        .where(rows.c.order_ref == order_ref)
        .order_by(rows.c.id.desc())
        .limit(1)
    ).first()
    if found is None:
        return None
    return KnownRow(
        table="trading_signals",
        stored=Stored(found.id, Digest(found.record_digest)),
        decision_id=found.decision_id,
    )


def reply_of(session: Session, attempt_id: int) -> Stored | None:
    """Return what came back for a call, None as long as nothing did."""
    rows = table("llm_replies")
    found = session.execute(
        select(rows.c.id, rows.c.record_digest).where(rows.c.attempt_id == attempt_id)
    ).first()
    return None if found is None else Stored(found.id, Digest(found.record_digest))


def is_there(session: Session, name: str, external_id: str) -> Stored | None:
    """Return the row of a table that somebody sent under this id."""
    rows = table(name)
    found = session.execute(
        select(rows.c.id, rows.c.record_digest).where(rows.c.external_id == external_id)
    ).first()
    return None if found is None else Stored(found.id, Digest(found.record_digest))


def execution_of_decision(session: Session, decision_id: int) -> tuple[Stored, Stored]:
    """Return a decision's execution and the decision."""
    decisions, executions = table("decisions"), table("workflow_executions")
    found = session.execute(
        select(
            executions.c.id,
            executions.c.record_digest,
            decisions.c.id.label("decision_id"),
            decisions.c.record_digest.label("decision_digest"),
        )
        .join_from(decisions, executions, decisions.c.execution_id == executions.c.id)
        .where(decisions.c.id == decision_id)
    ).one()
    return (
        Stored(found.id, Digest(found.record_digest)),
        Stored(found.decision_id, Digest(found.decision_digest)),
    )


def external_id_of_execution(session: Session, number: int) -> str | None:
    """Return the sender's id of a run."""
    rows = table("workflow_executions")
    return session.scalar(select(rows.c.external_id).where(rows.c.id == number))


def _known(found: Any) -> KnownRow:
    chart = None
    if found.chart_id is not None:
        chart = Stored(found.chart_id, Digest(found.chart_digest))
    return KnownRow(
        table=found.named,
        stored=Stored(found.id, Digest(found.record_digest)),
        decision_id=found.decision_id,
        image=None if found.image is None else Digest(found.image),
        timeframe=found.timeframe,
        chart=chart,
        is_answer=found.status == "completed",
    )
