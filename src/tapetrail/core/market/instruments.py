"""What is traded: instruments, and how their prices were restated.

Apart from the bars, because whoever only reads the record does without numpy.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Adjustment(StrEnum):
    """What past prices were restated for."""

    RAW = "raw"
    SPLIT = "split"
    SPLIT_DIVIDEND = "split+dividend"


class SessionHours(StrEnum):
    """Which hours of a session the bars cover."""

    REGULAR = "rth"
    ALL = "all"


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
