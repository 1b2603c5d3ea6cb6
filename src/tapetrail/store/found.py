"""Rows out as they are, for whoever verifies them: every column, and references as digests.

Read by the driver alone, by statements made from the list of columns: the tables are not asked what
they are, because that may have been changed, too.
"""

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cache, partial
from typing import Any, Final, NamedTuple

from psycopg import DataError
from psycopg.abc import Buffer
from psycopg.rows import class_row
from psycopg.types.datetime import DateLoader, TimestamptzLoader
from psycopg.types.json import set_json_loads

from tapetrail.core.records.columns import BESIDE, COVERED, REFERENCES
from tapetrail.core.verification.blobs import FoundBlob
from tapetrail.core.verification.executions import Brief
from tapetrail.core.verification.rows import FoundRow
from tapetrail.listing.parts import AS_OF
from tapetrail.listing.values import DAYS
from tapetrail.store.connections import Connection

BATCH: Final = 1000
_WHERE: Final = {
    "id": "t.id = ANY(%s)",
    "decision_id": "t.decision_id = ANY(%s)",
    "execution_id": "t.execution_id = ANY(%s)",
    "after": "t.id > %s",
    "chart_of": "t.chart_id IN (SELECT c.id FROM tapetrail.charts c WHERE c.decision_id = ANY(%s))",
}
_BLOB: Final = ", ".join(field.name for field in fields(FoundBlob))
_EXECUTIONS_OF: Final = "SELECT DISTINCT execution_id FROM tapetrail.decisions WHERE id = ANY(%s)"
_AS_OF: Final = f"SELECT d.id FROM tapetrail.decisions d WHERE {AS_OF} ORDER BY d.id"  # noqa: S608 # declared text
_BRIEFS: Final = """
    SELECT d.execution_id, d.id, d.record_digest, i.record_digest, d.as_of,
           (SELECT array_agg(e.id ORDER BY e.id) FROM tapetrail.decision_events e
            WHERE e.decision_id = d.id),
           (SELECT array_agg(e.record_digest ORDER BY e.id) FROM tapetrail.decision_events e
            WHERE e.decision_id = d.id),
           s.id, s.record_digest
    FROM tapetrail.decisions d
    LEFT JOIN tapetrail.instruments i ON i.id = d.instrument_id
    LEFT JOIN tapetrail.decision_seals s ON s.decision_id = d.id
    WHERE d.execution_id = ANY(%s) ORDER BY d.id
"""
_ORPHANS: Final = """
    SELECT t.id, t.record_digest AS digest, t.{column} AS target FROM tapetrail.{table} t
    LEFT JOIN tapetrail.{target} r ON r.id = t.{column} WHERE r.id IS NULL ORDER BY t.id
"""


_OWNER_OF_BYTES: Final = """
    SELECT named.decision_id FROM tapetrail.blobs b CROSS JOIN LATERAL (
        SELECT decision_id FROM tapetrail.market_snapshots
        WHERE b.digest IN (bars_digest, raw_digest, calendar_digest)
        UNION ALL
        SELECT decision_id FROM tapetrail.second_opinions WHERE b.digest = raw_digest
        UNION ALL
        SELECT decision_id FROM tapetrail.charts
        WHERE b.digest IN (jpeg_digest, html_digest, spec_digest)
        UNION ALL
        SELECT decision_id FROM tapetrail.llm_attempts WHERE b.digest = request_digest
        UNION ALL
        SELECT decision_id FROM tapetrail.llm_replies WHERE b.digest = response_digest
        UNION ALL
        SELECT decision_id FROM tapetrail.decision_inputs WHERE b.digest = content_digest
        UNION ALL
        SELECT decision_id FROM tapetrail.order_events WHERE b.digest = raw_digest
    ) named WHERE b.id = %(number)s
"""


class _AnyInstant(TimestamptzLoader):
    """Gives an instant, or its text where no `datetime` can be that."""

    def load(self, data: Buffer) -> Any:
        try:
            return super().load(data)
        except DataError:
            return bytes(data).decode()


class _AnyDate(DateLoader):
    """Gives a date, or its text where no `date` can be that."""

    def load(self, data: Buffer) -> Any:
        try:
            return super().load(data)
        except DataError:
            return bytes(data).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A row that names one that is not there: `target`."""

    id: int
    digest: str
    target: int


class _Statement(NamedTuple):
    table: str
    text: bytes
    columns: Sequence[str]
    references: Sequence[str]


class FoundRecord:
    """Everything that a connection sees of a record, as it is."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        # Whatever a row may hold is read, and numbers in documents are exact.
        self._cursor.adapters.register_loader("timestamptz", _AnyInstant)
        self._cursor.adapters.register_loader("date", _AnyDate)
        set_json_loads(partial(json.loads, parse_float=Decimal), self._cursor)

    def rows(self, table: str, *, by: str, wanted: Sequence[int]) -> list[FoundRow]:
        """Return the rows of a table that have one of these numbers in the column `by`, by id.

        `chart_of` are the decisions whose charts the rows name.
        """
        return self._rows(_statement(table, by, None), [[*wanted]])

    def all_rows(self, table: str) -> Iterator[list[FoundRow]]:
        """Yield every row of a table, by id, some at a time."""
        last: int | None = -(2**63)
        while last is not None:
            found = self._rows(_statement(table, "after", BATCH), [last])
            yield found
            last = found[-1].id if len(found) == BATCH else None

    def briefs(self, executions: Sequence[int]) -> dict[int, list[Brief]]:
        """Return the decisions of executions by the execution's number, each by id."""
        found: dict[int, list[Brief]] = {number: [] for number in executions}
        for row in self._cursor.execute(_BRIEFS, [[*executions]]):
            execution, number, digest, instrument, as_of, event_ids, events, seal_id, seal = row
            found[execution].append(
                Brief(
                    id=number,
                    digest=digest,
                    instrument=instrument,
                    as_of=as_of,
                    events=[*zip(event_ids or (), events or (), strict=True)],
                    seal=None if seal_id is None else (seal_id, seal),
                )
            )
        return found

    def executions_of(self, decisions: Sequence[int]) -> list[int]:
        """Return the numbers of the executions that these decisions belong to, in order."""
        found = self._connection.execute(_EXECUTIONS_OF, [[*decisions]])
        return sorted(number for (number,) in found if number is not None)

    def decisions_as_of(self, days: str) -> list[int]:
        """Return the numbers of the decisions that lists have as of `FROM..TO`, in order."""
        found = self._connection.execute(_AS_OF, DAYS.parameters(days))
        return [number for (number,) in found]

    def orphans(self, table: str, column: str) -> list[Orphan]:
        """Return the rows of a table of which a reference names a row that is not there."""
        target = REFERENCES[table][column]
        statement = _ORPHANS.format(table=table, column=column, target=target)
        with self._connection.cursor(row_factory=class_row(Orphan)) as cursor:
            return cursor.execute(statement.encode()).fetchall()

    def blobs_named(self, digests: Sequence[str]) -> dict[str, FoundBlob]:
        """Return the rows of `blobs` that have one of these digests."""
        found = self._blobs("digest = ANY(%s)", [[*digests]])
        return {blob.digest: blob for blob in found}

    def blob_with_key(self, key: str) -> FoundBlob | None:
        """Return the row of `blobs` with this key."""
        return next(iter(self._blobs("key = %s", [key])), None)

    def all_blobs(self) -> Iterator[list[FoundBlob]]:
        """Yield every row of `blobs`, by id, some at a time."""
        last: int | None = -(2**63)
        while last is not None:
            found = self._blobs(f"id > %s ORDER BY id LIMIT {BATCH}", [last])
            yield found
            last = found[-1].id if len(found) == BATCH else None

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        statement = f"SELECT count(*) FROM tapetrail.{table}"  # noqa: S608 # a table of ours
        (found,) = self._connection.execute(statement.encode()).fetchone() or (0,)
        return int(found)

    def newest_decisions(self, limit: int) -> list[int]:
        """Return the numbers of the newest decisions."""
        asked = "SELECT id FROM tapetrail.decisions ORDER BY id DESC LIMIT %s"
        return [number for (number,) in self._connection.execute(asked, [limit])]

    def owner_of(self, table: str, number: int) -> tuple[int, str] | None:
        """Return number and symbol of the decision that a row or object is of, the first of them.

        None for what is of no decision, and where the row or the decision is not there.
        """
        if table == "blobs":
            owned = _OWNER_OF_BYTES
        elif table == "decisions":
            owned = "SELECT id AS decision_id FROM tapetrail.decisions WHERE id = %(number)s"
        elif "decision_id" in COVERED[table]:
            owned = f"SELECT decision_id FROM tapetrail.{table} WHERE id = %(number)s"  # noqa: S608 # a table of ours
        else:
            return None
        statement = (
            f"SELECT d.id, d.symbol FROM tapetrail.decisions d JOIN ({owned}) o"  # noqa: S608 # as above
            " ON o.decision_id = d.id ORDER BY d.id LIMIT 1"
        )
        found = self._connection.execute(statement.encode(), {"number": number}).fetchone()
        return None if found is None else (int(found[0]), str(found[1]))

    def _rows(self, asked: _Statement, values: Sequence[object]) -> list[FoundRow]:
        width = 2 + len(asked.columns)
        return [
            FoundRow(
                table=asked.table,
                id=row[0],
                digest=row[1],
                columns=dict(zip(asked.columns, row[2:width], strict=True)),
                targets=dict(zip(asked.references, row[width:], strict=True)),
            )
            for row in self._cursor.execute(asked.text, values)
        ]

    def _blobs(self, where: str, values: Sequence[object]) -> list[FoundBlob]:
        statement = f"SELECT {_BLOB} FROM tapetrail.blobs WHERE {where}"  # noqa: S608 # as above
        with self._connection.cursor(row_factory=class_row(FoundBlob)) as cursor:
            return cursor.execute(statement.encode(), values).fetchall()


@contextmanager
def snapshot(connection: Connection) -> Generator[FoundRecord]:
    """Give the record as it is now, for as long as this is open."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # A limit of the server's or of a role's is meant for other questions than this.
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield FoundRecord(connection)


@cache
def _statement(table: str, by: str, limit: int | None) -> _Statement:
    columns = (*COVERED[table], *BESIDE.get(table, ()))
    references: Mapping[str, str] = REFERENCES.get(table, {})
    asked = ", ".join(f"t.{column}" for column in ("id", "record_digest", *columns))
    digests = "".join(f", r{at}.record_digest" for at in range(len(references)))
    joins = " ".join(
        f"LEFT JOIN tapetrail.{target} r{at} ON r{at}.id = t.{column}"
        for at, (column, target) in enumerate(references.items())
    )
    bound = "" if limit is None else f" LIMIT {limit}"
    statement = (
        f"SELECT {asked}{digests} FROM tapetrail.{table} t {joins}"  # noqa: S608 # columns of ours
        f" WHERE {_WHERE[by]} ORDER BY t.id{bound}"
    )
    return _Statement(table, statement.encode(), columns, tuple(references))
