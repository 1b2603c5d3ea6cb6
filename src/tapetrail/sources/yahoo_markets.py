"""Where Yahoo's symbols trade: its codes of exchanges, and its types, as this project has them.

Nobody documents either. The codes are those that its replies have carried for years; one that is
not here is never guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Instrument
from tapetrail.core.market.units import MINOR_UNITS
from tapetrail.core.strategy.parts import InstrumentName

CRYPTO: Final = "crypto"
ASSET_CLASSES: Final[Mapping[str, str]] = {
    "EQUITY": "equity",
    "ETF": "etf",
    "INDEX": "index",
    "CRYPTOCURRENCY": CRYPTO,
}
MICS: Final[Mapping[str, str]] = {
    "NMS": "XNAS", "NGM": "XNAS", "NCM": "XNAS", "NYQ": "XNYS", "PCX": "ARCX", "ASE": "XASE",
    "BTS": "BATS", "PNK": "OOTC", "TOR": "XTSE", "VAN": "XTSX", "MEX": "XMEX", "SAO": "BVMF",
    "BUE": "XBUE", "SGO": "XSGO", "LSE": "XLON", "IOB": "XLON", "GER": "XETR", "FRA": "XFRA",
    "STU": "XSTU", "DUS": "XDUS", "HAM": "XHAM", "PAR": "XPAR", "AMS": "XAMS", "BRU": "XBRU",
    "LIS": "XLIS", "MIL": "XMIL", "MCE": "XMAD", "EBS": "XSWX", "VIE": "XWBO", "STO": "XSTO",
    "HEL": "XHEL", "CPH": "XCSE", "OSL": "XOSL", "ICE": "XICE", "ISE": "XDUB", "ATH": "ASEX",
    "IST": "XIST", "PRA": "XPRA", "WSE": "XWAR", "BUD": "XBUD", "TLV": "XTAE", "JNB": "XJSE",
    "SAU": "XSAU", "JPX": "XTKS", "HKG": "XHKG", "SHH": "XSHG", "SHZ": "XSHE", "KSC": "XKRX",
    "KOE": "XKOS", "TAI": "XTAI", "TWO": "ROCO", "SES": "XSES", "SET": "XBKK", "JKT": "XIDX",
    "KLS": "XKLS", "BSE": "XBOM", "ASX": "XASX", "NZE": "XNZE",
    # Who computes an index does not trade it: it moves while its shares do.
    "SNP": "XNYS", "DJI": "XNYS", "NIM": "XNAS", "FGI": "XLON", "OSA": "XTKS",
    "CCC": "CCC",
}  # fmt: skip
"""The MIC of each code; CCC, of coins, is no exchange."""
_CALENDARS: Final[Mapping[str, str]] = {
    "CCC": "24/7",
    "ROCO": "XTAI",
    "XKOS": "XKRX",
    "XSHE": "XSHG",
}
"""Where the sessions are another exchange's."""
_WHY_NOT: Final[Mapping[str, str]] = {
    "CURRENCY": "its days are those of London, and no calendar here has them",
    "FUTURE": "its days are not those of a contract's exchange",
    "MUTUALFUND": "a fund's price of a day is known after the day",
    "OPTION": "an option has no history",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What Yahoo says of a symbol."""

    symbol: str
    exchange_code: str
    currency: str
    instrument_type: str


def instrument_of(found: Described, named: InstrumentName) -> Instrument:
    """Return the instrument, in the currency and not in a unit below it, as pence are.

    Raises `InvalidInput` for a type whose bars are not read, and for a code that is not known
    unless the strategy names exchange and currency itself.
    """
    place, asset_class = f"yahoo, {found.symbol}", asset_class_of(found)
    exchange = MICS.get(found.exchange_code)
    if exchange is None and named.exchange and named.currency:
        exchange = named.exchange
    if exchange is None:
        raise _refused(
            f"{place}: exchangeName {found.exchange_code!r} is a code that is not known here; name"
            " exchange (its MIC) and currency in the strategy, as in instruments: [{symbol:"
            f" {found.symbol}, exchange: XNYS, currency: {major(found.currency)}}}]"
        )
    return Instrument(
        symbol=found.symbol,
        exchange=exchange,
        currency=major(found.currency),
        calendar=_CALENDARS.get(exchange, exchange),
        asset_class=asset_class,
    )


def asset_class_of(found: Described) -> str:
    """Return the class of what Yahoo describes. Raises `InvalidInput` for one that is not read."""
    asset_class = ASSET_CLASSES.get(found.instrument_type)
    if asset_class is None:
        why = _WHY_NOT.get(found.instrument_type, f"known are {', '.join(ASSET_CLASSES)}")
        raise _refused(
            f"yahoo, {found.symbol}: bars of instrumentType {found.instrument_type!r}: {why}"
        )
    return asset_class


def major(currency: str) -> str:
    """Return the currency of a unit that prices are quoted in: GBP for GBp."""
    unit = MINOR_UNITS.get(currency)
    return unit.currency if unit else currency


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, kind=ErrorKind.BAD_BARS)
