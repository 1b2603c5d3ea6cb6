"""The words of the commands that look after a record."""

from typing import Annotated, Final

import typer

from tapetrail.cli import archive as archiving
from tapetrail.cli import checkup
from tapetrail.cli.failures import exit_code_of
from tapetrail.cli.help_texts import examples
from tapetrail.cli.options import Json

ARCHIVE_EXAMPLES: Final = examples(
    "tapetrail archive --older-than 90d --dry-run",
    "tapetrail archive --older-than 12w --yes",
    "tapetrail charts list --status archived",
)
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]


def archive(
    *,
    older_than: Annotated[
        str,
        typer.Option("--older-than", metavar="AGE", help="Days or weeks, such as 90d or 12w."),
    ] = "90d",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how many charts there are.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Archive charts that were generated long ago.

    Nothing is deleted: an archived chart can be listed, shown and saved as before. Each change is
    an event with who did it and why, made in batches of 1000, each batch whole or not at all.
    """
    words = archiving.ArchiveWords(
        older_than=older_than, is_dry=dry_run, is_agreed=yes, as_json=as_json
    )
    return exit_code_of(
        lambda: archiving.archive(words),
        hint="tapetrail archive --help",
        interrupted="interrupted; what was archived stays archived",
    )


def doctor(*, as_json: Json = False) -> int:
    """Check installation and record; say what mends a fault.

    Exit code 1 if a check failed; warnings alone are 0. Creates no record where there is none, and
    shows no password.
    """
    return exit_code_of(lambda: checkup.show(as_json=as_json), hint="tapetrail help environment")
