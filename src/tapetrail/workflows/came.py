"""What came of one call, as the row that keeps it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from tapetrail.analysts.protocol import ReadResponse, Response
from tapetrail.core.errors import ErrorKind
from tapetrail.core.failures import Failure
from tapetrail.core.records.answers import ReplyRecord
from tapetrail.core.records.base import Stored
from tapetrail.store.appends import BlobRow

NEVER_SENT: Final = frozenset(
    {
        ErrorKind.KEY_MISSING,
        ErrorKind.CONNECT_TIMEOUT,
        ErrorKind.CONNECTION_FAILED,
        ErrorKind.NAME_NOT_RESOLVED,
        ErrorKind.TLS_FAILED,
    }
)
"""Kinds that say that no byte of a request went out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What came of a call: a response, its stored bytes and what they say, or why there is none."""

    response: Response | None
    body: BlobRow | None
    read: ReadResponse | None
    failure: Failure | None
    is_partial: bool

    def record(self, attempt: Stored, decision: Stored, *, at: datetime) -> ReplyRecord:
        """Return the row that keeps it."""
        response, read, failure = self.response, self.read, self.failure
        headers = dict(response.headers) if response else {}
        return ReplyRecord(
            attempt=attempt,
            decision=decision,
            response_digest=self.body.digest if self.body else None,
            http_status=response.http_status if response else None,
            provider_request_id=response.provider_request_id if response else None,
            headers=headers or None,
            content_encoding=headers.get("content-encoding"),
            service_tier=read.service_tier if read else None,
            is_partial=self.is_partial if response else None,
            error_kind=failure.error_kind if failure else None,
            error_message=failure.error_message if failure else None,
            usage=read.usage if read else None,
            cost_usd=read.cost_usd if read else self._cost_of_nothing(),
            first_byte_at=response.first_byte_at if response else None,
            received_at=at,
        )

    def _cost_of_nothing(self) -> Decimal | None:
        """Return 0 where nothing was ever sent; what broke off may have cost, and nobody says."""
        kind = self.failure and self.failure.error_kind
        return Decimal(0) if self.response is None and kind in NEVER_SENT else None
