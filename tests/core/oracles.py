"""Indicators once more, in exact fractions and straight from their definitions, without numpy.

Slow on purpose: nothing here shares a line or a library with what it checks. Prices come oldest
first; None stands where a value is undefined.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TypeAlias

Column: TypeAlias = "list[Fraction | None]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candles:
    """High, low and close of each bar, as exact fractions."""

    high: tuple[Fraction, ...]
    low: tuple[Fraction, ...]
    close: tuple[Fraction, ...]


def exact(prices: Sequence[float]) -> tuple[Fraction, ...]:
    """Return floats as the fractions that they are."""
    return tuple(Fraction(price) for price in prices)


def sma(prices: Sequence[Fraction], period: int) -> Column:
    return [
        None if at + 1 < period else sum(prices[at + 1 - period : at + 1], Fraction(0)) / period
        for at in range(len(prices))
    ]


def deviation(prices: Sequence[Fraction], period: int) -> list[float | None]:
    """Return the population standard deviation of each full window."""
    found: list[float | None] = []
    for at, mean in enumerate(sma(prices, period)):
        if mean is None:
            found.append(None)
            continue
        squares = [(price - mean) ** 2 for price in prices[at + 1 - period : at + 1]]
        found.append(math.sqrt(sum(squares, Fraction(0)) / period))
    return found


def ema(prices: Sequence[Fraction | None], period: int) -> Column:
    """Return the exponential mean, seeded by the plain mean of the first `period` values."""
    defined = [price for price in prices if price is not None]
    skipped = len(prices) - len(defined)
    if len(defined) < period:
        return [None] * len(prices)
    means: Column = [None] * (skipped + period - 1)
    mean = sum(defined[:period], Fraction(0)) / period
    means.append(mean)
    for price in defined[period:]:
        mean += (price - mean) * Fraction(2, period + 1)
        means.append(mean)
    return means


def macd(
    prices: Sequence[Fraction], *, fast: int, slow: int, signal: int
) -> tuple[Column, Column, Column]:
    line = [_less(one, two) for one, two in zip(ema(prices, fast), ema(prices, slow), strict=True)]
    mean = ema(line, signal)
    return line, mean, [_less(one, two) for one, two in zip(line, mean, strict=True)]


def rsi(prices: Sequence[Fraction], period: int) -> Column:
    """Return Wilder's index: 100 times the mean gain in gains and losses together."""
    changes = [after - before for before, after in pairwise(prices)]
    gains = _wilder([max(change, Fraction(0)) for change in changes], period)
    losses = _wilder([max(-change, Fraction(0)) for change in changes], period)
    strengths: Column = [None]
    for gain, loss in zip(gains, losses, strict=True):
        if gain is None or loss is None or gain + loss == 0:
            strengths.append(None)
        else:
            strengths.append(100 * gain / (gain + loss))
    return strengths[: len(prices)]


def atr(candles: Candles, period: int) -> Column:
    """Return Wilder's average true range; the first bar has no close in front of it."""
    ranges = [
        max(high, before) - min(low, before)
        for high, low, before in zip(candles.high[1:], candles.low[1:], candles.close, strict=False)
    ]
    return [None, *_wilder(ranges, period)][: len(candles.close)]


def supertrend(candles: Candles, period: int, width: Fraction) -> tuple[Column, list[bool]]:
    """Return the line and where it points up, first defined bar down."""
    ranges = atr(candles, period)
    line: Column = []
    up: list[bool] = []
    bands: list[tuple[Fraction, Fraction]] = []
    for at, reach in enumerate(ranges):
        if reach is None:
            line.append(None)
            up.append(False)
            continue
        middle = (candles.high[at] + candles.low[at]) / 2
        upper, lower = middle + width * reach, middle - width * reach
        rising = False
        if bands:
            before = candles.close[at - 1]
            upper_before, lower_before = bands[-1]
            upper = upper if upper < upper_before or before > upper_before else upper_before
            lower = lower if lower > lower_before or before < lower_before else lower_before
            turns_up = not up[-1] and candles.close[at] > upper
            turns_down = up[-1] and candles.close[at] < lower
            rising = turns_up or (up[-1] and not turns_down)
        bands.append((upper, lower))
        line.append(lower if rising else upper)
        up.append(rising)
    return line, up


def obv(prices: Sequence[Fraction], volumes: Sequence[Fraction], first: int) -> Column:
    level = Fraction(0)
    levels: Column = [None] * first + [level]
    for at in range(first + 1, len(prices)):
        if prices[at] != prices[at - 1]:
            level += volumes[at] if prices[at] > prices[at - 1] else -volumes[at]
        levels.append(level)
    return levels


def _wilder(values: Sequence[Fraction], period: int) -> Column:
    if len(values) < period:
        return [None] * len(values)
    mean = sum(values[:period], Fraction(0)) / period
    means: Column = [None] * (period - 1) + [mean]
    for value in values[period:]:
        mean = (mean * (period - 1) + value) / period
        means.append(mean)
    return means


def _less(one: Fraction | None, two: Fraction | None) -> Fraction | None:
    return None if one is None or two is None else one - two
