"""One decision, worked out: bars, charts, analyses, signal, or the reason why not.

Nothing here touches the database. What an earlier stage found is kept when a later one fails.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from tapetrail.core.analysis.analyses import (
    Analysis,
    ChartAnalysis,
    ConsolidatedAnalysis,
    parse_chart_reply,
    parse_consolidated_reply,
)
from tapetrail.core.analysis.rules import answer_chart, answer_consolidated, derive_verdict
from tapetrail.core.analysis.signals import Signal, derive_signal
from tapetrail.core.canonical import storable_text
from tapetrail.core.charts.chart import ChartHeader, derive_chart
from tapetrail.core.charts.figures import ChartFigures, derive_figures
from tapetrail.core.charts.text import spec_text
from tapetrail.core.errors import ErrorKind, InvalidInput, Stage, TapeTrailError
from tapetrail.core.market.bars import Bars, Calendar, Instrument, Timeframe
from tapetrail.core.market.histories import derive_bars, first_session_needed, gaps, window
from tapetrail.core.market.indicators import IndicatorSettings, IndicatorValues, derive_indicators
from tapetrail.core.market.sessions import last_session_at
from tapetrail.core.records import JsonObject
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.render.html import render_html
from tapetrail.render.jpeg import render_jpeg
from tapetrail.render.page import render_page
from tapetrail.sources.protocol import Fetched, Source

CONSOLIDATED: Final = "consolidated"
WARM_UP_MIN: Final = 200
"""Bars before the first drawn one, where they exist; the same number for every source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What one decision is asked to do."""

    instrument: Instrument
    spec: StrategySpec
    as_of: datetime
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What working out a decision needs from outside."""

    open_source: Callable[[StrategySpec, Mapping[str, str]], Source]
    load_calendar: Callable[[str], Calendar]
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a decision ends without a signal."""

    stage: Stage
    kind: ErrorKind
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartWindow:
    """The bars one chart is made from; `gaps` are scheduled sessions without a bar."""

    bars: Bars
    first_drawn: int
    gaps: tuple[date, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The bars of a decision: what the source sent, and the exact bars of each chart."""

    source: str
    fetched: Fetched
    fetched_at: datetime
    calendar: Calendar
    windows: Mapping[Timeframe, ChartWindow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One chart, drawn."""

    timeframe: Timeframe
    span: ChartWindow
    values: IndicatorValues
    figures: ChartFigures
    spec: bytes
    jpeg: bytes
    html: bytes
    generated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One question and what came of it; `text` is None when the analyst gave no answer.

    `read` names the charts that the question was about, the primary one first.
    """

    question: str
    read: tuple[Timeframe, ...]
    text: str | None
    analysis: Analysis | None
    failure: Failure | None
    requested_at: datetime
    analyzed_at: datetime
    latency_ms: int

    @property
    def document(self) -> JsonObject | None:
        """Return the reply as the JSON object it is, None where it could not be read."""
        return json.loads(self.text) if self.text is not None and self.analysis else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All that was found, as far as it went."""

    gathered: Gathered | None = None
    charts: tuple[Drawn, ...] = ()
    answers: tuple[Answered, ...] = ()
    signal: Signal | None = None
    failure: Failure | None = None


def evaluate(task: Task, ports: Ports) -> Findings:
    """Return what the decision comes to. Raises only defects: errors that name no kind."""
    findings = Findings()
    for stage, work in (
        (Stage.BARS, _gather),
        (Stage.CHART, _draw),
        (Stage.ANALYSIS, _analyse),
        (Stage.SIGNAL, _decide),
    ):
        try:
            findings = work(task, ports, findings)
        except TapeTrailError as error:
            return replace(findings, failure=failure_of(stage, error))
        if findings.failure:
            break
    return findings


def failure_of(stage: Stage, error: TapeTrailError) -> Failure:
    """Return the failure that an error means. Raises the error again if it names no kind."""
    if error.kind is None:
        raise error
    return Failure(stage=stage, kind=error.kind, message=storable_text(error.message))


def _gather(task: Task, ports: Ports, findings: Findings) -> Findings:
    """Fetch daily bars once, far enough back for every timeframe, and cut each chart's own."""
    spec, as_of = task.spec, task.as_of
    calendar = ports.load_calendar(task.instrument.calendar)
    warm_up = max(WARM_UP_MIN, spec.indicators.settings().longest_lookback)
    first = min(
        first_session_needed(calendar, as_of, timeframe=timeframe, bars_wanted=drawn + warm_up)
        for timeframe, drawn in spec.drawn
    )
    source = ports.open_source(spec, task.config)
    fetched = source.fetch(
        task.instrument,
        timeframe=spec.base_timeframe,
        first=first,
        as_of=as_of,
        calendar=calendar,
    )
    fetched_at = ports.clock()
    _refuse_stale(fetched.bars, calendar=calendar, as_of=as_of)
    windows: dict[Timeframe, ChartWindow] = {}
    for timeframe, drawn in spec.drawn:
        bars = derive_bars(fetched.bars, timeframe, calendar=calendar, as_of=as_of)
        span = window(bars, drawn=drawn, warmup=warm_up)
        missing = () if timeframe.is_derived else gaps(span.bars, calendar)
        windows[timeframe] = ChartWindow(
            bars=span.bars,
            first_drawn=span.drawn_from,
            gaps=missing,
        )
    gathered = Gathered(
        source=spec.source,
        fetched=fetched,
        fetched_at=fetched_at,
        calendar=calendar,
        windows=windows,
    )
    return replace(findings, gathered=gathered)


def _refuse_stale(daily: Bars, *, calendar: Calendar, as_of: datetime) -> None:
    expected = last_session_at(calendar, as_of)
    found = daily.last_on[-1].item() if len(daily) else None
    if found != expected:
        raise InvalidInput(
            f"bars end on {found}, but the last session closed by {as_of} is {expected}",
            kind=ErrorKind.STALE_BARS if found else ErrorKind.NO_BARS,
        )


def _draw(task: Task, ports: Ports, findings: Findings) -> Findings:
    settings = task.spec.indicators.settings()
    charts = tuple(
        _draw_one(task, timeframe, span=span, settings=settings, at=ports.clock())
        for timeframe, span in _gathered(findings).windows.items()
    )
    return replace(findings, charts=charts)


def _draw_one(
    task: Task,
    timeframe: Timeframe,
    *,
    span: ChartWindow,
    settings: IndicatorSettings,
    at: datetime,
) -> Drawn:
    values = derive_indicators(span.bars, settings, first_drawn=span.first_drawn)
    header = ChartHeader(
        symbol=task.instrument.symbol,
        exchange=task.instrument.exchange,
        currency=task.instrument.currency,
        timeframe=timeframe,
    )
    spec = derive_chart(span.bars, values, settings, header=header, first_drawn=span.first_drawn)
    return Drawn(
        timeframe=timeframe,
        span=span,
        values=values,
        figures=derive_figures(span.bars, values, settings, first_drawn=span.first_drawn),
        spec=spec_text(spec),
        jpeg=render_jpeg(render_page(spec)),
        html=render_html(spec),
        generated_at=at,
    )


def _analyse(task: Task, ports: Ports, findings: Findings) -> Findings:
    """Ask about each chart, then about all of them; the first failure ends the decision.

    Charts after a failed one are still asked about, so that the record says what each one came to.
    """
    settings = task.spec.indicators.settings()
    answers = [
        _ask(
            f"chart:{chart.timeframe}",
            (chart.timeframe,),
            ports=ports,
            reply=lambda chart=chart: answer_chart(
                chart.span.bars, chart.values, settings, first_drawn=chart.span.first_drawn
            ),
            parse=parse_chart_reply,
        )
        for chart in findings.charts
    ]
    failed = [answer for answer in answers if answer.failure]
    # The primary chart carries the signal's prices; without it there is nothing to decide on.
    if not failed or (not task.spec.require_all_charts and answers[0].failure is None):
        answers.append(_consolidate(task, ports, findings, answers=answers))
        failed = [answers[-1]] if answers[-1].failure else []
    return replace(
        findings, answers=tuple(answers), failure=_named_failure(failed[0]) if failed else None
    )


def _named_failure(answer: Answered) -> Failure | None:
    """Return why a question got no answer, naming the question."""
    if answer.failure is None:
        return None
    return replace(answer.failure, message=f"{answer.question}: {answer.failure.message}")


def _consolidate(
    task: Task, ports: Ports, findings: Findings, *, answers: Sequence[Answered]
) -> Answered:
    readings = [
        derive_verdict(chart.span.bars, chart.values, answer.analysis)
        for chart, answer in zip(findings.charts, answers, strict=True)
        if isinstance(answer.analysis, ChartAnalysis)
    ]
    read = tuple(reading.timeframe for reading in readings)
    missing = [str(chart.timeframe) for chart in findings.charts if chart.timeframe not in read]
    return _ask(
        CONSOLIDATED,
        read,
        ports=ports,
        reply=lambda: answer_consolidated(
            readings,
            task.spec.signal.settings(),
            tick=task.instrument.tick_size,
            missing=missing,
        ),
        parse=parse_consolidated_reply,
    )


def _ask(
    question: str,
    read: tuple[Timeframe, ...],
    *,
    ports: Ports,
    reply: Callable[[], str],
    parse: Callable[[str], Analysis],
) -> Answered:
    """Put one question to the built-in analyst; a failure is an answer too."""
    requested_at, started = ports.clock(), time.perf_counter()
    text: str | None = None
    analysis: Analysis | None = None
    failure: Failure | None = None
    try:
        text = reply()
        analysis = parse(text)
    except TapeTrailError as error:
        failure = failure_of(Stage.ANALYSIS, error)
    return Answered(
        question=question,
        read=read,
        text=text,
        analysis=analysis,
        failure=failure,
        requested_at=requested_at,
        analyzed_at=ports.clock(),
        latency_ms=round((time.perf_counter() - started) * 1000),
    )


def _decide(task: Task, ports: Ports, findings: Findings) -> Findings:
    del ports
    analysis = findings.answers[-1].analysis
    if not isinstance(analysis, ConsolidatedAnalysis):
        raise InvalidInput("no consolidated analysis to decide on", kind=ErrorKind.NO_SIGNAL)
    timeframes = [str(timeframe) for timeframe in findings.answers[-1].read]
    signal = derive_signal(analysis, task.spec.signal.settings(), timeframes=timeframes)
    return replace(findings, signal=signal)


def _gathered(findings: Findings) -> Gathered:
    if findings.gathered is None:
        raise AssertionError("charts are drawn after bars were gathered")
    return findings.gathered
