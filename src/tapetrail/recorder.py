"""Everything the system can be asked to do, one method each. Surfaces call nothing else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Engine

from tapetrail.core.bars import Calendar
from tapetrail.core.canonical import parse_digest
from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.core.plans import Offer, Plan, plan_run, weekly_dates
from tapetrail.core.records import (
    InstrumentRecord,
    RuntimeRecord,
    RunType,
    Stored,
)
from tapetrail.core.rules import ANALYST
from tapetrail.core.strategies import StrategySpec, nearest, spec_digest, spec_document
from tapetrail.persistence import BlobStore
from tapetrail.sources import Source
from tapetrail.store import appends, lists, reads
from tapetrail.store.reads import Progress
from tapetrail.store.session import transaction
from tapetrail.wire import Detail, Filters, Page, Resource, Status
from tapetrail.workflows.orders import DecisionOrder, Order

SAMPLE: Final = "sample"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A strategy to run, as the surfaces ask for it."""

    spec: StrategySpec
    symbols: Sequence[str] = ()
    as_of_on: date | None = None


class Planner:
    """Settles what a run will do. It reads sources and calendars, and writes nothing."""

    def __init__(
        self,
        *,
        sources: Mapping[str, Source],
        load_calendar: Callable[[str], Calendar],
        clock: Callable[[], datetime],
    ) -> None:
        self._sources = sources
        self._load_calendar = load_calendar
        self._clock = clock

    def plan(self, request: Request) -> Plan:
        """Return what a run would decide.

        Raises `InvalidInput` or `NotFound` for a source, analyst, instrument or date that there
        is not: all that can be known before.
        """
        spec = request.spec
        _check_analysts(spec)
        offers = self._offers(spec, symbols=request.symbols)
        return plan_run(offers, as_of_on=request.as_of_on, now=self._clock())

    def demo_dates(self, spec: StrategySpec) -> Sequence[date]:
        """Return the demo's as-of dates: weekly, ending well before the bars of `spec` do."""
        return weekly_dates(self._offers(spec, symbols=()))

    def _offers(self, spec: StrategySpec, *, symbols: Sequence[str]) -> list[Offer]:
        source = _named(self._sources, spec.source, what="source")
        wanted = symbols or [named.symbol for named in spec.instruments]
        return [self._offer(source, symbol) for symbol in wanted]

    def _offer(self, source: Source, symbol: str) -> Offer:
        instrument = source.instrument(symbol)
        first_on, last_on = source.coverage(instrument)
        return Offer(
            instrument=instrument,
            calendar=self._load_calendar(instrument.calendar),
            first_on=first_on,
            last_on=last_on,
            is_sample=source.name == SAMPLE,
        )


class Recorder:
    """The record: what was recorded, for reading, and orders for what is to come."""

    def __init__(self, engine: Engine, *, blobs: BlobStore, actor: str) -> None:
        self._engine = engine
        self._blobs = blobs
        self._actor = actor

    def order(
        self, spec: StrategySpec, plan: Plan, *, run_type: RunType, runtime: RuntimeRecord
    ) -> Order:
        """Record the strategy and the instruments of a plan; return the order to run it.

        Everything here is the same row when it is done again.
        """
        with transaction(self._engine) as session:
            strategy = appends.append_strategy(
                session,
                name=spec.name,
                version=spec.version,
                spec=spec_document(spec),
                digest=spec_digest(spec),
            )
            ran = appends.append_or_same(session, runtime, unique=("record_digest",))
            instruments: list[Stored] = [
                appends.append_or_same(
                    session,
                    InstrumentRecord(
                        symbol=decision.instrument.symbol,
                        exchange=decision.instrument.exchange,
                        currency=decision.instrument.currency,
                        conid=decision.instrument.conid,
                        asset_class=decision.instrument.asset_class,
                        tick_size=decision.instrument.tick_size,
                        multiplier=decision.instrument.multiplier,
                        calendar=decision.instrument.calendar,
                    ),
                    unique=("symbol", "exchange", "currency"),
                )
                for decision in plan.decisions
            ]
        return Order(
            strategy_id=strategy.id,
            runtime_id=ran.id,
            run_type=run_type,
            provenance=plan.provenance,
            as_of=plan.as_of.isoformat(),
            actor=self._actor,
            config={"source": spec.source, "analyst": spec.analyst},
            decisions=[
                DecisionOrder(instrument_id=stored.id, as_of=decision.as_of.isoformat())
                for stored, decision in zip(instruments, plan.decisions, strict=True)
            ],
        )

    def progress(self, workflow_ids: Sequence[str]) -> Sequence[Progress]:
        """Return how far the executions of these orders are, as far as they have begun."""
        with transaction(self._engine) as session:
            return reads.progress(session, workflow_ids)

    def page(
        self, resource: Resource, *, filters: Filters, limit: int, cursor: str | None = None
    ) -> Page[Any]:
        """Return one page of a list, newest first."""
        with transaction(self._engine) as session:
            return lists.list_page(session, resource, filters=filters, limit=limit, cursor=cursor)

    def detail(self, resource: Resource, number: int) -> Detail:
        """Return one row whole, with what hangs on it. Raises `NotFound`."""
        with transaction(self._engine) as session:
            return lists.detail(session, resource, number)

    def chart_image(self, number: int) -> bytes:
        """Return the image a chart's row names, checked against its digest.

        Raises `NotFound` without such a chart, `IntegrityFailure` if the bytes are others.
        """
        chart = self.detail(Resource.CHARTS, number).columns
        key, digest = chart["minio_object_key"], chart["jpeg_digest"]
        return self._blobs.read(str(key), digest=parse_digest(str(digest)))

    def status(self) -> Status:
        """Return how much the record holds."""
        with transaction(self._engine) as session:
            return reads.status(session)


def _check_analysts(spec: StrategySpec) -> None:
    for analyst in (spec.analyst, *spec.shadows):
        _named({ANALYST: ANALYST}, analyst, what="analyst")
    if spec.shadows:
        raise InvalidInput(f"shadows: {ANALYST} already decides; a shadow is another analyst")


def _named(known: Mapping[str, Any], name: str, *, what: str) -> Any:
    if name in known:
        return known[name]
    near = nearest(name, known)
    suggestion = f"did you mean {near}?" if near else f"known: {', '.join(sorted(known))}"
    raise NotFound(f"no {what} {name!r}; {suggestion}")
