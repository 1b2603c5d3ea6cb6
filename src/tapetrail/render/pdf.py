"""A single vector page as a PDF file: objects, fonts and one content stream.

Only what the chart needs of ISO 32000: embedded TrueType fonts, addressed by glyph number,
and no date, id or producer of its own, so that equal content is an equal file. Streams stay
uncompressed: compressed bytes differ between versions of zlib, and the raster would have to
unpack them.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from tapetrail.render.fonts import Face, Font, load_face, load_font

REGULAR: Final = "R"
BOLD: Final = "B"
FONT_FILES: Final[Mapping[str, str]] = {
    REGULAR: "chart-sans.ttf",
    BOLD: "chart-sans-bold.ttf",
    "RF": "chart-sans-further.ttf",
    "BF": "chart-sans-bold-further.ttf",
}
"""The fonts by what a content stream calls them; a page carries the last two if it names them."""
_FURTHER: Final = {REGULAR: "RF", BOLD: "BF"}
_HEADER: Final = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
_OBJECTS_PER_FONT: Final = 5
_SYMBOLIC: Final = 4
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def font(name: str) -> Face:
    """Return the font that the content stream calls `name`, with the further letters beside it."""
    return load_face(FONT_FILES[name], FONT_FILES[_FURTHER[name]])


def runs(words: str, name: str) -> list[tuple[str, str]]:
    """Return a text in parts, each as glyph numbers and under what its font is called.

    Letters that no font has are written by their numbers.
    """
    face = font(name)
    return [
        (name if part is face.plain else _FURTHER[name], part.codes(run))
        for part, run in face.runs(words)
    ] or [(name, "")]


def write_pdf(
    content: str, *, width: float, height: float, info: Mapping[str, str] = NOTHING
) -> bytes:
    """Return a PDF file of one page, `width` x `height` points, that shows the content stream.

    `content` is ASCII; it may use the fonts of `FONT_FILES`. `info` is what the file
    says of itself, such as its `Title`.
    """
    names = (REGULAR, BOLD, *(name for name in _FURTHER.values() if f"/{name} " in content))
    fixed = _font_objects(names)
    first = len(fixed) + 1
    used = " ".join(
        f"/{name} {1 + place * _OBJECTS_PER_FONT} 0 R" for place, name in enumerate(names)
    )
    page = (
        f"<</Type/Page/Parent {first + 1} 0 R/MediaBox[0 0 {width:g} {height:g}]"
        f"/Resources<</Font<<{used}>>>>/Contents {first + 3} 0 R>>"
    )
    objects = [
        *fixed,
        f"<</Type/Catalog/Pages {first + 1} 0 R>>".encode("ascii"),
        f"<</Type/Pages/Kids[{first + 2} 0 R]/Count 1>>".encode("ascii"),
        page.encode("ascii"),
        _stream(content.encode("ascii")),
    ]
    if not info:
        return _file(objects, trailer=f"/Root {first} 0 R")
    said = "".join(f"/{name}<{_text_string(text)}>" for name, text in info.items())
    objects.append(f"<<{said}>>".encode("ascii"))
    return _file(objects, trailer=f"/Root {first} 0 R/Info {len(objects)} 0 R")


def _text_string(text: str) -> str:
    """Return a text of the file's information in hex: UTF-16 with its mark, so never markup."""
    return ("\ufeff" + text).encode("utf-16-be", "replace").hex()


def _file(objects: list[bytes], *, trailer: str) -> bytes:
    """Return the objects, numbered from 1, with the table of their places that ends the file."""
    parts = [_HEADER]
    at = len(_HEADER)
    places: list[int] = []
    for number, content in enumerate(objects, start=1):
        part = b"%d 0 obj\n%b\nendobj\n" % (number, content)
        places.append(at)
        at += len(part)
        parts.append(part)
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = (
        f"xref\n0 {size}\n0000000000 65535 f \n{table}"
        f"trailer\n<</Size {size}{trailer}>>\nstartxref\n{at}\n%%EOF\n"
    )
    return b"".join([*parts, end.encode("ascii")])


def _stream(content: bytes, entries: str = "") -> bytes:
    head = f"<</Length {len(content)}{entries}>>stream\n".encode("ascii")
    return head + content + b"\nendstream"


@cache
def _font_objects(names: tuple[str, ...]) -> tuple[bytes, ...]:
    objects: list[bytes] = []
    for name in names:
        objects += _objects_of(load_font(FONT_FILES[name]), first=len(objects) + 1)
    return tuple(objects)


def _objects_of(face: Font, *, first: int) -> list[bytes]:
    """Return the five objects of a font whose text is written as glyph numbers.

    The font, its one descendant, the descriptor, the file, and the letters behind the glyphs, so
    that text can be searched and copied.
    """
    widths = {glyph: face.widths[letter] for letter, glyph in face.glyphs.items()}
    listed = " ".join(f"{glyph}[{width:.0f}]" for glyph, width in sorted(widths.items()))
    box = " ".join(map(str, face.box))
    composite = (
        f"<</Type/Font/Subtype/Type0/BaseFont/{face.name}/Encoding/Identity-H"
        f"/DescendantFonts[{first + 1} 0 R]/ToUnicode {first + 4} 0 R>>"
    )
    descendant = (
        f"<</Type/Font/Subtype/CIDFontType2/BaseFont/{face.name}"
        "/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
        f"/FontDescriptor {first + 2} 0 R/CIDToGIDMap/Identity/W[{listed}]>>"
    )
    descriptor = (
        f"<</Type/FontDescriptor/FontName/{face.name}/Flags {_SYMBOLIC}/FontBBox[{box}]"
        f"/ItalicAngle 0/Ascent {face.ascent}/Descent {face.descent}/CapHeight {face.ascent}"
        f"/StemV 80/FontFile2 {first + 3} 0 R>>"
    )
    texts = (composite, descendant, descriptor)
    file = _stream(face.file, f"/Length1 {len(face.file)}")
    return [*(text.encode("ascii") for text in texts), file, _stream(_to_unicode(face))]


def _to_unicode(face: Font) -> bytes:
    pairs = [f"<{glyph:04x}> <{ord(letter):04x}>" for letter, glyph in face.glyphs.items()]
    blocks = [pairs[start : start + 100] for start in range(0, len(pairs), 100)]
    listed = "\n".join(
        f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks
    )
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CMapName /Chart def /CMapType 2 def\n"
        "1 begincodespacerange <0000> <ffff> endcodespacerange\n"
        f"{listed}\nendcmap CMapName currentdict /CMap defineresource pop end end"
    ).encode("ascii")
