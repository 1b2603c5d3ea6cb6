"""What the bars say of themselves beside what a strategy says of them: settled, or refused.

Adjustment, unit of prices, unit of volumes and conid: where both speak they must agree.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.conventions import VolumeUnit
from tapetrail.core.market.exchanges import US_STOCKS, mic_of
from tapetrail.core.market.instruments import Adjustment, Instrument
from tapetrail.core.market.units import MINOR_UNITS, price_factor
from tapetrail.sources.tabular.tables import Stated

SHARES_IN_A_LOT: Final = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What the strategy says of the numbers; None for what it leaves to them."""

    adjustment: Adjustment | None
    quoted_in: str | None
    volume_unit: VolumeUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What the numbers mean, and what to multiply quoted prices and volumes by."""

    adjustment: Adjustment
    quoted_in: str
    price_factor: Decimal
    volume_factor: Decimal


def settle(stated: Stated, instrument: Instrument, assumed: Assumed, *, place: str) -> Settled:
    """Return what the numbers mean. Raises `InvalidInput` (`bad_bars`) where nobody says.

    It does so where the two disagree, too, for units that are none of the instrument's currency,
    and for a conid that is another one than the instrument's.
    """
    if stated.conid is not None and instrument.conid not in {None, stated.conid}:
        raise _refused(
            f"{place}: holds the bars of conid {stated.conid}, and {instrument} has conid"
            f" {instrument.conid}; name the file of that one, or correct the conid"
        )
    quoted_in = _quoted_in(stated, instrument, assumed, place=place)
    return Settled(
        adjustment=_adjustment(stated, assumed, place=place),
        quoted_in=quoted_in,
        price_factor=_price_factor(instrument, quoted_in),
        volume_factor=_volume_factor(stated, instrument, assumed, place=place),
    )


def _adjustment(stated: Stated, assumed: Assumed, *, place: str) -> Adjustment:
    theirs, given = stated.adjustment, assumed.adjustment
    if theirs is None and given is None:
        raise _refused(
            f"{place}: does not say how prices are adjusted; state one of {', '.join(Adjustment)}"
        )
    if theirs is not None and given is not None and theirs is not given:
        raise _refused(f"{place}: says that prices are adjusted {theirs!s}, not {given!s}")
    return theirs or given or Adjustment.RAW


def _quoted_in(stated: Stated, instrument: Instrument, assumed: Assumed, *, place: str) -> str:
    """Return the unit of prices, as the strategy writes it where it does."""
    theirs, given = stated.quoted_in, assumed.quoted_in
    if theirs is None:
        return given or instrument.currency
    factor = price_factor(instrument.currency, theirs)
    if factor is None:
        raise _refused(
            f"{place}: says that prices are quoted in {theirs}, and {instrument} trades in"
            f" {instrument.currency}; name the file of that market, or correct the currency"
        )
    if given is not None and price_factor(instrument.currency, given) != factor:
        raise _refused(
            f"{place}: says that prices are quoted in {theirs}, not {given}; correct `quoted_in`"
        )
    return given or theirs


def _price_factor(instrument: Instrument, quoted_in: str) -> Decimal:
    factor = price_factor(instrument.currency, quoted_in)
    if factor is None:
        known = ", ".join(f"{minor} of {unit.currency}" for minor, unit in MINOR_UNITS.items())
        raise _refused(
            f"{instrument}: prices quoted in {quoted_in} are not in {instrument.currency} or its"
            f" minor unit; known are {known}"
        )
    return factor


def _volume_factor(
    stated: Stated, instrument: Instrument, assumed: Assumed, *, place: str
) -> Decimal:
    """Return what makes shares of volumes: of US stocks IBKR sends lots, whatever it says."""
    is_lots = assumed.volume_unit is VolumeUnit.LOTS
    markets = {mic_of(instrument.exchange), mic_of(instrument.calendar)}
    if stated.us_volumes_in_lots and markets & US_STOCKS:
        return SHARES_IN_A_LOT
    factor = stated.volume_factor
    if factor is not None and is_lots:
        raise _refused(
            f"{place}: states its own volume factor, {factor}; lots would multiply twice"
        )
    return factor or (SHARES_IN_A_LOT if is_lots else Decimal(1))


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, kind=ErrorKind.BAD_BARS)
