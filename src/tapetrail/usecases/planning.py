"""What a run will do, settled from sources and calendars before anything is opened or written.

Apart from the runs, because reading the record needs none of it.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Final

from tapetrail.analysts.protocol import LocalAnalyst
from tapetrail.analysts.registry import Analysts
from tapetrail.core.analysis.rules import ANALYST
from tapetrail.core.errors import EdgeFailure, ErrorKind, InvalidInput, NotFound
from tapetrail.core.market.bars import Calendar, Instrument
from tapetrail.core.market.calendar_changes import CalendarChanges
from tapetrail.core.market.sessions import last_session_at
from tapetrail.core.plans import (
    Coverage,
    Every,
    PastPlans,
    Plan,
    dates_between,
    plan_past,
    plan_run,
    refuse_future,
    weekly_dates,
)
from tapetrail.core.records.states import RunType
from tapetrail.core.strategy.analysts import AnalystSpec
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.core.strategy.strategies import INSTRUMENTS_MAX, StrategySpec
from tapetrail.prompt_files import is_shipped, prompt_named
from tapetrail.sources.asking import FREE, Lanes
from tapetrail.sources.protocol import Need, Noting, Source, SourceKind
from tapetrail.sources.registry import Registry
from tapetrail.sources.tabular.in_memory import FrameSource
from tapetrail.sources.vendor_source import VendorSource
from tapetrail.usecases.resolving import fits, is_shadowed, matching, only_one

if TYPE_CHECKING:
    from tapetrail.analysts.models.analyst import EndpointModel

LOOKUPS_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQuery:
    """A strategy to run, as the surfaces ask for it.

    `config` is what the execution keeps of how it was asked for, such as the folder where the paths
    of files begin; `frame` holds the bars of a program that brings them along. One with the
    `workflow_id` of a run that was asked for before is that run. In debug mode no provider is
    asked: what a network would tell must be recorded.
    """

    spec: StrategySpec
    symbols: Sequence[str] = ()
    as_of_on: date | datetime | None = None
    run_type: RunType = RunType.MANUAL
    workflow_id: str | None = None
    config: Mapping[str, str] = field(default_factory=dict[str, str])
    frame: FrameSource | None = None
    debug_mode: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The days that a backfill is as of: those that are named, or one every so often.

    Without a last day they go on to the latest completed session of the first instrument.
    """

    named: Sequence[date | datetime] = ()
    first_on: date | None = None
    last_on: date | None = None
    every: Every = Every.WEEK

    def dates(self, coverages: Sequence[Coverage], *, now: datetime) -> Sequence[date | datetime]:
        """Return the days, oldest first. Raises `InvalidInput` where there is none."""
        if self.named:
            return sorted({*self.named}, key=_order)
        if self.first_on is None:
            raise InvalidInput("a backfill of nothing: expected its first day, or dates")
        first = coverages[0]
        latest = last_session_at(first.calendar, now)
        if first.sessions is not None:
            latest = min(latest, first.sessions[1])
        return dates_between(coverages, self.first_on, self.last_on or latest, every=self.every)


def _order(on: date | datetime) -> datetime:
    """Return when a day ends, in UTC, or the instant itself: enough to put them in order."""
    return on if isinstance(on, datetime) else datetime.combine(on, time.max, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRecord:
    """What an open record tells a planner; without one there is nothing.

    `instruments` returns those with a symbol, and `prompts` the bodies of prompts by the words that
    name them, read where a strategy names one that is not ours. `open_lanes` gives what holds
    questions to vendors back.
    """

    instruments: Callable[[str], Sequence[Instrument]] = lambda _symbol: ()
    prompts: Callable[[], Mapping[str, str]] = dict[str, str]
    open_lanes: Callable[[], AbstractContextManager[Lanes]] = lambda: nullcontext(FREE)


NO_RECORD: Final = OnRecord()


class Planner:
    """Settles what a run will do. It reads sources and calendars, and writes nothing.

    A source that asks a provider resolves each name once: from then on it is what the record, or
    this planner, remembers.
    """

    def __init__(
        self,
        *,
        sources: Registry,
        load_calendar: Callable[[str, CalendarChanges], Calendar],
        analysts: Analysts,
        clock: Callable[[], datetime],
        on_record: OnRecord = NO_RECORD,
    ) -> None:
        self._sources = sources
        self._load_calendar = load_calendar
        self._analysts = analysts
        self._clock = clock
        self._on_record = on_record
        self._resolved: dict[tuple[str, InstrumentName], Instrument] = {}

    def check(self, spec: StrategySpec, *, in_child: bool = False) -> None:
        """Raise for a source, analyst or prompt that there is not, and for units that are not said.

        All of it is known without bars.
        """
        self._analysts.of(spec, in_child=in_child)
        self._sources.check(spec)
        self._check_prompts(spec)

    def open(self, spec: StrategySpec, config: Mapping[str, str], lanes: Lanes = FREE) -> Source:
        """Return the source of a strategy, asked on `lanes`. Raises as `Registry.open` does."""
        return self._sources.open(spec, config, lanes)

    def open_vendor(self, spec: StrategySpec, lanes: Lanes = FREE) -> VendorSource:
        """Return the vendor of a strategy, asked on `lanes`.

        Raises as `Registry.open` does, and `InvalidInput` for a source that is no vendor.
        """
        self._sources.check(spec)
        source = self._sources.open(spec, {}, lanes)
        if not isinstance(source, VendorSource):
            raise InvalidInput(
                f"source {spec.source}: its bars are at hand, nothing is fetched or kept of it"
            )
        return source

    def takes(self, source: str) -> frozenset[str]:
        """Return the keys of an instrument that a source leaves to the strategy."""
        return self._sources.kind(source).takes

    def calendar_of(self, spec: StrategySpec, instrument: Instrument) -> Calendar:
        """Return the sessions of an instrument, as a strategy has them."""
        name = instrument.calendar
        return self._load_calendar(name, spec.calendar_changes_of(name))

    def check_analysts(self, spec: StrategySpec) -> None:
        """Raise for an analyst that there is not, or that cannot be asked in the way it says."""
        self._analysts.of(spec)

    def model(self, spec: AnalystSpec) -> "EndpointModel":
        """Return a model, whether or not it can be asked. Raises as `Analysts.model` does."""
        return self._analysts.model(spec)

    def plan(self, query: RunQuery, *, in_child: bool = False) -> Plan:
        """Return what a run would decide.

        Raises `InvalidInput` or `NotFound` for a source, analyst, prompt, instrument or date that
        there is not: all that can be known before.
        """
        self._check_query(query, in_child=in_child)
        coverages, now = self._coverages(query), self._clock()
        refuse_future(coverages, now=now)
        return plan_run(coverages, as_of_on=query.as_of_on, now=now)

    def plan_past(self, query: RunQuery, asked: "Asked", *, in_child: bool = False) -> PastPlans:
        """Return what a backfill would decide. Raises as `plan` does."""
        self._check_query(query, in_child=in_child)
        coverages, now = self._coverages(query), self._clock()
        refuse_future(coverages, now=now)
        return plan_past(coverages, asked.dates(coverages, now=now), now=now)

    def demo_dates(self, spec: StrategySpec) -> Sequence[date]:
        """Return the demo's as-of dates: weekly, ending well before the bars of `spec` do."""
        return weekly_dates(self._coverages(RunQuery(spec=spec)))

    def _check_query(self, query: RunQuery, *, in_child: bool) -> None:
        """Raise as `check` does, and in debug mode, which asks nobody, for one over a wire."""
        self.check(query.spec, in_child=in_child)
        if not query.debug_mode:
            return
        for analyst in self._analysts.of(query.spec, in_child=in_child):
            if not isinstance(analyst, LocalAnalyst):
                raise InvalidInput(
                    f"debug mode asks nobody over a network, and {analyst.identity.name} would be"
                    f" asked; take {ANALYST}, or leave debug mode"
                )

    def _check_prompts(self, spec: StrategySpec) -> None:
        named = [word for word in spec.prompt.named.values() if not is_shipped(word)]
        if not named:
            return
        recorded = self._on_record.prompts()
        for word in named:
            try:
                prompt_named(word, recorded)
            except NotFound as error:
                said = f"strategy {spec.name}: {error.message}; look at tapetrail prompts list"
                raise NotFound(said, kind=error.kind) from error

    def _coverages(self, query: RunQuery) -> list[Coverage]:
        spec = query.spec
        kind = self._sources.kind(spec.source)
        is_asked = Need.NETWORK in kind.needs and not query.debug_mode
        with self._on_record.open_lanes() if is_asked else nullcontext(FREE) as lanes:
            source = self._sources.open(spec, query.config, lanes)
            instruments = self._instruments(source, query, kind=kind)
        self._sources.check_second(spec, query.config, instruments)
        return [
            Coverage(
                instrument=instrument,
                calendar=self.calendar_of(spec, instrument),
                sessions=source.coverage(instrument),
                is_sample=kind.is_sample,
                note=source.note(instrument) if isinstance(source, Noting) else None,
            )
            for instrument in instruments
        ]

    def _instruments(
        self, source: Source, query: RunQuery, *, kind: SourceKind
    ) -> Sequence[Instrument]:
        """Return what a query names, in its order; what a pattern matched is not named twice."""
        found: list[Instrument] = []
        matched = set[Instrument]()

        def one(named: InstrumentName) -> Instrument | None:
            if named.is_pattern:
                return None
            return self._instrument(source, named, kind=kind, debug_mode=query.debug_mode)

        wanted = _wanted(query)
        # A provider takes its time for each, and its lanes say how many may be asked for at once.
        with ThreadPoolExecutor(LOOKUPS_AT_ONCE if Need.NETWORK in kind.needs else 1) as threads:
            singles = [*threads.map(one, wanted)]
        for named, single in zip(wanted, singles, strict=True):
            if single is None:
                new = [each for each in matching(source, named) if each not in found]
                matched.update(new)
            else:
                new = [] if single in matched else [single]
            found += new
        if len(found) > INSTRUMENTS_MAX:
            raise InvalidInput(
                f"instruments: {len(found)} match, and a run decides on {INSTRUMENTS_MAX} at most;"
                " name fewer"
            )
        return found

    def _instrument(
        self, source: Source, named: InstrumentName, *, kind: SourceKind, debug_mode: bool
    ) -> Instrument:
        """Return the one instrument that `named` means; a provider is the last to be asked."""
        if Need.NETWORK not in kind.needs:
            return only_one(named, source.candidates(named))
        fitting = [
            known
            for known in self._on_record.instruments(named.symbol)
            if fits(named, known) and not (Need.CONID in kind.needs and known.conid is None)
        ]
        recorded = [known for known in fitting if not is_shadowed(known, fitting)]
        if recorded:
            return only_one(named, recorded)
        if debug_mode:
            raise NotFound(
                f"no instrument {named} in the record; in debug mode {source.name} is not asked"
            )
        key = (source.name, named)
        if key not in self._resolved:
            self._resolved[key] = only_one(named, _asked(source, named))
        return self._resolved[key]


def _asked(source: Source, named: InstrumentName) -> Sequence[Instrument]:
    """Return what a provider says that `named` may mean.

    Raises `EdgeFailure` for what it says and cannot be: that is no mistake of whoever asks.
    """
    try:
        return source.candidates(named)
    except InvalidInput as error:
        raise EdgeFailure(error.message, kind=ErrorKind.SOURCE_UNAVAILABLE) from error


def _wanted(query: RunQuery) -> Sequence[InstrumentName]:
    """Return the strategy's instruments, or those that the query's symbols name, in their order.

    A symbol means every instrument of the strategy that has it.
    """
    named = query.spec.instruments
    return [
        name
        for symbol in query.symbols
        for name in [each for each in named if each.symbol == symbol]
        or [InstrumentName(symbol=symbol)]
    ] or named
