"""The whole schema, and what the generic parts of the store need to know about it."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Column, Table

# Whoever imports the schema has every table.
from tapetrail.store.tables import access, afterwards, answers, evidence, inputs, runs
from tapetrail.store.tables.base import CACHE, DERIVED, SCHEMA, metadata

__all__ = [
    "DERIVED_COLUMNS",
    "RECORDED_COLUMNS",
    "REFERENCES",
    "SCHEMA",
    "STATUS_CACHES",
    "access",
    "afterwards",
    "answers",
    "evidence",
    "inputs",
    "metadata",
    "runs",
]

_TABLES: Final[Mapping[str, Table]] = {table.name: table for table in metadata.sorted_tables}


def _flagged(table: Table, flag: str) -> frozenset[str]:
    return frozenset(column.name for column in table.columns if column.info.get(flag))


def _target(column: Column[object]) -> str | None:
    """Return the table whose `id` a column holds, also where it is copied through another row."""
    for key in sorted(column.foreign_keys, key=lambda key: key.column.name != "id"):
        referred = key.column
        found = referred.table.name if referred.name == "id" else _target(referred)
        if found is not None:
            return str(found)
    return None


def _references(table: Table) -> Mapping[str, str]:
    targets = ((column.name, _target(column)) for column in table.columns)
    return {name: target for name, target in targets if target is not None}


# By table: the columns that follow from event rows, outside every digest.
STATUS_CACHES: Final[Mapping[str, frozenset[str]]] = {
    name: _flagged(table, CACHE) for name, table in _TABLES.items()
}
# By table: the columns that a trigger copies from the execution, outside the row's digest.
DERIVED_COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    name: _flagged(table, DERIVED) for name, table in _TABLES.items()
}
# By table and column: the table whose row the column names by its `id`.
REFERENCES: Final[Mapping[str, Mapping[str, str]]] = {
    name: _references(table) for name, table in _TABLES.items()
}
# By record table: the columns its digest covers, references among them.
RECORDED_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    name: tuple(
        column.name
        for column in table.columns
        if column.name not in {"id", "record_digest"} | STATUS_CACHES[name] | DERIVED_COLUMNS[name]
    )
    for name, table in _TABLES.items()
    if "record_digest" in table.columns
}
