"""Marks on a page, as PDF content: rectangles, lines and texts, each in one colour.

Coordinates are tenths of a pixel, whole numbers, x to the right and y down. Every path is
formatted by one `%`: numbers one at a time would cost more than the JPEG.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapetrail.core.market.bars import Flags, Floats
from tapetrail.render.pdf import runs

TENTHS: Final = 10
FAR: Final = 1_000_000
"""Beyond every page; a coordinate further out is drawn as if it were here."""

Places = NDArray[np.int64]

EDGE_WIDTH: Final = 16
DASHED: Final = "[45 35] 0 d "
"""Dashes, as an operator."""

_DASH: Final = np.array([[-25, 0], [25, 0]], dtype=np.int64)
"""What a single point becomes: wide enough to be seen, not to be read as a line."""


def opening(joins: str, *, points_per_pixel: float, height: float) -> str:
    """Return what turns PDF's axes, in points and upwards, into the ones of this module.

    `joins` are the operators that set how lines join and end.
    """
    unit = points_per_pixel / TENTHS
    return f"{unit:g} 0 0 {-unit:g} 0 {height:g} cm {joins}"


def rgb(code: str) -> str:
    """Return the operands of the colour written `#rrggbb`."""
    return " ".join(f"{int(code[at : at + 2], 16) / 255:.3f}" for at in (1, 3, 5))


def tenths(pixels: Floats) -> Places:
    """Return pixel coordinates as whole tenths, cut off far outside, where undefined ones go."""
    cut = np.minimum(np.maximum(pixels * TENTHS, -FAR), FAR)
    return np.rint(np.where(np.isnan(cut), -FAR, cut)).astype(np.int64)


def boxes(colour: str, corners: Places) -> str:
    """Return filled rectangles, one a row of `corners`: x, y, width, height; shape (k, 4)."""
    if len(corners) == 0:
        return ""
    path = "\n".join(["%d %d %d %d re"] * len(corners)) % tuple(corners.ravel().tolist())
    return f"{colour} rg\n{path} f"


def box(colour: str, *, x: float, y: float, width: float, height: float) -> str:
    """Return one filled rectangle, in pixels."""
    return f"{colour} rg {_rectangle(x, y, width, height)} f"


def outlines(colour: str, corners: Places, *, width: float) -> str:
    """Return rectangles drawn by their edge, white inside, one a row of `corners`."""
    if len(corners) == 0:
        return ""
    path = "\n".join(["%d %d %d %d re"] * len(corners)) % tuple(corners.ravel().tolist())
    return f"1 1 1 rg {colour} RG {width * TENTHS:.0f} w\n{path} B"


def edges(colour: str, corners: Places, *, dash: str, white: int) -> str:
    """Return the dashed edges of rectangles, inside them; so many pixels there become white."""
    if len(corners) == 0:
        return ""
    cleared, dashed = (_outline(corners, width) for width in (white * TENTHS, EDGE_WIDTH))
    under = f"1 1 1 RG {white * TENTHS} w\n{cleared} S"
    return f"0 j {under}\n{dash}{colour} RG {EDGE_WIDTH} w\n{dashed} S [] 0 d 2 j"


def _outline(corners: Places, width: int) -> str:
    """Return paths along which a line of this width, in tenths, stays inside the rectangles."""
    inner = corners + np.array([width // 2, width // 2, -width, -width])
    return "\n".join(["%d %d %d %d re"] * len(inner)) % tuple(inner.ravel().tolist())


def arrows(colour: str, tips: Places, *, up: bool, half: float) -> str:
    """Return filled triangles around points, one a row of `tips`: x, y; `half` is in pixels."""
    if len(tips) == 0:
        return ""
    size = round(half * TENTHS) * (1 if up else -1)
    corners = np.array([[0, -size], [size, size], [-size, size]], dtype=np.int64)
    path = "\n".join(["%d %d m %d %d l %d %d l h"] * len(tips)) % tuple(
        (tips[:, None, :] + corners).ravel().tolist()
    )
    return f"{colour} rg\n{path} f"


def frame(colour: str, *, x: float, y: float, width: float, height: float) -> str:
    """Return the edge of a rectangle, one pixel wide, inside it."""
    edge = _rectangle(x + 0.5, y + 0.5, width - 1, height - 1)
    return f"{colour} RG {TENTHS} w {edge} S"


def clipped(content: list[str], *, x: float, y: float, width: float, height: float) -> str:
    """Return the marks, cut off at the edges of a rectangle."""
    return "\n".join(["q", f"{_rectangle(x, y, width, height)} W n", *content, "Q"])


def line(colour: str, x: Places, y: Places, *, width: float, shown: Flags, dash: str = "") -> str:
    """Return a line through the points that are `shown`, broken where they are not.

    A shown point without a shown neighbour is a short dash. `x` and `y` are tenths, shape (n,).
    `dash` is the operator that sets its pattern.
    """
    runs = _runs(shown)
    if not runs:
        return ""
    points = np.stack([x, y], axis=1)
    form = "\n".join([_form(end - start) for start, end in runs])
    numbers = [
        points[start:end] if end - start > 1 else points[start] + _DASH for start, end in runs
    ]
    path = form % tuple(np.concatenate(numbers).ravel().tolist())
    return f"{dash}{colour} RG {width * TENTHS:.0f} w\n{path} S{' [] 0 d' if dash else ''}"


def stroke(
    colour: str, *, start: tuple[float, float], end: tuple[float, float], width: float, dash: str
) -> str:
    """Return one straight line, its ends in pixels."""
    points = [f"{x * TENTHS:.0f} {y * TENTHS:.0f}" for x, y in (start, end)]
    path = f"{points[0]} m {points[1]} l S"
    return f"{dash}{colour} RG {width * TENTHS:.0f} w {path}{' [] 0 d' if dash else ''}"


def area(colour: str, x: Places, *, upper: Places, lower: Places, shown: Flags) -> str:
    """Return the filled area between two lines, where it is `shown`; tenths, shape (n,)."""
    path: list[str] = []
    numbers: list[Places] = []
    there, back = np.stack([x, upper], axis=1), np.stack([x, lower], axis=1)
    for start, end in _runs(shown):
        path.append(_form(2 * (end - start)) + " h")
        numbers += [there[start:end], back[start:end][::-1]]
    if not path:
        return ""
    return (
        f"{colour} rg\n" + "\n".join(path) % tuple(np.concatenate(numbers).ravel().tolist()) + " f"
    )


def text(words: str, *, x: float, y: float, size: float, colour: str, name: str) -> str:
    """Return text from `x` on its base line `y`, in pixels, by glyph numbers."""
    at = f"{x * TENTHS:.0f} {y * TENTHS:.0f}"
    height = f"{size * TENTHS:.0f}"
    (called, codes), *others = runs(words, name)
    more = "".join(f" /{other} {height} Tf <{them}> Tj" for other, them in others)
    return f"BT {colour} rg /{called} {height} Tf 1 0 0 -1 {at} Tm <{codes}> Tj{more} ET"


def _rectangle(*pixels: float) -> str:
    return " ".join([str(round(number * TENTHS)) for number in pixels]) + " re"


def _form(points: int) -> str:
    return "%d %d m" + "\n%d %d l" * max(1, points - 1)


def _runs(shown: Flags) -> list[tuple[int, int]]:
    """Return the (start, end) of each unbroken run of true places."""
    padded = np.concatenate([[False], shown, [False]])
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
