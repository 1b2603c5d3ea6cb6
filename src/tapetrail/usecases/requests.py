"""What runs ask of the engine: the rows that plans name, and requests in their numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tapetrail.store.access import Access
from tapetrail.usecases.parts import Process
from tapetrail.usecases.strategies import append_strategy

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tapetrail.core.market.instruments import Instrument
    from tapetrail.core.plans import Plan, PlannedDecision
    from tapetrail.core.records.base import Stored
    from tapetrail.core.strategy.strategies import StrategySpec
    from tapetrail.store.control import Pass
    from tapetrail.usecases.planning import RunQuery
    from tapetrail.workflows.run_request import RunRequest

FRAME_KEY: Final = "frame"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a query comes to, and the workflow that will open it."""

    workflow_id: str
    query: "RunQuery"
    plan: "Plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows that requests name."""

    strategies: "Mapping[int, Stored]"
    runtime: "Stored"
    instruments: "Mapping[Instrument, Stored]"

    def strategy_of(self, query: "RunQuery") -> "Stored":
        """Return the version of the strategy that a query is about."""
        return self.strategies[id(query.spec)]

    def key_of(self, decision: "PlannedDecision") -> tuple[int, datetime]:
        """Return what tells a decision of a strategy from others: instrument and instant."""
        return self.instruments[decision.instrument].id, decision.as_of


class Requests:
    """Turns plans into requests."""

    def __init__(self, access: Access, process: Process) -> None:
        self._access = access
        self._process = process

    def rows(self, planned: Sequence[Planned]) -> Rows:
        """Record what plans name, all or nothing. Done again, everything is the same row."""
        from tapetrail.store import appends  # noqa: PLC0415 # readers do without
        from tapetrail.workflows.runtime import runtime_record  # noqa: PLC0415 # as above

        strategies: dict[int, Stored] = {}
        instruments: dict[Instrument, Stored] = {}
        with self._access.writing() as session:
            for each in planned:
                if id(each.query.spec) not in strategies:
                    strategies[id(each.query.spec)] = append_strategy(session, each.query.spec)
                for decision in each.plan.decisions:
                    traded = decision.instrument
                    if traded not in instruments:
                        instruments[traded] = self._row(session, each.query.spec, traded)
            runtime = appends.append_or_same(session, runtime_record(), unique=("record_digest",))
        return Rows(strategies=strategies, runtime=runtime, instruments=instruments)

    def instruments(
        self, spec: "StrategySpec", traded: "Sequence[Instrument]"
    ) -> "Mapping[Instrument, Stored]":
        """Record a strategy's instruments, all or none; return their rows."""
        with self._access.writing() as session:
            return {each: self._row(session, spec, each) for each in dict.fromkeys(traded)}

    def _row(self, session: "Session", spec: "StrategySpec", traded: "Instrument") -> "Stored":
        """Return the row of an instrument, with its conid where that is known by now."""
        from tapetrail.core.records.runs import InstrumentRecord  # noqa: PLC0415 # readers do without
        from tapetrail.store import appends  # noqa: PLC0415 # as above

        row = appends.append_instrument(session, InstrumentRecord(instrument=traded))
        if traded.conid is not None:
            teller, at = _teller(spec, traded.conid), self._process.clock()
            appends.append_conid(session, row, traded.conid, source=teller, at=at)
        return row

    def passes(self, rows: Rows, query: "RunQuery") -> "Sequence[Pass]":
        """Return the decisions of a query's strategy version that completed or are open."""
        from tapetrail.store import control  # noqa: PLC0415 # readers do without

        with self._access.writing() as session:
            return control.passes_made(session, rows.strategy_of(query).id)

    def requests(self, planned: Sequence[Planned], rows: Rows) -> "dict[str, RunRequest]":
        """Return the requests to run plans, by the workflows that will open them."""
        frames: dict[int, Mapping[str, str]] = {}
        for each in planned:
            if id(each.query.frame) not in frames:
                frames[id(each.query.frame)] = self._kept_frame(each.query)
        return {
            each.workflow_id: self._request(each, rows, kept=frames[id(each.query.frame)])
            for each in planned
        }

    def _request(self, planned: Planned, rows: Rows, *, kept: Mapping[str, str]) -> "RunRequest":
        from tapetrail.workflows.run_request import RequestedDecision, RunRequest  # noqa: PLC0415 # readers do without

        query, spec, plan = planned.query, planned.query.spec, planned.plan
        offset = self._process.clock_offset_ms()
        return RunRequest(
            strategy_id=rows.strategy_of(query).id,
            runtime_id=rows.runtime.id,
            run_type=query.run_type,
            provenance=plan.provenance,
            as_of=plan.as_of.isoformat(),
            actor=self._process.actor,
            config={
                "source": spec.source,
                "analyst": ", ".join(each.name for each in spec.analyst.every),
                "entry_sessions": str(spec.signal.entry_sessions),
                **_limits(spec),
                **self._began(planned),
                **({"notes": "\n".join(plan.notes)} if plan.notes else {}),
                **query.config,
                **kept,
            },
            decisions=[
                RequestedDecision(
                    instrument_id=rows.instruments[decision.instrument].id,
                    as_of=decision.as_of.isoformat(),
                    session_on=decision.session_on.isoformat() if decision.session_on else None,
                )
                for decision in plan.decisions
            ],
            clock_offset_ms=None if offset is None else str(offset),
            debug_mode=query.debug_mode,
        )

    def _began(self, planned: Planned) -> Mapping[str, str]:
        """Return the start of a run that asked for no date: bars of a market must reach it."""
        from tapetrail.core.records.states import Provenance  # noqa: PLC0415 # readers do without
        from tapetrail.workflows.run_request import BEGAN_KEY  # noqa: PLC0415 # as above

        if planned.query.as_of_on is not None or planned.plan.provenance is Provenance.DEMO:
            return {}
        return {BEGAN_KEY: self._process.clock().isoformat()}

    def _kept_frame(self, query: "RunQuery") -> Mapping[str, str]:
        """Return the digest of a query's frame, if it has one, whose stored form is kept."""
        if query.frame is None:
            return {}
        from tapetrail.persistence import JSON, keep_object  # noqa: PLC0415 # readers do without
        from tapetrail.store import appends  # noqa: PLC0415 # as above

        blobs, content = self._process.open_blobs(), query.frame.serialise()
        kept = keep_object(blobs, content, media_type=JSON)
        with self._access.writing() as session:
            appends.append_blobs(session, [kept], at=self._process.clock())
        return {FRAME_KEY: kept.digest}


def _teller(spec: "StrategySpec", conid: int) -> str:
    """Return who says an instrument's conid: the strategy, or else its source."""
    is_said = any(named.conid == conid for named in spec.instruments)
    return f"strategy {spec.name}" if is_said else f"source {spec.source}"


def _limits(spec: "StrategySpec") -> Mapping[str, str]:
    """Return what bars are held against, as it is said: defaults are not in a stored strategy."""
    limits = spec.data_quality.model_dump(mode="json")
    return {
        f"data_quality.{name}": "null" if value is None else str(value)
        for name, value in limits.items()
    }
