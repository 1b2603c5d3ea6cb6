"""Everything the system can be asked to do, one method each. Surfaces call nothing else."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from tapetrail.core.canonical import parse_digest
from tapetrail.core.records import (
    InstrumentRecord,
    RuntimeRecord,
    RunType,
    Stored,
)
from tapetrail.store import appends, lists, reads
from tapetrail.store.reads import Progress
from tapetrail.store.session import transaction
from tapetrail.wire import Detail, Filters, Page, Resource, Status
from tapetrail.workflows.orders import DecisionOrder, Order

if TYPE_CHECKING:
    from tapetrail.core.plans import Plan
    from tapetrail.core.strategies import StrategySpec
    from tapetrail.persistence import BlobStore


class Recorder:
    """The record: what was recorded, for reading, and orders for what is to come."""

    def __init__(self, engine: Engine, *, blobs: "BlobStore", actor: str) -> None:
        self._engine = engine
        self._blobs = blobs
        self._actor = actor

    def order(
        self, spec: "StrategySpec", plan: "Plan", *, run_type: RunType, runtime: RuntimeRecord
    ) -> Order:
        """Record the strategy and the instruments of a plan; return the order to run it.

        Everything here is the same row when it is done again.
        """
        from tapetrail.core.strategies import spec_digest, spec_document  # noqa: PLC0415 # readers do without

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
