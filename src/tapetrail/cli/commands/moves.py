"""`tapetrail db move`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tapetrail.cli.session import has_record, no_record, settings, settings_at
from tapetrail.cli.terminal.counting import counted
from tapetrail.cli.terminal.failures import DONE, FAILED, show_error, shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import echo, note, size_text
from tapetrail.core.errors import InvalidInput
from tapetrail.core.verification.verdict import REMEDY
from tapetrail.safe_text import sanitise
from tapetrail.settings import masked, shown_url

if TYPE_CHECKING:
    from tapetrail.settings import Settings
    from tapetrail.usecases.moves import Moved

group: Final = typer.Typer()


@group.command(
    "move",
    epilog=examples(
        "tapetrail db move --to postgresql://trail@db.example/trail --blobs-to s3://trails/mine",
        "tapetrail db move --cancel",
    ),
)
@shows_errors(
    hint="tapetrail db move --help, or: tapetrail status",
    interrupted="interrupted; the same again goes on from there",
)
def move(
    *,
    to: Annotated[
        str | None, typer.Option("--to", metavar="URL", help="The database the record goes to.")
    ] = None,
    blobs_to: Annotated[
        str | None,
        typer.Option(
            "--blobs-to",
            metavar="s3://BUCKET/PREFIX",
            help="Where bytes go; otherwise they stay in the bucket they are in.",
        ),
    ] = None,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Let a record be added to that has not moved yet.")
    ] = False,
) -> int:
    """Move the whole record to a server and a bucket.

    Nothing is added to it meanwhile, and it is refused while work is open or a worker lives. Bytes
    go first, then rows under their numbers, then every byte is verified there; only then the old
    record says where it went, and stays readable. Killed in between, the same again goes on. A
    password does not belong on a command line: PGPASSWORD or ~/.pgpass has it. TAPETRAIL_S3_* say
    how the bucket is reached.
    """
    from tapetrail import upkeep  # noqa: PLC0415 # --help never needs it

    read = settings()
    if not has_record(read):
        raise no_record(read)
    if cancel:
        upkeep.cancel_move(read)
        note("the record is where it was, and can be added to again")
        note("what was copied stays there; before another move to that database, in it:")
        note("  DROP SCHEMA IF EXISTS tapetrail, dbos CASCADE")
        return DONE
    target = _target(read, to, blobs_to)
    return _show(upkeep.move(read, target, counted("done")), target)


def _target(read: "Settings", to: str | None, blobs_to: str | None) -> "Settings":
    """Return the settings of where the record goes."""
    if to is None:
        raise InvalidInput("--to: say where the record goes: postgresql://USER@HOST/DATABASE")
    if masked(to) != to:
        raise InvalidInput(
            "--to: others on this machine can read a command line, and there is a password in it;"
            " take it out, and put it into PGPASSWORD or ~/.pgpass"
        )
    if blobs_to is None and read.s3 is None:
        raise InvalidInput("--blobs-to: say where the bytes go: s3://BUCKET/PREFIX")
    places = {"TAPETRAIL_DATABASE_URL": to, "TAPETRAIL_BLOBS": blobs_to or ""}
    asked = {name: place for name, place in places.items() if place}
    try:
        target = settings_at(Path.cwd(), {**os.environ, **asked})
    except InvalidInput as error:
        raise InvalidInput(said_by_options(error.message)) from error
    if target.database_url == read.database_url:
        raise InvalidInput("--to: that is where the record is")
    return target


def said_by_options(message: str) -> str:
    """Return what is wrong with a place, which an option named here and not a variable."""
    return message.replace("TAPETRAIL_BLOBS", "--blobs-to").replace(
        "TAPETRAIL_DATABASE_URL", "--to"
    )


def _show(moved: "Moved", target: "Settings") -> int:
    rows = sum(moved.rows.values())
    echo(
        f"moved {rows} rows, {moved.rows.get('decisions', 0)} decisions among them, and"
        f" {moved.copied.objects} objects of {size_text(moved.copied.size)}; every byte was"
        " verified there"
    )
    url = shown_url(target.database_url or "")
    note("from now on:")
    note(f"  export TAPETRAIL_DATABASE_URL={sanitise(url)}")
    if target.s3 is not None:
        note(f"  export TAPETRAIL_BLOBS={sanitise(target.s3.url.rstrip('/'))}")
    if not moved.verification.faults:
        return DONE
    faults = "\n".join(map(str, moved.verification.faults))
    show_error(f"faults that the record had before are there, too; {faults}", hint=REMEDY)
    return FAILED
