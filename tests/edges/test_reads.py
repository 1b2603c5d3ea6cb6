"""What is asked of the record: passes counted by provenance, prints with the deciding signal."""

from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy.orm import Session
from tests.builders import daily_bars, wave
from tests.chart_builders import NONE, chart_of
from tests.edges.rows import NOON, Rows, driver
from tests.page_words import words_of

from tapetrail.blobs.directory import DirectoryBlobs
from tapetrail.core.access_keys import AccessKey
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.charts.parsing import parse_spec
from tapetrail.core.charts.text import spec_text
from tapetrail.render.look import HEIGHT
from tapetrail.render.page import render_page
from tapetrail.store import reads
from tapetrail.store.access import Access
from tapetrail.store.connections import Connection
from tapetrail.store.database import Database
from tapetrail.store.roles import PRIVATE
from tapetrail.usecases.charts import Charts
from tapetrail.usecases.parts import Process
from tapetrail.usecases.records import Records

pytestmark = pytest.mark.service

DRAWN: Final = spec_text(chart_of(daily_bars(wave(60)), drawn=30, settings=NONE))
FACTS: Final = (
    "Entry 100.00  ·  Stop 95.00  ·  Target 110.00  ·  Reward/risk 2.00  ·  Confidence 0.6"
)


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


class OneConnection(Access):
    """The way to a record over a connection that is there."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(
            lambda: nullcontext(
                Database(app_url="", reader_url="", owner_url="", roles=PRIVATE, idle=connection)
            )
        )

    @contextmanager
    def reading(self) -> Generator[Connection]:
        idle = self.database().idle
        assert idle is not None
        yield idle


@pytest.fixture
def charts(running: Rows, tmp_path: Path) -> Charts:
    """Return the charts of a record with one, whose document is stored."""
    blobs = DirectoryBlobs(root=tmp_path / "blobs")
    digest = blobs.put(DRAWN, key="charts/a.json")
    running.add("blobs", digest=digest, key="charts/a.json", size=len(DRAWN))
    running.add("market_snapshots")
    running.add("charts", spec_digest=digest)
    access = OneConnection(driver(running))
    process = Process(
        actor="tests",
        clock=lambda: NOON,
        new_key=lambda: AccessKey(name="0" * 12, secret="0" * 64),
        new_id=lambda: "1",
        home=tmp_path,
        open_blobs=lambda: blobs,
        free_bytes=lambda: 10**9,
        clock_offset_ms=lambda: None,
    )
    records = Records(access.reading, open_blobs=process.open_blobs)
    return Charts(access, records=records, process=process, check=lambda _decision: None)


def add_signal(rows: Rows, *, role: str, **prices: int) -> None:
    rows.add("llm_analyses", role=role, analyst=f"tests:{role}")
    rows.add("trading_signals", role=role, **prices)


def test_a_print_has_the_levels_of_the_deciding_signal_whatever_a_shadow_says(
    running: Rows, charts: Charts
) -> None:
    add_signal(running, role="deciding")
    add_signal(running, role="shadow", entry_price=90, stop_loss=80, target_price=120)
    words = [each.text for each in words_of(charts.print(running.last["charts"]))]
    assert [text for text in words if "Reward/risk" in text] == [FACTS]


def test_a_print_without_a_deciding_signal_is_the_chart_and_its_foot(
    running: Rows, charts: Charts
) -> None:
    add_signal(running, role="shadow")
    words = words_of(charts.print(running.last["charts"]))
    foot = [each.text for each in words if each.top > HEIGHT - 1]
    assert [each for each in words if each.bottom <= HEIGHT] == words_of(
        render_page(parse_spec(DRAWN))
    )
    assert digest_bytes(DRAWN) in " ".join(foot)
    assert "Seal none yet" in " ".join(foot)
