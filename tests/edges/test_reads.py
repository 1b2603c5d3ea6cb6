"""What is asked of the record: passes counted by provenance, prints with the deciding signal."""

from contextlib import nullcontext
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy.orm import Session
from tests.builders import daily_bars, wave
from tests.chart_builders import NONE, chart_of
from tests.edges.rows import NOON, Rows, driver
from tests.page_words import words_of

from tapetrail.blobs.directory import DirectoryBlobs
from tapetrail.core.charts.parsing import parse_spec
from tapetrail.core.charts.text import spec_text
from tapetrail.reader import Reader
from tapetrail.render.page import render_page
from tapetrail.store import reads

pytestmark = pytest.mark.service

DRAWN: Final = spec_text(chart_of(daily_bars(wave(60)), drawn=30, settings=NONE))
FACTS: Final = "Entry 100.00  ·  Stop 95.00  ·  Target 110.00  ·  Reward/risk 2.00"


def test_a_pass_is_counted_among_those_of_its_own_provenance(rows: Rows) -> None:
    for run, provenance in (("live-1", "live"), ("past-1", "backfill"), ("past-2", "backfill")):
        rows.add("workflow_executions", workflow_id=run, provenance=provenance)
        rows.add("decisions")
    asked, strategy_id = (rows.last["instruments"], NOON), rows.last["strategies"]
    with Session(rows.connection, join_transaction_mode="create_savepoint") as session:
        counted = {
            provenance: reads.passes(
                session, [asked], strategy_id=strategy_id, provenance=provenance
            )
            for provenance in ("live", "backfill", "demo")
        }
    assert counted == {"live": {asked: 1}, "backfill": {asked: 2}, "demo": {}}


@pytest.fixture
def reader(running: Rows, tmp_path: Path) -> Reader:
    """Return a reader of a decision's chart, whose document is stored."""
    blobs = DirectoryBlobs(root=tmp_path / "blobs")
    digest = blobs.put(DRAWN, key="charts/a.json")
    running.add("blobs", digest=digest, key="charts/a.json", size=len(DRAWN))
    running.add("market_snapshots")
    running.add("charts", spec_digest=digest)
    return Reader(lambda: nullcontext(driver(running)), open_blobs=lambda: blobs)


def add_signal(rows: Rows, *, role: str, **prices: int) -> None:
    rows.add("llm_analyses", role=role, analyst=f"tests:{role}")
    rows.add("trading_signals", role=role, **prices)


def test_a_print_has_the_levels_of_the_deciding_signal_whatever_a_shadow_says(
    running: Rows, reader: Reader
) -> None:
    add_signal(running, role="deciding")
    add_signal(running, role="shadow", entry_price=90, stop_loss=80, target_price=120)
    words = [each.text for each in words_of(reader.chart_print(running.last["charts"]))]
    assert [text for text in words if "Reward/risk" in text] == [FACTS]


def test_a_print_without_a_deciding_signal_is_the_chart_alone(
    running: Rows, reader: Reader
) -> None:
    add_signal(running, role="shadow")
    assert reader.chart_print(running.last["charts"]) == render_page(parse_spec(DRAWN))
