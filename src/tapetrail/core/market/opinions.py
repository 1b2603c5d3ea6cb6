"""What a second source's daily closes say of those that charts are made from.

Both are compared in the sessions that both have, as the decimals that they are. Volumes are never
compared: sources count them in units, and over markets, of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_UP, Decimal, localcontext
from enum import StrEnum
from typing import Final

import numpy as np

from tapetrail.core.canonical import decimal_of, decimal_text
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Bars, Days, Floats
from tapetrail.core.market.sessions import day_of

_PCT_STEP: Final = Decimal("1E-10")
"""Limits have no more decimals, so a difference that is rounded up stays on its side of them."""
_PRECISION: Final = 60
"""More digits than a close times a percentage has: nothing is rounded before it is compared."""
_SHOWN_STEP: Final = Decimal("0.0001")
_SAME_FACTOR: Final = 1e-3
"""Ratios this close to each other are one factor, as prices are rounded."""
_FACTOR_MIN: Final = 1.05
"""What is nearer to 1 is no split."""
_NEAR: Final = 0.05
_UNITS: Final = (100.0, 0.01)
_NAMED_MAX: Final = 3


class Verdict(StrEnum):
    """What came of asking a second source."""

    AGREES = "agrees"
    DIFFERS = "differs"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosesCompared:
    """How the closes of a second source differ, from `first_on` to `last_on`, which both have.

    `compared` sessions have a close on both sides. In `differing` of them it is further away than
    the limit, in percent of ours. `max_difference_pct` is the largest one, rounded up to ten
    decimals, and None where ours is 0 and theirs is not: no percentage says that, and no limit
    allows it. It is that of `max_difference_on`, where the closes are `ours` and `theirs`.
    `missing_here` are the sessions that they alone have, `missing_there` those that we alone have.
    `likeness` says what all differences look like together, if they look like anything.
    """

    first_on: date
    last_on: date
    compared: int
    differing: int
    max_difference_pct: Decimal | None
    max_difference_on: date
    ours: Decimal
    theirs: Decimal
    missing_here: tuple[date, ...]
    missing_there: tuple[date, ...]
    likeness: str | None = None

    @property
    def verdict(self) -> Verdict:
        """Return whether the closes agree. A missing session is a finding, and no difference."""
        return Verdict.DIFFERS if self.differing else Verdict.AGREES

    def difference(self, limit_pct: Decimal) -> str:
        """Return in how many sessions closes differ, and how the most: both of them, and by what.

        What all differences look like stands behind it.
        """
        pct = self.max_difference_pct
        by = "no percentage of 0" if pct is None else f"{decimal_text(_rounded_up(pct))} %"
        sessions = "1 session" if self.compared == 1 else f"{self.compared} sessions"
        said = (
            f"{self.differing} of {sessions} from {self.first_on} to {self.last_on} differ by more"
            f" than {decimal_text(limit_pct)} %, most on {self.max_difference_on}:"
            f" {decimal_text(self.theirs)} there, {decimal_text(self.ours)} here, {by}"
        )
        return f"{said}; {self.likeness}" if self.likeness else said

    def gaps(self, source: str) -> tuple[str, ...]:
        """Return which sessions one of both has no bar of, a sentence for each side."""
        there, here = self.missing_there, self.missing_here
        return (
            *([f"{source} has no bar of {_listed(there)}"] if there else ()),
            *([f"{source} alone has a bar of {_listed(here)}"] if here else ()),
        )


def unlike(ours: Bars, theirs: Bars) -> str | None:
    """Return why the closes of two sources cannot be held against each other, None if they can.

    Both end with the session that is decided on: without it nothing is said of the last close.
    """
    for what, mine, other in (
        ("adjusted", ours.adjustment, theirs.adjustment),
        ("in", ours.currency, theirs.currency),
        ("of sessions", ours.hours, theirs.hours),
    ):
        if mine != other:
            return f"its prices are {what} {other}, those here {what} {mine}"
    if not len(theirs) or theirs.last_on[-1] != ours.last_on[-1]:
        ends = f"end on {theirs.last_on[-1]}" if len(theirs) else "are none"
        return f"its bars {ends}, those here end on {ours.last_on[-1]}"
    return None


def compare_closes(ours: Bars, theirs: Bars, *, limit_pct: Decimal) -> ClosesCompared:
    """Return how the closes of `theirs` differ from those of `ours`, where both go.

    Raises `InvalidInput` (`bad_bars`) as `unlike` says.
    """
    problem = unlike(ours, theirs)
    if problem:
        raise InvalidInput(problem, kind=ErrorKind.BAD_BARS)
    first = max(ours.first_on[0], theirs.first_on[0])
    mine, other = (bars.take(bars.first_on >= first) for bars in (ours, theirs))
    days, at_mine, at_other = np.intersect1d(
        mine.last_on, other.last_on, assume_unique=True, return_indices=True
    )
    before, after = mine.close[at_mine], other.close[at_other]
    pairs = [(decimal_of(a), decimal_of(b)) for a, b in zip(before, after, strict=True)]
    differs = np.array([_is_beyond(pair, limit_pct) for pair in pairs])
    worst = max(range(len(pairs)), key=lambda at: _order(pairs[at]))
    return ClosesCompared(
        first_on=day_of(first),
        last_on=day_of(ours.last_on[-1]),
        compared=len(pairs),
        differing=int(differs.sum()),
        max_difference_pct=_difference_pct(pairs[worst]),
        max_difference_on=day_of(days[worst]),
        ours=pairs[worst][0],
        theirs=pairs[worst][1],
        missing_here=_only(other.last_on, mine.last_on),
        missing_there=_only(mine.last_on, other.last_on),
        likeness=(
            _likeness(
                after[differs] / before[differs],
                until=days[differs][-1],
                is_throughout=bool(differs.all()),
            )
            if differs.any() and bool(np.all(before[differs]))
            else None
        ),
    )


def _is_beyond(pair: tuple[Decimal, Decimal], limit_pct: Decimal) -> bool:
    """Return whether two closes differ by more than so many percent of the first one."""
    ours, theirs = pair
    with localcontext(prec=_PRECISION):
        return 100 * abs(theirs - ours) > limit_pct * abs(ours)


def _difference_pct(pair: tuple[Decimal, Decimal]) -> Decimal | None:
    """Return by what percentage of the first close the second one differs, None where it is 0."""
    ours, theirs = pair
    if ours == theirs:
        return Decimal(0)
    if not ours:
        return None
    with localcontext(prec=_PRECISION):
        found = 100 * abs(theirs - ours) / abs(ours)
        return found.quantize(_PCT_STEP, rounding=ROUND_UP)


def _order(pair: tuple[Decimal, Decimal]) -> Decimal:
    """Return what orders differences: one from 0 is the largest."""
    pct = _difference_pct(pair)
    return Decimal("Infinity") if pct is None else pct


def _rounded_up(pct: Decimal) -> Decimal:
    """Return a percentage as it is shown: rounded up, as a limit that it is beyond never is."""
    with localcontext(prec=_PRECISION):
        return pct.quantize(_SHOWN_STEP, rounding=ROUND_UP)


def _only(days: Days, others: Days) -> tuple[date, ...]:
    """Return the days that are not among others."""
    return tuple(day_of(day) for day in np.setdiff1d(days, others, assume_unique=True))


def _likeness(ratios: Floats, *, until: np.datetime64, is_throughout: bool) -> str | None:
    """Return what closes look like that are so many times ours, in the sessions that differ.

    `until` is the last of these; `is_throughout` says that no session but these was compared.
    """
    what = "all of them are" if is_throughout else f"those until {until} are"
    for unit in _UNITS if is_throughout else ():
        if bool(np.all(np.abs(ratios / unit - 1) <= _NEAR)):
            return (
                f"{what} about {unit:g} times those here, as pence are to pounds: the unit of one"
                " of both is not what it is taken for"
            )
    middle = float(np.median(ratios))
    is_far = middle > 0 and max(middle, 1 / middle) >= _FACTOR_MIN
    is_one = is_far and bool(np.all(np.abs(ratios / middle - 1) <= _SAME_FACTOR))
    if len(ratios) == 1 or not is_one:
        return None
    return (
        f"{what} {middle:.4g} times those here, as if one of both had not been restated for a split"
    )


def _listed(days: Sequence[date]) -> str:
    """Return how many sessions there are, and the last of them."""
    count = "1 session" if len(days) == 1 else f"{len(days)} sessions"
    more = f"{len(days) - _NAMED_MAX} before, " if len(days) > _NAMED_MAX else ""
    return f"{count}: {more}{', '.join(map(str, days[-_NAMED_MAX:]))}"
