"""Entries of others into the record: a row for each, once, however often it is sent.

1. What an entry names by its sender's id is looked up; what is there already is not added again.
2. A run or a decision with a key goes on where one with that key has not ended: the entry's own id
   then stands for the one that is there.
3. Rows are appended in the order in which they were told, in the caller's transaction.
4. What is told of a decision that was given up meanwhile, because its program could not be heard,
   is `DecisionAbandoned`: sent as a whole under ids of its own, it becomes a decision beside it.

What an intake knows of rows it keeps only after the caller has committed them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from sqlalchemy.orm import Session

from tapetrail.blobs.protocol import BlobStore, Place
from tapetrail.core.blob_keys import object_key
from tapetrail.core.canonical import Digest
from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.core.failures import Failure
from tapetrail.core.recording.again import derived_id
from tapetrail.core.recording.entries import (
    AnalysisLogged,
    BarsLogged,
    CallBegun,
    CallEnded,
    ChartLogged,
    DecisionEnd,
    DecisionOpened,
    Entry,
    ExecutionEnd,
    ExecutionOpened,
    InputLogged,
    NoteLogged,
    OrderLogged,
    SignalLogged,
)
from tapetrail.core.recording.taken import DecisionAbandoned, DecisionEnded, Taken
from tapetrail.core.records.answers import AnalysisChartRecord
from tapetrail.core.records.base import Record, Stored
from tapetrail.core.records.seals import EndState
from tapetrail.core.records.states import (
    DecisionScope,
    DecisionStatus,
    ExecutionStatus,
)
from tapetrail.store import appends, leases, reads, recordings
from tapetrail.store.recordings import KnownDecision, KnownExecution, KnownRow
from tapetrail.workflows import told_rows
from tapetrail.workflows.afterwards import append_early_end, append_note, append_order
from tapetrail.workflows.ending_external import (
    end_decision,
    end_execution,
    has_open,
)
from tapetrail.workflows.told_openings import (
    decision_with_key,
    instrument_of,
    new_decision,
    new_execution,
    run_with_key,
)
from tapetrail.workflows.told_rows import OpenDecision

Told: TypeAlias = (
    BarsLogged | ChartLogged | InputLogged | CallBegun | CallEnded | AnalysisLogged | SignalLogged
)


@dataclass(slots=True, kw_only=True)
class Intake:
    """Takes entries in. `holder` is who works on what is open; None for what was told before."""

    blobs: BlobStore
    clock: Callable[[], datetime]
    holder: str | None
    _executions: dict[str, KnownExecution] = field(default_factory=dict[str, KnownExecution])
    _open: dict[str, OpenDecision] = field(default_factory=dict[str, OpenDecision])
    _instruments: dict[object, Stored] = field(default_factory=dict[object, Stored])

    def take(self, session: Session, entries: Sequence[Entry]) -> list[Taken]:
        """Return what became of each entry. Raises `DecisionEnded`, `InvalidInput`."""
        return [self._take(session, entry) for entry in entries]

    def forget(self, *external_ids: str) -> None:
        """Know nothing any more of what these entries opened: their rows may not be there."""
        for external_id in external_ids:
            self._open.pop(external_id, None)
            self._executions.pop(external_id, None)
        # An instrument may have been new, and is not there after all: its next decision would be
        # refused, and so would every other one about it.
        self._instruments.clear()

    def _take(self, session: Session, entry: Entry) -> Taken:
        match entry:
            case ExecutionOpened():
                taken = self._open_execution(session, entry)
            case DecisionOpened():
                taken = self._open_decision(session, entry)
            case DecisionEnd():
                taken = self._end_decision(session, entry)
            case ExecutionEnd():
                taken = self._end_execution(session, entry)
            case OrderLogged():
                taken = _of_row("order_events", entry.external_id, append_order(session, entry))
            case NoteLogged():
                taken = _of_row("notes", entry.external_id, append_note(session, entry))
            case _:
                taken = self._add(session, entry)
        return taken

    def _open_execution(self, session: Session, told: ExecutionOpened) -> Taken:
        known = self._executions.get(told.external_id)
        known = known or recordings.execution(
            session, external_id=told.external_id, agent=told.agent
        )
        free = told
        if known is None and told.key is not None:
            free, known = run_with_key(session, told)
        goes_on = known is not None
        known = known or new_execution(session, free)
        if known.status is ExecutionStatus.RUNNING and told.external_id not in self._executions:
            # Whoever holds it already renews it; each of its decisions tells of it once more.
            leases.hold(session, execution_id=known.stored.id, decision_id=None, holder=self.holder)
        self._executions[told.external_id] = known
        return Taken(
            external_id=known.external_id,
            table="workflow_executions",
            id=known.stored.id,
            record_digest=known.stored.digest,
            goes_on=goes_on,
        )

    def _open_decision(self, session: Session, told: DecisionOpened) -> Taken:
        execution = self._execution_of(session, told.execution)
        instrument = self._instrument(session, told)
        known, free = recordings.decision(session, told.external_id), told
        if known is None and told.was_recorded:
            raise InvalidInput(
                f"decision {told.external_id} about {told.symbol or 'a portfolio'}: it was begun in"
                " another record, and is not in this one; send it there"
            )
        if known is None and told.key is not None:
            free, known = decision_with_key(
                session, told, execution=execution, instrument=instrument
            )
        goes_on = known is not None
        if known is not None and known.execution_id != execution.stored.id:
            # It lies in the run that was opened beside this one, which was given up.
            execution = _execution_with(session, known)
        known = known or new_decision(
            session,
            free,
            execution=execution,
            instrument=instrument,
            portfolio=self._portfolio(session, told),
        )
        book = OpenDecision(execution=execution, decision=known)
        if goes_on:
            book.rows = recordings.rows_of(session, known.stored.id)
        self._open[told.external_id] = book
        if self.holder and not told.is_late and known.status is DecisionStatus.RUNNING:
            leases.hold(
                session,
                execution_id=execution.stored.id,
                decision_id=known.stored.id,
                holder=self.holder,
            )
        return Taken(
            external_id=known.external_id,
            table="decisions",
            id=known.stored.id,
            record_digest=known.stored.digest,
            goes_on=goes_on,
            samples=recordings.samples(session, known.stored.id) if goes_on else {},
            signal=recordings.deciding_signal(session, known.stored.id) if goes_on else None,
        )

    def _portfolio(self, session: Session, told: DecisionOpened) -> Stored | None:
        if told.portfolio is None:
            return None
        return self._book(session, told.portfolio).decision.stored

    def _add(self, session: Session, told: Told) -> Taken:
        """Append what is told of an open decision, unless it is there."""
        book = self._book(session, told.decision)
        known = book.rows.get(told.external_id)
        if known is None:
            _refuse_ended(book.decision)
            known = self._row(session, book, told)
            book.rows[told.external_id] = known
        return _of_row(known.table, told.external_id, known.stored)

    def _row(self, session: Session, book: OpenDecision, told: Told) -> KnownRow:
        match told:
            case ChartLogged():
                known = self._chart(session, book, told)
            case AnalysisLogged():
                known = self._analysis(session, book, told)
            case SignalLogged():
                known = self._signal(session, book, told)
            case BarsLogged():
                known = _known(session, book, told_rows.snapshot_of(book, told))
            case InputLogged():
                known = _known(session, book, told_rows.input_of(book, told))
            case CallBegun():
                known = _known(session, book, told_rows.attempt_of(book, told))
            case CallEnded():
                known = _reply(session, book, told)
        return known

    def _chart(self, session: Session, book: OpenDecision, told: ChartLogged) -> KnownRow:
        record = told_rows.chart_of(book, told, self._places(session, told))
        known = _known(session, book, record)
        return replace(known, image=record.jpeg_digest, timeframe=told.timeframe)

    def _analysis(self, session: Session, book: OpenDecision, told: AnalysisLogged) -> KnownRow:
        for each in told.charts:
            self._read(session, book, each)
        record = told_rows.analysis_of(book, told)
        stored = appends.append(session, record)
        links: list[Record] = [
            AnalysisChartRecord(
                refs=book.refs,
                analysis=stored,
                chart=book.rows[each].stored,
                image_digest=book.rows[each].image,
            )
            for each in told.charts
        ]
        appends.append_all(session, links)
        read = [self._read(session, book, each) for each in told.reads]
        appends.append_all(session, told_rows.read_by_analysis(book, stored, read))
        return KnownRow(
            table=record.TABLE,
            stored=stored,
            decision_id=book.decision.stored.id,
            timeframe=record.timeframe,
            chart=record.chart,
            is_answer=told.error_message is None,
        )

    def _signal(self, session: Session, book: OpenDecision, told: SignalLogged) -> KnownRow:
        read = [self._read(session, book, each) for each in told.reads]
        known = _known(session, book, told_rows.signal_of(book, told))
        appends.append_all(session, told_rows.read_by_signal(book, known.stored, read))
        return known

    def _read(self, session: Session, book: OpenDecision, external_id: str) -> KnownRow:
        """Return a row that is read, of this decision or of another one of its run."""
        if external_id not in book.rows:
            found = recordings.row(session, external_id)
            if found is None:
                raise NotFound(f"nothing was told under {external_id}")
            book.rows[external_id] = found
        return book.rows[external_id]

    def _end_decision(self, session: Session, told: DecisionEnd) -> Taken:
        book = self._book(session, told.decision)
        known = book.decision
        # One whose program died may have been taken up by another, which will end it.
        is_theirs = told.error_kind is ErrorKind.ABANDONED and leases.is_held(
            session, decision_id=known.stored.id
        )
        if known.status is DecisionStatus.RUNNING and not is_theirs:
            end_decision(session, known, _end_of(told), actor=book.execution.actor, at=told.at)
            self._open.pop(told.decision, None)
        elif not is_theirs and (known.status, known.error_kind) != (told.status, told.error_kind):
            _refuse_ended(known)
        return _of_row("decisions", told.external_id, known.stored)

    def _end_execution(self, session: Session, told: ExecutionEnd) -> Taken:
        known = _last_beside(session, self._execution_of(session, told.execution))
        if not known.status.has_ended:
            _end_run(session, known, told, holder=self.holder)
            self._executions.pop(told.execution, None)
        return _of_row("workflow_executions", told.external_id, known.stored)

    def _execution_of(self, session: Session, external_id: str) -> KnownExecution:
        found = self._executions.get(external_id)
        found = found or recordings.execution(session, external_id=external_id, agent=None)
        if found is None:
            raise NotFound(f"no run was opened under {external_id}")
        return found

    def _book(self, session: Session, external_id: str) -> OpenDecision:
        found = self._open.get(external_id)
        if found is None:
            known = recordings.decision(session, external_id)
            if known is None:
                raise NotFound(f"no decision was opened under {external_id}")
            found = OpenDecision(
                execution=_execution_with(session, known),
                decision=known,
                rows=recordings.rows_of(session, known.stored.id),
            )
            self._open[external_id] = found
        return found

    def _instrument(self, session: Session, told: DecisionOpened) -> Stored | None:
        if told.scope is DecisionScope.PORTFOLIO:
            return None
        key = (told.symbol, told.exchange, told.currency, told.asset_class)
        if key not in self._instruments:
            self._instruments[key] = instrument_of(session, told)
        return self._instruments[key]

    def _places(self, session: Session, told: ChartLogged) -> dict[str, Place]:
        named = {"image": told.image, **({"html": told.html} if told.html else {})}
        keys = reads.blob_keys(session, [*named.values()])
        return {
            name: self.blobs.place(keys.get(digest, object_key(Digest(digest))))
            for name, digest in named.items()
        }


def _known(session: Session, book: OpenDecision, record: Record) -> KnownRow:
    stored = appends.append(session, record)
    return KnownRow(table=record.TABLE, stored=stored, decision_id=book.decision.stored.id)


def _reply(session: Session, book: OpenDecision, told: CallEnded) -> KnownRow:
    """Append what came back for a call; of two replies the first one counts."""
    attempt = _needed(book, told.call, "llm_attempts")
    record = told_rows.reply_of(book, told, attempt.stored)
    there = recordings.reply_of(session, attempt.stored.id)
    if there is not None:
        return KnownRow(table=record.TABLE, stored=there, decision_id=book.decision.stored.id)
    return _known(session, book, record)


def _needed(book: OpenDecision, external_id: str, table: str) -> KnownRow:
    found = book.rows.get(external_id)
    if found is None or found.table != table:
        raise NotFound(f"nothing of {table} was told under {external_id}")
    return found


def _of_row(table: str, external_id: str, stored: Stored) -> Taken:
    return Taken(external_id=external_id, table=table, id=stored.id, record_digest=stored.digest)


def _refuse_ended(decision: KnownDecision) -> None:
    if decision.status.has_ended:
        kind = DecisionAbandoned if decision.error_kind == "abandoned" else DecisionEnded
        said = f" ({decision.error_kind})" if decision.error_kind else ""
        raise kind(f"decision {decision.stored.id}: it has ended as {decision.status}{said}")


def _end_of(told: DecisionEnd) -> EndState:
    failure = None
    if told.failed_stage is not None and told.error_kind is not None:
        failure = Failure(
            failed_stage=told.failed_stage,
            error_kind=told.error_kind,
            error_message=told.error_message or str(told.error_kind),
        )
    return EndState(status=told.status, failure=failure)


def _end_run(
    session: Session, run: KnownExecution, told: ExecutionEnd, *, holder: str | None
) -> None:
    number = run.stored.id
    if leases.is_shared(session, execution_id=number, holder=holder) or has_open(session, number):
        # Another program works in it, or died while it did: the run ends after that.
        leases.leave(session, execution_id=number, holder=holder)
        append_early_end(session, run, told)
    else:
        end_execution(session, run, at=told.at, is_cancelled=told.is_cancelled, error=told.error)


def _last_beside(session: Session, execution: KnownExecution) -> KnownExecution:
    """Return a run, or the last one that was opened beside it because it had been given up."""
    found: KnownExecution | None = execution
    while found is not None and found.status.has_ended:
        execution = found
        beside = derived_id(execution.external_id)
        found = recordings.execution(session, external_id=beside, agent=None)
    return found or execution


def _execution_with(session: Session, decision: KnownDecision) -> KnownExecution:
    external_id = recordings.external_id_of_execution(session, decision.execution_id)
    found = recordings.execution(session, external_id=external_id, agent=None)
    if found is None:
        raise NotFound(f"no run {decision.execution_id} of others")
    return found
