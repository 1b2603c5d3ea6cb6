"""What the bytes of a call say: the model, the words, the tokens, what they cost.

Values alone; who reads them is handed to a recorder.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from tapetrail.core.canonical import Digest
from tapetrail.core.errors import ErrorKind
from tapetrail.core.recording.entries import JsonMember, Members


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What came back for a call, as it is kept; `error` is the class and the words of one.

    Without `http_status` and `body` nothing came. `is_cut` says that more came than is kept, and
    `holds_key` that it showed the key of its call, and is not kept.
    """

    http_status: int | None
    headers: Mapping[str, str]
    content_encoding: str | None
    body: bytes | None
    is_partial: bool
    error: tuple[str, str] | None = None
    is_cut: bool = False
    holds_key: bool = False


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
    """What a reply says; an `error_kind` where it holds no answer, and is no call of a tool.

    `is_whole` says that it came to its own end, whatever its program read of what follows.
    """

    text: str | None = None
    tool_calls: tuple[JsonMember, ...] = ()
    model_reported: str | None = None
    finish_reason: str | None = None
    service_tier: str | None = None
    usage: Members | None = None
    tokens_used: int | None = None
    cost_usd: Decimal | None = None
    is_whole: bool = True
    error_kind: ErrorKind | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedBars:
    """The text of bars, and where they begin and end."""

    text: bytes
    first_on: date
    last_on: date
    bar_count: int


class ReadReply(Protocol):
    """Says what a reply says."""

    def __call__(
        self, url: str | None, request: bytes | None, came: Came, *, at: datetime
    ) -> ReplyRead:
        """Return what a reply says; `at` is when it was asked for, which decides what it cost."""
        ...


class ReadBars(Protocol):
    """Says which bars a frame holds."""

    def __call__(
        self, frame: object, *, timeframe: str, adjustment: str, now: datetime
    ) -> PostedBars:
        """Return the bars in a frame, of which none is still to come.

        Raises `InvalidInput` naming the row.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """Who reads frames, requests and replies."""

    bars: ReadBars
    request: Callable[[str | None, bytes | None], RequestRead]
    reply: ReadReply
