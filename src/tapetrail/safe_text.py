"""Text that cannot act: on a terminal, in JSON that is shown there, in a spreadsheet."""

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from tapetrail.wire import view_document

if TYPE_CHECKING:
    from tapetrail.wire import Shown

# What a terminal obeys, in its 7-bit and its 8-bit form: CSI sequences; OSC, DCS, SOS, PM and APC
# strings that end, for one without an end would hide the rest of the text; two-sign escapes.
_SEQUENCES: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]"
)
_SPACES: Final = str.maketrans(dict.fromkeys("\t\n\r\v\f", " "))
# JSON escapes the first controls itself; terminals also obey these, hide them, or turn text around.
_JSON_UNSAFE: Final = re.compile(
    "[\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)
# What makes a spreadsheet read a cell as a formula, which may run programs and send what it reads.
_FORMULA_SIGNS: Final = ("=", "+", "-", "@")
_APART: Final = re.compile(r"[\",;\t\r\n]")


def sanitise(text: str) -> str:
    """Return `text` on one line, without escape sequences and controls.

    What is invisible or turns text around is shown by its number in Unicode.
    """
    if text.isprintable():
        return text
    spaced = _SEQUENCES.sub("", text).translate(_SPACES)
    return "".join(sign if sign.isprintable() else _visible(sign) for sign in spaced)


def sanitise_lines(text: str) -> list[str]:
    """Return the lines of `text`, each sanitised."""
    return [sanitise(line) for line in re.split(r"\r\n|[\r\n\v\f]", _SEQUENCES.sub("", text))]


def json_text(document: "Shown", *, is_unicode: bool = True) -> str:
    """Return a JSON document in which what a terminal would obey is escaped, as JSON allows."""
    text = json.dumps(document, indent=2, ensure_ascii=not is_unicode)
    return _JSON_UNSAFE.sub(_escape, text)


def json_line(document: "Shown", *, is_unicode: bool = True) -> str:
    """Return a JSON document as `json_text` does, on one line."""
    return _JSON_UNSAFE.sub(_escape, json.dumps(document, ensure_ascii=not is_unicode))


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


def _visible(sign: str) -> str:
    if unicodedata.category(sign) == "Cc":
        return ""
    return sign if sign == "\u00a0" else _number(sign)


def _number(sign: str) -> str:
    return f"\\u{ord(sign):04x}" if ord(sign) <= 0xFFFF else f"\\U{ord(sign):08x}"  # noqa: PLR2004 # the last of four digits


def _escape(match: re.Match[str]) -> str:
    # JSON has four digits only, so its own writer makes pairs of what needs more.
    return json.dumps(match[0])[1:-1]
