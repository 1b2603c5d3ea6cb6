"""What came of a decision at a broker, and what people said of it: rows that may follow its end."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from tapetrail.core.canonical import Digest
from tapetrail.core.records.base import Record, Stored
from tapetrail.core.records.states import NoteKind, OrderMode, OrderSide, OrderStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEventRecord(Record):
    """Where an order stood at a broker at one instant; each change is a row of its own.

    `happened_at` is when it happened, `logged_at` when the program said so. `raw_digest` names
    what the broker sent.
    """

    TABLE: ClassVar[str] = "order_events"
    execution: Stored
    decision: Stored
    signal: Stored | None
    broker: str
    order_mode: OrderMode
    client_order_id: str
    broker_order_id: str | None
    status: OrderStatus
    side: OrderSide | None
    quantity: Decimal | None
    price: Decimal | None
    filled: Decimal | None
    raw_digest: Digest | None
    happened_at: datetime
    logged_at: datetime
    actor: str
    external_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRecord(Record):
    """What somebody says of an execution, or of a decision or a signal in it."""

    TABLE: ClassVar[str] = "notes"
    execution: Stored
    decision: Stored | None
    signal: Stored | None
    kind: NoteKind
    text: str
    actor: str
    at: datetime
    external_id: str
