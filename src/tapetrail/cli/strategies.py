"""`tapetrail strategies ...`: record a strategy without running it, list and show what there is."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tapetrail.cli.output import echo, is_mapping, note, print_json, screen
from tapetrail.cli.session import opened, settings
from tapetrail.cli.tables import table_lines
from tapetrail.core.errors import InvalidInput

if TYPE_CHECKING:
    from tapetrail.wire import StrategyRow

COLUMNS: Final = ("name", "version", "digest", "first run", "executions")
DIGEST_SHOWN: Final = 12
"""Digits of a digest that a list shows, enough to tell versions apart."""
_NAME: Final = re.compile(r"([^@]+)(?:@([1-9][0-9]{0,6}))?", re.ASCII)


def apply(file: Path, *, as_json: bool) -> int:
    """Record the strategy in `file` and say its name and version, and whether they are new."""
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it
    from tapetrail.strategy_files import read_strategy  # noqa: PLC0415 # --help never needs it
    from tapetrail.wire import view_document  # noqa: PLC0415 # --help never needs it

    spec = read_strategy(file)
    with bootstrap.open_recorder(settings()) as recorder:
        applied = recorder.apply_strategy(spec)
    row = applied.strategy
    if as_json:
        print_json(view_document(applied))
        return 0
    echo(f"{row.name}@{row.version}")
    note("recorded" if applied.is_new else "already there; nothing was changed")
    return 0


def show_list(*, as_json: bool) -> int:
    """Print every version of every strategy."""
    from tapetrail.wire import view_document  # noqa: PLC0415 # --help never needs it

    with opened() as recorder:
        rows = recorder.strategies()
    if as_json:
        print_json({"data": view_document(rows), "next_cursor": None, "has_more": False})
        return 0
    if not rows:
        note("no strategies")
        return 0
    for line in table_lines(COLUMNS, [_shown(row) for row in rows], screen=screen()):
        echo(line)
    return 0


def show_one(words: str, *, as_json: bool) -> int:
    """Print one version of a strategy: as a file that can be run again, or as JSON."""
    from tapetrail.strategy_files import strategy_text  # noqa: PLC0415 # --help never needs it
    from tapetrail.wire import detail_document  # noqa: PLC0415 # --help never needs it

    name, version = _named(words)
    with opened() as recorder:
        found = recorder.strategy(name, version=version)
    document = detail_document(found)
    if as_json:
        print_json(document)
        return 0
    spec = document["spec"]
    named = {"name": document["name"], "version": document["version"]}
    echo(strategy_text({**(spec if is_mapping(spec) else {}), **named}).rstrip("\n"))
    return 0


def _shown(row: "StrategyRow") -> tuple[object, ...]:
    digest = row.spec_digest.removeprefix("sha256:")[:DIGEST_SHOWN]
    return (row.name, row.version, digest, row.first_run_at, row.executions)


def _named(words: str) -> tuple[str, int | None]:
    """Return name and version in `NAME` or `NAME@VERSION`."""
    found = _NAME.fullmatch(words)
    if found is None:
        raise InvalidInput(f"strategy {words!r}: expected NAME or NAME@VERSION, such as swing@2")
    return found[1], int(found[2]) if found[2] else None
