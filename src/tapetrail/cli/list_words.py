"""What a list was asked for, refused where it cannot be before anything is opened."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from tapetrail.core.errors import InvalidInput
from tapetrail.wire import ID_MAX, LIMIT_DEFAULT, Filters, Resource, column_names, parse_instant


class Shape(StrEnum):
    """What a list is printed as, by the option that asks for it."""

    TABLE = ""
    JSON = "--json"
    JSONL = "--jsonl"
    CSV = "--csv"
    IDS = "--quiet"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListWords:
    """What a list was asked for. `limit` is None for all rows; no `columns` are the shape's own."""

    filters: Filters = field(default_factory=Filters)
    shape: Shape = Shape.TABLE
    columns: tuple[str, ...] = ()
    limit: int | None = LIMIT_DEFAULT
    cursor: str | None = None
    is_utc: bool = True

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for what the shape cannot show: it would do nothing, in silence."""
        if self.shape is Shape.IDS and self.columns:
            raise InvalidInput("--columns: with --quiet there are only ids")
        if self.shape is not Shape.TABLE and not self.is_utc:
            raise InvalidInput(f"--local: for tables only; with {self.shape} all times are UTC")


def shape_of(*, as_json: bool, as_jsonl: bool, as_csv: bool, quiet: bool) -> Shape:
    """Return the shape that was asked for, a table where none was; more than one is refused."""
    wanted = dict(zip(_SHAPES, (as_json, as_jsonl, as_csv, quiet), strict=True))
    asked = [shape for shape, is_asked in wanted.items() if is_asked]
    if len(asked) > 1:
        raise InvalidInput(f"{' and '.join(asked)}; at most one of {', '.join(_SHAPES)}")
    return asked[0] if asked else Shape.TABLE


def limit_of(limit: int | None, *, wants_all: bool) -> int | None:
    """Return how many rows were asked for, None for all of them."""
    if wants_all and limit is not None:
        raise InvalidInput(f"--limit {limit} and --all; at most one of them")
    return None if wants_all else limit or LIMIT_DEFAULT


def columns_of(text: str | None, *, resource: Resource) -> tuple[str, ...]:
    """Return the columns that were named; unknown ones are refused, as are two of a name."""
    if text is None:
        return ()
    known = column_names(resource)
    named = tuple(name.strip() for name in text.split(","))
    for position, name in enumerate(named):
        if name not in known:
            raise InvalidInput(f"--columns: {resource} have no {name!r}; {_nearest(name, known)}")
        if name in named[:position]:
            raise InvalidInput(f"--columns: {name!r} is named twice")
    return named


def with_times(filters: Filters, *, since: str | None, until: str | None) -> Filters:
    """Return `filters` narrowed to the times that these words name."""
    begin = _instant("--since", since)
    end = _instant("--until", until)
    return replace(filters, since=begin, until=end)


def check_filters(resource: Resource, filters: Filters) -> None:
    """Refuse a status or timeframe that nothing can have: an empty list would look like an answer.

    Raises `InvalidInput` naming the known ones.
    """
    from tapetrail.core.market.timeframes import Timeframe  # noqa: PLC0415 # --help never needs it
    from tapetrail.core.records import states as records  # noqa: PLC0415 # --help never needs it

    check_number(filters.execution_id or 0)
    check_number(filters.chart_id or 0)
    if filters.symbol is not None and not filters.symbol.isprintable():
        raise InvalidInput(f"--symbol {filters.symbol!r}: holds what no symbol can")
    if filters.timeframe is not None:
        Timeframe.parse(filters.timeframe)
    known = {
        Resource.EXECUTIONS: tuple(records.ExecutionStatus),
        Resource.DECISIONS: tuple(records.DecisionStatus),
        Resource.CHARTS: ("active", "archived"),
        Resource.ANALYSES: tuple(records.AnalysisStatus),
    }.get(resource, ())
    if filters.status is not None and known and filters.status not in known:
        raise InvalidInput(f"--status {filters.status!r}: expected one of {', '.join(known)}")


def check_number(number: int) -> None:
    """Raise `InvalidInput` for an id that no row can have."""
    if number > ID_MAX:
        raise InvalidInput(f"ID {number}: larger than any that a list can show")


_SHAPES: Final = (Shape.JSON, Shape.JSONL, Shape.CSV, Shape.IDS)


def _instant(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_instant(text)
    except InvalidInput as error:
        raise InvalidInput(f"{option} {error.message}") from error


def _nearest(name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 # only a mistake needs it

    near = get_close_matches(name, known, n=1)
    return (f"did you mean {near[0]!r}? " if near else "") + f"known are {', '.join(known)}"
