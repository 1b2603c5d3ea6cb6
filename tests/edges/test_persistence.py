"""Charts and analyses through the public services, on a real database and a real folder."""

import subprocess
import sys
from collections.abc import Generator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from tests.edges.rows import DIGEST, NOON, Rows

import tapetrail
from tapetrail import ChartPersistenceService, LLMAnalysisPersistenceService
from tapetrail.blobs.directory import DirectoryBlobs
from tapetrail.core.analysis.replies import AnswerKey, Model, Reply, ReplyMetadata
from tapetrail.core.canonical import Digest, digest_bytes
from tapetrail.core.charts.chart import CHART_STYLE
from tapetrail.core.charts.figures import ChartFigures
from tapetrail.core.errors import EdgeFailure, IntegrityFailure, InvalidInput
from tapetrail.core.records.answers import Answer, StatedAnalysis
from tapetrail.core.records.base import Stored
from tapetrail.core.records.evidence import ChartContent
from tapetrail.core.records.runs import DecisionRefs
from tapetrail.core.records.states import AnalysisStatus, Role
from tapetrail.persistence import RenderedChart
from tapetrail.store import lookups
from tapetrail.store.connections import driver_connection
from tapetrail.store.tables.schema import metadata

pytestmark = pytest.mark.service

LATER: Final = NOON + timedelta(days=100)
FIGURES: Final = ChartFigures(
    data_points=250,
    start_date=date(2025, 11, 24),
    end_date=date(2026, 11, 20),
    price_current=Decimal("101.5"),
    price_change_pct=Decimal("-0.25"),
    volume_avg=Decimal(1000),
    missing_indicators=(),
)
CONTENT: Final = ChartContent(
    timeframe="1d",
    chart_type="daily",
    chart_style=CHART_STYLE,
    indicators_applied={"sma": [20, 50]},
    figures=FIGURES,
    renderer="tests",
    generated_at=NOON,
)
CHART: Final = RenderedChart(
    symbol="AAPL", jpeg=b"an image", html=b"<p>a page", spec=b"{}", content=CONTENT
)
WEEKLY: Final = replace(
    CHART, jpeg=b"weekly", content=replace(CONTENT, timeframe="1w", chart_type="weekly")
)
ANSWER: Final = Answer(
    key=AnswerKey(question="chart:1d", analyst="builtin:rules"),
    kind="chart",
    timeframe="1d",
    role=Role.DECIDING,
    reply=Reply(
        model=Model(provider="builtin", model_name="rules"),
        response_text='{"trend":"bullish"}',
        metadata=ReplyMetadata(tokens_used=10, cost_usd=Decimal("0.01")),
        latency_ms=100,
        requested_at=NOON,
        analyzed_at=NOON,
    ),
    stated=StatedAnalysis(
        response_json={"trend": "bullish"},
        confidence_score=Decimal("0.6"),
        trend_direction="bullish",
        support_levels=["95"],
        resistance_levels=["110"],
        key_patterns=[],
    ),
    status=AnalysisStatus.COMPLETED,
    error_message=None,
)


def stored(rows: Rows, name: str) -> Stored:
    return Stored(rows.last[name], Digest(DIGEST))


@pytest.fixture
def session(running: Rows) -> Generator[Session]:
    """Give the application's session in a transaction that is rolled back."""
    running.add("market_snapshots")
    with Session(running.connection, join_transaction_mode="create_savepoint") as made:
        yield made


class Place(NamedTuple):
    """Where a chart can be saved: a running decision with its bars, and a folder."""

    session: Session
    blobs: DirectoryBlobs
    rows: Rows
    refs: DecisionRefs


@pytest.fixture
def place(session: Session, running: Rows, tmp_path: Path) -> Place:
    refs = DecisionRefs(
        execution=stored(running, "workflow_executions"),
        decision=stored(running, "decisions"),
        strategy=stored(running, "strategies"),
        symbol="AAPL",
        conid=None,
    )
    return Place(session, DirectoryBlobs(root=tmp_path / "blobs"), running, refs)


def charts_in(session: Session, blobs: DirectoryBlobs, *, now: datetime = NOON) -> (
    ChartPersistenceService
):  # fmt: skip
    return ChartPersistenceService(session, blobs=blobs, clock=lambda: now)


def test_a_saved_chart_names_bytes_that_can_be_read(
    place: Place,
) -> None:
    session, blobs, running, refs = place
    service = charts_in(session, blobs)
    saved = service.save_chart(CHART, refs=refs, snapshot=stored(running, "market_snapshots"))
    table = metadata.tables["tapetrail.charts"]
    row = session.execute(select(table).where(table.c.id == saved.id)).one()
    assert row.record_digest == saved.digest
    assert row.jpeg_digest == digest_bytes(b"an image")
    assert row.chart_url_jpeg == f"file:{row.minio_object_key}"
    assert row.minio_object_key.startswith("charts/AAPL/20261120/1d-")
    page = row.chart_url_html.removeprefix("file:")
    assert page.startswith("charts/AAPL/20261120/1d-")
    assert row.html_digest == digest_bytes(b"<p>a page")
    assert blobs.read(page, digest=row.html_digest) == b"<p>a page"
    assert blobs.read(row.minio_object_key, digest=row.jpeg_digest) == b"an image"
    assert (row.chart_type, row.status, row.price_current) == (
        "daily",
        "active",
        Decimal("101.5"),
    )


def test_no_row_names_bytes_that_could_not_be_kept(place: Place, tmp_path: Path) -> None:
    session, _, running, refs = place
    (tmp_path / "blobs").touch()
    service = charts_in(session, DirectoryBlobs(root=tmp_path / "blobs"))
    with pytest.raises(EdgeFailure):
        service.save_chart(CHART, refs=refs, snapshot=stored(running, "market_snapshots"))
    assert service.get_charts_by_execution(refs.execution.id) == []


def test_a_blob_that_reads_back_otherwise_is_refused(place: Place, tmp_path: Path) -> None:
    session, blobs, running, refs = place
    service = charts_in(session, blobs)
    snapshot = stored(running, "market_snapshots")
    service.save_chart(CHART, refs=refs, snapshot=snapshot)
    (path,) = (tmp_path / "blobs" / "charts").rglob("*.jpg")
    path.write_bytes(b"another image")
    with pytest.raises(IntegrityFailure):
        service.save_chart(CHART, refs=refs, snapshot=snapshot)


def test_charts_are_found_by_execution_and_by_symbol_newest_first(
    place: Place,
) -> None:
    session, blobs, running, refs = place
    service = charts_in(session, blobs)
    ids: list[int] = []
    for chart, timeframe in ((CHART, "1mo"), (WEEKLY, "1w")):
        running.add("market_snapshots", timeframe=timeframe)
        snapshot = stored(running, "market_snapshots")
        ids.append(service.save_chart(chart, refs=refs, snapshot=snapshot).id)
    newest_first = [ids[1], ids[0]]
    assert [c.id for c in service.get_charts_by_execution(refs.execution.id)] == newest_first
    assert service.get_charts_by_execution(refs.execution.id + 1) == []
    assert [c.id for c in service.get_charts_by_symbol("AAPL")] == newest_first
    assert [c.id for c in service.get_charts_by_symbol("AAPL", limit=1)] == [ids[1]]
    assert [c.id for c in service.get_charts_by_symbol("AAPL", timeframe="1d")] == [ids[0]]
    assert service.get_charts_by_symbol("aapl") == []


def test_charts_are_archived_in_batches_by_id(place: Place) -> None:
    session, blobs, running, refs = place
    snapshot = stored(running, "market_snapshots")
    service = charts_in(session, blobs)
    first = service.save_chart(CHART, refs=refs, snapshot=snapshot)
    second = service.save_chart(WEEKLY, refs=refs, snapshot=snapshot)
    later = charts_in(session, blobs, now=LATER)
    assert later.archive_old_charts(actor="tests", limit=1) == [first.id]
    assert later.archive_old_charts(actor="tests", after_id=second.id) == []
    assert later.archive_old_charts(actor="tests", limit=1) == [second.id]


def test_old_charts_are_archived_once_with_an_event_and_stay_readable(
    place: Place,
) -> None:
    session, blobs, running, refs = place
    snapshot = stored(running, "market_snapshots")
    saved = charts_in(session, blobs).save_chart(CHART, refs=refs, snapshot=snapshot)
    assert (
        charts_in(session, blobs, now=LATER).archive_old_charts(actor="tests", older_than_days=101)
        == []
    )
    later = charts_in(session, blobs, now=LATER)
    assert later.archive_old_charts(actor="tests") == [saved.id]
    assert later.archive_old_charts(actor="tests") == []
    (chart,) = later.get_charts_by_symbol("AAPL")
    assert (chart.id, chart.status) == (saved.id, "archived")
    events = metadata.tables["tapetrail.chart_archivals"]
    (event,) = session.execute(select(events)).all()
    assert (event.chart_id, event.actor, event.at) == (saved.id, "tests", LATER)
    assert event.reason == "generated over 90 days ago"


def test_a_chart_generated_exactly_that_many_days_ago_is_not_yet_old(place: Place) -> None:
    session, blobs, running, refs = place
    snapshot = stored(running, "market_snapshots")
    saved = charts_in(session, blobs).save_chart(CHART, refs=refs, snapshot=snapshot)
    boundary, tick = NOON + timedelta(days=90), timedelta(microseconds=1)
    archived = {
        now: charts_in(session, blobs, now=now).archive_old_charts(actor="tests")
        for now in (boundary, boundary + tick)
    }
    assert archived == {boundary: [], boundary + tick: [saved.id]}


def test_what_a_dry_run_counts_is_what_archiving_takes(place: Place) -> None:
    session, blobs, running, refs = place
    snapshot = stored(running, "market_snapshots")
    charts_in(session, blobs).save_chart(CHART, refs=refs, snapshot=snapshot)
    counted = [
        lookups.old_charts(driver_connection(session), instant).charts
        for instant in (NOON, NOON + timedelta(microseconds=1))
    ]
    assert counted == [0, 1]


def test_archiving_takes_at_least_a_day(place: Place) -> None:
    session, blobs, _, _ = place
    with pytest.raises(InvalidInput, match="older_than_days 0: expected 1 or more"):
        charts_in(session, blobs).archive_old_charts(actor="tests", older_than_days=0)


def test_analyses_are_found_by_execution_and_by_every_chart_they_read(
    place: Place,
) -> None:
    session, blobs, running, refs = place
    snapshot = stored(running, "market_snapshots")
    chart = charts_in(session, blobs).save_chart(CHART, refs=refs, snapshot=snapshot)
    service, shown = LLMAnalysisPersistenceService(session), [(chart, digest_bytes(b"an image"))]
    one = service.save_analysis(ANSWER, refs=refs, charts=shown)
    together = replace(
        ANSWER, key=replace(ANSWER.key, question="consolidated"), kind="consolidated"
    )
    both = service.save_analysis(together, refs=refs, charts=shown)
    found = service.get_analyses_by_execution(refs.execution.id)
    assert [(row.id, row.kind, row.chart_id) for row in found] == [
        (both.id, "consolidated", None),
        (one.id, "chart", chart.id),
    ]
    assert [row.id for row in service.get_analyses_by_chart(chart.id)] == [both.id, one.id]
    assert service.get_analyses_by_chart(chart.id + 1) == []


def test_statistics_count_calls_cost_and_latency_by_analyst(
    place: Place,
) -> None:
    session, blobs, running, refs = place
    snapshot = stored(running, "market_snapshots")
    chart = charts_in(session, blobs).save_chart(CHART, refs=refs, snapshot=snapshot)
    service, shown = LLMAnalysisPersistenceService(session), [(chart, digest_bytes(b"an image"))]
    assert service.get_analysis_stats() == []
    model = replace(ANSWER.reply.model, provider="own")
    own = replace(
        ANSWER,
        key=replace(ANSWER.key, analyst="own:a"),
        reply=replace(ANSWER.reply, model=model),
    )
    failed = replace(
        own,
        key=replace(own.key, sample_no=2),
        reply=replace(own.reply, response_text=None, latency_ms=300),
        stated=StatedAnalysis(),
        status=AnalysisStatus.FAILED,
        error_message="no",
    )
    other = replace(
        own,
        key=replace(own.key, analyst="own:z"),
        reply=replace(own.reply, metadata=ReplyMetadata()),
    )
    for answer in (ANSWER, own, failed, other):
        service.save_analysis(answer, refs=refs, charts=shown)
    found, other_one = service.get_analysis_stats()
    assert (found.key, found.asked, found.answers, found.failures) == ("own:a", 2, 1, {"failed": 1})
    assert (found.cost_usd, found.unpriced) == (Decimal("0.02"), 0)
    assert (found.latency_ms_p50, found.latency_ms_p95) == (200, 290)
    assert (other_one.key, other_one.asked) == ("own:z", 1)
    assert (other_one.cost_usd, other_one.unpriced) == (None, 1)
    (of_all,) = service.get_analysis_stats(by="symbol", status="completed")
    assert (of_all.key, of_all.answers) == ("AAPL", 2)
    with pytest.raises(InvalidInput, match="by 'hour'"):
        service.get_analysis_stats(by="hour")


def test_the_services_are_loaded_when_they_are_first_asked_for() -> None:
    program = (
        "import sys, tapetrail; assert 'sqlalchemy' not in sys.modules;"
        " from tapetrail import ChartPersistenceService, LLMAnalysisPersistenceService;"
        " assert 'sqlalchemy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = getattr(tapetrail, "nothing")  # noqa: B009 # a name that no checker knows
