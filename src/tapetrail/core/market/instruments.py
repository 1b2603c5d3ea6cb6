"""What is traded and in which steps: instruments, timeframes, and how prices were restated.

Apart from the bars, because whoever only reads the record does without numpy.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, Self

from tapetrail.core.errors import InvalidInput


class TimeframeUnit(StrEnum):
    """The unit a timeframe counts in, as it is written."""

    MINUTE = "m"
    HOUR = "h"
    DAY = "d"
    WEEK = "w"
    MONTH = "mo"


_TIMEFRAME: Final = re.compile(r"([1-9][0-9]*)(mo|m|h|d|w)")


@dataclass(frozen=True, slots=True)
class Timeframe:
    """The span of one bar, such as `1d` or `1w`."""

    count: int
    unit: TimeframeUnit

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the timeframe written as `text`. Raises `InvalidInput` for any other text."""
        match = _TIMEFRAME.fullmatch(text)
        if match is None:
            raise InvalidInput(
                f"timeframe {text!r}: expected a number and m, h, d, w or mo, as in 1d"
            )
        return cls(int(match[1]), TimeframeUnit(match[2]))

    def __str__(self) -> str:
        """Return the form that `parse` reads."""
        return f"{self.count}{self.unit}"

    @property
    def is_intraday(self) -> bool:
        """Whether a session holds many such bars."""
        return self.unit in {TimeframeUnit.MINUTE, TimeframeUnit.HOUR}


DAILY: Final = Timeframe(1, TimeframeUnit.DAY)
WEEKLY: Final = Timeframe(1, TimeframeUnit.WEEK)
MONTHLY: Final = Timeframe(1, TimeframeUnit.MONTH)


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
