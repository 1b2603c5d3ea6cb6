"""A vendor over the network as a source: what is asked of it, and how what it sent is read.

The two are apart, so that what was sent once can be kept and read again: for another day, in
another process, or without any network.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from tapetrail.core.market.bars import DAILY, Calendar, Instrument, Timeframe
from tapetrail.core.market.sessions import last_session_at
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.sources.protocol import Fetched, check_timeframe


@dataclass(frozen=True, slots=True, kw_only=True)
class Vintage:
    """What a vendor sent for the days from `first_on` to `last_on`, as it was at `fetched_at`.

    `payload` are its bytes as received; several replies are one payload as `pages` has it.
    """

    payload: bytes
    media_type: str
    first_on: date
    last_on: date
    fetched_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which bars of an instrument are wanted: from a day on, as they were known at `as_of`."""

    instrument: Instrument
    first: date
    as_of: datetime
    calendar: Calendar

    @property
    def last(self) -> date:
        """Return the last session that was over. Raises `InvalidInput` as `last_closed` does."""
        return last_session_at(self.calendar, self.as_of)


class VendorSource(ABC):
    """Daily bars of a vendor that is asked over the network; nobody knows all that it has."""

    __slots__ = ()

    @property
    @abstractmethod
    def name(self) -> str:
        """Return what strategies and records call it."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """Return what else a vintage depends on, such as another address than the vendor's own."""
        return {}

    def instruments(self) -> tuple[Instrument, ...]:
        """Return nothing: symbols are looked up by name."""
        return ()

    def coverage(self, instrument: Instrument) -> None:
        """Return None: only a fetch tells."""
        del instrument

    @abstractmethod
    def candidates(self, named: InstrumentName) -> tuple[Instrument, ...]:
        """Return the instruments that `named` may mean. Raises `EdgeFailure` as asking does."""

    @abstractmethod
    def download(self, wanted: Wanted) -> Vintage:
        """Return what the vendor sends for the sessions that are wanted.

        Raises `NotFound` (`no_bars`) for an instrument that it does not have, and `EdgeFailure`
        where it does not answer, or answers something else.
        """

    @abstractmethod
    def read(self, vintage: Vintage, wanted: Wanted) -> Fetched:
        """Return the bars of a vintage that are wanted; ask nobody.

        Raises `NotFound` (`no_bars`) if there are none and `InvalidInput` (`bad_bars`) if they
        break a rule, naming value, rule and place.
        """

    def fetch(
        self,
        instrument: Instrument,
        *,
        timeframe: Timeframe,
        first: date,
        as_of: datetime,
        calendar: Calendar,
    ) -> Fetched:
        """Return the bars from `first` on that were known at `as_of`, asked for now."""
        check_timeframe(timeframe, DAILY, source=self.name)
        wanted = Wanted(instrument=instrument, first=first, as_of=as_of, calendar=calendar)
        return self.read(self.download(wanted), wanted)
