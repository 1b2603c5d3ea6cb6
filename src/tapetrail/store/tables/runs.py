"""What is traded and by which rules, what ran when, and how it ended."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Table, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TIMESTAMP

from tapetrail.core.errors import Stage
from tapetrail.core.records.answers import PromptTemplateRecord
from tapetrail.core.records.external import (
    ExternalDecisionRecord,
    ExternalExecutionRecord,
    ExternalInstrumentRecord,
)
from tapetrail.core.records.runs import (
    AuditRecord,
    DecisionEventRecord,
    DecisionRecord,
    ExecutionEventRecord,
    ExecutionRecord,
    InstrumentFactRecord,
    InstrumentRecord,
    RuntimeRecord,
    StrategyRecord,
)
from tapetrail.core.records.seals import ExecutionSealRecord, SealRecord
from tapetrail.core.records.states import DecisionStatus, ExecutionStatus
from tapetrail.store.tables.base import (
    FROM_OUTSIDE,
    cached,
    check,
    digest_form,
    digest_type,
    external_id,
    identity,
    kind_form,
    metadata,
    one_of,
    provenance,
    record_table,
    refers,
)

_COMPLETE: Final = "num_nulls(exchange, currency, calendar, asset_class, multiplier) = 0"

record_table(
    [InstrumentRecord, ExternalInstrumentRecord],
    # What others call by less than we know of ours is an instrument of its own.
    Index(
        "uq_instruments_complete",
        "symbol",
        "exchange",
        "currency",
        unique=True,
        postgresql_where=text(_COMPLETE),
    ),
    Index(
        "uq_instruments_incomplete",
        "symbol",
        "exchange",
        "currency",
        "asset_class",
        "calendar",
        unique=True,
        postgresql_where=text(f"NOT ({_COMPLETE})"),
        postgresql_nulls_not_distinct=True,
    ),
    UniqueConstraint("id", "symbol"),  # so that a decision's symbol is its instrument's
    Index(None, "conid"),
    check("conid_positive", "conid > 0"),
    check("tick_size_positive", "tick_size > 0"),
    check("multiplier_positive", "multiplier > 0"),
)


record_table(
    [InstrumentFactRecord],
    refers("instruments", "instrument_id"),
    UniqueConstraint("instrument_id", "field"),  # what was learnt stands: another value is refused
    check("conid_form", "field <> 'conid' OR value ~ '^[1-9][0-9]{0,17}$'"),
)


record_table(
    [StrategyRecord],
    UniqueConstraint("name", "version"),
    check("version_positive", "version >= 1"),
)


record_table(
    [PromptTemplateRecord],
    UniqueConstraint("name", "version"),
    check("version_positive", "version >= 1"),
)


record_table(
    [RuntimeRecord],
    UniqueConstraint("record_digest"),
)


# A stored object has no record digest: its digest is that of the bytes themselves.
Table(
    "blobs",
    metadata,
    identity(),
    Column("digest", digest_type(), nullable=False),
    Column("key", Text(), nullable=False),
    Column("size", BigInteger(), nullable=False),
    Column("media_type", Text(), nullable=False),
    Column("first_seen_at", TIMESTAMP(timezone=True), nullable=False),
    UniqueConstraint("digest"),
    UniqueConstraint("key"),
    digest_form("digest"),
    check("size_not_negative", "size >= 0"),
)


record_table(
    [ExecutionRecord, ExternalExecutionRecord],
    cached("status", Text(), server_default="pending"),
    cached("started_at", TIMESTAMP(timezone=True)),
    cached("completed_at", TIMESTAMP(timezone=True)),
    cached("error", Text()),
    refers("strategies", "strategy_id"),
    refers("runtimes", "runtime_id"),
    UniqueConstraint("workflow_id"),
    UniqueConstraint("id", "strategy_id"),  # so that analyses and signals name the same one
    Index(None, "strategy_id"),
    Index(None, "runtime_id"),
    Index(
        "ix_workflow_executions_open",
        "id",
        postgresql_where=text("status IN ('pending', 'running', 'stopped')"),
    ),
    Index("ix_workflow_executions_status_id", "status", text("id DESC")),
    Index(None, "created_at"),
    one_of("status", ExecutionStatus),
    check("replay", "(run_type = 'replay') = (provenance = 'replay')"),
    check("external", "provenance <> 'external' OR run_type = 'external'"),
    *external_id("workflow_executions"),
    # A program finds its run again by its own name for it.
    Index(
        "uq_workflow_executions_key",
        "agent",
        "execution_key",
        unique=True,
        postgresql_where=text("execution_key IS NOT NULL"),
        postgresql_nulls_not_distinct=True,
    ),
    check("mode", "(mode IS NOT NULL) = (provenance = 'external')"),
    check("key_from_outside", f"execution_key IS NULL OR {FROM_OUTSIDE}"),
    check("strategy", f"strategy_id IS NOT NULL OR {FROM_OUTSIDE}"),
    check("runtime", f"runtime_id IS NOT NULL OR {FROM_OUTSIDE}"),
    check("workflow", f"workflow_id IS NOT NULL OR {FROM_OUTSIDE}"),
    check("clock", "clock_offset_ms IS NULL OR clock_source IS NOT NULL"),
    check("started", "status NOT IN ('running', 'stopped') OR started_at IS NOT NULL"),
    check("ended", "(status IN ('pending', 'running', 'stopped')) = (completed_at IS NULL)"),
    check("error_when_failed", "status <> 'failed' OR error IS NOT NULL"),
    check("no_error_when_completed", "status <> 'completed' OR error IS NULL"),
)


record_table(
    [DecisionRecord, ExternalDecisionRecord],
    *provenance(),
    cached("status", Text(), server_default="pending"),
    cached("failed_stage", Text()),
    cached("error_kind", Text()),
    cached("error_message", Text()),
    refers("workflow_executions", "execution_id"),
    refers("instruments", "instrument_id, symbol", to="id, symbol"),
    refers("decisions", "replay_of"),
    refers("decisions", "portfolio_id, execution_id", to="id, execution_id"),
    *external_id("decisions"),
    Index(None, "execution_id"),
    Index(
        "uq_decisions_own",
        "execution_id",
        "instrument_id",
        unique=True,
        postgresql_where=text("external_id IS NULL"),
    ),
    Index(
        "uq_decisions_key",
        "execution_id",
        "scope",
        "instrument_id",
        "decision_key",
        unique=True,
        postgresql_where=text("decision_key IS NOT NULL"),
        postgresql_nulls_not_distinct=True,
    ),
    Index(None, "portfolio_id", postgresql_where=text("portfolio_id IS NOT NULL")),
    UniqueConstraint("id", "execution_id"),
    Index(None, "instrument_id", "as_of"),
    Index(None, "replay_of", postgresql_where=text("replay_of IS NOT NULL")),
    Index("ix_decisions_symbol_id", "symbol", text("id DESC")),
    Index("ix_decisions_session_on_id", "session_on", text("id DESC")),
    Index("ix_decisions_as_of", "as_of", postgresql_where=text("session_on IS NULL")),
    Index("ix_decisions_status_id", "status", text("id DESC")),
    Index("ix_decisions_scope_id", "scope", text("id DESC")),
    Index("ix_decisions_run_no_id", "run_no", text("id DESC")),
    Index(None, "created_at"),
    one_of("status", DecisionStatus),
    one_of("failed_stage", Stage),
    kind_form("error_kind"),
    check("run_no_positive", "run_no >= 1"),
    check("conid_positive", "conid > 0"),
    check("replay", "(provenance = 'replay') = (replay_of IS NOT NULL)"),
    check("key_from_outside", f"decision_key IS NULL OR {FROM_OUTSIDE}"),
    check(
        "portfolio_has_no_instrument",
        "num_nulls(instrument_id, symbol)"
        " = CASE WHEN scope IS NOT DISTINCT FROM 'portfolio' THEN 2 ELSE 0 END",
    ),
    check("portfolio", f"scope IS DISTINCT FROM 'portfolio' OR {FROM_OUTSIDE}"),
    check(
        "book_of_portfolio",
        "portfolio_id IS NULL OR scope IS NOT DISTINCT FROM 'instrument' AND portfolio_id <> id",
    ),
    check("question", "(provenance = 'question') = (scope IS NOT DISTINCT FROM 'question')"),
    check(
        "failure",
        "num_nonnulls(failed_stage, error_kind, error_message)"
        " = CASE status WHEN 'failed' THEN 3 ELSE 0 END",
    ),
)


record_table(
    [ExecutionEventRecord],
    refers("workflow_executions", "execution_id"),
    Index(None, "execution_id", "id"),
    Index(
        "uq_execution_events_opening",
        "execution_id",
        unique=True,
        postgresql_where=text("from_status IS NULL"),
    ),
    check("opening", "from_status IS NOT NULL OR to_status = 'pending'"),
    check("error_when_failed", "to_status <> 'failed' OR error IS NOT NULL"),
)


record_table(
    [DecisionEventRecord],
    refers("decisions", "decision_id"),
    Index(None, "decision_id", "id"),
    Index(
        "uq_decision_events_opening",
        "decision_id",
        unique=True,
        postgresql_where=text("from_status IS NULL"),
    ),
    check("opening", "from_status IS NOT NULL OR to_status = 'pending'"),
    check(
        "failure",
        "num_nonnulls(failed_stage, error_kind, error_message)"
        " = CASE to_status WHEN 'failed' THEN 3 ELSE 0 END",
    ),
)


record_table(
    [SealRecord],
    refers("decisions", "decision_id"),
    refers("runtimes", "runtime_id"),
    UniqueConstraint("decision_id"),
    Index(None, "runtime_id"),
)


record_table(
    [ExecutionSealRecord],
    refers("workflow_executions", "execution_id"),
    refers("runtimes", "runtime_id"),
    UniqueConstraint("execution_id"),
    Index(None, "runtime_id"),
)


record_table(
    [AuditRecord],
    Index(None, "at"),
    Index(None, "target", "id"),
)
