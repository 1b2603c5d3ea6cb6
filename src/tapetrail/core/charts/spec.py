"""What a chart shows, as values: panels, series, levels, axes and texts. Not how it is drawn.

Both renderers and the stored spec document are made from a `ChartSpec` alone, so what the page
shows, what the interactive chart shows and what the record holds are the same numbers.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np

from tapetrail.core.charts.axes import Axis, DateTick
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Bars, Days, Flags, Floats

DIGITS: Final = 10
"""The significant digits of every drawn number, and so of every stored one."""
_POWERS: Final = np.array([float(f"1e{power}") for power in range(23)])
"""The powers of ten that are exact in float64."""
_LAST_DIGIT: Final = DIGITS - 1
_PLAIN: Final = (1e-12, 1e31)
"""Between these, ten digits are a whole number times or divided by one of those powers."""

CHART_STYLE: Final = "standard/2"
"""Name and version of the look: another layout or rule of its panels is another one.

A stored chart keeps the style it was drawn in, and is drawn again in that one.

A further panel that is drawn only where a strategy asks for it changes no chart that there is.
"""
UNFINISHED: Final = "not finished"
"""What is said of a bar that is not complete, beside it."""


class Form(StrEnum):
    """How a series is drawn: through its values, coloured by direction, or as columns from 0."""

    LINE = "line"
    TREND = "trend"
    COLUMNS = "columns"


class Ink(StrEnum):
    """What a colour stands for; the renderer knows which colour that is."""

    TEXT = "text"
    UP = "up"
    DOWN = "down"
    AVERAGE_1 = "average_1"
    AVERAGE_2 = "average_2"
    AVERAGE_3 = "average_3"
    AVERAGE_4 = "average_4"
    BAND = "band"
    MOMENTUM = "momentum"
    FAST = "fast"
    SLOW = "slow"
    FLOW = "flow"
    VOLATILITY = "volatility"
    ENTRY = "entry"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candles:
    """The drawn bars, every column of shape (n,). An incomplete bar is marked as `UNFINISHED`."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    complete: Flags

    @property
    def rising(self) -> Flags:
        """Where a bar closed at or above its open."""
        return self.close >= self.open


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """One value a bar, shape (n,), NaN where there is none: nothing is drawn there.

    `rising` chooses between the up and the down colour, for trends and columns. The first
    `settling` bars show values that still carry the weight of their start.
    """

    name: str
    form: Form
    ink: Ink
    values: Floats
    rising: Flags | None = None
    settling: int = 0

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for infinities and for directions that are missing or too many."""
        if np.isinf(self.values).any():
            at = int(np.flatnonzero(np.isinf(self.values))[0])
            raise InvalidInput(
                f"chart series {self.name}: value {self.values[at]} at bar {at};"
                " expected a finite number or none",
                kind=ErrorKind.RENDER_FAILED,
            )
        if (self.rising is None) is not (self.form is Form.LINE):
            raise InvalidInput(
                f"chart series {self.name}: a {self.form} comes"
                f" {'without' if self.form is Form.LINE else 'with'} directions"
            )
        if self.rising is not None and self.rising.shape != self.values.shape:
            raise InvalidInput(
                f"chart series {self.name}: directions of shape {self.rising.shape},"
                f" values of shape {self.values.shape}; expected the same"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Legend:
    """A coloured text: a series' name and its last value."""

    text: str
    ink: Ink


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A value marked on the axis, with a line across the panel where `line` is true."""

    value: float
    label: str
    ink: Ink
    line: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A named price across the price panel, such as a signal's stop."""

    name: str
    value: float
    label: str
    ink: Ink


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """One field of the chart: `share` of the height of all panels.

    `band` names the two series between which the area is filled; `shade` is a filled range of
    values. `legends` are rows of texts.
    """

    kind: str
    share: float
    axis: Axis
    series: tuple[Series, ...]
    legends: tuple[tuple[Legend, ...], ...]
    band: tuple[str, str] | None = None
    guides: tuple[float, ...] = ()
    shade: tuple[float, float] | None = None
    tag: Tag | None = None
    levels: tuple[Level, ...] = ()

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for a band of unknown series."""
        names = {series.name for series in self.series}
        if self.band is not None and not names.issuperset(self.band):
            raise InvalidInput(
                f"{self.kind} panel: band between {self.band}, but its series are {sorted(names)}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A stretch without bars in front of the bar `at`, and what is said of it in the panel."""

    at: int
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The line above the panels: what it is, its last bar, the change; at the right, the range."""

    symbol: str
    timeframe: str
    facts: str
    change: Legend | None
    context: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChartSpec:
    """Everything a chart shows. `days` are the labels of its n bars, oldest first."""

    style: str
    headline: Headline
    days: Days
    candles: Candles
    panels: tuple[Panel, ...]
    date_ticks: tuple[DateTick, ...]
    notes: tuple[str, ...]
    breaks: tuple[Break, ...] = ()

    def __post_init__(self) -> None:
        """Raise `InvalidInput` without bars, for columns of other lengths and breaks outside."""
        if len(self.days) == 0:
            raise InvalidInput("chart: no bars; expected at least one", kind=ErrorKind.NO_BARS)
        shapes = {"close": self.candles.close.shape}
        shapes |= {each.name: each.values.shape for panel in self.panels for each in panel.series}
        for name, shape in shapes.items():
            if shape != self.days.shape:
                raise InvalidInput(
                    f"chart: column {name} has shape {shape}, expected {self.days.shape}"
                )
        outside = [each.at for each in self.breaks if not 0 < each.at < len(self.days)]
        if outside:
            raise InvalidInput(
                f"chart of {len(self.days)} bars: a break in front of bar {outside[0]};"
                " expected one between two bars"
            )

    def __len__(self) -> int:
        """Return the number of drawn bars."""
        return len(self.days)


def drawn_value(number: float) -> float:
    """Return the number with ten significant digits: what is drawn, written and read back."""
    return float(f"{number:.{DIGITS}g}") + 0.0


def drawn_values(column: Floats) -> Floats:
    """Return each value as `drawn_value` does, NaN where there is none; shape (n,).

    A whole number below 10^10 times or divided by an exact power of ten is the float nearest to
    that decimal. The few numbers too small or too large for it go through text.
    """
    size = np.abs(column)
    plain = (size > _PLAIN[0]) & (size < _PLAIN[1])
    shift = _LAST_DIGIT - np.floor(np.log10(np.where(plain, size, 1.0))).astype(np.int64)
    power = _POWERS[np.abs(shift)]
    rounded = np.rint(column * power) / power
    large = shift < 0
    if large.any():
        rounded[large] = np.rint(column[large] / power[large]) * power[large]
    for at in np.flatnonzero(~plain & (size >= 0)).tolist():
        rounded[at] = drawn_value(float(column[at]))
    return rounded


def drawn_bars(bars: Bars) -> Bars:
    """Return the bars as they are drawn and stored; split factors leave longer fractions."""
    exact = np.stack([bars.open, bars.high, bars.low, bars.close, bars.volume])
    drawn = drawn_values(exact.ravel()).reshape(exact.shape)
    if np.array_equal(exact, drawn, equal_nan=True):
        return bars
    opens, highs, lows, closes, volume = drawn
    return replace(bars, open=opens, high=highs, low=lows, close=closes, volume=volume)
