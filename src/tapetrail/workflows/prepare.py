"""What a decision is made on: bars fetched, charts drawn, all of it stored and recorded.

Nothing is asked here, and nothing is decided. What an earlier part found is kept when a later one
fails. Bytes are stored before the first statement, so that no row is locked meanwhile.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from sqlalchemy.orm import Session

from tapetrail.analysts.protocol import Analyst
from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.analysis.questions import ChartEvidence, Evidence
from tapetrail.core.charts.chart import CHART_STYLE, ChartHeader, derive_chart
from tapetrail.core.charts.figures import derive_figures
from tapetrail.core.charts.text import spec_text
from tapetrail.core.errors import ErrorKind, InvalidInput, Stage, TapeTrailError
from tapetrail.core.failures import Failure
from tapetrail.core.market.bar_text import bars_text
from tapetrail.core.market.bars import Bars, Calendar, Instrument, Timeframe, time_of
from tapetrail.core.market.calendar_changes import CalendarChanges
from tapetrail.core.market.completeness import (
    Missing,
    age_in_sessions,
    data_remarks,
    missing_sessions,
)
from tapetrail.core.market.histories import derive_bars, gaps, known_at, window
from tapetrail.core.market.indicators import applied, derive_indicators
from tapetrail.core.market.sessions import day_of, last_session_at
from tapetrail.core.records.base import Stored
from tapetrail.core.records.evidence import ChartContent, SnapshotRecord
from tapetrail.core.strategy.analysts import AnalystSpec
from tapetrail.core.strategy.data_quality import DataLimits
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.persistence import (
    ChartPersistenceService,
    KeptChart,
    RenderedChart,
    ShownChart,
    keep_chart,
    keep_object,
)
from tapetrail.render.html import HTML_RENDERER, render_html
from tapetrail.render.jpeg import RENDERER, render_jpeg
from tapetrail.render.page import render_page
from tapetrail.render.words import escaped_letters
from tapetrail.settings import ProviderLimits
from tapetrail.sources.asking import Lanes
from tapetrail.sources.protocol import Fetched, Source
from tapetrail.store import appends
from tapetrail.store.appends import BlobRow
from tapetrail.store.reads import DecisionTask
from tapetrail.workflows.fetching import fetch_enough
from tapetrail.workflows.run_request import fresh_until_of

CHART_RENDERER: Final = f"{RENDERER} {HTML_RENDERER}"
TEXT_MEDIA_TYPE: Final = "text/plain; charset=utf-8"
WARM_UP_MIN: Final = 200
"""Bars before the first drawn one, where they exist; the same number for every source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What a decision needs from outside.

    `brought` are the families of analysts that other processes need not have, and `asks_a_vendor`
    says whether a strategy's bars come over the network. `limits` are those of a provider or
    vendor, and `budget_day_usd` is what all models may cost in a day, None for no limit.
    """

    open_source: Callable[[StrategySpec, Mapping[str, str], Lanes], Source]
    open_analyst: Callable[[AnalystSpec], Analyst]
    load_calendar: Callable[[str, CalendarChanges], Calendar]
    clock: Callable[[], datetime]
    brought: frozenset[str] = frozenset()
    limits: Callable[[str], ProviderLimits] = lambda _provider: ProviderLimits()
    asks_a_vendor: Callable[[StrategySpec], bool] = lambda _spec: False
    budget_day_usd: Decimal | None = None

    def calendar_of(self, task: DecisionTask, strategy: StrategySpec) -> Calendar:
        """Return the sessions of a decision's instrument, as its strategy has them."""
        calendar = task.traded.calendar
        return self.load_calendar(calendar, strategy.calendar_changes_of(calendar))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartWindow:
    """The bars one chart is made from; `gaps` are scheduled sessions without a bar.

    `missing` are the sessions within its span that have no bar and were not halted.
    """

    bars: Bars
    first_drawn: int
    gaps: tuple[date, ...]
    missing: Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The bars of a decision: what the source sent, and the exact bars of each chart.

    `calendar_text` is what their sessions were taken from.
    `age_sessions` were completed between the last bar and `fresh_until`.
    """

    source: str
    fetched: Fetched
    fetched_at: datetime
    calendar_text: bytes
    windows: Mapping[Timeframe, ChartWindow]
    age_sessions: int
    fresh_until: datetime

    def check(self, limits: DataLimits) -> None:
        """Raise `InvalidInput` where sessions are missing, or the bars old, beyond the limits."""
        for span in self.windows.values():
            limits.check_missing(span.missing)
        limits.check_age(self.age_sessions, until=f"{self.fresh_until:%Y-%m-%d %H:%M} UTC")

    def remarks(self, timeframe: Timeframe) -> tuple[str, ...]:
        """Return what a chart says of its bars: missing sessions, and sessions since the last."""
        return data_remarks(self.windows[timeframe].missing, age_sessions=self.age_sessions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What was found before anybody was asked, as far as it went."""

    gathered: Gathered | None = None
    charts: tuple[ChartEvidence, ...] = ()
    rendered: tuple[RenderedChart, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEvidence:
    """What was prepared, its bytes stored."""

    prepared: Prepared
    payload: BlobRow | None = None
    calendar: BlobRow | None = None
    bars: Mapping[Timeframe, BlobRow] = field(default_factory=dict[Timeframe, BlobRow])
    charts: tuple[KeptChart, ...] = ()


def prepare(
    task: DecisionTask,
    strategy: StrategySpec,
    ports: Ports,
    *,
    open_source: Callable[[], Source],
) -> Prepared:
    """Return the bars and charts of a decision. Raises only defects: errors that name no kind.

    Bars that break the strategy's limits fail it once its charts are drawn, so that they are seen.
    """
    prepared, stage = Prepared(), Stage.BARS
    try:
        gathered = _gather(task, strategy, ports, source=open_source())
        prepared, stage = Prepared(gathered=gathered), Stage.CHART
        drawn = [_draw(task, strategy, gathered, at=at, ports=ports) for at in gathered.windows]
        charts, rendered = tuple(e for e, _ in drawn), tuple(chart for _, chart in drawn)
        prepared, stage = replace(prepared, charts=charts, rendered=rendered), Stage.BARS
        gathered.check(strategy.data_quality.limits())
    except TapeTrailError as error:
        return replace(prepared, failure=Failure.of(stage, error))
    return prepared


def evidence_of(task: DecisionTask, strategy: StrategySpec, prepared: Prepared) -> Evidence:
    """Return what analysts are asked about."""
    return Evidence(
        instrument=task.traded, as_of=task.as_of, strategy=strategy, charts=prepared.charts
    )


def keep_evidence(blobs: BlobStore, prepared: Prepared) -> KeptEvidence:
    """Return what was prepared with every blob of it stored.

    When the store fails, the decision has failed: its evidence cannot be kept, so none of it is
    claimed, and the reason is.
    """
    gathered = prepared.gathered
    if gathered is None:
        return KeptEvidence(prepared=prepared)
    fetched = gathered.fetched
    try:
        return KeptEvidence(
            prepared=prepared,
            payload=keep_object(blobs, fetched.payload, media_type=fetched.media_type),
            calendar=keep_object(blobs, gathered.calendar_text, media_type=TEXT_MEDIA_TYPE),
            bars={
                timeframe: keep_object(blobs, bars_text(drawn.bars), media_type=TEXT_MEDIA_TYPE)
                for timeframe, drawn in gathered.windows.items()
            },
            charts=tuple(keep_chart(blobs, chart) for chart in prepared.rendered),
        )
    except TapeTrailError as error:
        return KeptEvidence(prepared=Prepared(failure=Failure.of(Stage.ENGINE, error)))


def append_evidence(
    session: Session,
    kept: KeptEvidence,
    *,
    task: DecisionTask,
    blobs: BlobStore,
    clock: Callable[[], datetime],
) -> dict[Timeframe, ShownChart]:
    """Append the rows of the evidence; return each chart's row and the image that is shown."""
    if kept.payload is None or kept.calendar is None:
        return {}
    drawn = [row for chart in kept.charts for row in chart.blobs]
    appends.append_blobs(
        session, [kept.payload, kept.calendar, *kept.bars.values(), *drawn], at=clock()
    )
    snapshots = _append_snapshots(session, kept, task=task)
    service = ChartPersistenceService(session, blobs=blobs, clock=clock)
    charts: dict[Timeframe, ShownChart] = {}
    for evidence, chart in zip(kept.prepared.charts, kept.charts, strict=True):
        snapshot = snapshots[evidence.timeframe]
        row = service.append_chart(chart, refs=task.refs, snapshot=snapshot)
        charts[evidence.timeframe] = (row, chart.image.digest)
    return charts


def fetch_bars(
    strategy: StrategySpec,
    source: Source,
    traded: Instrument,
    *,
    as_of: datetime,
    calendar: Calendar,
) -> Fetched:
    """Return daily bars, far enough back for every timeframe. Raises as the source does."""
    warm_up = _warm_up(strategy)
    return fetch_enough(
        source,
        traded,
        wanted={timeframe: drawn + warm_up for timeframe, drawn in strategy.drawn},
        calendar=calendar,
        as_of=as_of,
    )


def _warm_up(strategy: StrategySpec) -> int:
    return max(WARM_UP_MIN, strategy.indicators.settings().longest_lookback)


def _gather(
    task: DecisionTask, strategy: StrategySpec, ports: Ports, *, source: Source
) -> Gathered:
    """Fetch daily bars, and take each chart's window."""
    as_of, calendar = task.as_of, ports.calendar_of(task, strategy)
    warm_up = _warm_up(strategy)
    fetched = fetch_bars(strategy, source, task.traded, as_of=as_of, calendar=calendar)
    fetched_at = fetched.fetched_at or ports.clock()
    _refuse_stale(fetched.bars, calendar=calendar, as_of=as_of)
    daily = known_at(fetched.bars, as_of)
    halts = () if strategy.data is None else strategy.data.halts_of(task.traded.symbol)
    windows: dict[Timeframe, ChartWindow] = {}
    for timeframe, drawn in strategy.drawn:
        bars = derive_bars(daily, timeframe, calendar=calendar, as_of=as_of)
        span = window(bars, drawn=drawn, warmup=warm_up)
        windows[timeframe] = ChartWindow(
            bars=span.bars,
            first_drawn=span.drawn_from,
            gaps=() if timeframe.is_derived else gaps(span.bars, calendar),
            missing=missing_sessions(daily, calendar, spans=span.bars, halts=halts),
        )
    fresh_until = fresh_until_of(task.config, as_of=as_of)
    return Gathered(
        source=strategy.source,
        fetched=fetched,
        fetched_at=fetched_at,
        calendar_text=calendar.text,
        windows=windows,
        age_sessions=age_in_sessions(daily, calendar, at=fresh_until),
        fresh_until=fresh_until,
    )


def _refuse_stale(daily: Bars, *, calendar: Calendar, as_of: datetime) -> None:
    expected = last_session_at(calendar, as_of)
    found = daily.last_on[-1].item() if len(daily) else None
    if found != expected:
        raise InvalidInput(
            f"bars end on {found}, but the last session closed by {as_of} is {expected}",
            kind=ErrorKind.STALE_BARS if found else ErrorKind.NO_BARS,
        )


def _draw(
    task: DecisionTask,
    strategy: StrategySpec,
    gathered: Gathered,
    *,
    at: Timeframe,
    ports: Ports,
) -> tuple[ChartEvidence, RenderedChart]:
    """Return the chart of one timeframe as analysts get it, and as it is kept."""
    timeframe, span, settings = at, gathered.windows[at], strategy.indicators.settings()
    values = derive_indicators(span.bars, settings, first_drawn=span.first_drawn)
    header = ChartHeader(
        symbol=task.traded.symbol,
        exchange=task.traded.exchange,
        currency=task.traded.currency,
        timeframe=timeframe,
        remarks=gathered.remarks(timeframe),
        gaps=gathered.windows[timeframe].missing.gaps,
    )
    spec = derive_chart(span.bars, values, settings, header=header, first_drawn=span.first_drawn)
    image = render_jpeg(render_page(spec))
    content = ChartContent(
        timeframe=str(timeframe),
        chart_type=timeframe.chart_type,
        chart_style=CHART_STYLE,
        indicators_applied=applied(settings),
        figures=derive_figures(span.bars, values, settings, first_drawn=span.first_drawn),
        renderer=CHART_RENDERER,
        generated_at=ports.clock(),
        escaped_letters=escaped_letters(spec),
    )
    evidence = ChartEvidence(
        timeframe=timeframe,
        bars=span.bars,
        first_drawn=span.first_drawn,
        gaps=span.gaps,
        values=values,
        spec=spec,
        image=image,
    )
    return evidence, RenderedChart(
        symbol=task.traded.symbol,
        jpeg=image,
        html=render_html(spec),
        spec=spec_text(spec),
        content=content,
    )


def _append_snapshots(
    session: Session, kept: KeptEvidence, *, task: DecisionTask
) -> dict[Timeframe, Stored]:
    """Append the bars of each chart; weeks and months name the daily bars they were built from."""
    snapshots: dict[Timeframe, Stored] = {}
    for timeframe in sorted(kept.bars, key=lambda timeframe: timeframe.is_derived):
        record = _snapshot(kept, timeframe, task=task, base=snapshots.get(timeframe.base))
        snapshots[timeframe] = appends.append(session, record)
    return snapshots


def _snapshot(
    kept: KeptEvidence, timeframe: Timeframe, *, task: DecisionTask, base: Stored | None
) -> SnapshotRecord:
    gathered, payload, calendar = kept.prepared.gathered, kept.payload, kept.calendar
    if gathered is None or payload is None or calendar is None:
        raise AssertionError("bars are kept together with the payload and calendar they came from")
    span, fetched = gathered.windows[timeframe], gathered.fetched
    bars = span.bars
    return SnapshotRecord(
        refs=task.refs,
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
        from_cache=fetched.from_cache,
        fetched_at=gathered.fetched_at,
        available_at=time_of(bars.available_at[-1]),
        missing_sessions=span.missing.sessions,
        age_sessions=gathered.age_sessions,
        calendar_digest=calendar.digest,
        quoted_in=fetched.quoted_in or bars.currency,
    )
