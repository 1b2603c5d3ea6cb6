"""The shapes in which records are shown: what lists and details hold, and their JSON form.

Field names are column names. Decimals are JSON strings, times are RFC 3339 in UTC. Long texts
are in details only.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Generic, TypeAlias, TypeVar

from tapetrail.core.canonical import decimal_text, instant_text
from tapetrail.core.errors import InvalidInput

LIMIT_MAX: Final = 200
LIMIT_DEFAULT: Final = 50
OPEN: Final = ("pending", "running")
"""Where a decision stands that has not ended."""

View_co = TypeVar("View_co", covariant=True)
Shown: TypeAlias = "bool | int | float | str | Sequence[Shown] | Mapping[str, Shown] | None"
"""JSON as surfaces print it; unlike in a record, statistics may be floats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageStats:
    """What models were asked and what came of it, of one day, model, analyst, strategy or symbol.

    `calls` went over a wire, `lost` ones among them brought nothing; `asked` are questions with an
    end, `answers` those that were answered, `failures` the others by kind. `tokens` are by kind.
    `cost_usd` is what is known, None where nothing is; `unpriced` counts what is not, and with it
    nobody can say what a decision or a signal cost.
    """

    key: str
    decisions: int
    signals: int
    asked: int
    answers: int
    calls: int
    lost: int
    retries: int
    re_asks: int
    failures: Mapping[str, int]
    tokens: Mapping[str, int]
    cost_usd: Decimal | None
    unpriced: int
    usd_per_decision: Decimal | None
    usd_per_signal: Decimal | None
    latency_ms_p50: float | None
    latency_ms_p95: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundingStats:
    """How what models state compares with the charts they were shown.

    Of all `levels`: those on the side of the last close that they are stated for, within the
    visible prices, and touched by a bar; `untold` ones have no ATR to tell by. Of the `numbers`
    that were stated: those that the chart has by that name, and those that it has so.
    """

    key: str
    answers: int
    levels: int
    on_their_side: int
    visible: int
    touched: int
    untold: int
    numbers: int
    known: int
    equal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodStats:
    """What was decided since an instant, by whomever, and what models cost."""

    period: str
    since: datetime
    decisions: int
    completed: int
    failed: int
    signals: Mapping[str, int]
    failures: Mapping[str, int]
    cost_usd: Decimal | None
    unpriced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OldCharts:
    """How many active charts are older than an instant, and when the first and last were made."""

    charts: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAsked:
    """Who answered for an analysis: the model that was asked for, and the one it says it is.

    `reported_before` is what the newest answer before (`before_id`) by a model of that name said.
    """

    analysis_id: int
    analyst: str
    provider: str
    model_name: str
    model_reported: str | None
    as_of: datetime
    before_id: int | None
    reported_before: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One call for an answer and what came back; a lost call has no `received_at`.

    The digests name the exact bytes of both ways.
    """

    attempt_no: int
    turn_no: int | None
    reason: str | None
    provider: str | None
    model_name: str | None
    base_url: str | None
    sent_at: datetime
    request_digest: str | None
    received_at: datetime | None
    first_byte_at: datetime | None
    http_status: int | None
    provider_request_id: str | None
    service_tier: str | None
    content_encoding: str | None
    is_partial: bool | None
    error_kind: str | None
    error_message: str | None
    usage: Mapping[str, object] | None
    cost_usd: Decimal | None
    headers: Mapping[str, object] | None
    response_digest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallInFlight:
    """A call of an open decision that has no reply: it is under way, or was lost."""

    decision_id: int
    symbol: str
    question: str
    analyst: str
    sample_no: int
    attempt_no: int
    provider: str
    model_name: str
    base_url: str | None
    sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderView:
    """Where a provider stands for all processes: until when nobody asks it, and why.

    `next_turn_at` is when its rate lets the next call begin, None for at once; `slots_in_use` are
    calls there now, of whatever execution.
    """

    provider: str
    blocked_until: datetime | None
    blocked_for: str | None
    next_turn_at: datetime | None
    slots_in_use: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetView:
    """What was spent of a budget, and what calls under way hold; without a limit it is counted."""

    scope: str
    limit_usd: Decimal | None
    spent_usd: Decimal
    reserved_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedPrompt:
    """One version of a prompt on record, and how many analyses were asked by it."""

    id: int
    name: str
    version: int
    body: str
    body_digest: str
    analyses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptView:
    """One version of a prompt, shipped or recorded or both, by the word that strategies name it by.

    `id` is its row, None where none was asked by it yet.
    """

    prompt: str
    id: int | None
    name: str
    version: int
    is_shipped: bool
    analyses: int
    body_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How much the record holds."""

    executions: int
    decisions: int
    open_decisions: int
    charts: int
    analyses: int
    signals: int
    blobs: int
    blob_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What decisions take on disk, and how long it will do.

    `decision_bytes` is what the files of the newest decisions take, each on average, None without
    one; rows of the database are not in it. `days_left` follows from how many
    decisions were made in the last 30 days, None where there were none. How much room a bucket has
    nobody says.
    """

    free_bytes: int
    decision_bytes: int | None
    decisions_left: int | None
    days_left: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """Every column of one row, and the rows that hang on it by the name they are shown under."""

    columns: Mapping[str, object]
    related: Mapping[str, Sequence[Mapping[str, object]]]

    def __post_init__(self) -> None:
        """Raise `InvalidInput` if related rows would hide a column of the same name."""
        hidden = sorted(self.columns.keys() & self.related.keys())
        if hidden:
            raise InvalidInput(f"detail: {', '.join(hidden)} is a column and related rows at once")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[View_co]):
    """One page of a list, newest first, and the cursor that continues it."""

    data: Sequence[View_co]
    next_cursor: str | None

    @property
    def has_more(self) -> bool:
        """Whether another page follows."""
        return self.next_cursor is not None


def page_document(page: Page[object]) -> Mapping[str, Shown]:
    """Return `{"data": [...], "next_cursor": ..., "has_more": ...}`."""
    return {
        "data": [view_document(view) for view in page.data],
        "next_cursor": page.next_cursor,
        "has_more": page.has_more,
    }


def detail_document(shown: Detail) -> Mapping[str, Shown]:
    """Return one object: the columns, then the related rows."""
    document = {name: view_document(value) for name, value in shown.columns.items()}
    related = {name: view_document(rows) for name, rows in shown.related.items()}
    return {**document, **related}


def view_document(view: object) -> Shown:
    """Return the JSON form of a view, a mapping of columns or a single value.

    Raises `InvalidInput` for a value that has none: a time without a zone, a number that is not
    finite, bytes.
    """
    match view:
        case None | bool() | int() | str():
            return view
        case float() if math.isfinite(view):
            return view
        case Decimal():
            return decimal_text(view)
        case datetime():
            return instant_text(view)
        case date():
            return view.isoformat()
        case _:
            return _nested_document(view)


def _nested_document(view: object) -> Shown:
    if is_dataclass(view) and not isinstance(view, type):
        return {field.name: view_document(getattr(view, field.name)) for field in fields(view)}
    if isinstance(view, Mapping):
        return {str(key): view_document(item) for key, item in view.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] # JSON from the database
    if isinstance(view, list | tuple):
        return [view_document(item) for item in view]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] # JSON from the database
    raise InvalidInput(f"{type(view).__name__} {view!r}: has no JSON form")
