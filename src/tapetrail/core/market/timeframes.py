"""How long one bar is, and every fact that follows from it: sessions, derivation, words.

Whoever needs such a fact asks the timeframe; nobody lists timeframes beside it.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, Self

from tapetrail.core.errors import InvalidInput


class TimeframeUnit(StrEnum):
    """The unit a timeframe counts in, as it is written, with what is true of one of it.

    `word` names one, `chart_type` its charts. `sessions_max` is how many sessions one may span,
    in a market that never closes too. More than `closed_days_max` days between two bars are a gap:
    the longest regular closures, those around the lunar new year, stay below.
    """

    word: str
    chart_type: str
    interval: timedelta | None
    sessions_max: int
    closed_days_max: int

    def __new__(  # noqa: PLR0917 # one row of the table below
        cls,
        text: str,
        word: str,
        chart_type: str,
        interval: timedelta | None,
        sessions_max: int,
        closed_days_max: int,
    ) -> Self:
        """Return the unit written as `text`."""
        unit = str.__new__(cls, text)
        unit._value_ = text
        unit.word = word
        unit.chart_type = chart_type
        unit.interval = interval
        unit.sessions_max = sessions_max
        unit.closed_days_max = closed_days_max
        return unit

    MINUTE = "m", "minute", "intraday", timedelta(minutes=1), 1, 14
    HOUR = "h", "hour", "intraday", timedelta(hours=1), 1, 14
    DAY = "d", "day", "daily", None, 1, 14
    WEEK = "w", "week", "weekly", None, 7, 21
    MONTH = "mo", "month", "monthly", None, 31, 62


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
    def title(self) -> str:
        """Return `1D`, `1W`, `1MO`; minutes and hours stay small: no `M` means two things."""
        return str(self) if self.is_intraday else str(self).upper()

    @property
    def period(self) -> str:
        """Return the word for what one bar spans, such as `week`."""
        return self.unit.word

    @property
    def chart_type(self) -> str:
        """Return `daily`, `weekly`, `monthly` or `intraday`, as the rows of charts say it."""
        return self.unit.chart_type

    @property
    def interval(self) -> timedelta | None:
        """Return how long an intraday bar lasts; None for one that ends with a session."""
        return None if self.unit.interval is None else self.count * self.unit.interval

    @property
    def is_intraday(self) -> bool:
        """Whether a session holds many such bars."""
        return self.interval is not None

    @property
    def lies_in_one_session(self) -> bool:
        """Whether no bar spans more than one session."""
        return self.is_intraday or self.sessions_max == 1

    @property
    def sessions_max(self) -> int:
        """Return how many sessions one bar may span at most."""
        return self.count * self.unit.sessions_max

    @property
    def closed_days_max(self) -> int:
        """Return the days between two bars that closures explain; more of them are a gap."""
        return self.count * self.unit.closed_days_max

    @property
    def is_derived(self) -> bool:
        """Whether its bars are built from those of a shorter timeframe."""
        return self.base != self

    @property
    def base(self) -> "Timeframe":
        """Return the timeframe that a source is asked for: its own, unless its bars are derived."""
        return _BASES.get(self, self)


DAILY: Final = Timeframe(1, TimeframeUnit.DAY)
WEEKLY: Final = Timeframe(1, TimeframeUnit.WEEK)
MONTHLY: Final = Timeframe(1, TimeframeUnit.MONTH)
_BASES: Final = {WEEKLY: DAILY, MONTHLY: DAILY}
