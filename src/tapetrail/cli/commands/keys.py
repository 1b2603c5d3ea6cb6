"""`tapetrail keys create`, `revoke` and `rotate`: who is let in over a network."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tapetrail.cli.session import opened
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import echo, note, print_json
from tapetrail.cli.terminal.words import Json, Number, age_days
from tapetrail.core.access_keys import Scope
from tapetrail.wire import view_document

if TYPE_CHECKING:
    from tapetrail.usecases.keyring import NewKey

HELP: Final = "Keys that let programs in over a network: list, create, revoke, rotate."
group: Final = typer.Typer()


@group.command(
    epilog=examples(
        "tapetrail keys create dashboard",
        "tapetrail keys create my-agent --scope read --scope write --expires 90d",
    )
)
@shows_errors(hint="tapetrail keys create --help")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What you call it.")],
    *,
    scopes: Annotated[
        list[Scope] | None,
        typer.Option("--scope", metavar="TEXT", help="read, write, export or admin; read if not."),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="AGE", help="Days or weeks from now, such as 90d."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Make a key and print it, this once.

    `read` shows everything, `write` adds to the record, `export` takes lists out as files, `admin`
    makes and ends keys and sees who did what.
    """
    days = None if expires is None else age_days(expires, "--expires")
    ends = None if days is None else datetime.now(UTC) + timedelta(days=days)
    with opened() as record:
        made = record.keys.create(name, scopes=scopes or [Scope.READ], expires_at=ends)
    return _show(made, as_json=as_json)


@group.command(epilog=examples("tapetrail keys revoke 3"))
@shows_errors(hint="tapetrail keys list")
def revoke(number: Number) -> int:
    """End a key: it lets nobody in from now on."""
    with opened() as record:
        record.keys.end(number, reason="revoked")
    note(f"key {number} lets nobody in any more")
    return 0


@group.command(epilog=examples("tapetrail keys rotate 3"))
@shows_errors(hint="tapetrail keys list")
def rotate(number: Number, *, as_json: Json = False) -> int:
    """Put a new key in the place of one, which ends.

    The new one is printed, this once.
    """
    with opened() as record:
        made = record.keys.rotate(number)
    return _show(made, as_json=as_json)


def _show(made: "NewKey", *, as_json: bool) -> int:
    if as_json:
        print_json(view_document(made))
        return 0
    echo(made.text)
    note(f"key {made.id} ({made.label}): {', '.join(made.scopes)}; it is shown this once")
    return 0
