"""What the bytes of a call say: the model, the words, the tokens, what they cost.

It is worked out beside the agent, never while it waits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from tapetrail.core.canonical import Digest
from tapetrail.core.errors import ErrorKind
from tapetrail.core.recording.entries import JsonMember, Members


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRead:
    """What a request says; nothing where it is of no kind that is known."""

    base_url: str | None = None
    provider: str | None = None
    model_name: str | None = None
    prompt_text: str | None = None
    params: Members = field(default_factory=dict[str, JsonMember])
    images: Sequence[Digest] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRead:
    """What a reply says; an `error_kind` where it holds no answer."""

    text: str | None = None
    data: Members | None = None
    model_reported: str | None = None
    finish_reason: str | None = None
    service_tier: str | None = None
    usage: Members | None = None
    tokens_used: int | None = None
    cost_usd: Decimal | None = None
    error_kind: ErrorKind | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What came back for a call, as it is kept."""

    http_status: int | None
    headers: Mapping[str, str]
    content_encoding: str | None
    body: bytes | None
    is_partial: bool
    error: tuple[str, str] | None = None


def read_request(url: str | None, body: bytes | None) -> RequestRead:
    """Return what a request says."""
    del url, body
    return RequestRead()


def read_reply(asked: RequestRead, came: Came, *, at: datetime) -> ReplyRead:
    """Return what a reply says; `at` is when it was asked for, which decides what it cost."""
    del asked, came, at
    return ReplyRead()
