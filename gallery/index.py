"""The page of the gallery: a contact sheet in Markdown, two charts a row."""

from collections.abc import Sequence
from typing import Final

from gallery.cases import CASES, Case

HEAD: Final = """# Chart gallery

Every kind of chart, as `make gallery` draws it: real daily bars of the sample source, and made-up
ones where the sample has no such market. The images here are small. `make gallery` also writes the
one a model is shown (1600 x 1200), the printable page and the interactive file of each to
`build/gallery`.

"""
_COLUMNS: Final = 2


def index_page() -> str:
    """Return the page: a table of small images, each above its caption."""
    rows = [CASES[at : at + _COLUMNS] for at in range(0, len(CASES), _COLUMNS)]
    lines = ["| " + " | ".join([" "] * _COLUMNS) + " |", "|" + " --- |" * _COLUMNS]
    return HEAD + "\n".join([*lines, *map(_row, rows)]) + "\n"


def _row(cases: Sequence[Case]) -> str:
    cells = [_cell(case) for case in cases] + [" "] * (_COLUMNS - len(cases))
    return "| " + " | ".join(cells) + " |"


def _cell(case: Case) -> str:
    image = f"[![{case.caption}]({case.name}.jpg)]({case.name}.jpg)"
    return f"{image}<br>**{case.name}** {case.caption}"
