"""What a decision's bars come out of: what is kept of a vendor, or what it sends in a step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import cast

from tapetrail.core.canonical import JsonValue
from tapetrail.core.errors import ErrorKind, Stage, TapeTrailError
from tapetrail.core.failures import Failure
from tapetrail.sources.protocol import Source
from tapetrail.sources.vendor_source import VendorSource
from tapetrail.store.reads import DecisionTask
from tapetrail.workflows.open_decisions import Dependencies, OpenDecision
from tapetrail.workflows.prepare import fetch_bars
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
    """Which vintages have a decision's bars, those that were fetched for it, or the failure."""

    used: Sequence[int] = ()
    downloaded: frozenset[int] = frozenset()
    failure: Failure | None = None

    def as_json(self) -> JsonValue:
        """Return it as a step returns it."""
        return {
            "used": [*self.used],
            "downloaded": sorted(self.downloaded),
            "failure": self.failure and self.failure.as_json(),
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
        )


def source_of(deps: Dependencies, found: OpenDecision, supply: Supply | None) -> Source:
    """Return where a decision's bars are read from; no vendor is asked.

    Where the vintages that have them are known, it is those. What is not kept raises `NotFound`
    (`not_cached`).
    """
    source = deps.ports.open_source(found.strategy, found.task.config, deps.lanes())
    if not isinstance(source, VendorSource):
        return source
    kept = _kept(deps, found, source, ask=Ask.NEVER)
    if supply is not None:
        return replace(kept, only=frozenset(supply.used), downloaded={*supply.downloaded})
    return kept


def is_to_fetch(task: DecisionTask, failure: Failure | None) -> bool:
    """Return whether bars are missing that a vendor may be asked for."""
    is_lacking = failure is not None and failure.error_kind is ErrorKind.NOT_CACHED
    return is_lacking and not task.debug_mode


def fetch(deps: Dependencies, found: OpenDecision) -> Supply:
    """Return the vintages that have a decision's bars, fetched where they were not kept."""
    task, strategy = found.task, found.strategy
    try:
        source = deps.ports.open_source(strategy, task.config, deps.lanes())
        if not isinstance(source, VendorSource):
            return Supply()
        kept = _kept(deps, found, source, ask=Ask.WHERE_LACKING)
        calendar = deps.ports.calendar_of(task, strategy)
        fetch_bars(strategy, kept, task.traded, as_of=task.as_of, calendar=calendar)
    except TapeTrailError as error:
        return Supply(failure=Failure.of(Stage.BARS, error))
    return Supply(used=kept.used, downloaded=frozenset(kept.downloaded))


def _kept(deps: Dependencies, found: OpenDecision, vendor: VendorSource, *, ask: Ask) -> KeptSource:
    shelf = Shelf(
        engine=deps.engine,
        blobs=deps.blobs,
        clock=deps.ports.clock,
        actor=found.task.actor,
        turns=deps.turns,
    )
    return KeptSource(vendor=vendor, row=found.task.instrument, shelf=shelf, ask=ask)
