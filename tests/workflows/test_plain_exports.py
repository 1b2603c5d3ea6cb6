"""Decisions on plain exports: whoever exported the bars, the record holds the same ones."""

from pathlib import Path

import pytest
from sqlalchemy import select
from tests.edges.exports import EXPORTS, MAPPED, rows
from tests.edges.own_files import EVER, expected, written

import tapetrail
from tapetrail.core.records.states import ExecutionStatus
from tapetrail.core.strategy.strategies import parse_strategy
from tapetrail.models import MarketSnapshot, WorkflowExecution
from tapetrail.usecases.planning import RunQuery
from tapetrail.usecases.runs import Manner

pytestmark = pytest.mark.service


def test_every_plain_export_runs_and_leaves_the_same_bars_on_record(tmp_path: Path) -> None:
    exports, notes = (*EXPORTS, *MAPPED), list[str]()
    queries: list[RunQuery] = []
    for export in exports:
        path = written(tmp_path, export.made(rows()), f"{export.name}.{export.suffix}")
        strategy = {
            "name": export.name,
            "instruments": ["ACME"],
            "source": f"file:{path}",
            "data": {**EVER, **export.data},
            "timeframes": ["1d"],
        }
        queries.append(RunQuery(spec=parse_strategy(strategy, place=export.name)))
    with tapetrail.open_record(tmp_path / "home") as record:
        ended = record.runs.carry_out(queries, Manner(noted=notes.append))
        assert [each.status for each in ended] == [ExecutionStatus.COMPLETED] * len(exports)
        with record.session() as session:
            digests = session.scalars(select(MarketSnapshot.bars_digest)).all()
            oldest_first = WorkflowExecution.id
            configs = session.scalars(select(WorkflowExecution.config).order_by(oldest_first)).all()
    assert digests == [expected(rows())] * len(exports)
    # What only a column as a whole tells is said by the run, and kept with it.
    assert [config["notes"] for config in configs if "notes" in config] == notes
    assert [Path(note.split(" at ")[1].split(",")[0]).stem for note in notes] == [
        "investing", "investing-eu", "american", "british", "investing-de",
    ]  # fmt: skip
    assert notes[-1].startswith("dates are read with the day first, as '31.01.2025' at ")
