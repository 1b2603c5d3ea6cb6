"""Columns in which nothing can be doubted, read as a whole: plain numbers, epochs of one unit.

What is not told here is told cell by cell, with the same result and a place for each mistake.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tapetrail.core.market.bars import Floats

_PLAIN: Final = re.compile(r"(?:[0-9]{1,300}(?:\.[0-9]{1,300})?\n)+", re.ASCII)


def plain_numbers(cells: Sequence[object]) -> "Floats | None":
    """Return floats, and texts of digits with a point at most, as float64; None for others."""
    if all(type(cell) is float for cell in cells):
        return np.array(cells, dtype=np.float64)
    texts = [cell for cell in cells if type(cell) is str]
    if len(texts) < len(cells):
        return None
    whole = "\n".join(texts) + "\n"
    # A cell with a line end of its own would pass for two.
    if whole.count("\n") != len(texts) or _PLAIN.fullmatch(whole) is None:
        return None
    return np.array([*map(float, texts)], dtype=np.float64)


def plain_integers(cells: Sequence[object]) -> NDArray[np.int64] | None:
    """Return whole numbers as they are, None where there are others, or none."""
    if not cells or not all(type(cell) is int for cell in cells):
        return None
    try:
        return np.array(cells, dtype=np.int64)
    except OverflowError:
        return None
