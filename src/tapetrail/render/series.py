"""What is drawn of bars and values: candles, columns, lines and trends."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from tapetrail.core.charts.spec import Candles, Form, Ink, Series
from tapetrail.core.market.bars import Flags
from tapetrail.render import canvas
from tapetrail.render.layout import Field, Slots
from tapetrail.render.look import NARROW, Bodies, Look

LINE_WIDTH: Final = 1.8
TREND_WIDTH: Final = 2.6
WHITE_EDGE: Final = 4
ROOMY: Final = 12
"""Pixels: bodies wider than that have a white edge of `WHITE_EDGE` under the dotted one."""
INSIDE: Final = np.array([1, 1, -2, -2], dtype=np.int64) * canvas.TENTHS


def candles(field: Field, bars: Candles, slots: Slots) -> Iterator[str]:
    """Yield the bars: wicks and bodies, a body at least as high as a wick is wide.

    A bar that is not complete has a dotted edge, or is hollow in the first style.
    """
    look = field.look
    high, low = np.rint(field.y(bars.high)), np.rint(field.y(bars.low))
    first, last = np.rint(field.y(bars.open)), np.rint(field.y(bars.close))
    top = np.minimum(first, last)
    wicks = slots.boxes(high, np.maximum(low - high, 1), width=slots.wick)
    bodies = slots.boxes(top, np.maximum(np.abs(first - last), slots.wick), width=slots.body)
    for ink, chosen in ((Ink.UP, bars.rising), (Ink.DOWN, ~bars.rising)):
        done, open_ = chosen & bars.complete, chosen & ~bars.complete
        if not look.dotted:
            yield canvas.boxes(look.inks[ink], np.concatenate([wicks[chosen], bodies[done]]))
            yield canvas.outlines(look.inks[ink], bodies[open_], width=1)
            continue
        if ink is Ink.UP:
            yield from _rising(look.candles, bodies[chosen], wicks[chosen])
        else:
            falling = np.concatenate([wicks[chosen], bodies[chosen]])
            yield canvas.boxes(look.candles.falling, falling)
        white = WHITE_EDGE if slots.body > ROOMY else 1
        yield canvas.edges(look.inks[ink], bodies[open_], dash=look.dotted, white=white)


def _rising(
    colours: Bodies, bodies: canvas.Places, wicks: canvas.Places | None = None
) -> Iterator[str]:
    """Yield what rises: bodies in an edge of the wicks' colour, or small ones solid."""
    if colours.edge is None:
        yield canvas.boxes(colours.rising, bodies)
        return
    small = (bodies[:, 2:] < NARROW * canvas.TENTHS).any(axis=1)
    for colour, chosen in ((colours.narrow, small), (colours.edge, ~small)):
        parts = [bodies[chosen]] if wicks is None else [wicks[chosen], bodies[chosen]]
        yield canvas.boxes(colour, np.concatenate(parts))
    yield canvas.boxes(colours.rising, bodies[~small] + INSIDE)


def columns(series: Series, field: Field, slots: Slots) -> str:
    """Return the columns from 0, in the colours of their direction."""
    zero = round(field.y_of(0.0))
    ends = np.rint(field.y(series.values))
    filled = slots.boxes(np.minimum(ends, zero), np.abs(ends - zero), width=slots.column)
    shown = ~np.isnan(series.values) & (series.values != 0)
    rising = series.rising if series.rising is not None else np.ones(len(shown), np.bool_)
    colours = field.look.columns
    parts = [
        *_rising(colours, filled[shown & rising]),
        canvas.boxes(colours.falling, filled[shown & ~rising]),
    ]
    return "\n".join(filter(None, parts))


def line(series: Series, field: Field, slots: Slots) -> Iterator[str]:
    """Yield the line, its settling part dashed; a trend broken and marked where it turns."""
    if series.form is Form.COLUMNS:
        return
    y = canvas.tenths(field.y(series.values))
    places = np.arange(len(y))
    inks = field.look.inks
    for ink, width, chosen in _strokes(series, field, ~np.isnan(series.values)):
        late, dash = chosen, field.look.band_dash if ink is Ink.BAND else ""
        if series.settling:
            early, late = chosen & (places < series.settling), chosen & (places >= series.settling)
            dashed = canvas.DASHED
            yield canvas.line(inks[ink], slots.places, y, width=width, shown=early, dash=dashed)
            # The solid part begins where the dashed one ends, or a gap would look like a break.
            late[:-1] |= chosen[:-1] & late[1:]
        yield canvas.line(inks[ink], slots.places, y, width=width, shown=late, dash=dash)
    if series.rising is not None and field.look.flip:
        shown = ~np.isnan(series.values)
        points = np.stack([slots.places, y], axis=1)[shown]
        yield from _turns(points, series.rising[shown], field.look)


def _strokes(series: Series, field: Field, shown: Flags) -> list[tuple[Ink, float, Flags]]:
    if series.rising is not None:
        rising = series.rising
        return [(Ink.UP, TREND_WIDTH, shown & rising), (Ink.DOWN, TREND_WIDTH, shown & ~rising)]
    return [(series.ink, field.look.widths.get(series.ink, LINE_WIDTH), shown)]


def _turns(points: canvas.Places, rising: Flags, look: Look) -> Iterator[str]:
    """Yield an arrow in the new direction at each point on which a trend has turned."""
    turned = np.concatenate([[False], rising[1:] != rising[:-1]])
    for ink, up in ((Ink.UP, True), (Ink.DOWN, False)):
        chosen = points[turned & (rising == up)]
        yield canvas.arrows(look.inks[ink], chosen, up=up, half=look.flip)
