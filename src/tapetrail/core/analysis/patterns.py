"""Chart patterns that the code really checks, each named with the numbers that made it one.

Numbers are compared as they are drawn, with ten significant digits: what looks equal is equal.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

import numpy as np

from tapetrail.core.analysis.market_view import MarketView, shown
from tapetrail.core.analysis.trend_rules import RSI_OVERBOUGHT, RSI_OVERSOLD
from tapetrail.core.canonical import float_text
from tapetrail.core.charts.spec import drawn_values
from tapetrail.core.market.bars import Floats

SMA_CROSS_BARS: Final = 10
MACD_CROSS_BARS: Final = 3
SUPERTREND_FLIP_BARS: Final = 5
BREAKOUT_BARS: Final = 20
SQUEEZE_BARS: Final = 120


def find_patterns(view: MarketView) -> tuple[str, ...]:
    """Return the patterns at the last complete bar, as short texts in a fixed order.

    A pattern whose numbers do not exist is not found.
    """
    return tuple(text for find in _FINDERS for text in find(view))


def _sma_cross(view: MarketView) -> Iterator[str]:
    """Yield the latest crossing of the two longest SMAs in the last ten bars."""
    periods = sorted(view.values.sma)[-2:]
    if len(periods) > 1:
        fast, slow = periods
        name, ago = _crossing(
            drawn_values(view.recent(view.values.sma[fast], SMA_CROSS_BARS + 1))
            - drawn_values(view.recent(view.values.sma[slow], SMA_CROSS_BARS + 1))
        )
        kind = {"above": "golden cross", "below": "death cross"}.get(name)
        if kind:
            yield f"{kind} {_ago(ago)}: SMA {fast} moved {name} SMA {slow}"


def _macd_cross(view: MarketView) -> Iterator[str]:
    """Yield the latest crossing of MACD and its signal in the last three bars."""
    histogram = view.values.macd_histogram
    if histogram is not None:
        name, ago = _crossing(view.recent(histogram, MACD_CROSS_BARS + 1))
        if name:
            yield f"MACD moved {name} its signal line {_ago(ago)}"


def _supertrend_flip(view: MarketView) -> Iterator[str]:
    """Yield the latest turn of SuperTrend in the last five bars."""
    values = view.values
    if values.supertrend is not None and values.supertrend_up is not None:
        side = np.where(values.supertrend_up, 1.0, -1.0)
        side = np.where(np.isnan(values.supertrend), np.nan, side)
        name, ago = _crossing(view.recent(side, SUPERTREND_FLIP_BARS + 1))
        turned = {"above": "up", "below": "down"}.get(name)
        if turned:
            yield f"SuperTrend turned {turned} {_ago(ago)}"


def _breakout(view: MarketView) -> Iterator[str]:
    """Yield a close beyond all highs or lows of the twenty bars before."""
    drawn = view.as_drawn
    if len(drawn) > BREAKOUT_BARS:
        before = slice(-BREAKOUT_BARS - 1, -1)
        close = float(drawn.close[-1])
        high, low = float(drawn.high[before].max()), float(drawn.low[before].min())
        closed = f"close {float_text(close)}"
        if close > high:
            yield f"{BREAKOUT_BARS}-bar breakout: {closed} above {float_text(high)}"
        if close < low:
            yield f"{BREAKOUT_BARS}-bar breakdown: {closed} below {float_text(low)}"


def _squeeze(view: MarketView) -> Iterator[str]:
    """Yield Bollinger bands that are narrower than at any of the 119 bars before."""
    upper, lower = view.values.bollinger_upper, view.values.bollinger_lower
    middle = view.values.bollinger_middle
    if upper is not None and lower is not None and middle is not None:
        around = view.recent(middle, SQUEEZE_BARS)
        # A width is a share of the price, so all prices must lie above 0. A comparison with NaN is
        # false, so 120 values must exist.
        if len(around) < SQUEEZE_BARS or not bool((around > 0).all()):
            return
        widths = drawn_values(view.recent(upper - lower, SQUEEZE_BARS) / around)
        if bool((widths[-1] < widths[:-1]).all()):
            yield (
                f"Bollinger squeeze: bands {shown(100 * float(widths[-1]))} % wide, the least in"
                f" {SQUEEZE_BARS} bars"
            )


def _rsi_extreme(view: MarketView) -> Iterator[str]:
    """Yield an RSI in its outer zones."""
    strength = float(f"{view.at_last(view.values.rsi):.6g}")  # as it is shown
    if strength > RSI_OVERBOUGHT:
        yield f"RSI {shown(strength)} is overbought, above {shown(RSI_OVERBOUGHT)}"
    if strength < RSI_OVERSOLD:
        yield f"RSI {shown(strength)} is oversold, below {shown(RSI_OVERSOLD)}"


def _two_bars(view: MarketView) -> Iterator[str]:
    """Yield what the last two bars form: an engulfing body, or a bar inside the one before."""
    drawn = view.as_drawn
    if len(drawn) > 1:
        opened, closed = drawn.open[-2:].tolist(), drawn.close[-2:].tolist()
        if closed[0] < opened[0] and opened[1] <= closed[0] and closed[1] > opened[0]:
            yield "bullish engulfing: the last body covers the falling one before it"
        if closed[0] > opened[0] and opened[1] >= closed[0] and closed[1] < opened[0]:
            yield "bearish engulfing: the last body covers the rising one before it"
        if drawn.high[-1] < drawn.high[-2] and drawn.low[-1] > drawn.low[-2]:
            yield "inside bar: the last range lies within the one before it"


_FINDERS: Final[tuple[Callable[[MarketView], Iterator[str]], ...]] = (
    _sma_cross,
    _macd_cross,
    _supertrend_flip,
    _breakout,
    _squeeze,
    _rsi_extreme,
    _two_bars,
)


def _crossing(gaps: Floats) -> tuple[str, int]:
    """Return where the gap last changed its sign to, `above` or `below`, and how many bars ago.

    On equality a gap is on no side, so a touch is no crossing. Empty and 0 without one.
    """
    sides = np.sign(gaps)
    on_a_side = np.flatnonzero(sides).tolist()
    for before, now in reversed(list(pairwise(on_a_side))):
        if sides[before] == -sides[now]:
            return "above" if sides[now] > 0 else "below", len(gaps) - 1 - now
    return "", 0


def _ago(bars: int) -> str:
    return "at the last bar" if bars == 0 else f"{bars} {'bar' if bars == 1 else 'bars'} ago"
