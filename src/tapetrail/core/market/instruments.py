"""What is traded: instruments, and how their prices were restated.

Apart from the bars, because whoever only reads the record does without numpy.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

SIGNED_PRICES: Final = frozenset({"future", "rate", "spread"})
"""The asset classes whose prices may lie at or below 0; a plural is the same class."""


class Adjustment(StrEnum):
    """What past prices were restated for."""

    RAW = "raw"
    SPLIT = "split"
    SPLIT_DIVIDEND = "split+dividend"


class SessionHours(StrEnum):
    """Which hours of a session the bars cover."""

    REGULAR = "rth"
    ALL = "all"


def has_signed_prices(asset_class: str) -> bool:
    """Return whether prices of this class may lie at or below 0."""
    return asset_class.casefold().removesuffix("s") in SIGNED_PRICES


class PartialBar(StrEnum):
    """What becomes of a week or month that is not over."""

    EXCLUDE = "exclude"
    MARK = "mark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """What is traded. The conid is its key where a broker gave one; the symbol is for display."""

    symbol: str
    exchange: str
    currency: str
    calendar: str
    asset_class: str = "equity"
    conid: int | None = None
    tick_size: Decimal | None = None
    multiplier: Decimal = Decimal(1)

    def __str__(self) -> str:
        """Return `AAPL (XNAS, USD)`."""
        return f"{self.symbol} ({self.exchange}, {self.currency})"
