"""A valid row of every table, as plain columns, and what the server says to others."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import DBAPIError

from tapetrail.store.connections import Connection as DriverConnection
from tapetrail.store.tables.schema import metadata

WORK: Final = (
    "api_key_uses",
    "budget_counts",
    "budget_reservations",
    "provider_flow",
    "recording_leases",
)
"""Tables of work in hand: their rows change, and are no records."""
NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
FRIDAY: Final = date(2026, 11, 20)
DIGEST: Final = "sha256:" + "0123456789abcdef" * 4
EVIDENCE: Final = (
    "market_snapshots",
    "second_opinions",
    "charts",
    "llm_analyses",
    "analysis_charts",
    "llm_attempts",
    "llm_replies",
    "trading_signals",
)
"""What a running decision of our own fills."""
EXTERNAL_ID: Final = "0192f0c1-2b3c-7d4e-8f50-617283940000"
ANOTHER_ID: Final = "0192f0c1-2b3c-7d4e-8f50-617283940001"
"""What senders call rows of theirs."""
ADDED: Final = (
    "market_snapshots",
    "charts",
    "llm_analyses",
    "analysis_charts",
    "llm_attempts",
    "llm_replies",
    "decision_inputs",
    "analysis_inputs",
    "trading_signals",
    "signal_inputs",
)
"""What a running decision of others fills."""

Columns = Mapping[str, object]

OUTSIDE: Final[Columns] = {
    "run_type": "external",
    "provenance": "external",
    "mode": "live",
    "external_id": EXTERNAL_ID,
}
_NAMED: Final[Columns] = {"execution_id": 1, "decision_id": 1}
_QUESTION: Final[Columns] = {"question": "chart:1d", "analyst": "openai:a-model", "sample_no": 1}
_EVENT: Final[Columns] = {"at": NOON, "actor": "tests", "reason": "the test says so"}

VALID: Final[Mapping[str, Columns]] = {
    "instruments": {
        "symbol": "AAPL",
        "exchange": "XNAS",
        "currency": "USD",
        "asset_class": "equity",
        "multiplier": 1,
        "calendar": "XNAS",
    },
    "strategies": {
        "name": "swing",
        "version": 1,
        "kind": "declared",
        "spec": {},
        "spec_digest": DIGEST,
    },
    "prompt_templates": {"name": "chart", "version": 1, "body": "?", "body_digest": DIGEST},
    "runtimes": {
        "code_version": "1",
        "libraries": {},
        "renderer": "none",
        "python_version": "3.11",
        "platform": "tests",
    },
    "blobs": {
        "digest": DIGEST,
        "key": "objects/01/23",
        "size": 1,
        "media_type": "text/plain",
        "first_seen_at": NOON,
    },
    "workflow_executions": {
        "strategy_id": 1,
        "runtime_id": 1,
        "workflow_id": "run-1",
        "run_type": "manual",
        "provenance": "live",
        "as_of": NOON,
        "debug_mode": False,
        "actor": "tests",
        "config": {},
        "created_at": NOON,
    },
    "decisions": {
        "execution_id": 1,
        "instrument_id": 1,
        "symbol": "AAPL",
        "as_of": NOON,
        "run_no": 1,
        "created_at": NOON,
        "provenance": "live",
    },
    "execution_events": {
        **_EVENT,
        "execution_id": 1,
        "from_status": "pending",
        "to_status": "running",
    },
    "decision_events": {
        **_EVENT,
        "decision_id": 1,
        "from_status": "pending",
        "to_status": "running",
    },
    "decision_seals": {"decision_id": 1, "seal_digest": DIGEST, "sealed_at": NOON},
    "execution_seals": {
        "execution_id": 1,
        "runtime_id": 1,
        "seal_digest": DIGEST,
        "seal_document": {},
        "sealed_at": NOON,
    },
    "instrument_facts": {
        "instrument_id": 1,
        "field": "conid",
        "value": "265598",
        "source": "tests",
        "at": NOON,
    },
    "market_vintages": {
        "instrument_id": 1,
        "source": "binance",
        "timeframe": "1d",
        "parameters": {},
        "first_on": FRIDAY,
        "last_on": FRIDAY,
        "raw_digest": DIGEST,
        "session_first": FRIDAY,
        "session_last": FRIDAY,
        "bar_count": 1,
        "adjustment": "raw",
        "quoted_in": "USDT",
        "actor": "tests",
        "fetched_at": NOON,
    },
    "second_opinions": {
        **_NAMED,
        "source": "yahoo",
        "symbol": "AAPL",
        "raw_digest": DIGEST,
        "adjustment": "split",
        "quoted_in": "USD",
        "fetched_at": NOON,
        "from_cache": False,
        "first_on": FRIDAY,
        "last_on": FRIDAY,
        "compared": 1,
        "differing": 0,
        "max_difference_pct": Decimal("0.25"),
        "max_difference_on": FRIDAY,
        "missing_here": [],
        "missing_there": [],
        "limit_pct": Decimal("0.5"),
        "verdict": "agrees",
    },
    "audit_events": {"actor": "tests", "action": "read", "target": "chart 1", "at": NOON},
    "api_keys": {
        "key_name": "0123456789ab",
        "label": "a dashboard",
        "secret_digest": DIGEST,
        "scopes": ["read"],
        "created_at": NOON,
        "actor": "tests",
    },
    "api_key_ends": {"api_key_id": 1, "at": NOON, "actor": "tests"},
    "market_snapshots": {
        **_NAMED,
        "instrument_id": 1,
        "source": "sample",
        "timeframe": "1d",
        "adjustment": "split",
        "session": "rth",
        "session_first": FRIDAY,
        "session_last": FRIDAY,
        "bar_count": 1,
        "bars_digest": DIGEST,
        "raw_digest": DIGEST,
        "calendar": "XNAS",
        "currency": "USD",
        "volume_unit": "shares",
        "price_factor": 1,
        "dropped_rows": 0,
        "gaps": [],
        "last_bar_complete": True,
        "adjusted_with_hindsight": False,
        "from_cache": False,
        "fetched_at": NOON,
        "available_at": NOON,
    },
    "charts": {
        **_NAMED,
        "snapshot_id": 1,
        "symbol": "AAPL",
        "timeframe": "1d",
        "chart_type": "daily",
        "chart_style": "standard/1",
        "origin": "drawn",
        "chart_url_jpeg": "file:charts/a.jpg",
        "image_media_type": "image/jpeg",
        "minio_object_key": "charts/a.jpg",
        "jpeg_digest": DIGEST,
        "spec_digest": DIGEST,
        "indicators_applied": {},
        "missing_indicators": [],
        "data_points": 1,
        "start_date": FRIDAY,
        "end_date": FRIDAY,
        "price_current": 100,
        "renderer": "tests",
        "generated_at": NOON,
        "provenance": "live",
    },
    "chart_archivals": {
        **_EVENT,
        "chart_id": 1,
        "from_status": "active",
        "to_status": "archived",
    },
    "llm_analyses": {
        **_NAMED,
        **_QUESTION,
        "chart_id": 1,
        "strategy_id": 1,
        "symbol": "AAPL",
        "timeframe": "1d",
        "kind": "chart",
        "role": "deciding",
        "prompt_text": "?",
        "prompt_template_id": 1,
        "response_text": "!",
        "provider": "openai",
        "model_name": "a-model",
        "params": {},
        "status": "completed",
        "requested_at": NOON,
        "analyzed_at": NOON,
        "provenance": "live",
    },
    "analysis_charts": {**_NAMED, "analysis_id": 1, "chart_id": 1, "image_digest": DIGEST},
    "llm_attempts": {
        **_QUESTION,
        "decision_id": 1,
        "attempt_no": 1,
        "provider": "openai",
        "model_name": "a-model",
        "request_digest": DIGEST,
        "sent_at": NOON,
    },
    "llm_replies": {
        "attempt_id": 1,
        "decision_id": 1,
        "response_digest": DIGEST,
        "received_at": NOON,
    },
    "trading_signals": {
        **_NAMED,
        "chart_id": 1,
        "llm_analysis_id": 1,
        "strategy_id": 1,
        "symbol": "AAPL",
        "role": "deciding",
        "signal_type": "BUY",
        "confidence": Decimal("0.6"),
        "trend": "bullish",
        "entry_type": "market",
        "entry_price": 100,
        "stop_loss": 95,
        "target_price": 110,
        "risk_reward_ratio": 2,
        "horizon_bars": 20,
        "timeframe_primary": "1d",
        "timeframe_confirmation": "1w,1mo",
        "reasoning": "because",
        "strategy_metadata": {},
        "levels_valid": True,
        "decided_at": NOON,
        "generated_at": NOON,
        "provenance": "live",
    },
    "decision_inputs": {
        **_NAMED,
        "kind": "news",
        "media_type": "text/plain",
        "content_digest": DIGEST,
        "logged_at": NOON,
        "external_id": EXTERNAL_ID,
    },
    "analysis_inputs": {**_NAMED, "analysis_id": 1, "read_input_id": 1},
    "signal_inputs": {**_NAMED, "signal_id": 1, "read_input_id": 1},
    "order_events": {
        **_NAMED,
        "signal_id": 1,
        "broker": "ibkr",
        "order_mode": "paper",
        "client_order_id": "tt0123456789abc",
        "status": "new",
        "side": "buy",
        "quantity": 10,
        "happened_at": NOON,
        "logged_at": NOON,
        "actor": "tests",
        "external_id": EXTERNAL_ID,
    },
    "notes": {
        **_NAMED,
        "signal_id": 1,
        "kind": "comment",
        "text": "agreed",
        "actor": "tests",
        "at": NOON,
        "external_id": EXTERNAL_ID,
    },
    "signal_outcomes": {
        "signal_id": 1,
        "runtime_id": 1,
        "rule": "barriers/1",
        "cost_bp": 5,
        "bars_digest": DIGEST,
        "state": "win",
        "ambiguous": False,
        "fill_price": 100,
        "filled_on": FRIDAY,
        "exit_price": 110,
        "exited_on": FRIDAY,
        "bars_held": 1,
        "scored_at": NOON,
    },
    "analysis_outcomes": {
        "analysis_id": 1,
        "runtime_id": 1,
        "rule": "trend/1",
        "horizon_sessions": 5,
        "bars_digest": DIGEST,
        "state": "scored",
        "trend_direction": "bullish",
        "forward_return_pct": 1,
        "trend_held": True,
        "scored_at": NOON,
    },
}


class Rows:
    """Inserts valid rows, each referring to the last one inserted of the tables it names."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.last: dict[str, int] = {}

    def add(self, name: str, **changes: object) -> int:
        """Insert a valid row with these changes and return its id."""
        self.last[name] = insert_row(self.connection, name, {**self._references(name), **changes})
        return self.last[name]

    def add_ground(self) -> None:
        """Insert what every run stands on."""
        for name in ("instruments", "strategies", "prompt_templates", "runtimes", "blobs"):
            self.add(name)

    def add_decision(self, run: str = "run-1", **execution: object) -> int:
        """Insert an execution and its decision, and let the decision run."""
        self.add("workflow_executions", workflow_id=run, **execution)
        self.add("decisions", external_id=execution.get("external_id"))
        self.add("decision_events")
        return self.last["decisions"]

    def add_evidence(self) -> None:
        """Insert one row of each table that a running decision fills."""
        for name in EVIDENCE:
            self.add(name)

    def add_outside(self) -> None:
        """Insert a run of others with every table that its decision fills."""
        self.add_decision("run-x", **OUTSIDE)
        for name in ADDED:
            table = metadata.tables[f"tapetrail.{name}"]
            own = {"external_id": EXTERNAL_ID} if "external_id" in table.columns else {}
            said = {"action": "buy"} if name == "trading_signals" else {}
            self.add(name, **own, **said)

    def end_decision(self) -> None:
        """Complete and seal the decision."""
        self.add("decision_events", from_status="running", to_status="completed")
        self.add("decision_seals")

    def end_execution(self, from_status: str = "pending") -> None:
        """Complete and seal the execution, whose decisions have ended."""
        self.add("execution_events", from_status=from_status, to_status="completed")
        self.add("execution_seals")

    def _references(self, name: str) -> dict[str, object]:
        targets = {
            "api_key_id": "api_keys",
            "execution_id": "workflow_executions",
            "decision_id": "decisions",
            "instrument_id": "instruments",
            "strategy_id": "strategies",
            "runtime_id": "runtimes",
            "prompt_template_id": "prompt_templates",
            "snapshot_id": "market_snapshots",
            "chart_id": "charts",
            "analysis_id": "llm_analyses",
            "llm_analysis_id": "llm_analyses",
            "attempt_id": "llm_attempts",
            "signal_id": "trading_signals",
            "read_input_id": "decision_inputs",
        }
        return {
            column: self.last[targets[column]]
            for column in VALID[name]
            if targets.get(column) in self.last
        }


def driver(rows: Rows) -> DriverConnection:
    """Return the driver's connection, in the transaction in which the test adds rows."""
    found = rows.connection.connection.driver_connection
    assert isinstance(found, psycopg.Connection)
    return found  # pyright: ignore[reportUnknownVariableType] # it gives rows as tuples


def insert_row(connection: Connection, name: str, changes: Columns) -> int:
    """Insert a valid row with these changes and return its id."""
    table = metadata.tables[f"tapetrail.{name}"]
    values = {**VALID[name], **changes}
    if "record_digest" in table.columns:
        values = {"record_digest": DIGEST, **values}
    return connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one()


def refusal(connection: Connection, action: Callable[[], object]) -> errors.Error:
    """Return the server's refusal of `action`, and undo what led to it."""
    savepoint = connection.begin_nested()
    with pytest.raises(DBAPIError) as caught:
        action()
    savepoint.rollback()
    assert isinstance(caught.value.orig, errors.Error)
    return caught.value.orig


def statement_refused(connection: Connection, statement: str) -> errors.Error:
    return refusal(connection, lambda: connection.execute(text(statement)))


def row_refused(rows: Rows, name: str, **changes: object) -> errors.Error:
    return refusal(rows.connection, lambda: rows.add(name, **changes))


def values_of(rows: Rows, name: str, *columns: str) -> tuple[object, ...]:
    """Return these columns of the last row inserted into a table."""
    table = metadata.tables[f"tapetrail.{name}"]
    statement = table.select().where(table.c.id == rows.last[name])
    found = rows.connection.execute(
        statement.with_only_columns(*(table.c[column] for column in columns))
    )
    return tuple(found.one())
