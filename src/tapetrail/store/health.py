"""How a database does, as far as it says itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg
from sqlalchemy import Engine, text

from tapetrail.store.roles import may_act_as

LOCAL: Final = frozenset({"127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a database says of itself; `workers` counts those that are alive, on any host.

    `is_local` says whether the server is on this machine, `has_tls` whether what goes there and
    back is encrypted, and `sslmode` what was asked of that. `may_record` says whether whoever asks
    may act as the application's role, `app`.
    """

    server_version: str
    major_version: int
    user: str
    has_tls: bool
    sslmode: str
    is_local: bool
    statement_timeout: str
    now: datetime
    has_engine_tables: bool
    app: str
    may_record: bool
    workers: int
    open_decisions: int


# Every worker holds one advisory lock in a session of its own for as long as it lives. The durable
# engine has one of its own in an open transaction, whichever worker holds it.
_WORKERS = """
    SELECT count(DISTINCT l.pid) FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
      AND a.application_name = 'tapetrail' AND a.datname = current_database()
      AND a.query NOT LIKE '%advisory_xact_lock%'
"""


def load_health(engine: Engine, *, app: str) -> Health:
    """Return how the database does, which has our schema; `app` is the application's role."""
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        if not isinstance(driver, psycopg.Connection):
            raise TypeError("an engine of another driver")
        return Health(
            server_version=str(connection.scalar(text("SHOW server_version"))),
            major_version=driver.info.server_version // 10_000,
            user=driver.info.user,
            has_tls=driver.pgconn.ssl_in_use,
            sslmode=str(driver.info.get_parameters().get("sslmode", "prefer")),
            is_local=driver.info.host.startswith("/") or driver.info.hostaddr in LOCAL,
            statement_timeout=str(connection.scalar(text("SHOW statement_timeout"))),
            now=connection.scalars(text("SELECT clock_timestamp()")).one(),
            has_engine_tables=bool(
                connection.scalar(
                    text(
                        "SELECT count(*) FROM pg_catalog.pg_tables"
                        " WHERE schemaname = 'dbos' AND tablename = 'workflow_status'"
                    )
                )
            ),
            app=app,
            may_record=may_act_as(driver, app),  # pyright: ignore[reportUnknownArgumentType] # it gives rows as tuples
            workers=connection.scalar(text(_WORKERS)) or 0,
            open_decisions=connection.scalar(
                text(
                    "SELECT count(*) FROM tapetrail.decisions d"
                    " JOIN tapetrail.workflow_executions e ON e.id = d.execution_id"
                    " WHERE d.status IN ('pending', 'running') AND e.status <> 'stopped'"
                )
            )
            or 0,
        )
