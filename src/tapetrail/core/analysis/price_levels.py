"""Support and resistance from real swing lows and highs, nearest first.

A swing low is a bar whose low is the least of the `SWING_BARS` bars on either side of it, so the
last `SWING_BARS` bars hold none yet. Swings within `CLUSTER_ATR` average true ranges of each
other are one level, and its price is that of the swing nearest to the last close: a price that was
traded, not a mean that never was. Replies name levels above 0 only, so swings at or below it are
none. What is equal in the ten digits that are drawn lies on no side of the close.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tapetrail.core.canonical import decimal_of
from tapetrail.core.charts.spec import drawn_value
from tapetrail.core.market.bars import Bars, Floats

SWING_BARS: Final = 5
CLUSTER_ATR: Final = 1.0
LEVELS_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceLevel:
    """A price at which the market turned, and how many swings turned there."""

    price: Decimal
    swings: int


def supports(drawn: Bars, *, atr: float) -> tuple[PriceLevel, ...]:
    """Return up to three levels below the last close, nearest first, from the swing lows.

    `atr` is the last average true range in prices; 0 merges equal prices only.
    """
    lows = [-peak for peak in _peaks(-drawn.low)]
    close = drawn_value(float(drawn.close[-1]))
    below = [low for low in lows if 0 < drawn_value(low) < close]
    return _levels(sorted(below, reverse=True), width=CLUSTER_ATR * atr)


def resistances(drawn: Bars, *, atr: float) -> tuple[PriceLevel, ...]:
    """Return up to three levels above the last close, nearest first, from the swing highs."""
    close = drawn_value(float(drawn.close[-1]))
    above = [high for high in _peaks(drawn.high) if drawn_value(high) > max(close, 0.0)]
    return _levels(sorted(above), width=CLUSTER_ATR * atr)


def _peaks(column: Floats) -> Sequence[float]:
    """Return the peaks of `column`; of equal neighbours the first counts."""
    span = 2 * SWING_BARS + 1
    if len(column) < span:
        return []
    # argmax takes the first of equal values, so one flat top is one swing.
    peaks = np.flatnonzero(sliding_window_view(column, span).argmax(axis=1) == SWING_BARS)
    return column[peaks + SWING_BARS].tolist()


def _levels(prices: Sequence[float], *, width: float) -> tuple[PriceLevel, ...]:
    """Return the clusters of prices that come nearest first."""
    levels: list[PriceLevel] = []
    nearest = np.inf
    for price in prices:
        if levels and abs(drawn_value(price) - drawn_value(nearest)) <= width:
            levels[-1] = PriceLevel(price=levels[-1].price, swings=levels[-1].swings + 1)
        elif len(levels) < LEVELS_SHOWN:
            nearest = price
            levels.append(PriceLevel(price=decimal_of(price), swings=1))
        else:
            break
    return tuple(levels)
