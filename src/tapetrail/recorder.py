"""Everything the system can be asked to do, one method each. Surfaces call nothing else."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tapetrail.core.canonical import Digest, parse_digest
from tapetrail.core.errors import NotFound
from tapetrail.core.records.base import Stored
from tapetrail.core.records.runs import InstrumentRecord, RuntimeRecord
from tapetrail.core.records.states import RunType
from tapetrail.store import appends, archivals, lists, reads, strategies
from tapetrail.store.reads import Progress
from tapetrail.store.session import transaction
from tapetrail.wire import Detail, Filters, OldCharts, Page, Resource, Status, StrategyRow
from tapetrail.workflows.run_request import RequestedDecision, RunRequest

if TYPE_CHECKING:
    from tapetrail.core.plans import Plan
    from tapetrail.core.strategy.strategies import StrategySpec
    from tapetrail.persistence import BlobStore


ARCHIVE_BATCH: Final = 1000
"""Charts archived in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A strategy that was to be recorded, and whether it was not yet."""

    strategy: StrategyRow
    is_new: bool


class Recorder:
    """The record: what was recorded, for reading, and orders for what is to come."""

    def __init__(self, engine: Engine, *, blobs: "BlobStore", actor: str) -> None:
        self._engine = engine
        self._blobs = blobs
        self._actor = actor

    def order(
        self,
        spec: "StrategySpec",
        plan: "Plan",
        *,
        run_type: RunType,
        runtime: RuntimeRecord,
        config: Mapping[str, str] | None = None,
    ) -> RunRequest:
        """Record the strategy and the instruments of a plan; return the order to run it.

        `config` is what the execution keeps besides source and analyst.

        Everything here is the same row when it is done again.
        """
        with transaction(self._engine) as session:
            strategy = _append_strategy(session, spec)
            ran = appends.append_or_same(session, runtime, unique=("record_digest",))
            instruments: list[Stored] = [
                appends.append_instrument(
                    session,
                    InstrumentRecord(instrument=decision.instrument),
                )
                for decision in plan.decisions
            ]
        return RunRequest(
            strategy_id=strategy.id,
            runtime_id=ran.id,
            run_type=run_type,
            provenance=plan.provenance,
            as_of=plan.as_of.isoformat(),
            actor=self._actor,
            config={"source": spec.source, "analyst": spec.analyst, **(config or {})},
            decisions=[
                RequestedDecision(instrument_id=stored.id, as_of=decision.as_of.isoformat())
                for stored, decision in zip(instruments, plan.decisions, strict=True)
            ],
        )

    def apply_strategy(self, spec: "StrategySpec") -> Applied:
        """Record a strategy without running it; return its row, and whether that is new.

        Raises `InvalidInput` when its version is recorded with another content.
        """
        with transaction(self._engine) as session:
            appends.lock_name(session, f"strategy {spec.name}")
            before = strategies.newest_id(session)
            stored = _append_strategy(session, spec)
            row = strategies.row(session, stored.id)
        return Applied(strategy=row, is_new=stored.id > before)

    def strategies(self) -> Sequence[StrategyRow]:
        """Return every version of every strategy, by name, the newest version first."""
        with transaction(self._engine) as session:
            return strategies.rows(session)

    def strategy(self, name: str, *, version: int | None = None) -> Detail:
        """Return one version of a strategy with its specification, the newest by default.

        Raises `NotFound`, naming what is nearest.
        """
        with transaction(self._engine) as session:
            return strategies.detail(session, name, version=version)

    def old_charts(self, *, older_than_days: int, at: datetime) -> OldCharts:
        """Return how many active charts were generated over so many days before `at`."""
        with transaction(self._engine) as session:
            return archivals.old_charts(session, at - timedelta(days=older_than_days))

    def archive_charts(self, *, older_than_days: int, at: datetime) -> Iterator[int]:
        """Archive old charts as of `at`; yield how many there were in each batch, once committed.

        Each batch is one transaction, so what was yielded stays done and the next call does the
        rest.
        """
        from tapetrail.persistence import ChartPersistenceService  # noqa: PLC0415 # readers do without

        last_id = 0
        while True:
            with transaction(self._engine) as session:
                charts = ChartPersistenceService(session, blobs=self._blobs, clock=lambda: at)
                archived = charts.archive_old_charts(
                    actor=self._actor,
                    older_than_days=older_than_days,
                    after_id=last_id,
                    limit=ARCHIVE_BATCH,
                )
            if not archived:
                return
            last_id = archived[-1]
            yield len(archived)

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
        return self._chart_bytes(number, "jpeg_digest")

    def chart_page(self, number: int) -> bytes:
        """Return the interactive page a chart's row names, as HTML; otherwise as `chart_image`.

        Raises `NotFound` for a chart that was recorded without one, too.
        """
        return self._chart_bytes(number, "html_digest")

    def chart_print(self, number: int) -> bytes:
        """Return a chart for printing, as PDF: with the levels of its decision's signal.

        It is drawn anew from the stored document of every drawn value. Raises as `chart_image`.
        """
        from tapetrail.core.analysis.analyses import SignalType  # noqa: PLC0415 # as below
        from tapetrail.core.analysis.chart_marks import SignalPrices, derive_marks  # noqa: PLC0415 # readers do without
        from tapetrail.core.charts.parsing import parse_spec  # noqa: PLC0415 # readers do without
        from tapetrail.render.page import print_page, render_page  # noqa: PLC0415 # as above

        spec = parse_spec(self._chart_bytes(number, "spec_digest"))
        with transaction(self._engine) as session:
            signal = reads.signal_of_chart(session, number)
        if signal is None:
            return render_page(spec)
        marks = derive_marks(
            SignalType(signal.signal_type),
            SignalPrices(
                entry=signal.entry_price, stop=signal.stop_loss, target=signal.target_price
            ),
            reward_risk=signal.risk_reward_ratio,
        )
        return print_page(spec, marks)

    def _chart_bytes(self, number: int, column: str) -> bytes:
        with transaction(self._engine) as session:
            named = lists.detail(session, Resource.CHARTS, number).columns[column]
            if named is None:
                raise NotFound(f"chart {number} was recorded without {column}")
        return self.blob(str(named))

    def blob(self, digest: str) -> bytes:
        """Return the stored bytes with a digest. Raises `NotFound` for bytes that no row names."""
        wanted = parse_digest(digest)
        with transaction(self._engine) as session:
            key = reads.blob_key(session, wanted)
        return self._blobs.read(key, digest=wanted)

    def keep_frame(self, content: bytes, *, at: datetime) -> Digest:
        """Store the frozen form of a frame, whose digest names it in an execution's `config`."""
        from tapetrail.persistence import JSON, keep_object  # noqa: PLC0415 # readers do without

        kept = keep_object(self._blobs, content, media_type=JSON)
        with transaction(self._engine) as session:
            appends.append_blobs(session, [kept], at=at)
        return kept.digest

    @contextmanager
    def reading(self) -> Generator[Session]:
        """Give a session that can only read."""
        with Session(self._engine.execution_options(postgresql_readonly=True)) as session:
            yield session

    def status(self) -> Status:
        """Return how much the record holds."""
        with transaction(self._engine) as session:
            return reads.status(session)


def _append_strategy(session: Session, spec: "StrategySpec") -> Stored:
    """Append a strategy version, or return the equal one. Raises `InvalidInput` for another."""
    from tapetrail.core.strategy.strategies import spec_digest, spec_document  # noqa: PLC0415 # readers do without

    return appends.append_strategy(
        session,
        name=spec.name,
        version=spec.version,
        spec=spec_document(spec),
        digest=spec_digest(spec),
    )
