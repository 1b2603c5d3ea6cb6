"""`tapetrail stats ...`: what models cost and how they did, and what was decided of late."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from tapetrail.cli.session import opened
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.filters import selected, take_filters
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import echo, note, print_json, screen
from tapetrail.cli.terminal.tables import table_lines
from tapetrail.cli.terminal.words import Json, help_without_command
from tapetrail.core.errors import InvalidInput
from tapetrail.listing import ANALYSES
from tapetrail.wire import GroundingStats, PeriodStats, UsageStats, view_document

if TYPE_CHECKING:
    from tapetrail.listing.values import Given
    from tapetrail.usecases.record import Record

Found: TypeAlias = Sequence[UsageStats | GroundingStats | PeriodStats]
SPEND: Final = (
    "key", "decisions", "signals", "calls", "lost", "tokens", "cost_usd", "unpriced",
    "usd_per_decision", "usd_per_signal",
)  # fmt: skip
MODELS: Final = (
    "key", "asked", "answers", "calls", "retries", "re_asks", "failures", "latency_ms_p50",
    "latency_ms_p95", "cost_usd", "unpriced",
)  # fmt: skip
group: Final = typer.Typer(help="What models cost, how they did, and what was decided of late.")
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV, safe to open in a spreadsheet.")]
By: TypeAlias = Annotated[
    str | None,
    typer.Option("--by", metavar="TEXT", help="day, model, analyst, strategy or symbol."),
]


@group.callback(invoke_without_command=True)
def stats_root(context: typer.Context) -> int | None:
    """Show the help where no command is named."""
    return help_without_command(context)


def _statistic(
    name: str,
    help_: str,
    *,
    by: str,
    columns: tuple[str, ...],
    ask: "Callable[[Record, str, Mapping[str, Sequence[Given]]], Found]",
) -> None:
    """Add a command that prints a row a key, narrowed as lists of analyses are."""

    @shows_errors(hint=f"tapetrail stats {name} --help")
    def command(
        *,
        wanted: By = None,
        as_json: Json = False,
        as_csv: Csv = False,
        **filters: list[str] | None,
    ) -> int:
        selection, key = selected(ANALYSES, filters), wanted or by
        with opened() as record:
            found = ask(record, key, selection.filters)
        _print(found, columns, as_json=as_json, as_csv=as_csv, key=key)
        if not found:
            options = selection.options()
            note(f"nothing to count with {options}" if options else "nothing to count yet")
        return 0

    take_filters(command, ANALYSES)
    shown = examples(f"tapetrail stats {name}", f"tapetrail stats {name} --by strategy --csv")
    group.command(name, help=help_, epilog=shown)(command)


_statistic(
    "spend",
    "Show what models were asked and what that cost, by day.\n\n`unpriced` counts calls whose cost"
    " nobody knows, lost ones among them: with any of them nobody can say what a decision cost.",
    by="day",
    columns=SPEND,
    ask=lambda record, by, filters: record.stats.spend(by, **filters),
)
_statistic(
    "models",
    "Show how models answered: failures by kind, latency, re-asks.",
    by="model",
    columns=MODELS,
    ask=lambda record, by, filters: record.stats.spend(by, **filters),
)
_statistic(
    "grounding",
    "Show how true what models state is, held against charts.\n\nBy model. Of all levels:"
    " those on their side of the last close, visible, touched by a bar. Of the numbers that were"
    " stated: those that the chart has by that name, and those that it has so.",
    by="model",
    columns=tuple(field.name for field in fields(GroundingStats)),
    ask=lambda record, by, filters: record.stats.grounding(by, **filters),
)


@group.command("summary", epilog=examples("tapetrail stats summary --json"))
@shows_errors(hint="tapetrail stats summary --help")
def summary(*, as_json: Json = False, as_csv: Csv = False) -> int:
    """Show what was decided today, in 7 and in 30 days.

    And what models cost. Days are UTC's.
    """
    with opened() as record:
        found = record.stats.summary()
    names = tuple(field.name for field in fields(PeriodStats))
    _print(found, names, as_json=as_json, as_csv=as_csv)
    return 0


def _print(
    found: Found, columns: Sequence[str], *, as_json: bool, as_csv: bool, key: str = ""
) -> None:
    """Print rows: a table of some columns, or all of them for programs; `key` is what they are."""
    if as_json and as_csv:
        raise InvalidInput("--json and --csv; at most one of them")
    if as_json:
        print_json({"data": [view_document(row) for row in found]})
    elif as_csv:
        from tapetrail.safe_text import csv_line  # noqa: PLC0415 # --help never needs it

        for at, row in enumerate(found):
            names = [field.name for field in fields(row)]
            if at == 0:
                echo(",".join(names))
            echo(csv_line([getattr(row, name) for name in names]))
    else:
        rows = [[getattr(row, name) for name in columns] for row in found]
        names = [key if name == "key" else name for name in columns]
        for line in table_lines(names, rows, screen=screen()) if rows else ():
            echo(line)
