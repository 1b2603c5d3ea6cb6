"""The command tree. Each command parses its words and leaves the rest to its function."""

import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from typer.main import get_command

from tapetrail import __version__
from tapetrail.cli import completion, database, running
from tapetrail.cli.backup_commands import db
from tapetrail.cli.config_commands import group as config
from tapetrail.cli.failures import USAGE, exit_code_of, show_defect, show_usage_error
from tapetrail.cli.help_texts import (
    COMPLETION_EXAMPLES,
    TOPICS,
    environment,
    epilog,
    examples,
    exit_codes,
)
from tapetrail.cli.maintenance_commands import ARCHIVE_EXAMPLES, archive, doctor
from tapetrail.cli.options import Concurrency, Json, help_without_command
from tapetrail.cli.output import echo, writing
from tapetrail.cli.record_commands import RESOURCES
from tapetrail.cli.strategy_commands import group as strategies
from tapetrail.wire import Resource

GOES_ON: Final = "interrupted; what was queued goes on with the next `tapetrail run` or `worker`"
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
app.add_typer(strategies, name="strategies")
app.command("archive", epilog=ARCHIVE_EXAMPLES)(archive)
app.command("doctor")(doctor)
app.add_typer(db, name="db")
app.add_typer(config, name="config")
for resource in Resource:
    app.add_typer(RESOURCES[resource], name=resource.value)


def run_command_line(words: list[str] | None = None) -> int:
    """Run `words`, those of this process by default; return the exit code."""
    sys.excepthook = show_defect
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    completion.listen(os.environ)
    return exit_code_of(lambda: _obey(words), hint="tapetrail --help")


def _obey(words: list[str] | None) -> int:
    """Return the exit code of the command that `words` name.

    Commands show their own errors; the rest is what typer prints itself, such as help.
    """
    try:
        with writing():
            code = get_command(app).main(words, prog_name=completion.NAME, standalone_mode=False)
    except typer.TyperException as error:
        show_usage_error(error)
        return USAGE
    except SystemExit as ended:
        # This is how typer ends where nobody reads its output, and after completing a word.
        if isinstance(ended.__context__, BrokenPipeError):
            raise ended.__context__ from None
        code = ended.code
    return code if isinstance(code, int) else 0


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> int | None:
    """Show the version, or the help where no command is named."""
    if version:
        echo(f"tapetrail {__version__}")
        raise typer.Exit
    return help_without_command(context)


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
    echo(f"tapetrail {__version__}")


@app.command("completion", epilog=COMPLETION_EXAMPLES)
def completion_(
    shell: Annotated[completion.Shell, typer.Argument(metavar="SHELL")],
) -> int:
    """Print what makes a shell complete commands and options.

    Nothing is written to any file: run it in a session, or have your shell's start-up file run it.
    """
    return exit_code_of(lambda: completion.show_script(shell), hint="tapetrail completion --help")


@app.command("help", epilog=examples("tapetrail help exit-codes", "tapetrail help charts save"))
def help_(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORDS", help="A command, or a topic: exit-codes, environment."),
    ] = None,
) -> int:
    """Show the help of a command or a topic."""
    if words and words[0] in TOPICS:
        echo(exit_codes() if words[0] == "exit-codes" else environment())
        return 0
    return run_command_line([*(words or []), "--help"])
