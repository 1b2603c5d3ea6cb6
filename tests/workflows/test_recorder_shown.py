"""What programs of others told is shown where it belongs, as far as they told it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.homes import held_home
from tests.workflows.recordings import PNG

import tapetrail
from tapetrail.core.errors import NotFound
from tapetrail.interface import OpenRecord

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def home(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with held_home(prepared_home, tmp_path_factory.mktemp("shown") / "home") as found:
        yield found


@pytest.fixture(scope="module")
def record(home: Path) -> Iterator[OpenRecord]:
    with tapetrail.recorder(home, agent="shown") as recorder:
        for symbols in (("AAA", "BBB"), ("CCC",)):
            with recorder.execution("shown") as run:
                for symbol in symbols:
                    with run.decision(symbol) as decision:
                        decision.log_input(f"about {symbol}", kind="news", name=symbol)
                        decision.log_chart(PNG, html=f"<html><body>{symbol}</body></html>")
                        decision.log_chart(PNG, name="an image alone")
                        signal = decision.log_signal("close it", signal_type="SELL", intent="exit")
                    recorder.log_note(decision, f"of {symbol}")
                    recorder.log_order(
                        signal, broker="b", mode="paper", client_order_id=symbol, status="new"
                    )
                recorder.log_note(run, "of the run")
    with tapetrail.open_record(home) as found:
        yield found


def test_a_run_shows_what_is_its_own(record: OpenRecord) -> None:
    first, second = (record.detail("executions", number).related for number in (1, 2))
    assert [row["input_name"] for row in first["inputs"]] == ["AAA", "BBB"]
    assert [row["input_name"] for row in second["inputs"]] == ["CCC"]
    assert [row["text"] for row in first["notes"]] == ["of AAA", "of BBB", "of the run"]
    assert [row["text"] for row in second["notes"]] == ["of CCC", "of the run"]
    assert [row["client_order_id"] for row in second["orders"]] == ["CCC"]


def test_a_page_without_bars_is_saved_with_a_foot_that_says_what_is_known(
    record: OpenRecord,
) -> None:
    page = record.charts.saved_page(1).decode()
    assert "<body>AAA" in page
    assert "None" not in page
    assert "adjustment unknown" in page


def test_the_bytes_of_what_was_read_are_printed(home: Path, record: OpenRecord) -> None:
    digest = str(record.rows("inputs")[-1]["content_digest"])
    words = [sys.executable, "-m", "tapetrail", "blobs", "get"]
    environment = {**os.environ, "TAPETRAIL_HOME": str(home)}
    found = subprocess.run([*words, digest], env=environment, capture_output=True, check=False)
    assert (found.returncode, found.stdout) == (0, b"about AAA"), found.stderr
    none = subprocess.run(
        [*words, "sha256:" + "0" * 64], env=environment, capture_output=True, check=False
    )
    assert none.returncode == 3
    assert none.stdout == b""


def test_what_a_chart_has_not_is_said(record: OpenRecord) -> None:
    with pytest.raises(NotFound, match="chart 2: it has no page"):
        record.charts.page(2)
    with pytest.raises(NotFound, match="chart 1: its drawn values are not on record"):
        record.charts.print(1)
