"""A decision that has not ended, as whoever goes on with it finds it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from dbos import SQLAlchemyDatasource
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.errors import ErrorKind, Stage, TapeTrailError
from tapetrail.core.failures import Failure
from tapetrail.core.strategy.strategies import StrategySpec, parse_strategy
from tapetrail.store import reads
from tapetrail.store.reads import DecisionTask
from tapetrail.store.slots import Slots
from tapetrail.workflows.ask import Seat, seats_of
from tapetrail.workflows.calls import HeardBefore
from tapetrail.workflows.engine import count_tries
from tapetrail.workflows.gate import Gate
from tapetrail.workflows.images import Gallery, Images
from tapetrail.workflows.lanes import SharedLanes
from tapetrail.workflows.prepare import Ports
from tapetrail.workflows.recall import Recalled, recall
from tapetrail.workflows.stops import Stops
from tapetrail.workflows.vintages import Turns
from tapetrail.workflows.wire import Wire
from tapetrail.workflows.work import Work

KEPT_MAX: Final = 100
"""Decisions of which a process keeps what it read and heard, as many as may wait in it."""
COUNTED_AFTER: Final = timedelta(minutes=1)
"""From this age on a decision counts who begins it, which costs two statements each time."""
TRIES_MAX: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was prepared or recalled and heard of a decision, for who goes on with it here.

    It is a shortcut alone: where it is not there, the same is read from the record again.
    """

    recalled: Recalled
    heard: HeardBefore = field(default_factory=HeardBefore)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What the workflows work with."""

    engine: Engine
    datasource: SQLAlchemyDatasource
    blobs: BlobStore
    ports: Ports
    work: Work
    executor_id: str
    provider_slots: Slots
    gallery: Gallery = field(default_factory=Gallery)
    stopped: Stops = field(default_factory=Stops)
    kept: dict[int, Kept] = field(default_factory=dict[int, Kept])
    turns: Turns = field(default_factory=Turns)

    def keep(self, decision_id: int, kept: Kept) -> None:
        """Keep what was read and heard of a decision, the latest ones alone."""
        self.kept[decision_id] = kept
        for number in [*self.kept][:-KEPT_MAX]:
            self.kept.pop(number, None)

    def lanes(self) -> SharedLanes:
        """Return what holds calls to vendors back."""
        return SharedLanes(
            engine=self.engine,
            slots=self.provider_slots,
            limits=self.ports.limits,
            clock=self.ports.clock,
            pause=self.work.pause,
            is_ending=lambda: self.work.is_closed,
        )

    def wire(self, slot: Callable[[], AbstractContextManager[None]] = nullcontext) -> Wire:
        """Return what questions over a wire need; drawing happens in a `slot`."""
        return Wire(
            engine=self.engine,
            blobs=self.blobs,
            ports=self.ports,
            images=Images(blobs=self.blobs, gallery=self.gallery, slot=slot),
            pause=self.work.pause,
            ride_out=self.work.ride_out,
            stopped=self.stopped,
            gate=Gate(
                engine=self.engine,
                slots=self.provider_slots,
                ports=self.ports,
                pause=self.work.pause,
                is_ending=lambda: self.work.is_closed,
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDecision:
    """A decision that has not ended, who answers for it, and why it may have to end at once."""

    task: DecisionTask
    strategy: StrategySpec
    seats: Sequence[Seat]
    failure: Failure | None

    @property
    def is_local(self) -> bool:
        """Return whether nobody has to be waited for."""
        return all(seat.is_local for seat in self.seats)

    @property
    def has_models(self) -> bool:
        """Return whether somebody reads our prompts."""
        everyone = (named for seat in self.seats for named in seat.everyone)
        return any(named.model is not None for named in everyone)


def load_open(deps: Dependencies, decision_id: int, resumptions: int) -> OpenDecision | None:
    """Return a decision and who answers for it, None if nothing of it is to be done."""
    # Read outside of the step's transaction, which begins with the first row. An error of the
    # database passes as it is: the engine knows which ones to wait out.
    with Session(deps.engine) as reading:
        task = reads.decision_task(reading, decision_id)
    is_stale = not task.execution_status.is_in_work or task.resumptions != resumptions
    if task.status.has_ended or is_stale:
        return None
    strategy = parse_strategy(task.spec, place=f"strategy of decision {decision_id}")
    seats: Sequence[Seat] = ()
    failure = _dead_letter(deps, task)
    if failure is None:
        try:
            seats = seats_of(strategy, deps.ports)
        except TapeTrailError as error:
            failure = Failure.of(Stage.ANALYSIS, error)
    return OpenDecision(task=task, strategy=strategy, seats=seats, failure=failure)


def recalled(deps: Dependencies, found: OpenDecision) -> Recalled:
    """Return what a decision is made on, from the record. Raises as the blob store does."""
    calendar = deps.ports.calendar_of(found.task, found.strategy)
    kept = deps.kept.get(found.task.refs.decision.id)
    with Session(deps.engine) as session:
        return recall(
            session,
            found.task,
            strategy=found.strategy,
            blobs=deps.blobs,
            calendar=calendar,
            prepared=kept and kept.recalled,
        )


def _dead_letter(deps: Dependencies, task: DecisionTask) -> Failure | None:
    """Return the failure of a decision that seems to end every process that begins it.

    Processes end for many reasons, so a few times are no sign. Without a limit, one that does
    end its process would be taken over for ever.
    """
    if deps.ports.clock() - task.created_at < COUNTED_AFTER:
        return None
    before = count_tries(deps.executor_id) - 1
    if before < TRIES_MAX:
        return None
    message = f"begun by {before} processes, each of which ended before the decision did"
    return Failure(failed_stage=Stage.ENGINE, error_kind=ErrorKind.DEFECT, error_message=message)
