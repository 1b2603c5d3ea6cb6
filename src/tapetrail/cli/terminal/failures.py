"""Errors as the terminal shows them: what happened, why, what to run next; and the exit codes."""

import os
import re
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from types import TracebackType
from typing import Final, ParamSpec

import typer

from tapetrail.cli.terminal.output import flush, note
from tapetrail.core.errors import (
    EdgeFailure,
    IntegrityFailure,
    InvalidInput,
    NotFound,
    TapeTrailError,
)
from tapetrail.core.verification.verdict import REMEDY
from tapetrail.safe_text import sanitise, sanitise_lines

P = ParamSpec("P")

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
UNREACHABLE: Final = 5
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
MEANINGS: Final = {
    DONE: "done, also where a list is empty",
    FAILED: "a decision or a check failed, a stored object is damaged, or TapeTrail has a defect",
    USAGE: "an option, a value or a strategy file breaks a rule; nothing was done",
    NOT_FOUND: "nothing by that name or number; the message says what there is",
    UNREACHABLE: "the database, a folder or a source did not do its part",
    INTERRUPTED: "interrupted with Ctrl-C",
    BROKEN_PIPE: "whoever read the output stopped early, as `head` may",
}
"""Every exit code; a release may add to them, and changes none."""

# What did not answer is named by a setting.
_SETTINGS_HINT: Final = "tapetrail help environment"
_CODES: Final[dict[type[TapeTrailError], int]] = {
    InvalidInput: USAGE,
    NotFound: NOT_FOUND,
    EdgeFailure: UNREACHABLE,
    IntegrityFailure: FAILED,
}
# The command that mends it may stand at the end of a message.
_REMEDY: Final = re.compile(r"(?s)(.*); run: (tapetrail [a-z0-9 -]+)")
# How typer's messages go on after they said what is wrong.
_BAD_VALUE: Final = re.compile(r"(?s)Invalid value for ([^:]*):( .*)")
_WHY: Final = re.compile(r"(?s)(.*?)(?:\.|:)? ?(?:\((Possible .*)\)|(Did you mean .*))")


def exit_code_of(
    command: Callable[[], int],
    *,
    hint: str,
    interrupted: str = "interrupted",
    damaged: str = REMEDY,
) -> int:
    """Return the command's exit code, or that of the error it raised, which is then shown.

    What is none of our errors is a defect and passes, to `show_defect`.
    """
    try:
        code = command()
        flush()
    except TapeTrailError as error:
        code = next(code for kind, code in _CODES.items() if isinstance(error, kind))
        show_error(error.message, hint=_hint(error, hint, damaged=damaged))
        return code
    except KeyboardInterrupt as error:
        # What was interrupted may know best how it goes on.
        note(f"\n{error.args[0] if error.args else interrupted}")
        return INTERRUPTED
    except BrokenPipeError:
        _abandon_output()
        return BROKEN_PIPE
    except OSError as error:
        # Shown here, for whoever called may take an error of the system for one of the output.
        show_defect(type(error), error, error.__traceback__)
        return FAILED
    return code


def shows_errors(
    *, hint: str, interrupted: str = "interrupted", damaged: str = REMEDY
) -> Callable[[Callable[P, int]], Callable[P, int]]:
    """Return what makes a command end as `exit_code_of` says."""

    def decorated(command: Callable[P, int]) -> Callable[P, int]:
        @wraps(command)
        def run(*args: P.args, **kwargs: P.kwargs) -> int:
            return exit_code_of(
                lambda: command(*args, **kwargs),
                hint=hint,
                interrupted=interrupted,
                damaged=damaged,
            )

        return run

    return decorated


def _hint(error: TapeTrailError, hint: str, *, damaged: str) -> str:
    """Return what to try after an error; `hint` is what the command itself says."""
    match error:
        case EdgeFailure():
            return _SETTINGS_HINT
        case IntegrityFailure():
            return damaged
        case _:
            return hint


def show_error(message: str, *, hint: str) -> None:
    """Print what happened, why, and what to run next, each on a line of its own.

    A message says why after its first semicolon; it may end in `; run: tapetrail ...`, which then
    takes the place of `hint`.
    """
    remedy = _REMEDY.fullmatch(message)
    if remedy is not None:
        message, hint = remedy[1], remedy[2]
    what, _, why = message.partition("; ")
    note(f"Error: {sanitise(what)}")
    for line in sanitise_lines(why) if why else ():
        note(f"  {line}")
    note(f"Try: {hint}")
    if _wants_traceback() and sys.exception() is not None:
        traceback.print_exc()


def show_usage_error(error: typer.TyperException) -> None:
    """Print what typer found wrong with the words, in our own form."""
    # The error knows the command it is about, but typer's public type does not tell.
    command = getattr(getattr(error, "ctx", None), "command_path", "tapetrail")
    show_error(_usage_message(error), hint=f"{command} --help")


def show_defect(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print one line about an exception that nobody raised on purpose; for `sys.excepthook`."""
    if _wants_traceback():
        traceback.print_exception(kind, error, trace)
    elif issubclass(kind, KeyboardInterrupt):
        note("\ninterrupted")
    else:
        shown = sanitise(str(error))[:200]
        note(
            f"Error: a defect of TapeTrail, please report it: {kind.__name__}: {shown}"
            " (TAPETRAIL_DEBUG=1 shows the traceback)"
        )


def _usage_message(error: typer.TyperException) -> str:
    message = error.format_message()
    if (bad := _BAD_VALUE.fullmatch(message)) is not None:
        return bad[1].replace("'", "") + bad[2]
    parts = _WHY.match(message)
    if parts is None:
        return _lowered(message.rstrip("."))
    why = parts[2].replace("Possible options: ", "did you mean ") + "?" if parts[2] else parts[3]
    return f"{_lowered(parts[1])}; {_lowered(why)}"


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def _wants_traceback() -> bool:
    return os.environ.get("TAPETRAIL_DEBUG") == "1"


def _abandon_output() -> None:
    """Let what is still buffered go nowhere, so that the interpreter ends in silence."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
