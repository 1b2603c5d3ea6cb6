"""The panels of the standard chart: which series each shows, over which range, with which labels.

A panel is made from a `Window`, the drawn part of a history and its indicators. Nothing is
recomputed: series are cut out of the columns that came in.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tapetrail.core.charts.axes import (
    Axis,
    Scale,
    Tick,
    amount_text,
    axis_range,
    choose_scale,
    difference_decimals,
    price_text,
    value_ticks,
)
from tapetrail.core.charts.figures import has_volume, indicator_name, settling_bars
from tapetrail.core.charts.spec import (
    Form,
    Ink,
    Legend,
    Level,
    Panel,
    PanelKind,
    Series,
    Tag,
    drawn_value,
    drawn_values,
)
from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Bars, Floats
from tapetrail.core.market.indicators import IndicatorSettings, IndicatorValues

# The proportions of the standard page, in its pixels (1600 x 1200). They decide how many labels
# an axis has room for; a page that keeps these proportions at another size reads the same.
HEIGHTS: Final = {
    PanelKind.PRICE: 520,
    PanelKind.VOLUME: 98,
    PanelKind.RSI: 119,
    PanelKind.MACD: 139,
    PanelKind.OBV: 109,
    PanelKind.ATR: 99,
}
PANELS_HEIGHT: Final = sum(HEIGHTS.values())
TICK_GAP: Final = 22
PRICE_TICK_GAP: Final = 44
EDGE: Final = 5
FREE: Final = 8
LEGEND_ROW: Final = 24
LEGEND_WIDTH: Final = 1370
LEGEND_LETTER: Final = 10.5
LEGEND_SPACE: Final = 18
OVERLAY_REACH: Final = 0.5
LOG_REACH: Final = 0.25
FLAT_REACH: Final = 0.05
RSI_GUIDES: Final = (30.0, 50.0, 70.0)
RSI_SHOWN: Final = (15.0, 85.0)
AVERAGES: Final = (Ink.AVERAGE_1, Ink.AVERAGE_2, Ink.AVERAGE_3, Ink.AVERAGE_4)
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


def derive_panels(window: Window, levels: Sequence[Level]) -> tuple[Panel, ...]:
    """Return the panels that have something to show, from top to bottom.

    A panel without any value is left out; the others share its room.
    """
    kinds = _kinds(window)
    total = sum(HEIGHTS[kind] for kind in kinds)
    shares = {kind: drawn_value(HEIGHTS[kind] / total) for kind in kinds}
    below = (_PANELS[kind](window, share) for kind, share in shares.items() if kind in _PANELS)
    return (_price_panel(window, shares[PanelKind.PRICE], levels), *below)


def _kinds(window: Window) -> list[PanelKind]:
    values = window.values
    shown = {
        PanelKind.PRICE: True,
        PanelKind.VOLUME: has_volume(window.bars),
        PanelKind.RSI: window.has(values.rsi),
        PanelKind.MACD: window.has(values.macd),
        PanelKind.OBV: window.has(values.obv),
        PanelKind.ATR: window.has(values.atr),
    }
    return [kind for kind, is_shown in shown.items() if is_shown]


def _price_panel(window: Window, share: float, levels: Sequence[Level]) -> Panel:
    bars = window.bars
    lows, highs = float(bars.low.min()), float(bars.high.max())
    scale = choose_scale(lows, highs)
    series = _price_series(window)
    low, high = _reach(lows, highs, series, scale=scale)
    marked = [level.value for level in levels if level.value > 0 or scale is Scale.LINEAR] or [low]
    legends = legend_rows(_price_legends(window, series))
    axis = _axis(min(low, *marked), max(high, *marked), share=share, rows=len(legends), scale=scale)
    close = float(bars.close[-1])
    tag_text = price_text(close, window.decimals)
    return Panel(
        kind=PanelKind.PRICE,
        share=share,
        axis=axis,
        series=series,
        legends=legends,
        band=_band(series),
        tag=Tag(value=close, label=tag_text, ink=window.last_ink, line=True),
        levels=tuple(replace(level, value=drawn_value(level.value)) for level in levels),
    )


def _price_series(window: Window) -> tuple[Series, ...]:
    """Return the overlays in the order they are drawn, the band first."""
    values, settings = window.values, window.settings
    found: list[Series] = []
    if settings.bollinger is not None and window.has(values.bollinger_upper):
        found.append(window.line("bollinger_upper", values.bollinger_upper, Ink.BAND))
        found.append(window.line("bollinger_lower", values.bollinger_lower, Ink.BAND))
    for place, period in enumerate(settings.sma):
        ink = AVERAGES[place % len(AVERAGES)]
        if window.has(values.sma.get(period)):
            found.append(window.line(f"sma_{period}", values.sma[period], ink))
    if values.supertrend is not None and window.has(values.supertrend):
        rising = values.supertrend_up
        found.append(
            Series(
                name="supertrend",
                form=Form.TREND,
                ink=Ink.TEXT,
                values=window.cut(values.supertrend),
                rising=None if rising is None else rising[window.first_drawn :],
                settling=settling_bars(values.supertrend, first_drawn=window.first_drawn),
            )
        )
    return tuple(found)


def _price_legends(window: Window, series: tuple[Series, ...]) -> list[Legend]:
    """Return the overlays' names and last values: averages, band, SuperTrend."""
    by_name = {each.name: each for each in series}
    legends = [
        Legend(text=f"SMA{each.name[4:]} {window.price(each)}", ink=each.ink)
        for each in series
        if each.name.startswith("sma_")
    ]
    if window.settings.bollinger is not None and "bollinger_lower" in by_name:
        name = indicator_name("BB", *window.settings.bollinger)
        lower, upper = by_name["bollinger_lower"], by_name["bollinger_upper"]
        text = f"{name} {window.price(lower)} {NONE} {window.price(upper)}"
        legends.append(Legend(text=text, ink=Ink.BAND))
    if window.settings.supertrend is not None and "supertrend" in by_name:
        trend = by_name["supertrend"]
        name = indicator_name("SuperTrend", *window.settings.supertrend)
        up = trend.rising is not None and bool(trend.rising[window.last])
        text = f"{name} {window.price(trend)} {'▲' if up else '▼'}"
        legends.append(Legend(text=text, ink=Ink.UP if up else Ink.DOWN))
    return legends


def _volume_panel(window: Window, share: float) -> Panel:
    bars = window.bars
    volume = Series(
        name="volume",
        form=Form.COLUMNS,
        ink=Ink.TEXT,
        values=bars.volume,
        rising=bars.close >= bars.open,
    )
    axis = _with_zero(_axis(0.0, float(np.nanmax(bars.volume)), share=share, below=0))
    last = float(bars.volume[-1])
    text = f"Volume {NONE if math.isnan(last) else amount_text(last, 2)}"
    return Panel(
        kind=PanelKind.VOLUME,
        share=share,
        axis=axis,
        series=(volume,),
        legends=((Legend(text=text, ink=Ink.TEXT),),),
    )


def _with_zero(axis: Axis) -> Axis:
    """Return an axis that begins at 0 with the label of its lower end, which the edge leaves out.

    The label lies inside the panel, so the next one is a step of its own away.
    """
    return replace(axis, ticks=(Tick(value=0.0, label="0"), *axis.ticks))


def _rsi_panel(window: Window, share: float) -> Panel:
    rsi = window.line("rsi", window.values.rsi, Ink.MOMENTUM, settles=True)
    low, high = _extent((rsi,))
    axis = _axis(min(low, RSI_SHOWN[0]), max(high, RSI_SHOWN[1]), share=share)
    ticks = tuple(Tick(value=guide, label=f"{guide:.0f}") for guide in RSI_GUIDES)
    value = float(rsi.values[window.last])
    text = NONE if math.isnan(value) else f"{value:.2f}"
    name = indicator_name("RSI", window.settings.rsi or 0)
    return Panel(
        kind=PanelKind.RSI,
        share=share,
        axis=replace(axis, ticks=ticks),
        series=(rsi,),
        legends=((Legend(text=f"{name} {text}", ink=rsi.ink),),),
        shade=(RSI_GUIDES[0], RSI_GUIDES[-1]),
        tag=None if math.isnan(value) else Tag(value=value, label=text, ink=rsi.ink),
    )


def _macd_panel(window: Window, share: float) -> Panel:
    values = window.values
    macd = window.line("macd", values.macd, Ink.FAST, settles=True)
    signal = window.line("macd_signal", values.macd_signal, Ink.SLOW, settles=True)
    bars = window.cut(values.macd_histogram)
    histogram = Series(
        name="macd_histogram", form=Form.COLUMNS, ink=Ink.TEXT, values=bars, rising=bars >= 0
    )
    series = (histogram, macd, signal)
    low, high = _extent(series)
    axis = _axis(min(low, 0.0), max(high, 0.0), share=share)
    decimals = panel_decimals(series, window.decimals)
    legends = (
        Legend(
            text=f"{indicator_name('MACD', *window.settings.macd or ())}"
            f" {window.price(macd, decimals)}",
            ink=macd.ink,
        ),
        Legend(text=f"Signal {window.price(signal, decimals)}", ink=signal.ink),
        Legend(
            text=f"Hist {window.price(histogram, decimals)}",
            ink=Ink.UP if bars[window.last] >= 0 else Ink.DOWN,
        ),
    )
    return Panel(
        kind=PanelKind.MACD,
        share=share,
        axis=axis,
        series=series,
        legends=(legends,),
        guides=(0.0,),
    )


def _obv_panel(window: Window, share: float) -> Panel:
    obv = window.line("obv", window.values.obv, Ink.FLOW)
    axis = _axis(*_extent((obv,)), share=share)
    value = float(obv.values[window.last])
    text = NONE if math.isnan(value) else amount_text(value, 2)
    return Panel(
        kind=PanelKind.OBV,
        share=share,
        axis=axis,
        series=(obv,),
        legends=((Legend(text=f"OBV {text}", ink=obv.ink),),),
    )


def _atr_panel(window: Window, share: float) -> Panel:
    atr = window.line("atr", window.values.atr, Ink.VOLATILITY, settles=True)
    axis = _axis(*_extent((atr,)), share=share)
    value = float(atr.values[window.last])
    text = window.price(atr, panel_decimals((atr,), window.decimals))
    name = indicator_name("ATR", window.settings.atr or 0)
    return Panel(
        kind=PanelKind.ATR,
        share=share,
        axis=axis,
        series=(atr,),
        legends=((Legend(text=f"{name} {text}", ink=atr.ink),),),
        tag=None if math.isnan(value) else Tag(value=value, label=text, ink=atr.ink),
    )


def _axis(
    low: float,
    high: float,
    *,
    share: float,
    rows: int = 1,
    below: float = FREE,
    scale: Scale = Scale.LINEAR,
) -> Axis:
    """Return the axis of a panel: its legends' rows stay free of data, labels within its edges."""
    height = share * PANELS_HEIGHT
    above = _kept_free(rows) / height
    start, end = map(
        drawn_value, axis_range(low, high, scale=scale, above=above, below=below / height)
    )
    gap = (PRICE_TICK_GAP if height > HEIGHTS[PanelKind.MACD] * 2 else TICK_GAP) / height
    ticks = value_ticks(start, end, scale=scale, gap=gap, edge=EDGE / height)
    return Axis(scale=scale, low=start, high=end, ticks=ticks)


def _kept_free(rows: int) -> int:
    """Return the height above all data, where this many rows of legends stand."""
    return FREE + rows * LEGEND_ROW


def widened_axis(panel: Panel, levels: Sequence[Level]) -> Axis:
    """Return the panel's axis, widened where that is needed to show levels with room around them.

    Levels at or below 0 have no place on a log axis and widen none.
    """
    axis, log = panel.axis, panel.axis.scale is Scale.LOG
    marked = [level.value for level in levels if level.value > 0 or not log]
    height, rows = panel.share * PANELS_HEIGHT, len(panel.legends)
    ends = (math.log10(axis.low), math.log10(axis.high)) if log else (axis.low, axis.high)
    span = (ends[1] - ends[0]) / height
    inner = (ends[0] + FREE * span, ends[1] - _kept_free(rows) * span)
    low, high = (10.0 ** inner[0], 10.0 ** inner[1]) if log else inner
    if all(low <= value <= high for value in marked):
        return axis
    low, high = min(low, *marked), max(high, *marked)
    return _axis(low, high, share=panel.share, rows=rows, scale=axis.scale)


def panel_decimals(series: Sequence[Series], decimals: int) -> int:
    """Return how many decimals a panel of price differences shows, where prices have `decimals`."""
    return difference_decimals(np.concatenate([each.values for each in series]), decimals)


def _extent(series: Sequence[Series]) -> tuple[float, float]:
    values = np.concatenate([each.values for each in series])
    return float(np.nanmin(values)), float(np.nanmax(values))


def _reach(
    low: float, high: float, overlays: Sequence[Series], *, scale: Scale
) -> tuple[float, float]:
    """Return the range of bars and overlays, the latter up to half the bars' range beyond it.

    An average that is far away would squeeze the bars into a strip; it leaves the panel instead,
    and its legend still gives its value. On a log axis the share is a quarter of the range,
    because a band that falls below 0 has no end there.
    """
    if not overlays:
        return low, high
    least, most = _extent(overlays)
    if scale is Scale.LOG:
        room = (high / low) ** LOG_REACH
        return min(low, max(least, low / room)), max(high, min(most, high * room))
    room = max((high - low) * OVERLAY_REACH, abs(high) * FLAT_REACH)
    return min(low, max(least, low - room)), max(high, min(most, high + room))


def _band(series: Sequence[Series]) -> tuple[str, str] | None:
    edges = [each.name for each in series if each.ink is Ink.BAND]
    return (edges[0], edges[1]) if edges else None


def legend_rows(legends: Sequence[Legend]) -> tuple[tuple[Legend, ...], ...]:
    """Return the legends broken into rows that fit the panel, letters taken at their widest."""
    rows: list[list[Legend]] = [[]]
    used = 0.0
    for legend in legends:
        width = len(legend.text) * LEGEND_LETTER + LEGEND_SPACE
        if rows[-1] and used + width > LEGEND_WIDTH:
            rows.append([])
            used = 0.0
        rows[-1].append(legend)
        used += width
    return tuple(tuple(row) for row in rows)


_PANELS: Final = {
    PanelKind.VOLUME: _volume_panel,
    PanelKind.RSI: _rsi_panel,
    PanelKind.MACD: _macd_panel,
    PanelKind.OBV: _obv_panel,
    PanelKind.ATR: _atr_panel,
}
