"""`tapetrail verify`: whether the record is what was recorded."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tapetrail.cli.session import opened, settings
from tapetrail.cli.terminal.counting import counted
from tapetrail.cli.terminal.failures import DONE, FAILED, shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import echo, note, print_json
from tapetrail.cli.terminal.words import Json
from tapetrail.core.verification.verdict import REMEDY
from tapetrail.listing.values import read_number
from tapetrail.safe_text import sanitise

if TYPE_CHECKING:
    from tapetrail.core.verification.verdict import Verification
    from tapetrail.wire import Shown

group: Final = typer.Typer()


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
        watch = counted("verified")
        if chosen or days:
            found = record.verification.decisions(chosen, days=days, is_deep=deep, watch=watch)
        else:
            found = record.verification.whole(is_deep=deep, watch=watch)
    if as_json:
        print_json(_document(found))
    else:
        _print(found)
    if not found.is_sound:
        absent = sum(each.table == "blobs" and each.found is None for each in found.faults)
        if absent == found.blobs > 0:
            read = settings()
            place = str(read.home) if read.s3 is None else read.s3.url
            note(
                f"not one of {absent} objects is in {sanitise(place)}: is that where they are kept?"
            )
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
