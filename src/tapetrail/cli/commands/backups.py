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
from tapetrail.cli.terminal.output import echo, note, print_json, size_text
from tapetrail.cli.terminal.words import Json
from tapetrail.core.verification.verdict import REMEDY
from tapetrail.safe_text import sanitise

if TYPE_CHECKING:
    from tapetrail.backup_files import Manifest
    from tapetrail.wire import Shown

group: Final = typer.Typer()
NAMED_MAX: Final = 10


@group.command("backup", epilog=examples("tapetrail db backup /backup/tapetrail-2026-11-22.tar"))
@shows_errors(hint="tapetrail db backup --help", interrupted="interrupted; there is no backup")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file where there is one.")
    ] = False,
    blobs: Annotated[
        bool, typer.Option("--blobs", help="Take in the bytes that lie in a bucket, too.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Write the whole record, database and blobs, to one file.

    The record stays in use meanwhile; the file holds it as it was at the beginning. Where blobs lie
    in a bucket it holds rows alone, and says so; `--blobs` takes the bytes in. Only you can read
    the file, which is not encrypted. A stored object that is damaged is named and left out,
    and the exit code is 1; everything else is in the file.
    """
    from tapetrail import upkeep  # noqa: PLC0415 # --help never needs it

    read = settings()
    if not has_record(read):
        raise no_record(read)
    manifest = upkeep.back_up(read, file, may_replace=force, takes_in=blobs)
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
    restored = upkeep.restore(read, file)
    _show("restored", restored.manifest, file=file, as_json=as_json)
    if not as_json:
        where = "the database" if read.database_url is not None else str(read.home)
        note(f"the record is in {sanitise(where)}")
    if restored.absent:
        named = "\n".join(sanitise(key) for key in restored.absent[:NAMED_MAX])
        place = "the home" if read.s3 is None else read.s3.url
        show_error(
            f"{len(restored.absent)} stored objects are not in {place}; the backup holds rows"
            f" alone, their bytes stayed in {restored.manifest.left_in}\n{named}",
            hint="set TAPETRAIL_BLOBS to where they are, then: tapetrail verify --deep",
        )
        return FAILED
    return _exit_code(restored.manifest)


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
            "left_in": manifest.left_in,
        }
        print_json(document)
        return
    rows = sum(manifest.rows.values())
    blobs = f"{manifest.blobs} blobs of {size_text(manifest.blob_bytes)}"
    if manifest.left_in is not None:
        blobs = f"no blobs: the bytes of {manifest.blob_rows} stay in {manifest.left_in}"
    echo(
        f"{done} {rows} rows, {manifest.rows.get('decisions', 0)} decisions among them, and {blobs}"
    )
