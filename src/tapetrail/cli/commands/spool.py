"""`tapetrail spool list|send`: what programs told while their record could not be reached."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tapetrail.cli.session import settings
from tapetrail.cli.terminal.failures import DONE, FAILED, shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import echo, note, print_json, screen
from tapetrail.cli.terminal.tables import table_lines
from tapetrail.cli.terminal.words import Json, help_without_command
from tapetrail.safe_text import sanitise
from tapetrail.wire import view_document

if TYPE_CHECKING:
    from tapetrail.sdk.spool import Spool

HELP: Final = "What was told while the record was away: list it, send it."
COLUMNS: Final = ("name", "about", "told_at", "entries", "files", "state")
group: Final = typer.Typer(help=HELP)
Folder = Annotated[
    Path | None,
    typer.Option("--from", metavar="FOLDER", help="The spool; by default that of the home."),
]


@group.callback(invoke_without_command=True)
def spool_root(context: typer.Context) -> int | None:
    """Show the help where no command is named."""
    return help_without_command(context)


@group.command("list", epilog=examples("tapetrail spool list", "tapetrail spool list --json"))
@shows_errors(hint="tapetrail spool list --help")
def list_(*, folder: Folder = None, as_json: Json = False) -> int:
    """List what lies in the spool, the oldest first. It is read without opening the record."""
    from tapetrail.sdk.spool_listing import spool_rows  # noqa: PLC0415 # --help never needs it

    found = _spool(folder)
    rows = spool_rows(found)
    if as_json:
        print_json({"data": [view_document(row) for row in rows]})
        return DONE
    cells = [[getattr(row, name) for name in COLUMNS] for row in rows]
    for line in table_lines(COLUMNS, cells, screen=screen()) if cells else ():
        echo(line)
    note("Try: tapetrail spool send" if rows else f"nothing in {sanitise(str(found.folder))}")
    return DONE


@group.command("send", epilog=examples("tapetrail spool send", "tapetrail spool send --from spool"))
@shows_errors(
    hint="tapetrail spool send --help",
    interrupted="interrupted; what was sent is in the record, once, and the rest lies where it was",
)
def send(*, folder: Folder = None, as_json: Json = False) -> int:
    """Send what lies in the spool to the record.

    Each bundle is taken in whole, and once, however often it is sent; then it is removed. What the
    record does not take stays where it is, and the reason is said.
    """
    from tapetrail.bootstrap import new_access, recordings  # noqa: PLC0415 # --help never needs it
    from tapetrail.sdk.spool_sending import send_all  # noqa: PLC0415 # as above

    found, own = _spool(folder), settings()
    sink = recordings(own, new_access(own), holder=None)
    try:
        sent = send_all(found, sink)
    finally:
        sink.close()
    if as_json:
        print_json(asdict(sent))
    else:
        echo(f"sent {len(sent.sent)} of {len(sent.sent) + sent.left}")
    for name in sent.busy:
        note(f"{sanitise(name)}: a program writes to it; it stays")
    for name, reason in sent.refused.items():
        note(f"{sanitise(name)}: not taken: {sanitise(reason)}")
    return FAILED if sent.refused else DONE


def _spool(folder: Path | None) -> "Spool":
    from tapetrail.sdk.spool import FOLDER, Spool  # noqa: PLC0415 # --help never needs it

    return Spool(settings().home / FOLDER if folder is None else folder)
