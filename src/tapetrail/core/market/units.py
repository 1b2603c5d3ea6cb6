"""What prices are quoted in: the units below a currency, and where the bars must have theirs said.

A unit is stated and never guessed: of three shares of one fund on London, one may be quoted in
pence, one in pounds and one in dollars.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tapetrail.core.market.exchanges import mic_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MinorUnit:
    """A unit below a currency: what one is worth there, and what people call the two."""

    currency: str
    factor: Decimal
    word: str
    major_word: str


_HUNDREDTH: Final = Decimal("0.01")
_PENCE: Final = MinorUnit(currency="GBP", factor=_HUNDREDTH, word="pence", major_word="pounds")
_AGOROT: Final = MinorUnit(currency="ILS", factor=_HUNDREDTH, word="agorot", major_word="shekels")
# Names keep their case: GBp is pence and GBP is not. The first of a currency is proposed.
MINOR_UNITS: Final[Mapping[str, MinorUnit]] = {
    "GBX": _PENCE,
    "GBp": _PENCE,
    "ZAc": MinorUnit(currency="ZAR", factor=_HUNDREDTH, word="cents", major_word="rands"),
    "ILA": _AGOROT,
    "ILa": _AGOROT,
    "USX": MinorUnit(currency="USD", factor=_HUNDREDTH, word="cents", major_word="dollars"),
    "KWF": MinorUnit(currency="KWD", factor=Decimal("0.001"), word="fils", major_word="dinars"),
}
STATED_ON: Final = frozenset({"XLON", "XJSE", "XTAE"})
"""Where prices are quoted in either unit, so that bars which do not say it need it said."""


def minor_unit_of(currency: str) -> str | None:
    """Return the unit below a currency that prices may be quoted in, as `GBX`."""
    return next((name for name, unit in MINOR_UNITS.items() if unit.currency == currency), None)


def unit_problem(
    *, exchange: str, calendar: str | None, currency: str, quoted_in: str | None
) -> str | None:
    """Return what is wrong with the units that are said of bars, and the words to write instead."""
    if currency in MINOR_UNITS:
        major = MINOR_UNITS[currency].currency
        return (
            f"currency {currency} is the unit of quotes, and prices are recorded in {major}; write"
            f" currency: {major}, quoted_in: {currency}"
        )
    stated_on = sorted({mic_of(exchange), mic_of(calendar or exchange)} & STATED_ON)
    if quoted_in is not None or not stated_on:
        return None
    minor = minor_unit_of(currency)
    choices = f"quoted_in: {currency}"
    if minor is not None:
        unit = MINOR_UNITS[minor]
        choices = f"quoted_in: {minor} for {unit.word}, or {choices} for {unit.major_word}"
    return (
        f"{stated_on[0]} quotes some prices in {currency}, others in a part of it, and the bars do"
        f" not say which; write {choices}"
    )


def price_factor(currency: str, quoted_in: str | None) -> Decimal | None:
    """Return what quoted prices are multiplied by to be in the currency; None for no unit of it."""
    if quoted_in in {None, currency}:
        return Decimal(1)
    unit = MINOR_UNITS.get(quoted_in or "")
    return unit.factor if unit is not None and unit.currency == currency else None
