"""What the terminal shows: tables for people, JSON for programs, text that cannot act."""

import json
import os
import re
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, TextIO

from tapetrail.wire import Page, Shown, page_document

_CONTROLS: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
_BIDI: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
CELL_MAX: Final = 60


def print_json(document: Shown) -> None:
    """Print one JSON document."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    print(_BIDI.sub(_escaped, text))  # noqa: T201 # the terminal is where this goes


def print_page(page: Page[Any], *, columns: Sequence[str], as_json: bool) -> None:
    """Print a list as one JSON document or as a table of `columns`."""
    if as_json:
        print_json(page_document(page))
    elif page.data:
        rows = [[cell(getattr(row, column)) for column in columns] for row in page.data]
        print_table(columns, rows)
        if page.has_more:
            note("more follow: raise --limit, or narrow the list")
    else:
        note("nothing yet")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns: headings in bold on a terminal, plain in a pipe, nothing cut."""
    widths = [max(_width(text) for text in texts) for texts in zip(columns, *rows, strict=True)]
    numeric = [all(_is_number(text) for text in texts) for texts in zip(*rows, strict=True)]
    heading = _line(columns, widths, numeric)
    say(f"\x1b[1m{heading}\x1b[0m" if _is_coloured(sys.stdout) else heading)
    for row in rows:
        say(_line(row, widths, numeric))


def print_columns(columns: Mapping[str, object]) -> None:
    """Print one row as `name  value` lines, empty ones left out."""
    shown = {name: cell(value) for name, value in columns.items() if value is not None}
    width = max(map(len, shown))
    for name, text in shown.items():
        say(f"{name:<{width}}  {text}")


def cell(value: object) -> str:
    """Return a value as a table shows it; text loses everything a terminal would obey."""
    match value:
        case None:
            return "-"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value.normalize():f}"
        case Mapping() | list() | tuple():
            return harmless(json.dumps(value, ensure_ascii=False, default=str))
        case _:
            return harmless(str(value))


def harmless(text: str) -> str:
    """Return `text` without escape sequences and controls; marks that reorder text are shown."""
    return _BIDI.sub(_escaped, _CONTROLS.sub("", text)).replace("\t", " ").replace("\n", " ")


def say(text: str) -> None:
    """Print one line of data."""
    print(text)  # noqa: T201 # the terminal is where this goes


def note(text: str) -> None:
    """Print one line that is not data, on standard error."""
    print(text, file=sys.stderr)  # noqa: T201 # the terminal is where this goes


def _line(texts: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    cells = [
        " " * (width - _width(text)) + text if right else text + " " * (width - _width(text))
        for text, width, right in zip(texts, widths, numeric, strict=True)
    ]
    return "  ".join(cells).rstrip()


def _width(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + wide - sum(bool(unicodedata.combining(sign)) for sign in text)


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"-|-?[0-9]+(\.[0-9]+)?", text))


def _is_coloured(stream: TextIO) -> bool:
    return stream.isatty() and "NO_COLOR" not in os.environ


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
