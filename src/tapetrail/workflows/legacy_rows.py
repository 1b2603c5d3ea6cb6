"""Decisions of the predecessor as the rows that they become."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.analysis.replies import AnswerKey, ReplyMetadata
from tapetrail.core.legacy.columns import Table
from tapetrail.core.legacy.facts import AnalysisFacts, ChartFacts, metadata_of
from tapetrail.core.legacy.rows import Row, legacy_id, timeframe_of
from tapetrail.core.legacy.story import JudgedSignal
from tapetrail.core.recording.levels import are_valid, reward_risk
from tapetrail.core.records.base import Stored
from tapetrail.core.records.evidence import ChartArchivalRecord
from tapetrail.core.records.external import (
    ExternalAnalysisRecord,
    ExternalModel,
    ExternalRefs,
    ExternalReply,
    ExternalSignalRecord,
    ExternalSnapshotRecord,
    PostedChartRecord,
)
from tapetrail.core.records.inputs import InputRecord
from tapetrail.core.records.states import InputKind, Role
from tapetrail.sources.posted_bars import PostedBars
from tapetrail.store.appends import BlobRow
from tapetrail.workflows.told_rows import chart_type_of

ACTOR: Final = "predecessor"
"""Who acted, as events have it: it kept no names."""
ROWS: Final = "rows of the predecessor"
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptImage:
    """A chart's image, and its page where there is one, whose bytes are kept."""

    image: BlobRow
    page: BlobRow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBars:
    """A cached row as it was, and its bars as text where they can be read."""

    raw: BlobRow
    bars: tuple[PostedBars, BlobRow, str] | None


@dataclass(slots=True, kw_only=True)
class OpenLegacy:
    """A decision that is taken over: what its rows name, and the rows that are there already."""

    source: str
    refs: ExternalRefs
    instrument: Stored
    strategy: Stored | None
    strategy_id: str | None
    charts: dict[str, tuple[Stored, ChartFacts, KeptImage]] = field(
        default_factory=dict[str, tuple[Stored, ChartFacts, KeptImage]]
    )
    analyses: dict[str, Stored] = field(default_factory=dict[str, Stored])
    samples: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])

    def id_of(self, row: Row, at: datetime) -> str:
        """Return the id of a row."""
        return row_id(self.source, row, at)

    def strategy_of(self, row: Row) -> Stored | None:
        """Return the run's strategy where a row names it, or none."""
        return self.strategy if row.stated("strategy_id") in {None, self.strategy_id} else None

    def chart_of(self, row: Row) -> tuple[Stored, ChartFacts, KeptImage] | None:
        """Return the chart that a row names, where it is of this decision."""
        return self.charts.get(row.stated("chart_id") or "")


def row_id(source: str, row: Row, at: datetime) -> str:
    """Return the id that a row of the predecessor has in this record."""
    return legacy_id(source, f"{row.table} {row.id}", at)


def rows_id(book: OpenLegacy, at: datetime) -> str:
    """Return the id of what keeps a decision's rows as they were."""
    return legacy_id(book.source, f"rows of {book.refs.decision.digest}", at)


def chart_record(
    book: OpenLegacy, facts: ChartFacts, kept: KeptImage, *, blobs: BlobStore
) -> PostedChartRecord:
    """Return the row of a chart whose bytes are kept."""
    row, image, page = facts.row, blobs.place(kept.image.key), kept.page
    first_on, last_on = row.day("start_date"), row.day("end_date")
    is_in_order = first_on is None or last_on is None or first_on <= last_on
    applied = row.members("indicators_applied")
    return PostedChartRecord(
        refs=book.refs,
        timeframe=facts.timeframe,
        chart_type=None if facts.timeframe is None else chart_type_of(facts.timeframe),
        chart_url_jpeg=image.url,
        chart_url_html=None if page is None else blobs.place(page.key).url,
        image_media_type=kept.image.media_type,
        minio_bucket=image.bucket,
        minio_object_key=image.object_key,
        jpeg_digest=kept.image.digest,
        html_digest=None if page is None else page.digest,
        indicators_applied=applied,
        data_points=row.whole("data_points", 1),
        start_date=first_on if is_in_order else None,
        end_date=last_on if is_in_order else None,
        price_current=row.number("price_current"),
        price_change_pct=row.number("price_change_pct"),
        volume_avg=row.within("volume_avg", 0),
        generated_at=facts.at,
        external_id=book.id_of(row, facts.at),
    )


def archival(chart: Stored, now: datetime) -> ChartArchivalRecord:
    """Return that a chart was set aside, which the predecessor does not say when."""
    return ChartArchivalRecord(
        chart=chart,
        at=now,
        from_status="active",
        to_status="archived",
        actor=ACTOR,
        reason="set aside by the predecessor",
    )


def analysis_record(book: OpenLegacy, facts: AnalysisFacts) -> ExternalAnalysisRecord:
    """Return the row of an answer, or of one that failed."""
    row, chart = facts.row, book.chart_of(facts.row)
    timeframe = facts.timeframe or (None if chart is None else chart[1].timeframe)
    question = "analysis" if timeframe is None else f"chart:{timeframe}"
    number = book.samples.get((question, facts.analyst), 0) + 1
    book.samples[question, facts.analyst] = number
    return ExternalAnalysisRecord(
        refs=book.refs,
        chart=None if chart is None else chart[0],
        strategy=book.strategy_of(row),
        symbol=book.refs.symbol,
        key=AnswerKey(question=question, analyst=facts.analyst, sample_no=number),
        kind="other" if chart is None or timeframe is None else "chart",
        timeframe=timeframe,
        role=Role.DECIDING,
        reply=_reply(facts),
        stated=facts.stated,
        status=facts.status,
        error_kind=facts.error_kind,
        error_message=facts.error_message,
        external_id=book.id_of(row, facts.at),
    )


def _reply(facts: AnalysisFacts) -> ExternalReply:
    row = facts.row
    return ExternalReply(
        model=ExternalModel(
            provider=row.label("provider"),
            model_name=row.label("model_name"),
            params={"legacy": row.left("execution_id", "chart_id", "strategy_id",
                                       "prompt_template_id")},
        ),
        prompt_text=row.stated("prompt_text"),
        indicators_metadata=row.members("indicators_metadata"),
        response_text=row.stated("response_text"),
        metadata=ReplyMetadata(
            tokens_used=row.whole("tokens_used", 0), cost_usd=row.within("cost_usd", 0)
        ),
        latency_ms=row.whole("latency_ms", 0),
        requested_at=None,
        analyzed_at=facts.at,
    )  # fmt: skip


def signal_record(book: OpenLegacy, judged: JudgedSignal) -> ExternalSignalRecord:
    """Return the row of a signal, its prices as they were kept."""
    facts, row = judged.facts, judged.facts.row
    chart = book.chart_of(row)
    basis = None if judged.analysis is None else book.analyses.get(judged.analysis.row.id)
    return ExternalSignalRecord(
        refs=book.refs,
        chart=None if chart is None else chart[0],
        llm_analysis=basis,
        strategy=book.strategy_of(row),
        role=judged.role,
        signal_type=facts.signal_type,
        confidence=facts.confidence,
        trend=facts.trend,
        entry_price=facts.entry_price,
        stop_loss=facts.stop_loss,
        target_price=facts.target_price,
        risk_reward_ratio=reward_risk(facts),
        timeframe_primary=timeframe_of(row.stated("timeframe")),
        timeframe_confirmation=timeframe_of(row.stated("confirmation")),
        reasoning=row.stated("reasoning"),
        strategy_metadata=metadata_of(
            facts, why_unbacked=judged.why_unbacked, is_inferred=judged.is_inferred
        ),
        levels_valid=are_valid(facts),
        decided_at=facts.at,
        generated_at=facts.at,
        action=facts.action,
        external_id=book.id_of(row, facts.at),
    )


def snapshot_record(
    book: OpenLegacy, row: Row, at: datetime, *, kept: KeptBars
) -> ExternalSnapshotRecord | InputRecord:
    """Return the row of cached bars; where they cannot be read, that of an input."""
    if kept.bars is None:
        name = f"{Table.CACHE} {row.id}"
        return input_record(book, name, kept.raw, at=at, external_id=book.id_of(row, at))
    bars, text, timeframe = kept.bars
    return ExternalSnapshotRecord(
        refs=book.refs,
        instrument=book.instrument,
        source=row.label("source"),
        timeframe=timeframe,
        adjustment=UNKNOWN,
        session_first=bars.first_on,
        session_last=bars.last_on,
        bar_count=bars.bar_count,
        bars_digest=text.digest,
        raw_digest=kept.raw.digest,
        fetched_at=at,
        external_id=book.id_of(row, at),
    )


def input_record(
    book: OpenLegacy, name: str, kept: BlobRow, *, at: datetime, external_id: str
) -> InputRecord:
    """Return the row of bytes that are kept beside a decision's rows."""
    return InputRecord(
        refs=book.refs,
        kind=InputKind.OTHER,
        input_name=name,
        media_type=kept.media_type,
        content_digest=kept.digest,
        source=book.source,
        available_at=None,
        logged_at=at,
        external_id=external_id,
    )


def rows_document(rows: Mapping[Table, list[Row]]) -> bytes:
    """Return rows as the predecessor's database wrote them, by table, in one JSON document."""
    parts = [
        f'"{table}":[\n' + ",\n".join(row.text for row in found) + "\n]"
        for table, found in rows.items()
    ]
    return ("{" + ",\n".join(parts) + "}\n").encode("utf-8", "surrogatepass")
