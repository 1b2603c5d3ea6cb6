"""How a decision ends: its answers recorded, its signal derived, its seal put on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy.orm import Session

from tapetrail.core.analysis.analyses import ConsolidatedAnalysis, EntryType
from tapetrail.core.analysis.questions import CONSOLIDATED, Evidence
from tapetrail.core.analysis.replies import AnswerKey
from tapetrail.core.analysis.signals import Signal, derive_signal
from tapetrail.core.errors import ErrorKind, InvalidInput, Stage, TapeTrailError
from tapetrail.core.failures import Failure
from tapetrail.core.market.bars import Calendar, Timeframe
from tapetrail.core.market.sessions import session_after
from tapetrail.core.records.answers import Answer, SignalRecord, StatedAnalysis
from tapetrail.core.records.base import Stored
from tapetrail.core.records.runs import DecisionEventRecord, ExecutionEventRecord
from tapetrail.core.records.seals import EndState
from tapetrail.core.records.states import (
    AnalysisStatus,
    DecisionStatus,
    ExecutionStatus,
    Provenance,
    Role,
)
from tapetrail.persistence import LLMAnalysisPersistenceService, ReadChart, ShownChart
from tapetrail.store import appends, reads
from tapetrail.store.reads import DecisionTask
from tapetrail.workflows.ask import Answered, Seat, failure_of, last_of
from tapetrail.workflows.recall import Rows
from tapetrail.workflows.sealing import seal_decision, seal_execution

_STATUSES: Final = {
    ErrorKind.REFUSED: AnalysisStatus.REFUSED,
    ErrorKind.BLOCKED: AnalysisStatus.REFUSED,
    ErrorKind.BUDGET_EXCEEDED: AnalysisStatus.BUDGET_EXCEEDED,
    **dict.fromkeys(
        (
            ErrorKind.UNPARSEABLE_REPLY,
            ErrorKind.NOT_JSON,
            ErrorKind.AGAINST_SCHEMA,
            ErrorKind.BAD_CONFIDENCE,
            ErrorKind.EMPTY_REPLY,
            ErrorKind.NULL_REPLY,
            ErrorKind.MALFORMED_REPLY,
            ErrorKind.TRUNCATED,
            ErrorKind.TRUNCATED_WITHOUT_TEXT,
            ErrorKind.NOT_JSON_BODY,
            ErrorKind.HTML_BODY,
        ),
        AnalysisStatus.UNPARSEABLE,
    ),
}
"""What an analysis is called that has no answer; other kinds have simply failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What the answers come to: the signal of each analyst that has one, or why there is none.

    `failure` is the decision's own; a shadow's stands with its consolidated answer.
    """

    answers: tuple[Answered, ...]
    signals: Mapping[AnswerKey, Signal]
    failure: Failure | None = None


def conclude(answers: Sequence[Answered], evidence: Evidence, *, calendar: Calendar) -> Conclusion:
    """Return what the answers come to, each analyst's for itself."""
    signals: dict[AnswerKey, Signal] = {}
    kept: list[Answered] = []
    ended: Failure | None = None
    for own in _by_seat(answers):
        seat = own[0].seat
        failure = failure_of(own, evidence)
        if failure is None and evidence.is_decided_on:
            whole = last_of(own)[CONSOLIDATED]
            try:
                signals[whole.key] = _signal(whole, evidence, calendar=calendar)
            except TapeTrailError as error:
                failure = Failure.of(Stage.SIGNAL, error)
        if seat.role is Role.DECIDING:
            ended = failure
        elif failure is not None:
            kept += [
                each.failed(failure) if each.question.name == CONSOLIDATED else each for each in own
            ]
            continue
        kept += own
    return Conclusion(answers=tuple(kept), signals=signals, failure=ended)


def append_conclusion(
    session: Session,
    conclusion: Conclusion,
    *,
    task: DecisionTask,
    rows: Rows,
    at: datetime,
) -> None:
    """Append every answer with the charts it read, and the signals."""
    travelled = {
        image.digest: image
        for answered in conclusion.answers
        for image in answered.heard.shown.values()
        if image is not None
    }
    appends.append_blobs(session, [*travelled.values()], at=at)
    analyses = LLMAnalysisPersistenceService(session).save_analyses(
        [
            (_answer(answered, rows.templates), _read_by(answered, rows.charts))
            for answered in conclusion.answers
        ],
        refs=task.refs,
    )
    for answered, row in zip(conclusion.answers, analyses, strict=True):
        signal = conclusion.signals.get(answered.key)
        if signal is not None:
            primary = rows.charts[answered.question.charts[0].timeframe][0]
            record = SignalRecord(
                refs=task.refs,
                chart=primary,
                llm_analysis=row,
                role=answered.seat.role,
                signal=signal,
                decided_at=_decided_at(answered, task),
                generated_at=at,
            )
            appends.append(session, record)


def begin(session: Session, task: DecisionTask, *, at: datetime) -> None:
    """Say that a decision runs."""
    _append_event(session, task, at=at, to_status=DecisionStatus.RUNNING, reason="started")


def end(session: Session, task: DecisionTask, *, failure: Failure | None, at: datetime) -> None:
    """End a decision: its last event, its seal, and the execution's end if it was the last."""
    status = DecisionStatus.FAILED if failure else DecisionStatus.COMPLETED
    done = "question answered" if task.is_question else "signal recorded"
    reason = "failed" if failure else done
    _append_event(session, task, at=at, to_status=status, reason=reason, failure=failure)
    seal_decision(session, task.refs.decision, EndState(status=status, failure=failure), at=at)
    _end_execution(session, task, at=at)


def _by_seat(answers: Sequence[Answered]) -> list[list[Answered]]:
    """Return the answers of each seat, in their order."""
    found: dict[Seat, list[Answered]] = {}
    for answered in answers:
        found.setdefault(answered.seat, []).append(answered)
    return list(found.values())


def _signal(answered: Answered, evidence: Evidence, *, calendar: Calendar) -> Signal:
    """Return the signal in a consolidated answer. Raises as `derive_signal` does."""
    analysis, strategy = answered.analysis, evidence.strategy
    if not isinstance(analysis, ConsolidatedAnalysis):
        raise InvalidInput("no consolidated analysis to decide on", kind=ErrorKind.NO_SIGNAL)
    return derive_signal(
        analysis,
        strategy.signal.settings(),
        timeframes=[str(chart.timeframe) for chart in answered.question.charts],
        entries_stand_until=_stands_until(analysis, evidence, calendar=calendar),
    )


def _stands_until(
    analysis: ConsolidatedAnalysis, evidence: Evidence, *, calendar: Calendar
) -> date | None:
    """Return the last session in which an entry that waits for its price stands."""
    if analysis.entry_type not in {EntryType.LIMIT, EntryType.STOP}:
        return None
    sessions = evidence.strategy.signal.entry_sessions
    return session_after(calendar, evidence.as_of, sessions=sessions)


def _read_by(answered: Answered, charts: Mapping[Timeframe, ShownChart]) -> list[ReadChart]:
    """Return the charts that an analysis read, each with the image that it was shown.

    An analyst of whatever kind whose parameters say `image: false` looked at none.
    """
    is_blind = answered.reply.model.params.get("image") is False
    read: list[ReadChart] = []
    for chart in answered.question.charts:
        row, image = charts[chart.timeframe]
        other = answered.heard.shown.get(chart.timeframe)
        seen = other.digest if other else image
        read.append((row, None if is_blind else seen))
    return read


def _answer(answered: Answered, templates: Mapping[str, Stored]) -> Answer:
    question, failure = answered.question, answered.failure
    return Answer(
        key=answered.key,
        kind=question.kind,
        timeframe=str(question.charts[0].timeframe),
        role=answered.seat.role,
        reply=answered.reply,
        stated=_stated(answered),
        prompt_template=_template(answered, templates),
        status=_status(failure),
        error_kind=failure.error_kind if failure else None,
        error_message=failure.error_message if failure else None,
    )


def _template(answered: Answered, templates: Mapping[str, Stored]) -> Stored | None:
    """Return the row of the prompt that a model was asked with."""
    is_asked = answered.reply.prompt_text is not None
    is_model = answered.named.model is not None
    return templates.get(answered.question.kind) if is_model and is_asked else None


def _stated(answered: Answered) -> StatedAnalysis:
    answer = answered.heard.answer
    if answer is None:
        return StatedAnalysis()
    analysis = answer.analysis
    return StatedAnalysis(
        response_json=answer.document,
        parsed_from=answer.parsed_from,
        grounding=answer.grounding,
        confidence_score=analysis.confidence,
        trend_direction=analysis.trend,
        support_levels=analysis.support_levels,
        resistance_levels=analysis.resistance_levels,
        key_patterns=analysis.key_patterns,
    )


def _status(failure: Failure | None) -> AnalysisStatus:
    if failure is None:
        return AnalysisStatus.COMPLETED
    return _STATUSES.get(failure.error_kind, AnalysisStatus.FAILED)


def _decided_at(answered: Answered, task: DecisionTask) -> datetime:
    """Return when a signal was decided: in a run of the past at `as_of`, not now."""
    is_live = task.provenance is Provenance.LIVE
    return answered.reply.analyzed_at if is_live else task.as_of


def _append_event(
    session: Session,
    task: DecisionTask,
    *,
    at: datetime,
    to_status: DecisionStatus,
    reason: str,
    failure: Failure | None = None,
) -> None:
    is_start = to_status is DecisionStatus.RUNNING
    record = DecisionEventRecord(
        decision=task.refs.decision,
        at=at,
        from_status=DecisionStatus.PENDING if is_start else DecisionStatus.RUNNING,
        to_status=to_status,
        actor=task.actor,
        reason=reason,
        failure=failure,
    )
    appends.append(session, record)


def _end_execution(session: Session, task: DecisionTask, *, at: datetime) -> None:
    """Close the execution when no decision of it is open.

    The lock makes the last two decisions take turns: the second sees what the first committed.
    """
    execution = task.refs.execution
    appends.lock_name(session, f"end of execution {execution.id}")
    counts = reads.decision_counts(session, execution.id)
    if counts.get(DecisionStatus.PENDING) or counts.get(DecisionStatus.RUNNING):
        return
    failed, total = counts.get(DecisionStatus.FAILED, 0), sum(counts.values())
    appends.append(
        session,
        ExecutionEventRecord(
            execution=execution,
            at=at,
            from_status=ExecutionStatus.RUNNING,
            to_status=_execution_status(counts),
            actor=task.actor,
            reason="every decision ended",
            error=f"{failed} of {total} decisions failed" if failed else None,
        ),
    )
    seal_execution(session, execution, at=at)


def _execution_status(counts: Mapping[DecisionStatus, int]) -> ExecutionStatus:
    if not counts.get(DecisionStatus.COMPLETED):
        return ExecutionStatus.FAILED
    if counts.get(DecisionStatus.FAILED) or counts.get(DecisionStatus.CANCELLED):
        return ExecutionStatus.COMPLETED_WITH_ERRORS
    return ExecutionStatus.COMPLETED
