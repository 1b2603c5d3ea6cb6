"""What an analyst's reply is: its words, and what it took to get them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from tapetrail.core.canonical import FieldValue
from tapetrail.core.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerKey:
    """Which answer is meant: by whom, to what, and the how-manieth of several tries at the same."""

    question: str
    analyst: str
    sample_no: int = 1


class ParsedFrom(StrEnum):
    """Where in a reply its one JSON object stood: alone, in a code block, between other text."""

    PLAIN = "plain"
    FENCED = "fenced"
    SURROUNDED = "surrounded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that is asked for, and the parameters it is asked with."""

    provider: str
    model_name: str
    params: Mapping[str, FieldValue] = field(default_factory=dict[str, FieldValue])


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyMetadata:
    """What a provider reports about a reply, and what it cost; None is what nobody knows.

    `usage` breaks tokens down by kind, `unit_prices` says what one cost.
    """

    model_reported: str | None = None
    tokens_used: int | None = None
    usage: Mapping[str, FieldValue] | None = None
    cost_usd: Decimal | None = None
    unit_prices: Mapping[str, FieldValue] | None = None
    finish_reason: str | None = None

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for tokens or a cost below 0."""
        for name, value in (("tokens_used", self.tokens_used), ("cost_usd", self.cost_usd)):
            if value is not None and value < 0:
                raise InvalidInput(f"reply: {name} {value} must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back from an analyst, as it came; `response_text` is None where nothing did.

    An analyst that is code has no prompt.
    """

    model: Model
    prompt_text: str | None = None
    indicators_metadata: Mapping[str, FieldValue] | None = None
    response_text: str | None
    metadata: ReplyMetadata
    latency_ms: int | None
    requested_at: datetime
    analyzed_at: datetime
