"""Orders and notes into the record: they may follow a decision's end, and name it by its digest."""

from sqlalchemy.orm import Session

from tapetrail.core.canonical import Digest, storable_text
from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.core.recording.again import derived_id
from tapetrail.core.recording.entries import ExecutionEnd, NoteLogged, OrderLogged
from tapetrail.core.records.afterwards import NoteRecord, OrderEventRecord
from tapetrail.core.records.base import Stored
from tapetrail.core.records.states import NoteKind
from tapetrail.store import appends, recordings
from tapetrail.store.recordings import KnownExecution


def append_order(session: Session, told: OrderLogged) -> Stored:
    """Append where an order stood, unless it is there. Raises `NotFound` for what it follows."""
    if (
        found := recordings.is_there(session, OrderEventRecord.TABLE, told.external_id)
    ) is not None:
        return found
    execution, decision, signal = _followed(session, told)
    if execution is None or decision is None:
        raise InvalidInput("order: it follows a decision; name one, or the order_ref of its signal")
    return appends.append(
        session,
        OrderEventRecord(
            execution=execution,
            decision=decision,
            signal=signal,
            broker=told.broker,
            order_mode=told.mode,
            client_order_id=told.client_order_id,
            broker_order_id=told.broker_order_id,
            status=told.status,
            side=told.side,
            quantity=told.quantity,
            price=told.price,
            filled=told.filled,
            raw_digest=None if told.raw is None else Digest(told.raw),
            happened_at=told.happened_at,
            logged_at=told.at,
            actor=told.actor,
            external_id=told.external_id,
        ),
    )


def append_note(session: Session, told: NoteLogged) -> Stored:
    """Append what somebody says, unless it is there. Raises `NotFound` for what it is about."""
    found = recordings.is_there(session, NoteRecord.TABLE, told.external_id)
    if found is not None:
        return found
    execution, decision, signal = _followed(session, told)
    if execution is None:
        raise InvalidInput("note: it is about a run, a decision or a signal; name one")
    return appends.append(
        session,
        NoteRecord(
            execution=execution,
            decision=decision,
            signal=signal,
            kind=told.kind,
            text=storable_text(told.text),
            actor=told.actor,
            at=told.at,
            external_id=told.external_id,
        ),
    )


def append_early_end(session: Session, run: KnownExecution, told: ExecutionEnd) -> None:
    """Append that a program broke a run off in which others still decide, unless it just ended."""
    if told.error is None and not told.is_cancelled:
        return
    said = told.error or "cancelled"
    note = NoteLogged(
        external_id=derived_id(told.external_id),
        at=told.at,
        actor=run.actor,
        execution=run.external_id,
        kind=NoteKind.INCIDENT,
        text=f"broken off by one of its programs, while decisions were open: {said}",
    )
    append_note(session, note)


def _followed(
    session: Session, told: OrderLogged | NoteLogged
) -> tuple[Stored | None, Stored | None, Stored | None]:
    """Return run, decision and signal that something follows, as far as it names them."""
    if told.order_ref is not None:
        signal = recordings.signal_with_ref(session, told.order_ref)
        if signal is None:
            raise NotFound(f"no signal has the order reference {told.order_ref!r}")
        execution, decision = recordings.execution_of_decision(session, signal.decision_id)
        return execution, decision, signal.stored
    if told.decision is not None:
        known = recordings.decision(session, told.decision)
        if known is None:
            raise NotFound(f"no decision was opened under {told.decision}")
        execution, decision = recordings.execution_of_decision(session, known.stored.id)
        return execution, decision, None
    if isinstance(told, NoteLogged) and told.execution is not None:
        run = recordings.execution(session, external_id=told.execution, agent=None)
        if run is None:
            raise NotFound(f"no run was opened under {told.execution}")
        return run.stored, None, None
    return None, None, None
