"""A record from one database to another: every row under its number, from one instant.

Rows are copied as they are. The guards of the tables would refuse statuses that no event makes, so
they are off inside the transaction that copies a table, and on again before its end. Each table is
one transaction: killed in between, a move goes on with the next one. The durable engine's own
tables hold no record and stay where they are.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Final, LiteralString, NoReturn

from psycopg import sql
from sqlalchemy import Table

from tapetrail.core.errors import IntegrityFailure, InvalidInput
from tapetrail.store.connections import Connection, answering
from tapetrail.store.moving_marks import MovingMark, read_mark, write_mark
from tapetrail.store.roles import Roles
from tapetrail.store.tables.schema import metadata

Watch = Callable[[str, int, int], None]
"""Is told what is copied, how many rows are, and how many there will be."""
ROWS: Final = "rows"
_TABLES: Final = tuple(metadata.sorted_tables)
_TURN: Final = (7_016_823, 114_205)
"""The lock of whoever moves a record; of two numbers, as no worker's is."""
_OPEN: Final = "SELECT count(*) FROM tapetrail.decisions WHERE status IN ('pending', 'running')"
_OFF: Final = """
    SELECT count(*) FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'tapetrail' AND NOT t.tgisinternal AND t.tgenabled <> 'O'
"""


def begin(
    source: Connection, roles: Roles, mark: MovingMark, *, count_workers: Callable[[], int]
) -> MovingMark:
    """Have nothing added to a record from now on; return the mark of its move, the first one.

    While it is looked whether work is open, nobody can open any: whoever was at work would be
    broken off, and whoever begins would. Raises `InvalidInput` for a record with work or a living
    worker, and for one that is on its way to somewhere else, or has been there; then nothing was
    changed.
    """
    with source.transaction():
        found = read_mark(source)
        if found is None:
            write_mark(source, mark)
            _set_role(source, roles.owner)
            # Whoever is in the middle of adding rows is waited for.
            source.execute(_all_tables("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE"))
            decisions, workers = _count(source, _OPEN), count_workers()
            if decisions or workers:
                raise InvalidInput(
                    f"{decisions} decisions are open and {workers} workers are alive; a record"
                    " moves when its work is done: end the workers, and let a run finish what is"
                    " open, or cancel it"
                )
            _change_grants(source, "REVOKE INSERT ON {} FROM {}", roles.app)
            return mark
    if (found.database, found.blobs) != (mark.database, mark.blobs):
        found.refuse_writing()
    return found


@contextmanager
def alone(source: Connection) -> Generator[None]:
    """Hold the right to move a record, or to cancel its move, for as long as this is open.

    Raises `InvalidInput` where another process has it.
    """
    if source.execute("SELECT pg_try_advisory_lock(%s, %s)", _TURN).fetchone() != (True,):
        raise InvalidInput("another process is moving this record, or cancels that; wait for it")
    try:
        yield
    finally:
        if not source.closed:
            source.execute("SELECT pg_advisory_unlock(%s, %s)", _TURN)


def give_up(source: Connection, roles: Roles) -> None:
    """Let a record that did not leave be added to again."""
    with source.transaction():
        write_mark(source, None)
        _set_role(source, roles.owner)
        _change_grants(source, "GRANT INSERT ON {} TO {}", roles.app)


def leave(source: Connection, mark: MovingMark) -> None:
    """Say for good that a record is elsewhere."""
    write_mark(source, mark)


def receive(target: Connection, mark: MovingMark, roles: Roles) -> None:
    """Have nobody open the database, or add to it, until the record has arrived.

    Raises `InvalidInput` for one that holds a record, or part of another.
    """
    found = read_mark(target)
    if found is None:
        with target.transaction():
            write_mark(target, mark)
            _set_role(target, roles.owner)
            target.execute(_all_tables("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE"))
            check_empty(target, mark.database)
            _change_grants(target, "REVOKE INSERT ON {} FROM {}", roles.app)
    elif found.token != mark.token:
        refuse_half(mark.database)


def refuse_half(shown_url: str) -> NoReturn:
    """Raise `InvalidInput` for a database with part of a record."""
    raise InvalidInput(
        f"the database {shown_url} holds part of another record, or of a move that was given up;"
        " empty it: DROP SCHEMA tapetrail, dbos CASCADE"
    )


def check_empty(target: Connection, shown_url: str) -> None:
    """Raise `InvalidInput` for a database that holds a record."""
    if rows := sum(_rows(target).values()):
        raise InvalidInput(
            f"the database {shown_url} holds a record of {rows} rows; a record moves to an empty"
            " database"
        )


def arrive(target: Connection, roles: Roles) -> None:
    """Let everybody open the record, and add to it."""
    give_up(target, roles)


@contextmanager
def instant_of(source: Connection) -> Generator[None]:
    """Have a connection see the record as it is now, for as long as this is open."""
    with source.transaction():
        source.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        source.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        source.execute("SET LOCAL statement_timeout = 0")
        yield


def copy_rows(
    source: Connection, target: Connection, *, owner: str, watch: Watch
) -> Mapping[str, int]:
    """Copy every table that is not there yet; return how many rows each one has.

    `owner` is the role of the target's tables. Raises `IntegrityFailure` where a table holds
    another number of rows than it should, or a guard is not on again.
    """
    counts, there = _rows(source), _rows(target)
    total, done = sum(counts.values()), sum(there.values())
    for table in _TABLES:
        watch(ROWS, done, total)
        if there[table.name] == 0 and counts[table.name]:
            with answering(), target.transaction():
                target.execute("SET LOCAL statement_timeout = 0")
                _set_role(target, owner)
                _copy_table(source, target, table)
            done += counts[table.name]
    watch(ROWS, done, total)
    found = _rows(target)
    for name, count in counts.items():
        if found[name] != count:
            raise IntegrityFailure(f"{name}: expected {count} rows, found {found[name]} there")
    if off := _count(target, _OFF):
        raise IntegrityFailure(f"{off} guards of the tables are off there, expected none")
    return counts


def _copy_table(source: Connection, target: Connection, table: Table) -> None:
    """Copy the rows of a table in the order of their keys, and where its numbers go on."""
    name = sql.Identifier("tapetrail", table.name)
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    key = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.primary_key)
    out = sql.SQL("COPY (SELECT {} FROM {} ORDER BY {}) TO STDOUT").format(columns, name, key)
    target.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(name))
    with (
        source.cursor() as reading,
        target.cursor() as writing,
        reading.copy(out) as rows,
        writing.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(name, columns)) as copied,
    ):
        for data in rows:
            copied.write(data)
    target.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(name))
    if "id" in table.columns:
        _go_on_counting(source, target, table)


def _go_on_counting(source: Connection, target: Connection, table: Table) -> None:
    """Have the next row of a table get the number that it would have got."""
    asked = "SELECT pg_get_serial_sequence(%s, 'id')"
    name = f"tapetrail.{table.name}"
    sequence = source.execute(asked, [name]).fetchone()
    there = target.execute(asked, [name]).fetchone()
    if sequence is None or there is None or sequence[0] is None:
        return
    schema, _, relation = str(sequence[0]).partition(".")
    at = source.execute(
        sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(schema, relation))
    ).fetchone()
    if at is not None:
        target.execute("SELECT setval(%s::regclass, %s, %s)", [there[0], at[0], at[1]])


def _rows(connection: Connection) -> Mapping[str, int]:
    """Return how many rows each table of the record has, by its name."""
    return {
        table.name: _count(
            connection,
            sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("tapetrail", table.name)),
        )
        for table in _TABLES
    }


def _count(connection: Connection, statement: str | sql.Composed) -> int:
    asked = statement.encode() if isinstance(statement, str) else statement
    row = connection.execute(asked).fetchone()
    return 0 if row is None else int(row[0])


def _set_role(connection: Connection, role: str) -> None:
    connection.execute("SELECT set_config('role', %s, true)", [role])


def _change_grants(connection: Connection, statement: LiteralString, app: str) -> None:
    """Give the application the right to add rows to the tables of the record, or take it."""
    connection.execute(_all_tables(statement, sql.Identifier(app)))


def _all_tables(statement: LiteralString, *more: sql.Composable) -> sql.Composed:
    """Return a statement about all tables of the record."""
    tables = [sql.Identifier("tapetrail", table.name) for table in _TABLES]
    return sql.SQL(statement).format(sql.SQL(", ").join(tables), *more)
