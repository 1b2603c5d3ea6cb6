"""What the terminal shows: values as text, JSON for programs, text that cannot act."""

import json
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Final, TypeGuard

from tapetrail.core.errors import EdgeFailure

if TYPE_CHECKING:
    from collections.abc import Generator

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
_NUMBER: Final = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?", re.ASCII)
_SHORT: Final = Context(prec=6)
_SIZES: Final = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """What standard output can show, and in which zone its times are.

    `width` is None where nothing may be cut, as in a pipe; `zone` is None for the computer's own.
    """

    width: int | None = None
    is_coloured: bool = False
    zone: tzinfo | None = UTC


def screen(*, zone: tzinfo | None = UTC) -> Screen:
    """Return what this process's standard output can show."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return Screen(
        width=shutil.get_terminal_size().columns if is_terminal else None,
        is_coloured=wants_colour(os.environ, is_terminal=is_terminal),
        zone=zone,
    )


def wants_colour(environment: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Return whether to colour: `NO_COLOR` forbids it, `FORCE_COLOR` asks for it in a pipe too."""
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return is_terminal and environment.get("TERM") != "dumb"


def print_json(document: "Shown") -> None:
    """Print one JSON document."""
    echo(json_text(document, is_unicode=speaks_unicode()))


def speaks_unicode() -> bool:
    """Return whether standard output takes every letter."""
    return sys.stdout is not None and sys.stdout.encoding.lower() == "utf-8"


def json_text(document: "Shown", *, is_unicode: bool = True) -> str:
    """Return a JSON document in which what a terminal would obey is escaped, as JSON allows."""
    text = json.dumps(document, indent=2, ensure_ascii=not is_unicode)
    return _JSON_UNSAFE.sub(_escape, text)


def json_line(document: "Shown", *, is_unicode: bool = True) -> str:
    """Return a JSON document as `json_text` does, on one line."""
    return _JSON_UNSAFE.sub(_escape, json.dumps(document, ensure_ascii=not is_unicode))


def cell(value: object, *, decimals: int | None = None, zone: tzinfo | None = UTC) -> str:
    """Return a value as tables show it; text loses everything a terminal would obey.

    `decimals` rounds a number for people; records are never rounded, and `--json` has them whole.
    `zone` is None for the computer's own.
    """
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return _instant(value.astimezone(zone))
        case date():
            return value.isoformat()
        case Decimal() | float():
            number = Decimal(str(value))
            return f"{number.normalize() if decimals is None else round(number, decimals):f}"
        case _:
            return sanitise(str(value)) if isinstance(value, str | int) else _nested(value)


def short_number(value: object) -> str:
    """Return a number with at most six digits that count, anything else as a table shows it."""
    text = cell(value)
    return f"{_SHORT.create_decimal(text).normalize():f}" if _NUMBER.fullmatch(text) else text


def size_text(count: int) -> str:
    """Return a number of bytes as people read it."""
    for unit, size in _SIZES:
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


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


def is_mapping(value: object) -> TypeGuard[Mapping[str, object]]:
    """Return whether a JSON value is an object."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Return whether a JSON value is an array."""
    return isinstance(value, list | tuple)


def echo(text: str) -> None:
    """Print one line of data."""
    if sys.stdout is None:
        raise EdgeFailure("could not write to standard output; it is closed")
    with writing():
        print(text)  # noqa: T201 # the terminal is where this goes


def flush() -> None:
    """Let the reader have what was printed so far."""
    if sys.stdout is not None:
        with writing():
            sys.stdout.flush()


def note(text: str) -> None:
    """Print one line that is not data, on standard error, if anybody listens there."""
    if sys.stderr is None:
        # Otherwise print would mix it with the data.
        return
    with suppress(OSError):
        print(text, file=sys.stderr)  # noqa: T201 # the terminal is where this goes


@contextmanager
def writing() -> "Generator[None]":
    """Turn a refused write to standard output into an `EdgeFailure`.

    A reader that has gone away stays a `BrokenPipeError`: nobody is left to tell.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise EdgeFailure(f"could not write to standard output; {error.strerror}") from error


def _nested(value: object) -> str:
    if is_mapping(value):
        return ", ".join(f"{sanitise(str(key))} {_inner(item)}" for key, item in value.items())
    if is_list(value):
        joint = "; " if any(is_mapping(item) for item in value) else ", "
        return joint.join(map(cell, value))
    return sanitise(str(value))


def _inner(value: object) -> str:
    return " ".join(map(cell, value)) if is_list(value) else cell(value)


def _instant(value: datetime) -> str:
    """Return an instant with its zone; seconds are left out where they are zero, as at a close."""
    text = value.isoformat(" ", timespec="seconds" if value.second else "minutes")
    return text.replace("+00:00", "Z") if value.tzinfo is UTC else text


def _visible(sign: str) -> str:
    if unicodedata.category(sign) == "Cc":
        return ""
    return sign if sign == "\u00a0" else _number(sign)


def _number(sign: str) -> str:
    return f"\\u{ord(sign):04x}" if ord(sign) <= 0xFFFF else f"\\U{ord(sign):08x}"  # noqa: PLR2004 # the last of four digits


def _escape(match: re.Match[str]) -> str:
    # JSON has four digits only, so its own writer makes pairs of what needs more.
    return json.dumps(match[0])[1:-1]
