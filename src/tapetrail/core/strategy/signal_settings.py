"""What a strategy says about its signals: what SELL means, how far to stop, how long to hold."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from tapetrail.core.errors import InvalidInput

HORIZON_SESSIONS_MAX: Final = 260
RATIO_MAX: Final = Decimal(100)


class SellMeaning(StrEnum):
    """What a SELL asks for: a short position with levels of its own, or leaving a long one."""

    SHORT = "short"
    EXIT = "exit"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSettings:
    """How an analysis becomes a signal.

    `horizon_sessions` is how long a position is held at most; `min_reward_risk` the least distance
    to the target in distances to the stop; `stop_atr` the distance to the stop in ATR.
    """

    sell_means: SellMeaning = SellMeaning.SHORT
    horizon_sessions: int = 20
    min_reward_risk: Decimal = Decimal("1.5")
    stop_atr: Decimal = Decimal("2.0")

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for a horizon or a ratio that is out of range."""
        if not 1 <= self.horizon_sessions <= HORIZON_SESSIONS_MAX:
            raise InvalidInput(
                f"signal: horizon_sessions {self.horizon_sessions} must lie in 1"
                f"..{HORIZON_SESSIONS_MAX}"
            )
        for name, ratio in (
            ("min_reward_risk", self.min_reward_risk),
            ("stop_atr", self.stop_atr),
        ):
            if not (ratio.is_finite() and 0 < ratio <= RATIO_MAX):
                raise InvalidInput(f"signal: {name} {ratio} must lie above 0, at most {RATIO_MAX}")
