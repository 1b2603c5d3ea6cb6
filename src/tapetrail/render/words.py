"""The texts around the panels: the headline, the signal of a print, the dates, the notes."""

from collections.abc import Iterator
from typing import Final

from tapetrail.core.analysis.chart_marks import SignalMarks
from tapetrail.core.charts.origin import Origin
from tapetrail.core.charts.spec import ChartSpec
from tapetrail.render import canvas
from tapetrail.render.look import (
    FACTS_SIZE,
    LABEL_SIZE,
    LEFT,
    MARGIN,
    MUTED,
    NOTE_SIZE,
    TEXT,
    TITLE_SIZE,
    WHITE,
    WIDTH,
    Bodies,
    Look,
    look_of,
)
from tapetrail.render.pdf import BOLD, REGULAR, font

SYMBOL_MIN: Final = 200
SPACE: Final = 16
NOTE_LINE: Final = 19
BADGE_HEIGHT: Final = 25
BADGE_PAD: Final = 9
KEY_BODY: Final = 10
KEY_HEIGHT: Final = 14
KEY_SPACE: Final = 5
KEY_WIDTH: Final = 114
KEY_EDGE: Final = 2


def headline(spec: ChartSpec, *, y: float, body: int) -> Iterator[str]:
    """Yield the line on top. A symbol without room is cut, and so is what stands at the right.

    Candles whose bodies are `body` pixels wide are explained in it.
    """
    head, look = spec.headline, look_of(spec.style)
    key = KEY_WIDTH if look.swatch else 0
    facts: list[tuple[str, float, str, str]] = [
        (head.timeframe, TITLE_SIZE, TEXT, BOLD),
        (head.facts, FACTS_SIZE, TEXT, REGULAR),
    ]
    if head.change is not None:
        facts.append((head.change.text, FACTS_SIZE, look.inks[head.change.ink], BOLD))
    room = key + sum(font(name).width(words, size) + SPACE for words, size, _, name in facts)
    symbol_room = max(SYMBOL_MIN, WIDTH - room - 3 * MARGIN)
    symbol = _cut(head.symbol, size=TITLE_SIZE, width=symbol_room, name=BOLD)
    x = float(LEFT + 3)
    for words, size, colour, name in [(symbol, TITLE_SIZE, TEXT, BOLD), *facts]:
        yield canvas.text(words, x=x, y=y, size=size, colour=colour, name=name)
        x += font(name).width(words, size) + SPACE
    if key:
        yield from _key(look.candles, x=x, y=y, body=body)
        x += key
    context = _cut(head.context, size=LABEL_SIZE, width=WIDTH - MARGIN - x, name=REGULAR)
    at = WIDTH - MARGIN - font(REGULAR).width(context, LABEL_SIZE)
    yield canvas.text(context, x=at, y=y, size=LABEL_SIZE, colour=MUTED, name=REGULAR)


def _key(candles: Bodies, *, x: float, y: float, body: int) -> Iterator[str]:
    """Yield what a rising and a falling candle look like, as wide ones or narrow ones do here."""
    fill, edge = candles.rising_at(body)
    for words, outer, inner in (("up", edge or fill, fill), ("down", *[candles.falling] * 2)):
        left, top = 2 * round(x / 2), round(y) - KEY_HEIGHT
        box = {"x": left, "y": top, "width": KEY_BODY, "height": KEY_HEIGHT}
        yield canvas.box(outer, **box)
        if outer != inner:
            inside = {"width": KEY_BODY - 2 * KEY_EDGE, "height": KEY_HEIGHT - 2 * KEY_EDGE}
            yield canvas.box(inner, x=left + KEY_EDGE, y=top + KEY_EDGE, **inside)
        at = x + KEY_BODY + KEY_SPACE
        yield canvas.text(words, x=at, y=y, size=LABEL_SIZE, colour=TEXT, name=REGULAR)
        x = at + font(REGULAR).width(words, LABEL_SIZE) + 2 * KEY_SPACE


def signal_line(marks: SignalMarks, *, look: Look, y: float) -> Iterator[str]:
    """Yield the line under the headline: the side of the signal on its colour, then its facts."""
    side, x = marks.side, float(LEFT)
    width = round(font(BOLD).width(side.text, FACTS_SIZE)) + 2 * BADGE_PAD
    yield canvas.box(look.inks[side.ink], x=x, y=y - 19, width=width, height=BADGE_HEIGHT)
    yield canvas.text(side.text, x=x + BADGE_PAD, y=y, size=FACTS_SIZE, colour=WHITE, name=BOLD)
    x += width + SPACE
    facts = _cut(marks.facts, size=FACTS_SIZE, width=WIDTH - MARGIN - x, name=REGULAR)
    yield canvas.text(facts, x=x, y=y, size=FACTS_SIZE, colour=TEXT, name=REGULAR)


def escaped_letters(spec: ChartSpec) -> str | None:
    """Return the letters that the page writes by their numbers, None where it draws all.

    Both fonts have the same letters; what else a chart writes is its own.
    """
    head = spec.headline
    return font(REGULAR).lacking("".join([head.symbol, head.context, *spec.notes])) or None


def note_lines(spec: ChartSpec) -> list[str]:
    """Return the notes in lines as wide as the page."""
    return _wrapped("  ·  ".join(spec.notes), size=NOTE_SIZE, width=WIDTH - 2 * MARGIN)


def foot_lines(origin: Origin) -> list[str]:
    """Return where the chart comes from, in lines as wide as the page."""
    width, lines = WIDTH - 2 * MARGIN, [""]
    for name, text in origin.facts:
        fact = f"{name} {text}"
        longer = f"{lines[-1]}  ·  {fact}" if lines[-1] else fact
        if font(REGULAR).width(longer, NOTE_SIZE) <= width:
            lines[-1] = longer
        else:
            lines.append(fact)
    return [part for line in lines for part in _wrapped(line, size=NOTE_SIZE, width=width)]


def notes(lines: list[str], *, y: float) -> Iterator[str]:
    """Yield the notes, the first line on `y`."""
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
