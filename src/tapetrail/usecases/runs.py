"""Runs: planned, started, followed to their end; stopped, resumed and cancelled.

What can be known before is refused before anything is written. A run is carried out by this process
or, where the program runs the engine itself, by a child.
"""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Final, Protocol, TypedDict

from tapetrail.blobs.protocol import SOUGHT
from tapetrail.core.errors import EdgeFailure, InvalidInput
from tapetrail.store import lookups, prompts
from tapetrail.store.access import Access
from tapetrail.store.connections import held_name
from tapetrail.usecases.lanes import open_lanes
from tapetrail.usecases.parts import Process
from tapetrail.usecases.requests import Planned, Requests

if TYPE_CHECKING:
    from tapetrail.core.market.instruments import Instrument
    from tapetrail.core.plans import Plan
    from tapetrail.core.strategy.strategies import StrategySpec
    from tapetrail.settings import ProviderLimits
    from tapetrail.sources.protocol import Searching
    from tapetrail.sources.tabular.in_memory import FrameSource
    from tapetrail.store.control import Execution
    from tapetrail.store.reads import Progress
    from tapetrail.usecases.model_demo import ModelDemo
    from tapetrail.usecases.planning import OnRecord, Planner, RunQuery
    from tapetrail.workflows.run_request import RunRequest
    from tapetrail.workflows.runner import Launch, Runner

CONCURRENCY: Final = 2
POLL_S: Final = 0.05
POLL_MAX_S: Final = 0.6
POLL_PER_DECISION_S: Final = 0.005
INTERRUPTED: Final = "interrupted"
ROOM_MIN: Final = 48_000_000
"""Three segments of PostgreSQL's log, of 16 MB each."""


def _unseen(found: object) -> None:
    del found


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How runs are carried out: how many decisions at once, and by whom.

    `watch` is shown how far the executions are, now and then until all are at rest. `left` is told
    how many decisions a dead process left, before this one finishes them; None leaves them to the
    next run or worker. `noted` is told how bars are read where no row alone tells. A child's end is
    waited for, and not watched. In `debug_mode`, and where the settings say so, vendors' bars come
    from the cache alone, and nobody is asked over a network.
    """

    concurrency: int = CONCURRENCY
    watch: "Callable[[Sequence[Progress]], None]" = _unseen
    left: Callable[[int], None] | None = _unseen
    noted: Callable[[str], None] = _unseen
    in_child: bool = False
    debug_mode: bool = False


class Stopped(KeyboardInterrupt):
    """A run that was interrupted: its executions are stopped, and go on when they are resumed."""

    def __init__(self, how_far: str, *, go_on: str) -> None:
        super().__init__(f"{how_far}; to go on: {go_on}")
        self.how_far = how_far


class Said(TypedDict):
    """Who changes where an execution stands, why, and when."""

    actor: str
    reason: str
    at: datetime


class RunWiring(Protocol):
    """What runs need from outside; it is imported when it is first needed."""

    def planner(
        self, frame: "FrameSource | None", on_record: "OnRecord | None" = None
    ) -> "Planner":
        """Return what settles what a run will do, by what an open record tells."""
        ...

    def limits(self, provider: str) -> "ProviderLimits":
        """Return how much may be asked of a provider or vendor."""
        ...

    def searching(self, source: str) -> "Searching":
        """Return who finds the symbols of a source. Raises `NotFound` listing those that can."""
        ...

    def launch(self, database_url: str, *, concurrency: int) -> "Launch":
        """Return what this process needs to take part in the work."""
        ...

    def carry_out_in_child(self, requests: "Mapping[str, RunRequest]", *, concurrency: int) -> None:
        """Carry out requests in a child process; return when all have ended."""
        ...


class Runs:
    """The runs of a record."""

    def __init__(self, access: Access, *, process: Process, wiring: RunWiring) -> None:
        self._access = access
        self._process = process
        self._wiring = wiring
        self._requests = Requests(access, process)

    def demo_dates(self, spec: "StrategySpec") -> Sequence[date]:
        """Return the demo's as-of dates: weekly, ending well before the bars of `spec` do."""
        return self.planner(None).demo_dates(spec)

    def model_demo(
        self, spec: "StrategySpec", analyst: Mapping[str, str], *, decisions: int
    ) -> "ModelDemo":
        """Return a demo with a model and what it can cost at most. Raises as `model_demo` does."""
        from tapetrail.usecases.model_demo import model_demo  # noqa: PLC0415 # one command's

        planner, at = self.planner(None), self._process.clock()
        return model_demo(planner, spec, analyst, decisions=decisions, at=at)

    def carry_out(
        self, queries: "Sequence[RunQuery]", manner: Manner | None = None
    ) -> "list[Progress]":
        """Run strategies; return how the executions ended, in the order of `queries`.

        Afterwards this process finishes what a dead one left. Raises what a run refuses, before
        anything is written, and `EdgeFailure` when the database stays away: what was queued goes on
        with the next run or worker. Whoever interrupts it stops it (`Stopped`).
        """
        how = manner or Manner()
        planned = self._planned(queries, how)
        tell_notes([each.plan for each in planned], how)
        requests = self._requests.requests(planned, self._requests.rows(planned))
        if how.in_child:
            return self.in_child(requests, how)
        return self.work_through(requests, how)

    def in_child(self, requests: "Mapping[str, RunRequest]", how: Manner) -> "list[Progress]":
        """Let a child carry out requests; return how the executions ended, in that order."""
        self._wiring.carry_out_in_child(requests, concurrency=how.concurrency)
        return _in_order(self.progress([*requests]), [*requests])

    def work_through(
        self,
        requests: "Mapping[str, RunRequest]",
        how: Manner,
        *,
        resumed: Sequence[int] = (),
        joined: Sequence[str] = (),
    ) -> "list[Progress]":
        """Resume executions, join others in work by their workflows, and carry out requests.

        Returns where all of them came to rest, in this order. Raises as `carry_out` does.
        """
        self.check_room()
        with self.working(concurrency=how.concurrency) as runner:
            own: list[str] = [*joined]
            living = {each.workflow_id for each in runner.unfinished() if not each.is_left}
            actor = self._process.actor
            try:
                for number in resumed:
                    # One by one: whoever interrupts it stops what was resumed so far.
                    own.append(runner.resume(number, actor=actor, reason="resumed"))  # noqa: PERF401
                # Whoever asks anew for a run that was stopped wants it to go on.
                for number in runner.stopped([*requests]):
                    runner.resume(number, actor=actor, reason="asked for again")
                for name, request in requests.items():
                    self.check_room()
                    own.append(name)
                    runner.open(request, workflow_id=name)
                ended = self._followed(runner, own, watch=how.watch)
            except KeyboardInterrupt:
                others = living & {*joined}
                raise self._stopped(runner, [n for n in own if n not in others]) from None
            self._finish_left(runner, own, how)
        return ended

    def stop(self, number: int, *, reason: str = "stopped") -> None:
        """Stop an execution: nothing more of it begins until it is resumed, by whomever.

        Its decisions stay pending or running. Raises `NotFound`, and `InvalidInput` for one that is
        not in work.
        """
        from tapetrail.workflows import halting  # noqa: PLC0415 # readers do without

        with self._access.writing() as session:
            halting.stop(session, number, **self._said(reason))

    def resume(self, number: int, manner: Manner | None = None) -> "Progress":
        """Let a stopped execution go on, and work on it until it is at rest; return how it ended.

        Raises `NotFound`, and `InvalidInput` for one that is not stopped.
        """
        from tapetrail.workflows.runner import check_stopped  # noqa: PLC0415 # readers do without

        check_stopped(self.execution(number), number)
        return self.work_through({}, manner or Manner(), resumed=[number])[0]

    def cancel(self, number: int, *, reason: str = "cancelled") -> int:
        """End what is open of an execution as cancelled, for good; return how many decisions.

        They are sealed as they are. Raises `NotFound`, and `InvalidInput` for one that has ended.
        """
        from tapetrail.workflows import halting  # noqa: PLC0415 # readers do without

        with self._access.writing() as session:
            return halting.cancel(session, number, **self._said(reason))

    def execution(self, number: int) -> "Execution":
        """Return where an execution stands. Raises `NotFound`."""
        from tapetrail.store import control  # noqa: PLC0415 # readers do without

        with self._access.writing() as session:
            return control.execution(session, number)

    def progress(self, workflow_ids: Sequence[str]) -> "Sequence[Progress]":
        """Return how far the executions of these workflows are, as far as they have started."""
        from tapetrail.store import reads  # noqa: PLC0415 # readers do without

        with self._access.writing() as session:
            return reads.progress(session, workflow_ids)

    @contextmanager
    def working(self, *, concurrency: int) -> "Generator[Runner]":
        """Take part in the work for as long as this is open.

        Raises as `launch` does, `EdgeFailure` for a bucket that is not there or lets nobody in, and
        `InvalidInput` where blobs are kept in another place than those of the record.
        """
        from tapetrail.workflows.ending_external import end_abandoned  # noqa: PLC0415 # as below
        from tapetrail.workflows.runner import launch  # noqa: PLC0415 # readers do without

        url = self._access.database().url_to_add()
        self._check_blobs()
        with self._access.writing() as session:
            end_abandoned(session, at=self._process.clock())
        with launch(self._wiring.launch(url, concurrency=concurrency)) as runner:
            yield runner

    def _check_blobs(self) -> None:
        """Raise where blobs would not come to where those of the record are.

        A place that is forgotten once would split a record over two.
        """
        with self._access.reading() as connection:
            _, keys = lookups.newest_keys(connection, decisions=1)
        blobs = self._process.open_blobs()
        # The first that is there says it; each takes a request where blobs lie in a bucket.
        is_there = any(blobs.kept_size(key) is not None for key in keys or (SOUGHT,))
        if keys and not is_there:
            raise InvalidInput(
                f"not one of the newest decision's {len(keys)} stored objects is where blobs are"
                f" kept, such as {blobs.place(keys[0]).url} (home {self._process.home});"
                " TAPETRAIL_BLOBS says where: tapetrail config list --show-origin"
            )

    def alone(self, name: str) -> "AbstractContextManager[bool]":
        """Give whether this process alone holds a name, for as long as this is open."""
        return held_name(self._access.database().url_to_add(), name)

    def work_until_empty(self, manner: Manner) -> int:
        """Work until nothing is in work that this process can do; return how many decisions."""
        done = 0
        with self.working(concurrency=manner.concurrency) as runner:
            while found := runner.unfinished():
                done += sum(each.open for each in found)
                names = [each.workflow_id for each in found]
                self._followed(runner, names, watch=manner.watch)
        return done

    def planner(self, frame: "FrameSource | None") -> "Planner":
        """Return what settles what a run will do."""
        from tapetrail.usecases.planning import OnRecord  # noqa: PLC0415 # readers do without

        limits = self._wiring.limits
        on_record = OnRecord(
            instruments=self._recorded,
            prompts=self._prompts,
            open_lanes=lambda: open_lanes(self._access, self._process, limits=limits),
        )
        return self._wiring.planner(frame, on_record)

    def in_mode(self, query: "RunQuery", how: Manner) -> "RunQuery":
        """Return a query in debug mode where it is carried out so, or this process is in it."""
        return replace(query, debug_mode=how.debug_mode or self._process.debug_mode)

    @property
    def requests(self) -> Requests:
        """Return what turns plans into requests."""
        return self._requests

    def new_id(self) -> str:
        """Return an id for a run that nobody else has."""
        return self._process.new_id()

    def _said(self, reason: str) -> "Said":
        return {"actor": self._process.actor, "reason": reason, "at": self._process.clock()}

    def _recorded(self, symbol: str) -> "Sequence[Instrument]":
        with self._access.reading() as connection:
            return lookups.instruments_named(connection, symbol)

    def _prompts(self) -> Mapping[str, str]:
        with self._access.reading() as connection:
            return prompts.bodies(connection)

    def _planned(self, queries: "Sequence[RunQuery]", how: Manner) -> list[Planned]:
        """Return what each query comes to. Nothing is written yet; frames are stored after."""
        planners: dict[int, Planner] = {}
        found: list[Planned] = []
        for query in (self.in_mode(each, how) for each in queries):
            if id(query.frame) not in planners:
                planners[id(query.frame)] = self.planner(query.frame)
            plan = planners[id(query.frame)].plan(query, in_child=how.in_child)
            name = query.workflow_id or self.new_id()
            found.append(Planned(workflow_id=name, query=query, plan=plan))
        if not found:
            raise InvalidInput("a run of nothing: expected at least one date")
        return found

    def _followed(
        self,
        runner: "Runner",
        workflow_ids: Sequence[str],
        *,
        watch: "Callable[[Sequence[Progress]], None]",
    ) -> "list[Progress]":
        """Return where the executions came to rest, showing on the way how far they are."""
        while True:
            self.check_room()
            found = runner.progress(workflow_ids)
            watch(found)
            if len(found) == len({*workflow_ids}) and not any(p.status.is_in_work for p in found):
                return _in_order(found, workflow_ids)
            # Far from the end there is less to see, and every look costs the work some time.
            left = sum(each.decisions - each.ended for each in found)
            time.sleep(min(POLL_S + left * POLL_PER_DECISION_S, POLL_MAX_S))

    def _finish_left(self, runner: "Runner", own: Sequence[str], how: Manner) -> None:
        """Finish what a dead process left, and say so; what lives, or was stopped, is let be."""
        if how.left is None:
            return
        left = [
            each for each in runner.unfinished() if each.is_left and each.workflow_id not in own
        ]
        if left:
            how.left(sum(each.open for each in left))
            self._followed(runner, [each.workflow_id for each in left], watch=how.watch)

    def check_room(self) -> None:
        """Raise `EdgeFailure` before the disk is full, at which PostgreSQL stops for good."""
        free = self._process.free_bytes()
        if free < ROOM_MIN:
            raise EdgeFailure(
                f"{free / 1e6:.0f} MB are free on the disk of {self._process.home}, a run needs"
                f" {ROOM_MIN / 1e6:.0f} MB; make room; what was queued goes on with the next run"
            )

    def _stopped(self, runner: "Runner", own: Sequence[str]) -> Stopped:
        """Stop what was interrupted; return what says how far it came, and how it goes on."""
        numbers = runner.stop(own, **self._said(INTERRUPTED))
        found = runner.progress(own)
        done, total = sum(each.ended for each in found), sum(each.decisions for each in found)
        go_on = ", ".join(f"tapetrail executions resume {number}" for number in numbers)
        how_far = f"stopped; {done} of {total} decisions have ended"
        return Stopped(how_far, go_on=go_on or "nothing is open")


def tell_notes(plans: "Sequence[Plan]", how: Manner) -> None:
    """Tell whoever asked for runs how bars are read, each sentence once."""
    for said in dict.fromkeys(note for plan in plans for note in plan.notes):
        how.noted(said)


def _in_order(found: "Sequence[Progress]", workflow_ids: Sequence[str]) -> "list[Progress]":
    by_id = {progress.workflow_id: progress for progress in found}
    return [by_id[workflow_id] for workflow_id in workflow_ids]
