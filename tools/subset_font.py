"""Write the chart's fonts anew: `python tools/subset_font.py FOLDER_OF_DEJAVU_TTF`.

The chart embeds its own letters, so that a page looks the same where no font is installed. The
sources are `DejaVuSans.ttf` and `DejaVuSans-Bold.ttf`, version 2.37. Each gives two files: what a
chart itself writes, and further letters that names of instruments may have, which a page carries
where it needs them. Hints, names of glyphs and layout rules go, and the character map is stored in
the one form (format 12) that `tapetrail.render.fonts` reads.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables._c_m_a_p import CmapSubtable

ASSETS: Final = Path(__file__).parent.parent / "src" / "tapetrail" / "render" / "assets"
SIGNS: Final = "·–▲▼"  # noqa: RUF001 # the dash is the one of ranges
KEPT: Final = [*range(0x20, 0x7F), *map(ord, SIGNS)]
# Latin with its extensions, Greek, Cyrillic: one letter a sign, written from left to right. The
# soft hyphen is no letter.
SCRIPTS: Final = ((0xA1, 0x250), (0x370, 0x530), (0x1E00, 0x1F00))
SOFT_HYPHEN: Final = 0xAD
FURTHER: Final = sorted({code for span in SCRIPTS for code in range(*span)} - {*KEPT, SOFT_HYPHEN})
FONTS: Final = {
    "chart-sans.ttf": ("DejaVuSans.ttf", KEPT),
    "chart-sans-bold.ttf": ("DejaVuSans-Bold.ttf", KEPT),
    "chart-sans-further.ttf": ("DejaVuSans.ttf", FURTHER),
    "chart-sans-bold-further.ttf": ("DejaVuSans-Bold.ttf", FURTHER),
}


def subset(source: Path, target: Path, kept: Sequence[int]) -> None:
    """Write the `kept` letters of `source` to `target`, the same bytes every time."""
    font = TTFont(source, recalcTimestamp=False)
    options = Options(
        hinting=False,
        notdef_outline=True,
        glyph_names=False,
        drop_tables=["FFTM", "GDEF", "GPOS", "GSUB", "MATH", "gasp"],
    )
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=kept)
    subsetter.subset(font)
    table = CmapSubtable.newSubtable(12)
    table.platformID, table.platEncID, table.language = 3, 10, 0
    table.cmap = font.getBestCmap()
    font["cmap"].tables = [table]
    font.save(target, reorderTables=True)


def main() -> None:
    """Write all fonts."""
    for target, (source, kept) in FONTS.items():
        subset(Path(sys.argv[1]) / source, ASSETS / target, kept)


if __name__ == "__main__":
    main()
