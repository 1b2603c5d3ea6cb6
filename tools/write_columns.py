"""Write `tapetrail.core.records.columns` from the tables.

    python tools/write_columns.py

A test says when the file is not what this writes.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import Table

from tapetrail.store.tables.schema import (
    DERIVED_COLUMNS,
    RECORDED_COLUMNS,
    REFERENCES,
    STATUS_CACHES,
    metadata,
)

FILE: Final = Path(__file__).parents[1] / "src" / "tapetrail" / "core" / "records" / "columns.py"

HEAD: Final = '''"""The columns of every record table, for those who read rows without the tables.

Written by `tools/write_columns.py`; do not edit.
"""

from collections.abc import Mapping
from typing import Final

'''


def text() -> str:
    """Return the module, in the project's format."""
    tables = {table.name: table for table in metadata.sorted_tables if table.name != "blobs"}
    columns = {name: RECORDED_COLUMNS[name] for name in tables}
    beside = {name: _in_order(table, STATUS_CACHES[name] | DERIVED_COLUMNS[name])
              for name, table in tables.items()}  # fmt: skip
    references = {
        name: {column: REFERENCES[name][column] for column in columns[name]
               if column in REFERENCES[name]}
        for name in tables
    }  # fmt: skip
    named = {name: _in_order(table, _of_bytes(table)) for name, table in tables.items()}
    found = HEAD + "\n".join([
        _mapping("COVERED", "tuple[str, ...]", columns,
                 says="By table: the columns that its rows' digests cover."),
        _mapping("BESIDE", "tuple[str, ...]", beside,
                 says="By table: the columns outside every digest, which follow from other rows."),
        _mapping("REFERENCES", "Mapping[str, str]", references,
                 says="By table and column: the table whose row the column names."),
        _mapping("BYTES", "tuple[str, ...]", named,
                 says="By table: the columns that name stored bytes by their digest."),
    ])  # fmt: skip
    formatted = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "-"],
        input=found, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return formatted.stdout


def _in_order(table: Table, chosen: frozenset[str]) -> Sequence[str]:
    return tuple(column.name for column in table.columns if column.name in chosen)


def _of_bytes(table: Table) -> frozenset[str]:
    return frozenset(
        key.parent.name
        for key in table.foreign_keys
        if (key.column.table.name, key.column.name) == ("blobs", "digest")
    )


def _mapping(name: str, kind: str, found: Mapping[str, object], *, says: str) -> str:
    kept = {key: value for key, value in found.items() if value}
    return f'{name}: Final[Mapping[str, {kind}]] = {kept!r}\n"""{says}"""\n'


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
