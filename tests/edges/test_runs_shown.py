"""What a run prints of its decisions: all of them, however many there are."""

from collections.abc import Generator
from contextlib import contextmanager

import pytest
from tests.edges.rows import Rows, driver

from tapetrail.blobs.protocol import BlobStore
from tapetrail.cli.commands.runs import show_run
from tapetrail.core.records.states import ExecutionStatus
from tapetrail.store.connections import Connection
from tapetrail.store.reads import Progress
from tapetrail.usecases.records import Records
from tapetrail.wire import LIMIT_MAX

pytestmark = pytest.mark.service


def test_a_run_of_more_decisions_than_a_page_has_shows_them_all(
    rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    rows.add_decision("many")
    for number in range(LIMIT_MAX):
        rows.add("instruments", symbol=f"S{number}")
        rows.add("decisions", symbol=f"S{number}")

    @contextmanager
    def reading() -> Generator[Connection]:
        yield driver(rows)

    def no_blobs() -> BlobStore:
        raise NotImplementedError

    progress = Progress(
        execution_id=rows.last["workflow_executions"], workflow_id="many",
        status=ExecutionStatus.COMPLETED, decisions=LIMIT_MAX + 1, ended=LIMIT_MAX + 1, failed=0,
    )  # fmt: skip
    show_run(Records(reading, open_blobs=no_blobs), progress, as_json=False)
    shown = capsys.readouterr().out
    assert sum(f" S{number} " in shown for number in range(LIMIT_MAX)) == LIMIT_MAX
    assert " AAPL " in shown
