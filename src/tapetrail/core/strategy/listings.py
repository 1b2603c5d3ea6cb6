"""Where an instrument trades and what its prices are: what it says itself, and what `data` says."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.exchanges import mic_of
from tapetrail.core.market.units import unit_problem
from tapetrail.core.strategy.data_parts import DataSpec
from tapetrail.core.strategy.parts import InstrumentName


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is settled of an instrument beside its symbol; the exchange is its MIC."""

    exchange: str
    currency: str
    calendar: str
    asset_class: str
    quoted_in: str | None
    tick_size: Decimal | None
    conid: int | None

    @classmethod
    def of(cls, named: InstrumentName, data: DataSpec) -> Self:
        """Return the listing of an instrument of a strategy.

        What it says itself comes first. Calendar, unit and tick size of `data` are about its own
        market, so they are not taken for an instrument of another one. Raises `InvalidInput`
        where neither says exchange or currency.
        """
        exchange, currency = named.exchange or data.exchange, named.currency or data.currency
        if exchange is None or currency is None:
            key = "exchange" if exchange is None else "currency"
            raise InvalidInput(f"the key 'data.{key}' is missing; {named} states none itself")
        is_home = mic_of(exchange) == mic_of(data.exchange or exchange)
        is_home &= currency == (data.currency or currency)
        theirs = data if is_home else None
        return cls(
            exchange=mic_of(exchange),
            currency=currency,
            calendar=mic_of(named.calendar or (theirs and theirs.calendar) or exchange),
            asset_class=named.asset_class or data.asset_class,
            quoted_in=named.quoted_in or (theirs and theirs.quoted_in),
            tick_size=named.tick_size or (theirs and theirs.tick_size),
            conid=named.conid,
        )

    def unit_problem(self) -> str | None:
        """Return what is wrong with its units, None for nothing."""
        return unit_problem(
            exchange=self.exchange,
            calendar=self.calendar,
            currency=self.currency,
            quoted_in=self.quoted_in,
        )


def listing_named(
    listings: Sequence[tuple[InstrumentName, Listing]], symbol: str
) -> Listing | None:
    """Return the listing of a symbol: by its name, or else by the first pattern it has."""
    named = [listing for name, listing in listings if name.symbol == symbol]
    alike = (listing for name, listing in listings if name.is_pattern and name.matches(symbol))
    return named[0] if named else next(alike, None)
