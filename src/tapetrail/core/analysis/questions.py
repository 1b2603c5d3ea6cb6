"""What an analyst is asked: about one chart, or about all of them together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tapetrail.core.analysis.analyses import (
    Analysis,
    ChartAnalysis,
    ConsolidatedAnalysis,
    parse_reply,
)
from tapetrail.core.charts.spec import ChartSpec
from tapetrail.core.market.bars import Bars, Instrument, Timeframe
from tapetrail.core.market.indicators import IndicatorValues
from tapetrail.core.strategy.strategies import StrategySpec

if TYPE_CHECKING:
    from tapetrail.core.analysis.prompts import PromptTemplate

CONSOLIDATED: Final = "consolidated"
CHART: Final = "chart"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChartEvidence:
    """One chart as an analyst gets it: the image, and every number behind it.

    `bars` and `values` are the whole history, shape (n,), drawn from `first_drawn` on; `spec` holds
    what is drawn, `gaps` the scheduled sessions without a bar.
    """

    timeframe: Timeframe
    bars: Bars
    first_drawn: int
    gaps: tuple[date, ...]
    values: IndicatorValues
    spec: ChartSpec
    image: bytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """One question about some charts, the primary one first.

    About one chart it is named `chart:1d`; about all of them it is `consolidated`, and comes with
    what was said about each. `missing` are charts that were asked about in vain. `template` is the
    prompt for models, and `refused` what was wrong with the last answer where one is asked again.
    """

    name: str
    instrument: Instrument
    as_of: datetime
    strategy: StrategySpec
    charts: tuple[ChartEvidence, ...]
    analyses: Mapping[Timeframe, ChartAnalysis] = field(
        default_factory=dict[Timeframe, ChartAnalysis]
    )
    missing: tuple[Timeframe, ...] = ()
    template: "PromptTemplate | None" = None
    refused: str | None = None

    @property
    def kind(self) -> str:
        """Return `consolidated` or `chart`."""
        return CONSOLIDATED if self.name == CONSOLIDATED else CHART

    @property
    def tick_size(self) -> Decimal | None:
        """The step between prices that can be placed, None where neither strategy nor record say.

        A strategy's word for bars of its own is the record's, or fills what the record leaves open:
        that of the instrument, or of `data` for instruments of its market.
        """
        strategy, listing = self.strategy, self.strategy.listing_of(self.instrument.symbol)
        stated = listing.tick_size if listing else strategy.data and strategy.data.tick_size
        return stated or self.instrument.tick_size

    @property
    def answer_kind(self) -> type[ChartAnalysis | ConsolidatedAnalysis]:
        """What a full answer is."""
        return ConsolidatedAnalysis if self.kind == CONSOLIDATED else ChartAnalysis

    def parse(self, text: str) -> Analysis:
        """Return the analysis in a reply to this question.

        Raises `InvalidInput` (`unparseable_reply`) that says where the text breaks which rule.
        """
        return parse_reply(self.answer_kind, text)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What one decision is made on: its charts, in the order of the strategy.

    `templates` are the prompts for models, by kind of question. Where the charts are only asked
    about, `is_decided_on` is false, and nobody is asked about all of them.
    """

    instrument: Instrument
    as_of: datetime
    strategy: StrategySpec
    charts: tuple[ChartEvidence, ...]
    is_decided_on: bool = True
    templates: "Mapping[str, PromptTemplate]" = field(default_factory=dict[str, "PromptTemplate"])

    def about_one(self, chart: ChartEvidence) -> Question:
        """Return the question about one chart."""
        return self._question(f"{CHART}:{chart.timeframe}", (chart,), analyses={})

    def about_all(self, analyses: Mapping[Timeframe, ChartAnalysis]) -> Question:
        """Return the question about all charts that have an analysis."""
        read = tuple(chart for chart in self.charts if chart.timeframe in analyses)
        return self._question(CONSOLIDATED, read, analyses=analyses)

    def _question(
        self,
        name: str,
        charts: tuple[ChartEvidence, ...],
        *,
        analyses: Mapping[Timeframe, ChartAnalysis],
    ) -> Question:
        is_whole = name == CONSOLIDATED
        return Question(
            name=name,
            instrument=self.instrument,
            as_of=self.as_of,
            strategy=self.strategy,
            charts=charts,
            analyses=analyses,
            missing=tuple(c.timeframe for c in self.charts if is_whole and c not in charts),
            template=self.templates.get(CONSOLIDATED if is_whole else CHART),
        )
