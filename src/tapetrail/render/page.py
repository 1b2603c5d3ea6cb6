"""A chart spec as one vector page: what is drawn where, in which colour.

The same page is printed and rasterised. It is 1600 x 1200 pixels, half a point each, so that it
fits a sheet of A4 or Letter. Bars and columns lie on whole pixels and stay sharp; lines do not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from tapetrail.core.bars import Flags, Floats
from tapetrail.core.chart_axes import Scale
from tapetrail.core.chart_spec import ChartSpec, Form, Ink, Legend, Panel, Series
from tapetrail.render import canvas
from tapetrail.render.canvas import rgb
from tapetrail.render.pdf import BOLD, REGULAR, font, write_pdf

PAGE_RENDERER: Final = "tapetrail-page/1"
WIDTH: Final = 1600
HEIGHT: Final = 1200
SCALE: Final = 2
"""Pixels a point."""

LEFT: Final = 8
TOP: Final = 37
GAP: Final = 9
DATE_STRIP: Final = 35
NOTE_LINE: Final = 19
GUTTER_MIN: Final = 92
LABEL_AT: Final = 9
MARGIN: Final = 8
SYMBOL_MIN: Final = 200

TITLE_SIZE: Final = 23
FACTS_SIZE: Final = 17
LABEL_SIZE: Final = 15
LEGEND_SIZE: Final = 14.5
NOTE_SIZE: Final = 14
# Half the height of a capital letter, by which a label is moved to stand on the middle of a line.
MIDDLE: Final = 0.36

LINE_WIDTH: Final = 1.8
TREND_WIDTH: Final = 2.6
BAND_WIDTH: Final = 1.2
BODY_SHARE: Final = 0.75
COLUMN_SHARE: Final = 0.85
WIDE_SLOT: Final = 12.0
WIDEST_SIDE: Final = 24
TAG_HEIGHT: Final = 21
LEGEND_ROW: Final = 24
LEGEND_BASE: Final = 20
LEGEND_SPACE: Final = 16
LABEL_ROOM: Final = 17

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
}
SOFT_UP: Final = rgb("#80c9bc")
SOFT_DOWN: Final = rgb("#f1a0a8")


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
    notes = _wrapped("  ·  ".join(spec.notes), size=NOTE_SIZE, width=WIDTH - 2 * MARGIN)
    right = float(WIDTH - _gutter(spec))
    bottom = HEIGHT - DATE_STRIP - NOTE_LINE * len(notes)
    fields = _fields(spec, right=right, bottom=bottom)
    slots = _slots(len(spec), right=right)
    content = [
        canvas.opening(points_per_pixel=1 / SCALE, height=HEIGHT / SCALE),
        *_headline(spec),
        *(mark for field in fields for mark in _field(field, spec, slots)),
        *_dates(spec, slots, y=bottom + 24),
        *_notes(notes, y=bottom + DATE_STRIP + NOTE_LINE - MARGIN),
    ]
    return write_pdf("\n".join(filter(None, content)), width=WIDTH / SCALE, height=HEIGHT / SCALE)


def _gutter(spec: ChartSpec) -> int:
    """Return the width right of the panels: as wide as its longest label needs."""
    ticks = [tick.label for panel in spec.panels for tick in panel.axis.ticks]
    tags = [panel.tag.label for panel in spec.panels if panel.tag is not None]
    widths = [
        *(font(REGULAR).width(label, LABEL_SIZE) for label in ticks),
        *(font(BOLD).width(label, LABEL_SIZE) for label in tags),
    ]
    return max(GUTTER_MIN, int(max(widths, default=0.0)) + LABEL_AT + 2 * MARGIN)


def _fields(spec: ChartSpec, *, right: float, bottom: float) -> list[_Field]:
    """Return the panels' rectangles from top to bottom, edges on whole pixels."""
    room = bottom - TOP - GAP * (len(spec.panels) - 1)
    fields: list[_Field] = []
    used = 0.0
    for place, panel in enumerate(spec.panels):
        top = round(TOP + GAP * place + room * used)
        used += panel.share
        end = round(TOP + GAP * place + room * used)
        fields.append(_Field(panel=panel, top=top, bottom=end, right=right))
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
        body=_width_around(wick, slot * BODY_SHARE, most=slot - 1),
        column=_width_around(wick, slot * COLUMN_SHARE, most=slot - 1),
    )


def _width_around(wick: int, wanted: float, *, most: float) -> int:
    """Return the width near `wanted` that leaves the wick in its middle, not above `most`."""
    sides = round((wanted - wick) / 2)
    return wick + 2 * max(0, min(sides, int((most - wick) / 2), WIDEST_SIDE))


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
    """Yield the last price's line and the named levels, each with its name at the right."""
    tag = field.panel.tag
    ends = canvas.tenths(np.array([LEFT, field.right]))
    both = np.ones(2, np.bool_)
    if tag is not None and tag.line:
        y = canvas.tenths(np.full(2, round(field.y_of(tag.value)) + 0.5))
        yield canvas.line(INKS[tag.ink], ends, y, width=1, shown=both, dashed=True)
    x = field.right - MARGIN
    for level in field.panel.levels:
        base, words = round(field.y_of(level.value)), f"{level.name} {level.label}"
        y, width = canvas.tenths(np.full(2, base + 0.5)), font(BOLD).width(words, LEGEND_SIZE)
        # Each label stands left of the one before, so close levels never share their letters.
        x -= width + LEGEND_SPACE
        colour = INKS[level.ink]
        yield canvas.line(colour, ends, y, width=1.5, shown=both, dashed=True)
        yield canvas.halo(words, x=x, y=base - 6, size=LEGEND_SIZE, colour=WHITE, name=BOLD)
        yield canvas.text(words, x=x, y=base - 6, size=LEGEND_SIZE, colour=colour, name=BOLD)


def _value_labels(field: _Field) -> Iterator[str]:
    """Yield the axis' labels at the right; the tag covers those it would run into."""
    tag = field.panel.tag
    tag_y = None
    if tag is not None:
        half = TAG_HEIGHT / 2
        tag_y = min(max(field.y_of(tag.value), field.top + half), field.bottom - half)
    for tick in field.panel.axis.ticks:
        y = field.y_of(tick.value)
        if tag_y is None or abs(y - tag_y) >= LABEL_ROOM:
            yield canvas.box(EDGE, x=field.right, y=round(y), width=5, height=1)
            yield _label(tick.label, y=y, x=field.right + LABEL_AT, colour=TEXT, name=REGULAR)
    if tag is not None and tag_y is not None:
        top = round(tag_y - TAG_HEIGHT / 2)
        width = WIDTH - field.right - 2
        yield canvas.box(INKS[tag.ink], x=field.right, y=top, width=width, height=TAG_HEIGHT)
        middle = top + TAG_HEIGHT / 2
        yield _label(tag.label, y=middle, x=field.right + LABEL_AT, colour=WHITE, name=BOLD)


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


def _headline(spec: ChartSpec) -> Iterator[str]:
    """Yield the line on top. A symbol without room is cut, and so is what stands at the right."""
    head = spec.headline
    facts: list[tuple[str, float, str, str]] = [
        (head.timeframe, TITLE_SIZE, TEXT, BOLD),
        (head.facts, FACTS_SIZE, TEXT, REGULAR),
    ]
    if head.change is not None:
        facts.append((head.change.text, FACTS_SIZE, INKS[head.change.ink], BOLD))
    room = sum(font(name).width(words, size) + 16 for words, size, _, name in facts)
    symbol_room = max(SYMBOL_MIN, WIDTH - room - 3 * MARGIN)
    symbol = _cut(head.symbol, size=TITLE_SIZE, width=symbol_room, name=BOLD)
    x = float(LEFT + 3)
    for words, size, colour, name in [(symbol, TITLE_SIZE, TEXT, BOLD), *facts]:
        yield canvas.text(words, x=x, y=26, size=size, colour=colour, name=name)
        x += font(name).width(words, size) + 16
    context = _cut(head.context, size=LABEL_SIZE, width=WIDTH - MARGIN - x, name=REGULAR)
    at = WIDTH - MARGIN - font(REGULAR).width(context, LABEL_SIZE)
    yield canvas.text(context, x=at, y=26, size=LABEL_SIZE, colour=MUTED, name=REGULAR)


def _notes(lines: list[str], *, y: float) -> Iterator[str]:
    for place, words in enumerate(lines):
        at = y + NOTE_LINE * place
        yield canvas.text(words, x=MARGIN, y=at, size=NOTE_SIZE, colour=MUTED, name=REGULAR)


def _cut(words: str, *, size: float, width: float, name: str) -> str:
    """Return the text, shortened to `..` at its end where it is wider than `width` pixels."""
    if font(name).width(words, size) <= width:
        return words
    while words and font(name).width(words + "..", size) > width:
        words = words[:-1]
    return words + ".." if words else ""


def _wrapped(words: str, *, size: float, width: float) -> list[str]:
    """Return the text in lines no wider than `width` pixels, broken between words."""
    lines: list[str] = []
    for word in words.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font(REGULAR).width(longer, size) <= width:
            lines[-1] = longer
        elif word:
            lines.append(word)
    return lines
