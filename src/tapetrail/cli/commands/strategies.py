"""`tapetrail strategies ...`: record a strategy without running it, list and show what there is."""

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from tapetrail.cli.session import opened, opened_or_new, settings
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import echo, is_mapping, note, print_json
from tapetrail.cli.terminal.words import Json
from tapetrail.core.errors import InvalidInput
from tapetrail.safe_text import sanitise
from tapetrail.wire import detail_document, view_document

HELP: Final = "Record, list and show strategies."
group: Final = typer.Typer()
_NAME: Final = re.compile(r"([^@]+)(?:@([1-9][0-9]{0,6}))?", re.ASCII)


@group.command("apply", epilog=examples("tapetrail strategies apply mine.yaml"))
@shows_errors(hint="tapetrail strategies apply --help")
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A strategy's YAML file.")],
    *,
    as_json: Json = False,
) -> int:
    """Record a strategy without running it.

    Prints NAME@VERSION. A file without a version gets the next one when its content is new; a
    version that is recorded with another content is refused, as are sources and analysts that there
    are not. Twice is the same as once.
    """
    from tapetrail.strategy_files import read_strategy  # noqa: PLC0415 # --help never needs it

    spec = read_strategy(file)
    with opened_or_new(settings()) as record:
        applied = record.strategies.apply(spec)
    row = applied.strategy
    if as_json:
        print_json(view_document(applied))
        return 0
    echo(f"{row.name}@{row.version}")
    note("recorded" if applied.is_new else "already there; nothing was changed")
    return 0


@group.command(
    "show",
    epilog=examples(
        "tapetrail strategies show swing", "tapetrail strategies show swing@2 > again.yaml"
    ),
)
@shows_errors(hint="tapetrail strategies list")
def show(
    strategy: Annotated[
        str,
        typer.Argument(metavar="NAME[@VERSION]", help="Its newest version, or one; or an id."),
    ],
    *,
    as_json: Json = False,
) -> int:
    """Print a strategy as it was completed: a file that can be run again.

    Paths of its bars begin in the folder of the file that it is put into; a comment says where they
    began when it last ran.
    """
    name, version = _named(strategy)
    with opened() as record:
        found = record.strategies.show(name, version=version)
    document = detail_document(found)
    if as_json:
        print_json(document)
        return 0
    from tapetrail.strategy_files import strategy_text  # noqa: PLC0415 # JSON does without

    spec = document["spec"]
    named = {"name": document["name"], "version": document["version"]}
    if document["folder"] is not None:
        folder = sanitise(str(document["folder"]))
        echo(f"# paths begin in the folder of this file; it last ran in {folder}")
    echo(strategy_text({**(spec if is_mapping(spec) else {}), **named}).rstrip("\n"))
    return 0


def _named(words: str) -> tuple[str, int | None]:
    """Return name and version in `NAME` or `NAME@VERSION`."""
    found = _NAME.fullmatch(words)
    if found is None:
        raise InvalidInput(f"strategy {words!r}: expected NAME or NAME@VERSION, such as swing@2")
    return found[1], int(found[2]) if found[2] else None
