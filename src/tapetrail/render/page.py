"""A chart spec as one vector page: what is drawn where, in which colour.

The same page is printed and rasterised. It is 1600 x 1200 pixels, half a point each, so that it
fits a sheet of A4 or Letter. Bars and columns lie on whole pixels and stay sharp; lines do not.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tapetrail.core.analysis.chart_marks import SignalMarks, mark_chart
from tapetrail.core.charts.axes import Scale
from tapetrail.core.charts.spec import ChartSpec, Form, Ink, Legend, Panel, Series
from tapetrail.core.market.bars import Flags, Floats
from tapetrail.render import canvas
from tapetrail.render.look import (
    BAND_AREA,
    EDGE,
    GRID,
    HEIGHT,
    INKS,
    LABEL_SIZE,
    LEFT,
    LEGEND_SIZE,
    MARGIN,
    MIDDLE,
    SCALE,
    SHADE,
    SOFT_DOWN,
    SOFT_UP,
    TEXT,
    WHITE,
    WIDTH,
)
from tapetrail.render.pdf import BOLD, REGULAR, font, write_pdf
from tapetrail.render.words import NOTE_LINE, headline, note_lines, notes, signal_line

PAGE_RENDERER: Final = "tapetrail-page/1"

TOP: Final = 37
SIGNAL_ROW: Final = 32
GAP: Final = 9
DATE_STRIP: Final = 35
GUTTER_MIN: Final = 92
LABEL_AT: Final = 9

LINE_WIDTH: Final = 1.8
TREND_WIDTH: Final = 2.6
BAND_WIDTH: Final = 1.2
LEVEL_WIDTH: Final = 1.5
BODY_SHARE: Final = 0.75
COLUMN_SHARE: Final = 0.85
WIDE_SLOT: Final = 12.0
BAR_GAP: Final = 0.85
NARROW_SLOT: Final = 4.0
NARROWEST_BODY: Final = 3
WIDEST_SIDE: Final = 24
TAG_HEIGHT: Final = 21
TAG_GAP: Final = 1
LEGEND_ROW: Final = 24
LEGEND_BASE: Final = 20
LEGEND_SPACE: Final = 16
LABEL_ROOM: Final = 17
LABEL_HALF: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Slots:
    """Where the bars stand: the pixel of each wick's left edge, shape (n,), and their widths.

    `places` is the middle in tenths.
    """

    left: Floats
    middle: Floats
    places: canvas.Places
    wick: int
    body: int
    column: int

    def boxes(self, y: Floats, height: Floats, *, width: int) -> canvas.Places:
        """Return rectangles of this width around the wicks; shape (n, 4)."""
        x = self.left - (width - self.wick) // 2
        return canvas.tenths(np.stack([x, y, np.full(len(x), width), height], axis=1))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Field:
    """One panel's rectangle on the page, in pixels."""

    panel: Panel
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
        return float(self.y(np.array([value]))[0])

    @property
    def width(self) -> float:
        return self.right - LEFT

    @property
    def height(self) -> float:
        return self.bottom - self.top


def render_page(spec: ChartSpec) -> bytes:
    """Return the chart as a PDF file of one page: the same bytes for the same spec."""
    return _page(spec, (), top=TOP)


def print_page(spec: ChartSpec, marks: SignalMarks) -> bytes:
    """Return the chart with the signal that followed it, as a PDF file of one page.

    The side and the facts of the signal stand under the headline, its levels are lines across the
    prices, and a note says that both were added. `spec` is the chart as the analyst was shown it.
    """
    return _page(mark_chart(spec, marks), signal_line(marks, y=TOP + 20), top=TOP + SIGNAL_ROW)


def _page(spec: ChartSpec, line: Iterable[str], *, top: int) -> bytes:
    """Return the page whose panels begin at `top`; `line` is what stands above them."""
    lines = note_lines(spec)
    right = float(WIDTH - _gutter(spec))
    bottom = HEIGHT - DATE_STRIP - NOTE_LINE * len(lines)
    fields = _fields(spec, right=right, top=top, bottom=bottom)
    slots = _slots(len(spec), right=right)
    content = [
        canvas.opening(points_per_pixel=1 / SCALE, height=HEIGHT / SCALE),
        *headline(spec, y=26),
        *line,
        *(mark for field in fields for mark in _field(field, spec, slots)),
        *_dates(spec, slots, y=bottom + 24),
        *notes(lines, y=bottom + DATE_STRIP + NOTE_LINE - MARGIN),
    ]
    return write_pdf("\n".join(filter(None, content)), width=WIDTH / SCALE, height=HEIGHT / SCALE)


def _gutter(spec: ChartSpec) -> int:
    """Return the width right of the panels: as wide as its longest label needs."""
    ticks = [tick.label for panel in spec.panels for tick in panel.axis.ticks]
    tags = [words for panel in spec.panels for _, words, _ in _tags(panel)]
    widths = [
        *(font(REGULAR).width(label, LABEL_SIZE) for label in ticks),
        *(font(BOLD).width(label, LABEL_SIZE) for label in tags),
    ]
    return max(GUTTER_MIN, int(max(widths, default=0.0)) + LABEL_AT + 2 * MARGIN)


def _fields(spec: ChartSpec, *, right: float, top: float, bottom: float) -> list[_Field]:
    """Return the panels' rectangles from top to bottom, edges on whole pixels."""
    room = bottom - top - GAP * (len(spec.panels) - 1)
    fields: list[_Field] = []
    used = 0.0
    for place, panel in enumerate(spec.panels):
        start = round(top + GAP * place + room * used)
        used += panel.share
        end = round(top + GAP * place + room * used)
        fields.append(_Field(panel=panel, top=start, bottom=end, right=right))
    return fields


def _slots(count: int, *, right: float) -> _Slots:
    """Return where `count` bars stand, on whole pixels."""
    slot = (right - LEFT) / count
    wick = 1 if slot < WIDE_SLOT else 2
    left = np.floor(LEFT + (np.arange(count, dtype=np.float64) + 0.5) * slot - (wick - 1) / 2)
    return _Slots(
        left=left,
        middle=left + wick / 2,
        places=canvas.tenths(left + wick / 2),
        wick=wick,
        body=_width_around(wick, slot * BODY_SHARE, slot=slot),
        column=_width_around(wick, slot * COLUMN_SHARE, slot=slot),
    )


def _width_around(wick: int, wanted: float, *, slot: float) -> int:
    """Return the width near `wanted` that leaves the wick in its middle and a gap to the next bar.

    Bars too close for a gap touch, so that their bodies can be told from their wicks.
    """
    if NARROWEST_BODY - 0.5 <= slot < NARROW_SLOT:
        return NARROWEST_BODY
    sides = round((wanted - wick) / 2)
    return wick + 2 * max(0, min(sides, int((slot - BAR_GAP - wick) / 2), WIDEST_SIDE))


def _field(field: _Field, spec: ChartSpec, slots: _Slots) -> Iterator[str]:
    """Yield a panel, from the back to the front; what lies in it is cut off at its edges."""
    panel = field.panel
    rectangle = {"x": LEFT, "y": field.top, "width": field.width, "height": field.height}
    inside = [
        *_background(field, spec, slots),
        *(_columns(each, field, slots) for each in panel.series if each.form is Form.COLUMNS),
        *(_candles(field, spec, slots) if panel is spec.panels[0] else ()),
        *(mark for each in panel.series for mark in _line(each, field, slots)),
        *_levels(field),
        *_legend_backs(panel.legends, top=field.top),
    ]
    yield canvas.clipped([mark for mark in inside if mark], **rectangle)
    yield canvas.frame(EDGE, **rectangle)
    yield from _value_labels(field)
    yield from _legends(panel.legends, top=field.top)


def _background(field: _Field, spec: ChartSpec, slots: _Slots) -> Iterator[str]:
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


def _candles(field: _Field, spec: ChartSpec, slots: _Slots) -> Iterator[str]:
    """Yield the bars: wicks and bodies, a body at least as high as a wick is wide.

    A bar that is not complete is hollow.
    """
    candles = spec.candles
    high, low = np.rint(field.y(candles.high)), np.rint(field.y(candles.low))
    first, last = np.rint(field.y(candles.open)), np.rint(field.y(candles.close))
    top = np.minimum(first, last)
    wicks = slots.boxes(high, np.maximum(low - high, 1), width=slots.wick)
    bodies = slots.boxes(top, np.maximum(np.abs(first - last), slots.wick), width=slots.body)
    for ink, chosen in ((Ink.UP, candles.rising), (Ink.DOWN, ~candles.rising)):
        done, hollow = chosen & candles.complete, chosen & ~candles.complete
        yield canvas.boxes(INKS[ink], np.concatenate([wicks[chosen], bodies[done]]))
        yield canvas.outlines(INKS[ink], bodies[hollow], width=1)


def _columns(series: Series, field: _Field, slots: _Slots) -> str:
    """Return the columns from 0, in the soft colour of their direction."""
    zero = round(field.y_of(0.0))
    ends = np.rint(field.y(series.values))
    filled = slots.boxes(np.minimum(ends, zero), np.abs(ends - zero), width=slots.column)
    shown = ~np.isnan(series.values) & (series.values != 0)
    rising = series.rising if series.rising is not None else np.ones(len(shown), np.bool_)
    parts = [
        canvas.boxes(SOFT_UP, filled[shown & rising]),
        canvas.boxes(SOFT_DOWN, filled[shown & ~rising]),
    ]
    return "\n".join(filter(None, parts))


def _line(series: Series, field: _Field, slots: _Slots) -> Iterator[str]:
    """Yield the line, its settling part dashed; a trend broken where its direction turns."""
    if series.form is Form.COLUMNS:
        return
    y = canvas.tenths(field.y(series.values))
    places = np.arange(len(y))
    for ink, width, chosen in _strokes(series, ~np.isnan(series.values)):
        late = chosen
        if series.settling:
            early, late = chosen & (places < series.settling), chosen & (places >= series.settling)
            yield canvas.line(INKS[ink], slots.places, y, width=width, shown=early, dashed=True)
            # The solid part begins where the dashed one ends, or a gap would look like a break.
            late[:-1] |= chosen[:-1] & late[1:]
        yield canvas.line(INKS[ink], slots.places, y, width=width, shown=late)


def _strokes(series: Series, shown: Flags) -> list[tuple[Ink, float, Flags]]:
    if series.rising is not None:
        rising = series.rising
        return [(Ink.UP, TREND_WIDTH, shown & rising), (Ink.DOWN, TREND_WIDTH, shown & ~rising)]
    return [(series.ink, BAND_WIDTH if series.ink is Ink.BAND else LINE_WIDTH, shown)]


def _levels(field: _Field) -> Iterator[str]:
    """Yield the lines of the last price and of the named levels."""
    tag, ends = field.panel.tag, canvas.tenths(np.array([LEFT, field.right]))
    lines = [(tag.value, tag.ink, 1.0)] if tag is not None and tag.line else []
    lines += [(level.value, level.ink, LEVEL_WIDTH) for level in field.panel.levels]
    for value, ink, width in lines:
        y = canvas.tenths(np.full(2, round(field.y_of(value)) + 0.5))
        yield canvas.line(INKS[ink], ends, y, width=width, shown=np.ones(2, np.bool_), dashed=True)


def _tags(panel: Panel) -> Iterator[tuple[float, str, Ink]]:
    """Yield what is marked on the axis: value, words and colour."""
    if panel.tag is not None:
        yield panel.tag.value, panel.tag.label, panel.tag.ink
    for level in panel.levels:
        yield level.value, f"{level.name} {level.label}", level.ink


def _value_labels(field: _Field) -> Iterator[str]:
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
        yield canvas.box(INKS[ink], x=field.right, y=top, width=width, height=TAG_HEIGHT)
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


def _legends(rows: tuple[tuple[Legend, ...], ...], *, top: float) -> Iterator[str]:
    for place, row in enumerate(rows):
        x, y = LEFT + MARGIN, top + LEGEND_BASE + LEGEND_ROW * place
        for legend in row:
            words, colour = legend.text, INKS[legend.ink]
            yield canvas.text(words, x=x, y=y, size=LEGEND_SIZE, colour=colour, name=BOLD)
            x += _legend_width(legend)


def _legend_backs(rows: tuple[tuple[Legend, ...], ...], *, top: float) -> Iterator[str]:
    """Yield white behind the legends, for the average that leaves the panel through them."""
    for place, row in enumerate(rows):
        width, y = sum(map(_legend_width, row)), top + LEGEND_ROW * place
        yield canvas.box(WHITE, x=LEFT, y=y, width=width, height=LEGEND_ROW)


def _legend_width(legend: Legend) -> int:
    return round(font(BOLD).width(legend.text, LEGEND_SIZE)) + LEGEND_SPACE


def _dates(spec: ChartSpec, slots: _Slots, *, y: float) -> Iterator[str]:
    """Yield the dates under the last panel, each in the middle of its bar, none off the page."""
    for tick in spec.date_ticks:
        name = BOLD if tick.bold else REGULAR
        width = font(name).width(tick.label, LABEL_SIZE)
        x = min(max(float(slots.middle[tick.at]) - width / 2, MARGIN), WIDTH - MARGIN - width)
        yield canvas.text(tick.label, x=x, y=y, size=LABEL_SIZE, colour=TEXT, name=name)
