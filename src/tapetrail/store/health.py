"""How a database does, as far as it says itself."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a database says of itself; `workers` counts those that are alive, on any host.

    `may_record` says whether whoever asks may act as the application's role.
    """

    server_version: str
    now: datetime
    has_engine_tables: bool
    may_record: bool
    workers: int
    open_decisions: int


# Every worker holds one advisory lock in a session of its own for as long as it lives.
_WORKERS = """
    SELECT count(DISTINCT l.pid) FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
      AND a.application_name = 'tapetrail' AND a.datname = current_database()
"""


def load_health(engine: Engine) -> Health:
    """Return how the database does. It has our schema."""
    with engine.connect() as connection:
        return Health(
            server_version=str(connection.scalar(text("SHOW server_version"))),
            now=connection.scalars(text("SELECT clock_timestamp()")).one(),
            has_engine_tables=bool(
                connection.scalar(text("SELECT to_regclass('dbos.workflow_status') IS NOT NULL"))
            ),
            may_record=bool(
                connection.scalar(text("SELECT pg_has_role('tapetrail_app', 'MEMBER')"))
            ),
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
