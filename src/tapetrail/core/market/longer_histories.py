"""A vendor's own weeks and months, used where its days end, and held against them before.

Whoever keeps 84 daily bars may have years of weekly ones. Those before the first whole week of days
are the vendor's word alone; those that both have must be the same.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Bars, Calendar, Days, Floats, Timeframe
from tapetrail.core.market.histories import period_keys, run_starts
from tapetrail.core.market.sessions import Positions, day_of

PRICE_TOLERANCE: Final = 1e-6
"""Two prices this close, as a share of the larger, are one that was rounded in two ways."""
VOLUME_TOLERANCE: Final = 0.2
"""Volumes that differ by more are of other units; vendors correct those of days and weeks apart."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Periods:
    """The weeks or months of a calendar, as a calendar whose sessions they are.

    Each goes by its last scheduled session, from the open of its first to the close of its last.
    `first_on` are the first sessions, `keys` tell the periods apart, both of shape (n,).
    """

    calendar: Calendar
    timeframe: Timeframe
    first_on: Days
    keys: Positions

    @classmethod
    def of(cls, calendar: Calendar, timeframe: Timeframe) -> "Periods":
        """Return the periods of a calendar."""
        keys = period_keys(calendar.sessions, timeframe, calendar)
        starts = run_starts(keys)
        ends = np.append(starts[1:], len(keys)) - 1
        return cls(
            calendar=replace(
                calendar,
                sessions=calendar.sessions[ends],
                opened_at=calendar.opened_at[starts],
                closed_at=calendar.closed_at[ends],
            ),
            timeframe=timeframe,
            first_on=calendar.sessions[starts],
            keys=keys[starts],
        )

    def holding(self, days: Days) -> Positions:
        """Return the position of the period that each day lies in, -1 where it has no session."""
        keys = period_keys(days, self.timeframe, self.calendar)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, at, -1)

    def bars_of(self, bars: Bars) -> Bars:
        """Return bars that were read by this calendar as bars of its weeks or months."""
        at = np.searchsorted(self.calendar.sessions, bars.last_on)
        return replace(bars, timeframe=self.timeframe, first_on=self.first_on[at])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Extended:
    """Bars of weeks or months, the first `own` of them the vendor's own.

    `confirmed` of the others were held against the vendor's; `days` daily bars did that. `lacking`
    are the weeks or months among the vendor's own without a bar, by their last session.
    """

    bars: Bars
    own: int
    confirmed: int
    days: int
    lacking: Days

    def within(self, window: Bars) -> "Extended":
        """Return what of it a window of its last bars holds."""
        outside = len(self.bars) - len(window)
        lacking = self.lacking[self.lacking > window.last_on[0]]
        return replace(self, bars=window, own=max(0, self.own - outside), lacking=lacking)

    @property
    def remark(self) -> str | None:
        """Return what a chart says of it, None where there is no bar of the vendor's own."""
        if not self.own:
            return None
        word = self.bars.timeframe.unit.word
        first, last = day_of(self.bars.first_on[0]), day_of(self.bars.last_on[self.own - 1])
        lack = f"; {self.lack}" if self.lack else ""
        return (
            f"{self.own} {word}s from {first} to {last} are the vendor's own: {self.days} daily"
            f" bars confirm the {self.confirmed} after them, and cannot confirm those{lack}"
        )

    @property
    def lack(self) -> str:
        """Return how many weeks or months the vendor left out, and where; nothing for none."""
        count, word = len(self.lacking), self.bars.timeframe.unit.word
        if not count:
            return ""
        first, last = day_of(self.lacking[0]), day_of(self.lacking[-1])
        return (
            f"1 {word} of them, to {first}, has no bar"
            if count == 1
            else f"{count} {word}s of them, from that to {first} to that to {last}, have no bar"
        )


def extend_back(derived: Bars, vendors: Bars, *, days: int, calendar: Calendar) -> Extended:
    """Return bars made of daily ones, with the vendor's before them where those are whole.

    Raises `InvalidInput` (`bad_bars`) where a week or month that both have is another one, and
    where both have none, for then nothing tells what the vendor's are.
    """
    word = derived.timeframe.unit.word
    both = np.isin(derived.last_on, vendors.last_on)
    if not both.any():
        raise InvalidInput(
            f"{len(vendors)} bars of {vendors.timeframe} beside {days} daily ones: no {word} is in"
            " both, so nothing tells whether they are of one history; leave the longer ones out",
            kind=ErrorKind.BAD_BARS,
        )
    _check_same(derived.take(both), vendors.take(np.isin(vendors.last_on, derived.last_on)))
    before = vendors.take(vendors.last_on < derived.first_on[0])
    scheduled = Periods.of(calendar, derived.timeframe).calendar.sessions
    first = before.last_on[0] if len(before) else derived.last_on[0]
    expected = scheduled[(scheduled >= first) & (scheduled < derived.last_on[0])]
    return Extended(
        bars=joined(before, derived) if len(before) else derived,
        own=len(before),
        confirmed=int(both.sum()),
        days=days,
        lacking=np.setdiff1d(expected, before.last_on),
    )


def joined(earlier: Bars, later: Bars) -> Bars:
    """Return the bars of two histories of the same kind, one after the other."""
    columns = (
        "first_on", "last_on", "opened_at", "closed_at", "available_at",
        "open", "high", "low", "close", "volume", "complete",
    )  # fmt: skip
    return replace(
        later,
        **{
            name: np.concatenate([getattr(earlier, name), getattr(later, name)]) for name in columns
        },
    )


def _check_same(derived: Bars, vendors: Bars) -> None:
    """Raise `InvalidInput` naming the first price, or volume, that is another one."""
    columns: tuple[tuple[str, Floats, Floats, float], ...] = (
        ("open", derived.open, vendors.open, PRICE_TOLERANCE),
        ("high", derived.high, vendors.high, PRICE_TOLERANCE),
        ("low", derived.low, vendors.low, PRICE_TOLERANCE),
        ("close", derived.close, vendors.close, PRICE_TOLERANCE),
        ("volume", derived.volume, vendors.volume, VOLUME_TOLERANCE),
    )
    for name, ours, theirs, tolerance in columns:
        larger = np.maximum(np.abs(ours), np.abs(theirs))
        # A missing volume is NaN, which is no difference: comparisons with it do not hold.
        differs = np.abs(ours - theirs) > tolerance * larger
        if differs.any():
            at = int(np.argmax(differs))
            raise InvalidInput(
                f"{derived.timeframe} bar of {_span(derived, at)}: {name} {theirs[at]:g} of the"
                f" vendor, {ours[at]:g} of its daily bars; they are not of one history, so leave"
                " the longer bars out or fetch both anew",
                kind=ErrorKind.BAD_BARS,
            )


def _span(bars: Bars, at: int) -> str:
    first, last = day_of(bars.first_on[at]), day_of(bars.last_on[at])
    return str(first) if first == last else f"{first} to {last}"
