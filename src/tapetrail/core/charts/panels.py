"""The panels of the standard chart, from top to bottom, and how much of its height each has."""

from collections.abc import Mapping
from typing import Final

from tapetrail.core.charts.indicator_panels import PANELS
from tapetrail.core.charts.price_panel import PRICE
from tapetrail.core.charts.spec import Panel, drawn_value
from tapetrail.core.charts.window import PanelKind, Window

PANEL_KINDS: Final[Mapping[str, PanelKind]] = {kind.word: kind for kind in (PRICE, *PANELS)}
"""The kinds of panels by their words, from top to bottom."""


def derive_panels(window: Window) -> tuple[Panel, ...]:
    """Return the panels that have something to show, from top to bottom.

    A panel without any value is left out; the others share its room.
    """
    shown = [kind for kind in PANEL_KINDS.values() if kind.is_shown(window)]
    total = sum(kind.height for kind in shown)
    return tuple(kind.build(window, kind.word, drawn_value(kind.height / total)) for kind in shown)
