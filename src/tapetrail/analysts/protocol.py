"""What an analyst is: one that answers at once, or one that is asked over a wire.

Both say who they are, as the record names them. A reply is the text that `Question.parse` reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol, TypeAlias, runtime_checkable

from tapetrail.core.analysis.parsed_answers import ParsedAnswer
from tapetrail.core.analysis.questions import Question
from tapetrail.core.analysis.replies import Model, ReplyMetadata
from tapetrail.core.errors import EdgeFailure, ErrorKind, InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity(Model):
    """Who an analyst is: the name in strategies, and the model that is asked for."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The exact bytes that go out, and the text among them that a person would call the prompt.

    `input_tokens_max` is how many tokens they can be at most, `input_tokens` about how many.
    """

    body: bytes
    media_type: str
    prompt_text: str | None = None
    input_tokens_max: int = 0
    input_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a call asks of the world: a place at an endpoint, tokens of its rate, and money.

    `endpoint` is the key that all processes count calls under, `provider` the word by which
    settings limit it. `usd_max` is the most that the call can cost, and `timeout_s` the longest
    that it can take.
    """

    endpoint: str
    provider: str
    tokens: int
    usd_max: Decimal
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The exact bytes that came back; `body` may be any provider's way of saying no.

    `headers` are those that are kept, in lower case, none with a secret. `sent_at` and `base_url`
    are when and where the request went, by which it is priced.
    """

    body: bytes
    media_type: str
    http_status: int | None = None
    provider_request_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    base_url: str | None = None
    sent_at: datetime | None = None
    first_byte_at: datetime | None = None


class BrokenResponse(EdgeFailure):
    """A response that began and did not end; `response` is what came of it."""

    def __init__(self, message: str, *, kind: ErrorKind, response: Response) -> None:
        super().__init__(message, kind=kind)
        self.response = response


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResponse(ReplyMetadata):
    """What a response says: the reply's text, and what the provider reports about it.

    Without a text, `error_kind` and `error_message` say why there is none: a refusal costs, too.
    `retry_after_s` is how long the body asks to wait before the next call.
    """

    text: str | None
    error_kind: ErrorKind | None = None
    error_message: str | None = None
    service_tier: str | None = None
    retry_after_s: Decimal | None = None

    def __post_init__(self) -> None:
        """Raise `InvalidInput` unless there is either a text or a reason why there is none."""
        super(ReadResponse, self).__post_init__()
        reasons = (self.error_kind is not None, self.error_message is not None)
        if reasons != ((self.text is None,) * 2):
            raise InvalidInput(
                f"response with text {self.text!r}, kind {self.error_kind}, message"
                f" {self.error_message!r}: it has a text, or a kind and a message"
            )


@runtime_checkable
class LocalAnalyst(Protocol):
    """An analyst that is code: it answers at once, costs nothing and reads no prompt."""

    @property
    def identity(self) -> Identity:
        """Return who the analyst is."""
        ...

    def reply(self, question: Question) -> str:
        """Return the reply's text.

        Raises `InvalidInput` with a kind where there is no answer; the message is recorded.
        """
        ...


@runtime_checkable
class RemoteAnalyst(Protocol):
    """An analyst over a wire. What goes out and what comes back is recorded before it is used.

    `request` and `read` are pure: the record calls them again, to tell what a question was and what
    a recorded response says.
    """

    @property
    def identity(self) -> Identity:
        """Return who the analyst is."""
        ...

    def request(self, question: Question) -> Request:
        """Return the request that asks a question."""
        ...

    def send(self, request: Request) -> Response:
        """Send a request once. Raises `EdgeFailure` with a kind where no response came."""
        ...

    def read(self, response: Response) -> ReadResponse:
        """Return what a response says, which may be that there is no reply."""
        ...


@runtime_checkable
class ModelAnalyst(RemoteAnalyst, Protocol):
    """An analyst over a wire that reads answers in its own way, and asks again about bad ones.

    `base_url` is the address that its calls go to. An answer is asked for at most `re_asks_max`
    times more, with what was wrong with it.
    """

    @property
    def re_asks_max(self) -> int:
        """Return how often an answer that came and cannot be used is asked for again."""
        ...

    def base_url(self) -> str:
        """Return where calls go. Raises `InvalidInput` with a kind where that cannot be said."""
        ...

    def demand(self, request: Request, *, at: datetime) -> Demand:
        """Return what a call asks of the world. Raises `InvalidInput` (`unknown_price`)."""
        ...

    def asked_as(self, question: Question) -> Model:
        """Return the model as it is asked this question."""
        ...

    def image_size(self, width: int, height: int) -> tuple[int, int] | None:
        """Return the size in which an image of this size travels, None where none is sent."""
        ...

    def parse(self, question: Question, text: str) -> ParsedAnswer:
        """Return the answer in a reply. Raises `InvalidInput` whose kind says why it is none."""
        ...


Analyst: TypeAlias = LocalAnalyst | RemoteAnalyst
