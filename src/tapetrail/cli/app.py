"""The command tree. Each command parses its words and leaves the rest to its function."""

import logging
from pathlib import Path
from typing import Annotated, Final

import typer

from tapetrail import __version__
from tapetrail.cli import database, records, running
from tapetrail.cli.failures import exit_code_of
from tapetrail.cli.output import say
from tapetrail.wire import LIMIT_DEFAULT, Filters, Resource

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Limit = Annotated[int, typer.Option("--limit", help="Rows at most, 1 to 200.")]
Cursor = Annotated[str | None, typer.Option("--cursor", help="Continue where a list ended.")]
Symbol = Annotated[str | None, typer.Option("--symbol", help="Only this symbol.")]
TimeframeOption = Annotated[
    str | None, typer.Option("--timeframe", help="Only this timeframe, such as 1d or 1w.")
]
ExecutionOption = Annotated[int | None, typer.Option("--execution", help="Only this execution.")]
ChartOption = Annotated[int | None, typer.Option("--chart", help="Only what read this chart.")]
StatusOption = Annotated[str | None, typer.Option("--status", help="Only this status.")]
Number = Annotated[int, typer.Argument(metavar="ID", help="The number that lists show.")]
Concurrency = Annotated[
    int, typer.Option("--concurrency", min=1, max=64, help="Decisions worked on at once.")
]

app = typer.Typer(
    name="tapetrail",
    help="The flight recorder for LLM-driven trading.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
db = typer.Typer(help="The database: upgrade, address, start and stop.", no_args_is_help=True)
app.add_typer(db, name="db")


def run_command_line() -> int:
    """Run the command line of this process; return its exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    result = app(standalone_mode=False)
    return result if isinstance(result, int) else 0


@app.command()
def demo(
    *,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End when all is recorded.")] = False,
    concurrency: Concurrency = 2,
) -> int:
    """Record 130 decisions on real sample bars: no key, no network."""
    # There is nothing to serve yet, so both ways end when all is recorded.
    del no_serve
    return exit_code_of(lambda: running.demo(concurrency=concurrency), hint="tapetrail status")


@app.command()
def run(
    strategy: Annotated[Path, typer.Argument(metavar="STRATEGY", help="A strategy's YAML file.")],
    *,
    instruments: Annotated[
        str, typer.Option("--instruments", help="Only these symbols, separated by commas.")
    ] = "",
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="As of this session's close.")
    ] = None,
    concurrency: Concurrency = 2,
    as_json: Json = False,
) -> int:
    """Run a strategy once and record every decision."""
    words = running.RunWords(
        strategy=strategy, instruments=instruments, as_of=as_of, as_json=as_json
    )
    return exit_code_of(
        lambda: running.run(words, concurrency=concurrency), hint="tapetrail run --help"
    )


@app.command()
def worker(*, concurrency: Concurrency = 2) -> int:
    """Work off queued decisions, those of dead workers too, until interrupted."""
    return exit_code_of(lambda: running.worker(concurrency=concurrency), hint="tapetrail status")


@app.command()
def status(*, as_json: Json = False) -> int:
    """Show where the record is and how much it holds."""
    return exit_code_of(lambda: database.show_status(as_json=as_json), hint="tapetrail db start")


@app.command()
def version() -> None:
    """Show the version."""
    say(f"tapetrail {__version__}")


@db.command("upgrade")
def db_upgrade() -> int:
    """Bring the database's schema up to date."""
    return exit_code_of(database.upgrade, hint="tapetrail db current")


@db.command("current")
def db_current() -> int:
    """Show the schema's version."""
    return exit_code_of(database.show_current, hint="tapetrail db upgrade")


@db.command("url")
def db_url(
    *,
    role: Annotated[
        str, typer.Option("--role", help="Connect as reader (default), app or owner.")
    ] = "reader",
) -> int:
    """Print the address that psql and BI tools connect with."""
    return exit_code_of(lambda: database.show_url(role), hint="tapetrail db start")


@db.command("start")
def db_start() -> int:
    """Start the private server and keep it up until `db stop`."""
    return exit_code_of(database.start, hint="tapetrail status")


@db.command("stop")
def db_stop(*, quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing.")] = False) -> int:
    """Stop the private server."""
    return exit_code_of(lambda: database.stop(quiet=quiet), hint="tapetrail status")


def _add_resource(resource: Resource, *, singular: str) -> typer.Typer:
    """Give `resource` its list and show commands."""
    group = typer.Typer(help=f"List and show {resource}.", no_args_is_help=True)

    @group.command("list", help=f"List {resource}, newest first.")
    def list_(  # noqa: PLR0913 # its options  # pyright: ignore[reportUnusedFunction] # typer keeps it
        *,
        symbol: Symbol = None,
        timeframe: TimeframeOption = None,
        execution: ExecutionOption = None,
        chart: ChartOption = None,
        status: StatusOption = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: Cursor = None,
        as_json: Json = False,
    ) -> int:
        filters = Filters(
            symbol=symbol,
            timeframe=timeframe,
            execution_id=execution,
            chart_id=chart,
            status=status,
        )
        return exit_code_of(
            lambda: records.show_list(
                resource, filters=filters, limit=limit, cursor=cursor, as_json=as_json
            ),
            hint=f"tapetrail {resource} list --help",
        )

    @group.command("show", help=f"Show one {singular} whole, with what hangs on it.")
    def show(number: Number, *, as_json: Json = False) -> int:  # pyright: ignore[reportUnusedFunction] # typer keeps it
        return exit_code_of(
            lambda: records.show_one(resource, number, as_json=as_json),
            hint=f"tapetrail {resource} list",
        )

    app.add_typer(group, name=resource)
    return group


_SINGULAR: Final = {
    Resource.EXECUTIONS: "execution",
    Resource.DECISIONS: "decision",
    Resource.CHARTS: "chart",
    Resource.ANALYSES: "analysis",
    Resource.SIGNALS: "signal",
}
_GROUPS: Final = {
    resource: _add_resource(resource, singular=singular) for resource, singular in _SINGULAR.items()
}


@_GROUPS[Resource.CHARTS].command("save")
def save_chart(
    number: Number,
    *,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where to; by default chart-ID.jpg.")
    ] = None,
) -> int:
    """Save a chart's image, checked against its digest, to a file."""
    path = output or Path(f"chart-{number}.jpg")
    return exit_code_of(lambda: records.save_chart(number, path=path), hint="tapetrail charts list")
