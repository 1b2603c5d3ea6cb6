"""Rows out: lists with filters and keyset pages, details with what hangs on them.

All of it is read by the driver alone, so that who only reads waits for no ORM.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final, TypeVar

from psycopg.rows import class_row, dict_row

from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.listing.cursors import decode_cursor, encode_cursor
from tapetrail.listing.spec import ListSpec, Numbered, Selection
from tapetrail.store.connections import Connection
from tapetrail.wire import LIMIT_MAX, Detail, Page

Row = TypeVar("Row", bound=Numbered)
_BELOW: Final = "t.id < %s"


def page(
    connection: Connection, selection: Selection[Row], *, limit: int, cursor: str | None
) -> Page[Row]:
    """Return one page of a list, newest first.

    Raises `InvalidInput` for a limit out of 1 to 200 and for a cursor of another list.
    """
    if not 1 <= limit <= LIMIT_MAX:
        raise InvalidInput(f"limit {limit}: expected 1 to {LIMIT_MAX}")
    below = decode_cursor(cursor, selection) if cursor else None
    found = _rows(connection, selection, below=below, limit=limit + 1)
    next_cursor = encode_cursor(found[limit - 1].id, selection) if len(found) > limit else None
    return Page(data=found[:limit], next_cursor=next_cursor)


def rows(
    connection: Connection, selection: Selection[Row], *, limit: int | None = None
) -> Sequence[Row]:
    """Return every row of a list, or the newest `limit`, newest first."""
    return _rows(connection, selection, below=None, limit=limit)


def count(connection: Connection, selection: Selection[Numbered]) -> int:
    """Return how many rows a list has."""
    statement = _count_statement(selection.listed, tuple(selection.counts().items()))
    (found,) = connection.execute(statement, selection.parameters()).fetchone() or (0,)
    return int(found)


def detail(connection: Connection, listed: ListSpec[Numbered], number: int) -> Detail:
    """Return every column of one row and the rows that hang on it. Raises `NotFound`."""
    cursor = connection.cursor(row_factory=dict_row)
    found = columns(connection, listed, number)
    related = {
        name: cursor.execute(statement, [number]).fetchall()
        for name, statement in _related_statements(listed).items()
    }
    return Detail(columns=found, related=related)


def columns(
    connection: Connection, listed: ListSpec[Numbered], number: int
) -> Mapping[str, object]:
    """Return every column of one row. Raises `NotFound`."""
    cursor = connection.cursor(row_factory=dict_row)
    found = cursor.execute(_detail_statement(listed), [number]).fetchone()
    if found is None:
        raise _no_row(connection, listed, number)
    return found


def _rows(
    connection: Connection, selection: Selection[Row], *, below: int | None, limit: int | None
) -> list[Row]:
    listed, filters = selection.listed, tuple(selection.counts().items())
    statement = list_statement(listed, filters, is_continued=below is not None)
    values = [*selection.parameters(), *(() if below is None else (below,)), limit]
    with connection.cursor(row_factory=class_row(listed.row)) as cursor:
        return cursor.execute(statement, values).fetchall()


@cache
def list_statement(
    listed: ListSpec[Numbered], filters: tuple[tuple[str, int], ...], *, is_continued: bool
) -> bytes:
    """Return the statement of a list, made once for each choice of filters and number of values."""
    columns = (f"{listed.columns.get(name, f't.{name}')} AS {name}" for name in listed.column_names)
    conditions = listed.conditions(dict(filters))
    if is_continued:
        conditions.append(_BELOW)
    head = f"SELECT {', '.join(columns)}"
    return f"{head} {_from(listed, conditions)} ORDER BY t.id DESC LIMIT %s".encode()


@cache
def _count_statement(listed: ListSpec[Numbered], filters: tuple[tuple[str, int], ...]) -> bytes:
    return f"SELECT count(*) {_from(listed, listed.conditions(dict(filters)))}".encode()


def _from(listed: ListSpec[Numbered], conditions: Sequence[str]) -> str:
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"FROM tapetrail.{listed.table} t {listed.joins} {where}"


@cache
def _detail_statement(listed: ListSpec[Numbered]) -> bytes:
    return f"SELECT t.* FROM tapetrail.{listed.table} t WHERE t.id = %s".encode()  # noqa: S608 # declared text, as its type says


@cache
def _related_statements(listed: ListSpec[Numbered]) -> dict[str, bytes]:
    parts = "SELECT r.* FROM tapetrail.{} r WHERE {} ORDER BY r.id"
    return {
        related.name: parts.format(related.table, related.condition).encode()
        for related in listed.related
    }


def _no_row(connection: Connection, listed: ListSpec[Numbered], number: int) -> NotFound:
    newest = f"SELECT max(t.id) FROM tapetrail.{listed.table} t".encode()  # noqa: S608 # as above
    (last,) = connection.execute(newest).fetchone() or (None,)
    there_is = "there is none yet" if last is None else f"the newest is {last}"
    return NotFound(f"no {listed.singular} {number}; {there_is}")
