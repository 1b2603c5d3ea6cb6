"""One entry for each thing that another program tells, and the line of JSON that it travels as.

Every entry has an `external_id`, a UUID of version 7 that its sender makes: what is sent again is
known by it, for ever. Others are named by theirs. Bytes are named by digest and travel beside. All
entries of one decision, from the opening of its execution on, are a bundle, and stand for
themselves: lines of JSON, one an entry, in the order in which they were told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

from pydantic import (
    AwareDatetime,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from typing_extensions import TypeAliasType

from tapetrail.core.canonical import Digest, JsonValue
from tapetrail.core.errors import ErrorKind, InvalidInput, Stage
from tapetrail.core.records.states import (
    AttemptReason,
    DecisionScope,
    DecisionStatus,
    InputKind,
    Intent,
    NoteKind,
    OrderMode,
    OrderSide,
    OrderStatus,
    PositionSide,
    Role,
    RunMode,
)

ExternalId: TypeAlias = Annotated[
    str,
    StringConstraints(
        pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
    ),
]
DigestText: TypeAlias = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
# pydantic reads an alias that names itself by another kind than the type checker does.
if TYPE_CHECKING:
    JsonMember: TypeAlias = JsonValue
else:
    JsonMember = TypeAliasType(
        "JsonMember", "bool | int | str | Sequence[JsonMember] | Mapping[str, JsonMember] | None"
    )
"""JSON as rows have it: a number that is not whole is text."""
Members: TypeAlias = Mapping[str, JsonMember]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionOpened:
    """A run of an agent begins, or goes on where one with the same `key` has not ended.

    Nobody works on one that was told before and is only sent now (`is_late`).
    """

    entry: Literal["execution_opened"] = "execution_opened"
    external_id: ExternalId
    at: AwareDatetime
    actor: str
    agent: str | None = None
    agent_version: str | None = None
    strategy: str | None = None
    key: str | None = None
    mode: RunMode
    as_of: AwareDatetime | None = None
    is_late: bool = False
    config: Members = field(default_factory=dict[str, JsonMember])


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionOpened:
    """A decision begins, or goes on where one with the same `key` has not ended.

    What was told before and is only sent now (`is_late`) does not: another program may be at work
    on that one. One that `was_recorded` before the rest of it went to the spool is of that record.
    """

    entry: Literal["decision_opened"] = "decision_opened"
    external_id: ExternalId
    execution: ExternalId
    at: AwareDatetime
    scope: DecisionScope
    symbol: str | None = None
    exchange: str | None = None
    currency: str | None = None
    asset_class: str | None = None
    as_of: AwareDatetime | None = None
    key: str | None = None
    is_late: bool = False
    was_recorded: bool = False
    portfolio: ExternalId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfDecision:
    """An entry of a decision that is open."""

    external_id: ExternalId
    decision: ExternalId
    at: AwareDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BarsLogged(OfDecision):
    """Bars that an agent had; `content` is their text."""

    entry: Literal["bars"] = "bars"
    timeframe: str
    source: str | None = None
    adjustment: str
    session_first: date
    session_last: date
    bar_count: int
    content: DigestText
    available_at: AwareDatetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartLogged(OfDecision):
    """A chart that was drawn elsewhere."""

    entry: Literal["chart"] = "chart"
    image: DigestText
    media_type: str
    html: DigestText | None = None
    timeframe: str | None = None
    bars: ExternalId | None = None
    indicators: Members | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InputLogged(OfDecision):
    """Something else that an agent read."""

    entry: Literal["input"] = "input"
    kind: InputKind
    name: str | None = None
    media_type: str
    content: DigestText
    source: str | None = None
    available_at: AwareDatetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBegun(OfDecision):
    """A call to a model that is about to be made; `at` is when it was sent."""

    entry: Literal["call"] = "call"
    question: str
    analyst: str
    sample_no: int
    turn_no: int
    attempt_no: int
    reason: AttemptReason
    base_url: str | None = None
    provider: str | None = None
    model_name: str | None = None
    request: DigestText | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(OfDecision):
    """What came back for a call; `at` is when its last byte did."""

    entry: Literal["reply"] = "reply"
    call: ExternalId
    response: DigestText | None = None
    http_status: int | None = None
    provider_request_id: str | None = None
    headers: Members | None = None
    content_encoding: str | None = None
    service_tier: str | None = None
    is_partial: bool | None = None
    error_kind: ErrorKind | None = None
    error_message: str | None = None
    usage: Members | None = None
    cost_usd: Decimal | None = None
    first_byte_at: AwareDatetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisLogged(OfDecision):
    """What one part of an agent was asked, and what it answered, or why it did not."""

    entry: Literal["analysis"] = "analysis"
    question: str
    analyst: str
    sample_no: int
    role: Role
    agent: str | None = None
    round: int | None = None
    cached: bool | None = None
    provider: str | None = None
    model_name: str | None = None
    model_reported: str | None = None
    params: Members = field(default_factory=dict[str, JsonMember])
    prompt_text: str | None = None
    response_text: str | None = None
    data: Members | None = None
    confidence: Decimal | None = None
    usage: Members | None = None
    tokens_used: int | None = None
    cost_usd: Decimal | None = None
    finish_reason: str | None = None
    latency_ms: int | None = None
    requested_at: AwareDatetime | None = None
    charts: tuple[ExternalId, ...] = ()
    reads: tuple[ExternalId, ...] = ()
    error_kind: ErrorKind | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalLogged(OfDecision):
    """What an agent answers: its own word, and what it means here."""

    entry: Literal["signal"] = "signal"
    role: Role
    action: str
    signal_type: Literal["BUY", "SELL", "HOLD"]
    intent: Intent | None = None
    position_side: PositionSide | None = None
    confidence: Decimal | None = None
    confidence_raw: Decimal | None = None
    confidence_scale: Decimal | None = None
    entry_price: Decimal | None = None
    stop_loss: Decimal | None = None
    target_price: Decimal | None = None
    size: Decimal | None = None
    size_unit: str | None = None
    leverage: Decimal | None = None
    horizon_bars: int | None = None
    reasoning: str | None = None
    reads: tuple[ExternalId, ...] = ()
    extra: Members = field(default_factory=dict[str, JsonMember])
    order_ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionEnd(OfDecision):
    """A decision ends, with a signal or with the reason why there is none."""

    entry: Literal["decision_ended"] = "decision_ended"
    status: DecisionStatus
    failed_stage: Stage | None = None
    error_kind: ErrorKind | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionEnd:
    """A run ends, after all its decisions; `error` says what broke it off."""

    entry: Literal["execution_ended"] = "execution_ended"
    external_id: ExternalId
    execution: ExternalId
    at: AwareDatetime
    is_cancelled: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLogged:
    """Where an order stood at a broker; `order_ref` is of the signal that it follows, if known."""

    entry: Literal["order"] = "order"
    external_id: ExternalId
    at: AwareDatetime
    actor: str
    decision: ExternalId | None = None
    order_ref: str | None = None
    broker: str
    mode: OrderMode
    client_order_id: str
    broker_order_id: str | None = None
    status: OrderStatus
    side: OrderSide | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    filled: Decimal | None = None
    raw: DigestText | None = None
    happened_at: AwareDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteLogged:
    """What somebody says of a decision, a signal or a run."""

    entry: Literal["note"] = "note"
    external_id: ExternalId
    at: AwareDatetime
    actor: str
    execution: ExternalId | None = None
    decision: ExternalId | None = None
    order_ref: str | None = None
    kind: NoteKind
    text: str


Loose: TypeAlias = OrderLogged | NoteLogged
"""What may come after the end, and is a bundle of its own."""
Told: TypeAlias = (
    BarsLogged
    | ChartLogged
    | InputLogged
    | CallBegun
    | CallEnded
    | AnalysisLogged
    | SignalLogged
    | DecisionEnd
)
"""What is told of a decision that is open."""
Entry: TypeAlias = ExecutionOpened | DecisionOpened | Told | ExecutionEnd | Loose


@cache
def _lines() -> TypeAdapter[Entry]:
    """Return the way from entries to lines and back; made once, when it is first needed."""
    return TypeAdapter(Annotated[Entry, Field(discriminator="entry")])


BYTES: Final[Mapping[type, tuple[str, ...]]] = {
    BarsLogged: ("content",),
    ChartLogged: ("image", "html"),
    InputLogged: ("content",),
    CallBegun: ("request",),
    CallEnded: ("response",),
    OrderLogged: ("raw",),
}
"""By kind of entry: what names bytes by their digest."""


def line_of(entry: Entry) -> bytes:
    """Return the entry as one line of JSON; what is not stated is left out."""
    return _lines().dump_json(entry, exclude_none=True) + b"\n"


def parse_line(line: bytes, *, place: str) -> Entry:
    """Return the entry that a line is. Raises `InvalidInput` naming the place and what is wrong."""
    try:
        return _lines().validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        at = ".".join(str(part) for part in first["loc"]) or "the line"
        raise InvalidInput(f"{place}: {at}: {first['msg']}") from error


def digests_of(entry: Entry) -> tuple[Digest, ...]:
    """Return the digests of the bytes that an entry names."""
    named = (getattr(entry, name) for name in BYTES.get(type(entry), ()))
    return tuple(Digest(digest) for digest in named if digest is not None)


def instant_or(stated: datetime | None, otherwise: datetime) -> datetime:
    """Return an instant, or the other one where none is stated."""
    return otherwise if stated is None else stated
