"""Many bare rows of each table that lists show, made by the server itself."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, LiteralString

from sqlalchemy import Connection, text
from tests.edges.rows import Rows

GROUND: Final = 500
"""How many instruments and strategies there are."""

FIRST: Final = datetime(2020, 1, 1, tzinfo=UTC)
MADE_AT: Final = {
    "workflow_executions": "created_at",
    "decisions": "created_at",
    "market_snapshots": "fetched_at",
    "market_vintages": "fetched_at",
    "charts": "generated_at",
    "llm_analyses": "analyzed_at",
    "trading_signals": "generated_at",
    "decision_inputs": "logged_at",
    "order_events": "happened_at",
    "notes": "at",
}

# Each row is the valid one of its table, but for what is computed from its number `n`. One row in
# ten thousand has a value that no other has.
_COLUMNS: Final[Mapping[LiteralString, LiteralString]] = {
    "instruments": "'symbol', 'S' || n",
    "strategies": "'name', 's' || n",
    "workflow_executions": (
        "'workflow_id', 'w' || n, 'strategy_id', 1 + n % 500, 'status',"
        " CASE n % 10000 WHEN 0 THEN 'cancelled' ELSE 'completed' END,"
        " 'started_at', timestamptz '2020-01-01Z' + n * interval '1 minute',"
        " 'completed_at', timestamptz '2020-01-01Z' + n * interval '1 minute',"
        " 'created_at', timestamptz '2020-01-01Z' + n * interval '1 minute'"
    ),
    "decisions": (
        "'execution_id', n, 'instrument_id', 1 + n % 500, 'symbol', 'S' || 1 + n % 500,"
        " 'session_on', date '2000-01-01' + n / 20,"
        " 'run_no', CASE n % 10000 WHEN 0 THEN 7 ELSE 1 END,"
        " 'scope', CASE n % 10000 WHEN 2 THEN 'question' ELSE 'instrument' END,"
        " 'provenance', CASE n % 10000 WHEN 2 THEN 'question' ELSE 'live' END,"
        " 'status', CASE n % 10000 WHEN 1 THEN 'cancelled' ELSE 'completed' END,"
        " 'created_at', timestamptz '2020-01-01Z' + n * interval '1 minute'"
    ),
    "market_snapshots": (
        "'execution_id', n, 'decision_id', n, 'instrument_id', 1 + n % 500,"
        " 'timeframe', CASE n % 10000 WHEN 0 THEN '1mo' ELSE '1d' END,"
        " 'fetched_at', timestamptz '2020-01-01Z' + n * interval '1 minute'"
    ),
    "market_vintages": (
        "'instrument_id', 1 + n % 500,"
        " 'fetched_at', timestamptz '2020-01-01Z' + n * interval '1 minute'"
    ),
    "charts": (
        "'execution_id', n, 'decision_id', n, 'snapshot_id', n, 'symbol', 'S' || 1 + n % 500,"
        " 'chart_type', CASE n % 10000 WHEN 0 THEN 'monthly' ELSE 'daily' END,"
        " 'timeframe', CASE n % 10000 WHEN 0 THEN '1mo' ELSE '1d' END,"
        " 'status', CASE n % 10000 WHEN 1 THEN 'archived' ELSE 'active' END,"
        " 'generated_at', timestamptz '2020-01-01Z' + n * interval '1 minute'"
    ),
    "llm_analyses": (
        "'execution_id', n, 'decision_id', n, 'chart_id', n, 'strategy_id', 1 + n % 500,"
        " 'symbol', 'S' || 1 + n % 500,"
        " 'timeframe', CASE n % 10000 WHEN 0 THEN '1mo' ELSE '1d' END,"
        " 'role', CASE n % 10000 WHEN 1 THEN 'shadow' ELSE 'deciding' END,"
        " 'analyst', CASE n % 10000 WHEN 2 THEN 'rare' ELSE 'common' END,"
        " 'analyzed_at', timestamptz '2020-01-01Z' + n * interval '1 minute'"
    ),
    "analysis_charts": ("'execution_id', n, 'decision_id', n, 'analysis_id', n, 'chart_id', n"),
    "trading_signals": (
        "'execution_id', n, 'decision_id', n, 'chart_id', n, 'llm_analysis_id', n,"
        " 'strategy_id', 1 + n % 500, 'symbol', 'S' || 1 + n % 500,"
        " 'timeframe_primary', CASE n % 10000 WHEN 0 THEN '1mo' ELSE '1d' END,"
        " 'role', CASE n % 10000 WHEN 1 THEN 'shadow' ELSE 'deciding' END,"
        " 'signal_type', CASE n % 10000 WHEN 2 THEN 'SELL' ELSE 'BUY' END,"
        " 'stop_loss', CASE n % 10000 WHEN 2 THEN 110 ELSE 95 END,"
        " 'target_price', CASE n % 10000 WHEN 2 THEN 90 ELSE 110 END,"
        " 'generated_at', timestamptz '2020-01-01Z' + n * interval '1 minute'"
    ),
    "decision_inputs": (
        "'execution_id', n, 'decision_id', n,"
        " 'external_id', '0192f0c1-2b3c-7d4e-8f51-' || lpad(to_hex(n), 12, '0'),"
        " 'kind', CASE n % 10000 WHEN 0 THEN 'other' ELSE 'news' END,"
        " 'logged_at', timestamptz '2020-01-01Z' + n * interval '1 minute'"
    ),
    "order_events": (
        "'execution_id', n, 'decision_id', n, 'signal_id', n, 'client_order_id', 'c' || n,"
        " 'external_id', '0192f0c1-2b3c-7d4e-8f52-' || lpad(to_hex(n), 12, '0'),"
        " 'status', CASE n % 10000 WHEN 0 THEN 'rejected' ELSE 'filled' END,"
        " 'happened_at', timestamptz '2020-01-01Z' + n * interval '1 minute'"
    ),
    "notes": (
        "'execution_id', n, 'decision_id', n, 'signal_id', n,"
        " 'external_id', '0192f0c1-2b3c-7d4e-8f53-' || lpad(to_hex(n), 12, '0'),"
        " 'kind', CASE n % 10000 WHEN 0 THEN 'incident' ELSE 'comment' END,"
        " 'at', timestamptz '2020-01-01Z' + n * interval '1 minute'"
    ),
}


def load_many(connection: Connection, count: int) -> None:
    """Insert so many rows, as a superuser: no trigger looks at them, and no key is checked."""
    connection.execute(text("SET session_replication_role = replica"))
    rows = Rows(connection)
    rows.add_ground()
    for name in [table for table in _COLUMNS if table not in rows.last]:
        made = MADE_AT.get(name)
        rows.add(name, **({made: FIRST} if made else {}))
    for table, columns in _COLUMNS.items():
        last = GROUND if table in {"instruments", "strategies"} else count
        connection.execute(
            text(
                f"INSERT INTO tapetrail.{table} OVERRIDING SYSTEM VALUE"  # noqa: S608 # text of this module
                f" SELECT made.* FROM tapetrail.{table} t, generate_series(2, {last}) n,"
                f" LATERAL jsonb_populate_record(t, jsonb_build_object('id', n, {columns})) made"
                " WHERE t.id = 1"
            )
        )
    connection.execute(text("ANALYZE"))
