"""Runs: planned, started, followed to their end.

What can be known before is refused before anything is written. A run is carried out by this process
or, where the program runs the engine itself, by a child.
"""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from tapetrail.core.errors import InvalidInput
from tapetrail.store import lookups
from tapetrail.store.access import Access
from tapetrail.usecases.parts import Process
from tapetrail.usecases.strategies import append_strategy

if TYPE_CHECKING:
    from tapetrail.core.market.instruments import Instrument
    from tapetrail.core.plans import Plan
    from tapetrail.core.records.base import Stored
    from tapetrail.core.strategy.strategies import StrategySpec
    from tapetrail.sources.tabular.in_memory import FrameSource
    from tapetrail.store.reads import Progress
    from tapetrail.usecases.planning import Planner, RunQuery
    from tapetrail.workflows.run_request import RunRequest
    from tapetrail.workflows.runner import Launch, Runner

CONCURRENCY: Final = 2
POLL_S: Final = 0.05
POLL_MAX_S: Final = 0.6
POLL_PER_DECISION_S: Final = 0.005
FRAME_KEY: Final = "frame"


def _unseen(progress: "Sequence[Progress]") -> None:
    del progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How runs are carried out: how many decisions at once, and by whom.

    `watch` is shown how far the executions are, now and then until all have ended. A child's end is
    waited for, and not watched.
    """

    concurrency: int = CONCURRENCY
    watch: "Callable[[Sequence[Progress]], None]" = _unseen
    in_child: bool = False


class RunWiring(Protocol):
    """What runs need from outside; it is imported when it is first needed."""

    def planner(
        self, frame: "FrameSource | None", *, recorded: "Callable[[str], Sequence[Instrument]]"
    ) -> "Planner":
        """Return what settles what a run will do; `recorded` returns instruments by symbol."""
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

    def demo_dates(self, spec: "StrategySpec") -> Sequence[date]:
        """Return the demo's as-of dates: weekly, ending well before the bars of `spec` do."""
        return self._planner(None).demo_dates(spec)

    def carry_out(
        self, queries: "Sequence[RunQuery]", manner: Manner | None = None
    ) -> "list[Progress]":
        """Run strategies; return how the executions ended, in the order of `queries`.

        Raises what a run refuses, before anything is written, and `EdgeFailure` when the database
        stays away: what was queued goes on with the next run or worker.
        """
        how = manner or Manner()
        planned = self._planned(queries, in_child=how.in_child)
        requests = self._requests(planned)
        if how.in_child:
            self._wiring.carry_out_in_child(requests, concurrency=how.concurrency)
            return _in_order(self.progress([*requests]), [*requests])
        with self.working(concurrency=how.concurrency) as runner:
            for name, request in requests.items():
                runner.open(request, workflow_id=name)
            return _followed(runner, [*requests], watch=how.watch)

    def progress(self, workflow_ids: Sequence[str]) -> "Sequence[Progress]":
        """Return how far the executions of these workflows are, as far as they have started."""
        from tapetrail.store import reads  # noqa: PLC0415 # readers do without

        with self._access.writing() as session:
            return reads.progress(session, workflow_ids)

    @contextmanager
    def working(self, *, concurrency: int) -> "Generator[Runner]":
        """Take part in the work for as long as this is open. Raises as `launch` does."""
        from tapetrail.workflows.runner import launch  # noqa: PLC0415 # readers do without

        url = self._access.database().app_url
        with launch(self._wiring.launch(url, concurrency=concurrency)) as runner:
            yield runner

    def _planner(self, frame: "FrameSource | None") -> "Planner":
        return self._wiring.planner(frame, recorded=self._recorded)

    def _recorded(self, symbol: str) -> "Sequence[Instrument]":
        with self._access.reading() as connection:
            return lookups.instruments_named(connection, symbol)

    def _planned(
        self, queries: "Sequence[RunQuery]", *, in_child: bool
    ) -> "list[tuple[str, RunQuery, Plan]]":
        """Return what each query comes to. Nothing is written yet; frames are stored after."""
        planners: dict[int, Planner] = {}
        found: list[tuple[str, RunQuery, Plan]] = []
        for query in queries:
            planner = planners.setdefault(id(query.frame), self._planner(query.frame))
            plan = planner.plan(query, in_child=in_child)
            found.append((query.workflow_id or self._process.new_id(), query, plan))
        if not found:
            raise InvalidInput("a run of nothing: expected at least one date")
        return found

    def _requests(self, planned: "Sequence[tuple[str, RunQuery, Plan]]") -> "dict[str, RunRequest]":
        """Record what plans name, all or nothing, and return the requests to run them.

        Everything here is the same row when it is done again.
        """
        from tapetrail.core.records.runs import InstrumentRecord  # noqa: PLC0415 # readers do without
        from tapetrail.store import appends  # noqa: PLC0415 # as above
        from tapetrail.workflows.runtime import runtime_record  # noqa: PLC0415 # as above

        strategies: dict[int, Stored] = {}
        instruments: dict[Instrument, Stored] = {}
        with self._access.writing() as session:
            for _, query, plan in planned:
                if id(query.spec) not in strategies:
                    strategies[id(query.spec)] = append_strategy(session, query.spec)
                for each in plan.decisions:
                    if each.instrument not in instruments:
                        record = InstrumentRecord(instrument=each.instrument)
                        instruments[each.instrument] = appends.append_instrument(session, record)
            runtime = appends.append_or_same(session, runtime_record(), unique=("record_digest",))
        return {
            name: self._request(
                query, plan, rows=_Rows(strategies[id(query.spec)], runtime, instruments)
            )
            for name, query, plan in planned
        }

    def _request(
        self,
        query: "RunQuery",
        plan: "Plan",
        *,
        rows: "_Rows",
    ) -> "RunRequest":
        from tapetrail.workflows.run_request import RequestedDecision, RunRequest  # noqa: PLC0415 # readers do without

        spec, config = query.spec, self._with_frame(query)
        return RunRequest(
            strategy_id=rows.strategy.id,
            runtime_id=rows.runtime.id,
            run_type=query.run_type,
            provenance=plan.provenance,
            as_of=plan.as_of.isoformat(),
            actor=self._process.actor,
            config={
                "source": spec.source,
                "analyst": spec.analyst,
                "entry_sessions": str(spec.signal.entry_sessions),
                **_limits(spec),
                **self._began(query, plan),
                **config,
            },
            decisions=[
                RequestedDecision(
                    instrument_id=rows.instruments[decision.instrument].id,
                    as_of=decision.as_of.isoformat(),
                )
                for decision in plan.decisions
            ],
        )

    def _began(self, query: "RunQuery", plan: "Plan") -> Mapping[str, str]:
        """Return the start of a run that asked for no date: bars of a market must reach it."""
        from tapetrail.core.records.states import Provenance  # noqa: PLC0415 # readers do without
        from tapetrail.workflows.run_request import BEGAN_KEY  # noqa: PLC0415 # as above

        if query.as_of_on is not None or plan.provenance is Provenance.DEMO:
            return {}
        return {BEGAN_KEY: self._process.clock().isoformat()}

    def _with_frame(self, query: "RunQuery") -> Mapping[str, str]:
        """Return the query's config, with the digest of its frame, whose stored form is kept."""
        if query.frame is None:
            return query.config
        from tapetrail.persistence import JSON, keep_object  # noqa: PLC0415 # readers do without
        from tapetrail.store import appends  # noqa: PLC0415 # as above

        blobs, content = self._process.open_blobs(), query.frame.serialise()
        kept = keep_object(blobs, content, media_type=JSON)
        with self._access.writing() as session:
            appends.append_blobs(session, [kept], at=self._process.clock())
        return {**query.config, FRAME_KEY: kept.digest}


def _limits(spec: "StrategySpec") -> Mapping[str, str]:
    """Return what bars are held against, as it is said: defaults are not in a stored strategy."""
    limits = spec.data_quality.model_dump(mode="json")
    return {
        f"data_quality.{name}": "null" if value is None else str(value)
        for name, value in limits.items()
    }


class _Rows(NamedTuple):
    """The rows that a request names."""

    strategy: "Stored"
    runtime: "Stored"
    instruments: "Mapping[Instrument, Stored]"


def queries_as_of(query: "RunQuery", dates: "Sequence[date | None]") -> "list[RunQuery]":
    """Return the same query as of each date."""
    return [replace(query, as_of_on=day) for day in dates]


def _followed(
    runner: "Runner",
    workflow_ids: Sequence[str],
    *,
    watch: "Callable[[Sequence[Progress]], None]",
) -> "list[Progress]":
    """Return how the executions ended, once all have, showing on the way how far they are."""
    while True:
        found = runner.progress(workflow_ids)
        watch(found)
        if len(found) == len(workflow_ids) and all(each.status.has_ended for each in found):
            return _in_order(found, workflow_ids)
        # Far from the end there is less to see, and every look costs the work some time.
        left = sum(each.decisions - each.ended for each in found)
        time.sleep(min(POLL_S + left * POLL_PER_DECISION_S, POLL_MAX_S))


def _in_order(found: "Sequence[Progress]", workflow_ids: Sequence[str]) -> "list[Progress]":
    by_id = {progress.workflow_id: progress for progress in found}
    return [by_id[workflow_id] for workflow_id in workflow_ids]
