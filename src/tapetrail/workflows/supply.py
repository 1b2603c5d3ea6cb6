"""What a decision's bars come out of: what is kept of a vendor, or what it sends in a step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import cast

from tapetrail.core.canonical import JsonValue
from tapetrail.core.errors import ErrorKind, Stage, TapeTrailError
from tapetrail.core.failures import Failure
from tapetrail.sources.protocol import Source
from tapetrail.sources.second_vendor import second_source
from tapetrail.sources.vendor_source import VendorSource
from tapetrail.store.reads import DecisionTask
from tapetrail.workflows.open_decisions import Dependencies, OpenDecision
from tapetrail.workflows.prepare import fetch_bars
from tapetrail.workflows.second_opinion import Closes, SecondSource, is_of_the_record
from tapetrail.workflows.vintages import Ask, KeptSource, Shelf


class Next(StrEnum):
    """What is next for a decision: it ended, its bars are to be fetched, or its questions asked."""

    END = "end"
    FETCH = "fetch"
    ASK = "ask"

    @classmethod
    def of(cls, output: JsonValue) -> "Next":
        """Return what a step returned; one of an older release said whether there is to ask."""
        if isinstance(output, bool):
            return cls.ASK if output else cls.END
        return cls(str(output))


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """Which vintages have a decision's bars, those that were fetched for it, or the failure.

    `second` is the same of a second source. Its failure is none of the decision's bars.
    """

    used: Sequence[int] = ()
    downloaded: frozenset[int] = frozenset()
    failure: Failure | None = None
    second: "Supply | None" = None

    def as_json(self) -> JsonValue:
        """Return it as a step returns it."""
        return {
            "used": [*self.used],
            "downloaded": sorted(self.downloaded),
            "failure": self.failure and self.failure.as_json(),
            "second": self.second and self.second.as_json(),
        }

    @classmethod
    def of(cls, output: JsonValue) -> "Supply | None":
        """Return what a step returned; None for nothing, where the decision goes on elsewhere."""
        if not isinstance(output, Mapping):
            return None
        failure = output["failure"]
        return cls(
            used=cast("Sequence[int]", output["used"]),
            downloaded=frozenset(cast("Sequence[int]", output["downloaded"])),
            failure=Failure.of_json(failure) if failure else None,
            second=cls.of(output.get("second")),
        )


def source_of(deps: Dependencies, found: OpenDecision, supply: Supply | None) -> Source:
    """Return where a decision's bars are read from; no vendor is asked.

    Where the vintages that have them are known, it is those. What is not kept raises `NotFound`
    (`not_cached`).
    """
    source = deps.ports.open_source(found.strategy, found.task.config, deps.lanes())
    return _only_kept(deps, found, source, supply=supply)


def second_of(
    deps: Dependencies, found: OpenDecision, supply: Supply | None
) -> SecondSource | None:
    """Return where a second source's bars are read from, None where a strategy names none."""
    if found.strategy.second_opinion is None:
        return None
    theirs = supply and supply.second
    return SecondSource(
        open=lambda: _only_kept(deps, found, _open_second(deps, found), supply=theirs),
        failure=theirs and theirs.failure,
        is_awaited=supply is None and not found.task.debug_mode,
    )


def is_to_fetch(task: DecisionTask, failure: Failure | None) -> bool:
    """Return whether bars are missing that a vendor may be asked for."""
    is_lacking = failure is not None and failure.error_kind is ErrorKind.NOT_CACHED
    return is_lacking and not task.debug_mode


def fetch(deps: Dependencies, found: OpenDecision) -> Supply:
    """Return the vintages that have a decision's bars, fetched where they were not kept.

    Bars of a second source are fetched once there are some to hold them against.
    """
    task, strategy = found.task, found.strategy
    try:
        source = deps.ports.open_source(strategy, task.config, deps.lanes())
        kept = _asking(deps, found, source)
        calendar = deps.ports.calendar_of(task, strategy)
        fetched = fetch_bars(strategy, kept, task.traded, as_of=task.as_of, calendar=calendar)
        ours = Closes(traded=task.traded, bars=fetched.bars, as_of=task.as_of, calendar=calendar)
        return replace(_supply(kept), second=_fetch_second(deps, found, ours))
    except TapeTrailError as error:
        return Supply(failure=Failure.of(Stage.BARS, error))


def _fetch_second(deps: Dependencies, found: OpenDecision, ours: Closes) -> Supply | None:
    asked = found.strategy.second_opinion
    if asked is None:
        return None
    try:
        kept = _asking(deps, found, _open_second(deps, found))
        ours.fetch(asked, kept)
    except TapeTrailError as error:
        if is_of_the_record(error):
            raise
        return Supply(failure=Failure.of(Stage.BARS, error))
    return _supply(kept)


def _supply(source: Source) -> Supply:
    """Return which vintages a source's bars came out of; none where it is no vendor."""
    if not isinstance(source, KeptSource):
        return Supply()
    return Supply(used=source.used, downloaded=frozenset(source.downloaded))


def _open_second(deps: Dependencies, found: OpenDecision) -> Source:
    """Return a strategy's second source, which must know the decision's instrument."""
    asked, theirs = found.strategy.second_opinion, found.strategy.of_second_opinion
    if asked is None or theirs is None:
        raise AssertionError("a second source is opened where a strategy names one")
    source = deps.ports.open_source(theirs, found.task.config, deps.lanes())
    return second_source(source, asked, found.task.traded)


def _only_kept(
    deps: Dependencies, found: OpenDecision, source: Source, *, supply: Supply | None
) -> Source:
    """Return a source of which no vendor is asked: what is kept, and of that what is `supply`'s."""
    if not isinstance(source, VendorSource):
        return source
    kept = _kept(deps, found, source, ask=Ask.NEVER)
    if supply is None:
        return kept
    return replace(kept, only=frozenset(supply.used), downloaded={*supply.downloaded})


def _asking(deps: Dependencies, found: OpenDecision, source: Source) -> Source:
    """Return a source of which a vendor is asked where what is kept of it does not do."""
    if not isinstance(source, VendorSource):
        return source
    return _kept(deps, found, source, ask=Ask.WHERE_LACKING)


def _kept(deps: Dependencies, found: OpenDecision, vendor: VendorSource, *, ask: Ask) -> KeptSource:
    shelf = Shelf(
        engine=deps.engine,
        blobs=deps.blobs,
        clock=deps.ports.clock,
        actor=found.task.actor,
        turns=deps.turns,
    )
    return KeptSource(vendor=vendor, row=found.task.instrument, shelf=shelf, ask=ask)
