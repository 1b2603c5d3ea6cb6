"""What a record is: fields that are columns, flattened where they are grouped, and one digest.

A record's dataclass is the one declaration of its columns: the tables are derived from it, and its
digest covers each of its fields. A field whose type is another dataclass is a group: its own fields
are the columns, under their own names. A field that is `Stored` is a reference: the column `x_id`
(or `x`, where the name is a phrase such as `derived_from`) in the database, and the target's digest
under `x` in the record's own digest.
"""

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import ClassVar, Final, TypeGuard, Union, cast, get_args, get_origin

from tapetrail.core.canonical import Digest, FieldValue, record_digest, storable

JsonObject = Mapping[str, FieldValue]
JsonArray = Sequence[FieldValue]
_PHRASES: Final = ("_from", "_of")


@dataclass(frozen=True, slots=True)
class Stored:
    """A row that exists: its number and its digest."""

    id: int
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A row to append; `TABLE` names where.

    A table may have several kinds of record: rows of our own runs, and those that others sent, who
    may know less.
    """

    TABLE: ClassVar[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordField:
    """One column of a record: its name in the digest, its type, and the way to its value."""

    name: str
    kind: object
    is_nullable: bool
    path: tuple[str, ...]

    @property
    def column(self) -> str:
        """Return the column's name, which for a reference ends in `_id`."""
        is_plain = self.kind is not Stored or self.name.endswith(_PHRASES)
        return self.name if is_plain else f"{self.name}_id"


@cache
def record_fields(kind: type) -> tuple[RecordField, ...]:
    """Return the columns of a kind of record, groups flattened, in the order of declaration."""
    return tuple(_fields(kind, path=(), is_nullable=False))


def record_values(record: Record) -> "dict[str, FieldValue | Stored]":
    """Return the values of a record by the names of its fields, texts as they can be stored."""
    return {field.name: _value(record, field.path) for field in record_fields(type(record))}


def digest_of(record: Record, values: "Mapping[str, FieldValue | Stored] | None" = None) -> Digest:
    """Return the digest of a row, references entering by their targets' digests.

    `values` are those of `record_values`, where they are at hand.
    """
    found = record_values(record) if values is None else values
    return record_digest(
        record.TABLE,
        {
            name: value.digest if isinstance(value, Stored) else value
            for name, value in found.items()
        },
    )


def without_none(hint: object) -> tuple[object, bool]:
    """Return the type in `hint`, and whether it may be None instead."""
    parts = get_args(hint) if get_origin(hint) in {Union, types.UnionType} else (hint,)
    kept = [part for part in parts if part is not type(None)]
    return kept[0], len(kept) < len(parts)


def _fields(kind: type, *, path: tuple[str, ...], is_nullable: bool) -> Iterator[RecordField]:
    for field in fields(kind):
        found, may_be_none = without_none(field.type)
        at, nullable = (*path, field.name), is_nullable or may_be_none
        if _is_group(found):
            yield from _fields(found, path=at, is_nullable=nullable)
        else:
            yield RecordField(name=field.name, kind=found, is_nullable=nullable, path=at)


def _is_group(kind: object) -> TypeGuard[type]:
    return isinstance(kind, type) and is_dataclass(kind) and kind is not Stored


def _value(record: Record, path: tuple[str, ...]) -> "FieldValue | Stored":
    value: object = record
    for name in path:
        value = getattr(value, name)
        if value is None:
            return None
    if isinstance(value, Stored):
        return value
    return storable(_listed(value) if _is_listing(value) else cast("FieldValue", value))


def _is_listing(value: object) -> TypeGuard[tuple[object, ...]]:
    return isinstance(value, tuple)


def _listed(values: tuple[object, ...]) -> "FieldValue":
    """Return a JSON array's items, those that are dataclasses as objects."""
    items = [
        {field.name: getattr(item, field.name) for field in fields(item)}
        if is_dataclass(item) and not isinstance(item, type)
        else item
        for item in values
    ]
    return cast("FieldValue", items)
