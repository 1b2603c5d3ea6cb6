"""`tapetrail verify`: whether the record is what was recorded."""

import sys
from dataclasses import asdict
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tapetrail.cli.session import opened
from tapetrail.cli.terminal.failures import DONE, FAILED, shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import echo, note, print_json, sanitise
from tapetrail.cli.terminal.words import Json
from tapetrail.core.verification.verdict import REMEDY
from tapetrail.listing.values import read_number

if TYPE_CHECKING:
    from tapetrail.core.verification.verdict import Verification
    from tapetrail.usecases.verifying import Watch
    from tapetrail.wire import Shown

group: Final = typer.Typer()
SHOWN_EVERY_S: Final = 0.2


@group.command(
    epilog=examples(
        "tapetrail verify",
        "tapetrail verify --deep",
        "tapetrail verify 17 18",
        "tapetrail verify --as-of 2012-06-01..2012-11-30 --json",
    )
)
@shows_errors(hint="tapetrail verify --help", interrupted="interrupted; nothing was changed")
def verify(
    numbers: Annotated[
        list[str] | None, typer.Argument(metavar="ID...", help="Decisions; everything if none.")
    ] = None,
    *,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DATE", help="Decisions as of a day, or of FROM..TO."),
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read the bytes of every stored object, too.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Recompute every digest; name what is not as recorded.

    Every row's digest, every seal, every link between rows, the events behind every status, that a
    run has the decisions it was asked for, and of stored objects key, size and kind. A fault is one
    line: table, number, field, what was recorded and what is there. Runs may go on meanwhile.
    Nothing is changed. Exit code 1 if a fault was found.
    """
    from tapetrail.usecases.verify import read_days  # noqa: PLC0415 # --help never needs it

    chosen = [read_number(number, "ID") for number in numbers or ()]
    days = read_days(as_of)
    with opened() as record:
        watch = _progress()
        if chosen or days:
            found = record.verification.decisions(chosen, days=days, is_deep=deep, watch=watch)
        else:
            found = record.verification.whole(is_deep=deep, watch=watch)
    if as_json:
        print_json(_document(found))
    else:
        _print(found)
    if not found.is_sound:
        note(f"Try: {REMEDY}")
    return DONE if found.is_sound else FAILED


def _print(found: "Verification") -> None:
    for fault in found.faults:
        echo(sanitise(str(fault)))
    objects = "their bytes read" if found.is_deep else "their bytes not read"
    echo(
        f"verified {found.decisions} decisions of {found.executions} executions: {found.rows} rows"
        f" and {found.blobs} objects, {objects}"
    )
    echo(found.reach)


def _document(found: "Verification") -> "dict[str, Shown]":
    return {
        "ok": found.is_sound,
        "faults": [asdict(fault) for fault in found.faults],
        "executions": found.executions,
        "decisions": found.decisions,
        "rows": found.rows,
        "objects": found.blobs,
        "whole": found.is_whole,
        "deep": found.is_deep,
        "not_recorded": dict(found.not_recorded),
        "reach": found.reach,
    }


def _progress() -> "Watch":
    """Return what shows how far a verification is, on a terminal, on one line."""
    begun = shown = monotonic()
    last = ""

    def watch(what: str, done: int, total: int) -> None:
        nonlocal begun, shown, last
        now = monotonic()
        if what != last:
            begun, last = now, what
        is_due = now - shown >= SHOWN_EVERY_S or done == total
        if sys.stderr is None or not sys.stderr.isatty() or not is_due:
            return
        shown = now
        rate = done / max(now - begun, 0.001)
        end = "\n" if done == total else ""
        sys.stderr.write(f"\r{done} of {total} {what} verified, {rate:.0f} a second{end}")
        sys.stderr.flush()

    return watch
