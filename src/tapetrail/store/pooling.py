"""Whether a pool stands between us and the server that hands sessions round.

A pool by transactions gives each transaction another session of the server. Locks that are held by
sessions, as those that say a worker lives, are then held by whoever comes next, and roles and
settings of one client reach another. A pool by sessions changes nothing.
"""

from contextlib import ExitStack, closing
from typing import Final

import psycopg

from tapetrail.core.errors import EdgeFailure, InvalidInput
from tapetrail.store.connections import Connection, answering, opening_of

TRIES: Final = 3
_MARK: Final = "SELECT set_config('tapetrail.session', %s, false), pg_backend_pid()"
_SEEN: Final = "SELECT current_setting('tapetrail.session', true), pg_backend_pid()"


def refuse_shared_sessions(url: str) -> None:
    """Raise `InvalidInput` where two connections that are both open share a session.

    A busy pool may give them different ones by chance, so it is tried several times.
    """
    opening = opening_of(url)
    with answering(), ExitStack() as stack:
        connections: list[Connection] = [
            stack.enter_context(
                closing(psycopg.connect(**opening.words, autocommit=True))  # pyright: ignore[reportArgumentType] # words of the driver's
            )
            for _ in range(2)
        ]
        for number in range(TRIES):
            marks = [f"{id(connection)} {number}" for connection in connections]
            pids = [_asked(c, _MARK, [mark])[1] for c, mark in zip(connections, marks, strict=True)]
            found = [_asked(connection, _SEEN, []) for connection in connections]
            if found != [*zip(marks, pids, strict=True)]:
                raise InvalidInput(
                    "the address leads to a pool by transactions, as pgbouncer's pool_mode ="
                    " transaction is, which hands one session of the server to many; TapeTrail's"
                    " locks need sessions of their own: take the server's own address, or a pool"
                    " by sessions (Supabase: port 5432; Neon: the host without -pooler)"
                )


def _asked(connection: Connection, statement: str, values: list[str]) -> tuple[str, int]:
    row = connection.execute(statement.encode(), values).fetchone()
    if row is None:
        raise EdgeFailure("PostgreSQL gave no row for a question that has one")
    return str(row[0]), int(row[1])
