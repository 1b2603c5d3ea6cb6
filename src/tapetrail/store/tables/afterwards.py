"""What came of a decision at a broker, and what people said of it."""

from sqlalchemy import Index, text

from tapetrail.core.records.afterwards import NoteRecord, OrderEventRecord
from tapetrail.store.tables.base import (
    check,
    external_id,
    names_blobs,
    of_decision,
    record_table,
    refers,
)

record_table(
    [OrderEventRecord],
    of_decision(),
    refers("trading_signals", "signal_id, decision_id", to="id, decision_id"),
    *external_id("order_events", is_derived=False),
    Index(None, "decision_id", "id"),
    Index(None, "execution_id", "id"),
    Index(None, "signal_id", postgresql_where=text("signal_id IS NOT NULL")),
    Index(None, "client_order_id"),
    Index("ix_order_events_status_id", "status", text("id DESC")),
    Index(None, "happened_at"),
    *names_blobs("raw_digest"),
    check("quantity_positive", "quantity > 0"),
    check("filled_not_negative", "filled >= 0"),
)


record_table(
    [NoteRecord],
    refers("workflow_executions", "execution_id"),
    of_decision(),
    refers("trading_signals", "signal_id, decision_id", to="id, decision_id"),
    *external_id("notes", is_derived=False),
    Index(None, "decision_id", "id"),
    Index(None, "execution_id", "id"),
    Index(None, "signal_id", postgresql_where=text("signal_id IS NOT NULL")),
    Index("ix_notes_kind_id", "kind", text("id DESC")),
    Index(None, "at"),
    check("signal_of_decision", "signal_id IS NULL OR decision_id IS NOT NULL"),
    check("text", "text <> ''"),
)
