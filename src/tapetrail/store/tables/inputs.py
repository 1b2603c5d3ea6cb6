"""What else an agent read, and which answer read what."""

from typing import Final

from sqlalchemy import Index, UniqueConstraint, text

from tapetrail.core.records.inputs import AnalysisInputRecord, InputRecord, SignalInputRecord
from tapetrail.store.tables.base import (
    check,
    external_id,
    names_blobs,
    of_decision,
    record_table,
    refers,
)

_WITHIN: Final = "id, execution_id"
"""What is read may belong to another decision, and never to another run."""

record_table(
    [InputRecord],
    of_decision(),
    *external_id("decision_inputs", is_derived=False),
    UniqueConstraint("id", "execution_id"),
    Index(None, "decision_id", "id"),
    Index(None, "execution_id", "id"),
    Index("ix_decision_inputs_kind_id", "kind", text("id DESC")),
    Index(None, "logged_at"),
    *names_blobs("content_digest"),
)


record_table(
    [AnalysisInputRecord],
    of_decision(),
    refers("llm_analyses", "analysis_id, decision_id", to="id, decision_id"),
    refers("llm_analyses", "read_analysis_id, execution_id", to=_WITHIN),
    refers("decision_inputs", "read_input_id, execution_id", to=_WITHIN),
    Index(
        "uq_analysis_inputs_read",
        "analysis_id",
        "read_analysis_id",
        "read_input_id",
        unique=True,
        postgresql_nulls_not_distinct=True,
    ),
    Index(None, "decision_id"),
    Index(None, "execution_id"),
    Index(None, "read_analysis_id", postgresql_where=text("read_analysis_id IS NOT NULL")),
    Index(None, "read_input_id", postgresql_where=text("read_input_id IS NOT NULL")),
    check("one_read", "num_nonnulls(read_analysis_id, read_input_id) = 1"),
    check("reads_another", "read_analysis_id <> analysis_id"),
)


record_table(
    [SignalInputRecord],
    of_decision(),
    refers("trading_signals", "signal_id, decision_id", to="id, decision_id"),
    refers("llm_analyses", "read_analysis_id, execution_id", to=_WITHIN),
    refers("decision_inputs", "read_input_id, execution_id", to=_WITHIN),
    refers("charts", "read_chart_id, execution_id", to=_WITHIN),
    Index(
        "uq_signal_inputs_read",
        "signal_id",
        "read_analysis_id",
        "read_input_id",
        "read_chart_id",
        unique=True,
        postgresql_nulls_not_distinct=True,
    ),
    Index(None, "decision_id"),
    Index(None, "execution_id"),
    Index(None, "read_analysis_id", postgresql_where=text("read_analysis_id IS NOT NULL")),
    Index(None, "read_input_id", postgresql_where=text("read_input_id IS NOT NULL")),
    Index(None, "read_chart_id", postgresql_where=text("read_chart_id IS NOT NULL")),
    check("one_read", "num_nonnulls(read_analysis_id, read_input_id, read_chart_id) = 1"),
)
