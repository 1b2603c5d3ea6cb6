"""From a direction to prices: where the built-in analyst enters, stops and takes its profit.

Prices are exact; only stop and target are rounded, to prices that can be placed: steps of the
instrument's tick, or where none is known of the data's last decimal. The stop and a projected
target are rounded away from the entry, a target at a level towards it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext
from typing import Final

from tapetrail.core.analysis.analyses import ChartAnalysis, SignalType
from tapetrail.core.analysis.market_view import drawn_number, shown
from tapetrail.core.canonical import decimal_text
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Timeframe
from tapetrail.core.strategy.signal_settings import SignalSettings

# Fifteen digits before the point and thirty after it, multiplied by a ratio, all exact.
EXACT: Final = Context(prec=100)
TICK_LEAST: Final = Decimal("1e-18")
TICK_MOST: Final = Decimal("1e15")
FAR: Final = 2
"""A level that is farther than this many least rewards is out of reach and no target."""


TESTED_ATR: Final = Decimal(1)
"""A level nearer than this many ATR is being tested right now: no target, and in nobody's way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeframeVerdict:
    """One chart as the consolidation sees it: what was read, the last close and ATR in prices.

    `atr` is None where it is undefined. `resolution` is the finest step between the chart's prices:
    one unit in the last decimal that any of them has.
    """

    timeframe: Timeframe
    analysis: ChartAnalysis
    last_close: Decimal
    atr: Decimal | None
    resolution: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TradePlan:
    """Entry, stop and target in prices, and in words where they come from."""

    entry: Decimal
    stop: Decimal
    target: Decimal
    reason: str
    numbers: Mapping[str, Decimal]

    @property
    def prices(self) -> tuple[Decimal, Decimal, Decimal]:
        """Entry, stop and target."""
        return self.entry, self.stop, self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTrade:
    """Why there is no plan, and the numbers that leave no room for one.

    `shortfall` is the share of the least reward that is missing, 0 to 1.
    """

    reason: str
    shortfall: Decimal
    numbers: Mapping[str, Decimal]


def derive_plan(
    side: SignalType, chart: TimeframeVerdict, settings: SignalSettings, *, tick: Decimal | None
) -> TradePlan | NoTrade:
    """Return the plan for a BUY or a short SELL at the last close, or what stands in its way.

    The stop is `stop_atr` ATR from the entry. Nearer than a tick, or where no tick is known than
    the prices' own resolution, it is none: the price does not move that little. The nearest level
    ahead must leave a reward of `min_reward_risk` risks; it is the target unless it is more than
    twice as far as that. Else, and without any level, the target is that least reward. Without a
    `tick` the step is the prices' own resolution, at least a unit in the tenth digit of the entry.
    Raises `InvalidInput` (`too_few_bars`) where ATR is undefined, and for a tick that is no price
    step.
    """
    if chart.atr is None:
        raise InvalidInput(
            f"rules: {side} on {chart.timeframe} needs ATR for its stop, and it has no value at"
            " the last bar",
            kind=ErrorKind.TOO_FEW_BARS,
        )
    if tick is not None and not TICK_LEAST <= tick <= TICK_MOST:
        raise InvalidInput(f"tick {tick}: must lie in {TICK_LEAST}..{TICK_MOST}")
    with localcontext(EXACT):
        entry = chart.last_close
        grid = _TickGrid(
            entry=entry,
            sign=1 if side is SignalType.BUY else -1,
            # Digits after the tenth differ from one platform to the next.
            step=max(chart.resolution, Decimal(1).scaleb(entry.adjusted() - 9))
            if tick is None
            else tick,
        )
        stop = grid.away(-settings.stop_atr * chart.atr)
        risk = -grid.distance(stop)
        numbers = {"close": entry, "atr": chart.atr, "stop": stop, "risk": risk}
        problem = _stop_problem(settings.stop_atr * chart.atr, chart, stop=stop, tick=tick)
        if problem is not None:
            return NoTrade(
                reason=f"a stop {shown(settings.stop_atr)} ATR of {shown(chart.atr)} from"
                f" {decimal_text(entry)} {problem}",
                shortfall=Decimal(1),
                numbers=numbers,
            )
        level = _nearest(grid, chart.analysis, beyond=TESTED_ATR * chart.atr)
        return _aim(grid, numbers, level=level, least=settings.min_reward_risk * risk)


def _stop_problem(
    distance: Decimal, chart: TimeframeVerdict, *, stop: Decimal, tick: Decimal | None
) -> str | None:
    """Return why a stop at this distance is none, None if it is one."""
    if min(chart.last_close, stop) <= 0:
        return f"would be at {decimal_text(stop)}; orders are planned at prices above 0"
    least = chart.resolution if tick is None else tick
    if distance >= least:
        return None
    step = "the finest step of the prices" if tick is None else "one tick"
    return f"is nearer than {step}, {decimal_text(least)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _TickGrid:
    """Prices around an entry in steps of the tick; `sign` is 1 where a trade gains upwards."""

    entry: Decimal
    sign: int
    step: Decimal

    def distance(self, price: Decimal) -> Decimal:
        """Return how far the price is ahead, below 0 if it is behind."""
        return self.sign * (price - self.entry)

    def away(self, distance: Decimal) -> Decimal:
        """Return the first step at or beyond this distance from the entry."""
        upwards = self.sign * distance > 0
        return self._step_of(self.entry + self.sign * distance, up=upwards)

    def towards(self, level: Decimal) -> Decimal:
        """Return the last step up to a level ahead."""
        return self._step_of(level, up=self.sign < 0)

    def _step_of(self, price: Decimal, *, up: bool) -> Decimal:
        rounding = ROUND_CEILING if up else ROUND_FLOOR
        return (price / self.step).to_integral_value(rounding) * self.step


def _nearest(grid: _TickGrid, analysis: ChartAnalysis, *, beyond: Decimal) -> Decimal | None:
    """Return the nearest level that is farther ahead than `beyond`."""
    levels = analysis.resistance_levels if grid.sign > 0 else analysis.support_levels
    ahead = [level for level in levels if grid.distance(level) > beyond]
    return min(ahead, key=grid.distance, default=None)


def _aim(
    grid: _TickGrid, numbers: Mapping[str, Decimal], *, level: Decimal | None, least: Decimal
) -> TradePlan | NoTrade:
    """Return the plan whose reward is `least` or more, or what keeps it from that."""
    target, reason = grid.away(least), "the least reward asked for"
    numbers = {**numbers, "least_reward": drawn_number(least)}
    if level is not None:
        before = grid.towards(level)
        reward = grid.distance(before)
        numbers |= {"level": level, "reward_at_level": reward}
        if reward < least:
            return NoTrade(
                reason=f"the level {decimal_text(level)} stands in the way: it leaves a reward of"
                f" {decimal_text(reward)}, and {decimal_text(least)} is the least",
                shortfall=1 - max(reward, Decimal(0)) / least,
                numbers=numbers,
            )
        if reward <= FAR * least:
            target, reason = before, f"the nearest level, {decimal_text(level)}"
    numbers |= {"target": target}
    if target <= 0:
        return NoTrade(
            reason=f"a target at {decimal_text(target)} is no price",
            shortfall=Decimal(1),
            numbers=numbers,
        )
    return TradePlan(
        entry=grid.entry,
        stop=numbers["stop"],
        target=target,
        reason=f"the target is {reason}",
        numbers=numbers,
    )
