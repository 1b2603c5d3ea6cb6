"""What the terminal shows: values as text, JSON for programs, text that cannot act."""

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Final, TypeGuard

from tapetrail.core.errors import EdgeFailure
from tapetrail.safe_text import json_text, sanitise

if TYPE_CHECKING:
    from collections.abc import Generator

    from tapetrail.wire import Shown

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
