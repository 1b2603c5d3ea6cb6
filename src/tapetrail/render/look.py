"""The look of the page: its measures in pixels, its sizes of letters, its colours."""

from collections.abc import Mapping
from typing import Final

from tapetrail.core.charts.spec import Ink
from tapetrail.render.canvas import rgb

WIDTH: Final = 1600
HEIGHT: Final = 1200
SCALE: Final = 2
"""Pixels a point."""

LEFT: Final = 8
MARGIN: Final = 8

TITLE_SIZE: Final = 23
FACTS_SIZE: Final = 17
LABEL_SIZE: Final = 15
LEGEND_SIZE: Final = 14.5
NOTE_SIZE: Final = 14
# Half the height of a capital letter, by which a label is moved to stand on the middle of a line.
MIDDLE: Final = 0.36


TEXT: Final = rgb("#131722")
MUTED: Final = rgb("#6a6d78")
WHITE: Final = rgb("#ffffff")
GRID: Final = rgb("#e9ebf0")
EDGE: Final = rgb("#b2b5be")
BAND_AREA: Final = rgb("#f0f4f9")
SHADE: Final = rgb("#f3effa")
INKS: Final[Mapping[Ink, str]] = {
    Ink.TEXT: TEXT,
    Ink.UP: rgb("#0f9880"),
    Ink.DOWN: rgb("#dd2e40"),
    Ink.AVERAGE_1: rgb("#2a62e4"),
    Ink.AVERAGE_2: rgb("#ee7d11"),
    Ink.AVERAGE_3: rgb("#8620a4"),
    Ink.AVERAGE_4: rgb("#8a5a2b"),
    Ink.BAND: rgb("#5b86b8"),
    Ink.MOMENTUM: rgb("#7e57c2"),
    Ink.FAST: rgb("#2a62e4"),
    Ink.SLOW: rgb("#ee7d11"),
    Ink.FLOW: rgb("#087f67"),
    Ink.VOLATILITY: rgb("#b71c1c"),
    Ink.ENTRY: rgb("#3451d1"),
    Ink.HOLD: rgb("#8a5f06"),
}
SOFT_UP: Final = rgb("#80c9bc")
SOFT_DOWN: Final = rgb("#f1a0a8")
