"""`tapetrail snapshots save`: the exact bars behind a chart, as a file."""

from pathlib import Path
from typing import Annotated, Final

import typer

from tapetrail.cli.session import opened
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import note
from tapetrail.cli.terminal.saving import checked_target, write_file
from tapetrail.cli.terminal.words import Number
from tapetrail.listing import SNAPSHOTS
from tapetrail.listing.values import read_number
from tapetrail.safe_text import sanitise

group: Final = typer.Typer()


@group.command(
    "save", epilog=examples("tapetrail snapshots save 3", "tapetrail snapshots save 3 -o bars.csv")
)
@shows_errors(hint="tapetrail snapshots list")
def save(
    number: Number,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Where to; by default bars-ID.csv. Replaced."
        ),
    ] = None,
    recorded: Annotated[
        bool, typer.Option("--recorded", help="The recorded bytes, with their first line.")
    ] = False,
) -> int:
    """Save the bars of a snapshot, checked against their digest, as CSV.

    The recorded text has a line before that says what the numbers are; it is printed here, and kept
    in the file with --recorded.
    """
    read_number(number, "ID")
    path = output or Path(f"bars-{number}.csv")
    target = checked_target(path)
    with opened() as record:
        digest = str(record.records.detail(SNAPSHOTS, number).columns["bars_digest"])
        content = record.records.blob(digest)
    said, _, rows = content.partition(b"\n")
    write_file(content if recorded else rows, target)
    note(f"saved {sanitise(str(path))}: {sanitise(said.decode())}")
    note(f"recorded as {digest}")
    return 0
