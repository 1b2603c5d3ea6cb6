"""The rules by which the built-in analyst reads a trend, each with its points.

A rule compares a few numbers at the last complete bar and gives all its points to the bullish or
the bearish side, or to none. It compares them as they are recorded, with ten significant digits:
whoever reads the record comes to the same verdict, and equal numbers give it to no side. A rule
whose numbers do not exist yet is not applicable: it gives no points, and its weight counts against
the confidence.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from tapetrail.core.analysis.analyses import RuleOutcome, RuleVerdict, Trend
from tapetrail.core.analysis.market_view import MarketView, drawn_number, is_readable
from tapetrail.core.errors import ErrorKind, InvalidInput

RULES_LEAST: Final = 3
TREND_SHARE: Final = Decimal("0.4")
SLOPE_BARS: Final = 10
OBV_BARS: Final = 20
RSI_OVERBOUGHT: Final = 70
RSI_BULLISH: Final = 55
RSI_BEARISH: Final = 45
RSI_OVERSOLD: Final = 30
SUPERTREND_WEIGHT: Final = 2
SCORE_STEP: Final = Decimal("0.01")


def read_rules(view: MarketView) -> tuple[RuleVerdict, ...]:
    """Return what each rule says whose indicators were asked for, in a fixed order."""
    return (*_close_rules(view), *_average_rules(view), *_indicator_rules(view))


def score_rules(verdicts: Sequence[RuleVerdict]) -> tuple[Trend, Decimal]:
    """Return the trend and the confidence, 0 to 1 with two decimals.

    The trend is bullish or bearish if the net of the points is 40 % or more of those at stake in
    the applicable rules. The confidence is the share of points that agree with the trend, of all
    rules, applicable or not; of a neutral trend it is the share that cancels out or goes to no
    side. Raises `InvalidInput` (`too_few_bars`) with fewer than three applicable rules.
    """
    applicable = [rule for rule in verdicts if rule.outcome is not RuleOutcome.NOT_APPLICABLE]
    if len(applicable) < RULES_LEAST:
        raise InvalidInput(
            f"rules: {len(applicable)} of {len(verdicts)} have the history they need, expected at"
            f" least {RULES_LEAST}; not applicable:"
            f" {', '.join(rule.name for rule in verdicts if rule not in applicable) or 'none'}",
            kind=ErrorKind.TOO_FEW_BARS,
        )
    net = sum(rule.points for rule in applicable)
    at_stake = sum(rule.weight for rule in applicable)
    whole = sum(rule.weight for rule in verdicts)
    trend = _trend(Decimal(net) / at_stake)
    agreeing = {
        Trend.BULLISH: sum(rule.points for rule in applicable if rule.points > 0),
        Trend.BEARISH: -sum(rule.points for rule in applicable if rule.points < 0),
        Trend.NEUTRAL: at_stake - abs(net),
    }
    return trend, (Decimal(agreeing[trend]) / whole).quantize(SCORE_STEP, ROUND_HALF_EVEN)


def _trend(share: Decimal) -> Trend:
    if share >= TREND_SHARE:
        return Trend.BULLISH
    return Trend.BEARISH if share <= -TREND_SHARE else Trend.NEUTRAL


def _close_rules(view: MarketView) -> Iterator[RuleVerdict]:
    """Yield, for each SMA, on which side of it the close is."""
    close = view.at_last(view.bars.close)
    for period in sorted(view.values.sma):
        mean = view.at_last(view.values.sma[period])
        yield _compare(f"close_against_sma_{period}", {"close": close, f"sma_{period}": mean})


def _average_rules(view: MarketView) -> Iterator[RuleVerdict]:
    """Yield which of the two longest SMAs is above, and where the shorter of them is going."""
    periods = sorted(view.values.sma)[-2:]
    if len(periods) > 1:
        fast, slow = (view.at_last(view.values.sma[period]) for period in periods)
        names = [f"sma_{period}" for period in periods]
        yield _compare(f"{names[0]}_against_{names[1]}", {names[0]: fast, names[1]: slow})
    for period in periods[:1]:
        column = view.values.sma[period]
        now, then = view.at_last(column), view.at_last(column, back=SLOPE_BARS)
        numbers = {f"sma_{period}": now, f"sma_{period}_{SLOPE_BARS}_bars_ago": then}
        yield _compare(f"sma_{period}_slope", numbers)


def _indicator_rules(view: MarketView) -> Iterator[RuleVerdict]:
    """Yield the rules of SuperTrend, MACD, RSI and OBV, of those that were asked for."""
    values, settings = view.values, view.settings
    if settings.supertrend is not None:
        close, line = view.at_last(view.bars.close), view.at_last(values.supertrend)
        # The line lies below a price that it follows upwards and above one it follows downwards.
        numbers = {"close": close, "supertrend": line}
        yield _compare("supertrend_direction", numbers, weight=SUPERTREND_WEIGHT)
    if settings.macd is not None:
        line, mean = view.at_last(values.macd), view.at_last(values.macd_signal)
        yield _compare("macd_against_signal", {"macd": line, "macd_signal": mean})
    if settings.rsi is not None:
        strength = view.at_last(values.rsi)
        yield _verdict("rsi_zone", {"rsi": strength}, side=_rsi_side)
    if settings.obv:
        yield _obv_rule(view)


def _rsi_side(strength: Decimal) -> int:
    """Return 1, -1 or 0: strong, weak, or neither, the exhausted ends included."""
    if RSI_BULLISH <= strength <= RSI_OVERBOUGHT:
        return 1
    return -1 if RSI_OVERSOLD <= strength <= RSI_BEARISH else 0


def _obv_rule(view: MarketView) -> RuleVerdict:
    column = view.values.obv
    now, then = view.at_last(column), view.at_last(column, back=OBV_BARS)
    return _compare("obv_slope", {"obv": now, f"obv_{OBV_BARS}_bars_ago": then})


def _compare(name: str, numbers: Mapping[str, float], *, weight: int = 1) -> RuleVerdict:
    """Return bullish where the first of two numbers is recorded as the larger, bearish mirrored."""
    return _verdict(name, numbers, side=_order, weight=weight)


def _order(one: Decimal, other: Decimal) -> int:
    return (one > other) - (one < other)


def _verdict(
    name: str, numbers: Mapping[str, float], *, side: Callable[..., int], weight: int = 1
) -> RuleVerdict:
    """Return the verdict of a rule; `side` of the recorded numbers is 1, -1 or 0."""
    if not is_readable(numbers.values()):
        return RuleVerdict(name=name, outcome=RuleOutcome.NOT_APPLICABLE, weight=weight)
    recorded = {key: drawn_number(number) for key, number in numbers.items()}
    sign = side(*recorded.values())
    outcomes = (RuleOutcome.NEUTRAL, RuleOutcome.BULLISH, RuleOutcome.BEARISH)
    return RuleVerdict(
        name=name,
        outcome=outcomes[sign],
        points=sign * weight,
        weight=weight,
        numbers=recorded,
    )
