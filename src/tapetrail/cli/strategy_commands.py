"""The words of `tapetrail strategies ...`; what they do is in `strategies`."""

from pathlib import Path
from typing import Annotated

import typer

from tapetrail.cli import strategies
from tapetrail.cli.failures import exit_code_of
from tapetrail.cli.help_texts import examples
from tapetrail.cli.options import Json

group = typer.Typer(help="Record, list and show strategies.")


@group.callback(invoke_without_command=True)
def default(context: typer.Context) -> int | None:
    """List the strategies where no command is named."""
    if context.invoked_subcommand is not None:
        return None
    return exit_code_of(
        lambda: strategies.show_list(as_json=False), hint="tapetrail strategies list --help"
    )


@group.command("apply", epilog=examples("tapetrail strategies apply mine.yaml"))
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A strategy's YAML file.")],
    *,
    as_json: Json = False,
) -> int:
    """Record a strategy without running it.

    Prints NAME@VERSION. A file without a version gets the next one when its content is new; a
    version that is recorded with another content is refused. Twice is the same as once.
    """
    return exit_code_of(
        lambda: strategies.apply(file, as_json=as_json), hint="tapetrail strategies apply --help"
    )


@group.command("list", epilog=examples("tapetrail strategies list --json"))
def list_(*, as_json: Json = False) -> int:
    """List every version of every strategy, newest first."""
    return exit_code_of(
        lambda: strategies.show_list(as_json=as_json), hint="tapetrail strategies list --help"
    )


@group.command(
    "show",
    epilog=examples(
        "tapetrail strategies show swing", "tapetrail strategies show swing@2 > again.yaml"
    ),
)
def show(
    strategy: Annotated[
        str, typer.Argument(metavar="NAME[@VERSION]", help="By default its newest version.")
    ],
    *,
    as_json: Json = False,
) -> int:
    """Print a strategy as it was completed: a file that can be run again."""
    return exit_code_of(
        lambda: strategies.show_one(strategy, as_json=as_json), hint="tapetrail strategies list"
    )
