"""What is seen of one call: what went out, what came back, and who is told.

No secret is in either: headers whose names say that they hold one are cut, and an address shows
`***` in their place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request as it goes out: `body` is to the byte what is sent, None where it is not known.

    It is not known of a body that is made while it is sent (`body_unknown`), and not kept of one
    that holds the very key the call is made with (`holds_key`). `retry_count` is how often the
    program's SDK tried before, None where it does not say. `library` is what sends: httpx or
    httpx2.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = field(repr=False)
    sent_at: datetime
    library: str
    body_unknown: bool = False
    holds_key: bool = False
    retry_count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What the program saw instead of a reply, or of its rest: the error's class and its words."""

    name: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What came back, `body` as it lay on the wire, still packed as `content_encoding` says.

    Without `http_status` no reply began. `is_partial` says that the program did not read to the
    end: it closed the reply before, it failed, or it was forgotten. `is_cut` says that more came
    than is kept, and `holds_key` that the reply showed the key it was asked with, so that its bytes
    are not kept.
    """

    http_status: int | None
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    content_encoding: str | None
    first_byte_at: datetime | None
    received_at: datetime
    is_partial: bool = False
    is_cut: bool = False
    holds_key: bool = False
    error: Failure | None = None


class Observer(Protocol):
    """Who is told of calls. What it raises is counted, and the program's call goes on.

    The program waits for both methods, so they should only take note.
    """

    def begin(self, sent: Sent) -> object:
        """Return a token for the call; this runs before it is sent, in the caller's context."""
        ...

    def end(self, token: object, received: Received) -> None:
        """Take note of what came; this runs once for each `begin` that returned.

        It may run in another thread and context than `begin`, and after the watching has stopped.
        """
        ...
