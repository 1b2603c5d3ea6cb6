"""What declares a list, and a list narrowed to what was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Generic, LiteralString, Protocol, Self, TypeAlias, TypeVar

from tapetrail.core.canonical import instant_text
from tapetrail.core.errors import InvalidInput
from tapetrail.listing.values import Given, Kind


class Numbered(Protocol):
    """A row of a list: a frozen dataclass whose fields are the list's columns."""

    @property
    def id(self) -> int:
        """Return the number by which the row is found again."""
        ...


Row_co = TypeVar("Row_co", bound=Numbered, covariant=True)
Wanted: TypeAlias = Given | Sequence[Given] | None
"""What a filter is set to: a value, several of which a row has one, or None for everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One way to narrow a list: to the rows of which `condition` holds.

    In its SQL `t` is the list's table, and each `%s` is one of the kind's parameters, as a rule the
    value itself. A row that one of several values finds is in the list; where the filter is a
    bound, there is one value.
    """

    name: str
    kind: Kind
    help: str
    condition: LiteralString
    is_bound: bool = False

    def where(self, condition: LiteralString) -> Self:
        """Return this filter for a list where it means something else."""
        return replace(self, condition=condition)

    @property
    def option(self) -> str:
        """The command line's option: `--execution` for `execution_id`, `--run` for `run_no`."""
        return "--" + self.name.removesuffix("_id").removesuffix("_no").replace("_", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """The rows of `table` that hang on one row of a list: those of which `condition` holds.

    In its SQL `r` is `table`, and `%s`, which stands there once, is the number of the list's row.
    `brief` names the columns that are shown where there is no room for all. Of what `is_rare`,
    nobody is told that there is none.
    """

    name: str
    table: LiteralString
    condition: LiteralString
    brief: tuple[str, ...]
    is_rare: bool = False

    def where(self, condition: LiteralString) -> Self:
        """Return these rows for a list on which they hang in another way."""
        return replace(self, condition=condition)

    def named(self, name: str) -> Self:
        """Return these rows under another name, beside others of their table."""
        return replace(self, name=name, is_rare=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ListSpec(Generic[Row_co]):
    """One list: everything that those who show it, ask for it and read it have to know.

    A column of `row` is the column of its name in `table`, which SQL calls `t`, unless `columns`
    says where else it is found. Rows of which `usual` does not hold are left out, unless one of the
    filters in `unusual` asks for them. Of `brief`, a table leaves out those of `if_any` that no row
    has. `title` is one row in a line, with its columns in braces; of
    `{a or b}` the first that exists. `resource` is what it is called over HTTP, None for its name.
    """

    name: str
    resource: str | None = None
    singular: str
    row: type[Row_co]
    table: LiteralString
    brief: tuple[str, ...]
    if_any: frozenset[str] = frozenset()
    title: str
    columns: Mapping[str, LiteralString] = field(default_factory=dict[str, LiteralString])
    joins: LiteralString = ""
    filters: Sequence[Filter]
    usual: LiteralString | None = None
    unusual: frozenset[str] = frozenset()
    related: Sequence[Related] = ()

    @property
    def path(self) -> str:
        """Where the list is found over HTTP."""
        return f"/api/{self.resource or self.name}"

    @property
    def column_names(self) -> tuple[str, ...]:
        """What a row holds, in its order."""
        return tuple(column.name for column in fields(self.row))  # pyright: ignore[reportArgumentType] # rows are dataclasses, which no type says

    def brief_of(self, rows: Sequence[object]) -> tuple[str, ...]:
        """Return the columns of a table of these rows."""
        return tuple(
            name
            for name in self.brief
            if name not in self.if_any or any(getattr(row, name) is not None for row in rows)
        )

    def filter_named(self, name: str) -> Filter:
        """Return the filter of that name. Raises `InvalidInput` naming those that there are."""
        for known in self.filters:
            if known.name == name:
                return known
        names = ", ".join(known.name for known in self.filters)
        raise InvalidInput(f"filter {name!r}: expected one of {names}, which {self.name} have")

    def conditions(self, filters: Mapping[str, int]) -> list[str]:
        """Return what holds of the rows in the list narrowed by so many values of each filter."""
        is_all = self.usual is None or self.unusual & {*filters}
        return [*([] if is_all else [str(self.usual)]), *self.narrowing(filters)]

    def narrowing(self, filters: Mapping[str, int]) -> list[str]:
        """Return the same, of rows that are usual or not."""
        return [
            _any_of([self.filter_named(name).condition] * count) for name, count in filters.items()
        ]

    def select(self, **filters: "Wanted") -> "Selection[Row_co]":
        """Return this list narrowed to `filters`; None means everything.

        Of several values, a row has one. Raises `InvalidInput` for a filter that the list does not
        have, for a value that nothing can have, and for several bounds.
        """
        given = {name: (self.filter_named(name), value) for name, value in filters.items()}
        return Selection(
            listed=self,
            filters={
                name: found
                for name, (known, value) in given.items()
                if (found := _read(known, value))
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection(Generic[Row_co]):
    """A list narrowed to what was asked for; `ListSpec.select` makes it.

    `since` and `until` are about when a row was made; the market's time is `as_of`. A row made at
    `since` is in the list, one made at `until` is not.
    """

    listed: ListSpec[Row_co]
    filters: Mapping[str, tuple[Given, ...]]

    def __post_init__(self) -> None:
        """Raise `InvalidInput` where nothing can be in between."""
        since, until = self.bound("since"), self.bound("until")
        if isinstance(since, datetime) and isinstance(until, datetime) and since >= until:
            texts = instant_text(since), instant_text(until)
            message = f"since {texts[0]}: not before until {texts[1]}"
            raise InvalidInput(message, rule="since has to be before until")

    def bound(self, name: str) -> Given | None:
        """Return the one value of a filter, None where it is not set."""
        return next(iter(self.filters.get(name, ())), None)

    def counts(self) -> dict[str, int]:
        """Return how many values each filter has, which is what SQL depends on."""
        return {name: len(values) for name, values in self.filters.items()}

    def parameters(self) -> list[object]:
        """Return what the filters are in SQL, in their order."""
        kinds = {name: self.listed.filter_named(name).kind for name in self.filters}
        return [
            parameter
            for name, values in self.filters.items()
            for value in values
            for parameter in kinds[name].parameters(value)
        ]

    def without(self, name: str) -> Self:
        """Return the list narrowed by all but one filter."""
        return replace(self, filters={n: v for n, v in self.filters.items() if n != name})

    def options(self) -> str:
        """Return the filters that are set, as the command line takes them."""
        named = ((name, value) for name, values in self.named().items() for value in values)
        return " ".join(f"{self.listed.filter_named(name).option} {value}" for name, value in named)

    def named(self) -> dict[str, list[str | int]]:
        """Return the filters that are set, by name; times as RFC 3339 text."""
        return {
            name: [instant_text(each) if isinstance(each, datetime) else each for each in values]
            for name, values in self.filters.items()
        }


def _any_of(conditions: Sequence[str]) -> str:
    return conditions[0] if len(conditions) == 1 else f"({' OR '.join(conditions)})"


def _read(known: Filter, value: "Wanted") -> tuple[Given, ...]:
    """Return what a filter is set to, each value once. Raises as its kind does."""
    if value is None:
        return ()
    values = [value] if isinstance(value, str | int | datetime) else value
    if not values:
        raise InvalidInput(f"{known.name}: no value, expected at least one, or None for everything")
    read = tuple(dict.fromkeys(known.kind.read(each, known.name) for each in values))
    if known.is_bound and len(read) > 1:
        raise InvalidInput(f"{known.name}: {len(read)} values, expected one")
    return read
