"""Charts and analyses into the record: the blob first, then the row that names it.

A row is appended only after its bytes were stored and read back. Callers own the transaction:
what they roll back leaves at most a blob that nothing names.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from sqlalchemy.orm import Session

from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.analysis.questions import CHART
from tapetrail.core.blob_keys import COMPRESSED_SUFFIX, chart_key, object_key
from tapetrail.core.canonical import Digest, digest_bytes
from tapetrail.core.errors import InvalidInput
from tapetrail.core.records.answers import AnalysisChartRecord, AnalysisRecord, Answer
from tapetrail.core.records.base import Stored
from tapetrail.core.records.evidence import (
    ChartArchivalRecord,
    ChartContent,
    ChartFiles,
    ChartRecord,
)
from tapetrail.core.records.runs import DecisionRefs
from tapetrail.listing import ANALYSES, CHARTS
from tapetrail.listing.answers import AnalysisRow
from tapetrail.listing.evidence import ChartRow
from tapetrail.listing.spec import Wanted
from tapetrail.store import appends, lists, reads, stats
from tapetrail.store.appends import BlobRow
from tapetrail.store.connections import driver_connection
from tapetrail.wire import UsageStats

JPEG: Final = "image/jpeg"
HTML: Final = "text/html; charset=utf-8"
JSON: Final = "application/json"
ARCHIVE_AFTER_DAYS: Final = 90
ShownChart: TypeAlias = tuple[Stored, Digest]
"""A chart's row, and the digest of the image that is shown."""
ReadChart: TypeAlias = tuple[Stored, Digest | None]
"""A chart's row, and the digest of the image that an analysis was shown, None for none."""
ShownCharts: TypeAlias = Sequence[ReadChart]
"""The charts an analysis read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedChart:
    """A chart as it was rendered: its bytes, the document of every drawn value, its row."""

    symbol: str
    jpeg: bytes
    html: bytes
    spec: bytes
    content: ChartContent


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptChart:
    """A rendered chart whose bytes are stored."""

    content: ChartContent
    image: BlobRow
    html: BlobRow
    spec: BlobRow

    @property
    def blobs(self) -> tuple[BlobRow, ...]:
        """The rows of all its bytes."""
        return (self.image, self.html, self.spec)


def keep_blob(blobs: BlobStore, content: bytes, *, key: str, media_type: str) -> BlobRow:
    """Store bytes, read them back, and return the row that may now name them.

    Raises `EdgeFailure` when the store fails and `IntegrityFailure` when it gives back others.
    """
    digest = blobs.put(content, key=key, media_type=media_type)
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

    def save_chart(self, chart: RenderedChart, *, refs: DecisionRefs, snapshot: Stored) -> Stored:
        """Store the chart's bytes, append its row, and return the row's number and digest."""
        kept = keep_chart(self._blobs, chart)
        appends.append_blobs(self._session, kept.blobs, at=self._clock())
        return self.append_chart(kept, refs=refs, snapshot=snapshot)

    def append_chart(self, kept: KeptChart, *, refs: DecisionRefs, snapshot: Stored) -> Stored:
        """Append the row of a chart whose bytes are stored and named in `blobs`."""
        image = self._blobs.place(kept.image.key)
        files = ChartFiles(
            chart_url_jpeg=image.url,
            chart_url_html=self._blobs.place(kept.html.key).url,
            image_media_type=kept.image.media_type,
            minio_bucket=image.bucket,
            minio_object_key=image.object_key,
            jpeg_digest=kept.image.digest,
            html_digest=kept.html.digest,
            spec_digest=kept.spec.digest,
        )
        record = ChartRecord(refs=refs, snapshot=snapshot, files=files, content=kept.content)
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
        records = [
            AnalysisRecord(
                refs=refs,
                chart=charts[0][0] if answer.kind == CHART and charts else None,
                strategy=refs.strategy,
                symbol=refs.symbol,
                answer=answer,
            )
            for answer, charts in answers
        ]
        analyses = appends.append_all(self._session, records)
        links = [
            AnalysisChartRecord(refs=refs, analysis=analysis, chart=chart, image_digest=image)
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

    def get_analysis_stats(self, by: str = "analyst", **filters: Wanted) -> Sequence[UsageStats]:
        """Return what models were asked, what came of it and what it cost, by analyst.

        Or by `day`, `model`, `strategy` or `symbol`; `filters` are those of the list of analyses.
        Built-in analysts are no models. Raises `InvalidInput` for another word or filter.
        """
        connection, selection = driver_connection(self._session), ANALYSES.select(**filters)
        return stats.usage(connection, selection, by=stats.read_by(by))


def keep_chart(blobs: BlobStore, chart: RenderedChart) -> KeptChart:
    """Store a chart's image, interactive page and spec document; no row is written yet."""
    return KeptChart(
        content=chart.content,
        image=_keep_drawing(blobs, chart, chart.jpeg, suffix="jpg", media_type=JPEG),
        html=_keep_drawing(blobs, chart, chart.html, suffix=COMPRESSED_SUFFIX, media_type=HTML),
        spec=keep_object(blobs, chart.spec, media_type=JSON),
    )


def _keep_drawing(
    blobs: BlobStore, chart: RenderedChart, content: bytes, *, suffix: str, media_type: str
) -> BlobRow:
    key = chart_key(
        symbol=chart.symbol,
        last_session=chart.content.figures.end_date,
        timeframe=chart.content.timeframe,
        digest=digest_bytes(content),
        suffix=suffix,
    )
    return keep_blob(blobs, content, key=key, media_type=media_type)
