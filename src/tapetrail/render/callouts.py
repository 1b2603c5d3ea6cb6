"""What is said inside the price panel: where bars break off, and which bar is not finished."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from tapetrail.core.charts.spec import UNFINISHED, ChartSpec
from tapetrail.render import canvas
from tapetrail.render.layout import Field, Slots
from tapetrail.render.legends import LEGEND_ROW
from tapetrail.render.look import EDGE, LEFT, NOTE_SIZE, TEXT, WHITE
from tapetrail.render.pdf import REGULAR, font

HEIGHT: Final = 20
PAD: Final = 5
BASE: Final = 15
AWAY: Final = 3
"""Pixels between a callout and what it stands beside."""


def breaks(field: Field, slots: Slots) -> Iterator[str]:
    """Yield a white stripe between dashed edges over each stretch without bars."""
    for left in slots.breaks:
        width = slots.break_width
        yield canvas.box(WHITE, x=left, y=field.top, width=width, height=field.height)
        for x in (left + 0.5, left + width - 0.5):
            start, end = (x, field.top), (x, field.bottom)
            yield canvas.stroke(EDGE, start=start, end=end, width=1.0, dash=canvas.DASHED)


def callouts(field: Field, spec: ChartSpec, slots: Slots) -> Iterator[str]:
    """Yield what is said of breaks and of bars that are not finished, apart from each other."""
    if not field.look.dotted:
        return
    said = [
        (left + slots.break_width / 2, each.label)
        for left, each in zip(slots.breaks, spec.breaks, strict=True)
    ]
    unfinished = np.flatnonzero(~spec.candles.complete).tolist()
    said += [(float(slots.middle[at]), UNFINISHED) for at in unfinished]
    taken: list[tuple[float, float, float]] = []
    for middle, words in said:
        width = round(font(REGULAR).width(words, NOTE_SIZE)) + 2 * PAD
        least, most = LEFT + AWAY, field.right - width - AWAY
        x = round(min(max(middle - width / 2, least), most))
        y = _free(field, spec, slots, x=x, width=width, taken=taken)
        taken.append((x, x + width, y))
        yield canvas.box(WHITE, x=x, y=y, width=width, height=HEIGHT)
        yield canvas.frame(EDGE, x=x, y=y, width=width, height=HEIGHT)
        at = {"x": x + PAD, "y": y + BASE}
        yield canvas.text(words, **at, size=NOTE_SIZE, colour=TEXT, name=REGULAR)


def _free(
    field: Field,
    spec: ChartSpec,
    slots: Slots,
    *,
    x: float,
    width: float,
    taken: list[tuple[float, float, float]],
) -> float:
    """Return the top of a callout: above or below the bars it spans, where there is more room."""
    near = (slots.middle >= x - AWAY) & (slots.middle <= x + width + AWAY)
    top = field.top + LEGEND_ROW * len(field.panel.legends) + AWAY
    bottom = field.bottom - HEIGHT - AWAY
    above, below = bottom, top
    if near.any():
        above = float(field.y(spec.candles.high)[near].min()) - HEIGHT - 2 * AWAY
        below = float(field.y(spec.candles.low)[near].max()) + 2 * AWAY
    up = above - top > bottom - below
    y = max(top, above) if up else min(bottom, below)
    for left, right, other in sorted(taken, key=lambda each: -each[2] if up else each[2]):
        if left < x + width and x < right and abs(other - y) < HEIGHT + 1:
            y = other - HEIGHT - AWAY if up else other + HEIGHT + AWAY
    return round(y)
