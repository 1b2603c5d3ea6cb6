"""What a program gets back for what it tells."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """What was told, to name it later: as a chart that was shown, or as what was read.

    `external_id` is its own for ever, in the record and in the spool.
    """

    external_id: str
    decision: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """That something is durable: committed to the record, or synced to the disk in the spool.

    `id` and `record_digest` are those of its row, None while it lies in the spool. `order_ref` is
    for brokers' client order ids: an order that carries it leads back to the signal.
    """

    external_id: str
    decision: str | None
    id: int | None
    record_digest: str | None
    order_ref: str | None = None

    @property
    def is_recorded(self) -> bool:
        """Whether it is in the record, and not only in the spool."""
        return self.id is not None
