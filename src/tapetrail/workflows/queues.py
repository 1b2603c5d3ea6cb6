"""Where decisions wait for a process that makes them, and in which order."""

from datetime import datetime
from typing import Final

from tapetrail.core.errors import TapeTrailError
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.workflows.ask import seats_of
from tapetrail.workflows.prepare import Ports

QUEUE: Final = "decisions"
WAITING_QUEUE: Final = "waiting_decisions"
"""For decisions that wait for vendors or analysts, so that nothing else waits behind them."""
PRIORITY_MAX: Final = 2**31 - 1
"""The last in turn; the engine counts from 1."""


def family_queue(family: str) -> str:
    """Return where decisions go that only processes with a family of analysts can make."""
    return f"analysts:{family}"


def queue_of(strategy: StrategySpec, ports: Ports) -> str:
    """Return where a strategy's decisions go: to who has the analysts, and waiting ones apart."""
    try:
        seats = seats_of(strategy, ports)
    except TapeTrailError:
        return QUEUE  # the decisions record why
    # A strategy with two of them was refused.
    for family in {named.family for seat in seats for named in seat.everyone} & ports.brought:
        return family_queue(family)
    is_waited_for = ports.asks_a_vendor(strategy) or not all(seat.is_local for seat in seats)
    return WAITING_QUEUE if is_waited_for else QUEUE


def priority_of(began_at: datetime) -> int:
    """Return the priority of what a process asks for, by when it began: the latest comes first.

    Whoever asks for a run waits for it; what others queued before, or left, comes after.
    """
    return max(1, PRIORITY_MAX - int(began_at.timestamp()))
