"""`tapetrail db backup` and `tapetrail db restore`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tapetrail.cli.session import has_record, no_record, settings
from tapetrail.cli.terminal.failures import (
    DONE,
    FAILED,
    show_error,
    shows_errors,
)
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import echo, note, print_json, sanitise, size_text
from tapetrail.cli.terminal.words import Json
from tapetrail.core.verification.verdict import REMEDY

if TYPE_CHECKING:
    from tapetrail.backup_files import Manifest
    from tapetrail.wire import Shown

group: Final = typer.Typer()


@group.command("backup", epilog=examples("tapetrail db backup /backup/tapetrail-2026-11-22.tar"))
@shows_errors(hint="tapetrail db backup --help", interrupted="interrupted; there is no backup")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file where there is one.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Write the whole record, database and blobs, to one file.

    The record stays in use meanwhile; the file holds it as it was at the beginning. Only you can
    read the file, which is not encrypted. A stored object that is damaged is named and left out,
    and the exit code is 1; everything else is in the file.
    """
    from tapetrail import upkeep  # noqa: PLC0415 # --help never needs it

    read = settings()
    if not has_record(read):
        raise no_record(read)
    manifest = upkeep.back_up(read, file, may_replace=force)
    _show("backed up", manifest, file=file, as_json=as_json)
    return _exit_code(manifest)


@group.command(
    "restore",
    epilog=examples("TAPETRAIL_HOME=/tmp/again tapetrail db restore tapetrail-2026-11-22.tar"),
)
@shows_errors(
    hint="tapetrail db restore --help",
    interrupted="interrupted; nothing was restored",
    damaged="restore another backup; nothing was restored from this one",
)
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `db backup` wrote.")],
    *,
    as_json: Json = False,
) -> int:
    """Restore a backup to where nothing is yet.

    Every byte is checked against its digest, also the one in the database. A restore that was
    killed is started anew by the next one. A backup can contain program code: restore those that
    you made, or trust.
    """
    from tapetrail import upkeep  # noqa: PLC0415 # --help never needs it

    read = settings()
    manifest = upkeep.restore(read, file)
    _show("restored", manifest, file=file, as_json=as_json)
    if not as_json:
        note(f"the record is in {sanitise(str(read.home))}")
    return _exit_code(manifest)


def _exit_code(manifest: "Manifest") -> int:
    """Return how a command ends, after it named the blobs that are not in the backup."""
    if not manifest.damaged:
        return DONE
    count = len(manifest.damaged)
    named = "\n".join(blob.why for blob in manifest.damaged)
    what = "1 stored object was" if count == 1 else f"{count} stored objects were"
    show_error(f"{what} damaged and not backed up, everything else was; {named}", hint=REMEDY)
    return FAILED


def _show(done: str, manifest: "Manifest", *, file: Path, as_json: bool) -> None:
    if as_json:
        document: dict[str, Shown] = {
            "file": str(file),
            "bytes": file.stat().st_size,
            "made_at": manifest.made_at,
            "code_version": manifest.code_version,
            "schema_version": manifest.schema_version,
            "rows": manifest.rows,
            "blobs": manifest.blobs,
            "blob_bytes": manifest.blob_bytes,
            "damaged": [blob.key for blob in manifest.damaged],
        }
        print_json(document)
        return
    rows = sum(manifest.rows.values())
    echo(
        f"{done} {rows} rows, {manifest.rows.get('decisions', 0)} decisions among them, and"
        f" {manifest.blobs} blobs of {size_text(manifest.blob_bytes)}"
    )
