"""The calls that are made for one answer: its turns, and the repeats of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from tapetrail.core.analysis.replies import AnswerKey
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import ErrorKind
from tapetrail.core.recording.entries import AnalysisLogged, CallBegun, CallEnded, Members
from tapetrail.core.recording.readings import Came, Readers, ReplyRead, RequestRead
from tapetrail.core.recording.taken import Content
from tapetrail.core.records.states import AttemptReason
from tapetrail.sdk.books import Telling
from tapetrail.sdk.told import Told

OCTETS: Final = "application/octet-stream"
JSON: Final = "application/json"
REQUEST_ID: Final = ("x-request-id", "request-id", "x-amzn-requestid")
NOTHING_SAID: Final = "its program told no answer, and no call brought one"
_ERROR_STATUS: Final = 400


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """One call: what was sent, and once it is there what came."""

    external_id: str
    reply_id: str
    readers: Readers
    url: str | None
    request: bytes | None
    sent_at: datetime
    turn_no: int
    attempt_no: int
    reason: AttemptReason
    came: Came | None = None
    first_byte_at: datetime | None = None
    received_at: datetime | None = None
    _asked: RequestRead | None = None
    _heard: ReplyRead | None = None

    @property
    def has_failed(self) -> bool:
        """Whether no answer came, as far as its status and its end say."""
        came = self.came
        if came is None:
            return False
        if came.http_status is None:
            return came.body is None or came.error is not None
        return came.http_status >= _ERROR_STATUS or came.error is not None

    def asked(self) -> RequestRead:
        """Return what its request says."""
        self._asked = self._asked or self.readers.request(self.url, self.request)
        return self._asked

    def heard(self) -> ReplyRead:
        """Return what came back says."""
        if self.came is None:
            return ReplyRead()
        self._heard = self._heard or self.readers.reply(
            self.url, self.request, self.came, at=self.sent_at
        )
        return self._heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """An answer, or why there is none, or none that is whole."""

    text: str | None = None
    data: Members | None = None
    error_kind: ErrorKind | None = None
    error_message: str | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Conversation:
    """The calls of one answer, told as they are made."""

    told: Told
    decision: str
    key: AnswerKey
    calls: list[Call] = field(default_factory=list[Call])

    def begin(
        self, *, url: str | None, request: bytes | None, at: datetime, retries: int | None = None
    ) -> Call:
        """Return a call that is about to be made, which is told before anything came of it."""
        turn_no, reason = self._place_of(request, retries)
        call = Call(
            external_id=self.told.new_id(),
            reply_id=self.told.new_id(),
            readers=self.told.desk.readers,
            url=url,
            request=request,
            sent_at=at,
            turn_no=turn_no,
            attempt_no=len(self.calls) + 1,
            reason=reason,
        )
        self.calls.append(call)
        self.told.tell_later(lambda: [self._begun(call)])
        return call

    def end(
        self, call: Call, came: Came, *, received_at: datetime, first_byte_at: datetime | None
    ) -> None:
        """Tell what came of a call."""
        call.came, call.first_byte_at, call.received_at = came, first_byte_at, received_at
        self.told.tell_later(lambda: [self._ended(call, came, received_at)])

    def outcome(
        self, *, text: str | None, data: Members | None, failure: str | None = None
    ) -> "Outcome":
        """Return what the answer is: what its program said, else what its calls did."""
        heard = self.said()
        if failure is None and (text is not None or data is not None):
            return Outcome(text=heard.text if text is None else text, data=data)
        kind, words = self._trouble()
        if failure is not None or kind is not None:
            return Outcome(
                text=heard.text if text is None else text,
                data=data,
                error_kind=kind or ErrorKind.AGENT_FAILED,
                error_message=failure or words or str(kind),
            )
        if heard.text is not None:
            return Outcome(text=heard.text)
        if calls := (self.calls[-1].heard().tool_calls if self.calls else ()):
            return Outcome(data={"tool_calls": [*calls]})
        return Outcome(error_kind=ErrorKind.EMPTY_REPLY, error_message=NOTHING_SAID)

    def _trouble(self) -> tuple[ErrorKind | None, str | None]:
        """Return why the last call brought nothing, or not all."""
        last = self.calls[-1] if self.calls else None
        if last is None or last.came is None:
            return None, None
        return _failure(last.came, last.heard())

    def said(self) -> ReplyRead:
        """Return what the last call that brought an answer said."""
        return next((c.heard() for c in reversed(self.calls) if c.heard().text is not None),
                    ReplyRead())  # fmt: skip

    def completed(
        self, asked: AnalysisLogged, outcome: "Outcome", *, at: datetime, **said: Any
    ) -> AnalysisLogged:
        """Return an analysis with what its program says, and what its calls say besides."""
        said |= {
            "response_text": outcome.text,
            "data": outcome.data,
            "error_kind": outcome.error_kind,
            "error_message": outcome.error_message,
        }
        if not self.calls:
            return replace(asked, at=at, **said)
        first, last = self.calls[0].asked(), self.said()
        shown = [self.told.images[each] for call in self.calls for each in call.asked().images
                 if each in self.told.images]  # fmt: skip
        return replace(
            asked,
            at=at,
            **said,
            charts=asked.charts or tuple(dict.fromkeys(shown)),
            provider=asked.provider or first.provider,
            model_name=asked.model_name or first.model_name,
            model_reported=asked.model_reported or last.model_reported,
            params=asked.params or first.params,
            prompt_text=asked.prompt_text or self.calls[-1].asked().prompt_text,
            usage=asked.usage or last.usage,
            tokens_used=asked.tokens_used or _total(self.calls),
            cost_usd=_cost(asked.cost_usd, self.calls),
            finish_reason=asked.finish_reason or last.finish_reason,
            requested_at=asked.requested_at or self.calls[0].sent_at,
        )

    def _place_of(self, request: bytes | None, retries: int | None) -> tuple[int, AttemptReason]:
        """Return the turn of a call, and why it is made: the same request again is a retry."""
        if not self.calls:
            return 1, AttemptReason.FIRST
        before = self.calls[-1]
        is_again = request is not None and request == before.request
        if retries or (is_again and before.has_failed):
            return before.turn_no, AttemptReason.RETRY
        return before.turn_no + 1, AttemptReason.NEXT_TURN

    def _begun(self, call: Call) -> Telling:
        asked, request = call.asked(), call.request
        entry = CallBegun(
            external_id=call.external_id,
            decision=self.decision,
            at=call.sent_at,
            question=self.key.question,
            analyst=self.key.analyst,
            sample_no=self.key.sample_no,
            turn_no=call.turn_no,
            attempt_no=call.attempt_no,
            reason=call.reason,
            base_url=asked.base_url,
            provider=asked.provider,
            model_name=asked.model_name,
            request=None if request is None else digest_bytes(request),
        )
        return Telling(entry, () if request is None else (Content(data=request, media_type=JSON),))

    def _ended(self, call: Call, came: Came, received_at: datetime) -> Telling:
        heard, body = call.heard(), came.body
        error_kind, message = _failure(came, heard)
        entry = CallEnded(
            external_id=call.reply_id,
            decision=self.decision,
            at=received_at,
            call=call.external_id,
            response=None if body is None else digest_bytes(body),
            http_status=came.http_status,
            provider_request_id=next(
                (came.headers[name] for name in REQUEST_ID if name in came.headers), None
            ),
            headers=dict(came.headers) or None,
            content_encoding=came.content_encoding,
            service_tier=heard.service_tier,
            is_partial=(body is not None and came.is_partial and not heard.is_whole) or None,
            error_kind=error_kind,
            error_message=message,
            usage=heard.usage,
            cost_usd=heard.cost_usd,
            first_byte_at=call.first_byte_at,
        )
        return Telling(entry, () if body is None else (Content(data=body, media_type=OCTETS),))


def _failure(came: Came, heard: ReplyRead) -> tuple[ErrorKind | None, str | None]:
    """Return why a call brought nothing, or not all."""
    if came.error is not None:
        name, words = came.error
        kind = _KINDS.get(name, ErrorKind.AGENT_FAILED)
        return kind, f"{name}: {words}" if words else name
    if came.holds_key:
        return ErrorKind.KEY_ECHOED, "it showed the key of its call; its bytes are not kept"
    if came.is_cut:
        return ErrorKind.REPLY_TOO_LONG, "more came than is kept of a reply"
    if came.is_partial and not heard.is_whole:
        return ErrorKind.AGENT_FAILED, "its program did not read the reply to its end"
    if came.body is None and heard.error_kind is None:
        return ErrorKind.EMPTY_REPLY, "no bytes of the reply were seen"
    return heard.error_kind, heard.error_message


_KINDS: Final = {
    "ConnectTimeout": ErrorKind.CONNECT_TIMEOUT,
    "PoolTimeout": ErrorKind.CONNECT_TIMEOUT,
    "ReadTimeout": ErrorKind.REPLY_TIMEOUT,
    "WriteTimeout": ErrorKind.REPLY_TIMEOUT,
    "ConnectError": ErrorKind.CONNECTION_FAILED,
    "ProxyError": ErrorKind.CONNECTION_FAILED,
    "CloseError": ErrorKind.CONNECTION_RESET,
    "ReadError": ErrorKind.CONNECTION_RESET,
    "RemoteProtocolError": ErrorKind.CONNECTION_RESET,
    "WriteError": ErrorKind.CONNECTION_RESET,
    "DecodingError": ErrorKind.MALFORMED_REPLY,
}
"""What the network did, by httpx's names; any other error is the program's, which broke off."""


def _total(calls: Sequence[Call]) -> int | None:
    """Return the tokens of all calls; unknown where those of one that was answered are."""
    counts = [call.heard().tokens_used for call in calls if not call.has_failed]
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _cost(stated: Decimal | None, calls: Sequence[Call]) -> Decimal | None:
    """Return what is stated, else what all calls cost; unknown where one of them is."""
    if stated is not None:
        return stated
    costs = [call.heard().cost_usd for call in calls if not call.has_failed]
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if known and len(known) == len(costs) else None
