"""A chart spec as one vector page: what is drawn where, in which colour.

The same page is printed and rasterised. It is 1600 x 1200 pixels, half a point each, so that it
fits a sheet of A4 or Letter. Bars and columns lie on whole pixels and stay sharp; lines do not.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from tapetrail.core.analysis.chart_marks import SignalMarks, mark_chart
from tapetrail.core.charts.origin import AUTHOR, Origin
from tapetrail.core.charts.spec import ChartSpec, Form, Ink, Panel
from tapetrail.render import canvas
from tapetrail.render.callouts import breaks, callouts
from tapetrail.render.layout import Field, Slots, lay_bars, lay_panels
from tapetrail.render.legends import legend_backs, legends
from tapetrail.render.look import (
    BAND_AREA,
    EDGE,
    GRID,
    HEIGHT,
    LABEL_SIZE,
    LEFT,
    MARGIN,
    MIDDLE,
    SCALE,
    SHADE,
    TEXT,
    WHITE,
    WIDTH,
    look_of,
)
from tapetrail.render.pdf import BOLD, REGULAR, font, write_pdf
from tapetrail.render.series import candles, columns, line
from tapetrail.render.words import NOTE_LINE, foot_lines, headline, note_lines, notes, signal_line

PAGE_RENDERER: Final = "tapetrail-page/3"

TOP: Final = 37
SIGNAL_ROW: Final = 32
DATE_STRIP: Final = 35
GUTTER_MIN: Final = 92
LABEL_AT: Final = 9

LEVEL_WIDTH: Final = 1.5
TAG_HEIGHT: Final = 21
TAG_GAP: Final = 1
LABEL_ROOM: Final = 17
LABEL_HALF: Final = 7


def render_page(spec: ChartSpec) -> bytes:
    """Return the chart as a PDF file of one page: the same bytes for the same spec."""
    return _page(spec, (), top=TOP)


def print_page(
    spec: ChartSpec, marks: SignalMarks | None = None, *, origin: Origin | None = None
) -> bytes:
    """Return the chart with the signal that followed it, as a PDF file of one page.

    The side and the facts of the signal stand under the headline, its levels are lines across the
    prices, and a note says that both were added. `spec` is the chart as the analyst was shown it.
    The `origin` stands below the chart, which it leaves as it is, and in the file's information.
    """
    if marks is None:
        return _page(spec, (), top=TOP, origin=origin)
    line = signal_line(marks, look=look_of(spec.style), y=TOP + 20)
    return _page(mark_chart(spec, marks), line, top=TOP + SIGNAL_ROW, origin=origin)


def _page(
    spec: ChartSpec, above: Iterable[str], *, top: int, origin: Origin | None = None
) -> bytes:
    """Return the page whose panels begin at `top`; `above` is what stands above them."""
    fields, slots = lay_out(spec, top=top)
    bottom, foot = fields[-1].bottom, [] if origin is None else foot_lines(origin)
    height = (HEIGHT + NOTE_LINE * len(foot)) / SCALE
    joins = look_of(spec.style).joins
    content = [
        canvas.opening(joins, points_per_pixel=1 / SCALE, height=height),
        *headline(spec, y=26, body=slots.body),
        *above,
        *(mark for field in fields for mark in _field(field, spec, slots)),
        *_dates(spec, slots, y=bottom + 24),
        *notes(note_lines(spec), y=bottom + DATE_STRIP + NOTE_LINE - MARGIN),
        *notes(foot, y=HEIGHT + NOTE_LINE - MARGIN),
    ]
    info: Mapping[str, str] = {} if origin is None else _information(origin)
    drawn = "\n".join(filter(None, content))
    return write_pdf(drawn, width=WIDTH / SCALE, height=height, info=info)


def _information(origin: Origin) -> Mapping[str, str]:
    return {"Title": origin.title, "Author": AUTHOR, "Subject": origin.subject}


def lay_out(spec: ChartSpec, *, top: int = TOP) -> tuple[list[Field], Slots]:
    """Return where the panels and the bars of a chart lie whose panels begin at `top`."""
    right = float(WIDTH - _gutter(spec))
    bottom = HEIGHT - DATE_STRIP - NOTE_LINE * len(note_lines(spec))
    panels = lay_panels(spec, right=right, top=top, bottom=bottom)
    return panels, lay_bars(spec, right=right)


def _gutter(spec: ChartSpec) -> int:
    """Return the width right of the panels: as wide as its longest label needs."""
    ticks = [tick.label for panel in spec.panels for tick in panel.axis.ticks]
    tags = [words for panel in spec.panels for _, words, _ in _tags(panel)]
    widths = [
        *(font(REGULAR).width(label, LABEL_SIZE) for label in ticks),
        *(font(BOLD).width(label, LABEL_SIZE) for label in tags),
    ]
    return max(GUTTER_MIN, int(max(widths, default=0.0)) + LABEL_AT + 2 * MARGIN)


def _field(field: Field, spec: ChartSpec, slots: Slots) -> Iterator[str]:
    """Yield a panel, from the back to the front; what lies in it is cut off at its edges."""
    panel, is_first = field.panel, field.panel is spec.panels[0]
    rectangle = {"x": LEFT, "y": field.top, "width": field.width, "height": field.height}
    inside = [
        *_background(field, spec, slots),
        *(columns(each, field, slots) for each in panel.series if each.form is Form.COLUMNS),
        *(candles(field, spec.candles, slots) if is_first else ()),
        *(mark for each in panel.series for mark in line(each, field, slots)),
        *breaks(field, slots),
        *_levels(field),
        *legend_backs(field),
        *(callouts(field, spec, slots) if is_first else ()),
    ]
    yield canvas.clipped([mark for mark in inside if mark], **rectangle)
    yield canvas.frame(EDGE, **rectangle)
    yield from _value_labels(field)
    yield from legends(field)


def _background(field: Field, spec: ChartSpec, slots: Slots) -> Iterator[str]:
    """Yield filled areas, the grid, and the panel's guides."""
    panel = field.panel
    if panel.shade is not None:
        low, high = (field.y_of(value) for value in panel.shade)
        yield canvas.box(SHADE, x=LEFT, y=high, width=field.width, height=low - high)
    if panel.band is not None:
        series = {each.name: each for each in panel.series}
        upper, lower = (series[name].values for name in panel.band)
        shown = ~np.isnan(upper + lower)
        top, bottom = canvas.tenths(field.y(upper)), canvas.tenths(field.y(lower))
        yield canvas.area(BAND_AREA, slots.places, upper=top, lower=bottom, shown=shown)
    rows = [round(field.y_of(tick.value)) for tick in panel.axis.ticks]
    columns = [int(slots.middle[tick.at]) for tick in spec.date_ticks]
    grid = [(LEFT, y, field.width, 1) for y in rows]
    grid += [(x, field.top, 1, field.height) for x in columns]
    yield canvas.boxes(GRID, canvas.tenths(np.array(grid, np.float64).reshape(-1, 4)))
    for guide in panel.guides:
        y = round(field.y_of(guide))
        yield canvas.box(EDGE, x=LEFT, y=y, width=field.width, height=1)


def _levels(field: Field) -> Iterator[str]:
    """Yield the lines of the last price and of the named levels."""
    tag, ends = field.panel.tag, canvas.tenths(np.array([LEFT, field.right]))
    lines = [(tag.value, tag.ink, 1.0)] if tag is not None and tag.line else []
    lines += [(level.value, level.ink, LEVEL_WIDTH) for level in field.panel.levels]
    for value, ink, width in lines:
        y = canvas.tenths(np.full(2, round(field.y_of(value)) + 0.5))
        shown = np.ones(2, np.bool_)
        dash = canvas.DASHED
        yield canvas.line(field.look.inks[ink], ends, y, width=width, shown=shown, dash=dash)


def _tags(panel: Panel) -> Iterator[tuple[float, str, Ink]]:
    """Yield what is marked on the axis: value, words and colour."""
    if panel.tag is not None:
        yield panel.tag.value, panel.tag.label, panel.tag.ink
    for level in panel.levels:
        yield level.value, f"{level.name} {level.label}", level.ink


def _value_labels(field: Field) -> Iterator[str]:
    """Yield the axis' labels at the right; tags cover those they would run into."""
    tags = list(_tags(field.panel))
    wanted = [field.y_of(value) - TAG_HEIGHT / 2 for value, _, _ in tags]
    tops = spread(wanted, size=TAG_HEIGHT + TAG_GAP, low=field.top, high=field.bottom + TAG_GAP)
    x = field.right + LABEL_AT
    for tick in field.panel.axis.ticks:
        y = field.y_of(tick.value)
        middle = min(max(y, field.top + LABEL_HALF), field.bottom - LABEL_HALF)
        if all(abs(middle - top - TAG_HEIGHT / 2) >= LABEL_ROOM for top in tops):
            yield canvas.box(EDGE, x=field.right, y=round(y), width=5, height=1)
            yield _label(tick.label, y=middle, x=x, colour=TEXT, name=REGULAR)
    width = WIDTH - field.right - 2
    for (_, words, ink), at in zip(tags, tops, strict=True):
        top = round(at)
        yield canvas.box(field.look.inks[ink], x=field.right, y=top, width=width, height=TAG_HEIGHT)
        yield _label(words, y=top + TAG_HEIGHT / 2, x=x, colour=WHITE, name=BOLD)


def spread(wanted: Sequence[float], *, size: float, low: float, high: float) -> list[float]:
    """Return where boxes of one size begin, as near to `wanted` as they can without overlapping.

    They lie between `low` and `high`, in the order of `wanted`; without room for all of them the
    last ones go on beyond `high`. Neighbours that would overlap become a block around the mean of
    their places: least squares under an order, solved by pooling (Ayer and others, 1955).
    """
    order = sorted(range(len(wanted)), key=lambda at: wanted[at])
    blocks: list[tuple[float, int]] = []
    for rank, at in enumerate(order):
        total, count = wanted[at] - rank * size, 1
        while blocks and blocks[-1][0] * count >= total * blocks[-1][1]:
            before, members = blocks.pop()
            total, count = total + before, count + members
        blocks.append((total, count))
    shifts = [total / count for total, count in blocks for _ in range(count)]
    last = high - len(wanted) * size
    places = [0.0] * len(wanted)
    for rank, (at, shift) in enumerate(zip(order, shifts, strict=True)):
        places[at] = max(low, min(shift, last)) + rank * size
    return places


def _label(words: str, *, x: float, y: float, colour: str, name: str) -> str:
    base = round(y + 0.5 + LABEL_SIZE * MIDDLE)
    return canvas.text(words, x=x, y=base, size=LABEL_SIZE, colour=colour, name=name)


def _dates(spec: ChartSpec, slots: Slots, *, y: float) -> Iterator[str]:
    """Yield the dates under the last panel, each in the middle of its bar, none off the page."""
    for tick in spec.date_ticks:
        name = BOLD if tick.bold else REGULAR
        width = font(name).width(tick.label, LABEL_SIZE)
        x = min(max(float(slots.middle[tick.at]) - width / 2, MARGIN), WIDTH - MARGIN - width)
        yield canvas.text(tick.label, x=x, y=y, size=LABEL_SIZE, colour=TEXT, name=name)
