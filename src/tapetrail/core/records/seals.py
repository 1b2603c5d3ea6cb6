"""The end of a decision, and the digest that pins it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from tapetrail.core.canonical import Digest, canonical_json, digest_bytes, record_document
from tapetrail.core.errors import InvalidInput
from tapetrail.core.failures import Failure
from tapetrail.core.records.base import Record, Stored
from tapetrail.core.records.states import DecisionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class SealRecord(Record):
    """The end of a decision: one digest over everything that was recorded of it."""

    TABLE: ClassVar[str] = "decision_seals"
    decision: Stored
    seal_digest: Digest
    sealed_at: datetime


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


def seal_digest(records: Iterable[Stored], end: EndState) -> Digest:
    """Return the digest that pins a decision: its records' digests in order, then its end state.

    The order is: the decision, its snapshots, charts, analyses, the charts each analysis read,
    attempts, replies and signals; rows of one table by ascending id.
    """
    state = {"status": end.status, **(end.failure.columns if end.failure else {})}
    last = record_document("decisions", state)
    return digest_bytes(canonical_json([*(record.digest for record in records), last]))
