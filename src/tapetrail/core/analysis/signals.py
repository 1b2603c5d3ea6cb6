"""An analysis as a signal: what to do at which prices, or the rule that the prices break.

A signal exists only if an order could be placed by it: BUY has its stop below the entry and its
target above, a short SELL the other way round, a SELL that leaves a position only its reference
price, and HOLD no price at all. Nothing is repaired and no price is rounded here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Final, TypeAlias

from tapetrail.core.analysis.analyses import ConsolidatedAnalysis, EntryType, SignalType, Trend
from tapetrail.core.canonical import FieldValue
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.strategy.signal_settings import (
    HORIZON_SESSIONS_MAX,
    SellMeaning,
    SignalSettings,
)

RATIO_STEP: Final = Decimal("0.000001")
# Prices have up to 15 digits before the point and 30 after it; their differences stay exact.
_EXACT: Final = Context(prec=100, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One decision's answer, prices in the instrument's currency.

    `confidence` is 0 to 1, and may be None where there is no trade: no target, no stop, and so no
    probability that one comes first. `horizon_bars` counts sessions, and `risk_reward_ratio` is the
    distance to the target in distances to the stop, six decimals, half to even. `valid_until` is
    the last session in which a limit or stop entry stands, None for an entry at the market.
    `timeframe_confirmation` names the other timeframes, comma between.
    """

    signal_type: SignalType
    confidence: Decimal | None
    trend: Trend
    entry_type: EntryType | None
    entry_price: Decimal | None
    stop_loss: Decimal | None
    target_price: Decimal | None
    risk_reward_ratio: Decimal | None
    horizon_bars: int
    valid_until: date | None
    timeframe_primary: str
    timeframe_confirmation: str | None
    reasoning: str
    strategy_metadata: Mapping[str, FieldValue]

    def __post_init__(self) -> None:
        """Raise `InvalidInput` (`invalid_levels`) naming the prices and the rule they break."""
        rule = _broken_rule(self)
        if rule is not None:
            raise InvalidInput(
                f"{self.signal_type} with entry {_shown(self.entry_type)}"
                f" {_shown(self.entry_price)}, stop {_shown(self.stop_loss)}, target"
                f" {_shown(self.target_price)}, reward/risk {_shown(self.risk_reward_ratio)},"
                f" horizon {self.horizon_bars}, valid until {_shown(self.valid_until)}: {rule}",
                kind=ErrorKind.INVALID_LEVELS,
            )


_Plan: TypeAlias = Signal | ConsolidatedAnalysis


def check_levels(analysis: ConsolidatedAnalysis, settings: SignalSettings) -> None:
    """Raise `InvalidInput` (`invalid_levels`) for prices that no signal can have."""
    _check_sell(analysis, settings.sell_means)
    rule = next((rule for holds, rule in _plan_rules(analysis) if not holds), None)
    if rule is not None:
        raise InvalidInput(
            f"{analysis.signal_type} with entry {_shown(analysis.entry_type)}"
            f" {_shown(analysis.entry_price)}, stop {_shown(analysis.stop_loss)}, target"
            f" {_shown(analysis.target_price)}: {rule}",
            kind=ErrorKind.INVALID_LEVELS,
        )


def derive_signal(
    analysis: ConsolidatedAnalysis,
    settings: SignalSettings,
    *,
    timeframes: Sequence[str],
    entries_stand_until: date | None = None,
) -> Signal:
    """Return the signal in an analysis, its prices as given.

    `timeframes` are the strategy's, the primary first. `entries_stand_until` is the session until
    which a limit or stop entry would stand; an entry at the market has none. Raises `InvalidInput`
    (`invalid_levels`) if the prices break a rule of `Signal` or of `settings.sell_means`.
    """
    if not timeframes:
        raise InvalidInput("signal: no timeframe, expected at least the primary one")
    _check_sell(analysis, settings.sell_means)
    waits = analysis.entry_type in {EntryType.LIMIT, EntryType.STOP}
    return Signal(
        signal_type=analysis.signal_type,
        confidence=analysis.confidence,
        trend=analysis.trend,
        entry_type=analysis.entry_type,
        entry_price=analysis.entry_price,
        stop_loss=analysis.stop_loss,
        target_price=analysis.target_price,
        risk_reward_ratio=reward_risk(analysis),
        horizon_bars=analysis.horizon_bars,
        valid_until=entries_stand_until if waits else None,
        timeframe_primary=timeframes[0],
        timeframe_confirmation=",".join(timeframes[1:]) or None,
        reasoning=analysis.reasoning,
        strategy_metadata={
            "sell_means": settings.sell_means,
            "horizon_sessions": settings.horizon_sessions,
            "min_reward_risk": settings.min_reward_risk,
            "stop_atr": settings.stop_atr,
        },
    )


def _broken_rule(signal: Signal) -> str | None:
    """Return the first rule that the signal breaks, None if it keeps them all."""
    rules = (
        (
            signal.confidence is None or 0 <= signal.confidence <= 1,
            f"confidence {signal.confidence} must lie in 0..1",
        ),
        (
            signal.confidence is not None or signal.stop_loss is None,
            "a trade has a confidence, from 0 to 1",
        ),
        (
            1 <= signal.horizon_bars <= HORIZON_SESSIONS_MAX,
            f"the horizon must lie in 1..{HORIZON_SESSIONS_MAX} sessions",
        ),
        *_plan_rules(signal),
        (
            (signal.valid_until is None) == (signal.entry_type in {None, EntryType.MARKET}),
            "limit and stop entries name the session until which they stand, others none",
        ),
        (
            (signal.risk_reward_ratio is None) == (signal.stop_loss is None),
            "the ratio exists if the stop does",
        ),
        (
            signal.risk_reward_ratio is None or signal.risk_reward_ratio > 0,
            "the reward is no millionth of the risk",
        ),
    )
    return next((rule for holds, rule in rules if not holds), None)


def _plan_rules(plan: _Plan) -> tuple[tuple[bool, str], ...]:
    """Return the rules of prices and entry, each with whether it holds."""
    prices = (plan.entry_price, plan.stop_loss, plan.target_price)
    return (
        (all(price > 0 for price in prices if price is not None), "prices must lie above 0"),
        _level_rule(plan),
        (
            (plan.entry_type is None) == (plan.signal_type is SignalType.HOLD),
            "HOLD has no entry, BUY and SELL have one",
        ),
    )


def _level_rule(plan: _Plan) -> tuple[bool, str]:
    """Return whether the prices suit the kind of signal, and the rule for it."""
    entry, stop, target = plan.entry_price, plan.stop_loss, plan.target_price
    if plan.signal_type is SignalType.HOLD:
        return entry is stop is target is None, "HOLD has no prices"
    if plan.signal_type is SignalType.BUY:
        return _ordered(stop, entry, target), "BUY has stop < entry < target"
    leaves = entry is not None and stop is target is None
    return (
        leaves or _ordered(target, entry, stop),
        "SELL has target < entry < stop, or only an entry where it means to leave",
    )


def _ordered(low: Decimal | None, middle: Decimal | None, high: Decimal | None) -> bool:
    return low is not None and middle is not None and high is not None and low < middle < high


def _check_sell(analysis: ConsolidatedAnalysis, means: SellMeaning) -> None:
    """Raise `InvalidInput` for a SELL whose prices do not suit what the strategy means by it."""
    if analysis.signal_type is not SignalType.SELL:
        return
    found = (analysis.stop_loss is not None, analysis.target_price is not None)
    expected = means is SellMeaning.SHORT
    if found != (expected, expected):
        raise InvalidInput(
            f"SELL with stop {_shown(analysis.stop_loss)}, target {_shown(analysis.target_price)}:"
            f" where SELL means {means}, it has {'both' if expected else 'neither'}",
            kind=ErrorKind.INVALID_LEVELS,
        )


def reward_risk(analysis: ConsolidatedAnalysis) -> Decimal | None:
    """Return the target's distance in distances to the stop, None where the prices allow none.

    Whether they may is for `Signal` to check.
    """
    entry, stop, target = analysis.entry_price, analysis.stop_loss, analysis.target_price
    if entry is None or stop is None or target is None or entry == stop:
        return None
    with localcontext(_EXACT):
        return (abs(target - entry) / abs(entry - stop)).quantize(RATIO_STEP)


def _shown(value: object) -> str:
    return "none" if value is None else str(value)
