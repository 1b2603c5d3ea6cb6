"""A row as a database holds it, its references as digests, and what its own digest should be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Final, cast

from tapetrail.core.canonical import FieldValue, record_digest
from tapetrail.core.errors import InvalidInput
from tapetrail.core.records.columns import COVERED, REFERENCES

_TRIES_MAX: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FoundRow:
    """One row: its columns, and by reference column the `record_digest` of the row it names.

    A target of None with a number in the column is a row that is not there.
    """

    table: str
    id: int
    digest: str
    columns: Mapping[str, object]
    targets: Mapping[str, str | None]

    @property
    def dangling(self) -> Sequence[str]:
        """The reference columns whose row is not there."""
        return [
            column
            for column, target in self.targets.items()
            if target is None and self.columns[column] is not None
        ]


@dataclass(slots=True)
class Amended:
    """By a digest that stands somewhere now: those that stood there when others named it."""

    digests: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    def add(self, now: str, before: str) -> None:
        """Say that a row with the digest `now` may have been named by `before`."""
        if now != before:
            self.digests.setdefault(now, set()).add(before)

    def of(self, digest: str | None) -> Sequence[str | None]:
        """Return the digest and what may have stood in its place."""
        return [digest, *sorted(self.digests.get(digest or "", ()))]


def fields_of(row: FoundRow) -> dict[str, object]:
    """Return what a row's digest covers, by the names it has there."""
    references = REFERENCES.get(row.table, {})
    return {
        _name(column) if column in references else column: (
            row.targets[column] if column in references else row.columns[column]
        )
        for column in COVERED[row.table]
    }


def recomputed(row: FoundRow, changes: Mapping[str, object] | None = None) -> str | None:
    """Return the digest of a row as it stands, None where its values have none.

    `changes` take the place of values, by the names of `fields_of`.
    """
    fields = {**fields_of(row), **(changes or {})}
    try:
        return record_digest(row.table, cast("Mapping[str, FieldValue]", fields))
    except (InvalidInput, ValueError, OverflowError, RecursionError):
        return None


def holds(row: FoundRow, amended: Amended, missing: Sequence[str] = ()) -> Mapping[str, str] | None:
    """Return how a row's digest holds, None if it does not.

    Usually it does as it stands: then nothing is returned but an empty mapping. Otherwise by
    reference column the digest with which it does: a target's that was another one before, or one
    of those that are `missing`, where the target is gone.
    """
    if recomputed(row) == row.digest:
        return {}
    for choice in _choices(row, amended, missing):
        if (
            recomputed(row, {_name(column): digest for column, digest in choice.items()})
            == row.digest
        ):
            return choice
    return None


def field_name(table: str, column: str) -> str:
    """Return the name that a column has in a row's digest."""
    return _name(column) if column in REFERENCES.get(table, {}) else column


def _choices(
    row: FoundRow, amended: Amended, missing: Sequence[str]
) -> Iterator[Mapping[str, str]]:
    dangling = row.dangling
    ways = {
        column: list(missing) if column in dangling else amended.of(target)
        for column, target in row.targets.items()
        if target is not None or column in dangling
    }
    doubted = {name: ways[name] for name in ways if len(ways[name]) > 1 or name in dangling}
    for digests in islice(product(*doubted.values()), _TRIES_MAX) if doubted else ():
        chosen = zip(doubted, digests, strict=True)
        yield {column: digest for column, digest in chosen if digest is not None}


def _name(column: str) -> str:
    return column.removesuffix("_id")
