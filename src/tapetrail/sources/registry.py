"""The sources there are. A new one is a module of its own and one line in `KINDS`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.core.market.bars import Instrument
from tapetrail.core.strategy.refusals import nearest
from tapetrail.core.strategy.strategies import SourceRules, StrategySpec
from tapetrail.sources import binance, sample, yahoo
from tapetrail.sources.asking import FREE, Lanes
from tapetrail.sources.ibkr import source as ibkr
from tapetrail.sources.protocol import Need, Process, Searching, Source, SourceKind
from tapetrail.sources.tabular import files, in_memory
from tapetrail.sources.tabular.datasets import dataset_of

KINDS: Final[tuple[SourceKind, ...]] = (
    sample.KIND,
    files.KIND,
    in_memory.KIND,
    binance.KIND,
    yahoo.KIND,
    ibkr.KIND,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Finds and opens sources in one process."""

    process: Process
    kinds: tuple[SourceKind, ...] = KINDS

    def kind(self, source: str) -> SourceKind:
        """Return the kind of a strategy's `source`. Raises `NotFound` naming the nearest."""
        found = _kind(source, self.kinds)
        if found is None:
            near = nearest(source, [kind.name for kind in self.kinds if not kind.argument])
            known = ", ".join(kind.written for kind in self.kinds)
            said = f"did you mean {near}?" if near else f"known: {known}"
            raise NotFound(f"no source {source!r}; {said}")
        return found

    def check(self, spec: StrategySpec) -> None:
        """Raise `NotFound` for a source that there is not, `InvalidInput` for what it lacks."""
        self.kind(spec.source)
        rules = source_rules(self.kinds)
        problem = rules.problem(spec) or rules.unit_problem(spec) or self._second_problem(spec)
        if problem:
            raise InvalidInput(problem)

    def asks_a_vendor(self, spec: StrategySpec) -> bool:
        """Return whether a strategy's bars, or those of its second source, come over a network."""
        theirs = spec.of_second_opinion
        sources = [each.source for each in (spec, theirs) if each is not None]
        return any(Need.NETWORK in _needs(source, self.kinds) for source in sources)

    def open(self, spec: StrategySpec, config: Mapping[str, str], lanes: Lanes = FREE) -> Source:
        """Return the source that `spec` names; `config` is the execution's.

        A vendor is asked on `lanes`, which are free where nobody else is held back.

        Raises `NotFound` for an unknown name, `InvalidInput` for a strategy without what the source
        needs of it, and what opening that source raises.
        """
        kind = self.kind(spec.source)
        problem = source_rules(self.kinds).problem(spec)
        if problem:
            raise InvalidInput(problem)
        return kind.open(spec, config, replace(self.process, lanes=lanes))

    def check_second(
        self, spec: StrategySpec, config: Mapping[str, str], instruments: Sequence[Instrument]
    ) -> None:
        """Raise for a second source that lacks a package, a unit, or an instrument; ask nobody."""
        asked, theirs = spec.second_opinion, spec.of_second_opinion
        if asked is None or theirs is None:
            return
        second = self.open(theirs, config)
        for instrument in instruments:
            second.coverage(asked.named(instrument))

    def _second_problem(self, spec: StrategySpec) -> str | None:
        """Return what is wrong with a second source. Raises `NotFound` for one there is not.

        Whose bars `data` would describe is none: that key is about the first source's.
        """
        theirs = spec.of_second_opinion
        if theirs is None:
            return None
        try:
            kind = self.kind(theirs.source)
        except NotFound as error:
            raise NotFound(f"second_opinion.source: {error.message}") from error
        if kind.needs & {Need.DATA, Need.FRAME}:
            named = ", ".join(
                each.name for each in self.kinds if not each.needs & {Need.DATA, Need.FRAME}
            )
            return (
                f"second_opinion.source: {theirs.source} would need a `data` of its own, which"
                f" there is not; expected one of {named}, and a file as the first source"
            )
        return source_rules(self.kinds).problem(theirs)

    def searching(self, source: str) -> Searching:
        """Return who finds the symbols of a source, by its name.

        Raises `NotFound` listing those that can, and what opening it raises.
        """
        kind = next((each for each in self.kinds if each.name == source), None)
        if kind is None or kind.search is None:
            known = ", ".join(each.name for each in self.kinds if each.search)
            has = "does not search for symbols" if kind else "is no source"
            raise NotFound(f"{source!r} {has}; these do: {known}")
        return kind.search(self.process)


def source_rules(kinds: tuple[SourceKind, ...] = KINDS) -> SourceRules:
    """Return what the sources ask of a strategy."""
    written = [kind for kind in kinds if kind.argument]
    return SourceRules(
        expected=", or ".join(
            ["the name of a source"]
            + [f"{kind.name} and a {kind.argument.lower()}" for kind in written]
        ),
        of_ones_own=" or ".join(kind.written for kind in written if Need.DATA in kind.needs),
        needs_data=lambda source: Need.DATA in _needs(source, kinds),
        takes=lambda source: _takes(source, kinds),
    )


def config_of(spec: StrategySpec, *, folder: Path) -> dict[str, str]:
    """Return what an execution keeps of where it was asked for: the folder where paths begin."""
    return {files.FOLDER_KEY: str(folder)} if Need.FOLDER in _needs(spec.source) else {}


def frame_source(spec: StrategySpec, frame: object) -> in_memory.FrameSource | None:
    """Return the source that a strategy has in `frame`, None where it needs no frame.

    Raises `InvalidInput` for a frame that is missing or that the strategy has no use for, and
    naming value, rule and place for one that holds no bars.
    """
    if Need.FRAME not in _needs(spec.source):
        if frame is not None:
            expected = " or ".join(kind.name for kind in KINDS if Need.FRAME in kind.needs)
            raise InvalidInput(
                f"frame: the strategy's source is {spec.source}, expected {expected}"
            )
        return None
    if frame is None:
        raise InvalidInput(f"source {spec.source}: no frame was handed over")
    return in_memory.FrameSource.of(frame, dataset=dataset_of(spec))


def _kind(source: str, kinds: tuple[SourceKind, ...]) -> SourceKind | None:
    return next((kind for kind in kinds if kind.is_meant_by(source)), None)


def _takes(source: str, kinds: tuple[SourceKind, ...]) -> frozenset[str]:
    found = _kind(source, kinds)
    return frozenset() if found is None else found.takes


def _needs(source: str, kinds: tuple[SourceKind, ...] = KINDS) -> frozenset[Need]:
    found = _kind(source, kinds)
    return frozenset() if found is None else found.needs
