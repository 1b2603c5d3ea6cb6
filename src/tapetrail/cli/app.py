"""The command tree. Each command parses its words and leaves the rest to its function."""

import logging
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from typer.main import get_command

from tapetrail import __version__
from tapetrail.cli import database, records, running
from tapetrail.cli.failures import USAGE, exit_code_of, show_defect, show_usage_error
from tapetrail.cli.help_texts import TOPICS, environment, epilog, examples, exit_codes
from tapetrail.cli.output import say
from tapetrail.wire import LIMIT_DEFAULT, LIMIT_MAX, Filters, Resource

GOES_ON: Final = "interrupted; what was queued goes on with the next `tapetrail run` or `worker`"
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Limit = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, max=LIMIT_MAX, help="Rows at most.")
]
Cursor = Annotated[
    str | None,
    typer.Option(
        "--cursor", metavar="TEXT", help="Continue where a list with the same filters ended."
    ),
]
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
Number = Annotated[int, typer.Argument(metavar="ID", min=1, help="The number that lists show.")]
Concurrency = Annotated[
    int,
    typer.Option("--concurrency", metavar="N", min=1, max=64, help="Decisions worked on at once."),
]
WIDTH: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

app = typer.Typer(
    name="tapetrail",
    help="The flight recorder for LLM-driven trading.",
    epilog=epilog(),
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings=WIDTH,
)
db = typer.Typer(help="The database: upgrade, address, start and stop.")
app.add_typer(db, name="db")


def run_command_line(words: list[str] | None = None) -> int:
    """Run `words`, those of this process by default; return the exit code."""
    sys.excepthook = show_defect
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        code = get_command(app).main(words, prog_name="tapetrail", standalone_mode=False)
    except typer.TyperException as error:
        show_usage_error(error)
        return USAGE
    return code if isinstance(code, int) else 0


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> int | None:
    """Show the version, or the help where no command is named."""
    if version:
        say(f"tapetrail {__version__}")
        raise typer.Exit
    return _help_without_command(context)


@db.callback(invoke_without_command=True)
def db_root(context: typer.Context) -> int | None:
    """Show the help where no command is named."""
    return _help_without_command(context)


@app.command(
    epilog=examples("tapetrail demo --no-serve", "TAPETRAIL_HOME=/tmp/trial tapetrail demo")
)
def demo(
    *,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End when all is recorded.")] = False,
    concurrency: Concurrency = 2,
) -> int:
    """Record 130 decisions on real sample bars: no key, no network.

    A home that has them already keeps them; nothing is recorded twice.
    """
    # There is nothing to serve yet, so both ways end when all is recorded.
    del no_serve
    return exit_code_of(
        lambda: running.demo(concurrency=concurrency), hint="tapetrail status", interrupted=GOES_ON
    )


@app.command(
    epilog=examples(
        "tapetrail run mine.yaml",
        "tapetrail run mine.yaml --as-of 2012-08-03",
        "tapetrail run mine.yaml --instruments AAPL,IBM --json",
    )
)
def run(
    strategy: Annotated[Path, typer.Argument(metavar="STRATEGY", help="A strategy's YAML file.")],
    *,
    instruments: Annotated[
        str | None,
        typer.Option("--instruments", metavar="A,B", help="These symbols, not the strategy's own."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="DATE",
            help="Decide as of the close of the last session on or before this day;"
            " by default the latest completed one.",
        ),
    ] = None,
    concurrency: Concurrency = 2,
    as_json: Json = False,
) -> int:
    """Run a strategy once and record every decision.

    Exit code 0 means that every decision completed, 1 that one failed; why is in the record.
    What is wrong with the words or the file is refused before anything is written.
    """
    words = running.RunWords(
        strategy=strategy, instruments=instruments, as_of=as_of, as_json=as_json
    )
    return exit_code_of(
        lambda: running.run(words, concurrency=concurrency),
        hint="tapetrail run --help",
        interrupted=GOES_ON,
    )


@app.command(epilog=examples("tapetrail worker --concurrency 4"))
def worker(*, concurrency: Concurrency = 2) -> int:
    """Work off queued decisions until interrupted.

    Also takes over what dead workers left.
    """
    return exit_code_of(lambda: running.worker(concurrency=concurrency), hint="tapetrail status")


@app.command()
def status(*, as_json: Json = False) -> int:
    """Show where the record is and how much it holds."""
    return exit_code_of(lambda: database.show_status(as_json=as_json), hint="tapetrail db start")


@app.command()
def version() -> None:
    """Show the version."""
    say(f"tapetrail {__version__}")


@app.command("help", epilog=examples("tapetrail help exit-codes", "tapetrail help charts save"))
def help_(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORDS", help="A command, or a topic: exit-codes, environment."),
    ] = None,
) -> int:
    """Show the help of a command or a topic."""
    if words and words[0] in TOPICS:
        say(exit_codes() if words[0] == "exit-codes" else environment())
        return 0
    return run_command_line([*(words or []), "--help"])


@db.command("upgrade")
def db_upgrade() -> int:
    """Bring the database's schema up to date."""
    return exit_code_of(database.upgrade, hint="tapetrail db current")


@db.command("current")
def db_current() -> int:
    """Show the schema's version."""
    return exit_code_of(database.show_current, hint="tapetrail db upgrade")


@db.command("url", epilog=examples('psql "$(tapetrail db url)"', "tapetrail db url --role owner"))
def db_url(
    *,
    role: Annotated[
        str,
        typer.Option("--role", metavar="ROLE", help="Connect as reader, app or owner."),
    ] = "reader",
) -> int:
    """Print the address of the running server, for psql and BI tools.

    The reader sees everything and changes nothing; app adds to the record; owner owns the schema.
    """
    return exit_code_of(lambda: database.show_url(role), hint="tapetrail db url --help")


@db.command("start", epilog=examples('psql "$(tapetrail db start)"'))
def db_start() -> int:
    """Start the private server and print its address.

    It stays up until `tapetrail db stop`.
    """
    return exit_code_of(database.start, hint="tapetrail status")


@db.command("stop")
def db_stop(*, quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing.")] = False) -> int:
    """Stop the private server.

    Also while others use it: they end with exit code 5, what is recorded stays, and what was
    queued goes on with the next run or worker.
    """
    return exit_code_of(lambda: database.stop(quiet=quiet), hint="tapetrail status")


def _help_without_command(context: typer.Context) -> int | None:
    if context.invoked_subcommand is None:
        say(context.get_help())
        return 0
    return None


def _add_resource(resource: Resource, *, singular: str) -> typer.Typer:
    """Give `resource` its list and show commands; its bare name lists."""
    group = typer.Typer(help=f"List and show {resource}.")
    hint = f"tapetrail {resource} list --help"

    @group.callback(invoke_without_command=True)
    def default(context: typer.Context) -> int | None:  # pyright: ignore[reportUnusedFunction] # typer keeps it
        if context.invoked_subcommand is not None:
            return None
        words = records.ListWords(filters=Filters(), limit=LIMIT_DEFAULT)
        return exit_code_of(lambda: records.show_list(resource, words), hint=hint)

    @group.command("list", help=f"List {resource}, newest first.", epilog=LIST_EXAMPLES[resource])
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
        words = records.ListWords(filters=filters, limit=limit, cursor=cursor, as_json=as_json)
        return exit_code_of(lambda: records.show_list(resource, words), hint=hint)

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

    app.add_typer(group, name=resource.value)
    return group


_SINGULAR: Final = {
    Resource.EXECUTIONS: "execution",
    Resource.DECISIONS: "decision",
    Resource.CHARTS: "chart",
    Resource.ANALYSES: "analysis",
    Resource.SIGNALS: "signal",
}
LIST_EXAMPLES: Final = {
    Resource.EXECUTIONS: examples("tapetrail executions list --status completed_with_errors"),
    Resource.DECISIONS: examples(
        "tapetrail decisions list --symbol AAPL --limit 5",
        "tapetrail decisions list --status failed --json",
    ),
    Resource.CHARTS: examples("tapetrail charts list --timeframe 1w"),
    Resource.ANALYSES: examples("tapetrail analyses list --chart 3"),
    Resource.SIGNALS: examples("tapetrail signals list --execution 1"),
}
_GROUPS: Final = {
    resource: _add_resource(resource, singular=singular) for resource, singular in _SINGULAR.items()
}


@_GROUPS[Resource.CHARTS].command(
    "save", epilog=examples("tapetrail charts save 3", "tapetrail charts save 3 -o weekly.jpg")
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
) -> int:
    """Save a chart's image, checked against its digest, to a file.

    A file that is there already is replaced, whole or not at all.
    """
    path = output or Path(f"chart-{number}.jpg")
    return exit_code_of(
        lambda: records.save_chart(number, path=path), hint="tapetrail charts save --help"
    )
