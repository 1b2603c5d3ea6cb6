"""The words of `tapetrail db backup` and `tapetrail db restore`; what they do is in `backups`."""

from pathlib import Path
from typing import Annotated

import typer

from tapetrail.cli import backups
from tapetrail.cli.database_commands import db
from tapetrail.cli.failures import exit_code_of
from tapetrail.cli.help_texts import examples
from tapetrail.cli.options import Json


@db.command("backup", epilog=examples("tapetrail db backup /backup/tapetrail-2026-11-22.tar"))
def db_backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file where there is one.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Write the whole record, database and blobs, to one file.

    The record stays in use meanwhile; the file holds it as it was at the beginning. Only you can
    read the file, which is not encrypted.
    """
    return exit_code_of(
        lambda: backups.back_up(file, may_replace=force, as_json=as_json),
        hint="tapetrail db backup --help",
        interrupted="interrupted; there is no backup",
    )


@db.command(
    "restore",
    epilog=examples("TAPETRAIL_HOME=/tmp/again tapetrail db restore tapetrail-2026-11-22.tar"),
)
def db_restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `db backup` wrote.")],
    *,
    as_json: Json = False,
) -> int:
    """Restore a backup to where nothing is yet.

    Every byte is checked against its digest. A restore that was killed is begun anew by the next
    one. A backup can contain program code: restore those that you made, or trust.
    """
    return exit_code_of(
        lambda: backups.restore(file, as_json=as_json),
        hint="tapetrail db restore --help",
        interrupted="interrupted; nothing was restored",
    )
