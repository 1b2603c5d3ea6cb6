"""What became of one symbol in one run of the predecessor: what stands on what, and how it ended.

The predecessor made a BUY up where a model's call had failed. So a signal counts only where an
answer backs it:

1. The analysis that it names backs it, if that is an answer of the same run and symbol, and no
   later than the signal.
2. A signal that names none, in a run that is known, is backed by the last analysis before it, if
   that is an answer. Of rows that belong to no run nobody can say which came of which.
3. Of signals that are backed the last one decides. One that is not backed never does: it is a
   proposal, says why in its metadata, and counts in no statistic. A decision that has no other
   failed, for the reason that its last failed analysis gives.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Final, TypeVar

from tapetrail.core.errors import ErrorKind, InvalidInput, Stage
from tapetrail.core.failures import Failure
from tapetrail.core.legacy.columns import Table
from tapetrail.core.legacy.facts import (
    AnalysisFacts,
    ChartFacts,
    SignalFacts,
    analysis_of,
    chart_of,
    signal_of,
)
from tapetrail.core.legacy.rows import Row, conid_of
from tapetrail.core.records.seals import EndState
from tapetrail.core.records.states import DecisionStatus, Role

NO_TIME: Final = "it says no time that can be read and has come, nor does its run"
NO_ID: Final = "it has no id"
NO_SYMBOL: Final = "it names no symbol"
Place = tuple[Table, str]
"""A row, by its table and id."""
Facts = TypeVar("Facts")


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedSignal:
    """A signal, what backs it, or why nothing does, and whether it decides."""

    facts: SignalFacts
    analysis: AnalysisFacts | None
    why_unbacked: str | None
    role: Role = Role.PROPOSAL

    @property
    def is_inferred(self) -> bool:
        """Return whether its analysis is one that it did not name."""
        return self.analysis is not None and self.facts.row.stated("analysis_id") is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One decision: its rows in the order in which they were made, its end, and what is no row."""

    symbol: str
    conid: int | None
    begun_at: datetime
    ended_at: datetime
    cache: Sequence[tuple[Row, datetime]]
    charts: Sequence[ChartFacts]
    analyses: Sequence[AnalysisFacts]
    signals: Sequence[JudgedSignal]
    end: EndState
    rows: Sequence[Row]
    times: Mapping[Place, datetime]
    refused: dict[Place, str] = field(default_factory=dict[Place, str])


def story_of(
    rows: Sequence[Row],
    *,
    zone: tzinfo,
    run_at: datetime | None,
    is_of_run: bool,
    now: datetime,
) -> Story | None:
    """Return what became of a symbol, None where no row of it says when that was.

    `run_at` is when its run began, and what is later than `now` is no time.
    `rows` are all of one symbol, and of one run, or of none.
    """
    timed = _timed(rows, zone=zone, run_at=run_at, now=now)
    if not timed:
        return None
    told = {(row.table, row.id) for row, _ in timed}
    places = [(row.table, row.id) for row in rows]
    refused = dict.fromkeys((place for place in places if place not in told), NO_TIME)
    analyses = _read(timed, Table.ANALYSES, analysis_of, refused=refused)
    facts = _read(timed, Table.SIGNALS, signal_of, refused=refused)
    judged = [judged_by(each, analyses, is_of_run=is_of_run) for each in facts]
    signals = _with_roles(judged)
    return Story(
        symbol=rows[0].symbol,
        conid=conid_of(rows),
        begun_at=min(at for _, at in timed),
        ended_at=max(at for _, at in timed),
        cache=[(row, at) for row, at in timed if row.table is Table.CACHE],
        charts=_read(timed, Table.CHARTS, chart_of, refused=refused),
        analyses=analyses,
        signals=signals,
        end=_end_of(signals, analyses),
        rows=rows,
        times={(row.table, row.id): at for row, at in timed},
        refused=refused,
    )


def judged_by(
    signal: SignalFacts, analyses: Sequence[AnalysisFacts], *, is_of_run: bool
) -> JudgedSignal:
    """Return a signal with what backs it, out of the analyses of its decision, oldest first."""
    named = signal.row.stated("analysis_id")
    before = [each for each in analyses if each.at <= signal.at]
    found, why = None, None
    if named is not None:
        found = next((each for each in analyses if each.row.id == named), None)
        why = _against(found, signal, named)
    elif not is_of_run:
        why = "it names no analysis, and belongs to no run"
    elif not before:
        why = "it names no analysis, and none came before it"
    else:
        found = before[-1]
        why = _against(found, signal, found.row.id)
    return JudgedSignal(facts=signal, analysis=found, why_unbacked=why)


def _against(found: AnalysisFacts | None, signal: SignalFacts, number: str) -> str | None:
    """Return why an analysis does not back a signal, None where it does."""
    shown = number[:40]
    if found is None:
        return f"its analysis {shown} is not there, or of another symbol or run"
    if not found.is_answer:
        return f"its analysis {shown} failed"
    if found.at > signal.at:
        return f"its analysis {shown} is later than it"
    return None


def _with_roles(judged: Sequence[JudgedSignal]) -> Sequence[JudgedSignal]:
    last = next((each for each in reversed(judged) if each.why_unbacked is None), None)
    return [
        JudgedSignal(
            facts=each.facts,
            analysis=each.analysis,
            why_unbacked=each.why_unbacked,
            role=Role.DECIDING if each is last else Role.PROPOSAL,
        )
        for each in judged
    ]


def _end_of(signals: Sequence[JudgedSignal], analyses: Sequence[AnalysisFacts]) -> EndState:
    if any(each.role is Role.DECIDING for each in signals):
        return EndState(status=DecisionStatus.COMPLETED)
    failed = next((each for each in reversed(analyses) if not each.is_answer), None)
    if failed is not None:
        message = failed.error_message or ""
        return _failed(Stage.ANALYSIS, ErrorKind.AGENT_FAILED, message)
    message = "none of its signals stands on an answer" if signals else "it has no signal"
    return _failed(Stage.SIGNAL, ErrorKind.NO_SIGNAL, message)


def _failed(stage: Stage, kind: ErrorKind, message: str) -> EndState:
    failure = Failure(failed_stage=stage, error_kind=kind, error_message=message)
    return EndState(status=DecisionStatus.FAILED, failure=failure)


def _timed(
    rows: Sequence[Row], *, zone: tzinfo, run_at: datetime | None, now: datetime
) -> list[tuple[Row, datetime]]:
    """Return rows with the time of each, oldest first; one without has that of its run."""
    stated = [(row, row.instant("at", zone)) for row in rows]
    known = [(row, run_at if at is None or at > now else at) for row, at in stated]
    timed = [(row, at) for row, at in known if at is not None]
    return sorted(timed, key=lambda each: (each[1], len(each[0].id), each[0].id))


def _read(
    timed: Sequence[tuple[Row, datetime]],
    table: Table,
    read: Callable[[Row, datetime], Facts],
    *,
    refused: dict[Place, str],
) -> list[Facts]:
    """Return what the rows of a table say; why one says nothing goes into `refused`."""
    found: list[Facts] = []
    for row, at in timed:
        if row.table is not table:
            continue
        try:
            found.append(read(row, at))
        except InvalidInput as error:
            refused[table, row.id] = error.message
    return found
