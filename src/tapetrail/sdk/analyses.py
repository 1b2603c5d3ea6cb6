"""One answer of a part of an agent: asked in a block, with every call that is seen inside."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from tapetrail.core.errors import InvalidInput
from tapetrail.core.recording import values
from tapetrail.core.recording.entries import AnalysisLogged, Members
from tapetrail.core.recording.values import Number
from tapetrail.sdk.books import Telling
from tapetrail.sdk.places import Where, enter, leave
from tapetrail.sdk.receipts import Logged

if TYPE_CHECKING:
    from contextvars import Token
    from decimal import Decimal

    from tapetrail.sdk.answers import Answers
    from tapetrail.sdk.calls import Conversation

ANALYSIS: Final = "analysis"
_MILLION: Final = 1_000_000


class Analysis:
    """One question to a part of an agent, from its block's beginning to its end.

    Calls to models that `Recorder.watch` sees inside are its turns. Without `answer` its answer is
    what the last of them said.
    """

    def __init__(
        self,
        decision: "Answers",
        conversation: "Conversation",
        *,
        asked: AnalysisLogged,
        begun_at: datetime,
    ) -> None:
        self._decision = decision
        self._conversation = conversation
        self._asked = asked
        self._begun_at = begun_at
        self._text: str | None = None
        self._data: Members | None = None
        self._confidence: Decimal | None = None
        self._token: Token[Where | None] | None = None
        self._has_ended = False

    @property
    def conversation(self) -> "Conversation":
        """The calls that are made for it."""
        return self._conversation

    @property
    def logged(self) -> Logged:
        """Its name, for `reads=`."""
        return Logged(
            external_id=self._asked.external_id, decision=self._asked.decision, kind=ANALYSIS
        )

    def answer(
        self,
        *,
        text: str | None = None,
        data: Mapping[str, object] | None = None,
        confidence: Number | None = None,
        confidence_scale: Number = 1,
    ) -> None:
        """Say what the answer is: its text, what was read out of it, and how sure it is."""
        if self._has_ended:
            raise InvalidInput("analysis: its block is over; answer within it")
        share = values.share_of(confidence, confidence_scale, "confidence")
        self._text = values.text_or_none(text, "text") or self._text
        self._data = self._data if data is None else values.members(data, "data")
        self._confidence = share[0] if share else self._confidence

    def __enter__(self) -> Self:
        """Begin: calls that are seen from now on are its turns."""
        self._token = enter(Where(self._decision, self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Tell the answer, or why there is none."""
        if self._token is not None:
            leave(self._token, Where(self._decision, self))
        self.end(error)
        del kind

    def end(self, error: BaseException | None = None) -> None:
        """Tell the answer, or why there is none: what the block's end does."""
        self._has_ended = True
        self._decision.tell_analysis(self.logged, partial(self._concluded, error))

    async def __aenter__(self) -> Self:
        """Begin, as in a plain block."""
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Tell the answer, as a plain block does."""
        self.__exit__(kind, error, trace)

    def _concluded(self, error: BaseException | None, at: datetime) -> Sequence[Telling]:
        """Return what is told at the end; the calls it had say what the program did not."""
        failure = None if error is None else values.words_of(error)
        outcome = self._conversation.outcome(text=self._text, data=self._data, failure=failure)
        spent = at - self._begun_at
        told = self._conversation.completed(
            self._asked,
            outcome,
            at=at,
            confidence=self._confidence,
            latency_ms=round(spent.total_seconds() * _MILLION) // 1000,
        )
        return [Telling(told)]
