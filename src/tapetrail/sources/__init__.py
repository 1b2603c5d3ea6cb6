"""Bars from a provider. What every source offers and what a fetch brings back."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from tapetrail.core.market.bars import Bars, Calendar, Instrument, Split


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fetched:
    """One answer of a source: its bytes as received, and the bars read from them.

    `bars` are daily and hold nothing later than the request's `as_of`; `splits` are the ones known
    then and applied. `price_factor` is what quoted prices were multiplied by to reach the currency
    (0.01 for pence). `dropped_rows` counts the rows left out by the source's stated policy.
    `adjusted_with_hindsight` says that the prices may be restated for what happened after `as_of`.
    """

    payload: bytes
    media_type: str
    bars: Bars
    splits: tuple[Split, ...]
    dropped_rows: int
    price_factor: Decimal = Decimal(1)
    adjusted_with_hindsight: bool = False


class Source(Protocol):
    """A provider of daily bars. Each raises `EdgeFailure` when the provider does not answer."""

    @property
    def name(self) -> str:
        """Return the name that records hold, such as `sample`."""
        ...

    def instruments(self) -> tuple[Instrument, ...]:
        """Return what the source offers, in a fixed order."""
        ...

    def instrument(self, symbol: str) -> Instrument:
        """Return the instrument with this symbol. Raises `NotFound` listing the known ones."""
        ...

    def coverage(self, instrument: Instrument) -> tuple[date, date]:
        """Return the first and the last session there are bars for."""
        ...

    def fetch(
        self, instrument: Instrument, *, first: date, as_of: datetime, calendar: Calendar
    ) -> Fetched:
        """Return the daily bars from `first` on that were known at `as_of`.

        Raises `NotFound` (`no_bars`) if there are none and `InvalidInput` (`bad_bars`) if they
        break a rule or lie in a session that the calendar does not know.
        """
        ...
