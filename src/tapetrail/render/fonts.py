"""The embedded fonts: which letters they have, how wide they are, how a page carries them.

The page must look the same where no font is installed, so it brings its own: subsets of DejaVu
Sans. One has what a chart itself writes, a second one beside it further letters of Latin, Greek and
Cyrillic. A letter that neither has is written by its number. The files are written by
`tools/subset_font.py`. Widths come from the fonts' own tables, by the OpenType specification
(`head`, `hhea`, `hmtx`, and `cmap` in format 12).
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Final

from tapetrail.core.errors import IntegrityFailure

_CMAP_HEADER: Final = 4
_CMAP_FORMAT: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Font:
    """A font a page can carry. Widths are in thousandths of the font size."""

    name: str
    file: bytes
    glyphs: Mapping[str, int]
    widths: Mapping[str, float]
    ascent: int
    descent: int
    box: tuple[int, int, int, int]

    def codes(self, text: str) -> str:
        """Return the text as glyph numbers, four hex digits each: nothing in it can be markup."""
        return "".join([f"{self.glyphs[letter]:04x}" for letter in text])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Face:
    """A font, and the one with further letters beside it; no letter is in both.

    `widths` has those of both.
    """

    plain: Font
    further: Font
    widths: Mapping[str, float]

    def shown(self, text: str) -> str:
        """Return the text as it can be drawn: `[U+8D35 U+5DDE]` for letters that no font has."""
        if not self.lacking(text):
            return text
        runs = groupby(text, key=self.widths.__contains__)
        return "".join(["".join(run) if drawn else _numbers(run) for drawn, run in runs])

    def lacking(self, text: str) -> str:
        """Return each letter of the text that no font has, once, in the text's order."""
        return "".join(dict.fromkeys(letter for letter in text if letter not in self.widths))

    def width(self, text: str, size: float) -> float:
        """Return how wide the text is at this size, in the unit of the size."""
        return sum(map(self.widths.__getitem__, self.shown(text))) * size / 1000

    def runs(self, text: str) -> Iterator[tuple[Font, str]]:
        """Yield the parts of the text as it can be drawn, each with the font that has it."""
        for is_plain, run in groupby(self.shown(text), key=self.plain.glyphs.__contains__):
            yield self.plain if is_plain else self.further, "".join(run)


def _numbers(letters: Iterable[str]) -> str:
    return f"[{' '.join([f'U+{ord(letter):04X}' for letter in letters])}]"


@cache
def load_face(plain: str, further: str) -> Face:
    """Return the fonts stored as these two files. Raises as `load_font` does."""
    fonts = load_font(plain), load_font(further)
    return Face(plain=fonts[0], further=fonts[1], widths={**fonts[1].widths, **fonts[0].widths})


@cache
def load_font(file_name: str) -> Font:
    """Return the font stored as `file_name` in the package.

    Raises `IntegrityFailure` when the file is not one that `tools/subset_font.py` wrote.
    """
    file = (files("tapetrail.render") / "assets" / file_name).read_bytes()
    return parse_font(file, name=file_name.removesuffix(".ttf"))


def parse_font(file: bytes, *, name: str) -> Font:
    """Return the font whose file this is. Raises `IntegrityFailure` for what cannot be read."""
    try:
        return _font(file, name=name)
    except (struct.error, KeyError, IndexError) as error:
        raise IntegrityFailure(
            f"font {name}, {len(file)} bytes: not a TrueType font with a format 12 character map"
        ) from error


def _font(file: bytes, *, name: str) -> Font:
    tables = _tables(file)
    em = struct.unpack_from(">H", file, tables["head"] + 18)[0]
    box = struct.unpack_from(">4h", file, tables["head"] + 36)
    ascent, descent = struct.unpack_from(">2h", file, tables["hhea"] + 4)
    measured = struct.unpack_from(">H", file, tables["hhea"] + 34)[0]
    # Each horizontal metric is an advance and a bearing; the last advance holds for the rest.
    advances = struct.unpack_from(">" + "H2x" * measured, file, tables["hmtx"])
    glyphs = _glyphs(file, tables["cmap"])
    return Font(
        name=name,
        file=file,
        glyphs=glyphs,
        widths={
            letter: advances[min(glyph, measured - 1)] * 1000 / em
            for letter, glyph in glyphs.items()
        },
        ascent=round(ascent * 1000 / em),
        descent=round(descent * 1000 / em),
        box=(
            round(box[0] * 1000 / em),
            round(box[1] * 1000 / em),
            round(box[2] * 1000 / em),
            round(box[3] * 1000 / em),
        ),
    )


def _tables(file: bytes) -> Mapping[str, int]:
    count: int = struct.unpack_from(">H", file, 4)[0]
    entries = struct.iter_unpack(">4s4xI4x", file[12 : 12 + 16 * count])
    return {str(tag, "ascii"): int(offset) for tag, offset in entries}


def _glyphs(file: bytes, cmap: int) -> Mapping[str, int]:
    """Return the glyph of each letter. The one subtable is a list of (first, last, glyph)."""
    at: int = cmap + struct.unpack_from(">I", file, cmap + _CMAP_HEADER + 4)[0]
    if struct.unpack_from(">H", file, at)[0] != _CMAP_FORMAT:
        raise KeyError(_CMAP_FORMAT)
    count: int = struct.unpack_from(">I", file, at + 12)[0]
    groups = struct.iter_unpack(">3I", file[at + 16 : at + 16 + 12 * count])
    return {
        chr(code): glyph + code - first
        for first, last, glyph in groups
        for code in range(first, last + 1)
    }
