"""The record as a Python program opens it."""

import asyncio
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import InternalError, ProgrammingError
from tests.edges.waiting import wait_for
from tests.workflows.conftest import Home
from tests.workflows.soundness import assert_sound, work_off
from tests.workflows.wired import OtherWiring, record_of, settings_of

import tapetrail
from tapetrail import bootstrap
from tapetrail.analysts.protocol import Identity
from tapetrail.core.analysis.questions import Question
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import EdgeFailure, InvalidInput, NotFound
from tapetrail.core.records.states import ExecutionStatus
from tapetrail.core.strategy.strategies import parse_strategy
from tapetrail.interface import OpenRecord
from tapetrail.listing import DECISIONS
from tapetrail.models import Chart, WorkflowExecution
from tapetrail.settings import read_settings
from tapetrail.sources.calendars import load_calendar
from tapetrail.store.connections import held_name
from tapetrail.store.private.server import PrivateServer
from tapetrail.strategy_files import bundled_strategy
from tapetrail.usecases.planning import RunQuery
from tapetrail.usecases.record import Record
from tapetrail.usecases.runs import Manner
from tapetrail.workflows import runner
from tapetrail.workflows.runner import Launch

pytestmark = pytest.mark.service

STRATEGY: Final[dict[str, object]] = {
    "name": "mine",
    "instruments": ["ACME"],
    "source": "frame",
    "data": {"exchange": "XNYS", "currency": "USD", "adjustment": "split"},
}


def frame(count: int = 700) -> pd.DataFrame:
    sessions = load_calendar("XNYS").sessions
    days = sessions[sessions <= np.datetime64("2024-06-28")][-count:]
    price = 100 + 10 * np.sin(np.arange(count) / 25)
    columns = {"Open": price, "High": price + 1, "Low": price - 1, "Close": price + 0.25}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(days, name="Date"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a home in which a frame was decided on twice, by one program."""
    folder = tmp_path_factory.mktemp("interface") / "home"
    with tapetrail.open_record(folder) as record:
        ran = record.run(STRATEGY, frame=frame())
        assert (ran.status, ran.decisions, ran.failed) == (ExecutionStatus.COMPLETED, 1, 0)
        days = [date(2024, 3, 28), date(2024, 5, 31)]
        ended = record.backfill(STRATEGY, dates=days, frame=frame().rename(columns=str.upper))
        assert [each.status for each in ended.executions] == [ExecutionStatus.COMPLETED] * 2
        again = record.backfill(STRATEGY, dates=days, frame=frame())
        assert (again.executions, again.skipped) == ((), 2)
    return folder


def test_a_frame_becomes_decisions_whose_rows_a_frame_takes(home: Path) -> None:
    with tapetrail.open_record(home) as record:
        found = pd.DataFrame(record.rows("decisions", symbol="ACME"))
        as_of = {1: datetime(2024, 6, 28, 20, tzinfo=UTC), 2: datetime(2024, 3, 28, 20, tzinfo=UTC)}
        assert found.set_index("id")["as_of"].to_dict().items() >= as_of.items()
        assert record.status().decisions == 3
        bars = record.detail("decisions", 1).related["snapshots"]
        assert {row["source"] for row in bars} == {"frame"}
        assert record.rows("decisions", symbol="NOBODY") == []


def test_the_case_of_names_changes_no_bars(home: Path) -> None:
    """The old failure: `Close` against `close`."""
    with tapetrail.open_record(home) as record:
        record.run(STRATEGY, frame=frame().rename(columns=str.lower))
        newest = record.rows("decisions")[0]["id"]
        digests = [
            {row["timeframe"]: row["bars_digest"] for row in found.related["snapshots"]}
            for found in (record.detail("decisions", int(str(number))) for number in (1, newest))
        ]
        assert digests[0] == digests[1]


def test_a_charts_bytes_are_those_its_row_names(home: Path) -> None:
    with tapetrail.open_record(home) as record:
        columns = record.detail("charts", 1).columns
        assert digest_bytes(record.chart_image(1)) == columns["jpeg_digest"]
        assert digest_bytes(record.chart_page(1)) == columns["html_digest"]
        with pytest.raises(NotFound, match="no chart 999"):
            record.chart_page(999)


def test_a_record_needs_no_with_and_says_when_it_is_closed(home: Path) -> None:
    record = tapetrail.open_record(home)
    assert repr(record) == f"<record in {home}, open>"
    assert record.status().decisions >= 3
    record.close()
    record.close()
    assert repr(record) == f"<record in {home}, closed>"
    for ask in (
        record.status,
        lambda: record.rows("charts"),
        lambda: record.run(STRATEGY, frame=frame()),
    ):
        with pytest.raises(InvalidInput, match="this record is closed; open it again"):
            ask()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"as_of": "soon"}, "as_of 'soon': expected a date"),
        ({"as_of": 7}, "as_of 7: int, expected a date"),
        ({"symbols": 7}, "symbols 7: int, expected text"),
    ],
)
def test_a_wrong_kind_of_word_is_refused_by_name(
    home: Path, words: dict[str, Any], said: str
) -> None:
    with tapetrail.open_record(home) as record:
        with pytest.raises(InvalidInput, match=said):
            record.run(STRATEGY, frame=frame(), **words)
        with pytest.raises(InvalidInput, match="str, expected the content of a strategy file"):
            record.run("mine.yaml")  # pyright: ignore[reportArgumentType] # what is refused


def test_a_session_reads_and_cannot_write(home: Path) -> None:
    with tapetrail.open_record(home) as record, record.session() as session:
        assert session.scalar(text("SELECT count(*) FROM tapetrail.charts WHERE id < 3")) == 2
        with pytest.raises(InternalError, match="read-only transaction"):
            session.execute(text("DELETE FROM tapetrail.charts"))


def test_a_session_is_the_readers_whatever_it_asks_for(home: Path) -> None:
    with tapetrail.open_record(home) as record, record.session() as session:
        session.execute(text("SET TRANSACTION READ WRITE"))
        assert session.scalar(text("SELECT current_user")) == "tapetrail_reader"
        with pytest.raises(ProgrammingError, match="permission denied"):
            session.execute(text("INSERT INTO tapetrail.decision_events DEFAULT VALUES"))


def test_a_session_is_not_ended_while_its_user_thinks(home: Path) -> None:
    with tapetrail.open_record(home) as record, record.session() as session:
        assert session.scalar(text("SHOW idle_in_transaction_session_timeout")) == "0"


@pytest.mark.parametrize(
    ("changes", "bars", "said"),
    [
        ({}, None, "source frame: no frame was handed over"),
        ({}, frame(9).drop(columns="Close"), "no column for close"),
        ({}, "text", "frame"),
        ({"source": "sample", "data": None}, frame(9), "the strategy's source is sample"),
        ({"name": "my strategy"}, frame(9), "strategy: name: expected"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_written(
    *, home: Path, changes: dict[str, object], bars: object, said: str
) -> None:
    with tapetrail.open_record(home) as record:
        before = record.status()
        with pytest.raises(InvalidInput, match=said):
            record.run({**STRATEGY, **changes}, frame=bars)
        assert record.status() == before


def test_an_unknown_list_or_filter_is_refused_by_name(home: Path) -> None:
    with tapetrail.open_record(home) as record:
        with pytest.raises(InvalidInput, match="list 'chart': expected one of executions, decis"):
            record.rows("chart")
        with pytest.raises(InvalidInput, match="filter 'symbl': expected one of symbol, timeframe"):
            record.rows("charts", symbl="ACME")


def test_a_parsed_strategy_and_other_symbols_run_too(home: Path) -> None:
    with tapetrail.open_record(home) as record:
        said: list[str] = []
        with tapetrail.shown_progress(said.append) as watch:
            how = Manner(watch=watch)
            ran = record.run(bundled_strategy(), symbols=["IBM"], as_of=date(2012, 8, 3), how=how)
        assert (ran.decisions, ran.failed) == (1, 0)
        assert said == ["1 of 1 decisions"]


def test_a_child_that_cannot_do_its_work_is_an_edge_failure(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tapetrail.open_record(home) as record:
        monkeypatch.setenv("PYTHONHOME", "/nowhere")
        with pytest.raises(EdgeFailure, match="the process that carried out the run ended early"):
            record.run(STRATEGY, frame=frame(), in_child=True)


def test_a_file_that_is_gone_when_its_decision_is_made_is_a_recorded_failure(
    tmp_path: Path,
) -> None:
    frame().to_csv(tmp_path / "prices.csv")
    spec = parse_strategy({**STRATEGY, "source": "file:prices.csv"}, place="test")
    settings = read_settings({"TAPETRAIL_HOME": "home", "USER": "me"}, working_folder=tmp_path)
    query = RunQuery(spec=spec, config={"folder": str(tmp_path)})

    class Losing(OtherWiring):
        """Loses the file between planning and deciding."""

        def launch(self, database_url: str, *, concurrency: int) -> Launch:
            (tmp_path / "prices.csv").unlink()
            return super().launch(database_url, concurrency=concurrency)

    with record_of(settings, Losing(settings=settings)) as record:
        record.runs.carry_out([query])
        (row,) = record.rows(DECISIONS)
    assert (row.status, row.failed_stage, row.error_kind) == ("failed", "bars", "no_bars")
    assert row.error_message is not None
    assert "prices.csv: no such file" in row.error_message


def test_a_second_backfill_of_the_same_strategy_is_refused_while_one_is_at_work(home: Path) -> None:
    with tapetrail.open_record(home) as record, PrivateServer(home=home).hold() as address:
        (known, *_) = record.rows("strategies", name="mine")
        name = f"backfill of strategy {known['id']}"
        with held_name(address.url("tapetrail_app"), name) as is_alone:
            assert is_alone
            with pytest.raises(InvalidInput, match="another backfill of this version is under way"):
                record.backfill(STRATEGY, dates=[date(2024, 4, 30)], frame=frame())
        assert record.backfill(STRATEGY, dates=[date(2024, 3, 28)], frame=frame()).skipped == 1


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_steps_during_a_run_changes_no_order_of_events(
    home: Path, step: timedelta
) -> None:
    steps, settings = count(), settings_of(home)
    wiring = OtherWiring(settings=settings, clock=lambda: datetime.now(UTC) + next(steps) * step)
    query = RunQuery(spec=bundled_strategy(), symbols=["GOOG"], as_of_on=date(2012, 6, 8))
    with record_of(settings, wiring) as record:
        (ended,) = record.runs.carry_out([query])
        (row,) = record.rows("decisions", execution_id=ended.execution_id)
        told = record.detail("decisions", cast("int", row["id"])).related["events"]
        assert [event["to_status"] for event in told] == ["running", "completed"]
        times = [cast("datetime", event["at"]) for event in told]
        assert (times[1] - times[0]) * (step // abs(step)) > abs(step) / 2
        assert record.verify().faults == ()


def test_an_execution_that_somebody_resumed_meanwhile_is_joined(home: Path) -> None:
    def interrupt(_found: object) -> None:
        raise KeyboardInterrupt

    with tapetrail.open_record(home) as record:
        how = Manner(watch=interrupt)
        with pytest.raises(KeyboardInterrupt):
            record.run(bundled_strategy(), as_of=date(2012, 6, 15), how=how)
        (row,) = record.rows("executions", status="stopped")
        number = cast("int", row["id"])
        ended = record.runs.work_through({}, Manner(), resumed=[number, number])
        assert [each.execution_id for each in ended] == [number, number]
        assert record.rows("executions", status="stopped") == []
        with pytest.raises(InvalidInput, match="only a stopped one is resumed"):
            record.runs.resume(number)


def test_how_far_the_clock_was_off_is_kept_with_the_execution(home: Path) -> None:
    settings = settings_of(home)
    process = replace(bootstrap.process(settings), clock_offset_ms=lambda: Decimal("-1.25"))
    query = RunQuery(spec=bundled_strategy(), symbols=["MSFT"], as_of_on=date(2012, 6, 8))
    with bootstrap.open_access(settings) as access:
        record = Record(access, process=process, wiring=bootstrap.Wiring(settings=settings))
        (ended,) = record.runs.carry_out([query])
        columns = record.detail("executions", ended.execution_id).columns
        assert (columns["clock_offset_ms"], columns["clock_source"]) == (
            Decimal("-1.25"), "ntp_adjtime",
        )  # fmt: skip
        assert record.verify().faults == ()


def test_a_child_runs_no_code_of_the_folder_it_is_started_in(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sqlalchemy.py").write_text("raise SystemExit('a stranger was imported')")
    monkeypatch.chdir(tmp_path)
    with tapetrail.open_record(home) as record:
        ran = record.run(STRATEGY, frame=frame(), as_of=date(2024, 2, 29), in_child=True)
    assert ran.status is ExecutionStatus.COMPLETED


def test_what_the_package_offers_is_loaded_by_name() -> None:
    assert {"open_record", "days_between", "Manner"} <= {*dir(tapetrail)}
    offered: list[Any] = [getattr(tapetrail, name) for name in tapetrail.__all__]
    assert OpenRecord in offered
    with pytest.raises(AttributeError, match="has no attribute 'open_recrod'"):
        _ = tapetrail.open_recrod  # pyright: ignore[reportAttributeAccessIssue] # the point


def test_the_models_lead_from_any_row_to_the_others(home: Path) -> None:
    with tapetrail.open_record(home) as record, record.session() as session:
        execution = session.scalars(
            select(WorkflowExecution).where(WorkflowExecution.id == 1)
        ).one()
        assert execution.strategy is not None
        assert execution.strategy.executions[0] is execution
        (decision,) = execution.decisions
        assert decision.execution is execution
        assert decision.instrument is not None
        assert decision.instrument.decisions[0] is decision
        assert execution.charts == decision.charts
        assert execution.llm_analyses == decision.llm_analyses
        daily, weekly = execution.charts
        assert [analysis.question for analysis in daily.llm_analyses] == [
            "chart:1d",
            "consolidated",
        ]
        assert daily.snapshot is not None
        assert (daily.snapshot, daily.snapshot.charts) == (decision.snapshots[0], [daily])
        (signal,) = execution.signals
        assert decision.signals == [signal]
        assert (signal.chart, signal.execution, signal.decision) == (daily, execution, decision)
        assert signal.strategy is execution.strategy
        assert signal.llm_analysis is not None
        assert (signal.llm_analysis.charts, signal.llm_analysis.chart) == ([daily, weekly], None)
        assert (daily.signals, signal.llm_analysis.signals) == ([signal], [signal])
        assert (daily.execution, weekly.decision) == (execution, decision)
        assert decision.snapshots[0].decision is decision
        assert signal.llm_analysis.execution is execution
        assert execution.llm_analyses[0].chart is daily


def test_the_models_are_read_and_never_written(home: Path) -> None:
    with tapetrail.open_record(home) as record, record.session() as session:
        chart = session.scalars(select(Chart).order_by(Chart.id).limit(1)).one()
        chart.symbol = "OTHER"
        with pytest.raises(InvalidInput, match=r"Chart: the classes of tapetrail\.models are read"):
            session.flush()


SAMPLE: Final = {"name": "sampled", "instruments": ["AAPL", "IBM"]}
SAMPLE_DAY: Final = date(2012, 8, 31)


def test_a_program_runs_strategies_in_a_loop_in_threads_and_in_two_records(tmp_path: Path) -> None:
    ended: list[str] = []

    def run(record: OpenRecord) -> None:
        ended.append(record.run(SAMPLE, as_of=SAMPLE_DAY).status)

    async def beside_a_loop(record: OpenRecord) -> None:
        run(record)

    with (
        tapetrail.open_record(tmp_path / "one") as one,
        tapetrail.open_record(tmp_path / "two") as two,
    ):
        asyncio.run(beside_a_loop(one))
        threads = [threading.Thread(target=run, args=(record,)) for record in (one, two, one)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ended == ["completed"] * 4
        assert (one.status().decisions, two.status().decisions) == (6, 2)


def test_a_run_within_a_run_is_refused_and_the_outer_one_ends(tmp_path: Path) -> None:
    query = RunQuery(spec=parse_strategy(SAMPLE, place="test"), as_of_on=SAMPLE_DAY)
    with tapetrail.open_record(tmp_path / "home") as record:

        def again(_progress: object) -> None:
            with pytest.raises(InvalidInput, match="a run is under way in this thread"):
                record.run(SAMPLE, as_of=SAMPLE_DAY)

        (ended,) = record.runs.carry_out([query], Manner(watch=again))
        assert ended.status is ExecutionStatus.COMPLETED
        assert record.status().executions == 1


# A program with workflows of its own, which launched the engine before it asks for a run.
OWN_ENGINE: Final = """
import sys
from datetime import date
from dbos import DBOS
import tapetrail
from tapetrail.core.errors import InvalidInput
DBOS(config={"name": "other", "system_database_url": f"sqlite:///{sys.argv[1]}.sqlite"})
with tapetrail.open_record(sys.argv[1]) as record:
    strategy = {"name": "s", "instruments": ["IBM"]}
    try:
        record.run(strategy, as_of=date(2012, 8, 31))
    except InvalidInput as error:
        print(error.message)
    print(record.run(strategy, as_of=date(2012, 8, 31), in_child=True).status)
"""


def test_a_program_that_runs_the_engine_itself_is_told_to_use_a_child(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", OWN_ENGINE, str(tmp_path / "home")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.stdout == (
        "this program runs the durable engine itself, and there is one in a process; let a child"
        " process carry out the run: in_child=True\ncompleted\n"
    ), said.stderr


@dataclass(frozen=True)
class Exits:
    """An analyst over code that would end the process."""

    name: str

    @property
    def identity(self) -> Identity:
        return Identity(name=self.name, provider="tests", model_name=self.name)

    def reply(self, question: Question) -> str:
        raise SystemExit(question.name)


def test_an_analyst_that_would_end_the_process_ends_its_decision(new_home: Home) -> None:
    with tapetrail.open_record(new_home.path, analysts={"own": Exits}) as record:
        strategy = {"name": "s", "instruments": ["IBM"], "analyst": "own:exits"}
        assert record.run(strategy, as_of=date(2012, 8, 31)).status is ExecutionStatus.FAILED
        (decision,) = record.page(DECISIONS).data
    assert decision.error_kind == "defect"
    assert str(decision.error_message).endswith("own:exits, chart:1d: SystemExit: chart:1d")


def test_a_start_that_fails_can_be_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(runner, "PATIENCE_S", 0.1)
    settings = read_settings({"TAPETRAIL_HOME": "home"}, working_folder=tmp_path)
    nowhere = "postgresql+psycopg://nobody@127.0.0.1:9/none"
    for _ in range(2):
        wanted = bootstrap.Wiring(settings=settings).launch(nowhere, concurrency=1)
        with pytest.raises(EdgeFailure, match="PostgreSQL did not answer"), runner.launch(wanted):
            pass


PROGRAM: Final = """
import sys
from datetime import date
import tapetrail
with tapetrail.open_record(sys.argv[1]) as record:
    strategy = {"name": "killed", "instruments": ["AAPL", "GOOG", "IBM", "MSFT"]}
    record.backfill(strategy, dates=[date(2012, 8, day) for day in (3, 10, 17, 24, 31)])
"""


def test_a_program_that_is_killed_loses_nothing(new_home: Home) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(new_home.path)]) as program:
        ended = "SELECT id FROM tapetrail.decisions WHERE status = 'completed'"
        wait_for(lambda: new_home.path.exists() and (new_home.path / "blobs").exists())
        wait_for(lambda: len(new_home.rows(ended)) >= 3)
        program.kill()
    opened = len(new_home.rows("SELECT id FROM tapetrail.decisions"))
    work_off(new_home)
    assert len(assert_sound(new_home)) >= opened >= 4
