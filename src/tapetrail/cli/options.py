"""The options and arguments that several commands take."""

from typing import Annotated, Final, TypeAlias

import typer

from tapetrail.cli.output import echo

CONCURRENCY_MAX: Final = 8
"""As many as one worker takes off the queue; whoever has more cores starts more workers."""

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Number: TypeAlias = Annotated[
    int, typer.Argument(metavar="ID", min=1, help="The number that lists show.")
]
Concurrency: TypeAlias = Annotated[
    int,
    typer.Option(
        "--concurrency",
        metavar="N",
        min=1,
        max=CONCURRENCY_MAX,
        help="Decisions that this process works on at once.",
    ),
]


def help_without_command(context: typer.Context) -> int | None:
    """Show the help of a group where none of its commands is named."""
    if context.invoked_subcommand is None:
        echo(context.get_help())
        return 0
    return None
