"""What a decision is made on: bars fetched and held against a second source's, charts drawn.

Nothing is asked, decided or stored here. What an earlier part found is kept when a later one fails.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from tapetrail.analysts.protocol import Analyst
from tapetrail.core.analysis.questions import ChartEvidence, Evidence
from tapetrail.core.charts.chart import CHART_STYLE, ChartHeader, derive_chart
from tapetrail.core.charts.figures import derive_figures
from tapetrail.core.charts.text import spec_text
from tapetrail.core.errors import ErrorKind, InvalidInput, Stage, TapeTrailError
from tapetrail.core.failures import Failure
from tapetrail.core.market.bars import Bars, Calendar, Instrument, Timeframe
from tapetrail.core.market.calendar_changes import CalendarChanges
from tapetrail.core.market.completeness import (
    Missing,
    age_in_sessions,
    data_remarks,
    missing_sessions,
)
from tapetrail.core.market.histories import Window, derive_bars, gaps, known_at, window
from tapetrail.core.market.indicators import applied, derive_indicators
from tapetrail.core.market.longer_histories import extend_back
from tapetrail.core.market.oddities import oddities
from tapetrail.core.market.sessions import last_session_at
from tapetrail.core.records.evidence import ChartContent
from tapetrail.core.strategy.analysts import AnalystSpec
from tapetrail.core.strategy.data_quality import DataLimits
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.persistence import (
    RenderedChart,
)
from tapetrail.render.html import HTML_RENDERER, render_html
from tapetrail.render.jpeg import RENDERER, render_jpeg
from tapetrail.render.page import render_page
from tapetrail.render.words import escaped_letters
from tapetrail.settings import ProviderLimits
from tapetrail.sources.asking import Lanes
from tapetrail.sources.protocol import Fetched, LongerHistory, Source
from tapetrail.store.reads import DecisionTask
from tapetrail.workflows.fetching import fetch_enough
from tapetrail.workflows.run_request import fresh_until_of
from tapetrail.workflows.second_opinion import Closes, Opinion, SecondSource, hear

CHART_RENDERER: Final = f"{RENDERER} {HTML_RENDERER}"
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

    `missing` are the sessions within its span that have no bar and were not halted. `longer` is
    the source's own history of such bars, where some of them are used; `lack` says
    which of those have no bar, and `remarks` all that, and what is odd.
    """

    bars: Bars
    first_drawn: int
    gaps: tuple[date, ...]
    missing: Missing
    longer: LongerHistory | None = None
    lack: str = ""
    remarks: tuple[str, ...] = ()


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
    opinion: Opinion | None = None

    def check(self, limits: DataLimits) -> None:
        """Raise `InvalidInput` where sessions are missing, or the bars old, beyond the limits.

        Then as the second opinion does, if one was asked for.
        """
        for span in self.windows.values():
            limits.check_missing(span.missing)
            limits.check_lack(span.lack)
        limits.check_age(self.age_sessions, until=f"{self.fresh_until:%Y-%m-%d %H:%M} UTC")
        if self.opinion is not None:
            self.opinion.check()

    def remarks(self, timeframe: Timeframe) -> tuple[str, ...]:
        """Return what a chart says of its bars: what is missing, odd or restated, and whose.

        And what there is to say of the second opinion.
        """
        span = self.windows[timeframe]
        said = data_remarks(span.missing, age_sessions=self.age_sessions)
        heard = self.opinion.remarks() if self.opinion is not None else ()
        return (*said, *span.remarks, *self.fetched.remarks, *heard)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What was found before anybody was asked, as far as it went."""

    gathered: Gathered | None = None
    charts: tuple[ChartEvidence, ...] = ()
    rendered: tuple[RenderedChart, ...] = ()
    failure: Failure | None = None


def prepare(
    task: DecisionTask,
    strategy: StrategySpec,
    ports: Ports,
    *,
    open_source: Callable[[], Source],
    second: SecondSource | None = None,
) -> Prepared:
    """Return the bars and charts of a decision. Raises only defects: errors that name no kind.

    Bars that break the strategy's limits, and closes that a second source contradicts, fail it once
    its charts are drawn, so that they are seen.
    """
    prepared, stage = Prepared(), Stage.BARS
    try:
        gathered = _gather(task, strategy, ports, source=open_source(), second=second)
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
    task: DecisionTask,
    strategy: StrategySpec,
    ports: Ports,
    *,
    source: Source,
    second: SecondSource | None,
) -> Gathered:
    """Fetch daily bars, take each chart's window, and hear what a second source says of them."""
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
        longer = fetched.longer.get(timeframe)
        extended = longer and extend_back(bars, longer.bars, days=len(daily), calendar=calendar)
        span = window(extended.bars if extended else bars, drawn=drawn, warmup=warm_up)
        own = extended and extended.within(span.bars)
        windows[timeframe] = ChartWindow(
            bars=span.bars,
            first_drawn=span.drawn_from,
            gaps=() if timeframe.is_derived else gaps(span.bars, calendar),
            missing=missing_sessions(daily, calendar, spans=span.bars, halts=halts),
            longer=longer if own and own.own else None,
            lack=own.lack if own else "",
            remarks=(*filter(None, [own and own.remark]), *oddities(drawn_days(daily, span))),
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
        opinion=_opinion(task, strategy, second, daily=daily, windows=windows, ports=ports),
    )


def _opinion(
    task: DecisionTask,
    strategy: StrategySpec,
    second: SecondSource | None,
    *,
    daily: Bars,
    windows: Mapping[Timeframe, ChartWindow],
    ports: Ports,
) -> Opinion | None:
    """Return what a second source says of the closes that charts are made of, if one is asked."""
    asked = strategy.second_opinion
    if asked is None or second is None:
        return None
    first = min(span.bars.first_on[0] for span in windows.values())
    ours = Closes(
        traded=task.traded,
        bars=daily.take(daily.first_on >= first),
        as_of=task.as_of,
        calendar=ports.calendar_of(task, strategy),
    )
    return hear(asked, second, ours, now=ports.clock())


def drawn_days(daily: Bars, span: Window) -> Bars:
    """Return the daily bars of what a window draws."""
    return daily.take(daily.last_on >= span.bars.first_on[span.drawn_from])


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
