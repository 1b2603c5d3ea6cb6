"""`tapetrail completion SHELL`, and what a shell asks while somebody types.

Both are typer's; it has no public name for them, so a new typer is tried by the tests first.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

import typer

from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import COMPLETION_EXAMPLES
from tapetrail.cli.terminal.output import echo

group: Final = typer.Typer()
NAME: Final = "tapetrail"
ASKED: Final = "_TAPETRAIL_COMPLETE"
"""The variable by which a shell asks for completions in place of a command."""


class Shell(StrEnum):
    """A shell whose words can be completed."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


@group.command("completion", epilog=COMPLETION_EXAMPLES)
@shows_errors(hint="tapetrail completion --help")
def completion(
    shell: Annotated[Shell, typer.Argument(metavar="SHELL")],
) -> int:
    """Print what makes a shell complete commands and options.

    Nothing is written to any file: run it in a session, or have your shell's start-up file run it.
    """
    from typer._completion_shared import get_completion_script  # noqa: PLC0415 # --help never needs it

    echo(get_completion_script(prog_name=NAME, complete_var=ASKED, shell=shell.value))
    return 0


def listen(environment: Mapping[str, str]) -> None:
    """Make typer know the shells, if one is asking; by itself it only does so where it installs."""
    if ASKED in environment:
        from typer._completion_classes import completion_init  # noqa: PLC0415 # only a shell needs it

        completion_init()
