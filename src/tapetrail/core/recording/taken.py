"""What became of an entry in the record, and what there is to say where it could not be taken."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tapetrail.core.canonical import Digest
from tapetrail.core.errors import InvalidInput


class DecisionEnded(InvalidInput):
    """What is told is of a decision or a run that has ended."""


class DecisionAbandoned(DecisionEnded):
    """What is told is of one that was given up while its program could not be heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Bytes that an entry names by their digest."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSignal:
    """The deciding signal that a decision has."""

    external_id: str
    id: int
    record_digest: Digest
    order_ref: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of an entry: the row that it is now, under whose id.

    `samples` and `signal` come with a decision that goes on: how often each analyst was asked each
    question, and what was decided before.
    """

    external_id: str
    table: str
    id: int
    record_digest: Digest
    goes_on: bool = False
    samples: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    signal: KnownSignal | None = None
