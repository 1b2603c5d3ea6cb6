"""What an analyst is: one that answers at once, or one that is asked over a wire.

Both say who they are, as the record names them. A reply is the text that `Question.parse` reads.
"""

from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from tapetrail.core.analysis.questions import Question
from tapetrail.core.analysis.replies import Model, ReplyMetadata
from tapetrail.core.errors import ErrorKind, InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity(Model):
    """Who an analyst is: the name in strategies, and the model that is asked for."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The exact bytes that go out, and the text among them that a person would call the prompt."""

    body: bytes
    media_type: str
    prompt_text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The exact bytes that came back; `body` may be any provider's way of saying no."""

    body: bytes
    media_type: str
    http_status: int | None = None
    provider_request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResponse(ReplyMetadata):
    """What a response says: the reply's text, and what the provider reports about it.

    Without a text, `error_kind` and `error_message` say why there is none: a refusal costs, too.
    """

    text: str | None
    error_kind: ErrorKind | None = None
    error_message: str | None = None

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


Analyst: TypeAlias = LocalAnalyst | RemoteAnalyst
