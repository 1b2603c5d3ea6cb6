"""The words of `tapetrail db ...`; what they do is in `database`."""

from typing import Annotated

import typer

from tapetrail.cli import database
from tapetrail.cli.failures import exit_code_of
from tapetrail.cli.help_texts import examples
from tapetrail.cli.options import help_without_command

db = typer.Typer(help="The database: upgrade, address, start and stop.")


@db.callback(invoke_without_command=True)
def db_root(context: typer.Context) -> int | None:
    """Show the help where no command is named."""
    return help_without_command(context)


@db.command("upgrade")
def db_upgrade() -> int:
    """Bring the database's schema up to date."""
    return exit_code_of(database.upgrade, hint="tapetrail db current")


@db.command("current")
def db_current() -> int:
    """Show the schema's version."""
    return exit_code_of(database.show_current, hint="tapetrail db upgrade")


@db.command("url", epilog=examples('psql "$(tapetrail db url)"', "tapetrail db url --role owner"))
def db_url(
    *,
    role: Annotated[
        str,
        typer.Option("--role", metavar="ROLE", help="Connect as reader, app or owner."),
    ] = "reader",
) -> int:
    """Print the address of the running server, for psql and BI tools.

    The reader sees everything and changes nothing; app adds to the record; owner owns the schema.
    """
    return exit_code_of(lambda: database.show_url(role), hint="tapetrail db url --help")


@db.command("start", epilog=examples('psql "$(tapetrail db start)"'))
def db_start() -> int:
    """Start the private server and print its address.

    It stays up until `tapetrail db stop`.
    """
    return exit_code_of(database.start, hint="tapetrail status")


@db.command("stop")
def db_stop(*, quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing.")] = False) -> int:
    """Stop the private server.

    Also while others use it: they end with exit code 5, what is recorded stays, and what was
    queued goes on with the next run or worker.
    """
    return exit_code_of(lambda: database.stop(quiet=quiet), hint="tapetrail status")
