"""The legends in the panels: what is drawn there, and its last values."""

from collections.abc import Iterator
from typing import Final, TypeAlias

from tapetrail.core.charts.spec import Ink, Legend
from tapetrail.render import canvas
from tapetrail.render.layout import Field
from tapetrail.render.look import LEFT, LEGEND_SIZE, MARGIN, MIDDLE, TEXT, WHITE, Look
from tapetrail.render.pdf import BOLD, font
from tapetrail.render.series import LINE_WIDTH, TREND_WIDTH

LEGEND_ROW: Final = 24
LEGEND_BASE: Final = 20
LEGEND_SPACE: Final = 16
SWATCH_SPACE: Final = 6

Rows: TypeAlias = tuple[tuple[Legend, ...], ...]


def legends(field: Field) -> Iterator[str]:
    """Yield the legends: words beside a piece of their line, or words in its colour."""
    look = field.look
    for place, row in enumerate(field.panel.legends):
        x, y = LEFT + MARGIN, field.top + LEGEND_BASE + LEGEND_ROW * place
        for legend in row:
            swatch = _swatch(legend, look)
            if swatch:
                yield _piece(legend.ink, look, x=x, y=y - LEGEND_SIZE * MIDDLE)
            colour = TEXT if look.swatch else look.inks[legend.ink]
            words = legend.text
            yield canvas.text(words, x=x + swatch, y=y, size=LEGEND_SIZE, colour=colour, name=BOLD)
            x += _width(legend, look)


def legend_backs(field: Field) -> Iterator[str]:
    """Yield white behind the legends, for the average that leaves the panel through them."""
    for place, row in enumerate(field.panel.legends):
        width = sum(_width(legend, field.look) for legend in row)
        y = field.top + LEGEND_ROW * place
        yield canvas.box(WHITE, x=LEFT, y=y, width=width, height=LEGEND_ROW)


def _piece(ink: Ink, look: Look, *, x: float, y: float) -> str:
    """Return a piece of the line a legend speaks of."""
    trend = TREND_WIDTH if ink in {Ink.UP, Ink.DOWN} else LINE_WIDTH
    return canvas.stroke(
        look.inks[ink],
        start=(x, y),
        end=(x + look.swatch, y),
        width=look.widths.get(ink, trend),
        dash=look.band_dash if ink is Ink.BAND else "",
    )


def _swatch(legend: Legend, look: Look) -> int:
    """Return the room for a legend's swatch; what has the colour of text needs none."""
    return look.swatch + SWATCH_SPACE if look.swatch and legend.ink is not Ink.TEXT else 0


def _width(legend: Legend, look: Look) -> int:
    words = round(font(BOLD).width(legend.text, LEGEND_SIZE))
    return _swatch(legend, look) + words + LEGEND_SPACE
