"""Single answers for those who read: how much there is, and where bytes lie."""

from datetime import datetime
from typing import Final

from psycopg.rows import class_row

from tapetrail.core.canonical import Digest
from tapetrail.core.errors import NotFound
from tapetrail.core.market.instruments import Instrument
from tapetrail.store.connections import Connection
from tapetrail.wire import OldCharts, Status

_STATUS: Final = """
    SELECT (SELECT count(*) FROM tapetrail.workflow_executions) AS executions,
           (SELECT count(*) FROM tapetrail.decisions) AS decisions,
           (SELECT count(*) FROM tapetrail.decisions
            WHERE status IN ('pending', 'running')) AS open_decisions,
           (SELECT count(*) FROM tapetrail.charts) AS charts,
           (SELECT count(*) FROM tapetrail.llm_analyses) AS analyses,
           (SELECT count(*) FROM tapetrail.trading_signals) AS signals,
           count(*) AS blobs, coalesce(sum(size), 0)::bigint AS blob_bytes
    FROM tapetrail.blobs
"""
_INSTRUMENTS: Final = """
    SELECT i.symbol, i.exchange, i.currency, coalesce(i.conid, f.value::bigint) AS conid,
           i.asset_class, i.tick_size, i.multiplier, i.calendar
    FROM tapetrail.instruments i
    LEFT JOIN tapetrail.instrument_facts f ON f.instrument_id = i.id AND f.field = 'conid'
    WHERE i.symbol = %s ORDER BY i.id
"""
_NEWEST_KEYS: Final = """
    SELECT d.id, b.key
    FROM (SELECT id FROM tapetrail.decisions WHERE status IN ('completed', 'failed')
          ORDER BY id DESC LIMIT %s) d
    CROSS JOIN LATERAL (
        SELECT unnest(ARRAY[bars_digest, raw_digest, calendar_digest]) AS digest
        FROM tapetrail.market_snapshots WHERE decision_id = d.id
        UNION ALL
        SELECT raw_digest FROM tapetrail.second_opinions WHERE decision_id = d.id
        UNION ALL
        SELECT unnest(ARRAY[jpeg_digest, html_digest, spec_digest])
        FROM tapetrail.charts WHERE decision_id = d.id
    ) named
    JOIN tapetrail.blobs b ON b.digest = named.digest
    ORDER BY d.id, b.key
"""
_OLD_CHARTS: Final = """
    SELECT count(*) AS charts, min(generated_at) AS first_at, max(generated_at) AS last_at
    FROM tapetrail.charts WHERE status = 'active' AND generated_at < %s
"""


def status(connection: Connection) -> Status:
    """Return how much the record holds."""
    with connection.cursor(row_factory=class_row(Status)) as cursor:
        (found,) = cursor.execute(_STATUS)
    return found


def newest_keys(connection: Connection, *, decisions: int) -> tuple[int, list[str]]:
    """Return how many decisions, of the newest that ended, name blobs, and the keys of those."""
    rows = connection.execute(_NEWEST_KEYS, [decisions]).fetchall()
    return len({number for number, _ in rows}), sorted({str(key) for _, key in rows})


def decisions_since(connection: Connection, instant: datetime) -> int:
    """Return how many decisions were made since `instant`."""
    asked = "SELECT count(*) FROM tapetrail.decisions WHERE created_at >= %s"
    found = connection.execute(asked, [instant]).fetchone()
    return 0 if found is None else int(found[0])


def instruments_named(connection: Connection, symbol: str) -> list[Instrument]:
    """Return the recorded instruments with a symbol, in the order in which they were recorded."""
    with connection.cursor(row_factory=class_row(Instrument)) as cursor:
        return cursor.execute(_INSTRUMENTS, [symbol]).fetchall()


def blob_key(connection: Connection, digest: Digest) -> str:
    """Return the key under which the bytes of `digest` are kept. Raises `NotFound`."""
    asked = "SELECT key FROM tapetrail.blobs WHERE digest = %s"
    found = connection.execute(asked, [digest]).fetchone()
    if found is None:
        raise NotFound(f"no blob {digest}")
    return str(found[0])


def old_charts(connection: Connection, instant: datetime) -> OldCharts:
    """Return how many active charts were generated before `instant`, and from when to when."""
    with connection.cursor(row_factory=class_row(OldCharts)) as cursor:
        (found,) = cursor.execute(_OLD_CHARTS, [instant])
    return found
