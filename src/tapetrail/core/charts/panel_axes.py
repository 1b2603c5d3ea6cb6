"""The axes of panels: which range each shows, with room for its legends, and with which labels."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from tapetrail.core.charts.axes import Axis, Scale, axis_range, value_ticks
from tapetrail.core.charts.spec import Level, Panel, Series, drawn_value

# The proportions of the standard page, in its pixels (1600 x 1200). They decide how many labels
# an axis has room for; a page that keeps these proportions at another size reads the same. All
# panels have `PANELS_HEIGHT` together; in one higher than `TALL`, labels stand further apart.
PANELS_HEIGHT: Final = 1084
TALL: Final = 278
TICK_GAP: Final = 22
PRICE_TICK_GAP: Final = 44
EDGE: Final = 5
FREE: Final = 8
LEGEND_ROW: Final = 24


def panel_axis(
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
    gap = (PRICE_TICK_GAP if height > TALL else TICK_GAP) / height
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
    return panel_axis(low, high, share=panel.share, rows=rows, scale=axis.scale)


def extent(series: Sequence[Series]) -> tuple[float, float]:
    """Return the least and the greatest value of all series; at least one has values."""
    values = np.concatenate([each.values for each in series])
    return float(np.nanmin(values)), float(np.nanmax(values))
