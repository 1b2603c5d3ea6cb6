"""Run one decision whose source has a defect, in a home; print how the execution ended.

    python broken_run.py HOME

A defect is an error that nobody raised on purpose; no data can bring one about, so a source with
one stands in for the provider.
"""

import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

from tapetrail import bootstrap
from tapetrail.analysts.registry import Analysts
from tapetrail.blobs.directory import DirectoryBlobs
from tapetrail.core.market.bars import Calendar, Timeframe
from tapetrail.core.market.instruments import Instrument
from tapetrail.core.records.states import RunType
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.planner import Request
from tapetrail.recorder import Recorder
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.sample import SampleSource
from tapetrail.store.session import open_engine
from tapetrail.strategy_files import bundled_strategy
from tapetrail.workflows.prepare import Ports
from tapetrail.workflows.runner import launch

SAMPLE = SampleSource()


@dataclass(frozen=True, slots=True, kw_only=True)
class Defective:
    """The sample source, but it divides by zero and says what no database can hold."""

    name: str = "sample"

    def instruments(self) -> tuple[Instrument, ...]:
        return SAMPLE.instruments()

    def candidates(self, named: InstrumentName) -> tuple[Instrument, ...]:
        return SAMPLE.candidates(named)

    def coverage(self, instrument: Instrument) -> tuple[date, date]:
        return SAMPLE.coverage(instrument)

    def fetch(
        self,
        instrument: Instrument,
        *,
        timeframe: Timeframe,
        first: date,
        as_of: datetime,
        calendar: Calendar,
    ) -> NoReturn:
        del instrument, timeframe, first, as_of, calendar
        raise ZeroDivisionError("nothing\x00 \ud800 here")


def main(home: Path) -> None:
    settings = bootstrap.Settings(
        home=home, database_url=None, postgres_bin_dir=None, actor="tests"
    )
    spec, blobs = bundled_strategy(), DirectoryBlobs(root=home / "blobs")
    plan = bootstrap.planner(settings).plan(
        Request(spec=spec, symbols=["IBM"], as_of_on=date(2012, 8, 31))
    )
    with bootstrap.open_database(settings) as database:
        engine = open_engine(database.app_url)
        recorder, workflow_id = Recorder(engine, blobs=blobs, actor="tests"), str(uuid4())
        with launch(
            engine,
            database_url=database.app_url,
            blobs=blobs,
            ports=Ports(
                open_source=lambda _spec, _config: Defective(),
                open_analyst=Analysts().open,
                load_calendar=load_calendar,
                clock=lambda: datetime.now(UTC),
            ),
            executor_id=str(uuid4()),
            concurrency=1,
        ) as runner:
            runtime = bootstrap.runtime_record()
            request = recorder.order(spec, plan, run_type=RunType.MANUAL, runtime=runtime)
            runner.open(request, workflow_id=workflow_id)
            while not (found := recorder.progress([workflow_id])) or found[0].ended < 1:
                pass
        print(found[0].status)  # noqa: T201 # what the test reads
        engine.dispose()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
