"""Whether the prices of a signal that others sent are in the order that a trade needs.

The rules are those of our own signals; here they decide nothing but a flag.
"""

from decimal import Decimal, localcontext
from typing import Final, Protocol

from tapetrail.core.analysis.signals import RATIO_STEP

_DIGITS: Final = 2_000


class Priced(Protocol):
    """A signal as others sent it: BUY, SELL or HOLD, and its prices where it has any."""

    @property
    def signal_type(self) -> str: ...  # noqa: D102 # as in records
    @property
    def entry_price(self) -> Decimal | None: ...  # noqa: D102 # as above
    @property
    def stop_loss(self) -> Decimal | None: ...  # noqa: D102 # as above
    @property
    def target_price(self) -> Decimal | None: ...  # noqa: D102 # as above


def are_valid(told: Priced) -> bool:
    """Return whether entry, stop and target are those of such a signal: complete and in order."""
    entry, stop, target = told.entry_price, told.stop_loss, told.target_price
    prices = [price for price in (entry, stop, target) if price is not None]
    if told.signal_type == "HOLD":
        return not prices
    if any(price <= 0 for price in prices):
        return False
    if told.signal_type == "SELL" and stop is None and target is None:
        return True
    if entry is None or stop is None or target is None:
        return False
    ordered = stop < entry < target if told.signal_type == "BUY" else target < entry < stop
    return ordered and _ratio(entry, stop, target) > 0


def reward_risk(told: Priced) -> Decimal | None:
    """Return the target's distance in distances to the stop; None where the prices say none."""
    entry, stop, target = told.entry_price, told.stop_loss, told.target_price
    if entry is None or stop is None or target is None or not are_valid(told):
        return None
    return _ratio(entry, stop, target)


def _ratio(entry: Decimal, stop: Decimal, target: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = _DIGITS
        return (abs(target - entry) / abs(entry - stop)).quantize(RATIO_STEP)
