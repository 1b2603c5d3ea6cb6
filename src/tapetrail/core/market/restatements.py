"""How a history differs from an earlier one: which bars moved, and by how much."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from tapetrail.core.market.bars import Bars, Days, Floats

_UNITS: Final = (100, 1000)
_NEAR_UNIT: Final = 0.05
_NEARLY_ALL: Final = 0.9
"""A unit is another one though prices were rounded for it, and though a few were corrected too."""
_SAME_FACTOR: Final = 1e-3
"""Ratios this close to each other are one factor, as prices are rounded."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Restatement:
    """What changed between two histories of the same days.

    `moved` are those of which a price is another one, shape (n,), with their closes before and
    after and the largest move of a price in percent of the earlier one (infinite where that is 0).
    `gone` had a bar and have none, `added` the other way round. `volumes` counts the bars of which
    only the volume is another one, and `common` those of both histories.
    """

    moved: Days
    before: Floats
    after: Floats
    moved_pct: Floats
    gone: Days
    added: Days
    volumes: int
    common: int

    @property
    def bars(self) -> int:
        """Return how many bars have another price, are gone or are new."""
        return len(self.moved) + len(self.gone) + len(self.added)

    @property
    def moved_pct_max(self) -> float | None:
        """Return the largest move in percent, None where no price moved from another one than 0."""
        finite = self.moved_pct[np.isfinite(self.moved_pct)]
        return float(finite.max()) if len(finite) else None

    @property
    def factor(self) -> float | None:
        """Return by what all closes were multiplied, as for a split; None where they were not."""
        if len(self.moved) <= 1 or not np.all(self.before > 0):
            return None
        ratios = self.after / self.before
        middle = float(np.median(ratios))
        is_one = bool(np.all(np.abs(ratios / middle - 1) <= _SAME_FACTOR)) if middle else False
        return middle if is_one else None

    @property
    def unit_factor(self) -> float | None:
        """Return the factor of nearly every close where it is about 100, 1000 or a part of that.

        That is what another unit looks like, as pence for pounds, and hardly ever a split.
        """
        prices = self.before > 0
        if self.common <= 1 or prices.sum() < _NEARLY_ALL * self.common:
            return None
        ratios = self.after[prices] / self.before[prices]
        middle = float(np.median(ratios))
        if middle <= 0 or np.mean(np.abs(ratios / middle - 1) <= _NEAR_UNIT) < _NEARLY_ALL:
            return None
        larger = max(middle, 1 / middle)
        is_unit = any(abs(larger / unit - 1) <= _NEAR_UNIT for unit in _UNITS)
        return middle if is_unit else None


def compare_bars(earlier: Bars, later: Bars) -> Restatement:
    """Return how `later` differs from `earlier`; both are of the same days."""
    old, new = earlier, later
    _, at_old, at_new = np.intersect1d(
        old.last_on, new.last_on, assume_unique=True, return_indices=True
    )
    prices = [
        (before[at_old], after[at_new])
        for before, after in (
            (old.open, new.open),
            (old.high, new.high),
            (old.low, new.low),
            (old.close, new.close),
        )
    ]
    has_moved = np.any([before != after for before, after in prices], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        pct = np.max(
            [
                np.where(before == after, 0.0, 100 * np.abs(after - before) / np.abs(before))
                for before, after in prices
            ],
            axis=0,
        )
    is_other_volume = ~_same(old.volume[at_old], new.volume[at_new]) & ~has_moved
    before, after = prices[-1]
    return Restatement(
        moved=old.last_on[at_old][has_moved],
        before=before[has_moved],
        after=after[has_moved],
        moved_pct=pct[has_moved],
        gone=np.setdiff1d(old.last_on, new.last_on, assume_unique=True),
        added=np.setdiff1d(new.last_on, old.last_on, assume_unique=True),
        volumes=int(is_other_volume.sum()),
        common=len(at_old),
    )


def _same(before: Floats, after: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return where two volumes are equal; one that is missing on both sides is."""
    return (before == after) | (np.isnan(before) & np.isnan(after))
