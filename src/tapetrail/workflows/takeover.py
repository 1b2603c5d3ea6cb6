"""Runs and decisions of the predecessor into the record, one decision a transaction.

1. A decision's bytes are kept first: images and pages that were left somewhere, cached rows, and
   all its other rows as they were, which is why nothing of them can be lost.
2. Its run is opened where it is not there yet; then the decision, its rows, its end and its seal
   follow in one transaction. What is there is known by its id, so that nothing is added twice.
3. A run ends once all its decisions are there. One that was interrupted goes on with the next
   import.

Times of rows and events are the predecessor's own; a seal has the time at which it is put.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from tapetrail.blobs.foreign import ForeignObjects
from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.canonical import FieldValue, digest_bytes
from tapetrail.core.errors import ErrorKind, InvalidInput, Stage
from tapetrail.core.failures import Failure
from tapetrail.core.legacy.columns import Table
from tapetrail.core.legacy.facts import ChartFacts
from tapetrail.core.legacy.objects import Sought, image_places, inline_image, page_places
from tapetrail.core.legacy.rows import Row, legacy_id, timeframe_of
from tapetrail.core.legacy.runs import RunEnd
from tapetrail.core.legacy.story import Place, Story
from tapetrail.core.recording.again import id_of
from tapetrail.core.recording.images import image_type_of
from tapetrail.core.records.answers import AnalysisChartRecord
from tapetrail.core.records.base import Record, Stored
from tapetrail.core.records.external import (
    ExternalDecisionRecord,
    ExternalExecutionRecord,
    ExternalInstrumentRecord,
    ExternalRefs,
)
from tapetrail.core.records.runs import ExecutionFacts
from tapetrail.core.records.seals import EndState
from tapetrail.core.records.states import (
    DecisionScope,
    DecisionStatus,
    ExecutionStatus,
    Provenance,
    RunMode,
    RunType,
)
from tapetrail.persistence import HTML, JSON
from tapetrail.sources.posted_bars import posted_bars
from tapetrail.store import appends, recordings
from tapetrail.store.appends import BlobRow
from tapetrail.store.recordings import KnownDecision, KnownExecution
from tapetrail.workflows import legacy_rows
from tapetrail.workflows.ending_external import (
    begin_decision,
    begin_execution,
    end_decision,
    end_execution,
)
from tapetrail.workflows.legacy_rows import ACTOR, KeptBars, KeptImage, OpenLegacy
from tapetrail.workflows.told_openings import runtime_of

UNATTRIBUTED: Final = "unattributed"
REASON: Final = "taken over from the predecessor"
KEPT: Final = "; the row is kept as it was, without a chart"
BARS_TEXT: Final = "text/plain; charset=utf-8"
Keep = Callable[[bytes, str], BlobRow]
"""Keeps bytes of a media type; where nothing is to be written it only says what they would be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOf:
    """A run of the predecessor: its id, None for rows of no run, when it began, and its words."""

    source: str
    id: str | None
    at: datetime
    config: Mapping[str, FieldValue]
    strategy: Stored | None = None
    strategy_id: str | None = None

    @property
    def external_id(self) -> str:
        """Return the id of its row."""
        return legacy_id(self.source, f"{Table.EXECUTIONS} {self.id or UNATTRIBUTED}", self.at)


@dataclass(slots=True, kw_only=True)
class Prepared:
    """A decision whose bytes are kept, by the ids of the rows that name them."""

    story: Story
    rows: BlobRow | None
    images: dict[str, KeptImage] = field(default_factory=dict[str, KeptImage])
    bars: dict[str, KeptBars] = field(default_factory=dict[str, KeptBars])
    refused: dict[Place, str] = field(default_factory=dict[Place, str])
    blobs: list[BlobRow] = field(default_factory=list[BlobRow])


def prepare(story: Story, *, objects: ForeignObjects, keep: Keep, now: datetime) -> Prepared:
    """Keep the bytes of a decision. Raises `EdgeFailure` where they cannot be looked for."""
    by_table: dict[Table, list[Row]] = {}
    for row in story.rows:
        if row.table is not Table.CACHE:
            by_table.setdefault(row.table, []).append(row)
    found = Prepared(story=story, rows=None, refused=dict(story.refused))

    def kept(content: bytes, media_type: str) -> BlobRow:
        blob = keep(content, media_type)
        found.blobs.append(blob)
        return blob

    if by_table:
        found.rows = kept(legacy_rows.rows_document(by_table), JSON)
    for chart in story.charts:
        image = _image_of(chart, objects, kept)
        if isinstance(image, str):
            found.refused[chart.row.table, chart.row.id] = image
        else:
            found.images[chart.row.id] = image
    for row, _ in story.cache:
        found.bars[row.id] = _bars_of(row, kept, now=now)
    return found


def bare(prepared: Prepared, refusal: str, *, keep: Keep) -> Prepared:
    """Return a decision of which nothing is kept but its rows, as they were: it failed by that."""
    story = prepared.story
    by_table: dict[Table, list[Row]] = {}
    for row in story.rows:
        by_table.setdefault(row.table, []).append(row)
    rows = keep(legacy_rows.rows_document(by_table), JSON)
    end = EndState(
        status=DecisionStatus.FAILED,
        failure=Failure(
            failed_stage=Stage.ENGINE,
            error_kind=ErrorKind.DEFECT,
            error_message=f"its rows could not be taken over: {refusal}",
        ),
    )
    kept = replace(story, cache=(), charts=(), analyses=(), signals=(), end=end)
    return Prepared(story=kept, rows=rows, blobs=[rows])


def open_run(session: Session, run: RunOf) -> KnownExecution:
    """Return a run, which is opened where it is not there yet."""
    known = known_run(session, run)
    if known is not None:
        return known
    record = ExternalExecutionRecord(
        strategy=run.strategy,
        runtime=runtime_of(session),
        facts=ExecutionFacts(
            run_type=RunType.EXTERNAL,
            provenance=Provenance.LEGACY,
            as_of=run.at,
            debug_mode=False,
            actor=ACTOR,
            config=run.config,
            created_at=run.at,
        ),
        external_id=run.external_id,
        execution_key=UNATTRIBUTED if run.id is None else None,
        agent=run.source,
    )
    stored = appends.append(session, record)
    begin_execution(session, stored, actor=ACTOR, reason=REASON, at=run.at)
    return KnownExecution(
        stored=stored,
        external_id=run.external_id,
        strategy=run.strategy,
        strategy_name=None,
        status=ExecutionStatus.RUNNING,
        error=None,
        mode=RunMode.LIVE,
        actor=ACTOR,
        agent=run.source,
    )


def known_run(session: Session, run: RunOf) -> KnownExecution | None:
    """Return a run that is there; that of rows of no run goes by its name."""
    if run.id is None:
        return recordings.execution(session, agent=run.source, key=UNATTRIBUTED)
    return recordings.execution(session, external_id=run.external_id, agent=None)


def decision_id(run: RunOf, execution: str, symbol: str) -> str:
    """Return the id of the decision about a symbol in a run that has this one."""
    begun_ms = int(execution.replace("-", ""), 16) >> 80
    what = f"decisions {run.id or UNATTRIBUTED} {symbol}"
    return id_of(begun_ms, f"legacy {run.source} {what}")


def take_decision(
    session: Session,
    prepared: Prepared,
    *,
    run: RunOf,
    blobs: BlobStore,
    now: datetime,
) -> None:
    """Append a decision with all its rows, and end it, in the caller's transaction.

    Raises `InvalidInput` in a run that has ended.
    """
    story = prepared.story
    appends.append_blobs(session, prepared.blobs, at=now)
    execution = open_run(session, run)
    if execution.status.has_ended:
        raise InvalidInput(f"its run was taken over before, and is sealed: {execution.stored.id}")
    decision = _open_decision(session, story, run=run, execution=execution)
    instrument = decision.instrument
    if instrument is None:
        raise InvalidInput(f"decision {decision.stored.id}: it is about no instrument")
    book = OpenLegacy(
        source=run.source,
        refs=ExternalRefs(
            execution=execution.stored,
            decision=decision.stored,
            symbol=story.symbol,
            conid=story.conid,
        ),
        instrument=instrument,
        strategy=execution.strategy,
        strategy_id=run.strategy_id,
    )
    _append_rows(session, book, prepared, blobs=blobs, now=now)
    end_decision(session, decision, story.end, actor=ACTOR, at=story.ended_at, sealed_at=now)


def end_run(session: Session, run: RunOf, end: RunEnd, *, last_at: datetime, now: datetime) -> None:
    """End a run whose every decision is there; `last_at` is when the last of them ended."""
    known = open_run(session, run)
    if not known.status.has_ended:
        end_execution(
            session,
            known,
            at=end.at or last_at,
            is_cancelled=end.is_cancelled,
            error=end.error,
            sealed_at=now,
        )


def _open_decision(
    session: Session, story: Story, *, run: RunOf, execution: KnownExecution
) -> KnownDecision:
    instrument = appends.append_external_instrument(
        session, ExternalInstrumentRecord(symbol=story.symbol)
    )
    external_id = decision_id(run, execution.external_id, story.symbol)
    record = ExternalDecisionRecord(
        execution=execution.stored,
        instrument=instrument,
        symbol=story.symbol,
        conid=story.conid,
        as_of=story.ended_at,
        run_no=1,
        scope=DecisionScope.INSTRUMENT,
        created_at=story.begun_at,
        external_id=external_id,
    )
    stored = appends.append(session, record)
    begin_decision(session, stored, actor=ACTOR, reason=REASON, at=story.begun_at)
    return KnownDecision(
        stored=stored,
        external_id=external_id,
        execution_id=execution.stored.id,
        instrument=instrument,
        symbol=story.symbol,
        as_of=story.ended_at,
        status=DecisionStatus.RUNNING,
        error_kind=None,
    )


def _append_rows(
    session: Session, book: OpenLegacy, prepared: Prepared, *, blobs: BlobStore, now: datetime
) -> None:
    story = prepared.story
    for row, at in story.cache:
        record = legacy_rows.snapshot_record(book, row, at, kept=prepared.bars[row.id])
        appends.append(session, record)
    charts = [chart for chart in story.charts if chart.row.id in prepared.images]
    kept = [prepared.images[chart.row.id] for chart in charts]
    rows = [legacy_rows.chart_record(book, chart, image, blobs=blobs)
            for chart, image in zip(charts, kept, strict=True)]  # fmt: skip
    stored = appends.append_all(session, rows)
    book.charts = {
        chart.row.id: (number, chart, image)
        for number, chart, image in zip(stored, charts, kept, strict=True)
    }
    appends.append_all(session, [legacy_rows.archival(book.charts[chart.row.id][0], now)
                                 for chart in charts if chart.is_archived])  # fmt: skip
    analyses = [legacy_rows.analysis_record(book, each) for each in story.analyses]
    answered = appends.append_all(session, analyses)
    book.analyses = {
        each.row.id: found for each, found in zip(story.analyses, answered, strict=True)
    }
    links: list[Record] = [
        AnalysisChartRecord(
            refs=book.refs, analysis=book.analyses[each.row.id], chart=chart[0],
            image_digest=chart[2].image.digest,
        )
        for each in story.analyses
        if (chart := book.chart_of(each.row)) is not None
    ]  # fmt: skip
    appends.append_all(session, links)
    if prepared.rows is not None:
        external_id = legacy_rows.rows_id(book, at=story.ended_at)
        appends.append(
            session,
            legacy_rows.input_record(
                book, legacy_rows.ROWS, prepared.rows, at=story.ended_at, external_id=external_id
            ),
        )
    signals = [legacy_rows.signal_record(book, each) for each in story.signals]
    appends.append_all(session, signals)


def _image_of(chart: ChartFacts, objects: ForeignObjects, keep: Keep) -> KeptImage | str:
    """Return a chart's image and page, or why there is no image."""
    places = image_places(chart.row)
    data = inline_image(chart.row) or _found(places, objects)
    if data is None:
        named = places[0].key if places else "none is named"
        return f"its image is not there: {named}; looked for in: {objects.named}{KEPT}"
    media_type = image_type_of(data)
    if media_type is None:
        return f"its image is none, it begins with {data[:8]!r}{KEPT}"
    page = _found(page_places(chart.row), objects)
    return KeptImage(image=keep(data, media_type), page=None if page is None else keep(page, HTML))


def _found(places: Sequence[Sought], objects: ForeignObjects) -> bytes | None:
    found = (objects.read(place.bucket, place.key) for place in places)
    return next((data for data in found if data), None)


def _bars_of(row: Row, keep: Keep, *, now: datetime) -> KeptBars:
    """Return a cached row as it is, with its bars where they can be read."""
    raw = keep(row.text.encode("utf-8", "surrogatepass"), JSON)
    timeframe = timeframe_of(row.stated("timeframe"), row.stated("data_type"))
    if timeframe is None:
        return KeptBars(raw=raw, bars=None)
    try:
        found = posted_bars(
            row.document("bars"), timeframe=timeframe, adjustment=legacy_rows.UNKNOWN, now=now
        )
    except InvalidInput:
        return KeptBars(raw=raw, bars=None)
    return KeptBars(raw=raw, bars=(found, keep(found.text, BARS_TEXT), timeframe))


def only_said(content: bytes, media_type: str) -> BlobRow:
    """Return what bytes would be kept as, and keep none."""
    digest = digest_bytes(content)
    return BlobRow(digest=digest, key="", size=len(content), media_type=media_type)


def with_strategy(run: RunOf, strategies: Mapping[str, Stored], number: str | None) -> RunOf:
    """Return a run with the strategy that it names, where that is there."""
    found = strategies.get(number or "")
    return run if found is None else replace(run, strategy=found, strategy_id=number)
