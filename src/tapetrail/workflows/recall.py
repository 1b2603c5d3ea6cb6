"""A decision's evidence, read back from the record.

Whoever goes on with a decision that another process prepared shows analysts what is on record, and
nothing else: fetched again, bars may differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy.orm import Session

from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.analysis.questions import ChartEvidence, Evidence
from tapetrail.core.blob_keys import object_key
from tapetrail.core.canonical import Digest
from tapetrail.core.charts.parsing import parse_spec
from tapetrail.core.market.bar_text import parse_bars_text
from tapetrail.core.market.bars import Calendar, Timeframe
from tapetrail.core.market.indicators import derive_indicators
from tapetrail.core.market.stored_bars import restore_bars
from tapetrail.core.records.base import Stored
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.persistence import ShownChart
from tapetrail.store import ledger, prompts
from tapetrail.store.ledger import RecordedChart
from tapetrail.store.reads import DecisionTask
from tapetrail.workflows.run_request import CHART_KEY


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """The rows that hold what a decision is made on: charts, and prompts by kind of question."""

    charts: Mapping[Timeframe, ShownChart]
    templates: Mapping[str, Stored] = field(default_factory=dict[str, Stored])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recalled:
    """What a decision is made on, and the rows that hold it."""

    evidence: Evidence
    rows: Rows


def recall(
    session: Session,
    task: DecisionTask,
    *,
    strategy: StrategySpec,
    blobs: BlobStore,
    calendar: Calendar,
    prepared: Recalled | None = None,
) -> Recalled:
    """Return the evidence of a decision that was prepared. Raises as the blob store does.

    What this process itself has `prepared` is not read back where its very rows are on record.
    """
    if task.is_question:
        found = ledger.recorded_charts(session, chart_id=int(task.config[CHART_KEY]))
    else:
        found = ledger.recorded_charts(session, decision_id=task.refs.decision.id)
    charts = {chart.timeframe: (chart.row, chart.jpeg_digest) for chart in found}
    if prepared is not None and prepared.rows.charts == charts:
        return prepared
    templates = prompts.recorded_templates(session, strategy)
    evidence = Evidence(
        instrument=task.traded,
        as_of=task.as_of,
        strategy=strategy,
        charts=tuple(_chart(chart, strategy, blobs=blobs, calendar=calendar) for chart in found),
        is_decided_on=not task.is_question,
        templates={kind: template for kind, (_, template) in templates.items()},
    )
    named = {kind: row for kind, (row, _) in templates.items()}
    return Recalled(evidence=evidence, rows=Rows(charts=charts, templates=named))


def _chart(
    chart: RecordedChart, strategy: StrategySpec, *, blobs: BlobStore, calendar: Calendar
) -> ChartEvidence:
    bars = restore_bars(parse_bars_text(_read(blobs, chart.bars_digest)), calendar)
    first_drawn = len(bars) - chart.data_points
    settings = strategy.indicators.settings()
    return ChartEvidence(
        timeframe=chart.timeframe,
        bars=bars,
        first_drawn=first_drawn,
        gaps=tuple(map(date.fromisoformat, chart.gaps)),
        values=derive_indicators(bars, settings, first_drawn=first_drawn),
        spec=parse_spec(_read(blobs, chart.spec_digest)),
        image=blobs.read(chart.jpeg_key, digest=chart.jpeg_digest),
    )


def _read(blobs: BlobStore, digest: Digest) -> bytes:
    return blobs.read(object_key(digest), digest=digest)
