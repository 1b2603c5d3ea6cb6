"""What is odd about bars that break no rule: a price that stands still, and one that leaps.

Either may be true: a halt, a peg, a penny stock. Nobody who looks at a chart should have to find
it.
"""

from typing import Final

import numpy as np

from tapetrail.core.market.bars import Bars
from tapetrail.core.market.sessions import day_of

UNCHANGED_LEAST: Final = 3
"""So many bars in a row that are the same, volumes too, do not happen where something trades."""
LEAP: Final = 5.0
"""From one close to the next: more than nearly all that markets do, less than a unit."""


def oddities(daily: Bars) -> tuple[str, ...]:
    """Return a sentence on each odd thing in daily bars: the last ones all the same, and a leap."""
    return (*_standing(daily), *_leaping(daily))


def _standing(daily: Bars) -> tuple[str, ...]:
    same = np.ones(len(daily), dtype=np.bool_)
    for column in (daily.open, daily.high, daily.low, daily.close, daily.volume):
        same &= (column == column[-1]) | (np.isnan(column) & np.isnan(column[-1]))
    differs = np.flatnonzero(~same)
    count = len(daily) - (int(differs[-1]) + 1 if len(differs) else 0)
    if count < UNCHANGED_LEAST:
        return ()
    since = day_of(daily.last_on[-count])
    said = f"nothing traded since {since}, or the feed stands still"
    return (f"The last {count} daily bars are all the same, volumes too: {said}",)


def _leaping(daily: Bars) -> tuple[str, ...]:
    """Return the largest leap between closes above 0; signed prices have none to speak of."""
    before, after = daily.close[:-1], daily.close[1:]
    is_priced = (before > 0) & (after > 0)
    times = np.ones(len(before))
    np.divide(np.maximum(before, after), np.minimum(before, after), out=times, where=is_priced)
    if not len(times) or times.max() < LEAP:
        return ()
    at = int(np.argmax(times))
    way, day = "up" if after[at] > before[at] else "down", day_of(daily.last_on[at + 1])
    why = "a split that prices are not restated for, another unit, or another instrument?"
    return (f"The close leaps {way} by a factor of {times[at]:.3g} on {day}: {why}",)
