"""The filters of a list as options of a command."""

from collections.abc import Callable, Mapping
from inspect import Parameter, Signature, signature
from typing import Annotated, TypeVar

import typer

from tapetrail.listing import ListSpec, Selection
from tapetrail.listing.spec import Numbered

Row = TypeVar("Row", bound=Numbered)


def take_filters(command: Callable[..., int], listed: ListSpec[Numbered]) -> None:
    """Have a command take the list's own filters as options, in front of its other ones.

    Given several times, an option means one or the other.
    """
    filters = [
        Parameter(
            known.name,
            Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                list[str] | None,
                typer.Option(known.option, metavar=known.kind.metavar, help=known.help),
            ],
        )
        for known in listed.filters
    ]
    own = [
        parameter
        for parameter in signature(command).parameters.values()
        if parameter.kind is not Parameter.VAR_KEYWORD
    ]
    command.__dict__["__signature__"] = Signature([*filters, *own])


def selected(listed: ListSpec[Row], words: Mapping[str, list[str] | None]) -> Selection[Row]:
    """Return the list narrowed to what was typed; what is refused is named by its option."""
    typed = {listed.filter_named(name): typed for name, typed in words.items() if typed}
    read = {
        known.name: [known.kind.read(word, known.option) for word in said]
        for known, said in typed.items()
    }
    return listed.select(**read)
