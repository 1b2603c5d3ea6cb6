"""Charts and analyses into the record: the blob first, then the row that names it.

A row is appended only after its bytes were stored and read back. Callers own the transaction:
what they roll back leaves at most a blob that nothing names.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Protocol, TypeAlias

from sqlalchemy.orm import Session

from tapetrail.core.blob_keys import COMPRESSED_SUFFIX, chart_key, object_key
from tapetrail.core.canonical import Digest, digest_bytes
from tapetrail.core.charts.chart import CHART_STYLE
from tapetrail.core.charts.figures import ChartFigures
from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Timeframe, TimeframeUnit
from tapetrail.core.records import (
    AnalysisChartRecord,
    AnalysisRecord,
    AnalysisStatus,
    ChartArchivalRecord,
    ChartRecord,
    JsonArray,
    JsonObject,
    Role,
    Stored,
)
from tapetrail.listing import ANALYSES, CHARTS
from tapetrail.listing.answers import AnalysisRow
from tapetrail.listing.evidence import ChartRow
from tapetrail.store import appends, lists, reads
from tapetrail.store.appends import BlobRow
from tapetrail.store.connections import driver_connection
from tapetrail.wire import AnalysisStats

JPEG: Final = "image/jpeg"
HTML: Final = "text/html; charset=utf-8"
JSON: Final = "application/json"
ARCHIVE_AFTER_DAYS: Final = 90
ShownCharts: TypeAlias = Sequence[tuple[Stored, Digest]]
"""The charts an analysis read, each with the digest of the image it was shown."""
_CHART_TYPES: Final = {
    TimeframeUnit.DAY: "daily",
    TimeframeUnit.WEEK: "weekly",
    TimeframeUnit.MONTH: "monthly",
}


class BlobStore(Protocol):
    """Where bytes are kept."""

    def put(self, content: bytes, *, key: str) -> Digest:
        """Store `content` under `key`, once."""
        ...

    def read(self, key: str, *, digest: Digest) -> bytes:
        """Return the bytes under `key`, checked against `digest`."""
        ...

    def url(self, key: str) -> str:
        """Return where `key` is found."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRefs:
    """The rows that everything in one decision belongs to."""

    execution: Stored
    decision: Stored
    strategy: Stored
    symbol: str
    conid: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnChart:
    """A chart as it was drawn: its bytes, the document of every drawn value, its figures."""

    symbol: str
    timeframe: Timeframe
    jpeg: bytes
    html: bytes
    spec: bytes
    figures: ChartFigures
    indicators_applied: JsonObject
    renderer: str
    generated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptChart:
    """A drawn chart whose bytes are stored."""

    drawn: DrawnChart
    image: BlobRow
    page: BlobRow
    spec: BlobRow

    @property
    def blobs(self) -> tuple[BlobRow, ...]:
        """The rows of all its bytes."""
        return (self.image, self.page, self.spec)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one question to one analyst."""

    question: str
    kind: str
    timeframe: Timeframe
    analyst: str
    provider: str
    model_name: str
    role: Role
    sample_no: int
    params: JsonObject
    indicators_metadata: JsonObject | None
    response_text: str | None
    response_json: JsonObject | None
    confidence_score: Decimal | None
    trend_direction: str | None
    support_levels: JsonArray | None
    resistance_levels: JsonArray | None
    key_patterns: JsonArray | None
    tokens_used: int | None
    cost_usd: Decimal | None
    latency_ms: int
    status: AnalysisStatus
    error_message: str | None
    requested_at: datetime
    analyzed_at: datetime


def keep_blob(blobs: BlobStore, content: bytes, *, key: str, media_type: str) -> BlobRow:
    """Store bytes, read them back, and return the row that may now name them.

    Raises `EdgeFailure` when the store fails and `IntegrityFailure` when it gives back others.
    """
    digest = blobs.put(content, key=key)
    blobs.read(key, digest=digest)
    return BlobRow(digest=digest, key=key, size=len(content), media_type=media_type)


def keep_object(blobs: BlobStore, content: bytes, *, media_type: str) -> BlobRow:
    """Store bytes under the key that their digest gives."""
    return keep_blob(blobs, content, key=object_key(digest_bytes(content)), media_type=media_type)


class ChartPersistenceService:
    """Saves, finds and archives charts, inside the caller's transaction.

    `session` is an open SQLAlchemy session of the application's role, `clock` gives the present.
    """

    def __init__(
        self, session: Session, *, blobs: BlobStore, clock: Callable[[], datetime]
    ) -> None:
        self._session = session
        self._blobs = blobs
        self._clock = clock

    def save_chart(self, chart: DrawnChart, *, refs: DecisionRefs, snapshot: Stored) -> Stored:
        """Store the chart's bytes, append its row, and return the row's number and digest."""
        kept = keep_chart(self._blobs, chart)
        appends.append_blobs(self._session, kept.blobs, at=self._clock())
        return self.append_chart(kept, refs=refs, snapshot=snapshot)

    def append_chart(self, kept: KeptChart, *, refs: DecisionRefs, snapshot: Stored) -> Stored:
        """Append the row of a chart whose bytes are stored and named in `blobs`."""
        drawn, figures = kept.drawn, kept.drawn.figures
        record = ChartRecord(
            execution=refs.execution,
            decision=refs.decision,
            snapshot=snapshot,
            symbol=refs.symbol,
            conid=refs.conid,
            timeframe=str(drawn.timeframe),
            chart_type=_CHART_TYPES.get(drawn.timeframe.unit, "intraday"),
            chart_style=CHART_STYLE,
            origin="drawn",
            chart_url_jpeg=self._blobs.url(kept.image.key),
            chart_url_html=self._blobs.url(kept.page.key),
            image_media_type=kept.image.media_type,
            minio_bucket=None,
            minio_object_key=kept.image.key,
            jpeg_digest=kept.image.digest,
            html_digest=kept.page.digest,
            spec_digest=kept.spec.digest,
            indicators_applied=drawn.indicators_applied,
            missing_indicators=[
                {"name": missing.name, "reason": missing.reason}
                for missing in figures.missing_indicators
            ],
            data_points=figures.data_points,
            start_date=figures.start_on,
            end_date=figures.end_on,
            price_current=figures.price_current,
            price_change_pct=figures.price_change_pct,
            volume_avg=figures.volume_avg,
            renderer=drawn.renderer,
            generated_at=drawn.generated_at,
        )
        return appends.append(self._session, record)

    def get_charts_by_execution(self, execution_id: int) -> Sequence[ChartRow]:
        """Return the charts of one execution, newest first."""
        wanted = CHARTS.select(execution_id=execution_id)
        return lists.rows(driver_connection(self._session), wanted)

    def get_charts_by_symbol(
        self, symbol: str, *, timeframe: str | None = None, limit: int = 50
    ) -> Sequence[ChartRow]:
        """Return the newest charts of a symbol, of one timeframe where it is given."""
        wanted = CHARTS.select(symbol=symbol, timeframe=timeframe)
        return lists.rows(driver_connection(self._session), wanted, limit=limit)

    def archive_old_charts(
        self,
        *,
        actor: str,
        older_than_days: int = ARCHIVE_AFTER_DAYS,
        after_id: int = 0,
        limit: int | None = None,
    ) -> Sequence[int]:
        """Mark active charts generated over `older_than_days` ago as archived; return their ids.

        Nothing is deleted: an archived chart stays readable. `limit` bounds how many are taken,
        the lowest ids above `after_id` first. Raises `InvalidInput` below one day. Whoever archives
        takes turns, since a chart is archived once.
        """
        if older_than_days < 1:
            raise InvalidInput(f"older_than_days {older_than_days}: expected 1 or more")
        now = self._clock()
        appends.lock_name(self._session, "archive charts")
        instant = now - timedelta(days=older_than_days)
        old = reads.active_charts_before(self._session, instant, after_id=after_id, limit=limit)
        reason = f"generated over {older_than_days} days ago"
        events = [ChartArchivalRecord(chart=chart, at=now, from_status="active",
                                      to_status="archived", actor=actor, reason=reason)
                  for chart in old]  # fmt: skip
        appends.append_all(self._session, events)
        return [chart.id for chart in old]


class LLMAnalysisPersistenceService:
    """Saves and finds analyses, inside the caller's transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def save_analysis(self, answer: Answer, *, refs: DecisionRefs, charts: ShownCharts) -> Stored:
        """Append an answer and the charts it read, each with the digest of the image shown.

        An answer about one chart names it; a consolidated one reads several and names none.
        """
        return self.save_analyses([(answer, charts)], refs=refs)[0]

    def save_analyses(
        self, answers: Sequence[tuple[Answer, ShownCharts]], *, refs: DecisionRefs
    ) -> list[Stored]:
        """Append several answers, each with the charts it read, in two statements."""
        records = [_analysis(answer, refs=refs, charts=charts) for answer, charts in answers]
        analyses = appends.append_all(self._session, records)
        links = [
            AnalysisChartRecord(
                execution=refs.execution,
                decision=refs.decision,
                analysis=analysis,
                chart=chart,
                image_digest=image,
            )
            for analysis, (_, charts) in zip(analyses, answers, strict=True)
            for chart, image in charts
        ]
        appends.append_all(self._session, links)
        return analyses

    def get_analyses_by_execution(self, execution_id: int) -> Sequence[AnalysisRow]:
        """Return the analyses of one execution, newest first."""
        wanted = ANALYSES.select(execution_id=execution_id)
        return lists.rows(driver_connection(self._session), wanted)

    def get_analyses_by_chart(self, chart_id: int) -> Sequence[AnalysisRow]:
        """Return every analysis that read a chart, consolidated ones too, newest first."""
        wanted = ANALYSES.select(chart_id=chart_id)
        return lists.rows(driver_connection(self._session), wanted)

    def get_analysis_stats(self) -> Sequence[AnalysisStats]:
        """Return, per analyst: calls, completed ones, tokens, cost and latency quantiles."""
        return reads.analysis_stats(self._session)


def _analysis(answer: Answer, *, refs: DecisionRefs, charts: ShownCharts) -> AnalysisRecord:
    return AnalysisRecord(
        execution=refs.execution,
        decision=refs.decision,
        chart=charts[0][0] if answer.kind == "chart" and charts else None,
        strategy=refs.strategy,
        symbol=refs.symbol,
        timeframe=str(answer.timeframe),
        kind=answer.kind,
        question=answer.question,
        analyst=answer.analyst,
        role=answer.role,
        sample_no=answer.sample_no,
        response_text=answer.response_text,
        response_json=answer.response_json,
        provider=answer.provider,
        model_name=answer.model_name,
        params=answer.params,
        indicators_metadata=answer.indicators_metadata,
        confidence_score=answer.confidence_score,
        trend_direction=answer.trend_direction,
        support_levels=answer.support_levels,
        resistance_levels=answer.resistance_levels,
        key_patterns=answer.key_patterns,
        tokens_used=answer.tokens_used,
        cost_usd=answer.cost_usd,
        latency_ms=answer.latency_ms,
        status=answer.status,
        error_message=answer.error_message,
        requested_at=answer.requested_at,
        analyzed_at=answer.analyzed_at,
    )


def keep_chart(blobs: BlobStore, drawn: DrawnChart) -> KeptChart:
    """Store the image, the page and the spec document of a chart; no row is written yet."""
    return KeptChart(
        drawn=drawn,
        image=_keep_drawing(blobs, drawn, drawn.jpeg, suffix="jpg", media_type=JPEG),
        page=_keep_drawing(blobs, drawn, drawn.html, suffix=COMPRESSED_SUFFIX, media_type=HTML),
        spec=keep_object(blobs, drawn.spec, media_type=JSON),
    )


def _keep_drawing(
    blobs: BlobStore, drawn: DrawnChart, content: bytes, *, suffix: str, media_type: str
) -> BlobRow:
    key = chart_key(
        symbol=drawn.symbol,
        last_session=drawn.figures.end_on,
        timeframe=str(drawn.timeframe),
        digest=digest_bytes(content),
        suffix=suffix,
    )
    return keep_blob(blobs, content, key=key, media_type=media_type)
