"""What was asked, called, answered and decided."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from tapetrail.core.analysis.replies import AnswerKey, ParsedFrom, Reply
from tapetrail.core.analysis.signals import Signal
from tapetrail.core.canonical import Digest
from tapetrail.core.errors import ErrorKind
from tapetrail.core.records.base import JsonArray, JsonObject, Record, Stored
from tapetrail.core.records.runs import DecisionRefs, RunRefs
from tapetrail.core.records.states import AnalysisStatus, AttemptReason, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTemplateRecord(Record):
    """One version of a prompt."""

    TABLE: ClassVar[str] = "prompt_templates"
    name: str
    version: int
    body: str
    body_digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord(Record):
    """One call about to be made, committed before it is sent.

    `attempt_no` counts all calls for one answer; `turn_no` grows where an answer that came is asked
    for again. Rows of older releases have neither turn, reason nor address.
    """

    TABLE: ClassVar[str] = "llm_attempts"
    decision: Stored
    key: AnswerKey
    attempt_no: int
    turn_no: int | None = None
    reason: AttemptReason | None = None
    base_url: str | None = None
    provider: str
    model_name: str
    request_digest: Digest
    sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRecord(Record):
    """What came back for an attempt, committed before it is parsed.

    There are bytes, or the reason why there are none: its kind, and in words what happened. Bytes
    that broke off come with a reason too, and `is_partial`. `headers` are those that are kept, none
    of which holds a secret. `usage`, `service_tier` and `cost_usd` are what the bytes say and come
    to, None where they do not say it; rows of older releases have none of them.
    """

    TABLE: ClassVar[str] = "llm_replies"
    attempt: Stored
    decision: Stored
    response_digest: Digest | None
    http_status: int | None
    provider_request_id: str | None
    headers: JsonObject | None = None
    content_encoding: str | None = None
    service_tier: str | None = None
    is_partial: bool | None = None
    error_kind: ErrorKind | None
    error_message: str | None
    usage: JsonObject | None
    cost_usd: Decimal | None
    first_byte_at: datetime | None = None
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedAnalysis:
    """What a reply says, parsed; nothing where it could not be read.

    `parsed_from` says where in the reply it stood, for models, who may write around it.
    """

    response_json: JsonObject | None = None
    parsed_from: ParsedFrom | None = None
    confidence_score: Decimal | None = None
    trend_direction: str | None = None
    support_levels: JsonArray | None = None
    resistance_levels: JsonArray | None = None
    key_patterns: JsonArray | None = None
    grounding: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one question to one analyst; `timeframe` is the primary chart's."""

    key: AnswerKey
    kind: str
    timeframe: str
    role: Role
    reply: Reply
    stated: StatedAnalysis
    prompt_template: Stored | None = None
    status: AnalysisStatus
    error_kind: ErrorKind | None = None
    error_message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisRecord(Record):
    """One question to one analyst and what came of it.

    A replay's analyses point at the charts of the decision they replay, so `chart` alone is no
    composite key; a trigger keeps it within the decision or those it replays.
    """

    TABLE: ClassVar[str] = "llm_analyses"
    refs: RunRefs
    chart: Stored | None
    strategy: Stored
    symbol: str
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisChartRecord(Record):
    """A chart that an analysis read, and the image it was shown, None where it was shown none."""

    TABLE: ClassVar[str] = "analysis_charts"
    refs: RunRefs
    analysis: Stored
    chart: Stored
    image_digest: Digest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRecord(Record):
    """One decision's answer by one analyst.

    `levels_valid` is false only where a row was taken over from outside as it was sent.
    """

    TABLE: ClassVar[str] = "trading_signals"
    refs: DecisionRefs
    chart: Stored
    llm_analysis: Stored
    role: Role
    signal: Signal
    levels_valid: bool = True
    decided_at: datetime
    generated_at: datetime
