"""The panels of the standard chart, from top to bottom, and how much of its height each has."""

from collections.abc import Sequence
from typing import Final

from tapetrail.core.charts.figures import has_volume
from tapetrail.core.charts.indicator_panels import (
    atr_panel,
    macd_panel,
    obv_panel,
    rsi_panel,
    volume_panel,
)
from tapetrail.core.charts.panel_axes import HEIGHTS
from tapetrail.core.charts.price_panel import price_panel
from tapetrail.core.charts.spec import Level, Panel, PanelKind, drawn_value
from tapetrail.core.charts.window import Window

_PANELS: Final = {
    PanelKind.VOLUME: volume_panel,
    PanelKind.RSI: rsi_panel,
    PanelKind.MACD: macd_panel,
    PanelKind.OBV: obv_panel,
    PanelKind.ATR: atr_panel,
}


def derive_panels(window: Window, levels: Sequence[Level]) -> tuple[Panel, ...]:
    """Return the panels that have something to show, from top to bottom.

    A panel without any value is left out; the others share its room.
    """
    kinds = _kinds(window)
    total = sum(HEIGHTS[kind] for kind in kinds)
    shares = {kind: drawn_value(HEIGHTS[kind] / total) for kind in kinds}
    below = (_PANELS[kind](window, share) for kind, share in shares.items() if kind in _PANELS)
    return (price_panel(window, shares[PanelKind.PRICE], levels), *below)


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
