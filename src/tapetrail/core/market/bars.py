"""OHLCV bars, sessions and splits: what the market did, as columns.

Bars are numpy columns, oldest first, every column of shape (n,). They refuse to exist when they
break a rule, so whoever holds `Bars` may trust them.
"""

import re
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.instruments import Adjustment, Instrument, PartialBar, SessionHours
from tapetrail.core.market.timeframes import DAILY, MONTHLY, WEEKLY, Timeframe

__all__ = [
    "DAILY",
    "MONTHLY",
    "WEEKLY",
    "Adjustment",
    "Bars",
    "BrokenRule",
    "Calendar",
    "Days",
    "Flags",
    "Floats",
    "Instants",
    "Instrument",
    "PartialBar",
    "SessionHours",
    "Split",
    "Timeframe",
    "WeekStart",
    "broken_price_rule",
    "instant_of",
    "time_of",
]

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Days: TypeAlias = "NDArray[np.datetime64]"  # unit D: session dates
Instants: TypeAlias = "NDArray[np.datetime64]"  # unit us: UTC
BrokenRule: TypeAlias = tuple[int, str] | None
WeekStart: TypeAlias = tuple[date, int]


_HEADER_WORD: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A share split: from `ex_on` each share is `ratio` shares, so earlier prices divide by it.

    A 2-for-1 split has ratio 2, a 1-for-10 reverse split 0.1.
    """

    ex_on: date
    ratio: Decimal

    def __post_init__(self) -> None:
        """Raise `InvalidInput` unless the ratio is a number above 0."""
        if not (self.ratio.is_finite() and self.ratio > 0):
            raise InvalidInput(
                f"split of {self.ex_on}: ratio {self.ratio} must be a number above 0",
                kind=ErrorKind.BAD_BARS,
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calendar:
    """The sessions of one exchange, oldest first: date, open and close of each, shape (n,).

    They are known from one day until another. `week_starts` says from which day on weeks start on
    which weekday: 0 is Monday, 6 the Sunday of Sunday-to-Thursday exchanges. `text` is what all of
    it was read from.
    """

    name: str
    zone: str
    known_from: date
    known_until: date
    week_starts: tuple[WeekStart, ...]
    sessions: Days
    opened_at: Instants
    closed_at: Instants
    text: bytes

    def __post_init__(self) -> None:
        """Raise `InvalidInput` unless there are sessions, in order, one open at a time."""
        if not len(self.sessions):
            raise InvalidInput(f"calendar {self.name}: has no sessions")
        if not self.week_starts:
            raise InvalidInput(f"calendar {self.name}: does not say on which weekday weeks start")
        if not self.sessions.shape == self.opened_at.shape == self.closed_at.shape:
            raise InvalidInput(
                f"calendar {self.name}: {self.sessions.shape} sessions with"
                f" {self.opened_at.shape} opens and {self.closed_at.shape} closes"
            )
        for column in (self.sessions, self.opened_at, self.closed_at):
            if not bool(np.all(column[1:] > column[:-1])):
                raise InvalidInput(f"calendar {self.name}: sessions must strictly increase")
        if not bool(np.all(self.closed_at > self.opened_at)):
            raise InvalidInput(f"calendar {self.name}: each session closes after it opens")
        over = self.closed_at[:-1] > self.opened_at[1:]
        if bool(over.any()):
            at = int(np.argmax(over))
            raise InvalidInput(
                f"calendar {self.name}: the session of {self.sessions[at]} closes at"
                f" {self.closed_at[at].astype('datetime64[m]')} UTC, after that of"
                f" {self.sessions[at + 1]} opens, at"
                f" {self.opened_at[at + 1].astype('datetime64[m]')}; no two are open at once"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ohlcv:
    """The numbers of bars, oldest first, and what they mean. Every column has shape (n,).

    Prices are in `currency`, volume in `volume_unit`; a missing volume is NaN.
    """

    timeframe: Timeframe
    adjustment: Adjustment
    hours: SessionHours
    currency: str
    volume_unit: str
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    complete: Flags

    def __len__(self) -> int:
        """Return the number of bars."""
        return len(self.close)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bars(Ohlcv):
    """OHLCV bars of one instrument, oldest first. Every column has shape (n,).

    `first_on` and `last_on` are the first and last *scheduled* session a bar spans: the same day
    for daily bars. `available_at` is when the bar could be known: its close and the feed's delay.
    """

    first_on: Days
    last_on: Days
    opened_at: Instants
    closed_at: Instants
    available_at: Instants

    def __post_init__(self) -> None:
        """Raise `InvalidInput` naming the first bar that breaks a rule."""
        _check_words(self)
        _check_shapes(self)
        _check_order(self)
        _check_spans(self)
        _check_prices(self)

    def take(self, selection: slice | Flags) -> "Bars":
        """Return the selected bars, in the same order."""
        return replace(self, **{name: getattr(self, name)[selection] for name in _COLUMNS})


_COLUMNS: Final = tuple(
    field.name
    for field in fields(Bars)
    if field.name not in {"timeframe", "adjustment", "hours", "currency", "volume_unit"}
)


def instant_of(instant: datetime) -> np.datetime64:
    """Return an aware time as the UTC scalar that `Instants` columns compare with.

    Raises `InvalidInput` for a time without a zone.
    """
    if instant.tzinfo is None:
        raise InvalidInput(f"time {instant}: an instant carries a zone")
    return np.datetime64(instant.astimezone(UTC).replace(tzinfo=None), "us")


def time_of(instant: np.datetime64) -> datetime:
    """Return one instant of a column as an aware time, in UTC."""
    return datetime.fromisoformat(str(instant)).replace(tzinfo=UTC)


def broken_price_rule(prices: tuple[Floats, Floats, Floats, Floats], volume: Floats) -> BrokenRule:
    """Return the place and the wording of the first rule that bars break, None if all hold.

    `prices` are open, high, low and close, each of shape (n,), as is `volume`.
    """
    opens, highs, lows, closes = prices
    finite = np.isfinite(opens) & np.isfinite(highs) & np.isfinite(lows) & np.isfinite(closes)
    rules = (
        (~finite, "open, high, low and close are finite"),
        (lows > np.minimum(opens, closes), "low is at or below open and close"),
        (highs < np.maximum(opens, closes), "high is at or above open and close"),
        ((volume < 0) | np.isinf(volume), "volume is missing, or finite and not negative"),
    )
    for broken, rule in rules:
        if broken.any():
            return int(np.argmax(broken)), rule
    return None


def _check_words(bars: Bars) -> None:
    for name, word in (("currency", bars.currency), ("volume unit", bars.volume_unit)):
        if not _HEADER_WORD.fullmatch(word):
            raise InvalidInput(
                f"bars: {name} {word!r} must be one word of printable ASCII",
                kind=ErrorKind.BAD_BARS,
            )


def _check_shapes(bars: Bars) -> None:
    for name in _COLUMNS:
        shape = getattr(bars, name).shape
        if shape != (len(bars),):
            raise InvalidInput(
                f"bars: column {name} has shape {shape}, expected ({len(bars)},)",
                kind=ErrorKind.BAD_BARS,
            )


def _check_order(bars: Bars) -> None:
    late = ~(bars.opened_at[1:] > bars.opened_at[:-1])
    if late.any():
        at = int(np.argmax(late)) + 1
        raise InvalidInput(
            f"bar {bars.opened_at[at]}: opens at or before the bar in front of it,"
            f" {bars.opened_at[at - 1]}; time must strictly increase",
            kind=ErrorKind.BAD_BARS,
        )
    shared = bars.first_on[1:] <= bars.last_on[:-1]
    if shared.any() and not bars.timeframe.is_intraday:
        at = int(np.argmax(shared)) + 1
        raise InvalidInput(
            f"bar {bars.first_on[at]}: begins before the bar in front of it is over,"
            f" {bars.last_on[at - 1]}; a session belongs to one bar",
            kind=ErrorKind.BAD_BARS,
        )


def _check_spans(bars: Bars) -> None:
    rules = (
        (bars.closed_at > bars.opened_at, "a bar closes after it opens"),
        (bars.last_on >= bars.first_on, "its last session is not before its first"),
        (
            (bars.last_on == bars.first_on) | (not bars.timeframe.lies_in_one_session),
            f"a bar of {bars.timeframe} lies in one session",
        ),
    )
    for holds, rule in rules:
        if not holds.all():
            at = int(np.argmin(holds))
            raise InvalidInput(
                f"bar {bars.first_on[at]}..{bars.last_on[at]}, {bars.opened_at[at]} to"
                f" {bars.closed_at[at]}: breaks the rule that {rule}",
                kind=ErrorKind.BAD_BARS,
            )


def _check_prices(bars: Bars) -> None:
    broken = broken_price_rule((bars.open, bars.high, bars.low, bars.close), bars.volume)
    if broken is not None:
        at, rule = broken
        raise InvalidInput(
            f"bar {bars.last_on[at]}: open {bars.open[at]}, high {bars.high[at]},"
            f" low {bars.low[at]}, close {bars.close[at]}, volume {bars.volume[at]}"
            f" break the rule that {rule}",
            kind=ErrorKind.BAD_BARS,
        )
