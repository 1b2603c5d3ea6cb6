"""`tapetrail data fetch|compare`: vendors' bars, kept ahead of runs and held against each other."""

from collections import Counter
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tapetrail.cli.session import opened, opened_or_new, settings
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import echo, note, print_json, screen
from tapetrail.cli.terminal.tables import table_lines
from tapetrail.cli.terminal.words import Json, Number, read_date
from tapetrail.core.errors import InvalidInput
from tapetrail.safe_text import sanitise
from tapetrail.wire import view_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapetrail.core.market.restatements import Restatement
    from tapetrail.usecases.data import Comparison, FetchedData
    from tapetrail.usecases.planning import RunQuery
    from tapetrail.wire import Shown

SHOWN_MAX: Final = 20
FETCHED: Final = (
    "symbol", "exchange", "source", "vintage", "is_new", "first", "last", "bars", "problem",
)  # fmt: skip
MOVED: Final = ("session", "close_before", "close_after", "moved_pct")
group: Final = typer.Typer()


@group.command(
    "fetch",
    epilog=examples(
        "tapetrail data fetch mine.yaml",
        "tapetrail data fetch mine.yaml --from 2020-01-01",
        "tapetrail data fetch BTCUSDT ETHUSDT --source binance",
    ),
)
@shows_errors(hint="tapetrail data fetch --help")
def fetch(
    named: Annotated[
        list[str],
        typer.Argument(metavar="STRATEGY|SYMBOL...", help="A strategy's file, or symbols."),
    ],
    *,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="The vendor, for symbols.")
    ] = None,
    first: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help="Also what runs as of this day need."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also what is kept and would do: a new vintage.")
    ] = False,
    accept: Annotated[
        bool,
        typer.Option("--accept", help="Prices that look like another unit, once you have looked."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Fetch what runs will need, so that they find it on record.

    In debug mode, too. Exit code 1 means that an instrument's bars could not be fetched.
    """
    query, first_on = _query(named, source=source), read_date(first, "--from")
    with opened_or_new(settings()) as record:
        found = record.data.fetch(query, first_on=first_on, again=again, accept=accept)
    rows = [dict(zip(FETCHED, _cells(each), strict=True)) for each in found]
    if as_json:
        print_json({"data": [view_document(row) for row in rows]})
    else:
        for line in table_lines(FETCHED, [[*row.values()] for row in rows], screen=screen()):
            echo(line)
        counts = Counter(_word(each) for each in found)
        note(", ".join(f"{count} {word}" for word, count in counts.items()))
    for each in found:
        for said in each.remarks:
            note(sanitise(f"{each.instrument.symbol}, vintage {each.vintage_id}: {said}"))
    return 1 if any(each.problem for each in found) else 0


@group.command(
    "compare", epilog=examples("tapetrail data compare 7", "tapetrail data compare 3 7 --json")
)
@shows_errors(hint="tapetrail data list")
def compare(
    number: Number,
    other: Annotated[
        int | None,
        typer.Argument(metavar="[ID]", min=1, help="Another one of it; else the one before."),
    ] = None,
    *,
    as_json: Json = False,
) -> int:
    """Show which bars a vendor restated between two vintages.

    And by how much. Both are read as of the end of the days that both have. Exit code 1 means that
    they differ.
    """
    with opened() as record:
        found = record.data.compare(number, other)
    if as_json:
        print_json(_document(found))
    else:
        _print(found)
    return 1 if found.change.bars else 0


def _query(named: "Sequence[str]", *, source: str | None) -> "RunQuery":
    from tapetrail.core.strategy.strategies import parse_strategy  # noqa: PLC0415 # --help never needs it
    from tapetrail.sources.registry import config_of  # noqa: PLC0415 # as above
    from tapetrail.strategy_files import read_strategy  # noqa: PLC0415 # as above
    from tapetrail.usecases.planning import RunQuery  # noqa: PLC0415 # as above

    if source is not None:
        stated = {"name": "data", "instruments": [*named], "source": source}
        return RunQuery(spec=parse_strategy(stated, place="data fetch"))
    if len(named) > 1 or not named[0].endswith((".yaml", ".yml")):
        raise InvalidInput(
            f"{named[0]!r}: a symbol needs --source, and the file of a strategy ends in .yaml"
        )
    path = Path(named[0])
    spec = read_strategy(path)
    return RunQuery(spec=spec, config=config_of(spec, folder=path.resolve().parent))


def _cells(found: "FetchedData") -> "Sequence[object]":
    return (
        found.instrument.symbol,
        found.instrument.exchange,
        found.source,
        found.vintage_id,
        found.is_new,
        found.session_first,
        found.session_last,
        found.bar_count,
        found.problem,
    )


def _word(found: "FetchedData") -> str:
    if found.problem:
        return "failed"
    return "fetched" if found.is_new else "kept already"


def _document(found: "Comparison") -> "dict[str, Shown]":
    change = found.change
    return {
        "instrument": str(found.after.instrument),
        "source": found.after.source,
        "before": found.before.kept.row.id,
        "before_fetched_at": view_document(found.before.kept.fetched_at),
        "after": found.after.kept.row.id,
        "after_fetched_at": view_document(found.after.kept.fetched_at),
        "factor": change.factor,
        "moved_pct_max": change.moved_pct_max,
        "moved": [dict(zip(MOVED, row, strict=True)) for row in _moved(change)],
        "gone": [str(day) for day in change.gone],
        "added": [str(day) for day in change.added],
        "volumes": change.volumes,
    }


def _print(found: "Comparison") -> None:
    """Print what changed, the latest bars that moved among it."""
    change, before, after = found.change, found.before.kept, found.after.kept
    echo(
        f"{sanitise(str(found.after.instrument))} of {found.after.source}: vintage {after.row.id},"
        f" fetched {after.fetched_at:%Y-%m-%d %H:%M}Z, against {before.row.id},"
        f" fetched {before.fetched_at:%Y-%m-%d %H:%M}Z"
    )
    echo(
        f"{len(change.moved)} bars moved, {len(change.gone)} are gone, {len(change.added)} are new;"
        f" of {change.volumes} more the volume alone is another one"
    )
    if change.factor is not None:
        span = f"{change.moved[0]} to {change.moved[-1]}"
        echo(f"every close from {span} was multiplied by {change.factor:.6g}")
    for word, days in (("gone", change.gone), ("new", change.added)):
        if len(days):
            more = f" and {len(days) - SHOWN_MAX} more" if len(days) > SHOWN_MAX else ""
            echo(f"{word}: {', '.join(map(str, days[:SHOWN_MAX]))}{more}")
    moved = _moved(change)
    if moved:
        for line in table_lines(MOVED, moved[-SHOWN_MAX:], screen=screen()):
            echo(line)
    if len(moved) > SHOWN_MAX:
        note(f"the latest {SHOWN_MAX} of {len(moved)}; all of them: --json")


def _moved(change: "Restatement") -> list[tuple[str, float, float, float | None]]:
    """Return session, closes before and after, and the largest move of a price, for each bar."""
    columns = zip(change.moved, change.before, change.after, change.moved_pct, strict=True)
    return [
        (str(day), float(before), float(after), round(float(pct), 6) if isfinite(pct) else None)
        for day, before, after, pct in columns
    ]
