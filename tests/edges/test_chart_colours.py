"""Up and down, and one line and another, are told apart without colour and by the colour-blind."""

from itertools import combinations
from typing import Final

import numpy as np
import pytest
import simplejpeg
from gallery.cases import CASES
from gallery.histories import made
from tests.chart_builders import chart_of
from tests.colour_vision import DEFICIENCIES, difference, lab
from tests.edges.test_render_html import colours

from tapetrail.core.charts.spec import ChartSpec
from tapetrail.core.market.bars import Flags, Floats
from tapetrail.render.jpeg import render_jpeg
from tapetrail.render.layout import Field, Slots
from tapetrail.render.page import lay_out, render_page

CHARTS: Final[dict[str, ChartSpec]] = {
    "AAPL": CASES[0].spec(),
    "calm": chart_of(made(460, last=500.0, decimals=2, seed=3, swing=0.008)),
    "usual": chart_of(made(460, last=100.0, decimals=2, seed=1)),
    "wild": chart_of(made(460, last=30.0, decimals=2, seed=2, swing=0.03)),
}
PAPER: Final = 250.0
"""The grey around bars: white, the grid, and the area between the bands."""
BETWEEN: Final = 70.0
"""Greys of up lie above, greys of down below."""
RIGHT_MIN: Final = 0.97
SEEN: Final = 12.0
"""A difference of lines, which have widths, too; 2 is the least that is seen side by side."""
FAR: Final = 25.0
LINES: Final = ("average_1", "average_2", "average_3", "average_4", "band")
every_eye: Final = pytest.mark.parametrize("deficiency", DEFICIENCIES)
both_themes: Final = pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])


def grey_at_half_size(spec: ChartSpec) -> Floats:
    image = simplejpeg.decode_jpeg(render_jpeg(render_page(spec)), "GRAY")[..., 0]
    return image.astype(np.float64).reshape(600, 2, 800, 2).mean(axis=(1, 3))


def grey_of_box(image: Floats, box: list[float]) -> float:
    """The grey of a rectangle of the page, its neighbours taken out of pixels it shares."""
    left, top, width, height = box
    rows = np.arange(int(top // 2), int(np.ceil((top + height) / 2)))
    across = np.arange(max(0, int(left // 2)), int(np.ceil((left + width) / 2)))
    high = (np.minimum(rows * 2 + 2, top + height) - np.maximum(rows * 2, top)) / 2
    wide = (np.minimum(across * 2 + 2, left + width) - np.maximum(across * 2, left)) / 2
    share = np.outer(high, wide)
    pixels = image[rows[0] : rows[-1] + 1, across[0] : across[-1] + 1]
    return float((share * (pixels - (1 - share) * PAPER)).sum() / (share**2).sum())


def read_as_up(image: Floats, *, field: Field, slots: Slots, ends: tuple[Floats, Floats]) -> Flags:
    one, other = (np.rint(field.y(each)) for each in ends)
    top, height = np.minimum(one, other), np.maximum(np.abs(one - other), slots.wick)
    boxes = slots.boxes(top, height, width=slots.body) / 10
    return np.array([grey_of_box(image, box) > BETWEEN for box in boxes.tolist()])


@pytest.mark.parametrize("name", CHARTS)
def test_bars_are_told_apart_in_grey_at_half_size(name: str) -> None:
    spec = CHARTS[name]
    image, (fields, slots) = grey_at_half_size(spec), lay_out(spec)
    assert len(spec) == 250
    up = read_as_up(
        image, field=fields[0], slots=slots, ends=(spec.candles.open, spec.candles.close)
    )
    assert (up == spec.candles.rising).mean() >= RIGHT_MIN


@pytest.mark.parametrize("name", CHARTS)
def test_volumes_are_told_apart_in_grey_at_half_size(name: str) -> None:
    spec = CHARTS[name]
    image, (fields, slots) = grey_at_half_size(spec), lay_out(spec)
    volume = spec.panels[1].series[0].values
    up = read_as_up(image, field=fields[1], slots=slots, ends=(volume, np.zeros(len(spec))))
    assert (up == spec.candles.rising).mean() >= RIGHT_MIN


@both_themes
@every_eye
def test_up_and_down_differ_in_lightness_for_every_eye(theme: int, deficiency: str) -> None:
    ours = {name: pair[theme] for name, pair in colours().items()}
    for up in ("up-fill", "up-solid"):
        assert lab(ours[up], deficiency)[0] - lab(ours["down"], deficiency)[0] >= FAR, up


@both_themes
@every_eye
def test_every_two_lines_differ_for_every_eye(theme: int, deficiency: str) -> None:
    ours = {name: pair[theme] for name, pair in colours().items()}
    pairs = [*combinations(LINES, 2), ("fast", "slow"), ("up", "down")]
    pairs += [(trend, line) for trend in ("up", "down") for line in LINES[:3]]
    for one, other in pairs:
        assert difference(ours[one], ours[other], deficiency) >= SEEN, (one, other)
