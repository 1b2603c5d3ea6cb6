"""The words that people type: what several commands take, and how each is converted."""

import re
from datetime import date
from enum import EnumMeta
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer
from typer._click import Context
from typer._click.core import Command, Parameter
from typer.core import TyperArgument, TyperGroup, TyperOption

from tapetrail.cli.terminal.output import echo
from tapetrail.core.errors import InvalidInput

DAYS_MAX: Final = 36_500
_AGE: Final = re.compile(r"([1-9][0-9]{0,4})([dw])", re.ASCII)
_DAYS: Final = {"d": 1, "w": 7}
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


def read_date(words: str | None, option: str) -> date | None:
    """Return the date after an option, None where it was not typed. Raises `InvalidInput`."""
    if words is None:
        return None
    try:
        return date.fromisoformat(words)
    except ValueError as error:
        raise InvalidInput(f"{option} {words!r}: expected a date such as 2012-11-30") from error


def age_days(text: str, option: str) -> int:
    """Return the days in an age such as `90d` or `12w`. Raises `InvalidInput` for anything else."""
    found = _AGE.fullmatch(text)
    days = int(found[1]) * _DAYS[found[2]] if found else 0
    if not 1 <= days <= DAYS_MAX:
        raise InvalidInput(
            f"{option} {text!r}: expected days or weeks such as 90d or 12w, from 1d to {DAYS_MAX}d"
        )
    return days


def convert_words(command: Command) -> None:
    """Have the words of a command, and of all below it, converted here.

    Typer's own way imports pydantic, for which every command would wait a tenth of a second. It has
    no public name for another one, so a new typer is tried by the tests first.
    """
    parameters_of = command.get_params

    def get_params(ctx: Context) -> list[Parameter]:
        # `--help` is made with the context, so it is not among those that the command knows.
        found = parameters_of(ctx)
        for parameter in found:
            if isinstance(parameter, TyperOption | TyperArgument):
                parameter._runtime_param = _Conversion(parameter)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue] # see above
        return found

    command.get_params = get_params
    if isinstance(command, TyperGroup):
        for below in command.commands.values():
            convert_words(below)


class _Conversion:
    """What makes a value of the word after one option or argument."""

    def __init__(self, parameter: TyperOption | TyperArgument) -> None:
        self._type: object = parameter.type_descriptor.annotation
        info = parameter.type_descriptor.parameter_info
        self._least, self._most = info.min, info.max

    def coerce(self, value: object, param: TyperOption | TyperArgument, ctx: Context) -> object:
        """Return the value of a word; what was not typed has its default, which is one already."""
        if not isinstance(value, str) or self._type is str:
            return value
        try:
            return self._converted(value)
        except ValueError as error:
            raise typer.BadParameter(f"{value}: {error}", ctx=ctx, param=param) from error

    def _converted(self, word: str) -> object:
        if self._type is int:
            return self._whole_number(word)
        if isinstance(self._type, EnumMeta):
            known = {str(member): member for member in self._type.__members__.values()}
            if word not in known:
                raise ValueError(f"expected one of {', '.join(known)}")
            return known[word]
        return Path(word) if self._type is Path else word

    def _whole_number(self, word: str) -> int:
        digits = word.strip().removeprefix("-")
        if not (digits.isascii() and digits.isdecimal()):
            raise ValueError("expected a whole number")
        number = int(word)
        if self._least is not None and number < self._least:
            raise ValueError(f"expected {self._least} or more")
        if self._most is not None and number > self._most:
            raise ValueError(f"expected {self._most} or less")
        return number
