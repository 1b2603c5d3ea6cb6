"""Calls that other programs made, as a recorder takes them: read, and priced where it is known."""

from datetime import datetime
from decimal import Decimal
from typing import Final
from urllib.parse import urlsplit

from tapetrail.analysts.models import bodies
from tapetrail.analysts.models.bodies import Document
from tapetrail.analysts.models.endpoints import Endpoint
from tapetrail.analysts.models.families import FAMILIES
from tapetrail.analysts.models.overheard import HeardReply, Overheard, overheard
from tapetrail.analysts.models.pricing import PricedCall, UnknownPrice, cost_usd, price_of
from tapetrail.core.canonical import plain_json
from tapetrail.core.errors import InvalidInput
from tapetrail.core.recording.entries import Members
from tapetrail.core.recording.readings import Came, ReplyRead, RequestRead
from tapetrail.http.calls import is_loopback

_PATHS: Final = (
    ("contents", "https://./v1beta/models/x:generateContent"),
    ("input", "https://./v1/responses"),
)
"""By a member of a request: an address whose path says its format, where nobody says it."""
_CHAT: Final = "https://./v1/chat/completions"
_MESSAGES: Final = "https://./v1/messages"
_NOWHERE: Final = "https://."


def read_request(url: str | None, request: bytes | None) -> RequestRead:
    """Return what a request says; without its address, by what it looks like."""
    heard = overheard(_address(url, request, b""), request, HeardReply(http_status=None))
    return RequestRead(
        base_url=None if url is None else heard.base_url,
        provider=(heard.provider or None) if url is not None else None,
        model_name=heard.model_name,
        prompt_text=heard.prompt_text,
        params=_members(heard.params),
        images=heard.images,
    )


def read_reply(url: str | None, request: bytes | None, came: Came, *, at: datetime) -> ReplyRead:
    """Return what a reply says, and what the call cost at `at`, where anybody knows it."""
    body = came.body or b""
    heard = overheard(
        _address(url, request, body),
        request,
        HeardReply(
            http_status=came.http_status or (200 if came.body else None),
            headers=came.headers,
            body=body,
            content_encoding=came.content_encoding,
            is_partial=came.is_partial,
        ),
    )
    reply = heard.reply
    return ReplyRead(
        text=heard.text,
        tool_calls=tuple(map(plain_json, heard.tool_calls)),
        model_reported=reply.model_reported,
        finish_reason=reply.finish_reason,
        service_tier=reply.service_tier,
        usage=None if reply.usage is None else _members(reply.usage),
        tokens_used=reply.tokens_used,
        cost_usd=None if url is None else _cost(url, heard, at),
        is_whole=heard.is_complete,
        error_kind=heard.error_kind,
        error_message=heard.error_message,
    )


def _members(found: "Document") -> Members:
    said = plain_json(found)
    return said if isinstance(said, dict) else {}


def _address(url: str | None, request: bytes | None, reply: bytes) -> str:
    """Return the address of a call; of one that nobody says, one whose path fits its bodies."""
    if url is not None:
        return url
    asked = _parsed(request)
    fitting = next((address for name, address in _PATHS if name in asked), None)
    if fitting is not None or "messages" not in asked:
        return fitting or _NOWHERE
    answered = _parsed(reply)
    is_claude = answered.get("type") == "message" or "anthropic_version" in asked
    return _MESSAGES if is_claude else _CHAT


def _parsed(body: bytes | None) -> Document:
    try:
        return bodies.parsed(body or b"")
    except InvalidInput:
        return {}


def _cost(url: str, heard: Overheard, at: datetime) -> Decimal | None:
    """Return what a call cost at its provider's own address or on this machine, else None."""
    place, counted = urlsplit(url), heard.reply.counted
    if counted is None or heard.model_name is None:
        return None
    family = next(
        (each for each in FAMILIES
         if each.base_url is not None and urlsplit(each.base_url).netloc == place.netloc),
        None,
    )  # fmt: skip
    is_local = is_loopback(place.hostname or "")
    if family is None and not is_local:
        return None
    priced = price_of(
        PricedCall(
            endpoint=Endpoint(
                family="compatible" if family is None else family.word,
                provider=heard.provider,
                host=place.netloc,
                is_own=family is not None,
                is_local=is_local,
            ),
            model_asked=heard.model_name,
            input_tokens=counted.input_total,
            at=at,
            model_reported=heard.reply.model_reported,
            tier=heard.reply.service_tier,
        )
    )
    if isinstance(priced, UnknownPrice):
        return None
    try:
        return cost_usd(counted, priced)
    except InvalidInput:
        return None
