"""Run one decision whose source has a defect, in a home; print how the execution ended.

    python -m tests.workflows.broken_run HOME

A defect is an error that nobody raised on purpose; no data can bring one about, so a source with
one stands in for the provider.
"""

import sys
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import NoReturn

from tests.workflows.wired import OtherWiring, record_of, settings_of

from tapetrail.core.market.bars import Calendar, Timeframe
from tapetrail.core.market.instruments import Instrument
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.sources.sample import SampleSource
from tapetrail.strategy_files import bundled_strategy
from tapetrail.usecases.planning import RunQuery
from tapetrail.usecases.runs import Manner

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
    settings = settings_of(home)
    query = RunQuery(spec=bundled_strategy(), symbols=["IBM"], as_of_on=date(2012, 8, 31))
    with record_of(settings, OtherWiring(settings=settings, source=Defective())) as record:
        (ended,) = record.runs.carry_out([query], Manner(concurrency=1))
    print(ended.status)  # noqa: T201 # what the test reads


if __name__ == "__main__":
    main(Path(sys.argv[1]))
