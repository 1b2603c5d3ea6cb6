"""Steps of a hundredfold inside one series: two units side by side, which no rule of a bar breaks.

Closes are compared with the closes before them, and the prices of a row with each other. A split
that is stated is no step, nor is one on a day that the strategy names; prices that may lie at 0
have no ratio to speak of.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Final

import numpy as np

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Flags, Floats, Instrument, Split
from tapetrail.core.market.units import MINOR_UNITS, minor_unit_of
from tapetrail.sources.tabular.raw import RawColumns

NEAREST: Final = 0.7
FARTHEST: Final = 1.4
"""How far from a hundredfold a step may be: so much may a price move overnight besides."""
_HUNDREDTHS: Final = 100


def check_unit_steps(
    raw: RawColumns, instrument: Instrument, *, splits: Sequence[Split], steps: Collection[date]
) -> None:
    """Raise `InvalidInput` (`bad_bars`) naming the first row of a step. Rows are oldest first.

    `steps` are the days on which the price is said to have moved that far.
    """
    days = raw.times.values.astype("datetime64[D]")
    is_stated = np.isin(days, np.array([*steps], dtype=days.dtype))
    times = _unit_times(instrument.currency)
    prices = np.stack((raw.open, raw.high, raw.low, raw.close))
    least, most = prices.min(axis=0), prices.max(axis=0)
    within = _is_step(most / least, times) & ~is_stated
    between = _is_step(_moved(raw, splits), times) & ~is_stated[1:]
    found = within | np.concatenate(([False], between))
    if not found.any():
        return
    at = int(np.argmax(found))
    said = (
        f"price {least[at]} beside {most[at]} in one row"
        if within[at]
        else f"close {raw.close[at]} after {raw.close[at - 1]} at {raw.where(at - 1)}"
        + "".join(
            f", the split of {split.ex_on} undone"
            for split in splits
            if days[at - 1] < np.datetime64(split.ex_on) <= days[at]
        )
    )
    raise InvalidInput(
        f"{raw.where(at)}: {said}: a step of about {times} looks like"
        f" {_units(instrument.currency)}; correct the rows, or add to `data` what it is: `splits`"
        " of raw prices, or for a price that moved so far `price_steps:"
        f" {{{instrument.symbol}: [{days[at]}]}}`",
        kind=ErrorKind.BAD_BARS,
    )


def _is_step(ratios: Floats, times: int) -> Flags:
    return (ratios >= NEAREST * times) & (ratios <= FARTHEST * times)


def _moved(raw: RawColumns, splits: Sequence[Split]) -> Floats:
    """Return how many times as much, or as little, each close is as the one before, shape (n-1,).

    Those of a split are taken as if it had not been.
    """
    days, ratios = raw.times.values.astype("datetime64[D]"), raw.close[1:] / raw.close[:-1]
    for split in splits:
        at = int(np.searchsorted(days, np.datetime64(split.ex_on)))
        if 0 < at < len(days):
            ratios[at - 1] *= float(split.ratio)
    return np.maximum(ratios, 1 / ratios)


def _unit_times(currency: str) -> int:
    minor = minor_unit_of(currency)
    return _HUNDREDTHS if minor is None else int(1 / MINOR_UNITS[minor].factor)


def _units(currency: str) -> str:
    """Return `pence beside pounds`."""
    minor = minor_unit_of(currency)
    if minor is None:
        return f"hundredths of {currency} beside {currency}"
    return f"{MINOR_UNITS[minor].word} beside {MINOR_UNITS[minor].major_word}"
