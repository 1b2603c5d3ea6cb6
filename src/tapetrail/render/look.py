"""The look of the page: its measures in pixels, its sizes of letters, its colours by style.

A chart is drawn in the style that its document names, so a stored one is printed as it always was.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tapetrail.core.charts.spec import CHART_STYLE, Ink
from tapetrail.core.errors import ErrorKind, InvalidInput
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
FIRST_STYLE: Final = "standard/1"
_SAME: Final[Mapping[Ink, str]] = {
    Ink.TEXT: TEXT,
    Ink.MOMENTUM: rgb("#7e57c2"),
    Ink.FAST: rgb("#2a62e4"),
    Ink.SLOW: rgb("#ee7d11"),
    Ink.FLOW: rgb("#087f67"),
    Ink.VOLATILITY: rgb("#b71c1c"),
    Ink.ENTRY: rgb("#3451d1"),
    Ink.HOLD: rgb("#8a5f06"),
}
NARROW: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bodies:
    """The colours of candles or columns that rise and fall.

    `narrow` is a rising one of less than `NARROW` pixels in either direction, in which an edge
    would leave nothing pale; a larger one is `rising` inside an edge of `edge`, if there is one.
    """

    rising: str
    narrow: str
    falling: str
    edge: str | None = None

    def rising_at(self, width: int) -> tuple[str, str | None]:
        """Return the fill and the edge of rising ones that are so many pixels wide."""
        return (self.rising, self.edge) if width >= NARROW else (self.narrow, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What differs between styles.

    `widths` are those of lines that have one of their own, `joins` how lines join and end: round
    ones cost more and are not seen. With a `swatch`, so many pixels long,
    legends are words in the colour of text beside it, and the headline has a key of the candles;
    without one they are coloured words.
    `flip` is half the side of the mark where a trend turns. `dotted` is the edge of a bar that is
    not finished; without it such a bar is hollow.
    """

    inks: Mapping[Ink, str]
    widths: Mapping[Ink, float]
    candles: Bodies
    columns: Bodies
    joins: str
    band_dash: str
    swatch: int
    flip: int
    dotted: str


_UP, _DOWN = rgb("#0b6e59"), rgb("#85142a")
_PAIR: Final = Bodies(rising=rgb("#bfe8db"), narrow=rgb("#12a384"), falling=_DOWN, edge=_UP)
_OLD_UP, _OLD_DOWN = rgb("#0f9880"), rgb("#dd2e40")
_SOFT_UP: Final = rgb("#80c9bc")
LOOKS: Final[Mapping[str, Look]] = {
    FIRST_STYLE: Look(
        inks={
            **_SAME,
            Ink.UP: _OLD_UP,
            Ink.DOWN: _OLD_DOWN,
            Ink.AVERAGE_1: rgb("#2a62e4"),
            Ink.AVERAGE_2: rgb("#ee7d11"),
            Ink.AVERAGE_3: rgb("#8620a4"),
            Ink.AVERAGE_4: rgb("#8a5a2b"),
            Ink.BAND: rgb("#5b86b8"),
        },
        widths={Ink.BAND: 1.2},
        candles=Bodies(rising=_OLD_UP, narrow=_OLD_UP, falling=_OLD_DOWN),
        columns=Bodies(rising=_SOFT_UP, narrow=_SOFT_UP, falling=rgb("#f1a0a8")),
        joins="1 j 1 J",
        band_dash="",
        swatch=0,
        flip=0,
        dotted="",
    ),
    CHART_STYLE: Look(
        inks={
            **_SAME,
            Ink.UP: _UP,
            Ink.DOWN: _DOWN,
            Ink.AVERAGE_1: rgb("#2f7df0"),
            Ink.AVERAGE_2: rgb("#a84a00"),
            Ink.AVERAGE_3: rgb("#2b0f4d"),
            Ink.AVERAGE_4: rgb("#912699"),
            Ink.BAND: rgb("#7d8797"),
        },
        widths={Ink.AVERAGE_1: 1.4, Ink.AVERAGE_2: 2.2, Ink.AVERAGE_3: 3.0, Ink.BAND: 1.2},
        candles=_PAIR,
        columns=_PAIR,
        joins="2 j 0 J",
        band_dash="[14 24] 0 d ",
        swatch=14,
        flip=6,
        dotted="[18 22] 0 d ",
    ),
}


def look_of(style: str) -> Look:
    """Return the look of a style. Raises `InvalidInput` for one that was never drawn here."""
    look = LOOKS.get(style)
    if look is None:
        raise InvalidInput(
            f"chart style {style!r}: expected one of {', '.join(LOOKS)}; a newer release drew it",
            kind=ErrorKind.RENDER_FAILED,
        )
    return look
