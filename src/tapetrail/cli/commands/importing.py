"""`tapetrail import predecessor`: the record of an older system, taken over."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tapetrail.cli.session import settings, settings_at
from tapetrail.cli.terminal.failures import DONE, FAILED, shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import echo, note, print_json, screen
from tapetrail.cli.terminal.tables import table_lines
from tapetrail.cli.terminal.words import Json, help_without_command
from tapetrail.core.errors import InvalidInput
from tapetrail.safe_text import sanitise

if TYPE_CHECKING:
    from tapetrail.core.legacy.account import Account
    from tapetrail.s3_settings import S3Settings

COLUMNS: Final = ("table", "found", "taken", "there", "not_taken")
ZONE: Final = "UTC"
group: Final = typer.Typer(help="Take over the record of an older system.")


@group.callback(invoke_without_command=True)
def import_root(context: typer.Context) -> int | None:
    """Show the help where no command is named."""
    return help_without_command(context)


@group.command(
    "predecessor",
    epilog=examples(
        "tapetrail import predecessor --from postgresql://me@old.example/trading --dry-run",
        "tapetrail import predecessor --from old.dump --objects minio-files --zone Asia/Hong_Kong",
    ),
)
@shows_errors(
    hint="tapetrail import predecessor --help",
    interrupted="interrupted; what was taken over stays, and the next import goes on",
)
def predecessor(
    *,
    from_: Annotated[
        str,
        typer.Option(
            "--from", metavar="URL|DUMP", help="Its database, or a file of pg_dump's custom format."
        ),
    ],
    objects: Annotated[
        str | None,
        typer.Option(
            "--objects",
            metavar="FOLDER|s3://BUCKET",
            help="Where its charts lie: files, or a bucket by the TAPETRAIL_S3_* settings.",
        ),
    ] = None,
    zone: Annotated[
        str, typer.Option("--zone", metavar="ZONE", help="Of its times without a zone.")
    ] = ZONE,
    source: Annotated[
        str, typer.Option("--source", metavar="NAME", help="What it is called in the record.")
    ] = "predecessor",
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show the account, as far as it is known without writing."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Take over the record of the unfinished predecessor.

    Its runs, charts, analyses, signals and cached bars. Every row is accounted for: it is taken
    over, there already, or named with the reason why not. A second import adds nothing; one that
    was interrupted goes on. A signal behind which no answer stands is marked `legacy_unbacked`,
    never decides and counts nowhere. Its database is only read. The exit code is 1 where some rows
    could not be taken over.
    """
    from tapetrail import upkeep  # noqa: PLC0415 # --help never needs it

    account = upkeep.import_predecessor(
        settings(),
        from_,
        objects=_objects(objects),
        zone=zone,
        source=source,
        is_dry=dry_run,
    )
    if as_json:
        _print_json(account, is_dry=dry_run)
    else:
        _print(account, is_dry=dry_run)
    return FAILED if account.not_taken else DONE


def _objects(words: str | None) -> "Path | S3Settings | None":
    """Return where charts lie: a folder, or a bucket by the settings of this process."""
    if words is None or "://" not in words:
        return None if words is None else Path(words)
    try:
        return settings_at(Path.cwd(), {**os.environ, "TAPETRAIL_BLOBS": words}).s3
    except InvalidInput as error:
        raise InvalidInput(error.message.replace("TAPETRAIL_BLOBS", "--objects")) from error


def _print_json(account: "Account", *, is_dry: bool) -> None:
    from tapetrail.core.legacy.columns import Table  # noqa: PLC0415 # --help never needs it

    print_json(
        {
            "dry_run": is_dry,
            "tables": {table.value: account.of(table) for table in Table},
            "left_alone": account.others,
            "not_taken": [
                {"table": each.table, "id": each.id, "symbol": each.symbol, "reason": each.reason}
                for each in account.not_taken
            ],
        }
    )


def _print(account: "Account", *, is_dry: bool) -> None:
    from tapetrail.core.legacy.columns import Table  # noqa: PLC0415 # --help never needs it

    cells = [[table.value, *account.of(table).values()] for table in Table]
    for line in table_lines(COLUMNS, cells, screen=screen()):
        echo(line)
    for each in account.not_taken:
        symbol = f" ({each.symbol})" if each.symbol else ""
        echo(sanitise(f"not taken: {each.table} {each.id}{symbol}: {each.reason}"))
    for name, count in account.others.items():
        note(f"left alone: {count} rows of {sanitise(name)}")
    if is_dry:
        note("a dry run: nothing was written")
