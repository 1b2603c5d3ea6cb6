"""`tapetrail symbols find`: how a source writes what people know by name."""

from typing import Annotated, Final

import typer

from tapetrail.cli.session import opened_or_new, settings
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import echo, note, print_json, screen
from tapetrail.cli.terminal.tables import table_lines
from tapetrail.cli.terminal.words import Json, help_without_command
from tapetrail.core.errors import InvalidInput
from tapetrail.safe_text import sanitise
from tapetrail.wire import view_document

HELP: Final = "Symbols of sources over a network: find one by name."
COLUMNS: Final = (
    "symbol", "name", "exchange", "currency", "conid", "asset_class", "strategy_line",
)  # fmt: skip
group: Final = typer.Typer(help=HELP)


@group.callback(invoke_without_command=True)
def symbols_root(context: typer.Context) -> int | None:
    """Show the help where no command is named."""
    return help_without_command(context)


@group.command(
    "find",
    epilog=examples(
        "tapetrail symbols find vodafone --source yahoo",
        "tapetrail symbols find BTC/USDT --source binance --csv",
    ),
)
@shows_errors(hint="tapetrail symbols find --help")
def find(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A symbol, or a part of a name.")],
    *,
    source: Annotated[
        str, typer.Option("--source", metavar="SOURCE", help="As strategies name it: yahoo.")
    ],
    as_json: Json = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV, safe to open in a spreadsheet.")
    ] = False,
) -> int:
    """Ask a source for symbols, and print how strategies name them.

    Each with the line that means it in a strategy. What a source does not say of a symbol stays
    empty. Nothing is recorded.
    """
    if as_json and as_csv:
        raise InvalidInput("--json and --csv; at most one of them")
    with opened_or_new(settings()) as record:
        found = record.symbols.find(text, source=source)
    if as_json:
        print_json({"data": [view_document(each) for each in found]})
        return 0
    rows = [[getattr(each, name) for name in COLUMNS] for each in found]
    if as_csv:
        from tapetrail.safe_text import csv_line  # noqa: PLC0415 # --help never needs it

        for line in (",".join(COLUMNS), *map(csv_line, rows)):
            echo(line)
        return 0
    for line in table_lines(COLUMNS, rows, screen=screen()) if rows else ():
        echo(line)
    name = sanitise(source)
    note(f"in a strategy: source: {name}, and the last column" if rows else f"{name} finds nothing")
    return 0
