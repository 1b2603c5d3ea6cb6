"""Vendors' bars on record: fetched ahead of a run, and one vintage held against another."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from tapetrail.core.errors import InvalidInput, TapeTrailError
from tapetrail.core.market.sessions import close_on_or_before, day_of
from tapetrail.core.strategy.strategies import parse_strategy
from tapetrail.sources.second_vendor import second_source
from tapetrail.sources.vendor_source import VendorSource, Wanted
from tapetrail.store import vintages
from tapetrail.store.access import Access
from tapetrail.usecases.lanes import open_lanes
from tapetrail.usecases.parts import Process
from tapetrail.workflows.prepare import fetch_bars
from tapetrail.workflows.second_opinion import Closes
from tapetrail.workflows.vintages import Ask, KeptSource, Shelf, compare_vintages, read_vintage

if TYPE_CHECKING:
    from collections.abc import Callable

    from tapetrail.core.market.bars import Calendar
    from tapetrail.core.market.instruments import Instrument
    from tapetrail.core.market.restatements import Restatement
    from tapetrail.core.plans import PlannedDecision
    from tapetrail.core.records.base import Stored
    from tapetrail.core.strategy.strategies import StrategySpec
    from tapetrail.settings import ProviderLimits
    from tapetrail.sources.protocol import Fetched, Source
    from tapetrail.store.vintages import VintageOf
    from tapetrail.usecases.planning import Planner, RunQuery
    from tapetrail.usecases.requests import Requests


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedData:
    """What came of fetching one instrument: a vintage with its bars, or why there is none.

    `is_new` says that the vendor was asked; else what was kept did.
    """

    instrument: "Instrument"
    source: str
    vintage_id: int | None = None
    is_new: bool = False
    session_first: date | None = None
    session_last: date | None = None
    bar_count: int | None = None
    remarks: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How a vintage differs from an earlier one of the same instrument, over the days of both."""

    before: "VintageOf"
    after: "VintageOf"
    change: "Restatement"


class Data:
    """What vendors sent, kept. `limits` says how much may be asked of a vendor at once."""

    def __init__(
        self,
        access: Access,
        *,
        process: Process,
        planner: "Callable[[], Planner]",
        requests: "Requests",
        limits: "Callable[[str], ProviderLimits]",
    ) -> None:
        self._access = access
        self._process = process
        self._planner = planner
        self._requests = requests
        self._limits = limits

    def fetch(
        self,
        query: "RunQuery",
        *,
        first_on: date | None = None,
        again: bool = False,
        accept: bool = False,
    ) -> list[FetchedData]:
        """Fetch what a run of a strategy needs; return what came of each of its instruments.

        Bars of a second source are fetched, too, for the days that the first has bars of.

        With `first_on` also what runs as of that day, and of later ones, need. What is kept and
        answers for it is asked for `again` only where that is wanted. Prices that look like another
        unit than before are refused, unless one has looked and does `accept` them. Raises what a
        run refuses, and `InvalidInput` for a source that is no vendor, and in debug mode.
        """
        spec, today = query.spec, self._process.clock().date()
        if self._process.debug_mode:
            raise InvalidInput("debug mode asks nobody over a network; leave it to fetch bars")
        if first_on is not None and first_on > today:
            raise InvalidInput(f"{first_on}: lies ahead, today is {today}")
        planner = self._planner()
        theirs = spec.of_second_opinion
        if theirs is None or not isinstance(planner.open(theirs, query.config), VendorSource):
            planner.open_vendor(spec)
        plan = planner.plan(query)
        rows = self._requests.instruments(spec, [each.instrument for each in plan.decisions])
        with open_lanes(self._access, self._process, limits=self._limits) as lanes:
            fetching = _Fetching(
                spec=spec,
                source=planner.open(spec, query.config, lanes),
                second=None if theirs is None else planner.open(theirs, query.config, lanes),
                shelf=self._shelf(),
                ask=Ask.ALWAYS if again else Ask.WHERE_LACKING,
                first_on=first_on,
                has_looked=accept,
            )

            def fetch(decision: "PlannedDecision") -> list[FetchedData]:
                calendar = planner.calendar_of(spec, decision.instrument)
                return fetching.of(decision, row=rows[decision.instrument], calendar=calendar)

            asked = (spec, theirs) if theirs else (spec,)
            at_once = min(self._limits(each.source).max_in_flight for each in asked)
            with ThreadPoolExecutor(at_once) as threads:
                return [each for found in threads.map(fetch, plan.decisions) for each in found]

    def compare(self, number: int, with_number: int | None = None) -> Comparison:
        """Return how a vintage differs from an earlier one, by default the one before it.

        Raises `NotFound`, and `InvalidInput` for vintages of two instruments or sources, with bars
        that could not be read, or with no days in common.
        """
        with self._access.writing() as session:
            after = vintages.vintage(session, number)
            before = (
                vintages.before(session, after)
                if with_number is None
                else vintages.vintage(session, with_number)
            )
        if before.kept.row.id > after.kept.row.id:
            before, after = after, before
        if (before.traded, before.source) != (after.traded, after.source):
            raise InvalidInput(
                f"vintages {before.kept.row.id} and {after.kept.row.id} are of {before.traded}"
                f" of {before.source} and {after.traded} of {after.source}; compare two of one"
                " instrument and source"
            )
        vendor, wanted = self._reader(after)
        blobs = self._process.open_blobs()
        change = compare_vintages(
            vendor,
            wanted,
            before=read_vintage(blobs, before.kept),
            after=read_vintage(blobs, after.kept),
        )
        if change is None:
            raise InvalidInput(
                f"vintages {before.kept.row.id} and {after.kept.row.id} have no days in common"
            )
        return Comparison(before=before, after=after, change=change)

    def _reader(self, found: "VintageOf") -> tuple[VendorSource, Wanted]:
        """Return what reads the bytes of a vintage, and what its bars are."""
        traded, planner = found.traded, self._planner()
        # Others know it themselves, or from the symbol, and take no word for it.
        is_said = "quoted_in" in planner.takes(found.source)
        named = {
            "symbol": traded.symbol,
            "exchange": traded.exchange,
            "currency": traded.currency,
            **({"quoted_in": found.quoted_in} if is_said else {}),
        }
        spec = parse_strategy(
            {"name": "data", "instruments": [named], "source": found.source},
            place=f"vintage {found.kept.row.id}",
        )
        source = planner.open_vendor(spec)
        calendar = planner.calendar_of(spec, traded)
        as_of = close_on_or_before(calendar, found.kept.last_on)
        return source, Wanted(
            instrument=traded, first=found.kept.first_on, as_of=as_of, calendar=calendar
        )

    def _shelf(self) -> Shelf:
        return Shelf(
            engine=self._access.engine(),
            blobs=self._process.open_blobs(),
            clock=self._process.clock,
            actor=self._process.actor,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fetching:
    """What is fetched for each decision: of the source, and of the second one, if they are vendors.

    With `first_on` also what decisions as of that day need: their bars reach to the others'.
    """

    spec: "StrategySpec"
    source: "Source"
    second: "Source | None"
    shelf: Shelf
    ask: Ask
    first_on: date | None
    has_looked: bool

    def of(
        self, decision: "PlannedDecision", *, row: "Stored", calendar: "Calendar"
    ) -> list[FetchedData]:
        """Return what came of it: of the source, then of the second one."""
        traded, asked, ours = decision.instrument, self.spec.second_opinion, list[Closes]()
        kept = self._kept(self.source, row)

        def first() -> "Fetched":
            early = None if self.first_on is None else close_on_or_before(calendar, self.first_on)
            got = [
                (as_of, fetch_bars(self.spec, kept, traded, as_of=as_of, calendar=calendar))
                for as_of in filter(None, (early, decision.as_of))
            ]
            ours.extend(
                Closes(traded=traded, bars=each.bars, as_of=as_of, calendar=calendar)
                for as_of, each in got
            )
            return got[-1][1]

        found = _came(kept, traded, first)
        shown = [found] if isinstance(kept, KeptSource) or found.problem else []
        if asked is None or self.second is None or found.problem:
            return shown
        theirs = self._kept(second_source(self.second, asked, traded), row)

        def second() -> "Fetched":
            return [closes.fetch(asked, theirs) for closes in ours][-1]

        return [*shown, _came(theirs, asked.named(traded), second)]

    def _kept(self, source: "Source", row: "Stored") -> "Source":
        """Return a vendor out of what is kept of it; bars of others are at hand."""
        if not isinstance(source, VendorSource):
            return source
        return KeptSource(
            vendor=source, row=row, shelf=self.shelf, ask=self.ask, has_looked=self.has_looked
        )


def _came(kept: "Source", traded: "Instrument", fetch: "Callable[[], Fetched]") -> FetchedData:
    """Return what came of a fetch: the vintage it is in, or why there is none."""
    used = kept.used if isinstance(kept, KeptSource) else []
    new = kept.downloaded if isinstance(kept, KeptSource) else set[int]()
    try:
        fetched = fetch()
    except TapeTrailError as error:
        return FetchedData(
            instrument=traded, source=kept.name, is_new=bool(new), problem=error.message
        )
    bars = fetched.bars
    return FetchedData(
        instrument=traded,
        source=kept.name,
        remarks=fetched.remarks,
        vintage_id=next(reversed(used), None),
        is_new=bool(new),
        session_first=day_of(bars.first_on[0]),
        session_last=day_of(bars.last_on[-1]),
        bar_count=len(bars),
    )
