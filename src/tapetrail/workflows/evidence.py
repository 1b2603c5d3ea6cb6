"""A decision's evidence on record: its bytes stored, then the rows that name them.

Bytes are stored before the first statement, so that no row is locked meanwhile.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.errors import Stage, TapeTrailError
from tapetrail.core.failures import Failure
from tapetrail.core.market.bar_text import bars_text
from tapetrail.core.market.bars import Timeframe, time_of
from tapetrail.core.market.sessions import day_of
from tapetrail.core.records.base import Stored
from tapetrail.core.records.evidence import SnapshotRecord
from tapetrail.persistence import (
    ChartPersistenceService,
    KeptChart,
    ShownChart,
    keep_chart,
    keep_object,
)
from tapetrail.store import appends
from tapetrail.store.appends import BlobRow
from tapetrail.store.reads import DecisionTask
from tapetrail.workflows.prepare import Prepared
from tapetrail.workflows.second_opinion import Opinion

TEXT_MEDIA_TYPE: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEvidence:
    """What was prepared, its bytes stored."""

    prepared: Prepared
    payload: BlobRow | None = None
    longer: Mapping[Timeframe, BlobRow] = field(default_factory=dict[Timeframe, BlobRow])
    calendar: BlobRow | None = None
    bars: Mapping[Timeframe, BlobRow] = field(default_factory=dict[Timeframe, BlobRow])
    charts: tuple[KeptChart, ...] = ()
    second_payload: BlobRow | None = None


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
            longer={
                timeframe: keep_object(blobs, own.payload, media_type=own.media_type)
                for timeframe, drawn in gathered.windows.items()
                if (own := drawn.longer) is not None
            },
            calendar=keep_object(blobs, gathered.calendar_text, media_type=TEXT_MEDIA_TYPE),
            bars={
                timeframe: keep_object(blobs, bars_text(drawn.bars), media_type=TEXT_MEDIA_TYPE)
                for timeframe, drawn in gathered.windows.items()
            },
            charts=tuple(keep_chart(blobs, chart) for chart in prepared.rendered),
            second_payload=_keep_second(blobs, gathered.opinion),
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
    second = [kept.second_payload] if kept.second_payload is not None else []
    sent = [kept.payload, *kept.longer.values(), *second]
    appends.append_blobs(session, [*sent, kept.calendar, *kept.bars.values(), *drawn], at=clock())
    snapshots = _append_snapshots(session, kept, task=task)
    _append_opinion(session, kept, task=task)
    service = ChartPersistenceService(session, blobs=blobs, clock=clock)
    charts: dict[Timeframe, ShownChart] = {}
    for evidence, chart in zip(kept.prepared.charts, kept.charts, strict=True):
        snapshot = snapshots[evidence.timeframe]
        row = service.append_chart(chart, refs=task.refs, snapshot=snapshot)
        charts[evidence.timeframe] = (row, chart.image.digest)
    return charts


def _append_snapshots(
    session: Session, kept: KeptEvidence, *, task: DecisionTask
) -> dict[Timeframe, Stored]:
    """Append the bars of each chart; weeks and months name the daily bars they were built from."""
    snapshots: dict[Timeframe, Stored] = {}
    for timeframe in sorted(kept.bars, key=lambda timeframe: timeframe.is_derived):
        record = _snapshot(kept, timeframe, task=task, base=snapshots.get(timeframe.base))
        snapshots[timeframe] = appends.append(session, record)
    return snapshots


def _append_opinion(session: Session, kept: KeptEvidence, *, task: DecisionTask) -> None:
    """Append what a second source said, if one was asked."""
    gathered, payload = kept.prepared.gathered, kept.second_payload
    if gathered is not None and gathered.opinion is not None:
        digest = None if payload is None else payload.digest
        appends.append(session, gathered.opinion.record(task.refs, digest))


def _keep_second(blobs: BlobStore, opinion: Opinion | None) -> BlobRow | None:
    """Return what a second source sent, stored; None where nothing came."""
    sent = None if opinion is None else opinion.fetched
    return None if sent is None else keep_object(blobs, sent.payload, media_type=sent.media_type)


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
        raw_digest=kept.longer.get(timeframe, payload).digest,
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
