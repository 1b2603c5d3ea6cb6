"""The predecessor's database, read only: rows as JSON text, in the order of runs and symbols.

Everything is read at one instant, by cursors of the server's, so that a database of any size takes
little memory. Which tables and columns there are is asked, not assumed; both may be written in
either case.
"""

import heapq
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, NamedTuple

import psycopg
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from tapetrail.core.errors import EdgeFailure, InvalidInput
from tapetrail.core.legacy.columns import COLUMNS, OF_DECISIONS, Table
from tapetrail.store.connections import Connection, answering, connect

RUNLESS: Final = "~"
"""The run of rows that belong to none: it comes after all others."""
BATCH: Final = 50
_ID_DIGITS: Final = 20
_COLUMNS: Final = """
    SELECT n.nspname, c.relname, a.attname
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
      AND n.nspname NOT IN ('information_schema', 'tapetrail', 'dbos') AND n.nspname !~ '^pg_'
    ORDER BY n.nspname <> 'public', n.nspname, c.relname, a.attnum
"""


class _Link(NamedTuple):
    """A row that one names by a column, and by which its run may be known."""

    alias: str
    to: Table
    by: str
    name: str


_LINKS: Final[Mapping[Table, Sequence[_Link]]] = {
    Table.ANALYSES: (_Link("c", Table.CHARTS, "t", "chart_id"),),
    Table.SIGNALS: (
        _Link("a", Table.ANALYSES, "t", "analysis_id"),
        _Link("c", Table.CHARTS, "t", "chart_id"),
        _Link("ac", Table.CHARTS, "a", "chart_id"),
    ),
}


class Item(NamedTuple):
    """A row on its way: its run and symbol as they are sorted by, its table, its id, its text."""

    run: str
    symbol: str
    rank: int
    order: str
    id: str
    run_id: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """All rows of one symbol of one run; those of no symbol have the run's own row among them."""

    run: str | None
    symbol: str
    items: Sequence[tuple[Table, Item]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A table that there is: its name, and its columns by their names in small letters."""

    name: Identifier
    columns: Mapping[str, str]

    def column(self, alias: str, table: Table, name: str) -> Composable | None:
        """Return a column by the first of its names that there is, as text."""
        for each in COLUMNS[table].get(name, (name,)):
            if each in self.columns:
                return SQL("{}.{}::text").format(Identifier(alias), Identifier(self.columns[each]))
        return None

    def id_of(self, alias: str) -> Composable:
        """Return what tells rows apart: their id, or else where they lie."""
        name = self.columns.get("id", "ctid")
        return SQL("{}.{}::text").format(Identifier(alias), Identifier(name))


class Predecessor:
    """The predecessor's database, as it is at one instant."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tables, self._others = self._introspected()
        if not self._tables:
            raise InvalidInput(
                f"database {connection.info.dbname}: none of the predecessor's tables is there;"
                f" expected some of {', '.join(Table)}"
            )

    def others(self) -> Mapping[str, int]:
        """Return how many rows the tables beside have, by their names; those without are left out.

        They are none of what is taken over.
        """
        found = {name: self._count(table) for name, table in self._others.items()}
        return {name: count for name, count in found.items() if count}

    def rows(self, table: Table) -> Iterator[tuple[str, str]]:
        """Yield id and text of every row of a table, by id."""
        if table in self._tables:
            found = self._tables[table]
            statement = SQL("SELECT {id}, row_to_json(t)::text FROM {name} t ORDER BY 1").format(
                id=found.id_of("t"), name=found.name
            )
            for number, text in self._streamed(f"of_{table}", statement):
                yield str(number), str(text)

    def batches(self) -> Iterator[Batch]:
        """Yield rows by run and symbol, each run's own row first, those of no run at the end."""
        streams = [
            self._sorted(rank, table)
            for rank, table in enumerate((Table.EXECUTIONS, *OF_DECISIONS))
            if table in self._tables
        ]
        ranked = (Table.EXECUTIONS, *OF_DECISIONS)
        merged = heapq.merge(*streams, key=lambda item: item[:4])
        for (run, symbol), items in groupby(merged, key=lambda item: (item.run, item.symbol)):
            found = [(ranked[item.rank], item) for item in items]
            yield Batch(run=None if run == RUNLESS else found[0][1].run_id, symbol=symbol,
                        items=found)  # fmt: skip

    def _sorted(self, rank: int, table: Table) -> Iterator[Item]:
        found = self._tables[table]
        joins, run = self._run_of(table, found)
        number = SQL("coalesce({}, '')").format(found.id_of("t"))
        symbol = found.column("t", table, "symbol") if table in OF_DECISIONS else None
        statement = SQL(
            'SELECT coalesce({padded_run}, {runless}) COLLATE "C", {symbol} COLLATE "C",'
            ' {rank}, {padded} COLLATE "C", {id}, {run}, row_to_json(t)::text'
            " FROM {name} t {joins} ORDER BY 1, 2, 4"
        ).format(
            padded_run=_padded(run),
            runless=Literal(RUNLESS),
            symbol=SQL("''::text") if symbol is None
            else SQL("coalesce(upper(btrim({})), '')").format(symbol),
            rank=Literal(rank),
            padded=_padded(number),
            id=number,
            run=run,
            name=found.name,
            joins=joins,
        )  # fmt: skip
        yield from map(Item._make, self._streamed(f"of_{table}", statement))

    def _run_of(self, table: Table, found: _Found) -> tuple[Composable, Composable]:
        """Return what joins a row with its run, and the run's id: by what it names, or they do."""
        if table is Table.EXECUTIONS:
            return SQL(""), found.id_of("t")
        aliases = {"t": (table, found)}
        joins: list[Composable] = [SQL("")]
        named = [found.column("t", table, "execution_id")]
        for link in _LINKS.get(table, ()):
            there, by = self._tables.get(link.to), aliases.get(link.by)
            column = None if by is None else by[1].column(link.by, by[0], link.name)
            if there is None or column is None:
                continue
            aliases[link.alias] = (link.to, there)
            joins.append(
                SQL("LEFT JOIN {} {} ON {} = {}").format(
                    there.name, Identifier(link.alias), there.id_of(link.alias), column
                )
            )
            named.append(there.column(link.alias, link.to, "execution_id"))
        stated = [column for column in named if column is not None]
        runs = self._tables.get(Table.EXECUTIONS)
        if not stated or runs is None:
            return SQL(""), SQL("NULL::text")
        joins.append(
            SQL("LEFT JOIN {} e ON {} = coalesce({})").format(
                runs.name, runs.id_of("e"), SQL(", ").join(stated)
            )
        )
        return SQL(" ").join(joins), runs.id_of("e")

    def _streamed(self, name: str, statement: Composed) -> Iterator[Sequence[Any]]:
        with answering(), self._connection.cursor(name=name) as cursor:
            cursor.itersize = BATCH
            cursor.execute(statement)
            yield from cursor

    def _count(self, table: Identifier) -> int:
        found = self._connection.execute(SQL("SELECT count(*) FROM {}").format(table)).fetchone()
        return int(found[0]) if found is not None else 0

    def _introspected(self) -> tuple[Mapping[Table, _Found], Mapping[str, Identifier]]:
        columns: dict[tuple[str, str], dict[str, str]] = {}
        for schema, table, column in self._connection.execute(_COLUMNS.encode()):
            columns.setdefault((schema, table), {}).setdefault(column.lower(), column)
        known = {table.value for table in Table}
        schemas = [schema for schema, table in columns if table.lower() in known]
        if not schemas:
            return {}, {}
        chosen = max(dict.fromkeys(schemas), key=schemas.count)
        names = {name: Identifier(chosen, name) for schema, name in columns if schema == chosen}
        tables: dict[Table, _Found] = {}
        for name in sorted(names, key=lambda each: (each != each.lower(), each)):
            if name.lower() in known:
                found = _Found(name=names[name], columns=columns[chosen, name])
                tables.setdefault(Table(name.lower()), found)
        taken = [found.name for found in tables.values()]
        return tables, {name: each for name, each in names.items() if each not in taken}


@contextmanager
def opened(url: str) -> Generator[Predecessor]:
    """Give the predecessor's database, in a transaction that changes nothing.

    Raises `EdgeFailure` where it does not answer, and `InvalidInput` for one that is none of its.
    """
    with connect(_plain(url)) as connection:
        connection.execute(
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
        )
        connection.execute(
            "SELECT set_config(name, '0', false) FROM unnest(%s::text[]) AS name",
            [["idle_in_transaction_session_timeout", "statement_timeout"]],
        )
        try:
            with connection.transaction():
                yield Predecessor(connection)
        except (psycopg.errors.Error, UnicodeDecodeError) as error:
            said = str(error).strip().partition("\n")[0]
            raise EdgeFailure(f"the predecessor's database: {said}") from error


def _padded(number: Composable) -> Composable:
    """Return an id as it is sorted by: numbers by their size."""
    return SQL("lpad({0}, greatest({1}, length({0})), '0')").format(number, Literal(_ID_DIGITS))


def _plain(url: str) -> str:
    """Return an address as libpq reads it; programs in Python write a driver into its scheme."""
    try:
        found = make_url(url)
    except ArgumentError:
        raise InvalidInput(
            "--from: neither a file nor an address; expected"
            " postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or a dump that pg_dump wrote"
        ) from None
    if found.get_backend_name() not in {"postgresql", "postgres"}:
        raise InvalidInput(f"--from: {found.get_backend_name()[:40]!r}; expected postgresql://...")
    return found.set(drivername="postgresql").render_as_string(hide_password=False)
