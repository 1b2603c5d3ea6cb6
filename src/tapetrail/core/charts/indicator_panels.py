"""The panels below the prices: volume and one for each indicator with a scale of its own."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from tapetrail.core.charts.axes import Axis, Tick, amount_text, difference_decimals
from tapetrail.core.charts.figures import has_volume
from tapetrail.core.charts.panel_axes import extent, panel_axis
from tapetrail.core.charts.spec import Form, Ink, Legend, Panel, Series, Tag
from tapetrail.core.charts.window import NONE, PanelKind, Unit, Window

RSI_GUIDES: Final = (30.0, 50.0, 70.0)
RSI_SHOWN: Final = (15.0, 85.0)


def volume_panel(window: Window, kind: str, share: float) -> Panel:
    """Return the volume of each bar as columns from 0 up."""
    bars = window.bars
    volume = Series(
        name="volume",
        form=Form.COLUMNS,
        ink=Ink.TEXT,
        values=bars.volume,
        rising=bars.close >= bars.open,
    )
    axis = _with_zero(panel_axis(0.0, float(np.nanmax(bars.volume)), share=share, below=0))
    last = float(bars.volume[-1])
    text = f"Volume {NONE if math.isnan(last) else amount_text(last, 2)}"
    return Panel(
        kind=kind,
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


def rsi_panel(window: Window, kind: str, share: float) -> Panel:
    """Return the relative strength index, its middle shaded, its axis at least 15 to 85."""
    rsi = window.series("rsi", Ink.MOMENTUM)
    low, high = extent((rsi,))
    axis = panel_axis(min(low, RSI_SHOWN[0]), max(high, RSI_SHOWN[1]), share=share)
    ticks = tuple(Tick(value=guide, label=f"{guide:.0f}") for guide in RSI_GUIDES)
    return replace(
        _line_panel(window, rsi, window.price(rsi, 2), kind=kind, share=share),
        axis=replace(axis, ticks=ticks),
        shade=(RSI_GUIDES[0], RSI_GUIDES[-1]),
    )


def macd_panel(window: Window, kind: str, share: float) -> Panel:
    """Return both lines and the histogram of MACD, around 0."""
    macd, signal = window.series("macd", Ink.FAST), window.series("macd_signal", Ink.SLOW)
    rising = window.cut("macd_histogram") >= 0
    histogram = window.series("macd_histogram", Ink.TEXT, form=Form.COLUMNS, rising=rising)
    series = (histogram, macd, signal)
    low, high = extent(series)
    axis = panel_axis(min(low, 0.0), max(high, 0.0), share=share)
    decimals = panel_decimals(series, window.decimals)
    legends = (
        Legend(text=f"{window.name(macd.name)} {window.price(macd, decimals)}", ink=macd.ink),
        Legend(text=f"Signal {window.price(signal, decimals)}", ink=signal.ink),
        Legend(
            text=f"Hist {window.price(histogram, decimals)}",
            ink=Ink.UP if rising[window.last] else Ink.DOWN,
        ),
    )
    return Panel(
        kind=kind,
        share=share,
        axis=axis,
        series=series,
        legends=(legends,),
        guides=(0.0,),
    )


def obv_panel(window: Window, kind: str, share: float) -> Panel:
    """Return the on-balance volume."""
    obv = window.series("obv", Ink.FLOW)
    value = float(obv.values[window.last])
    text = NONE if math.isnan(value) else amount_text(value, 2)
    return replace(_line_panel(window, obv, text, kind=kind, share=share), tag=None)


def atr_panel(window: Window, kind: str, share: float) -> Panel:
    """Return the average true range."""
    atr = window.series("atr", Ink.VOLATILITY)
    text = window.price(atr, panel_decimals((atr,), window.decimals))
    return _line_panel(window, atr, text, kind=kind, share=share)


def _line_panel(window: Window, line: Series, text: str, *, kind: str, share: float) -> Panel:
    """Return a panel of one line alone; `text` is its last value, in its legend and on the axis."""
    value = float(line.values[window.last])
    return Panel(
        kind=kind,
        share=share,
        axis=panel_axis(*extent((line,)), share=share),
        series=(line,),
        legends=((Legend(text=f"{window.name(line.name)} {text}", ink=line.ink),),),
        tag=None if math.isnan(value) else Tag(value=value, label=text, ink=line.ink),
    )


def panel_decimals(series: Sequence[Series], decimals: int) -> int:
    """Return how many decimals a panel of price differences shows, where prices have `decimals`."""
    return difference_decimals(np.concatenate([each.values for each in series]), decimals)


PANELS: Final = (
    PanelKind(
        word="volume",
        title="volume",
        height=98,
        unit=Unit.AMOUNT,
        is_shown=lambda window: has_volume(window.bars),
        build=volume_panel,
    ),
    PanelKind(
        word="rsi",
        title="RSI",
        height=119,
        unit=Unit.INDEX,
        is_shown=lambda window: window.has("rsi"),
        build=rsi_panel,
    ),
    PanelKind(
        word="macd",
        title="MACD",
        height=139,
        unit=Unit.DIFFERENCE,
        is_shown=lambda window: window.has("macd"),
        build=macd_panel,
    ),
    PanelKind(
        word="obv",
        title="OBV",
        height=109,
        unit=Unit.AMOUNT,
        is_shown=lambda window: window.has("obv"),
        build=obv_panel,
    ),
    PanelKind(
        word="atr",
        title="ATR",
        height=99,
        unit=Unit.DIFFERENCE,
        is_shown=lambda window: window.has("atr"),
        build=atr_panel,
    ),
)
"""The panels below the prices, from top to bottom."""
