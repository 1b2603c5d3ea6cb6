"""Whether a model's answer can be acted on: its confidence, its prices, its reward.

Supports and resistances are not judged here: they are grounded, and never a reason to refuse.
"""

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final

import numpy as np

from tapetrail.core.analysis.analyses import ConsolidatedAnalysis, SignalType
from tapetrail.core.analysis.market_view import drawn_number
from tapetrail.core.analysis.signals import check_levels, reward_risk
from tapetrail.core.analysis.trade_plan import EXACT
from tapetrail.core.canonical import decimal_of, decimal_text
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Bars
from tapetrail.core.market.indicators import atr
from tapetrail.core.strategy.signal_settings import SellMeaning, SignalSettings

ATR_BARS: Final = 14
REACH_ATR: Final = Decimal(10)
REACH_SHARE: Final = Decimal("0.3")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceReference:
    """What stated prices are compared with: the last close and ATR(14) of a chart.

    `atr` has ten digits, as drawn values do; it is None where too few bars are complete.
    """

    last_close: Decimal
    atr: Decimal | None

    @property
    def reach(self) -> Decimal:
        """The distance from the last close up to which a price belongs to a plan."""
        with localcontext(EXACT):
            return max(REACH_ATR * (self.atr or Decimal(0)), REACH_SHARE * abs(self.last_close))


def price_reference(bars: Bars) -> PriceReference:
    """Return the reference in a chart's whole history, the close of an unfinished bar included."""
    complete = bars.take(bars.complete)
    ranges = atr(complete, ATR_BARS) if len(complete) > ATR_BARS else np.array([np.nan])
    last = float(ranges[-1])
    return PriceReference(
        last_close=decimal_of(float(bars.close[-1])),
        atr=None if np.isnan(last) else drawn_number(last),
    )


def check_answer(
    answer: ConsolidatedAnalysis, settings: SignalSettings, reference: PriceReference
) -> None:
    """Raise `InvalidInput` for the first rule that a model's answer breaks.

    Its kind is `bad_confidence`, `invalid_levels`, `levels_too_far` or `reward_risk_too_low`.
    """
    check_levels(answer, settings)
    _check_confidence(answer, settings.sell_means)
    _check_reach(answer, reference)
    _check_reward(answer, settings.min_reward_risk)


def _check_confidence(answer: ConsolidatedAnalysis, means: SellMeaning) -> None:
    """A probability that the target comes first exists where there are a target and a stop."""
    leaves = answer.signal_type is SignalType.SELL and means is SellMeaning.EXIT
    is_trade = answer.signal_type is not SignalType.HOLD and not leaves
    if is_trade is not (answer.confidence is not None):
        found = "null" if answer.confidence is None else decimal_text(answer.confidence)
        action = f"{answer.signal_type} that leaves a position" if leaves else answer.signal_type
        expected = "a number from 0 to 1" if is_trade else "null: no target can come before a stop"
        raise InvalidInput(
            f"confidence: {found} for a {action}, expected {expected}",
            kind=ErrorKind.BAD_CONFIDENCE,
        )


def _check_reach(answer: ConsolidatedAnalysis, reference: PriceReference) -> None:
    prices = {
        "entry_price": answer.entry_price,
        "stop_loss": answer.stop_loss,
        "target_price": answer.target_price,
    }
    for name, price in prices.items():
        if price is None:
            continue
        with localcontext(EXACT):
            distance = abs(price - reference.last_close)
        if distance > reference.reach:
            raise InvalidInput(
                f"{name}: {decimal_text(price)} is {decimal_text(distance)} from the last close"
                f" {decimal_text(reference.last_close)}, expected at most"
                f" {decimal_text(reference.reach)}, the larger of {REACH_ATR} ATR({ATR_BARS})"
                f" and {REACH_SHARE:%}",
                kind=ErrorKind.LEVELS_TOO_FAR,
            )


def _check_reward(answer: ConsolidatedAnalysis, least: Decimal) -> None:
    ratio = reward_risk(answer)
    if ratio is not None and ratio < least:
        raise InvalidInput(
            f"reward/risk: {decimal_text(ratio)}, expected at least {decimal_text(least)}",
            kind=ErrorKind.REWARD_RISK_TOO_LOW,
        )
