"""What is traded and by which rules, what ran when, and how its status changed."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar, Final

from tapetrail.core.canonical import Digest
from tapetrail.core.failures import Failure
from tapetrail.core.market.instruments import Instrument
from tapetrail.core.records.base import JsonObject, Record, Stored
from tapetrail.core.records.states import (
    DecisionScope,
    DecisionStatus,
    ExecutionStatus,
    FactField,
    Provenance,
    RunType,
)

INSTRUMENTS: Final = "instruments"
"""The key of an execution's config under which its request stands, in order.

A list of `{"instrument": <record_digest>, "as_of": "...Z"}`. Executions of older releases lack it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentRecord(Record):
    """What is traded."""

    TABLE: ClassVar[str] = "instruments"
    instrument: Instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentFactRecord(Record):
    """What was learnt of an instrument after its row was written; `source` is who said it."""

    TABLE: ClassVar[str] = "instrument_facts"
    instrument: Stored
    field: FactField
    value: str
    source: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyRecord(Record):
    """One version of a strategy."""

    TABLE: ClassVar[str] = "strategies"
    name: str
    version: int
    kind: str
    spec: JsonObject
    spec_digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeRecord(Record):
    """What ran: code, locked packages, platform."""

    TABLE: ClassVar[str] = "runtimes"
    code_version: str
    lock_digest: Digest | None
    libraries: JsonObject
    renderer: str
    python_version: str
    platform: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionFacts:
    """What is known of every run, whoever's it is.

    `clock_offset_ms` is how far the host's clock was from `clock_source`, None where the host would
    not say.
    """

    run_type: RunType
    provenance: Provenance
    as_of: datetime
    debug_mode: bool
    actor: str
    config: JsonObject
    created_at: datetime
    clock_offset_ms: Decimal | None = None
    clock_source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRecord(Record):
    """One run of a strategy."""

    TABLE: ClassVar[str] = "workflow_executions"
    strategy: Stored
    runtime: Stored
    workflow_id: str
    facts: ExecutionFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord(Record):
    """One instrument's pass through an execution.

    `session_on` is the session that closed at `as_of`, None where that is no close. A decision of
    scope `question` asks about a chart of another one and has no signal; rows of older releases
    have no scope.
    """

    TABLE: ClassVar[str] = "decisions"
    execution: Stored
    instrument: Stored
    symbol: str
    conid: int | None
    as_of: datetime
    run_no: int
    scope: DecisionScope | None = None
    session_on: date | None = None
    replay_of: Stored | None = None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRefs:
    """The decision that a row belongs to, and its execution."""

    execution: Stored
    decision: Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class TradedRefs(RunRefs):
    """The same, and what the decision is about."""

    symbol: str
    conid: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRefs(TradedRefs):
    """The same, and the strategy that decides."""

    strategy: Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionEventRecord(Record):
    """A change of an execution's status; `from_status` is None in an event that opens it."""

    TABLE: ClassVar[str] = "execution_events"
    execution: Stored
    at: datetime
    from_status: ExecutionStatus | None
    to_status: ExecutionStatus
    actor: str
    reason: str
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionEventRecord(Record):
    """A change of a decision's status; `from_status` is None in an event that opens it."""

    TABLE: ClassVar[str] = "decision_events"
    decision: Stored
    at: datetime
    from_status: DecisionStatus | None
    to_status: DecisionStatus
    actor: str
    reason: str
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord(Record):
    """Who did what to the record."""

    TABLE: ClassVar[str] = "audit_events"
    actor: str
    action: str
    target: str
    at: datetime
