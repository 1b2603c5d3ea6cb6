"""What the built-in rules look at: one chart's bars and indicators, up to the last complete bar."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

from tapetrail.core.canonical import decimal_text
from tapetrail.core.charts.spec import drawn_bars, drawn_values
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Bars, Floats
from tapetrail.core.market.indicators import IndicatorSettings, IndicatorValues

# Within these a price has an exact, short decimal and its levels fit the reply format.
PRICE_LEAST: Final = 1e-9
PRICE_END: Final = 1e15
_NUMBER_LEAST: Final = 1e-18
_DECIMALS_MAX: Final = 18
_NUMBER_END: Final = 1e30


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarketView:
    """A chart's whole history with its indicators, columns of shape (n,).

    `last` is the index of the last complete bar, the one the rules speak about; `drawn` holds the
    drawn bars up to it.
    """

    bars: Bars
    values: IndicatorValues
    settings: IndicatorSettings
    last: int
    drawn: Bars

    @property
    def as_drawn(self) -> Bars:
        """Return the drawn bars with ten significant digits, as the chart shows them."""
        return drawn_bars(self.drawn)

    def at_last(self, column: Floats | None, *, back: int = 0) -> float:
        """Return the value `back` bars before the last one, NaN where there is none."""
        at = self.last - back
        return np.nan if column is None or at < 0 else float(column[at])

    def recent(self, column: Floats, count: int) -> Floats:
        """Return the last `count` values, oldest first, fewer where the history is shorter."""
        return column[max(0, self.last + 1 - count) : self.last + 1]


def derive_view(
    bars: Bars, values: IndicatorValues, settings: IndicatorSettings, *, first_drawn: int
) -> MarketView:
    """Return the view of a chart that draws `bars` from `first_drawn` on.

    Raises `InvalidInput` if no drawn bar is complete, and for prices beyond what a reply can say.
    """
    complete = np.flatnonzero(bars.complete)
    last = int(complete[-1]) if complete.size else -1
    if not 0 <= first_drawn <= last:
        raise InvalidInput(
            f"rules: no complete bar is drawn, of {len(bars)} {bars.timeframe} bars from"
            f" {first_drawn} on",
            kind=ErrorKind.TOO_FEW_BARS,
        )
    drawn = bars.take(slice(first_drawn, last + 1))
    check_prices(drawn)
    return MarketView(bars=bars, values=values, settings=settings, last=last, drawn=drawn)


def check_prices(bars: Bars) -> None:
    """Raise `InvalidInput` (`bad_bars`) naming the first bar whose prices no reply can say exactly.

    Prices at and below 0 are read as any other: whether an instrument may have them is settled
    where its bars are read.
    """
    low, high = np.abs(bars.low), np.abs(bars.high)
    odd = (np.maximum(low, high) >= PRICE_END) | ((low > 0) & (low < PRICE_LEAST))
    if odd.any():
        at = int(np.argmax(odd))
        raise InvalidInput(
            f"rules: the {bars.timeframe} bar of {bars.last_on[at]} has prices from"
            f" {bars.low[at]:g} to {bars.high[at]:g}; the rules read prices from"
            f" {PRICE_LEAST} to below {PRICE_END:g}, of either sign, and 0",
            kind=ErrorKind.BAD_BARS,
        )


def price_resolution(bars: Bars) -> Decimal:
    """Return one unit in the last decimal that any price has, of the ten digits that are drawn."""
    prices = drawn_values(np.concatenate([bars.open, bars.high, bars.low, bars.close]))
    for decimals in range(_DECIMALS_MAX):
        if np.array_equal(np.round(prices, decimals), prices):
            return Decimal(1).scaleb(-decimals)
    return Decimal(1).scaleb(-_DECIMALS_MAX)


def is_readable(numbers: Iterable[float]) -> bool:
    """Return whether all numbers are defined and of a size that can be written down."""
    return all(abs(number) < _NUMBER_END for number in numbers)


def drawn_number(number: float | Decimal) -> Decimal:
    """Return the number with ten significant digits, as drawn values are stored.

    The digits after these differ from one platform to the next.
    """
    return Decimal(f"{number:.10g}") if abs(number) >= _NUMBER_LEAST else Decimal(0)


def shown(number: float | Decimal) -> str:
    """Return the number as people read it, with six significant digits and no exponent."""
    return decimal_text(Decimal(f"{number:.6g}"))
