"""Bytes as they are: to a file or a pipe unchanged, to a terminal as text that cannot act."""

import sys
from typing import Final

from tapetrail.cli.terminal.output import echo, writing
from tapetrail.core.errors import EdgeFailure
from tapetrail.safe_text import sanitise_lines

LINE_MAX: Final = 2_000
"""What a terminal shows of a line; an image in a request is one of some 300,000 signs."""


def print_exact(content: bytes) -> None:
    """Print bytes: exactly, or on a terminal as text without what it would obey, long lines cut."""
    if sys.stdout is None:
        raise EdgeFailure("could not write to standard output; it is closed")
    if sys.stdout.isatty():
        for line in terminal_lines(content):
            echo(line)
        return
    with writing():
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def terminal_lines(content: bytes) -> list[str]:
    """Return bytes as lines for a terminal; bytes that are no UTF-8 are shown by their numbers."""
    text = content.decode("utf-8", errors="backslashreplace").removesuffix("\n")
    return [_cut(line) for line in sanitise_lines(text)]


def _cut(line: str) -> str:
    more = len(line) - LINE_MAX
    return (
        line if more <= 0 else f"{line[:LINE_MAX]} ... {more} more signs, whole in a file or pipe"
    )
