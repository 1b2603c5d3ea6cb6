"""Asking before something is done that is not easily undone."""

import sys

from tapetrail.cli.terminal.output import note
from tapetrail.core.errors import InvalidInput


def is_agreed(question: str) -> bool:
    """Return whether whoever sits at the terminal says yes to `question`.

    Raises `InvalidInput` where nobody sits there, as in a script.
    """
    if not sys.stdin.isatty():
        raise InvalidInput(f"{question}; nobody is there to say yes, and --yes was not given")
    note(f"{question}? y or n")
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
