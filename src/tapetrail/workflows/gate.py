"""The way out to providers: money first, then a turn, then a place; given back when a call ends.

Nobody holds a transaction or a slot for work while waiting here. What can never be paid is refused
before it is sent.
"""

import logging
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tapetrail.analysts.protocol import Demand
from tapetrail.core.canonical import storable_text
from tapetrail.core.errors import EdgeFailure, ErrorKind
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.store import budgets, flow
from tapetrail.store.budgets import AttemptKey, MustWait, Reservation, Reserved
from tapetrail.store.flow import Blocked
from tapetrail.store.scopes import ScopeBudget, budgets_of
from tapetrail.store.slots import Slots
from tapetrail.workflows.prepare import Ports

SETTLED_LATE: Final = timedelta(minutes=10)
"""How long after its longest call a reservation may still be settled."""
RETRY_S: Final = 1.0
SOON: Final = timedelta(seconds=0.2)
"""How long one may have waited for a place and need not look again who is asked to wait."""
RENEWED_AFTER: Final = timedelta(minutes=2)
"""How old a reservation may be when its call is made: a waiting one is not to count as lost."""
BLOCKS: Final = frozenset({ErrorKind.RATE_LIMITED, ErrorKind.OVERLOADED})
"""What a provider says to one call and means for all."""
_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Held:
    """What a call holds; `at` is when its money was reserved, None where it costs nothing."""

    at: datetime | None
    is_sent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What holds calls back. `pause` waits, and ends the thread where the process ends."""

    engine: Engine
    slots: Slots
    ports: Ports
    pause: Callable[[float], None]
    is_ending: Callable[[], bool]
    told: dict[str, str] = field(default_factory=dict[str, str])
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def passed(
        self, key: AttemptKey, demand: Demand, *, spec: StrategySpec, execution_id: int
    ) -> Generator["Held"]:
        """Hold what a call needs for as long as this is open; the money stays to be settled.

        Where what is yielded is not marked as sent, the money is let go of. Raises `InvalidInput`
        (`budget_exceeded`) for what can never be paid.
        """
        held = Held(at=self._reserve(key, demand, spec=spec, execution_id=execution_id))
        try:
            while True:
                self._await_turn(demand)
                began = self.ports.clock()
                with self._place(demand):
                    now = self.ports.clock()
                    if now - began > SOON and self._is_blocked(demand):
                        continue  # what was said to others meanwhile holds for this one too
                    if held.at is not None and now - held.at > RENEWED_AFTER:
                        held.at = self._reserve(key, demand, spec=spec, execution_id=execution_id)
                    yield held
                    return
        finally:
            if not held.is_sent and held.at is not None:
                with Session(self.engine) as session, session.begin():
                    budgets.release(session, key, at=held.at)

    def block(self, demand: Demand, *, seconds: float, reason: str) -> None:
        """Let nobody ask a provider for so long: what it said to one call it means for all."""
        until = self.ports.clock() + timedelta(seconds=seconds)
        with Session(self.engine) as session, session.begin():
            flow.block(session, demand.endpoint, until=until, reason=storable_text(reason))

    def _place(self, demand: Demand) -> ExitStack:
        """Return what holds a place at an endpoint; a database that is away is waited for."""
        limits = self.ports.limits(demand.provider)
        while True:
            stack = ExitStack()
            try:
                stack.enter_context(
                    self.slots.take(
                        demand.endpoint, slots_max=limits.max_in_flight, is_ending=self.is_ending
                    )
                )
            except EdgeFailure as error:
                self._tell(demand.endpoint, error.message)
                self.pause(RETRY_S)
            else:
                return stack

    def _budgets(self, spec: StrategySpec, execution_id: int) -> Sequence[ScopeBudget]:
        return budgets_of(
            execution_id,
            strategy=spec.name,
            on=self.ports.clock().date(),
            budget=spec.budget,
            record_day_usd=self.ports.budget_day_usd,
        )

    def _reserve(
        self, key: AttemptKey, demand: Demand, *, spec: StrategySpec, execution_id: int
    ) -> datetime | None:
        """Hold the most that a call can cost, once it fits; return when that was, None for 0."""
        if demand.usd_max == 0:
            return None
        found: Reserved | MustWait | None = None
        while True:
            now = self.ports.clock()
            longest = timedelta(seconds=demand.timeout_s) + SETTLED_LATE
            reservation = Reservation(key=key, usd=demand.usd_max, at=now, lost_after=now + longest)
            # A call that waits over midnight counts in the day in which it is made.
            limits = self._budgets(spec, execution_id)
            if found is not None:
                found = budgets.look(self.engine, reservation, limits)
            found = found or budgets.reserve(self.engine, reservation, limits)
            if not isinstance(found, MustWait):
                return now
            self._tell(demand.endpoint, found.reason)
            self.pause(RETRY_S)

    def _is_blocked(self, demand: Demand) -> bool:
        with Session(self.engine) as session:
            state = flow.states(session, demand.endpoint).get(demand.endpoint)
        until = state and state.blocked_until
        return until is not None and until > self.ports.clock()

    def _await_turn(self, demand: Demand) -> None:
        limits = self.ports.limits(demand.provider)
        while True:
            now = self.ports.clock()
            with Session(self.engine) as session, session.begin():
                found = flow.take_turn(
                    session, demand.endpoint, limits=limits, tokens=demand.tokens, now=now
                )
            if found.at > now:
                self._tell(demand.endpoint, found.reason or "a turn")
                self.pause((found.at - now).total_seconds())
            if not isinstance(found, Blocked):
                return

    def _tell(self, endpoint: str, reason: str) -> None:
        """Say once why calls wait."""
        with self.lock:
            is_new = self.told.get(endpoint) != reason
            self.told[endpoint] = reason
        if is_new:
            _log.info("calls to %s wait: %s", endpoint, reason)


def settle(session: Session, key: AttemptKey, demand: Demand, *, cost_usd: Decimal | None) -> None:
    """Count what a call did cost, in the transaction that keeps its reply; None is not known."""
    if demand.usd_max > 0:
        budgets.settle(session, key, cost_usd)
