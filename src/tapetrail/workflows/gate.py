"""The way out to providers: money first, then a turn, then a place; given back when a call ends.

Nobody holds a transaction or a slot for work while waiting here. What can never be paid is refused
before it is sent.
"""

import logging
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tapetrail.analysts.protocol import Demand
from tapetrail.core.canonical import storable_text
from tapetrail.core.errors import EdgeFailure, ErrorKind
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.store import budgets, flow
from tapetrail.store.budgets import AttemptKey, MustWait, Reservation
from tapetrail.store.flow import Blocked
from tapetrail.store.scopes import ScopeBudget, budgets_of
from tapetrail.store.slots import Slots
from tapetrail.workflows.prepare import Ports

SETTLED_LATE: Final = timedelta(minutes=10)
"""How long after its longest call a reservation may still be settled."""
RETRY_S: Final = 1.0
BLOCKS: Final = frozenset({ErrorKind.RATE_LIMITED, ErrorKind.OVERLOADED})
"""What a provider says to one call and means for all."""
_log = logging.getLogger(__name__)


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
    ) -> Generator[None]:
        """Hold what a call needs for as long as this is open; the money stays to be settled.

        Raises `InvalidInput` (`budget_exceeded`) for what can never be paid.
        """
        self._reserve(key, demand, self._budgets(spec, execution_id))
        self._await_turn(demand)
        with self._place(demand):
            yield

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

    def _reserve(self, key: AttemptKey, demand: Demand, scopes: Sequence[ScopeBudget]) -> None:
        if demand.usd_max == 0:
            return
        while True:
            now = self.ports.clock()
            longest = timedelta(seconds=demand.timeout_s) + SETTLED_LATE
            reservation = Reservation(key=key, usd=demand.usd_max, at=now, lost_after=now + longest)
            found = budgets.reserve(self.engine, reservation, scopes)
            if not isinstance(found, MustWait):
                return
            self._tell(demand.endpoint, found.reason)
            self.pause(RETRY_S)

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
