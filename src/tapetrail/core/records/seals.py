"""The end of a decision and of an execution, and the digests that pin them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from tapetrail.core.canonical import (
    FORMAT,
    Digest,
    canonical_json,
    digest_bytes,
    record_document,
)
from tapetrail.core.errors import InvalidInput
from tapetrail.core.failures import Failure
from tapetrail.core.records.base import JsonArray, JsonObject, Record, Stored
from tapetrail.core.records.states import DecisionStatus

SEAL_ORDER: Final = (
    "market_snapshots",
    "second_opinions",
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
"""The tables whose rows a decision's seal covers after the decision's own, in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealRecord(Record):
    """The end of a decision: one digest over everything that was recorded of it.

    `runtime` is what concluded it, which after a take-over is not what planned it, and
    `seal_document` what was hashed; rows of older releases have neither.
    """

    TABLE: ClassVar[str] = "decision_seals"
    decision: Stored
    runtime: Stored | None = None
    seal_digest: Digest
    seal_document: JsonArray | None = None
    sealed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSealRecord(Record):
    """The end of an execution: one digest over its events, its decisions' events and seals."""

    TABLE: ClassVar[str] = "execution_seals"
    execution: Stored
    runtime: Stored
    seal_digest: Digest
    seal_document: JsonObject
    sealed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedDecision:
    """A decision as an execution's seal names it: by the digests of its rows."""

    decision: Digest
    events: Sequence[Digest]
    seal: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class EndState:
    """How a decision ended; one that failed says why, and no other does."""

    status: DecisionStatus
    failure: Failure | None = None

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for a status that ends nothing, or that the reason does not suit."""
        if not self.status.has_ended:
            raise InvalidInput(f"end state {self.status}: that is no end of a decision")
        if (self.status is DecisionStatus.FAILED) != (self.failure is not None):
            raise InvalidInput(
                f"end state {self.status} with {self.failure or 'no failure'}: a decision that"
                " failed says why, another end has no reason"
            )


def seal_document(records: Iterable[Stored], end: EndState) -> JsonArray:
    """Return what pins a decision: its records' digests in order, then its end state.

    The order is: the decision, its snapshots, its second opinion, charts, analyses, the charts each
    analysis read, attempts, replies, inputs, what each analysis read of those, signals, and what
    each of them read; rows of one table by ascending id.
    """
    state = {"status": end.status, **(end.failure.columns if end.failure else {})}
    return [*(record.digest for record in records), record_document("decisions", state)]


def execution_seal_document(
    execution: Digest, *, events: Sequence[Digest], decisions: Iterable[SealedDecision]
) -> JsonObject:
    """Return what pins an execution: its events by id, its decisions in the order of the request.

    The digest of an event covers its time and its actor.
    """
    return {
        "format": FORMAT,
        "table": ExecutionSealRecord.TABLE,
        "execution": execution,
        "events": [*events],
        "decisions": [
            {"decision": each.decision, "events": [*each.events], "seal": each.seal}
            for each in decisions
        ],
    }


def seal_digest(document: JsonArray | JsonObject) -> Digest:
    """Return the digest of what a seal covers: that of its RFC 8785 bytes."""
    return digest_bytes(canonical_json(document))
