"""Draws the gallery: `make gallery`, or `make gallery ARGS=flat` for some of its cases.

`docs/gallery` gets a page with a small image of every case; it is checked in. `build/gallery` gets
the image at full size, the printed page and the interactive file of every case; it is not.
"""

import sys
from pathlib import Path
from typing import Final

from gallery.cases import CASES, Case
from gallery.index import index_page
from tapetrail.render.html import render_html
from tapetrail.render.jpeg import render_jpeg, render_thumbnail
from tapetrail.render.page import print_page, render_page

ROOT: Final = Path(__file__).parents[1]
CHECKED_IN: Final = ROOT / "docs" / "gallery"
BUILT: Final = ROOT / "build" / "gallery"


def main() -> int:
    """Draw the cases that are named on the command line, or all; return the exit code."""
    chosen = [case for case in CASES if case.name in sys.argv[1:]] or list(CASES)
    unknown = set(sys.argv[1:]) - {case.name for case in CASES}
    if unknown:
        names = ", ".join(case.name for case in CASES)
        sys.stderr.write(f"no case {', '.join(sorted(unknown))} in the gallery; known: {names}\n")
        return 2
    for folder in (CHECKED_IN, BUILT):
        folder.mkdir(parents=True, exist_ok=True)
    for case in chosen:
        _draw(case)
    _remove_old(CHECKED_IN)
    (CHECKED_IN / "index.md").write_text(index_page(), encoding="utf-8")
    size = sum(path.stat().st_size for path in CHECKED_IN.iterdir())
    sys.stdout.write(f"{len(chosen)} charts: {CHECKED_IN.relative_to(ROOT)}/index.md")
    sys.stdout.write(f" ({size / 1e6:.1f} MB), in full size in {BUILT.relative_to(ROOT)}\n")
    return 0


def _draw(case: Case) -> None:
    spec = case.spec()
    page = render_page(spec) if case.marks is None else print_page(spec, case.marks)
    (CHECKED_IN / f"{case.name}.jpg").write_bytes(render_thumbnail(page))
    (BUILT / f"{case.name}.jpg").write_bytes(render_jpeg(page))
    (BUILT / f"{case.name}.pdf").write_bytes(page)
    (BUILT / f"{case.name}.html").write_bytes(render_html(spec))


def _remove_old(folder: Path) -> None:
    """Remove the images of cases that are no more."""
    for path in folder.glob("*.jpg"):
        if path.stem not in {case.name for case in CASES}:
            path.unlink()


if __name__ == "__main__":
    sys.exit(main())
