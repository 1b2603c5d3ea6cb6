"""The words of `tapetrail executions|decisions|charts|analyses|signals ...`."""

from pathlib import Path
from typing import Annotated, Final

import typer
from typer._click import Context
from typer.core import TyperGroup

from tapetrail.cli import chart_files, lists, records
from tapetrail.cli.chart_files import Form
from tapetrail.cli.failures import exit_code_of
from tapetrail.cli.help_texts import LIST_EXAMPLES, LIST_HELP, examples
from tapetrail.cli.list_words import ListWords, columns_of, limit_of, shape_of, with_times
from tapetrail.cli.options import Json, Number
from tapetrail.wire import LIMIT_DEFAULT, LIMIT_MAX, Filters, Resource

Symbol = Annotated[str | None, typer.Option("--symbol", metavar="TEXT", help="Only this symbol.")]
TimeframeOption = Annotated[
    str | None,
    typer.Option("--timeframe", metavar="TEXT", help="Only this timeframe: 1d, 1w, 1mo, ..."),
]
ExecutionOption = Annotated[
    int | None, typer.Option("--execution", metavar="ID", min=1, help="Only this execution's.")
]
ChartOption = Annotated[
    int | None, typer.Option("--chart", metavar="ID", min=1, help="Only what goes with this chart.")
]
StatusOption = Annotated[
    str | None,
    typer.Option("--status", metavar="TEXT", help="Only this status, such as completed or failed."),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="TIME", help="Only what was made then or later: a date or RFC 3339, UTC."
    ),
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="Only what was made before then.")
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit", metavar="N", min=1, max=LIMIT_MAX, help=f"Rows at most; {LIMIT_DEFAULT} if not."
    ),
]
All = Annotated[bool, typer.Option("--all", help="Every row, however many.")]
Cursor = Annotated[
    str | None,
    typer.Option(
        "--cursor", metavar="TEXT", help="Continue where a list with the same filters ended."
    ),
]
Columns = Annotated[
    str | None,
    typer.Option("--columns", metavar="A,B", help="These columns, in this order."),
]
JsonLines = Annotated[bool, typer.Option("--jsonl", help="Print one JSON object a line.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV, safe to open in a spreadsheet.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print ids only, one a line.")]
Utc = Annotated[
    bool,
    typer.Option(
        "--utc/--local", help="A table's times in UTC or in your zone; JSON and CSV are in UTC."
    ),
]


class _ListingGroup(TyperGroup):
    """A group whose bare name lists, with the same options as its `list`."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Return what is left of the words after the group's own; `list` is put where none is."""
        names_a_command = bool(args) and not args[0].startswith("-")
        # What completes a word needs the commands where nothing stands yet.
        is_about_the_group = bool({*args[:1]} & {*ctx.help_option_names}) or (
            not args and ctx.resilient_parsing
        )
        if not names_a_command and not is_about_the_group:
            args = ["list", *args]
        return super().parse_args(ctx, args)


def _group(resource: Resource, *, singular: str) -> typer.Typer:
    """Give `resource` its list and show commands; its bare name lists."""
    group = typer.Typer(cls=_ListingGroup, help=f"List and show {resource}; by itself it lists.")

    @group.callback()
    def of_all() -> None:  # pyright: ignore[reportUnusedFunction] # typer keeps it
        pass

    @group.command("list", help=LIST_HELP[resource], epilog=LIST_EXAMPLES[resource])
    def list_(  # noqa: PLR0913 # its options  # pyright: ignore[reportUnusedFunction] # typer keeps it
        *,
        symbol: Symbol = None,
        timeframe: TimeframeOption = None,
        execution: ExecutionOption = None,
        chart: ChartOption = None,
        status: StatusOption = None,
        since: Since = None,
        until: Until = None,
        limit: Limit = None,
        wants_all: All = False,
        cursor: Cursor = None,
        columns: Columns = None,
        as_json: Json = False,
        as_jsonl: JsonLines = False,
        as_csv: Csv = False,
        quiet: Quiet = False,
        utc: Utc = True,
    ) -> int:
        def run() -> int:
            filters = Filters(
                symbol=symbol,
                timeframe=timeframe,
                execution_id=execution,
                chart_id=chart,
                status=status,
            )
            words = ListWords(
                filters=with_times(filters, since=since, until=until),
                shape=shape_of(as_json=as_json, as_jsonl=as_jsonl, as_csv=as_csv, quiet=quiet),
                columns=columns_of(columns, resource=resource),
                limit=limit_of(limit, wants_all=wants_all),
                cursor=cursor,
                is_utc=utc,
            )
            return lists.show_list(resource, words)

        return exit_code_of(run, hint=f"tapetrail {resource} list --help")

    @group.command(
        "show",
        help=f"Show one {singular} whole, with what hangs on it.",
        epilog=examples(f"tapetrail {resource} show 1", f"tapetrail {resource} show 1 --json"),
    )
    def show(number: Number, *, as_json: Json = False) -> int:  # pyright: ignore[reportUnusedFunction] # typer keeps it
        return exit_code_of(
            lambda: records.show_one(resource, number, as_json=as_json),
            hint=f"tapetrail {resource} list",
        )

    return group


_SINGULAR: Final = {
    Resource.EXECUTIONS: "execution",
    Resource.DECISIONS: "decision",
    Resource.CHARTS: "chart",
    Resource.ANALYSES: "analysis",
    Resource.SIGNALS: "signal",
}
RESOURCES: Final = {
    resource: _group(resource, singular=singular) for resource, singular in _SINGULAR.items()
}


@RESOURCES[Resource.CHARTS].command(
    "save",
    epilog=examples(
        "tapetrail charts save 3",
        "tapetrail charts save 3 -o weekly.html",
        "tapetrail charts save 3 --format pdf",
    ),
)
def save_chart(
    number: Number,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Where to; by default chart-ID.jpg. Replaced."
        ),
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="By default what the file's name ends in, or jpg."),
    ] = None,
) -> int:
    """Save a chart, checked against its digest, to a file.

    The image is what the analyst saw, the HTML page is the same chart to explore, and the PDF is
    for printing, with the levels of the signal that followed. A file that is there already is
    replaced, whole or not at all.
    """
    return exit_code_of(
        lambda: chart_files.save_chart(number, form=form, output=output),
        hint="tapetrail charts save --help",
    )


@RESOURCES[Resource.CHARTS].command(
    "open", epilog=examples("tapetrail charts open 3", "tapetrail charts open 3 --format pdf")
)
def open_chart(
    number: Number,
    *,
    form: Annotated[
        Form, typer.Option("--format", help="The interactive page, the print or the image.")
    ] = Form.HTML,
) -> int:
    """Show a chart in the browser, and print where its file lies.

    The file is a copy in the home folder: it needs no server and no network.
    """
    return exit_code_of(
        lambda: chart_files.open_chart(number, form=form), hint="tapetrail charts list"
    )
