"""What is traded and by which rules, what ran when, and how it ended."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped

from tapetrail.core.errors import Stage
from tapetrail.core.records import DecisionStatus, ExecutionStatus, Provenance, RunType
from tapetrail.store.tables_base import (
    FROM_OUTSIDE,
    Base,
    CachedInstant,
    CachedText,
    DerivedText,
    DigestText,
    Id,
    JsonObject,
    PendingText,
    RecordRow,
    check,
    digest_form,
    one_of,
    record_args,
    refers,
)


class InstrumentRow(RecordRow):
    """What is traded. `conid` is null where no broker gave one: files and samples have none."""

    __tablename__ = "instruments"
    __table_args__ = record_args(
        UniqueConstraint("symbol", "exchange", "currency"),
        UniqueConstraint("id", "symbol"),  # so that a decision's symbol is its instrument's
        Index(None, "conid"),
        check("conid_positive", "conid > 0"),
        check("tick_size_positive", "tick_size > 0"),
        check("multiplier_positive", "multiplier > 0"),
    )

    symbol: Mapped[str]
    exchange: Mapped[str]
    currency: Mapped[str]
    conid: Mapped[int | None]
    asset_class: Mapped[str]
    tick_size: Mapped[Decimal | None]
    multiplier: Mapped[Decimal]
    calendar: Mapped[str]


class StrategyRow(RecordRow):
    """One version of a strategy."""

    __tablename__ = "strategies"
    __table_args__ = record_args(
        UniqueConstraint("name", "version"),
        check("version_positive", "version >= 1"),
        digests=["spec_digest"],
    )

    name: Mapped[str]
    version: Mapped[int]
    kind: Mapped[str]
    spec: Mapped[JsonObject]
    # Over the spec in this row, not over stored bytes: no blob carries it.
    spec_digest: Mapped[DigestText]


class PromptTemplateRow(RecordRow):
    """One version of a prompt."""

    __tablename__ = "prompt_templates"
    __table_args__ = record_args(
        UniqueConstraint("name", "version"),
        check("version_positive", "version >= 1"),
        digests=["body_digest"],
    )

    name: Mapped[str]
    version: Mapped[int]
    body: Mapped[str]
    body_digest: Mapped[DigestText]


class RuntimeRow(RecordRow):
    """What ran. A row carries no time, so the same runtime is the same row wherever it runs."""

    __tablename__ = "runtimes"
    __table_args__ = record_args(UniqueConstraint("record_digest"), digests=["lock_digest"])

    code_version: Mapped[str]
    # Of the lock file that the release carries; null where none was found.
    lock_digest: Mapped[DigestText | None]
    libraries: Mapped[JsonObject]
    renderer: Mapped[str]
    python_version: Mapped[str]
    platform: Mapped[str]


class BlobRow(Base):
    """One stored object. It has no record digest: its digest is that of the bytes themselves."""

    __tablename__ = "blobs"
    __table_args__ = (
        UniqueConstraint("digest"),
        UniqueConstraint("key"),
        digest_form("digest"),
        check("size_not_negative", "size >= 0"),
    )

    id: Mapped[Id]
    digest: Mapped[DigestText]
    key: Mapped[str]
    size: Mapped[int]
    media_type: Mapped[str]
    first_seen_at: Mapped[datetime]


class ExecutionRow(RecordRow):
    """One run of a strategy."""

    __tablename__ = "workflow_executions"
    __table_args__ = record_args(
        refers("strategies", "strategy_id"),
        refers("runtimes", "runtime_id"),
        UniqueConstraint("workflow_id"),
        UniqueConstraint("id", "strategy_id"),  # so that analyses and signals name the same one
        Index(None, "strategy_id"),
        Index(None, "runtime_id"),
        Index(
            "ix_workflow_executions_open",
            "id",
            postgresql_where=text("status IN ('pending', 'running')"),
        ),
        one_of("run_type", RunType),
        one_of("provenance", Provenance),
        one_of("status", ExecutionStatus),
        check("replay", "(run_type = 'replay') = (provenance = 'replay')"),
        check("external", "provenance <> 'external' OR run_type = 'external'"),
        check("strategy", f"strategy_id IS NOT NULL OR {FROM_OUTSIDE}"),
        check("runtime", f"runtime_id IS NOT NULL OR {FROM_OUTSIDE}"),
        check("workflow", f"workflow_id IS NOT NULL OR {FROM_OUTSIDE}"),
        check("clock", "clock_offset_ms IS NULL OR clock_source IS NOT NULL"),
        check("started", "status <> 'running' OR started_at IS NOT NULL"),
        check("ended", "(status IN ('pending', 'running')) = (completed_at IS NULL)"),
        check("error_when_failed", "status <> 'failed' OR error IS NOT NULL"),
        check("no_error_when_completed", "status <> 'completed' OR error IS NULL"),
    )

    strategy_id: Mapped[int | None]
    runtime_id: Mapped[int | None]
    workflow_id: Mapped[str | None]
    run_type: Mapped[str]
    provenance: Mapped[str]
    as_of: Mapped[datetime]
    debug_mode: Mapped[bool]
    actor: Mapped[str]
    config: Mapped[JsonObject]
    created_at: Mapped[datetime]
    # How far the host's clock was from its source; null where the host would not say.
    clock_offset_ms: Mapped[Decimal | None]
    clock_source: Mapped[str | None]
    status: Mapped[PendingText]
    started_at: Mapped[CachedInstant | None]
    completed_at: Mapped[CachedInstant | None]
    error: Mapped[CachedText | None]


class DecisionRow(RecordRow):
    """One instrument's pass through an execution."""

    __tablename__ = "decisions"
    __table_args__ = record_args(
        refers("workflow_executions", "execution_id"),
        refers("instruments", "instrument_id, symbol", to="id, symbol"),
        refers("decisions", "replay_of"),
        UniqueConstraint("execution_id", "instrument_id"),
        UniqueConstraint("id", "execution_id"),
        Index(None, "instrument_id", "as_of"),
        Index(None, "replay_of", postgresql_where=text("replay_of IS NOT NULL")),
        Index("ix_decisions_symbol_id", "symbol", text("id DESC")),
        one_of("provenance", Provenance),
        one_of("status", DecisionStatus),
        one_of("failed_stage", Stage),
        # The list of kinds is closed in the code, where it grows without a migration.
        check("error_kind_form", "error_kind ~ '^[a-z][a-z0-9_]*$'"),
        check("run_no_positive", "run_no >= 1"),
        check("conid_positive", "conid > 0"),
        check("replay", "(provenance = 'replay') = (replay_of IS NOT NULL)"),
        check(
            "failure",
            "num_nonnulls(failed_stage, error_kind, error_message)"
            " = CASE status WHEN 'failed' THEN 3 ELSE 0 END",
        ),
    )

    execution_id: Mapped[int]
    instrument_id: Mapped[int]
    symbol: Mapped[str]
    conid: Mapped[int | None]
    as_of: Mapped[datetime]
    run_no: Mapped[int]
    replay_of: Mapped[int | None]
    created_at: Mapped[datetime]
    provenance: Mapped[DerivedText]
    status: Mapped[PendingText]
    failed_stage: Mapped[CachedText | None]
    error_kind: Mapped[CachedText | None]
    error_message: Mapped[CachedText | None]


class ExecutionEventRow(RecordRow):
    """A change of an execution's status; `from_status` is null in the event that opens it."""

    __tablename__ = "execution_events"
    __table_args__ = record_args(
        refers("workflow_executions", "execution_id"),
        Index(None, "execution_id", "id"),
        Index(
            "uq_execution_events_opening",
            "execution_id",
            unique=True,
            postgresql_where=text("from_status IS NULL"),
        ),
        one_of("from_status", ExecutionStatus),
        one_of("to_status", ExecutionStatus),
        check("opening", "from_status IS NOT NULL OR to_status = 'pending'"),
        check("error_when_failed", "to_status <> 'failed' OR error IS NOT NULL"),
    )

    execution_id: Mapped[int]
    at: Mapped[datetime]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    actor: Mapped[str]
    reason: Mapped[str]
    error: Mapped[str | None]


class DecisionEventRow(RecordRow):
    """A change of a decision's status; a failure names its stage, kind and message."""

    __tablename__ = "decision_events"
    __table_args__ = record_args(
        refers("decisions", "decision_id"),
        Index(None, "decision_id", "id"),
        Index(
            "uq_decision_events_opening",
            "decision_id",
            unique=True,
            postgresql_where=text("from_status IS NULL"),
        ),
        one_of("from_status", DecisionStatus),
        one_of("to_status", DecisionStatus),
        one_of("failed_stage", Stage),
        check("opening", "from_status IS NOT NULL OR to_status = 'pending'"),
        check("error_kind_form", "error_kind ~ '^[a-z][a-z0-9_]*$'"),
        check(
            "failure",
            "num_nonnulls(failed_stage, error_kind, error_message)"
            " = CASE to_status WHEN 'failed' THEN 3 ELSE 0 END",
        ),
    )

    decision_id: Mapped[int]
    at: Mapped[datetime]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    actor: Mapped[str]
    reason: Mapped[str]
    failed_stage: Mapped[str | None]
    error_kind: Mapped[str | None]
    error_message: Mapped[str | None]


class SealRow(RecordRow):
    """The end of a decision: one digest over everything that was recorded of it."""

    __tablename__ = "decision_seals"
    __table_args__ = record_args(
        refers("decisions", "decision_id"),
        UniqueConstraint("decision_id"),
        digests=["seal_digest"],
    )

    decision_id: Mapped[int]
    seal_digest: Mapped[DigestText]
    sealed_at: Mapped[datetime]


class AuditRow(RecordRow):
    """Who read, exported, archived, or changed keys or settings."""

    __tablename__ = "audit_events"
    __table_args__ = record_args(Index(None, "at"), Index(None, "target", "id"))

    actor: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]
    at: Mapped[datetime]
