"""Write the chart's two fonts anew: `python tools/subset_font.py FOLDER_OF_DEJAVU_TTF`.

The chart embeds its own letters, so that a page looks the same where no font is installed. The
sources are `DejaVuSans.ttf` and `DejaVuSans-Bold.ttf`, version 2.37. Only what the chart writes is
kept; hints, names of glyphs and layout rules go, and the character map is stored in the one form
(format 12) that `tapetrail.render.fonts` reads.
"""

import sys
from pathlib import Path
from typing import Final

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables._c_m_a_p import CmapSubtable

ASSETS: Final = Path(__file__).parent.parent / "src" / "tapetrail" / "render" / "assets"
SIGNS: Final = "·–▲▼"  # noqa: RUF001 # the dash is the one of ranges
KEPT: Final = [*range(0x20, 0x7F), *map(ord, SIGNS)]
FONTS: Final = {"DejaVuSans.ttf": "chart-sans.ttf", "DejaVuSans-Bold.ttf": "chart-sans-bold.ttf"}


def subset(source: Path, target: Path) -> None:
    """Write the kept letters of `source` to `target`, the same bytes every time."""
    font = TTFont(source, recalcTimestamp=False)
    options = Options(
        hinting=False,
        notdef_outline=True,
        glyph_names=False,
        drop_tables=["FFTM", "GDEF", "GPOS", "GSUB", "MATH", "gasp"],
    )
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=KEPT)
    subsetter.subset(font)
    table = CmapSubtable.newSubtable(12)
    table.platformID, table.platEncID, table.language = 3, 10, 0
    table.cmap = font.getBestCmap()
    font["cmap"].tables = [table]
    font.save(target, reorderTables=True)


def main() -> None:
    """Write both fonts."""
    for source, target in FONTS.items():
        subset(Path(sys.argv[1]) / source, ASSETS / target)


if __name__ == "__main__":
    main()
