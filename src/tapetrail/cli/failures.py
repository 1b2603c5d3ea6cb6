"""Errors as the terminal shows them: what happened, why, what to run next; and the exit codes."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import Final

from tapetrail.cli.output import harmless, note
from tapetrail.core.errors import (
    EdgeFailure,
    IntegrityFailure,
    InvalidInput,
    NotFound,
    TapeTrailError,
)

FAILED: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
UNREACHABLE: Final = 5
INTERRUPTED: Final = 130

_CODES: Final[dict[type[TapeTrailError], int]] = {
    InvalidInput: USAGE,
    NotFound: NOT_FOUND,
    EdgeFailure: UNREACHABLE,
    IntegrityFailure: FAILED,
}


def exit_code_of(command: Callable[[], int], *, hint: str) -> int:
    """Return the command's exit code, or that of the error it raised, which is then shown.

    A defect is shown as one line; its traceback with `TAPETRAIL_DEBUG=1` only.
    """
    try:
        return command()
    except TapeTrailError as error:
        show_error(error.message, hint=hint)
        return _CODES[type(error)]
    except KeyboardInterrupt:
        note("\ninterrupted; what was queued goes on with the next run or worker")
        return INTERRUPTED


def show_error(message: str, *, hint: str) -> None:
    """Print what happened, why, and what to run next, each on a line of its own."""
    what, _, why = message.partition("; ")
    note(f"Error: {harmless(what)}")
    if why:
        note(f"  {harmless(why)}")
    if hint:
        note(f"Try: {hint}")
    if os.environ.get("TAPETRAIL_DEBUG") == "1" and sys.exception() is not None:
        traceback.print_exc()
