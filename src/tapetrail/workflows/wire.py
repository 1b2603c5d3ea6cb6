"""Questions over a wire, by a ledger: all that goes out and comes back is on record before use.

An attempt is committed before it is sent, a reply before it is read. Whoever goes on after a crash
finds the replies there and asks only what has none; an attempt without a reply is a lost call.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tapetrail.analysts.protocol import ReadResponse, RemoteAnalyst, Request, Response
from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.analysis.questions import Question
from tapetrail.core.analysis.replies import AnswerKey, Reply
from tapetrail.core.blob_keys import object_key
from tapetrail.core.canonical import storable_text
from tapetrail.core.errors import EdgeFailure, ErrorKind, Stage, TapeTrailError
from tapetrail.core.failures import Failure
from tapetrail.core.records.answers import AttemptRecord, ReplyRecord
from tapetrail.core.records.base import Stored
from tapetrail.persistence import keep_object
from tapetrail.store import appends, ledger
from tapetrail.store.ledger import Call
from tapetrail.store.reads import DecisionTask
from tapetrail.workflows.ask import Heard, Seat
from tapetrail.workflows.prepare import Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """What questions over a wire need: the record, the blob store, the world."""

    engine: Engine
    blobs: BlobStore
    ports: Ports

    def calls(self, task: DecisionTask) -> dict[AnswerKey, list[Call]]:
        """Return the calls of a decision so far, by the answer that they were made for."""
        with Session(self.engine) as session:
            return by_key(ledger.calls(session, task.refs.decision.id))


def by_key(calls: Iterable[Call]) -> dict[AnswerKey, list[Call]]:
    """Return calls by the answer that they were made for, oldest first."""
    found: dict[AnswerKey, list[Call]] = {}
    for call in calls:
        found.setdefault(call.key, []).append(call)
    return found


def answered(calls: Mapping[AnswerKey, list[Call]], key: AnswerKey) -> Call | None:
    """Return the call that brought an answer its bytes, None while none has."""
    return next((call for call in calls.get(key, []) if call.response_digest), None)


def ask_remote(
    wire: Wire, task: DecisionTask, calls: Mapping[AnswerKey, list[Call]]
) -> Callable[[Seat, Question], Heard]:
    """Return what puts a question: to the ledger, and where that has no reply, to the analyst."""

    def put(seat: Seat, question: Question) -> Heard:
        key, analyst = seat.key(question), remote(seat)
        request = analyst.request(question)
        before = calls.get(key, [])
        call = answered(calls, key)
        if call is None:
            attempt = _Attempt(key=key, request=request, attempt_no=len(before) + 1)
            call = _send(wire, task, analyst=analyst, attempt=attempt)
        return read_call(wire.blobs, analyst, request=request, call=call)

    return put


def look_up(wire: Wire, calls: Mapping[AnswerKey, list[Call]]) -> Callable[[Seat, Question], Heard]:
    """Return what puts a question to the ledger alone."""

    def put(seat: Seat, question: Question) -> Heard:
        key, analyst = seat.key(question), remote(seat)
        made = calls.get(key, [])
        call = answered(calls, key) or (made[-1] if made else None)
        if call is None:
            raise LookupError(f"{key}: nobody asked")
        return read_call(wire.blobs, analyst, request=analyst.request(question), call=call)

    return put


def nobody(seat: Seat, question: Question) -> Heard:
    """Put a question to nobody: for decisions in which every analyst is code."""
    raise LookupError(f"{seat.key(question)}: nobody is asked over a wire")


def remote(seat: Seat) -> RemoteAnalyst:
    """Return the analyst of a seat, which is one over a wire."""
    if not isinstance(seat.analyst, RemoteAnalyst):
        raise TypeError(f"{seat.analyst.identity.name} is not asked over a wire")
    return seat.analyst


def read_call(blobs: BlobStore, analyst: RemoteAnalyst, *, request: Request, call: Call) -> Heard:
    """Return what a call brought: a reply, or the reason why it holds none."""
    read = _read(blobs, analyst, call)
    received_at = call.received_at or call.sent_at
    reply = Reply(
        model=analyst.identity,
        prompt_text=request.prompt_text,
        response_text=read.text,
        metadata=read,
        latency_ms=round((received_at - call.sent_at).total_seconds() * 1000),
        requested_at=call.sent_at,
        analyzed_at=received_at,
    )
    if read.error_kind is None or read.error_message is None:
        return Heard(reply=reply)
    failure = Failure(
        failed_stage=Stage.ANALYSIS,
        error_kind=read.error_kind,
        error_message=storable_text(read.error_message),
    )
    return Heard(reply=reply, failure=failure)


def _read(blobs: BlobStore, analyst: RemoteAnalyst, call: Call) -> ReadResponse:
    if call.response_digest is None:
        said = call.error_kind or "the call was lost"
        return ReadResponse(
            text=None,
            error_kind=call.error_kind or ErrorKind.ANALYST_UNAVAILABLE,
            error_message=f"no reply to attempt {call.attempt_no}: {said}",
        )
    body = blobs.read(object_key(call.response_digest), digest=call.response_digest)
    try:
        return analyst.read(
            Response(
                body=body,
                media_type=call.media_type or "",
                http_status=call.http_status,
                provider_request_id=call.provider_request_id,
            )
        )
    except TapeTrailError as error:
        failure = Failure.of(Stage.ANALYSIS, error)
        return ReadResponse(
            text=None, error_kind=failure.error_kind, error_message=failure.error_message
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """One call that is about to be made."""

    key: AnswerKey
    request: Request
    attempt_no: int


def _send(wire: Wire, task: DecisionTask, *, analyst: RemoteAnalyst, attempt: _Attempt) -> Call:
    """Send a request, its attempt committed before and its reply after; return the call."""
    row, sent_at = _append_attempt(wire, task, analyst=analyst, attempt=attempt)
    response, kind = None, None
    try:
        response = analyst.send(attempt.request)
    except EdgeFailure as error:
        kind = Failure.of(Stage.ANALYSIS, error).error_kind
    received_at = wire.ports.clock()
    body = response and keep_object(wire.blobs, response.body, media_type=response.media_type)
    record = ReplyRecord(
        attempt=row,
        decision=task.refs.decision,
        response_digest=body.digest if body else None,
        http_status=response.http_status if response else None,
        provider_request_id=response.provider_request_id if response else None,
        error_kind=kind,
        usage=None,
        cost_usd=None,
        received_at=received_at,
    )
    with Session(wire.engine) as session, session.begin():
        appends.append_blobs(session, [body] if body else [], at=received_at)
        appends.append(session, record)
    return Call(
        attempt=row,
        key=attempt.key,
        attempt_no=attempt.attempt_no,
        sent_at=sent_at,
        response_digest=record.response_digest,
        media_type=response.media_type if response else None,
        http_status=record.http_status,
        provider_request_id=record.provider_request_id,
        error_kind=kind,
        received_at=received_at,
    )


def _append_attempt(
    wire: Wire, task: DecisionTask, *, analyst: RemoteAnalyst, attempt: _Attempt
) -> tuple[Stored, datetime]:
    request = attempt.request
    body = keep_object(wire.blobs, request.body, media_type=request.media_type)
    record = AttemptRecord(
        decision=task.refs.decision,
        key=attempt.key,
        attempt_no=attempt.attempt_no,
        provider=analyst.identity.provider,
        model_name=analyst.identity.model_name,
        request_digest=body.digest,
        sent_at=wire.ports.clock(),
    )
    with Session(wire.engine) as session, session.begin():
        appends.append_blobs(session, [body], at=record.sent_at)
        return appends.append(session, record), record.sent_at
