"""What a page of a chart says and where: its texts and tags, read back from its content."""

import re
from dataclasses import dataclass
from typing import Final

from tapetrail.render import pdf
from tapetrail.render.fonts import load_font

MARK: Final = re.compile(
    rb"BT (?:[\d.]+ ){3}rg /([RB])(F?) (\d+) Tf 1 0 0 -1 (-?\d+) (-?\d+) Tm"
    rb"( <[0-9a-f]*> Tj(?: /[RB]F? \d+ Tf <[0-9a-f]*> Tj)*) ET"
)
PART: Final = re.compile(rb" (?:/([RBF]+) \d+ Tf )?<([0-9a-f]*)> Tj")
TAG: Final = re.compile(rb"rg (\d+) (\d+) (\d+) 210 re f\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A text on the page and the pixels its letters may touch."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Words") -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: "Words") -> bool:
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom


def words_of(page: bytes) -> list[Words]:
    """Every text of the page, read back from its content."""
    found: list[Words] = []
    for name, further, size, x, y, parts in MARK.findall(page):
        face = pdf.font(name.decode())
        text = "".join(
            _read(codes, name=(called or name + further).decode())
            for called, codes in PART.findall(parts)
        )
        height, left, base = int(size) / 10, int(x) / 10, int(y) / 10
        box = (left, base - 0.73 * height, left + face.width(text, height), base)
        found.append(Words(text=text, left=box[0], top=box[1], right=box[2], bottom=box[3]))
    return found


def _read(codes: bytes, *, name: str) -> str:
    glyphs = load_font(pdf.FONT_FILES[name]).glyphs
    letters = {glyph: letter for letter, glyph in glyphs.items()}
    return "".join(letters[int(codes[at : at + 4], 16)] for at in range(0, len(codes), 4))


def tags_of(page: bytes) -> list[Words]:
    """Every tag on a value axis: the box, named by the text that stands in it."""
    words = words_of(page)
    found: list[Words] = []
    for left, top, width in TAG.findall(page):
        x, y, wide = int(left) / 10, int(top) / 10, int(width) / 10
        box = Words(text="", left=x, top=y, right=x + wide, bottom=y + 21)
        inside = [each.text for each in words if box.holds(each)]
        found.append(
            Words(text=" ".join(inside), left=x, top=y, right=box.right, bottom=box.bottom)
        )
    return found
