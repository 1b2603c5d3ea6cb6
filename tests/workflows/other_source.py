"""The sample source with something done whenever bars are fetched from it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from tapetrail.core.market.bars import Calendar, Timeframe
from tapetrail.core.market.instruments import Instrument
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.sources.protocol import Fetched
from tapetrail.sources.sample import SampleSource

SAMPLE: Final = SampleSource()


@dataclass(frozen=True, slots=True, kw_only=True)
class Through:
    """The sample source; `done` is given what fetches, and its answer is the source's."""

    done: Callable[[Callable[[], Fetched]], Fetched]
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
    ) -> Fetched:
        return self.done(
            lambda: SAMPLE.fetch(
                instrument, timeframe=timeframe, first=first, as_of=as_of, calendar=calendar
            )
        )
