"""Print the statements that create every table: what a baseline is frozen from.

    python tools/freeze_tables.py > src/tapetrail/store/migrations/versions/0000_baseline.sql

For a new baseline only: a migration that was released is never written again.
"""

import re
import sys
from collections.abc import Iterator

from sqlalchemy import Index, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from tapetrail.store.tables.schema import metadata


def statements() -> Iterator[str]:
    """Yield each statement: tables in the order of their references, each with its indexes."""
    for table in metadata.sorted_tables:
        yield _text(CreateTable(table))
        yield from (_text(CreateIndex(index)) for index in _indexes(table))


def _indexes(table: Table) -> list[Index]:
    return sorted(table.indexes, key=lambda index: str(index.name))


def _text(statement: CreateTable | CreateIndex) -> str:
    # The driver doubles percent signs, which a file that is run as it is must not.
    compiled = str(statement.compile(dialect=postgresql.dialect())).replace("%%", "%")
    return re.sub(r"[ \t]+$", "", compiled.strip().replace("\t", "    "), flags=re.MULTILINE)


if __name__ == "__main__":
    sys.stdout.write(";\n\n".join(statements()) + ";\n")
