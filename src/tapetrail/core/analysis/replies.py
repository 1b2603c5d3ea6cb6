"""What an analyst's reply is: its words, and what it took to get them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tapetrail.core.canonical import FieldValue


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerKey:
    """Which answer is meant: by whom, to what, and the how-manieth of several tries at the same."""

    question: str
    analyst: str
    sample_no: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back from an analyst, as it came; `response_text` is None where nothing did.

    `cost_usd` and `tokens_used` are None where nobody knows them, which zero is not. `usage` breaks
    tokens down by kind, `unit_prices` says what one cost. An analyst that is code has no prompt.
    """

    provider: str
    model_name: str
    model_reported: str | None = None
    params: Mapping[str, FieldValue]
    prompt_text: str | None = None
    indicators_metadata: Mapping[str, FieldValue] | None = None
    response_text: str | None
    tokens_used: int | None
    usage: Mapping[str, FieldValue] | None = None
    cost_usd: Decimal | None
    unit_prices: Mapping[str, FieldValue] | None = None
    latency_ms: int | None
    finish_reason: str | None = None
    requested_at: datetime
    analyzed_at: datetime
