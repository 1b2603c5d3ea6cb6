"""Backfills: a strategy as of many days that are over, each instrument and day once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from tapetrail.core.errors import InvalidInput
from tapetrail.core.records.states import DecisionStatus, ExecutionStatus, RunType
from tapetrail.usecases.requests import Planned, Rows
from tapetrail.usecases.runs import Manner, Runs, Stopped, tell_notes

if TYPE_CHECKING:
    from tapetrail.core.plans import Plan
    from tapetrail.store.control import Pass
    from tapetrail.store.reads import Progress
    from tapetrail.usecases.planning import Asked, RunQuery

Key: TypeAlias = tuple[str, int, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfilled:
    """What a backfill came to: its executions, and what it had not to do.

    `skipped` counts decisions that had completed before, `without_bars` those that the source has
    no bars for, `resumed` the executions that went on where they had been stopped.
    """

    executions: "tuple[Progress, ...]"
    skipped: int
    without_bars: int
    resumed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ahead:
    """What is left to do of a backfill."""

    planned: Sequence[Planned]
    skipped: int
    resumed: Sequence[int]
    joined: Sequence[int]


def backfill(
    runs: Runs,
    query: "RunQuery",
    asked: "Asked",
    *,
    manner: Manner | None = None,
    again: bool = False,
) -> Backfilled:
    """Run a strategy as of many days, oldest first; return what came of it.

    What this version of the strategy completed before, at the same provenance, is skipped unless it
    is wanted `again`; what failed is decided anew, as a further pass. What an earlier backfill was
    stopped at goes on first. Raises as `Runs.carry_out` does.
    """
    how = manner or Manner()
    query = replace(runs.in_mode(query, how), run_type=RunType.BACKFILL)
    past = runs.planner(query.frame).plan_past(query, asked, in_child=how.in_child)
    planned = [
        Planned(
            workflow_id=runs.new_id(),
            query=replace(query, as_of_on=plan.as_of.date()),
            plan=plan,
        )
        for plan in past.plans
    ]
    tell_notes(past.plans, how)
    rows = runs.requests.rows(planned)
    if not planned:
        return Backfilled(executions=(), skipped=0, without_bars=past.without_bars, resumed=0)
    strategy = rows.strategy_of(planned[0].query)
    with runs.alone(f"backfill of strategy {strategy.id}") as is_alone:
        if not is_alone:
            raise InvalidInput(
                f"strategy {query.spec.name}: another backfill of this version is under way, and"
                " would decide the same days; wait for its end, or stop it: tapetrail executions"
                " stop ID"
            )
        found, ahead = _carried_out(runs, query, planned, rows=rows, how=how, again=again)
    return Backfilled(
        executions=tuple(found),
        skipped=ahead.skipped,
        without_bars=past.without_bars,
        resumed=len(ahead.resumed),
    )


def _carried_out(
    runs: Runs,
    query: "RunQuery",
    planned: Sequence[Planned],
    *,
    rows: Rows,
    how: Manner,
    again: bool,
) -> "tuple[Sequence[Progress], _Ahead]":
    """Return how what is left of a backfill ended, and what was left of it."""
    ahead = _ahead(planned, rows, runs.requests.passes(rows, query), again=again)
    requests = runs.requests.requests(ahead.planned, rows)
    found: Sequence[Progress] = ()
    if how.in_child and (ahead.resumed or ahead.joined):
        number = min([*ahead.resumed, *ahead.joined])
        raise InvalidInput(
            f"execution {number} of this backfill is still open, and a child process only begins"
            f" new ones; run: tapetrail executions resume {number}"
        )
    if how.in_child:
        found = runs.in_child(requests, how) if requests else ()
    elif requests or ahead.resumed or ahead.joined:
        joined = [str(runs.execution(number).workflow_id) for number in ahead.joined]
        try:
            found = runs.work_through(requests, how, resumed=ahead.resumed, joined=joined)
        except Stopped as stopped:
            raise Stopped(stopped.how_far, go_on="the same backfill again") from None
    return found, ahead


def _ahead(
    planned: Sequence[Planned], rows: Rows, passes: "Sequence[Pass]", *, again: bool
) -> _Ahead:
    """Return what is left: neither completed, nor open in a run that goes on, or that we resume."""
    wanted = {
        (each.plan.provenance.value, *rows.key_of(decision))
        for each in planned
        for decision in each.plan.decisions
    }
    of_these = [made for made in passes if _key(made) in wanted]
    completed = {_key(made) for made in of_these if made.status is DecisionStatus.COMPLETED}
    still_open = [made for made in of_these if not made.status.has_ended]
    stopped = {made.execution_id: made for made in still_open if _is_ours(made)}
    in_work = {m.execution_id for m in still_open if m.execution_status.is_in_work}
    covered = {
        _key(m) for m in still_open if m.execution_id in stopped or m.execution_id in in_work
    }
    done = covered if again else completed | covered
    remaining = [replace(each, plan=plan) for each in planned if (plan := _left(each, rows, done))]
    return _Ahead(
        planned=remaining,
        skipped=0 if again else len(completed - covered),
        resumed=sorted(stopped),
        joined=sorted(in_work),
    )


def _left(planned: Planned, rows: Rows, done: "set[Key]") -> "Plan | None":
    """Return the plan without what is done, None where nothing of it is left."""
    plan = planned.plan
    kept = tuple(
        decision
        for decision in plan.decisions
        if (plan.provenance.value, *rows.key_of(decision)) not in done
    )
    return replace(plan, decisions=kept) if kept else None


def _key(made: "Pass") -> Key:
    return made.provenance, made.instrument_id, made.as_of


def _is_ours(made: "Pass") -> bool:
    is_backfill = made.run_type is RunType.BACKFILL
    return is_backfill and made.execution_status is ExecutionStatus.STOPPED
