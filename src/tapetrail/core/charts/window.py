"""The drawn part of a history and its indicators: what every panel is made from.

Nothing is recomputed: series are slices of the columns that came in.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from tapetrail.core.charts.axes import price_text
from tapetrail.core.charts.figures import settling_bars
from tapetrail.core.charts.spec import Form, Ink, Series, drawn_values
from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Bars, Floats
from tapetrail.core.market.indicators import IndicatorSettings, IndicatorValues

NONE: Final = "–"  # noqa: RUF001 # a dash, for "no value"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """The drawn part of the history, and what every panel needs of it."""

    bars: Bars
    values: IndicatorValues
    settings: IndicatorSettings
    first_drawn: int
    decimals: int
    last: int
    """The last complete drawn bar: where legends read their values."""

    def cut(self, column: Floats | None) -> Floats:
        """Return the drawn part; nothing but NaN for a column that does not exist.

        Raises `InvalidInput` unless the column has one value a bar, warm-up included.
        """
        drawn, expected = len(self.bars), self.first_drawn + len(self.bars)
        if column is None:
            return np.full(drawn, np.nan)
        if len(column) != expected:
            raise InvalidInput(
                f"chart: an indicator of {len(column)} values for {expected} bars;"
                " expected one value a bar, warm-up included"
            )
        return drawn_values(column[self.first_drawn :])

    def line(self, name: str, column: Floats | None, ink: Ink, *, settles: bool = False) -> Series:
        """Return the drawn part as a line; `settles` for Wilder and exponential means."""
        settling = settling_bars(column, first_drawn=self.first_drawn) if settles else 0
        values = self.cut(column)
        return Series(name=name, form=Form.LINE, ink=ink, values=values, settling=settling)

    def price(self, series: Series, decimals: int | None = None) -> str:
        """Return the series' last value, written as a price, with its decimals or others."""
        value = float(series.values[self.last])
        shown = self.decimals if decimals is None else decimals
        return NONE if math.isnan(value) else price_text(value, shown)

    def has(self, column: Floats | None) -> bool:
        """Return whether a drawn bar has a value."""
        return column is not None and not bool(np.isnan(column[self.first_drawn :]).all())

    @property
    def last_ink(self) -> Ink:
        """Up when the last close is at or above the close before it, or its open if alone."""
        close = self.bars.close
        before = close[-2] if len(close) > 1 else self.bars.open[-1]
        return Ink.UP if close[-1] >= before else Ink.DOWN
