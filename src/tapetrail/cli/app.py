"""The command tree, and how a command line becomes an exit code."""

import logging
import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Final

import typer
from typer.main import get_command

from tapetrail import __version__
from tapetrail.cli.commands import completion, lists
from tapetrail.cli.terminal.failures import USAGE, exit_code_of, show_defect, show_usage_error
from tapetrail.cli.terminal.help_texts import TOPICS, environment, epilog, examples, exit_codes
from tapetrail.cli.terminal.output import echo, writing
from tapetrail.cli.terminal.words import convert_words, help_without_command
from tapetrail.listing import (
    ADMIN_LISTS,
    ANALYSES,
    CHARTS,
    DATA,
    EXECUTIONS,
    KEYS,
    LISTS,
    SNAPSHOTS,
    STRATEGIES,
    ListSpec,
    list_named,
)
from tapetrail.listing.spec import Numbered

HELP_EXAMPLES: Final = examples("tapetrail help exit-codes", "tapetrail help charts save")
WIDTH: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


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
            command = get_command(command_tree(sys.argv[1:] if words is None else words))
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


def command_tree(words: Sequence[str]) -> typer.Typer:
    """Return all commands; where `words` ask for a list, that list alone.

    Lists are what scripts ask for again and again, and all the other commands take their time.
    """
    asked = [listed.name for listed in LISTS if listed.name in words[:1]]
    return _tree(asked[0] if asked else None)


@cache
def _tree(name: str | None) -> typer.Typer:
    app = typer.Typer(
        name="tapetrail",
        help="The flight recorder for LLM-driven trading.",
        epilog=epilog(),
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings=WIDTH,
    )
    app.callback(invoke_without_command=True)(root)
    if name is None:
        _add_all(app)
    else:
        app.add_typer(_list(list_named(name)), name=name)
    return app


def _list(listed: ListSpec[Numbered]) -> typer.Typer:
    if listed is STRATEGIES:
        from tapetrail.cli.commands import strategies  # noqa: PLC0415 # see `command_tree`

        # A strategy is shown by its name.
        group = lists.list_group(listed, help_=strategies.HELP)
        group.add_typer(strategies.group)
        return group
    group = lists.list_group(listed)
    if listed is ANALYSES:
        from tapetrail.cli.commands import analyses  # noqa: PLC0415 # see `command_tree`

        # An analysis is shown by its parts, too.
        group.add_typer(analyses.group)
        return group
    lists.add_show(group, listed)
    if listed is EXECUTIONS:
        from tapetrail.cli.commands import executions  # noqa: PLC0415 # see `command_tree`

        group.add_typer(executions.group)
    if listed is SNAPSHOTS:
        from tapetrail.cli.commands import snapshots  # noqa: PLC0415 # see `command_tree`

        group.add_typer(snapshots.group)
    if listed is DATA:
        from tapetrail.cli.commands import data  # noqa: PLC0415 # see `command_tree`

        group.add_typer(data.group)
    if listed is KEYS:
        from tapetrail.cli.commands import keys  # noqa: PLC0415 # see `command_tree`

        group.add_typer(keys.group)
    if listed is CHARTS:
        from tapetrail.cli.commands import charts  # noqa: PLC0415 # see `command_tree`

        group.add_typer(charts.group)
    return group


def _add_all(app: typer.Typer) -> None:
    from tapetrail.cli.commands import (  # noqa: PLC0415 # see `command_tree`
        archive,
        backups,
        blobs,
        config,
        database,
        demo,
        doctor,
        importing,
        models,
        moves,
        prompts,
        questions,
        runs,
        serve,
        spool,
        stats,
        symbols,
        verify,
    )

    app.add_typer(demo.group)
    app.add_typer(runs.group)
    app.add_typer(serve.group)
    app.add_typer(database.top)
    for listed in LISTS:
        app.add_typer(_list(listed), name=listed.name)
    app.add_typer(questions.group)
    app.add_typer(prompts.group, name="prompts")
    app.add_typer(models.group, name="models")
    app.add_typer(spool.group, name="spool")
    for listed in ADMIN_LISTS:
        app.add_typer(_list(listed), name=listed.name)
    app.add_typer(stats.group, name="stats")
    app.add_typer(symbols.group, name="symbols")
    app.add_typer(importing.group, name="import")
    for module in (archive, verify, doctor):
        app.add_typer(module.group)
    app.add_typer(database.db, name="db")
    database.db.add_typer(backups.group)
    database.db.add_typer(moves.group)
    app.add_typer(blobs.group, name="blobs")
    app.add_typer(config.group, name="config")
    app.add_typer(completion.group)
    about = typer.Typer()
    about.command()(version)
    about.command("help", epilog=HELP_EXAMPLES)(help_)
    app.add_typer(about)


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


def version() -> None:
    """Show the version."""
    echo(f"tapetrail {__version__}")


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
