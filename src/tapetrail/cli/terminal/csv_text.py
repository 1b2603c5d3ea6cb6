"""Rows as CSV, quoted as in RFC 4180, without text that a spreadsheet would compute."""

import re
from collections.abc import Sequence
from typing import Final

from tapetrail.cli.terminal.output import json_line, sanitise_lines
from tapetrail.wire import view_document

# What makes a spreadsheet read a cell as a formula, which may run programs and send what it reads.
_FORMULA_SIGNS: Final = ("=", "+", "-", "@")
_APART: Final = re.compile(r"[\",;\t\r\n]")


def csv_line(values: Sequence[object]) -> str:
    """Return one record without its line end.

    Numbers and times are exact, as in JSON; what does not exist is an empty field. Text loses what
    a terminal would obey, and begins with an apostrophe where it would else begin a formula.
    """
    # A line without a sign would be a blank one, which readers skip.
    return ",".join(map(_quoted, map(_field, values))) or '""'


def _quoted(field: str) -> str:
    """Return a field that is one field for readers who separate by a semicolon or a tab, too."""
    return '"{}"'.format(field.replace('"', '""')) if _APART.search(field) else field


def _field(value: object) -> str:
    if isinstance(value, str):
        shown = "\n".join(sanitise_lines(value))
        return f"'{shown}" if _is_formula(value) or _is_formula(shown) else shown
    document = view_document(value)
    match document:
        case None:
            return ""
        case str():
            return document
        case _:
            return json_line(document)


def _is_formula(text: str) -> bool:
    return text.lstrip()[:1] in _FORMULA_SIGNS or text[:1] in {"\t", "\r"}
