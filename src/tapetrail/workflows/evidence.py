"""What a decision found, into the record: first every blob, then every row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy.orm import Session

from tapetrail.core.analysis.rules import ANALYST
from tapetrail.core.errors import ErrorKind, Stage, TapeTrailError
from tapetrail.core.market.bar_text import bars_text
from tapetrail.core.market.bars import Timeframe, time_of
from tapetrail.core.market.indicators import applied
from tapetrail.core.market.sessions import day_of
from tapetrail.core.records import (
    AnalysisStatus,
    Provenance,
    Role,
    SignalRecord,
    SnapshotRecord,
    Stored,
)
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.persistence import (
    Answer,
    BlobStore,
    ChartPersistenceService,
    DecisionRefs,
    DrawnChart,
    KeptChart,
    LLMAnalysisPersistenceService,
    keep_chart,
    keep_object,
)
from tapetrail.render.html import HTML_RENDERER
from tapetrail.render.jpeg import RENDERER
from tapetrail.store import appends
from tapetrail.store.appends import BlobRow
from tapetrail.store.reads import DecisionTask
from tapetrail.workflows.findings import CONSOLIDATED, Answered, Failure, Findings, failure_of

CHART_RENDERER: Final = f"{RENDERER} {HTML_RENDERER}"
PROVIDER: Final = "builtin"
BARS_MEDIA_TYPE: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFindings:
    """Findings whose bytes are stored."""

    findings: Findings
    payload: BlobRow | None
    bars: Mapping[Timeframe, BlobRow]
    charts: tuple[KeptChart, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRows:
    """The rows that a signal points to."""

    refs: DecisionRefs
    charts: Mapping[Timeframe, Stored]
    analyses: Mapping[str, Stored]


def keep_findings(
    blobs: BlobStore, findings: Findings, *, symbol: str, spec: StrategySpec
) -> KeptFindings:
    """Return the findings with every blob of theirs stored.

    When the store fails, the decision has failed: its evidence cannot be kept, so none of it is
    claimed, and the reason is.
    """
    try:
        return _keep(blobs, findings, symbol=symbol, spec=spec)
    except TapeTrailError as error:
        failed = Findings(failure=failure_of(Stage.ENGINE, error))
        return KeptFindings(findings=failed, payload=None, bars={})


def _keep(blobs: BlobStore, findings: Findings, *, symbol: str, spec: StrategySpec) -> KeptFindings:
    gathered = findings.gathered
    if gathered is None:
        return KeptFindings(findings=findings, payload=None, bars={})
    fetched = gathered.fetched
    description = applied(spec.indicators.settings())
    return KeptFindings(
        findings=findings,
        payload=keep_object(blobs, fetched.payload, media_type=fetched.media_type),
        bars={
            timeframe: keep_object(blobs, bars_text(span.bars), media_type=BARS_MEDIA_TYPE)
            for timeframe, span in gathered.windows.items()
        },
        charts=tuple(
            keep_chart(
                blobs,
                DrawnChart(
                    symbol=symbol,
                    timeframe=drawn.timeframe,
                    jpeg=drawn.jpeg,
                    html=drawn.html,
                    spec=drawn.spec,
                    figures=drawn.figures,
                    indicators_applied=description,
                    renderer=CHART_RENDERER,
                    generated_at=drawn.generated_at,
                ),
            )
            for drawn in findings.charts
        ),
    )


def append_findings(
    session: Session,
    kept: KeptFindings,
    *,
    task: DecisionTask,
    blobs: BlobStore,
    clock: Callable[[], datetime],
) -> None:
    """Append the rows of the findings, in the order in which they refer to each other."""
    if kept.payload is None:
        return
    drawn = [row for chart in kept.charts for row in chart.blobs]
    appends.append_blobs(session, [kept.payload, *kept.bars.values(), *drawn], at=clock())
    refs = DecisionRefs(
        execution=task.execution,
        decision=task.decision,
        strategy=task.strategy,
        symbol=task.traded.symbol,
        conid=task.traded.conid,
    )
    snapshots = _append_snapshots(session, kept, task=task)
    service = ChartPersistenceService(session, blobs=blobs, clock=clock)
    charts = {
        chart.drawn.timeframe: service.append_chart(
            chart, refs=refs, snapshot=snapshots[chart.drawn.timeframe]
        )
        for chart in kept.charts
    }
    analyses = _append_answers(session, kept, refs=refs, charts=charts)
    if kept.findings.signal is not None:
        rows = SignalRows(refs=refs, charts=charts, analyses=analyses)
        record = _signal(kept.findings, rows, task=task, at=clock())
        appends.append(session, record)


def _append_snapshots(
    session: Session, kept: KeptFindings, *, task: DecisionTask
) -> dict[Timeframe, Stored]:
    """Append the bars of each chart; weeks and months name the daily bars they were built from."""
    snapshots: dict[Timeframe, Stored] = {}
    for timeframe in sorted(kept.bars, key=lambda timeframe: timeframe.is_derived):
        record = _snapshot(kept, timeframe, task=task, base=snapshots.get(timeframe.base))
        snapshots[timeframe] = appends.append(session, record)
    return snapshots


def _snapshot(
    kept: KeptFindings, timeframe: Timeframe, *, task: DecisionTask, base: Stored | None
) -> SnapshotRecord:
    gathered, payload = kept.findings.gathered, kept.payload
    if gathered is None or payload is None:
        raise AssertionError("bars are kept together with the payload they came from")
    span, fetched = gathered.windows[timeframe], gathered.fetched
    bars = span.bars
    return SnapshotRecord(
        execution=task.execution,
        decision=task.decision,
        instrument=task.instrument,
        source=gathered.source,
        timeframe=str(timeframe),
        adjustment=bars.adjustment,
        session=bars.hours,
        session_first=day_of(bars.first_on[0]),
        session_last=day_of(bars.last_on[-1]),
        bar_count=len(bars),
        bars_digest=kept.bars[timeframe].digest,
        raw_digest=payload.digest,
        derived_from=base if timeframe.is_derived else None,
        calendar=task.traded.calendar,
        currency=bars.currency,
        volume_unit=bars.volume_unit,
        price_factor=fetched.price_factor,
        dropped_rows=fetched.dropped_rows,
        gaps=[day.isoformat() for day in span.gaps],
        last_bar_complete=bool(bars.complete[-1]),
        adjusted_with_hindsight=fetched.adjusted_with_hindsight,
        from_cache=False,
        fetched_at=gathered.fetched_at,
        available_at=time_of(bars.available_at[-1]),
    )


def _append_answers(
    session: Session,
    kept: KeptFindings,
    *,
    refs: DecisionRefs,
    charts: Mapping[Timeframe, Stored],
) -> dict[str, Stored]:
    """Append every answer with the charts it read; return the rows by question."""
    service = LLMAnalysisPersistenceService(session)
    shown = {chart.drawn.timeframe: chart.image.digest for chart in kept.charts}
    answers = kept.findings.answers
    analyses = service.save_analyses(
        [
            (_answer(answered), [(charts[read], shown[read]) for read in answered.read])
            for answered in answers
        ],
        refs=refs,
    )
    questions = [answered.question for answered in answers]
    return dict(zip(questions, analyses, strict=True))


def _answer(answered: Answered) -> Answer:
    analysis, failure = answered.analysis, answered.failure
    return Answer(
        question=answered.question,
        kind="consolidated" if answered.question == CONSOLIDATED else "chart",
        timeframe=answered.read[0],
        analyst=ANALYST,
        provider=PROVIDER,
        model_name=ANALYST.removeprefix(f"{PROVIDER}:"),
        role=Role.DECIDING,
        sample_no=1,
        params={},
        indicators_metadata=None,
        response_text=answered.text,
        response_json=answered.document,
        confidence_score=analysis.confidence if analysis else None,
        trend_direction=analysis.trend if analysis else None,
        support_levels=list(analysis.support_levels) if analysis else None,
        resistance_levels=list(analysis.resistance_levels) if analysis else None,
        key_patterns=list(analysis.key_patterns) if analysis else None,
        tokens_used=0,
        cost_usd=Decimal(0),
        latency_ms=answered.latency_ms,
        status=_status(failure),
        error_message=failure.message if failure else None,
        requested_at=answered.requested_at,
        analyzed_at=answered.analyzed_at,
    )


def _signal(
    findings: Findings, rows: SignalRows, *, task: DecisionTask, at: datetime
) -> SignalRecord:
    """Return the signal's row. In a run of the past it was decided at `as_of`, not now."""
    refs = rows.refs
    signal, answered = findings.signal, findings.answers[-1]
    if signal is None:
        raise AssertionError("a signal is appended where there is one")
    return SignalRecord(
        execution=refs.execution,
        decision=refs.decision,
        chart=rows.charts[answered.read[0]],
        llm_analysis=rows.analyses[answered.question],
        strategy=refs.strategy,
        symbol=refs.symbol,
        conid=refs.conid,
        role=Role.DECIDING,
        signal_type=signal.signal_type,
        confidence=signal.confidence,
        trend=signal.trend,
        entry_type=signal.entry_type,
        entry_price=signal.entry_price,
        stop_loss=signal.stop_loss,
        target_price=signal.target_price,
        risk_reward_ratio=signal.risk_reward_ratio,
        horizon_bars=signal.horizon_bars,
        valid_until=signal.valid_until,
        timeframe_primary=signal.timeframe_primary,
        timeframe_confirmation=signal.timeframe_confirmation,
        reasoning=signal.reasoning,
        strategy_metadata=signal.strategy_metadata,
        levels_valid=True,
        decided_at=answered.analyzed_at if task.provenance is Provenance.LIVE else task.as_of,
        generated_at=at,
    )


def _status(failure: Failure | None) -> AnalysisStatus:
    if failure is None:
        return AnalysisStatus.COMPLETED
    unparseable = failure.kind is ErrorKind.UNPARSEABLE_REPLY
    return AnalysisStatus.UNPARSEABLE if unparseable else AnalysisStatus.FAILED
