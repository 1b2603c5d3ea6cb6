"""What a response says, in whichever wire format: a text, or the kind of reason why there is none.

A wire format reads its own documents; the rules that hold for all of them are here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from tapetrail.analysts.models import bodies, http_errors
from tapetrail.analysts.models.asking import ModelRequest
from tapetrail.analysts.models.bodies import Document
from tapetrail.analysts.models.usage import Usage
from tapetrail.analysts.protocol import ReadResponse
from tapetrail.core.canonical import FieldValue, storable, storable_text
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.http.excerpts import shown

REDIRECTS: Final = range(300, 400)
SUCCESSES: Final = range(200, 300)
GIVEN_UP: Final = frozenset({408, 499, 502, 504, 520, 524})
"""What stands before a provider says so where it heard no answer: there may be one, and a bill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReply(ReadResponse):
    """What a response says, and what the next step needs to know of it.

    `usage` is what `counted` holds by kind, with the provider's own object as `raw`; where that
    could not be counted, `uncounted` says why, and the counts are missing.
    """

    counted: Usage | None = None
    provider_error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """Why a document holds no answer."""

    kind: ErrorKind
    reason: str


Stops: TypeAlias = Mapping[str | None, NoAnswer | None]
"""What each way to stop means for the answer, None where it is whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a document of a wire format says; `text` may be there beside a reason against it.

    `error` is what stands beside an answer that failed half-way, where a gateway says so there.
    """

    text: str | None = None
    no_answer: NoAnswer | None = None
    finish_reason: str | None = None
    model_reported: str | None = None
    usage: Document | None = None
    service_tier: str | None = None
    error: FieldValue = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WireFormat:
    """How one kind of endpoint is spoken to. All of it is pure; `path` follows the base URL.

    `count` returns the usage that a provider's own object states, and raises `InvalidInput` where
    it states none that can be.
    """

    name: str
    path: Callable[[str], str]
    build: Callable[[ModelRequest], bytes]
    document: Callable[[Document], Said]
    count: Callable[[Document], Usage]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def read(
        self, body: bytes, *, http_status: int, headers: Mapping[str, str] | None = None
    ) -> ReadReply:
        """Return what a response says; `headers` are those that were kept, in lower case.

        Whatever came, this returns a text or a kind of reason, and raises nothing.
        """
        kept = headers or {}
        if http_status in REDIRECTS:
            return redirected(http_status, kept)
        try:
            plain = bodies.decoded(body, kept.get("content-encoding"))
            if http_status not in SUCCESSES:
                return _failed(http_errors.failure(plain, http_status=http_status))
            document = bodies.parsed(plain)
        except InvalidInput as error:
            kind = error.kind or ErrorKind.NOT_JSON_BODY
            if http_status not in SUCCESSES:
                kind = http_errors.kind_of_status(http_status)
            return unanswered(kind, f"HTTP {http_status}: {error.message}")
        said = self.document(document)
        reply, error = _concluded(said, self.count, kept), document.get("error") or said.error
        if not error:
            return reply
        # What failed half-way says so in a document of its own, and may have cost tokens.
        return _failed(http_errors.failure_in({"error": error}, http_status=http_status), reply)


def redirected(http_status: int, headers: Mapping[str, str]) -> ReadReply:
    """Return why a redirect is no answer; of `location` the transport keeps the host alone."""
    place = headers.get("location") or "nowhere"
    return unanswered(
        ErrorKind.REDIRECTED,
        f"HTTP {http_status}: redirects to {shown(place)} are not followed; state that"
        " address as the base URL if it is meant",
    )


def unanswered(kind: ErrorKind, message: str) -> ReadReply:
    """Return a reply that holds nothing but the reason."""
    return ReadReply(text=None, error_kind=kind, error_message=storable_text(message))


def stop(reason: str | None, stops: Stops, *, name: str) -> NoAnswer | None:
    """Return what a reason to stop means; one that is not in the table is malformed."""
    if reason in stops:
        return stops[reason]
    stated = "is missing" if reason is None else f"{shown(reason)} is unknown"
    return NoAnswer(kind=ErrorKind.MALFORMED_REPLY, reason=f"{name} {stated}")


def malformed(reason: str) -> NoAnswer:
    """Return that the provider itself made the answer wrong."""
    return NoAnswer(kind=ErrorKind.MALFORMED_REPLY, reason=reason)


def _failed(failure: http_errors.HttpFailure, reply: ReadReply | None = None) -> ReadReply:
    return replace(
        reply or unanswered(failure.kind, failure.message),
        text=None,
        error_kind=failure.kind,
        error_message=storable_text(failure.message),
        provider_error=failure.provider_error and storable_text(failure.provider_error),
        retry_after_s=failure.retry_after_s,
    )


def _concluded(
    said: Said, count: Callable[[Document], Usage], headers: Mapping[str, str]
) -> ReadReply:
    counted, usage = _usage(said.usage, count, has_text=_has_text(said))
    no_answer = _no_answer(said)
    tier = said.service_tier or headers.get("x-gemini-service-tier")
    return ReadReply(
        text=None if no_answer else said.text,
        error_kind=no_answer and no_answer.kind,
        error_message=no_answer and storable_text(no_answer.reason),
        model_reported=said.model_reported and storable_text(said.model_reported),
        finish_reason=said.finish_reason and storable_text(said.finish_reason),
        service_tier=tier and storable_text(tier),
        counted=counted,
        usage=usage,
        tokens_used=counted and counted.tokens_used,
    )


def _has_text(said: Said) -> bool:
    return bool(said.text and said.text.strip())


def _no_answer(said: Said) -> NoAnswer | None:
    """Return why there is no answer: by the provider's word, or because its text holds nothing."""
    has_text, found = _has_text(said), said.no_answer
    if found and found.kind is ErrorKind.TRUNCATED and not has_text:
        reason = f"{found.reason}, and no text came before it: thinking counts in the maximum"
        return NoAnswer(kind=ErrorKind.TRUNCATED_WITHOUT_TEXT, reason=reason)
    if found or has_text:
        return found
    if said.text is None:
        return NoAnswer(kind=ErrorKind.NULL_REPLY, reason="no text came, and no reason for it")
    return NoAnswer(kind=ErrorKind.EMPTY_REPLY, reason=f"the text is {said.text[:80]!r}: empty")


def _usage(
    raw: Document | None, count: Callable[[Document], Usage], *, has_text: bool
) -> tuple[Usage | None, dict[str, FieldValue] | None]:
    if raw is None:
        return None, None
    kept: dict[str, FieldValue] = {"raw": storable(raw)}
    try:
        counted = count(raw)
        if has_text:
            counted.check_wrote()
    except InvalidInput as error:
        return None, {**kept, "uncounted": storable_text(error.message)}
    return counted, {**counted.counts(), **kept}
