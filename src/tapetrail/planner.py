"""What a run will do, settled from sources and calendars before anything is opened or written.

Apart from the recorder, because reading the record needs none of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from tapetrail.analysts.registry import Analysts
from tapetrail.core.errors import NotFound
from tapetrail.core.market.bars import Calendar, Instrument
from tapetrail.core.plans import Coverage, Plan, plan_run, weekly_dates
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.sources import Source

SAMPLE: Final = "sample"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A strategy to run, as the surfaces ask for it.

    `config` is what the execution keeps of how it was asked for, such as the folder where the paths
    of files begin.
    """

    spec: StrategySpec
    symbols: Sequence[str] = ()
    as_of_on: date | None = None
    config: Mapping[str, str] = field(default_factory=dict[str, str])


class Planner:
    """Settles what a run will do. It reads sources and calendars, and writes nothing."""

    def __init__(
        self,
        *,
        open_source: Callable[[StrategySpec, Mapping[str, str]], Source],
        load_calendar: Callable[[str], Calendar],
        analysts: Analysts,
        clock: Callable[[], datetime],
    ) -> None:
        self._open_source = open_source
        self._load_calendar = load_calendar
        self._analysts = analysts
        self._clock = clock

    def plan(self, request: Request) -> Plan:
        """Return what a run would decide.

        Raises `InvalidInput` or `NotFound` for a source, analyst, instrument or date that there
        is not: all that can be known before.
        """
        spec = request.spec
        self._analysts.of(spec)
        coverages = self._offers(request)
        return plan_run(coverages, as_of_on=request.as_of_on, now=self._clock())

    def demo_dates(self, spec: StrategySpec) -> Sequence[date]:
        """Return the demo's as-of dates: weekly, ending well before the bars of `spec` do."""
        return weekly_dates(self._offers(Request(spec=spec)))

    def _offers(self, request: Request) -> list[Coverage]:
        spec = request.spec
        source = self._open_source(spec, request.config)
        by_symbol = {named.symbol: named for named in spec.instruments}
        wanted = [
            by_symbol.get(symbol, InstrumentName(symbol=symbol)) for symbol in request.symbols
        ]
        return [self._offer(source, named) for named in wanted or spec.instruments]

    def _offer(self, source: Source, named: InstrumentName) -> Coverage:
        instrument = source.instrument(named.symbol)
        _check_market(named, instrument)
        first_on, last_on = source.coverage(instrument)
        return Coverage(
            instrument=instrument,
            calendar=self._load_calendar(instrument.calendar),
            first_on=first_on,
            last_on=last_on,
            is_sample=source.name == SAMPLE,
        )


def _check_market(named: InstrumentName, instrument: Instrument) -> None:
    """Raise `NotFound` where a strategy means the symbol of another market."""
    if named.exchange not in {None, instrument.exchange} or named.currency not in {
        None,
        instrument.currency,
    }:
        market = ", ".join(part for part in (named.exchange, named.currency) if part)
        raise NotFound(f"no instrument {named.symbol} ({market}); the source offers {instrument}")
