"""A source as vendors have it, in memory: it finds names and lists nothing, and only a fetch tells.

Its bars are the sample's. What it is asked for is counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from tapetrail.core.market.bars import Calendar, Instrument, Timeframe
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.sources.protocol import Fetched, Need, Process, SourceKind
from tapetrail.sources.registry import KINDS, Registry
from tapetrail.sources.sample import SampleSource

NAME: Final = "vendor"
SAMPLE: Final = SampleSource()


def share(*, exchange: str = "XNAS", currency: str = "USD", conid: int = 265598) -> Instrument:
    return Instrument(
        symbol="AAPL",
        exchange=exchange,
        currency=currency,
        calendar=exchange,
        conid=conid,
        tick_size=Decimal("0.01"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorSource:
    """The sample's bars under a vendor's names."""

    shares: tuple[Instrument, ...]
    asked: list[str] = field(default_factory=list[str])
    name: str = NAME

    def instruments(self) -> tuple[Instrument, ...]:
        return ()

    def candidates(self, named: InstrumentName) -> tuple[Instrument, ...]:
        self.asked.append(str(named))
        return tuple(found for found in self.shares if found.symbol.startswith(named.symbol[:2]))

    def coverage(self, instrument: Instrument) -> None:
        del instrument

    def fetch(
        self,
        instrument: Instrument,
        *,
        timeframe: Timeframe,
        first: date,
        as_of: datetime,
        calendar: Calendar,
    ) -> Fetched:
        return SAMPLE.fetch(
            SAMPLE.instrument(instrument.symbol),
            timeframe=timeframe,
            first=first,
            as_of=as_of,
            calendar=calendar,
        )


def registry_of(source: VendorSource) -> Registry:
    """Return the registry with one kind more."""

    def opened(spec: StrategySpec, config: Mapping[str, str], process: Process) -> VendorSource:
        del spec, config, process
        return source

    kind = SourceKind(name=NAME, summary="a vendor", open=opened, needs=frozenset({Need.NETWORK}))
    return Registry(process=Process(read_frame=lambda _digest: b""), kinds=(*KINDS, kind))
