"""`tapetrail db backup` and `tapetrail db restore`."""

from pathlib import Path
from typing import TYPE_CHECKING

from tapetrail.cli.output import echo, note, print_json, sanitise, size_text
from tapetrail.cli.session import has_record, no_record, settings

if TYPE_CHECKING:
    from tapetrail.backup_files import Manifest
    from tapetrail.wire import Shown


def back_up(file: Path, *, may_replace: bool, as_json: bool) -> int:
    """Write the record to a file and say what is in it."""
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it

    read = settings()
    if not has_record(read):
        raise no_record(read)
    manifest = bootstrap.back_up(read, file, may_replace=may_replace)
    _show("backed up", manifest, file=file, as_json=as_json)
    return 0


def restore(file: Path, *, as_json: bool) -> int:
    """Restore a backup into an empty home and say what was in it."""
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it

    read = settings()
    manifest = bootstrap.restore(read, file)
    _show("restored", manifest, file=file, as_json=as_json)
    if not as_json:
        note(f"the record is in {sanitise(str(read.home))}")
    return 0


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
        }
        print_json(document)
        return
    rows = sum(manifest.rows.values())
    echo(
        f"{done} {rows} rows, {manifest.rows.get('decisions', 0)} decisions among them, and"
        f" {manifest.blobs} blobs of {size_text(manifest.blob_bytes)}"
    )
