"""What a provider's error says: which kind of reason, in its own words, and when to ask again."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tapetrail.analysts.models import bodies
from tapetrail.analysts.models.bodies import Document
from tapetrail.core.canonical import FieldValue
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.http.excerpts import shown

BY_STATUS: Final[Mapping[int, ErrorKind]] = {
    401: ErrorKind.BAD_KEY,
    402: ErrorKind.QUOTA_EXHAUSTED,
    403: ErrorKind.FORBIDDEN,
    404: ErrorKind.UNKNOWN_MODEL,
    408: ErrorKind.PROVIDER_TIMEOUT,
    409: ErrorKind.REQUEST_CONFLICT,
    429: ErrorKind.RATE_LIMITED,
    503: ErrorKind.OVERLOADED,
    504: ErrorKind.PROVIDER_TIMEOUT,
    529: ErrorKind.OVERLOADED,
}
# What providers say more exactly than by the status, in `type`, `code`, `status` or a detail.
BY_WORD: Final[Mapping[str, ErrorKind]] = {
    "insufficient_quota": ErrorKind.QUOTA_EXHAUSTED,
    "billing_hard_limit_reached": ErrorKind.QUOTA_EXHAUSTED,
    "billing_not_active": ErrorKind.QUOTA_EXHAUSTED,
    "billing_error": ErrorKind.QUOTA_EXHAUSTED,
    "contract_spend_limit_reached": ErrorKind.QUOTA_EXHAUSTED,
    "enforced_spend_limit_reached": ErrorKind.QUOTA_EXHAUSTED,
    "content_policy_violation": ErrorKind.BLOCKED,
    "content_filter": ErrorKind.BLOCKED,
    "invalid_api_key": ErrorKind.BAD_KEY,
    "authentication_error": ErrorKind.BAD_KEY,
    "API_KEY_INVALID": ErrorKind.BAD_KEY,
    "permission_error": ErrorKind.FORBIDDEN,
    "model_not_found": ErrorKind.UNKNOWN_MODEL,
    "not_found_error": ErrorKind.UNKNOWN_MODEL,
    "rate_limit_exceeded": ErrorKind.RATE_LIMITED,
    "rate_limit_error": ErrorKind.RATE_LIMITED,
    "overloaded_error": ErrorKind.OVERLOADED,
}
_SERVER_ERRORS: Final = 500
_STATUSES: Final = range(400, 600)
_SECONDS: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpFailure:
    """An error of a provider, as it says it."""

    kind: ErrorKind
    message: str
    provider_error: str | None = None
    retry_after_s: Decimal | None = None


def kind_of_status(http_status: int) -> ErrorKind:
    """Return what a status alone says."""
    failed = ErrorKind.PROVIDER_FAILED if http_status >= _SERVER_ERRORS else ErrorKind.BAD_REQUEST
    return BY_STATUS.get(http_status, failed)


def failure(body: bytes, *, http_status: int) -> HttpFailure:
    """Return what a response with an error's status says, whatever its body is."""
    try:
        document = bodies.parsed_error(body)
    except InvalidInput as error:
        said = f"HTTP {http_status}: {error.message}"
        return HttpFailure(kind=kind_of_status(http_status), message=said)
    return failure_in(document, http_status=http_status)


def failure_in(document: Document, *, http_status: int) -> HttpFailure:
    """Return what a document that holds an error says; some come with the status of a success."""
    error = document.get("error") or document
    words = list(dict.fromkeys(_words(error)))
    status = http_status if http_status in _STATUSES else _stated_status(error)
    known = next((BY_WORD[word] for word in words if word in BY_WORD), None)
    said = _said(error)
    named = f" ({', '.join(shown(word) for word in words)})" if words else ""
    return HttpFailure(
        kind=known or kind_of_status(status),
        message=f"HTTP {http_status}{named}: {shown(said)}",
        provider_error=words[0] if words else None,
        retry_after_s=_retry_after_s(error),
    )


def _said(error: FieldValue) -> str:
    """Return what an error says, and what a gateway's provider said behind it."""
    if isinstance(error, str):
        return error
    message = bodies.text_of(error, "message") or bodies.text_of(error, "detail")
    behind = bodies.text_of(error, "metadata", "raw")
    said = ": ".join(part for part in (message, behind) if part)
    # Whatever has another shape is shown as it is: somebody meant something by it.
    return said or (json.dumps(error, ensure_ascii=False, default=str) if error else "no message")


def _stated_status(error: FieldValue) -> int:
    code = bodies.part(error, "code")
    return code if isinstance(code, int) and code in _STATUSES else _SERVER_ERRORS


def _words(error: FieldValue) -> Iterator[str]:
    """Yield the words that say which error it is, the most exact first."""
    for each in bodies.objects(bodies.part(error, "details")):
        yield from _text(each, "reason")
    yield from _text(bodies.part(error, "details"), "error_code")
    for name in ("code", "type", "status"):
        yield from _text(error, name)


def _text(document: FieldValue, name: str) -> Iterator[str]:
    found = bodies.text_of(document, name)
    if found:
        yield found


def _retry_after_s(error: FieldValue) -> Decimal | None:
    """Return for how long Google's `RetryInfo` asks to wait: it sends no header."""
    for each in bodies.objects(bodies.part(error, "details")):
        found = _SECONDS.fullmatch(bodies.text_of(each, "retryDelay") or "")
        if found:
            return Decimal(found[1])
    return None
