"""`tapetrail executions stop|resume|cancel`: work that is begun, held and let go."""

from typing import Annotated, Final

import typer

from tapetrail.cli.session import opened, watched
from tapetrail.cli.terminal.consent import is_agreed
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import note
from tapetrail.cli.terminal.words import Concurrency, Number
from tapetrail.listing.values import read_number

group: Final = typer.Typer()
HINT: Final = "tapetrail executions list"
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; it is recorded with who.")
]


@group.command(epilog=examples("tapetrail executions stop 7"))
@shows_errors(hint=HINT)
def stop(number: Number, *, reason: Reason = "stopped") -> int:
    """Stop an execution until it is resumed.

    Nothing more of it begins, whoever works. Its decisions stay pending or running; what is
    recorded stays.
    """
    found = read_number(number, "ID")
    with opened() as record:
        record.runs.stop(found, reason=reason)
    note(f"execution {found}: stopped")
    note(f"Try: tapetrail executions resume {found}")
    return 0


@group.command(epilog=examples("tapetrail executions resume 7"))
@shows_errors(hint=HINT, interrupted="interrupted; the execution goes on with the next run")
def resume(number: Number, *, concurrency: Concurrency = 2) -> int:
    """Let a stopped execution go on, to its end."""
    found = read_number(number, "ID")
    with opened() as record, watched(concurrency) as manner:
        progress = record.runs.resume(found, manner)
    note(f"execution {found}: {progress.status.replace('_', ' ')}")
    note(f"Try: tapetrail executions show {found}")
    return 0 if progress.status == "completed" else 1


@group.command(epilog=examples("tapetrail executions cancel 7 --yes"))
@shows_errors(hint=HINT)
def cancel(
    number: Number,
    *,
    reason: Reason = "cancelled",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> int:
    """End what is open of an execution, for good.

    Those decisions are cancelled and sealed as they are.
    """
    found = read_number(number, "ID")
    with opened() as record:
        still_open = record.runs.execution(found).open
        if not yes and not is_agreed(f"cancel {still_open} open decisions of execution {found}"):
            note("nothing was cancelled")
            return 0
        count = record.runs.cancel(found, reason=reason)
    note(f"execution {found}: cancelled, {count} decisions with it")
    return 0
