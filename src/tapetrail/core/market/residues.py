"""What sums that are carried from bar to bar leave behind where exact arithmetic leaves nothing.

A price that does not move has indicators that do not move. That is said and not computed: the mean
of equal closes is that close, and its deviation 0 (`is_level`); an ATR or a MACD below the tenth
digit of the price, the last one that is drawn or recorded, is 0 (`above_residue`). Where prices
span so much that a carried sum would lose such a digit, each window is summed by itself
(`spans_wide`).
All other values are those of the formulas, to the last bit.
"""

from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tapetrail.core.market.bars import Flags, Floats

WIDE: Final = 1e4
"""Prices that span as much are not summed from bar to bar: 16 digits have no room for them."""
RESIDUE: Final = 1e-10
"""A difference of prices that is less than this share of the price is none: 10 digits are kept."""


def is_level(closes: Floats, count: int) -> Flags:
    """Return where the last `count` closes are equal, shape (n,)."""
    at = np.arange(len(closes))
    moved = np.concatenate([[True], closes[1:] != closes[:-1]])[: len(closes)]
    return at - np.maximum.accumulate(np.where(moved, at, 0)) >= count - 1


def spans_wide(closes: Floats) -> bool:
    """Return whether a sum that once held the largest close has lost digits of the smallest."""
    size = np.abs(closes)
    return bool(len(size)) and bool(size.max() >= WIDE * size.min())


def by_window(closes: Floats, period: int) -> tuple[Floats, Floats]:
    """Return mean and population deviation of the last `period` closes, each from these alone."""
    before = np.full(min(period - 1, len(closes)), np.nan)
    if len(closes) < period:
        return before, before
    windows = sliding_window_view(closes, period)
    mean, deviation = windows.mean(axis=1), windows.std(axis=1)
    return np.concatenate([before, mean]), np.concatenate([before, deviation])


def above_residue(differences: Floats, closes: Floats) -> Floats:
    """Return differences of prices, 0 where they are below the tenth digit of the price."""
    return np.where(np.abs(differences) < RESIDUE * np.abs(closes), 0.0, differences)
