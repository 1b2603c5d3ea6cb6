"""Runs and decisions of others as they are opened, and what they stand on."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice
from typing import Final

from sqlalchemy.orm import Session

from tapetrail.core.canonical import canonical_json, digest_bytes
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.exchanges import mic_of
from tapetrail.core.recording.entries import DecisionOpened, ExecutionOpened, instant_or
from tapetrail.core.recording.taken import DecisionAbandoned, DecisionEnded
from tapetrail.core.records.base import Stored, digest_of
from tapetrail.core.records.external import (
    ExternalDecisionRecord,
    ExternalExecutionRecord,
    ExternalInstrumentRecord,
)
from tapetrail.core.records.runs import ExecutionFacts
from tapetrail.core.records.states import (
    DecisionStatus,
    ExecutionStatus,
    Provenance,
    RunType,
)
from tapetrail.sources.calendars import has_calendar
from tapetrail.store import appends, reads, recordings
from tapetrail.store.recordings import KnownDecision, KnownExecution
from tapetrail.workflows.ending_external import (
    ABANDONED,
    begin_decision,
    begin_execution,
)
from tapetrail.workflows.runtime import runtime_record

_LATER_TRY: Final = re.compile(r"(?P<key>.+) \((?P<number>[2-9]|[1-9][0-9]+)\)")
"""How the second and later runs under one key are called."""
NEVER_CLOSES: Final = "24/7"
CRYPTO: Final = frozenset({"crypto", "crypto_perp"})


def new_execution(session: Session, told: ExecutionOpened) -> KnownExecution:
    """Append a run of others, and say that it runs."""
    strategy = _strategy(session, told)
    record = ExternalExecutionRecord(
        strategy=strategy,
        runtime=runtime_of(session),
        facts=ExecutionFacts(
            run_type=RunType.EXTERNAL,
            provenance=Provenance.EXTERNAL,
            as_of=instant_or(told.as_of, told.at),
            debug_mode=False,
            actor=told.actor,
            config=told.config,
            created_at=told.at,
        ),
        external_id=told.external_id,
        execution_key=told.key,
        agent=told.agent,
        agent_version=told.agent_version,
        mode=told.mode,
    )
    stored = appends.append(session, record)
    begin_execution(session, stored, actor=told.actor, reason="opened by its program", at=told.at)
    return KnownExecution(
        stored=stored,
        external_id=told.external_id,
        strategy=strategy,
        strategy_name=told.strategy,
        status=ExecutionStatus.RUNNING,
        error=None,
        mode=told.mode,
        actor=told.actor,
        agent=told.agent,
        key=told.key,
    )


def new_decision(
    session: Session,
    told: DecisionOpened,
    *,
    execution: KnownExecution,
    instrument: Stored | None,
    portfolio: Stored | None,
) -> KnownDecision:
    """Append a decision of others, and say that it runs.

    Raises `DecisionAbandoned` in a run that has ended.
    """
    if execution.status.has_ended:
        raise DecisionAbandoned(f"run {execution.external_id}: it has ended as {execution.status}")
    as_of = instant_or(told.as_of, told.at)
    record = ExternalDecisionRecord(
        execution=execution.stored,
        instrument=instrument,
        symbol=told.symbol,
        as_of=as_of,
        run_no=_run_no(session, told, execution=execution, instrument=instrument),
        scope=told.scope,
        created_at=told.at,
        external_id=told.external_id,
        decision_key=told.key,
        portfolio=portfolio,
    )
    stored = appends.append(session, record)
    begin_decision(
        session, stored, actor=execution.actor, reason="opened by its program", at=told.at
    )
    return KnownDecision(
        stored=stored,
        external_id=told.external_id,
        execution_id=execution.stored.id,
        instrument=instrument,
        symbol=told.symbol,
        as_of=as_of,
        status=DecisionStatus.RUNNING,
        error_kind=None,
    )


def run_with_key(
    session: Session, told: ExecutionOpened
) -> tuple[ExecutionOpened, KnownExecution | None]:
    """Return the run that goes on under a key, or else the entry with a key that is free.

    One that was given up keeps its key, so the next is called `KEY (2)`. Raises `DecisionEnded` for
    one that ended in any other way.
    """
    appends.lock_name(session, f"run {told.agent} {told.key}")
    keys = _keys(told.key)
    while True:
        key = next(keys)
        known = recordings.execution(session, agent=told.agent, key=key)
        if known is None or not known.status.has_ended:
            return replace(told, key=key), known
        if known.error != ABANDONED.error_message:
            raise DecisionEnded(
                f"run {key!r} of agent {told.agent or '(none)'}: it has ended as {known.status};"
                " give the new run another key"
            )


def decision_with_key(
    session: Session,
    told: DecisionOpened,
    *,
    execution: KnownExecution,
    instrument: Stored | None,
) -> tuple[DecisionOpened, KnownDecision | None]:
    """Return the decision that goes on under a key, or else the entry with a key that is free.

    As with runs; one that was given up after its signal is not decided anew. What is sent late goes
    on with none, and lies beside it without a key. Raises `DecisionEnded`.
    """
    appends.lock_name(session, f"decision {execution.stored.id} {told.key}")
    free = told.key
    for run in (*_given_up_before(session, execution), execution):
        for free in _keys(told.key):
            known = recordings.decision_with_key(
                session,
                execution_id=run.stored.id,
                scope=told.scope,
                instrument_id=None if instrument is None else instrument.id,
                key=free,
            )
            if known is None:
                break
            if told.is_late:
                return replace(told, key=None), None
            if not known.status.has_ended:
                return replace(told, key=free), known
            _refuse_decided(session, told, known)
    return replace(told, key=free), None


def _given_up_before(session: Session, execution: KnownExecution) -> Iterator[KnownExecution]:
    """Yield the runs that had a run's key before it, and were given up."""
    later = _LATER_TRY.fullmatch(execution.key or "")
    if later is None:
        return
    for key in islice(_keys(later["key"]), int(later["number"]) - 1):
        found = recordings.execution(session, agent=execution.agent, key=key)
        if found is not None and found.error == ABANDONED.error_message:
            yield found


def _refuse_decided(session: Session, told: DecisionOpened, known: KnownDecision) -> None:
    """Raise `DecisionEnded` for a decision that ended, unless it was given up before its signal."""
    is_given_up = known.error_kind == ErrorKind.ABANDONED
    if is_given_up and recordings.deciding_signal(session, known.stored.id) is None:
        return
    raise DecisionEnded(
        f"decision {told.key!r} about {told.symbol or 'a portfolio'}: it has ended as"
        f" {known.status}, with number {known.stored.id}"
        f"{': given up after its signal' if is_given_up else ''}"
    )


def _keys(key: str | None) -> Iterator[str]:
    """Yield a key, then those of later tries under it."""
    yield str(key)
    for number in count(2):
        yield f"{key} ({number})"


def instrument_of(session: Session, told: DecisionOpened) -> Stored:
    """Return the row of what is decided about, which a symbol alone may name."""
    if told.symbol is None:
        raise InvalidInput("decision: it names no symbol; a portfolio has none, others have one")
    exchange = None if told.exchange is None else mic_of(told.exchange)
    record = ExternalInstrumentRecord(
        symbol=told.symbol,
        exchange=exchange,
        currency=told.currency,
        calendar=_calendar(exchange, told.asset_class),
        asset_class=told.asset_class,
    )
    return appends.append_external_instrument(session, record)


def _strategy(session: Session, told: ExecutionOpened) -> Stored | None:
    """Return the version of a strategy that others name; another version of their agent is one."""
    if told.strategy is None:
        return None
    spec = {"agent": told.agent, "agent_version": told.agent_version, "name": told.strategy}
    return appends.append_strategy(
        session,
        name=told.strategy,
        version=None,
        spec=spec,
        digest=digest_bytes(canonical_json(spec)),
        kind="external",
    )


def runtime_of(session: Session) -> Stored:
    """Return the row of what runs here."""
    record = runtime_record()
    found = reads.row_with_digest(session, record.TABLE, digest_of(record))
    return found or appends.append_or_same(session, record, unique=("record_digest",))


def _run_no(
    session: Session,
    told: DecisionOpened,
    *,
    execution: KnownExecution,
    instrument: Stored | None,
) -> int:
    """Return the how-manieth pass this is, where it says as of when; else it is the first."""
    if told.as_of is None or execution.strategy is None or instrument is None:
        return 1
    appends.lock_name(session, "passes")
    before = reads.passes(
        session,
        [(instrument.id, told.as_of)],
        strategy_id=execution.strategy.id,
        provenance=Provenance.EXTERNAL,
    )
    return before.get((instrument.id, told.as_of), 0) + 1


def _calendar(exchange: str | None, asset_class: str | None) -> str | None:
    if asset_class in CRYPTO:
        return NEVER_CLOSES
    return exchange if exchange is not None and has_calendar(exchange) else None
