"""Questions over a wire, by a ledger: all that goes out and comes back is on record before use.

An attempt is committed before it is sent, a reply before it is read. Whoever goes on after a crash
finds the replies there and asks only what has none; an attempt without a reply is a lost call.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from psycopg.errors import RestrictViolation, UniqueViolation
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tapetrail.analysts.protocol import ReadResponse, RemoteAnalyst, Request, Response
from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.analysis.questions import Question
from tapetrail.core.analysis.replies import AnswerKey, Reply
from tapetrail.core.blob_keys import object_key
from tapetrail.core.canonical import digest_bytes, storable_text
from tapetrail.core.errors import ErrorKind, Stage, TapeTrailError
from tapetrail.core.failures import Failure
from tapetrail.core.records.answers import AttemptRecord, ReplyRecord
from tapetrail.core.records.base import Stored
from tapetrail.persistence import keep_object
from tapetrail.store import appends, ledger
from tapetrail.store.ledger import Call
from tapetrail.store.reads import DecisionTask
from tapetrail.workflows.ask import Heard, Seat, asking
from tapetrail.workflows.halting import Halted, goes_on
from tapetrail.workflows.prepare import Ports

_OTHER_REQUEST: Final = ReadResponse(
    text=None,
    error_kind=ErrorKind.DEFECT,
    error_message="the analyst makes another request of this question now than the one it was"
    " asked with: a request follows from its question alone",
)


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
    """Return calls by the answer that they were made for, each in the order that they came in."""
    found: dict[AnswerKey, list[Call]] = {}
    for call in calls:
        found.setdefault(call.key, []).append(call)
    return found


def settled(made: Sequence[Call]) -> Call | None:
    """Return the call that counts of those made for one answer: the first that brought bytes.

    Which one that is never changes: a reply that comes late, from a process that was thought dead,
    is a later row.
    """
    return next((call for call in made if call.response_digest), None)


def ask_remote(
    wire: Wire, task: DecisionTask, calls: Mapping[AnswerKey, Sequence[Call]]
) -> Callable[[Seat, Question], Heard]:
    """Return what puts a question: to the ledger, and where that has no reply, to the analyst."""

    def put(seat: Seat, question: Question) -> Heard:
        key, analyst = seat.key(question), remote(seat)
        with asking(key):
            request = analyst.request(question)
        made = calls.get(key, [])
        call = settled(made) or _call(
            wire, task, analyst=analyst, asked=_Asked(key=key, request=request, made=made)
        )
        return read_call(wire.blobs, analyst, request=request, call=call)

    return put


def look_up(
    wire: Wire, calls: Mapping[AnswerKey, Sequence[Call]]
) -> Callable[[Seat, Question], Heard]:
    """Return what puts a question to the ledger alone."""

    def put(seat: Seat, question: Question) -> Heard:
        key, analyst = seat.key(question), remote(seat)
        made = calls.get(key, [])
        call = settled(made) or (made[-1] if made else None)
        if call is None:
            raise LookupError(f"{key}: nobody asked")
        with asking(key):
            request = analyst.request(question)
        return read_call(wire.blobs, analyst, request=request, call=call)

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
    is_same = digest_bytes(request.body) == call.request_digest
    read = _read(blobs, analyst, call) if is_same else _OTHER_REQUEST
    received_at = call.received_at or call.sent_at
    reply = Reply(
        model=analyst.identity,
        prompt_text=request.prompt_text if is_same else None,
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
        said = call.error_message or call.error_kind or "the call was lost"
        return ReadResponse(
            text=None,
            error_kind=call.error_kind or ErrorKind.ANALYST_UNAVAILABLE,
            error_message=f"no reply to attempt {call.attempt_no}: {said}",
        )
    body = blobs.read(object_key(call.response_digest), digest=call.response_digest)
    response = Response(
        body=body,
        media_type=call.media_type or "",
        http_status=call.http_status,
        provider_request_id=call.provider_request_id,
    )
    try:
        with asking(call.key):
            return analyst.read(response)
    except TapeTrailError as error:
        failure = Failure.of(Stage.ANALYSIS, error)
        return ReadResponse(
            text=None, error_kind=failure.error_kind, error_message=failure.error_message
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """An answer that is wanted, the request for it, and the calls that were made in vain."""

    key: AnswerKey
    request: Request
    made: Sequence[Call]


def _call(wire: Wire, task: DecisionTask, *, analyst: RemoteAnalyst, asked: _Asked) -> Call:
    """Send a request, its attempt committed before and its reply after; return what counts now."""
    try:
        attempt = _append_attempt(wire, task, analyst=analyst, asked=asked)
    except IntegrityError as error:
        if not isinstance(error.orig, UniqueViolation):
            raise
        # A process that was thought dead asks the same, so that the number of the attempt is taken.
        made = wire.calls(task)[asked.key]
        return settled(made) or _call(wire, task, analyst=analyst, asked=replace(asked, made=made))
    _append_reply(wire, task, attempt=attempt, analyst=analyst, asked=asked)
    made = wire.calls(task)[asked.key]
    return settled(made) or next(call for call in made if call.attempt == attempt)


def _append_attempt(
    wire: Wire, task: DecisionTask, *, analyst: RemoteAnalyst, asked: _Asked
) -> Stored:
    request = asked.request
    body = keep_object(wire.blobs, request.body, media_type=request.media_type)
    record = AttemptRecord(
        decision=task.refs.decision,
        key=asked.key,
        attempt_no=len(asked.made) + 1,
        provider=analyst.identity.provider,
        model_name=analyst.identity.model_name,
        request_digest=body.digest,
        sent_at=wire.ports.clock(),
    )
    with Session(wire.engine) as session, session.begin():
        if not goes_on(session, task):
            raise Halted
        appends.append_blobs(session, [body], at=record.sent_at)
        return appends.append(session, record)


def _append_reply(
    wire: Wire, task: DecisionTask, *, attempt: Stored, analyst: RemoteAnalyst, asked: _Asked
) -> None:
    response, body, failure = None, None, None
    try:
        with asking(asked.key):
            response = analyst.send(asked.request)
        body = keep_object(wire.blobs, response.body, media_type=response.media_type)
    except TapeTrailError as error:
        failure = Failure.of(Stage.ANALYSIS, error)
    received_at = wire.ports.clock()
    record = ReplyRecord(
        attempt=attempt,
        decision=task.refs.decision,
        response_digest=body.digest if body else None,
        http_status=response.http_status if response else None,
        provider_request_id=response.provider_request_id if response else None,
        error_kind=failure.error_kind if failure else None,
        error_message=failure.error_message if failure else None,
        usage=None,
        cost_usd=None,
        received_at=received_at,
    )
    try:
        with Session(wire.engine) as session, session.begin():
            appends.append_blobs(session, [body] if body else [], at=received_at)
            appends.append(session, record)
    except IntegrityError as error:
        if isinstance(error.orig, RestrictViolation):
            raise Halted from error  # the decision ended meanwhile, and takes no more rows
        raise
