"""The command tree, and how a command line becomes an exit code."""

import logging
import os
import sys
from typing import Annotated, Final

import typer
from typer.main import get_command

from tapetrail import __version__
from tapetrail.cli.commands import (
    archive,
    backups,
    charts,
    completion,
    config,
    database,
    doctor,
    lists,
    runs,
    strategies,
)
from tapetrail.cli.terminal.failures import USAGE, exit_code_of, show_defect, show_usage_error
from tapetrail.cli.terminal.help_texts import TOPICS, environment, epilog, examples, exit_codes
from tapetrail.cli.terminal.output import echo, writing
from tapetrail.cli.terminal.words import convert_words, help_without_command
from tapetrail.listing import CHARTS, LISTS, STRATEGIES

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
app.add_typer(runs.group)
app.add_typer(database.top)
for listed in LISTS:
    group = lists.list_group(listed, help_=strategies.HELP if listed is STRATEGIES else None)
    app.add_typer(group, name=listed.name)
    if listed is STRATEGIES:
        # A strategy is shown by its name.
        group.add_typer(strategies.group)
    else:
        lists.add_show(group, listed)
    if listed is CHARTS:
        group.add_typer(charts.group)
app.add_typer(archive.group)
app.add_typer(doctor.group)
app.add_typer(database.db, name="db")
database.db.add_typer(backups.group)
app.add_typer(config.group, name="config")
app.add_typer(completion.group)
last: Final = typer.Typer()


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
            command = get_command(app)
            convert_words(command)
            code = command.main(words, prog_name=completion.NAME, standalone_mode=False)
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


@last.command()
def version() -> None:
    """Show the version."""
    echo(f"tapetrail {__version__}")


@last.command("help", epilog=examples("tapetrail help exit-codes", "tapetrail help charts save"))
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


app.add_typer(last)
