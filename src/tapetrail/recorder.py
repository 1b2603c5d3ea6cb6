"""Everything that changes the record, one method each, and all that can be read from it."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tapetrail.core.canonical import Digest
from tapetrail.core.records.base import Stored
from tapetrail.core.records.runs import InstrumentRecord, RuntimeRecord
from tapetrail.core.records.states import RunType
from tapetrail.listing import STRATEGIES
from tapetrail.listing.runs import StrategyRow
from tapetrail.reader import Reader
from tapetrail.store import appends, archivals, lists, reads
from tapetrail.store.connections import Connection, answering, driver_connection
from tapetrail.store.reads import Progress
from tapetrail.store.session import transaction
from tapetrail.wire import OldCharts
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


class Recorder(Reader):
    """The record: what was recorded, for reading, and orders for what is to come."""

    def __init__(self, engine: Engine, *, blobs: "BlobStore", actor: str) -> None:
        super().__init__(lambda: _borrowed(engine), open_blobs=lambda: blobs)
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
            of_name = STRATEGIES.select(name=spec.name)
            before = {row.id for row in lists.rows(driver_connection(session), of_name)}
            stored = _append_strategy(session, spec)
            after = {row.id: row for row in lists.rows(driver_connection(session), of_name)}
        return Applied(strategy=after[stored.id], is_new=stored.id not in before)

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


@contextmanager
def _borrowed(engine: Engine) -> Generator[Connection]:
    """Give one of the engine's connections, which knows how to wait for a server that is away."""
    with transaction(engine) as session, answering():
        yield driver_connection(session)


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
