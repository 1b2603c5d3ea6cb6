"""The shapes in which records are shown: what lists and details hold, and their JSON form.

Field names are column names. Decimals are JSON strings, times are RFC 3339 in UTC. Long texts
are in details only.
"""

import base64
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, Generic, TypeAlias, TypeVar

from tapetrail.core.canonical import decimal_text, digest_text, instant_text
from tapetrail.core.errors import InvalidInput

LIMIT_MAX: Final = 200
LIMIT_DEFAULT: Final = 50
ID_MAX: Final = 2**63 - 1
"""The largest id that a row can have."""
_SHOWN_MAX: Final = 80
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT: Final = re.compile(
    rf"{_DATE.pattern}[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{{1,6}})?)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)

View = TypeVar("View")
Shown: TypeAlias = "bool | int | float | str | Sequence[Shown] | Mapping[str, Shown] | None"
"""JSON as surfaces print it; unlike in a record, statistics may be floats."""


class Resource(StrEnum):
    """What can be listed and shown."""

    EXECUTIONS = "executions"
    DECISIONS = "decisions"
    CHARTS = "charts"
    ANALYSES = "analyses"
    SIGNALS = "signals"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRow:
    """One run, as a list shows it."""

    id: int
    strategy: str
    strategy_version: int
    run_type: str
    provenance: str
    as_of: datetime
    status: str
    decisions: int
    signals: int
    failed: int
    started_at: datetime | None
    completed_at: datetime | None
    error: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """One instrument's pass with its answer, as a list shows it."""

    id: int
    execution_id: int
    symbol: str
    as_of: datetime
    run_no: int
    status: str
    signal_id: int | None
    signal_type: str | None
    confidence: Decimal | None
    entry_price: Decimal | None
    stop_loss: Decimal | None
    target_price: Decimal | None
    risk_reward_ratio: Decimal | None
    failed_stage: str | None
    error_kind: str | None
    error_message: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRow:
    """One chart, as a list shows it."""

    id: int
    execution_id: int
    decision_id: int
    symbol: str
    timeframe: str
    chart_type: str
    start_date: date | None
    end_date: date | None
    data_points: int | None
    price_current: Decimal | None
    price_change_pct: Decimal | None
    status: str
    chart_url_jpeg: str | None
    generated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisRow:
    """One answer of an analyst, as a list shows it."""

    id: int
    execution_id: int
    decision_id: int
    chart_id: int | None
    symbol: str
    timeframe: str | None
    kind: str
    analyst: str
    role: str
    status: str
    trend_direction: str | None
    confidence_score: Decimal | None
    latency_ms: int | None
    cost_usd: Decimal | None
    analyzed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRow:
    """One signal, as a list shows it."""

    id: int
    execution_id: int
    decision_id: int
    chart_id: int | None
    llm_analysis_id: int | None
    symbol: str
    signal_type: str
    role: str
    confidence: Decimal | None
    trend: str | None
    entry_price: Decimal | None
    stop_loss: Decimal | None
    target_price: Decimal | None
    risk_reward_ratio: Decimal | None
    timeframe_primary: str | None
    timeframe_confirmation: str | None
    decided_at: datetime
    generated_at: datetime


ROWS: Final[Mapping[Resource, type]] = {
    Resource.EXECUTIONS: ExecutionRow,
    Resource.DECISIONS: DecisionRow,
    Resource.CHARTS: ChartRow,
    Resource.ANALYSES: AnalysisRow,
    Resource.SIGNALS: SignalRow,
}
"""What a row of each list is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyRow:
    """One version of a strategy, as a list shows it."""

    id: int
    name: str
    version: int
    spec_digest: str
    first_run_at: datetime | None
    executions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisStats:
    """What one analyst was asked, with what result, at what cost and how fast."""

    analyst: str
    calls: int
    completed: int
    tokens_used: int | None
    cost_usd: Decimal | None
    latency_ms_p50: float | None
    latency_ms_p95: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OldCharts:
    """How many active charts are older than an instant, and when the first and last were made."""

    charts: int
    first_at: datetime | None
    last_at: datetime | None


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
class Page(Generic[View]):
    """One page of a list, newest first, and the cursor that continues it."""

    data: Sequence[View]
    next_cursor: str | None

    @property
    def has_more(self) -> bool:
        """Whether another page follows."""
        return self.next_cursor is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list is narrowed to; None means everything.

    `since` and `until` are about when a row was made, not about the market's time: an execution's
    and a decision's `created_at`, a chart's and a signal's `generated_at`, an analysis'
    `analyzed_at`. A row made at `since` is in the list, one made at `until` is not.
    """

    symbol: str | None = None
    timeframe: str | None = None
    execution_id: int | None = None
    chart_id: int | None = None
    status: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for a time without a zone, and where nothing can be in between."""
        named = self.named()
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise InvalidInput(f"since {named['since']}: not before until {named['until']}")

    def named(self) -> dict[str, str | int]:
        """Return the filters that are set, by name; times as RFC 3339 text."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {
            name: instant_text(value) if isinstance(value, datetime) else value
            for name, value in found.items()
            if value is not None
        }


def column_names(resource: Resource) -> tuple[str, ...]:
    """Return what a row of a list holds, in its order."""
    return tuple(field.name for field in fields(ROWS[resource]))


def parse_instant(text: str) -> datetime:
    """Return the UTC instant that `text` names: an RFC 3339 time, or a date, whose midnight it is.

    Seconds may be left out, and a space may stand for the `T`, as in tables. Raises `InvalidInput`
    for anything else, also for a time without a zone.
    """
    try:
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        if _INSTANT.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _no_instant(text) from error
    raise _no_instant(text)


def page_document(page: Page[View]) -> Mapping[str, Shown]:
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


def _no_instant(text: str) -> InvalidInput:
    return InvalidInput(
        f"{text[:_SHOWN_MAX]!r}: expected a date such as 2012-11-30, or a time with its zone"
        " such as 2012-11-30T21:00:00Z"
    )


def encode_cursor(last_id: int, *, resource: Resource, filters: Filters) -> str:
    """Return the opaque cursor that continues after `last_id` under the same filters."""
    return _cursor(last_id, _filters_mark(resource, filters))


def decode_cursor(cursor: str, *, resource: Resource, filters: Filters) -> int:
    """Return the id a list continues below.

    Raises `InvalidInput` when `cursor` is none of ours or belongs to another list.
    """
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        number, mark = text.split(".")
        last_id = int(number)
    except ValueError as error:
        raise _foreign_cursor(cursor) from error
    # What reads back as other text was not written by a list, however it came to be readable.
    if not 1 <= last_id <= ID_MAX or _cursor(last_id, mark) != cursor:
        raise _foreign_cursor(cursor)
    if mark != _filters_mark(resource, filters):
        raise InvalidInput(
            f"cursor {cursor[:_SHOWN_MAX]!r}: belongs to another list, or to other filters"
        )
    return last_id


def _cursor(last_id: int, mark: str) -> str:
    return base64.urlsafe_b64encode(f"{last_id}.{mark}".encode()).decode().rstrip("=")


def _foreign_cursor(cursor: str) -> InvalidInput:
    return InvalidInput(f"cursor {cursor[:_SHOWN_MAX]!r}: not one that a list gave")


def _filters_mark(resource: Resource, filters: Filters) -> str:
    text = json.dumps([resource, filters.named()], sort_keys=True)
    return digest_text(text)[-12:]
