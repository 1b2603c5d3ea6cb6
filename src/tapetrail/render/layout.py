"""Where bars and panels lie on the page, in pixels."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from tapetrail.core.charts.axes import Scale
from tapetrail.core.charts.spec import ChartSpec, Panel
from tapetrail.core.market.bars import Floats
from tapetrail.render import canvas
from tapetrail.render.look import LEFT, Look, look_of

GAP: Final = 9
BODY_SHARE: Final = 0.75
COLUMN_SHARE: Final = 0.85
WIDE_SLOT: Final = 12.0
BAR_GAP: Final = 0.85
NARROW_SLOT: Final = 4.0
NARROWEST_BODY: Final = 3
WIDEST_SIDE: Final = 24
BREAK_WIDTH: Final = 14
BREAKS_SHARE: Final = 0.1
"""Breaks have this share of the page together, at most."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slots:
    """Where the bars stand: the pixel of each wick's left edge, shape (n,), and their widths.

    `places` is the middle in tenths. `breaks` are the left edges of the stripes in front of bars
    that follow on a stretch without any, each `break_width` wide.
    """

    left: Floats
    middle: Floats
    places: canvas.Places
    wick: int
    body: int
    column: int
    breaks: tuple[int, ...]
    break_width: int

    def boxes(self, y: Floats, height: Floats, *, width: int) -> canvas.Places:
        """Return rectangles of this width around the wicks; shape (n, 4)."""
        x = self.left - (width - self.wick) // 2
        return canvas.tenths(np.stack([x, y, np.full(len(x), width), height], axis=1))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Field:
    """One panel's rectangle on the page, in pixels, and how it looks."""

    panel: Panel
    look: Look
    top: float
    bottom: float
    right: float

    def y(self, values: Floats) -> Floats:
        """Return where values lie, NaN where there is none. What a log axis lacks is far below."""
        axis = self.panel.axis
        low, high = axis.low, axis.high
        if axis.scale is Scale.LOG:
            low, high = np.log10(low), np.log10(high)
            values = np.log10(np.where(values <= 0, np.finfo(np.float64).tiny, values))
        return self.bottom - (values - low) * ((self.bottom - self.top) / (high - low))

    def y_of(self, value: float) -> float:
        """Return where one value lies."""
        return float(self.y(np.array([value]))[0])

    @property
    def width(self) -> float:
        """Return the width of the rectangle."""
        return self.right - LEFT

    @property
    def height(self) -> float:
        """Return the height of the rectangle."""
        return self.bottom - self.top


def lay_panels(spec: ChartSpec, *, right: float, top: float, bottom: float) -> list[Field]:
    """Return the panels' rectangles from top to bottom, edges on whole pixels."""
    look = look_of(spec.style)
    room = bottom - top - GAP * (len(spec.panels) - 1)
    fields: list[Field] = []
    used = 0.0
    for place, panel in enumerate(spec.panels):
        start = round(top + GAP * place + room * used)
        used += panel.share
        end = round(top + GAP * place + room * used)
        fields.append(Field(panel=panel, look=look, top=start, bottom=end, right=right))
    return fields


def lay_bars(spec: ChartSpec, *, right: float) -> Slots:
    """Return where the bars stand, on whole pixels, with room for each break."""
    count, width = len(spec), right - LEFT
    after = np.array([each.at for each in spec.breaks], dtype=np.int64)
    room = min(BREAK_WIDTH, int(width * BREAKS_SHARE / max(len(after), 1)))
    slot = (width - room * len(after)) / count
    wick = 1 if slot < WIDE_SLOT else 2
    at = np.arange(count)
    moved = room * np.searchsorted(after, at, side="right")
    left = np.floor(LEFT + (at.astype(np.float64) + 0.5) * slot + moved - (wick - 1) / 2)
    edges = np.floor(LEFT + after * slot + room * np.arange(len(after)))
    return Slots(
        left=left,
        middle=left + wick / 2,
        places=canvas.tenths(left + wick / 2),
        wick=wick,
        body=_width_around(wick, slot * BODY_SHARE, slot=slot),
        column=_width_around(wick, slot * COLUMN_SHARE, slot=slot),
        breaks=tuple(edges.astype(np.int64).tolist()),
        break_width=room,
    )


def _width_around(wick: int, wanted: float, *, slot: float) -> int:
    """Return the width near `wanted` that leaves the wick in its middle and a gap to the next bar.

    Bars too close for a gap touch, so that their bodies can be told from their wicks.
    """
    if NARROWEST_BODY - 0.5 <= slot < NARROW_SLOT:
        return NARROWEST_BODY
    sides = round((wanted - wick) / 2)
    return wick + 2 * max(0, min(sides, int((slot - BAR_GAP - wick) / 2), WIDEST_SIDE))
