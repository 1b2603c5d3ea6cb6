"""What recorded calls say: their bytes read again, and what all calls for one answer came to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from tapetrail.analysts.protocol import (
    ReadResponse,
    RemoteAnalyst,
    Request,
    Response,
)
from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.analysis.replies import AnswerKey, Model, Reply, ReplyMetadata
from tapetrail.core.blob_keys import object_key
from tapetrail.core.canonical import Digest, FieldValue, digest_bytes, storable_text
from tapetrail.core.errors import ErrorKind, InvalidInput, Stage
from tapetrail.core.failures import Failure
from tapetrail.store.ledger import Call
from tapetrail.workflows.ask import Asked, Heard, asking, parsed
from tapetrail.workflows.images import Images
from tapetrail.workflows.turns import HeardCall, Standing

_OTHER_REQUEST: Final = ReadResponse(
    text=None,
    error_kind=ErrorKind.DEFECT,
    error_message="the analyst makes another request of this question now than the one it was"
    " asked with: a request follows from its question alone, in every release that was at work",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads the calls that were made for one answer, each once.

    A reply is used only where the request that it answers can be made again to the byte, so that
    what the record says was shown and asked is what was. `prompts` has the prompts of requests
    that are known to be so, by their digest: those that this process sent, and those made again.
    """

    blobs: BlobStore
    images: Images
    asked: Asked
    analyst: RemoteAnalyst
    prompts: dict[Digest, str | None] = field(default_factory=dict[Digest, str | None])
    heard: dict[int, HeardCall] = field(default_factory=dict[int, HeardCall])

    @classmethod
    def of(cls, blobs: BlobStore, images: Images, asked: Asked) -> "Reader":
        """Return what reads the calls for an answer."""
        return cls(blobs=blobs, images=images, asked=asked, analyst=remote(asked))

    def request(self, refused: str | None) -> Request:
        """Return the request that asks for the answer, after what was wrong with the one before.

        Raises what the analyst does.
        """
        with asking(self.asked.key):
            request = self.analyst.request(self.images.question(self.asked, refused=refused))
        self.prompts[digest_bytes(request.body)] = request.prompt_text
        return request

    def hear(self, call: Call, refused: str | None) -> HeardCall:
        """Return what a call brought."""
        known = self.heard.get(call.attempt.id)
        if known is None or (known.call.received_at is None and call.received_at is not None):
            self.heard[call.attempt.id] = known = self._hear(call, refused)
        return known

    def _hear(self, call: Call, refused: str | None) -> HeardCall:
        if call.request_digest not in self.prompts:
            self.request(refused)
        heard = HeardCall(
            call=call, read=self._read(call), prompt_text=self.prompts.get(call.request_digest)
        )
        if heard.read.text is None:
            return heard
        question = replace(self.asked.question, refused=refused)
        try:
            with asking(call.key):
                return replace(heard, answer=parsed(self.asked.named, question, heard.read.text))
        except InvalidInput as error:
            return replace(heard, refusal=error)

    def _read(self, call: Call) -> ReadResponse:
        if call.response_digest is None or call.is_partial:
            said = call.error_message or call.error_kind or "the call was lost"
            return ReadResponse(
                text=None,
                error_kind=call.error_kind or ErrorKind.ANALYST_UNAVAILABLE,
                error_message=f"no reply to attempt {call.attempt_no}: {said}",
            )
        if call.request_digest not in self.prompts:
            return _OTHER_REQUEST
        body = self.blobs.read(object_key(call.response_digest), digest=call.response_digest)
        response = Response(
            body=body,
            media_type=call.media_type or "",
            http_status=call.http_status,
            provider_request_id=call.provider_request_id,
            headers=call.headers,
            base_url=call.base_url,
            sent_at=call.sent_at,
            first_byte_at=call.first_byte_at,
        )
        with asking(call.key):
            read = self.analyst.read(response)
        return replace(read, text=read.text and storable_text(read.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardBefore:
    """What calls came to, by the answer that they were for, together with these calls."""

    by_key: dict[AnswerKey, tuple[Sequence[Call], Heard]] = field(
        default_factory=dict[AnswerKey, tuple[Sequence[Call], Heard]]
    )

    def keep(self, key: AnswerKey, calls: Sequence[Call], heard: Heard) -> Heard:
        """Keep what these calls came to, and return it."""
        self.by_key[key] = ([*calls], heard)
        return heard

    @property
    def seen(self) -> frozenset[int]:
        """The attempts of which something had come when it was heard."""
        calls = (call for made, _ in self.by_key.values() for call in made)
        return frozenset(call.attempt.id for call in calls if call.received_at is not None)

    def of(self, key: AnswerKey, calls: Sequence[Call]) -> Heard | None:
        """Return what exactly these calls came to, None where others are on record by now."""
        known = self.by_key.get(key)
        return known[1] if known is not None and known[0] == [*calls] else None


def remote(asked: Asked) -> RemoteAnalyst:
    """Return who is asked, which is an analyst over a wire."""
    analyst = asked.named.model or asked.named.analyst
    if not isinstance(analyst, RemoteAnalyst):
        raise TypeError(f"{analyst.identity.name} is not asked over a wire")
    return analyst


def heard_from(asked: Asked, standing: Standing, *, images: Images) -> Heard:
    """Return what the calls for an answer came to: the one that counts, or the last in vain."""
    heard = standing.counts or standing.latest
    reply = _reply(asked, standing, heard)
    if heard.answer is not None:
        return Heard(reply=reply, answer=heard.answer, shown=images.shown(asked))
    kind, message = heard.kind, heard.read.error_message
    if heard.refusal is not None:
        message = heard.refusal.message
    failure = Failure(
        failed_stage=Stage.ANALYSIS,
        error_kind=kind or ErrorKind.ANALYST_UNAVAILABLE,
        error_message=storable_text(message or "no reason was given"),
    )
    return Heard(reply=reply, failure=failure, shown=images.shown(asked))


def never_sent(
    asked: Asked, standing: Standing, failure: Failure, *, images: Images, at: datetime
) -> Heard:
    """Return that a call was not made, or not once more, with what it would have shown."""
    reply = Reply(
        model=_model(asked),
        response_text=None,
        metadata=_spent(standing) if standing.made else ReplyMetadata(cost_usd=Decimal(0)),
        latency_ms=None,
        requested_at=at,
        analyzed_at=at,
    )
    return Heard(reply=reply, failure=failure, shown=images.shown(asked))


def _model(asked: Asked) -> Model:
    model = asked.named.model
    return remote(asked).identity if model is None else model.asked_as(asked.question)


def _reply(asked: Asked, standing: Standing, heard: HeardCall) -> Reply:
    call = heard.call
    received_at = call.received_at or call.sent_at
    return Reply(
        model=_model(asked),
        prompt_text=heard.prompt_text,
        response_text=heard.read.text,
        metadata=_told(heard.read, _spent(standing)),
        latency_ms=round((received_at - call.sent_at).total_seconds() * 1000),
        requested_at=call.sent_at,
        analyzed_at=received_at,
    )


def _told(read: ReadResponse, spent: ReplyMetadata) -> ReplyMetadata:
    """Return what the call that counts reports, with what all calls used and cost."""
    return replace(
        spent,
        model_reported=read.model_reported,
        unit_prices=read.unit_prices,
        finish_reason=read.finish_reason,
    )


def _spent(standing: Standing) -> ReplyMetadata:
    """Return what all calls for an answer used and cost, which one unknown cost makes unknown."""
    heard = standing.heard
    if len(heard) == 1:
        (only,) = heard
        return ReplyMetadata(
            tokens_used=only.read.tokens_used, usage=only.read.usage, cost_usd=_cost(only)
        )
    costs = [_cost(each) for each in heard]
    known = [cost for cost in costs if cost is not None]
    tokens = [each.read.tokens_used for each in heard if each.read.tokens_used is not None]
    usages = [each.read.usage for each in heard if each.read.usage is not None]
    return ReplyMetadata(
        tokens_used=sum(tokens) if tokens else None,
        usage=_together(usages, calls=len(heard)) if usages else None,
        cost_usd=sum(known, Decimal(0)) if len(known) == len(costs) else None,
    )


def _cost(heard: HeardCall) -> Decimal | None:
    """Return what a call cost, as it was recorded when it came where that was done."""
    recorded = heard.call.cost_usd
    return heard.read.cost_usd if recorded is None else recorded


def _together(usages: Sequence[Mapping[str, FieldValue]], *, calls: int) -> dict[str, FieldValue]:
    """Return tokens by kind over several calls, with what each of them reported."""
    kinds = dict.fromkeys(
        name for usage in usages for name, count in usage.items() if type(count) is int
    )
    counted: dict[str, FieldValue] = {
        name: sum(count for usage in usages if type(count := usage.get(name)) is int)
        for name in kinds
    }
    return {**counted, "calls": calls, "raw": [usage.get("raw") for usage in usages]}
