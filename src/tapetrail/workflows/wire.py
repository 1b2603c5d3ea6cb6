"""Questions over a wire, by a ledger: all that goes out and comes back is on record before use.

An attempt is committed before it is sent, a reply before anything depends on it. Whoever goes on
after a crash finds the replies there and asks only what has none; an attempt without a reply is a
lost call. What is never sent, because nobody may or can send it, is told by its reason.
"""

import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field

from psycopg.errors import RestrictViolation, UniqueViolation
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tapetrail.analysts.models.retry import STOPS_ANALYST, GiveUp, Wait
from tapetrail.analysts.protocol import (
    BrokenResponse,
    Demand,
    ReadResponse,
    RemoteAnalyst,
    Request,
    Response,
)
from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.analysis.replies import AnswerKey
from tapetrail.core.errors import ErrorKind, Stage, TapeTrailError
from tapetrail.core.failures import Failure
from tapetrail.core.records.answers import AttemptRecord
from tapetrail.core.records.base import Stored
from tapetrail.persistence import keep_object
from tapetrail.store import appends, ledger
from tapetrail.store.budgets import AttemptKey
from tapetrail.store.ledger import Call
from tapetrail.store.reads import DecisionTask
from tapetrail.workflows.ask import Asked, Heard, asking
from tapetrail.workflows.calls import HeardBefore, Reader, heard_from, never_sent, remote
from tapetrail.workflows.came import Came
from tapetrail.workflows.gate import BLOCKS, Gate, Held, settle
from tapetrail.workflows.halting import Halted, goes_on
from tapetrail.workflows.images import Images
from tapetrail.workflows.prepare import Ports
from tapetrail.workflows.stops import StoppedAs, Stops
from tapetrail.workflows.turns import Standing, stand

Unsent = dict[AnswerKey, Failure]
"""Why calls were not made, by the answer that they were for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """What questions over a wire need: the record, the blob store, the world.

    `pause` waits for so many seconds, and ends the thread where the process ends; `ride_out` makes
    a call again for as long as the database is away. `stopped` are the analysts that are asked no
    more in an execution.
    """

    engine: Engine
    blobs: BlobStore
    ports: Ports
    images: Images
    pause: Callable[[float], None]
    ride_out: Callable[[Callable[[], None]], None]
    gate: Gate
    stopped: Stops = field(default_factory=Stops)

    def calls(
        self, task: DecisionTask, *, seen: Collection[int] | None = None
    ) -> dict[AnswerKey, list[Call]]:
        """Return the calls of a decision so far, by the answer that they were made for.

        Of attempts that are not among those `seen` with a reply, it came too late to count.
        """
        with Session(self.engine) as session:
            return by_key(ledger.calls(session, task.refs.decision.id), seen=seen)


def by_key(
    calls: Iterable[Call], *, seen: Collection[int] | None = None
) -> dict[AnswerKey, list[Call]]:
    """Return calls by the answer that they were made for, each in the order that they came in.

    What came of an attempt that is not `seen` is left out; such calls come last, as lost ones do.
    """
    made = [*calls]
    late = [each for each in made if seen is not None and each.attempt.id not in seen]
    found: dict[AnswerKey, list[Call]] = {}
    for call in [each for each in made if each not in late]:
        found.setdefault(call.key, []).append(call)
    for call in sorted(late, key=lambda each: each.attempt.id):
        found.setdefault(call.key, []).append(call.unanswered())
    return found


def ask_remote(
    wire: Wire,
    task: DecisionTask,
    calls: Mapping[AnswerKey, Sequence[Call]],
    *,
    unsent: Unsent,
    before: HeardBefore,
) -> Callable[[Asked], Heard]:
    """Return what puts a question: to the ledger, and where that has no reply, to the analyst.

    What is not sent goes into `unsent`, with its reason, and what is heard into `before`.
    """

    def put(asked: Asked) -> Heard:
        reader = Reader.of(wire.blobs, wire.images, asked)
        asker = _Asker(wire=wire, task=task, asked=asked, reader=reader)
        made = calls.get(asked.key, ())
        while True:
            standing = asker.standing(made)
            try:
                if not asker.goes_on(standing):
                    heard = heard_from(asked, standing, images=wire.images)
                    return before.keep(asked.key, made, heard)
                made = asker.call(standing)
            except TapeTrailError as error:
                unsent[asked.key] = _why_unsent(error)
            except CancelledError as error:
                raise SystemExit("this process waits for no reply any more") from error
            if asked.key in unsent:
                heard = never_sent(
                    asked, standing, unsent[asked.key], images=wire.images, at=wire.ports.clock()
                )
                return before.keep(asked.key, made, heard)

    return put


def look_up(
    wire: Wire,
    calls: Mapping[AnswerKey, Sequence[Call]],
    *,
    unsent: Mapping[AnswerKey, Failure],
    before: HeardBefore,
) -> Callable[[Asked], Heard]:
    """Return what puts a question to the ledger alone; what was read `before` is not read again."""

    def put(asked: Asked) -> Heard:
        known = before.of(asked.key, calls.get(asked.key, ()))
        if known is not None and asked.key not in unsent:
            return known
        reader = Reader.of(wire.blobs, wire.images, asked)
        standing = _standing(reader, calls.get(asked.key, ()))
        failure = unsent.get(asked.key)
        if failure is not None:
            return never_sent(asked, standing, failure, images=wire.images, at=wire.ports.clock())
        if not standing.made:
            raise LookupError(f"{asked.key}: nobody asked")
        return heard_from(asked, standing, images=wire.images)

    return put


def nobody(asked: Asked) -> Heard:
    """Put a question to nobody: for decisions in which every analyst is code."""
    raise LookupError(f"{asked.key}: nobody is asked over a wire")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asker:
    """One answer that is wanted, and what it takes to get it."""

    wire: Wire
    task: DecisionTask
    asked: Asked
    reader: Reader
    demanded: list[Demand] = field(default_factory=list[Demand])

    @property
    def analyst(self) -> RemoteAnalyst:
        """Return who is asked."""
        return remote(self.asked)

    def standing(self, made: Sequence[Call]) -> Standing:
        """Return where the answer stands by these calls."""
        return _standing(self.reader, made)

    def goes_on(self, standing: Standing) -> bool:
        """Return whether another call is to be made, once the time for it has come."""
        if standing.counts is not None:
            self._stop_where_it_stays_so(standing)
            return False
        chance = random.random()  # noqa: S311 # it spreads calls, and guards nothing
        step = standing.next(chance=chance, now=self.wire.ports.clock())
        if isinstance(step, GiveUp):
            return False
        if step.seconds > 0:
            self._tell_others(standing, step)
            self.wire.pause(step.seconds)
        return True

    def _tell_others(self, standing: Standing, step: Wait) -> None:
        """Let other calls to a provider wait too, where it has too much to do."""
        kind = standing.latest.kind if standing.turn else None
        if self.demanded and kind in BLOCKS:
            self.wire.gate.block(self.demanded[-1], seconds=step.seconds, reason=step.reason)

    def call(self, standing: Standing) -> Sequence[Call]:
        """Make a call, its attempt committed before and its reply after; return all there are now.

        Raises what keeps it from being sent.
        """
        self._refuse_stopped()
        request, analyst = self.reader.request(standing.refused), self.asked.named.model
        if analyst is None:
            self._call(_Outgoing(request=request), standing, Held(at=None))
            return self.wire.calls(self.task)[self.asked.key]
        with asking(self.asked.key):
            demand = analyst.demand(request, at=self.wire.ports.clock())
            outgoing = _Outgoing(request=request, base_url=analyst.base_url(), demand=demand)
        self.demanded.append(demand)
        key = self._attempt_key(standing)
        spec, execution_id = self.asked.question.strategy, self.task.refs.execution.id
        with self.wire.gate.passed(key, demand, spec=spec, execution_id=execution_id) as held:
            # Others may have learnt it while this one waited.
            self._refuse_stopped()
            self._call(outgoing, standing, held)
        return self.wire.calls(self.task)[self.asked.key]

    def _attempt_key(self, standing: Standing) -> AttemptKey:
        return AttemptKey(
            decision=self.task.refs.decision.id,
            answer=self.asked.key,
            attempt_no=standing.made + 1,
        )

    def _refuse_stopped(self) -> None:
        """Raise for an analyst that is asked no more in this execution."""
        stopped = self.wire.stopped.why(self._stopped_as, self.wire.engine)
        if stopped is not None:
            raise _as_error(stopped)

    @property
    def _stopped_as(self) -> StoppedAs:
        task = self.task
        return task.refs.execution.id, task.resumptions, self.asked.named.name

    def _call(self, outgoing: "_Outgoing", standing: Standing, held: Held) -> None:
        try:
            attempt = self._append_attempt(outgoing, standing)
        except IntegrityError as error:
            if not isinstance(error.orig, UniqueViolation):
                raise
            # A process that was thought dead asks the same, so the number of the attempt is taken.
            held.is_sent = True
            return
        held.is_sent = True
        self._append_reply(attempt, outgoing, self._attempt_key(standing))

    def _stop_where_it_stays_so(self, standing: Standing) -> None:
        """Remember what would be so for every question of the execution."""
        counts = standing.counts
        kind = counts and counts.read.error_kind
        if counts is None or kind is None or kind not in STOPS_ANALYST:
            return
        self.wire.stopped.learn(
            self._stopped_as,
            decision_id=self.task.refs.decision.id,
            kind=kind,
            message=counts.read.error_message or kind,
        )

    def _append_attempt(self, outgoing: "_Outgoing", standing: Standing) -> Stored:
        wire, identity, request = self.wire, self.analyst.identity, outgoing.request
        body = keep_object(wire.blobs, request.body, media_type=request.media_type)
        record = AttemptRecord(
            decision=self.task.refs.decision,
            key=self.asked.key,
            attempt_no=standing.made + 1,
            turn_no=standing.turn_no,
            reason=standing.reason,
            base_url=outgoing.base_url,
            provider=identity.provider,
            model_name=identity.model_name,
            request_digest=body.digest,
            sent_at=wire.ports.clock(),
        )
        with Session(wire.engine) as session, session.begin():
            if not goes_on(session, self.task):
                raise Halted
            appends.append_blobs(session, [body], at=record.sent_at)
            return appends.append(session, record)

    def _append_reply(self, attempt: Stored, outgoing: "_Outgoing", key: AttemptKey) -> None:
        wire, came = self.wire, self._send(outgoing.request)
        at = wire.ports.clock()
        record = came.record(attempt, self.task.refs.decision, at=at)

        def keep() -> None:
            with Session(wire.engine) as session, session.begin():
                appends.append_blobs(session, [came.body] if came.body else [], at=at)
                appends.append(session, record)
                if outgoing.demand is not None:
                    settle(session, key, outgoing.demand, cost_usd=record.cost_usd)

        try:
            # What came was paid for: a database that is away is waited for with it in hand.
            wire.ride_out(keep)
        except IntegrityError as error:
            if isinstance(error.orig, RestrictViolation):
                raise Halted from error  # the decision ended meanwhile, and takes no more rows
            if not isinstance(error.orig, UniqueViolation):
                raise
            # It was committed, and only the word of it did not come through.

    def _send(self, request: Request) -> "Came":
        """Send a request; what comes is stored before anything else happens to it."""
        response, read, body, failure = None, None, None, None
        try:
            with asking(self.asked.key):
                response = self.analyst.send(request)
        except BrokenResponse as error:
            response, failure = error.response, Failure.of(Stage.ANALYSIS, error)
        except TapeTrailError as error:
            failure = Failure.of(Stage.ANALYSIS, error)
        is_partial = response is not None and failure is not None
        try:
            if response is not None:
                blobs = self.wire.blobs
                body = keep_object(blobs, response.body, media_type=response.media_type)
                read = None if failure else self._figures(response)
        except TapeTrailError as error:
            failure = Failure.of(Stage.ANALYSIS, error)
        return Came(response=response, body=body, read=read, failure=failure, is_partial=is_partial)

    def _figures(self, response: Response) -> ReadResponse | None:
        """Return what a model's bytes say they used and cost; reading them raises nothing."""
        analyst = self.asked.named.model
        return analyst.read(response) if analyst is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outgoing:
    """A request that is about to be sent; a model's goes to an address, and asks for a place."""

    request: Request
    base_url: str | None = None
    demand: Demand | None = None


def _standing(reader: Reader, made: Sequence[Call]) -> Standing:
    model = reader.asked.named.model
    return stand(made, reader.hear, re_asks_max=model.re_asks_max if model else 0)


def _why_unsent(error: TapeTrailError) -> Failure:
    """Return why a call was not made; what is wrong with how a model is asked names no kind."""
    kind = error.kind or ErrorKind.ANALYST_UNAVAILABLE
    return Failure.of(Stage.ANALYSIS, TapeTrailError(error.message, kind=kind))


def _as_error(failure: Failure) -> TapeTrailError:
    return TapeTrailError(failure.error_message, kind=failure.error_kind)
