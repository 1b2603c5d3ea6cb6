"""The panel of prices: candles, overlays and their legends, levels and the last close."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tapetrail.core.charts.axes import Scale, choose_scale, price_text
from tapetrail.core.charts.panel_axes import extent, panel_axis
from tapetrail.core.charts.spec import Form, Ink, Legend, Panel, Series, Tag, drawn_value
from tapetrail.core.charts.window import NONE, PanelKind, Unit, Window

LEGEND_WIDTH: Final = 1370
LEGEND_LETTER: Final = 10.5
LEGEND_SPACE: Final = 38
OVERLAY_REACH: Final = 0.5
LOG_REACH: Final = 0.25
FLAT_REACH: Final = 0.05
BAND: Final = ("bollinger_upper", "bollinger_lower")
AVERAGES: Final = (Ink.AVERAGE_1, Ink.AVERAGE_2, Ink.AVERAGE_3, Ink.AVERAGE_4)


def price_panel(window: Window, kind: str, share: float) -> Panel:
    """Return candles with their overlays, on an axis wide enough for the levels."""
    bars, levels = window.bars, window.levels
    lows, highs = float(bars.low.min()), float(bars.high.max())
    scale = choose_scale(lows, highs)
    series = _price_series(window)
    low, high = _reach(lows, highs, series, scale=scale)
    marked = [level.value for level in levels if level.value > 0 or scale is Scale.LINEAR] or [low]
    legends = _legend_rows(_price_legends(window, series))
    axis = panel_axis(
        min(low, *marked), max(high, *marked), share=share, rows=len(legends), scale=scale
    )
    close = float(bars.close[-1])
    tag_text = price_text(close, window.decimals)
    return Panel(
        kind=kind,
        share=share,
        axis=axis,
        series=series,
        legends=legends,
        band=BAND if window.has(BAND[0]) else None,
        tag=Tag(value=close, label=tag_text, ink=window.last_ink, line=True),
        levels=tuple(replace(level, value=drawn_value(level.value)) for level in levels),
    )


def _price_series(window: Window) -> tuple[Series, ...]:
    """Return the overlays in the order they are drawn, the band first."""
    found: list[Series] = []
    if window.has(BAND[0]):
        found.extend(window.series(edge, Ink.BAND) for edge in BAND)
    for place, period in enumerate(window.settings.sma):
        if window.has(f"sma_{period}"):
            found.append(window.series(f"sma_{period}", AVERAGES[place % len(AVERAGES)]))
    up = window.values.supertrend_up
    if window.has("supertrend") and up is not None:
        rising = up[window.first_drawn :]
        found.append(window.series("supertrend", Ink.TEXT, form=Form.TREND, rising=rising))
    return tuple(found)


def _price_legends(window: Window, series: tuple[Series, ...]) -> list[Legend]:
    """Return the overlays' names and last values: lines, then the band, then SuperTrend."""
    legends = [
        Legend(text=f"{window.name(each.name)} {window.price(each)}", ink=each.ink)
        for each in series
        if each.form is Form.LINE and each.ink is not Ink.BAND
    ]
    edges = [window.price(each) for each in series if each.ink is Ink.BAND]
    if edges:
        text = f"{window.name(BAND[0])} {edges[1]} {NONE} {edges[0]}"
        legends.append(Legend(text=text, ink=Ink.BAND))
    for trend in series:
        if trend.rising is not None:
            up = bool(trend.rising[window.last])
            text = f"{window.name(trend.name)} {window.price(trend)} {'▲' if up else '▼'}"
            legends.append(Legend(text=text, ink=Ink.UP if up else Ink.DOWN))
    return legends


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
    least, most = extent(overlays)
    if scale is Scale.LOG:
        room = (high / low) ** LOG_REACH
        return min(low, max(least, low / room)), max(high, min(most, high * room))
    room = max((high - low) * OVERLAY_REACH, abs(high) * FLAT_REACH)
    return min(low, max(least, low - room)), max(high, min(most, high + room))


def _legend_rows(legends: Sequence[Legend]) -> tuple[tuple[Legend, ...], ...]:
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


PRICE: Final = PanelKind(
    word="price",
    title="price",
    height=520,
    unit=Unit.PRICE,
    is_shown=lambda _: True,
    build=price_panel,
)
