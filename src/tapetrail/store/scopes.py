"""What money is counted by: an execution, a strategy on a day, the whole record on a day."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tapetrail.core.strategy.parts import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeBudget:
    """What may be spent in a scope, None where it is counted only; `setting` is what to raise."""

    scope: str
    limit_usd: Decimal | None
    setting: str


def budgets_of(
    execution: int,
    *,
    strategy: str | None,
    on: date,
    budget: "Budget",
    record_day_usd: Decimal | None,
) -> tuple[ScopeBudget, ...]:
    """Return the budgets that a call of an execution counts in, on a day in UTC.

    Versions of a strategy share its day. An execution of no strategy has none.
    """
    of_strategy = ScopeBudget(
        scope=f"strategy {strategy} on {on}", limit_usd=budget.day_usd, setting="budget.day_usd"
    )
    return (
        ScopeBudget(
            scope=f"execution {execution}",
            limit_usd=budget.execution_usd,
            setting="budget.execution_usd",
        ),
        *([of_strategy] if strategy is not None else []),
        ScopeBudget(
            scope=f"record on {on}", limit_usd=record_day_usd, setting="budget_day_usd (settings)"
        ),
    )
