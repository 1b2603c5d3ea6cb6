"""Work on one decision that ends its process, in a home; print how the execution ended.

    python deadly_run.py HOME MINUTES

The decision is opened by the first call. The clock is MINUTES ahead. No data can end a process;
a source that does stands in for a library that crashes.
"""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, NoReturn
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

WORKFLOW: Final = "deadly"
SAMPLE: Final = SampleSource()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadly:
    """The sample source, but whoever fetches from it is killed."""

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
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("nobody survives this")


def main(home: Path, clock: Callable[[], datetime]) -> None:
    settings = bootstrap.Settings(
        home=home, database_url=None, postgres_bin_dir=None, actor="tests"
    )
    blobs = DirectoryBlobs(root=home / "blobs")
    with bootstrap.open_database(settings) as database:
        engine = open_engine(database.app_url)
        recorder = Recorder(engine, blobs=blobs, actor="tests")
        with launch(
            engine,
            database_url=database.app_url,
            blobs=blobs,
            ports=Ports(
                open_source=lambda _spec, _config: Deadly(),
                open_analyst=Analysts().open,
                load_calendar=load_calendar,
                clock=clock,
            ),
            executor_id=str(uuid4()),
            concurrency=1,
        ) as runner:
            if not recorder.progress([WORKFLOW]):
                spec = bundled_strategy()
                wanted = Request(spec=spec, symbols=["IBM"], as_of_on=date(2012, 8, 31))
                plan = bootstrap.planner(settings).plan(wanted)
                runtime = bootstrap.runtime_record()
                request = recorder.order(spec, plan, run_type=RunType.MANUAL, runtime=runtime)
                runner.open(request, workflow_id=WORKFLOW)
            while (found := recorder.progress([WORKFLOW]))[0].ended < 1:
                pass
        print(found[0].status)  # noqa: T201 # what the test reads
        engine.dispose()


if __name__ == "__main__":
    ahead = timedelta(minutes=int(sys.argv[2]))
    main(Path(sys.argv[1]), lambda: datetime.now(UTC) + ahead)
