"""`tapetrail blobs ...`: the store of bytes itself."""

from typing import Annotated, Final

import typer

from tapetrail.cli.session import settings
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import note, sanitise
from tapetrail.cli.terminal.words import help_without_command

group: Final = typer.Typer(help="The store of bytes: create a bucket.")


@group.callback(invoke_without_command=True)
def blobs_root(context: typer.Context) -> int | None:
    """Show the help where no command is named."""
    return help_without_command(context)


@group.command("create-bucket", epilog=examples("tapetrail blobs create-bucket --lock"))
@shows_errors(hint="tapetrail doctor")
def create_bucket(
    *,
    lock: Annotated[
        bool,
        typer.Option("--lock", help="Keep versions, and let objects be locked."),
    ] = False,
) -> int:
    """Create the bucket that TAPETRAIL_BLOBS names.

    One that is there is left as it is. For how long objects are locked is set on the bucket, by the
    store's own tools.
    """
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it

    found, is_new = bootstrap.create_bucket(settings(), has_lock=lock)
    note(f"{'created' if is_new else 'there already'}: {sanitise(found.bucket)}")
    return 0
