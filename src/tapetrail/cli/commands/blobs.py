"""`tapetrail blobs ...`: the store of bytes itself."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tapetrail.cli.session import has_record, no_record, opened, settings, settings_at
from tapetrail.cli.terminal.counting import counted
from tapetrail.cli.terminal.exact import print_exact
from tapetrail.cli.terminal.failures import DONE, FAILED, show_error, shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import echo, note, size_text
from tapetrail.cli.terminal.saving import checked_target, write_file
from tapetrail.cli.terminal.words import help_without_command
from tapetrail.core.errors import InvalidInput
from tapetrail.core.verification.verdict import REMEDY
from tapetrail.safe_text import sanitise

if TYPE_CHECKING:
    from tapetrail.usecases.blob_copies import Copied

group: Final = typer.Typer(help="Get an object, create a bucket, copy to one.")


@group.callback(invoke_without_command=True)
def blobs_root(context: typer.Context) -> int | None:
    """Show the help where no command is named."""
    return help_without_command(context)


@group.command(
    "get",
    epilog=examples("tapetrail blobs get sha256:…", "tapetrail blobs get sha256:… -o report.txt"),
)
@shows_errors(hint="tapetrail inputs show 1")
def get(
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="As a row names it: sha256:…")],
    *,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where to. Replaced.")
    ] = None,
) -> int:
    """Print the bytes of a digest, checked against it.

    So is read what an agent was told to have read (`content_digest`), what a broker sent
    (`raw_digest`), and the bars of a snapshot. A terminal is shown them without what it would obey.
    """
    target = None if output is None else checked_target(output)
    with opened() as record:
        content = record.records.blob(digest)
    if target is None:
        print_exact(content)
        return DONE
    write_file(content, target)
    note(f"saved {sanitise(str(output))} ({size_text(len(content))})")
    return DONE


@group.command("create-bucket", epilog=examples("tapetrail blobs create-bucket --lock"))
@shows_errors(hint="tapetrail doctor")
def create_bucket(
    *,
    lock: Annotated[
        bool, typer.Option("--lock", help="Keep versions, and let objects be locked.")
    ] = False,
) -> int:
    """Create the bucket that TAPETRAIL_BLOBS names.

    One that is there is left as it is. For how long objects are locked is set on the bucket, by the
    store's own tools.
    """
    from tapetrail import upkeep  # noqa: PLC0415 # --help never needs it

    found, is_new = upkeep.create_bucket(settings(), has_lock=lock)
    note(f"{'created' if is_new else 'there already'}: {sanitise(found.bucket)}")
    return DONE


@group.command("copy", epilog=examples("tapetrail blobs copy --to s3://trails/mine"))
@shows_errors(
    hint="tapetrail blobs copy --help", interrupted="interrupted; the same again goes on from there"
)
def copy(
    *,
    to: Annotated[
        str, typer.Option("--to", metavar="s3://BUCKET/PREFIX", help="Where the bytes go.")
    ],
) -> int:
    """Copy every stored object to a bucket, and read it back.

    TAPETRAIL_S3_* say how the bucket is reached. What is there already is read and compared, so the
    same again goes on where it was broken off. The record stays as it is: set TAPETRAIL_BLOBS to
    use the copy. An object that is damaged is named, and the exit code is 1.
    """
    from tapetrail import upkeep  # noqa: PLC0415 # --help never needs it

    read = settings()
    if not has_record(read):
        raise no_record(read)
    try:
        target = settings_at(Path.cwd(), {**os.environ, "TAPETRAIL_BLOBS": to}).s3
    except InvalidInput as error:
        raise InvalidInput(error.message.replace("TAPETRAIL_BLOBS", "--to")) from error
    if target is None or (read.s3 is not None and read.s3.url == target.url):
        raise InvalidInput(f"--to {to}: the bytes are there; name another bucket or prefix")
    return show_copied(upkeep.copy_blobs(read, target, counted("copied")))


def show_copied(copied: "Copied") -> int:
    """Say what came of a copy, and return how the command ends."""
    before = f", {copied.there_before} of them were there before" if copied.there_before else ""
    echo(f"copied {copied.objects} objects of {size_text(copied.size)}{before}")
    if not copied.damaged:
        return DONE
    named = "\n".join(copied.damaged)
    show_error(f"{len(copied.damaged)} objects are damaged and not copied; {named}", hint=REMEDY)
    return FAILED
