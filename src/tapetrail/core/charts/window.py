"""The drawn part of a history and its indicators: what every panel is made from.

Nothing is recomputed: series are slices of the columns that came in.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from tapetrail.core.charts.axes import price_text
from tapetrail.core.charts.figures import has_value, settling_bars
from tapetrail.core.charts.spec import Form, Ink, Level, Panel, Series, drawn_values
from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Bars, Flags, Floats
from tapetrail.core.market.indicators import IndicatorLine, IndicatorSettings, IndicatorValues

NONE: Final = "–"  # noqa: RUF001 # a dash, for "no value"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """The drawn part of the history, and what every panel needs of it.

    `lines` are those that were asked for, `columns` the values there are, both by column.
    """

    bars: Bars
    values: IndicatorValues
    settings: IndicatorSettings
    first_drawn: int
    lines: Mapping[str, IndicatorLine]
    columns: Mapping[str, Floats | None]
    levels: Sequence[Level]
    decimals: int
    last: int
    """The last complete drawn bar: where legends read their values."""

    def cut(self, name: str) -> Floats:
        """Return the drawn part of a column; nothing but NaN where it does not exist.

        Raises `InvalidInput` unless the column has one value a bar, warm-up included.
        """
        column = self.columns.get(name)
        drawn, expected = len(self.bars), self.first_drawn + len(self.bars)
        if column is None:
            return np.full(drawn, np.nan)
        if len(column) != expected:
            raise InvalidInput(
                f"chart: an indicator of {len(column)} values for {expected} bars;"
                " expected one value a bar, warm-up included"
            )
        return drawn_values(column[self.first_drawn :])

    def series(
        self, name: str, ink: Ink, *, form: Form = Form.LINE, rising: Flags | None = None
    ) -> Series:
        """Return the drawn part of a column; a form other than a line comes with directions."""
        line = self.lines.get(name)
        settling = self.columns.get(name) if line and line.settles else None
        return Series(
            name=name,
            form=form,
            ink=ink,
            values=self.cut(name),
            rising=rising,
            settling=settling_bars(settling, first_drawn=self.first_drawn),
        )

    def name(self, column: str) -> str:
        """Return the name under which the line of a column is shown."""
        return self.lines[column].name

    def price(self, series: Series, decimals: int | None = None) -> str:
        """Return the series' last value, written as a price, with its decimals or others."""
        value = float(series.values[self.last])
        shown = self.decimals if decimals is None else decimals
        return NONE if math.isnan(value) else price_text(value, shown)

    def has(self, column: str) -> bool:
        """Return whether a column was asked for and a drawn bar has a value."""
        values = self.columns.get(column)
        return column in self.lines and has_value(values, first_drawn=self.first_drawn)

    @property
    def last_ink(self) -> Ink:
        """Up when the last close is at or above the close before it, or its open if alone."""
        close = self.bars.close
        before = close[-2] if len(close) > 1 else self.bars.open[-1]
        return Ink.UP if close[-1] >= before else Ink.DOWN


class Unit(StrEnum):
    """What the values of a panel are, which decides how they are written."""

    PRICE = "price"
    DIFFERENCE = "difference"
    AMOUNT = "amount"
    INDEX = "index"


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelKind:
    """One kind of panel: all that the chart, its document and its pages need to know of it.

    `word` names it in the stored document, `title` on pages. `height` is in pixels of the standard
    page, and panels share the room there is in proportion. `build` returns the panel of that kind
    that has that share.
    """

    word: str
    title: str
    height: int
    unit: Unit
    is_shown: Callable[[Window], bool]
    build: Callable[[Window, str, float], Panel]
