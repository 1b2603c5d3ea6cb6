"""What other programs tell besides: what else was read, orders, notes."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from tapetrail.core.records.states import InputKind, NoteKind, OrderStatus
from tapetrail.listing.parts import (
    BY_AS_OF,
    BY_EXECUTION,
    BY_SYMBOL,
    by_status,
    by_time_made,
)
from tapetrail.listing.spec import Filter, ListSpec
from tapetrail.listing.values import NUMBER, TEXT, one_of

_OF_DECISION: Final = "LEFT JOIN tapetrail.decisions d ON d.id = t.decision_id"
_BY_DECISION: Final = Filter(
    name="decision_id",
    kind=NUMBER,
    help="Only this decision's.",
    condition="t.decision_id = %s",
)
_BY_SYMBOL: Final = BY_SYMBOL.where("d.symbol = %s")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRow:
    """Something that an agent read, as a list shows it."""

    id: int
    execution_id: int
    decision_id: int
    symbol: str | None
    kind: str
    input_name: str | None
    source: str | None
    media_type: str
    available_at: datetime | None
    content_digest: str
    logged_at: datetime


INPUTS: Final = ListSpec(
    name="inputs",
    singular="input",
    row=InputRow,
    table="decision_inputs",
    brief=(
        "id", "execution_id", "decision_id", "symbol", "kind", "input_name", "source",
        "media_type", "available_at",
    ),
    title="input {id}: {kind}, {input_name or media_type}",
    columns={"symbol": "d.symbol"},
    joins=_OF_DECISION,
    filters=(
        _BY_SYMBOL,
        BY_EXECUTION,
        _BY_DECISION,
        Filter(
            name="kind",
            kind=one_of(InputKind),
            help="Only this kind: news, report, account, ...",
            condition="t.kind = %s",
        ),
        BY_AS_OF,
        *by_time_made("logged_at"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """Where an order stood at one instant, as a list shows it."""

    id: int
    execution_id: int
    decision_id: int
    signal_id: int | None
    symbol: str | None
    broker: str
    order_mode: str
    client_order_id: str
    broker_order_id: str | None
    status: str
    side: str | None
    quantity: Decimal | None
    price: Decimal | None
    filled: Decimal | None
    happened_at: datetime


ORDERS: Final = ListSpec(
    name="orders",
    singular="order event",
    row=OrderRow,
    table="order_events",
    brief=(
        "id", "decision_id", "symbol", "broker", "order_mode", "client_order_id", "status",
        "side", "quantity", "price", "filled", "happened_at",
    ),
    title="order {client_order_id}: {status} at {happened_at}",
    columns={"symbol": "d.symbol"},
    joins=_OF_DECISION,
    filters=(
        _BY_SYMBOL,
        BY_EXECUTION,
        _BY_DECISION,
        Filter(
            name="client_order_id",
            kind=TEXT,
            help="Only this order's, by your own id for it.",
            condition="t.client_order_id = %s",
        ),
        by_status(OrderStatus, "such as filled or rejected"),
        BY_AS_OF,
        *by_time_made("happened_at"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRow:
    """What somebody said, as a list shows it."""

    id: int
    execution_id: int
    decision_id: int | None
    signal_id: int | None
    symbol: str | None
    kind: str
    actor: str
    text: str
    at: datetime


NOTES: Final = ListSpec(
    name="notes",
    singular="note",
    row=NoteRow,
    table="notes",
    brief=("id", "execution_id", "decision_id", "symbol", "kind", "actor", "at", "text"),
    title="note {id}: {kind} by {actor}",
    columns={"symbol": "d.symbol"},
    joins=_OF_DECISION,
    filters=(
        _BY_SYMBOL,
        BY_EXECUTION,
        _BY_DECISION,
        Filter(
            name="kind",
            kind=one_of(NoteKind),
            help="Only this kind: comment, approval, override or incident.",
            condition="t.kind = %s",
        ),
        BY_AS_OF,
        *by_time_made("at"),
    ),
)
