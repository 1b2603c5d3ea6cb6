"""The built-in analyst: indicators interpreted by rules that name themselves.

It needs no key and no network, and is the baseline that models must beat. It is no language model
and never called one; its confidence is a score of agreement, not a probability. Its replies have
the format of every analyst and list each rule with the numbers it compared, so that a reader can
follow the answer. The name carries a version: other rules get another name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from tapetrail.core.analysis.analyses import (
    PATTERNS_MAX,
    Analysis,
    ChartAnalysis,
    ConsolidatedAnalysis,
    EntryType,
    RuleOutcome,
    RuleVerdict,
    SignalType,
    Trend,
)
from tapetrail.core.analysis.market_view import (
    MarketView,
    check_prices,
    derive_view,
    drawn_number,
    is_readable,
    price_resolution,
    shown,
)
from tapetrail.core.analysis.patterns import find_patterns
from tapetrail.core.analysis.price_levels import PriceLevel, resistances, supports
from tapetrail.core.analysis.trade_plan import NoTrade, TimeframeVerdict, TradePlan, derive_plan
from tapetrail.core.analysis.trend_rules import SCORE_STEP, read_rules, score_rules
from tapetrail.core.canonical import canonical_json, decimal_of, decimal_text, float_text
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Bars
from tapetrail.core.market.indicators import IndicatorSettings, IndicatorValues
from tapetrail.core.strategy.signal_settings import SellMeaning, SignalSettings

ANALYST: Final = "builtin:technical-rules-v1"
PRIMARY_WEIGHT: Final = 2
_SIDES: Final = {Trend.BULLISH: 1, Trend.BEARISH: -1, Trend.NEUTRAL: 0}


def answer_chart(
    bars: Bars, values: IndicatorValues, settings: IndicatorSettings, *, first_drawn: int
) -> str:
    """Return the reply about the chart that draws `bars` from `first_drawn` on, as JSON text.

    `bars` and `values` are the whole history, as for the chart; the rules speak about the last
    complete bar. Raises `InvalidInput`: `too_few_bars` with fewer than three applicable rules or no
    complete drawn bar, `bad_bars` for prices that no rule is made for.
    """
    view = derive_view(bars, values, settings, first_drawn=first_drawn)
    verdicts = read_rules(view)
    trend, confidence = score_rules(verdicts)
    atr = view.at_last(values.atr)
    width = atr if is_readable([atr]) else 0.0
    below, above = supports(view.drawn, atr=width), resistances(view.drawn, atr=width)
    patterns = find_patterns(view)
    analysis = ChartAnalysis(
        trend=trend,
        confidence=confidence,
        support_levels=tuple(level.price for level in below),
        resistance_levels=tuple(level.price for level in above),
        key_patterns=patterns,
        reasoning=" ".join(
            [
                *_trend_sentences(view, verdicts, trend=trend),
                _levels_sentence("Support", below),
                _levels_sentence("Resistance", above),
                f"Patterns: {'; '.join(patterns)}." if patterns else "No pattern was found.",
            ]
        ),
        rules=verdicts,
    )
    return _text(analysis)


def derive_verdict(
    bars: Bars, values: IndicatorValues, analysis: ChartAnalysis
) -> TimeframeVerdict:
    """Return one chart's analysis with the close and the ATR of its last complete bar.

    Raises `InvalidInput`: `too_few_bars` without a complete bar, `bad_bars` for a price that no
    rule is made for.
    """
    complete = bars.complete.nonzero()[0]
    if not complete.size:
        raise InvalidInput(
            f"rules: none of {len(bars)} {bars.timeframe} bars is complete",
            kind=ErrorKind.TOO_FEW_BARS,
        )
    last = int(complete[-1])
    check_prices(bars.take(slice(last, last + 1)))
    atr = float("nan") if values.atr is None else float(values.atr[last])
    return TimeframeVerdict(
        timeframe=bars.timeframe,
        analysis=analysis,
        last_close=decimal_of(bars.close[last]),
        atr=drawn_number(atr) if is_readable([atr]) else None,
        resolution=price_resolution(bars),
    )


def answer_consolidated(
    charts: Sequence[TimeframeVerdict],
    settings: SignalSettings,
    *,
    tick: Decimal | None,
    missing: Sequence[str] = (),
) -> str:
    """Return the reply about all charts together, as JSON text.

    `charts` come in the strategy's order: the first is primary, the others confirm. BUY if the
    primary is bullish and no other is bearish, SELL mirrored, and HOLD with its reason otherwise,
    or where the prices leave no room for a trade. `tick` is the instrument's price step, None if
    unknown; `missing` names timeframes that have no analysis. Raises `InvalidInput`
    (`too_few_bars`) if a trade needs an ATR that is undefined, and without any chart.
    """
    if not charts:
        raise InvalidInput(
            f"rules: no chart was analysed, missing: {', '.join(missing) or 'none'}",
            kind=ErrorKind.TOO_FEW_BARS,
        )
    verdict = _verdict(charts, settings, tick=tick)
    primary = charts[0].analysis
    plan = verdict.plan if isinstance(verdict.plan, TradePlan) else None
    acts = verdict.signal_type is not SignalType.HOLD
    analysis = ConsolidatedAnalysis(
        trend=verdict.trend,
        confidence=_confidence(charts, verdict),
        support_levels=primary.support_levels,
        resistance_levels=primary.resistance_levels,
        key_patterns=_patterns(charts),
        reasoning=" ".join(_reasons(charts, verdict, missing=missing)),
        rules=tuple(_consolidated_rules(charts, verdict)),
        signal_type=verdict.signal_type,
        entry_type=EntryType.MARKET if acts else None,
        entry_price=charts[0].last_close if acts else None,
        stop_loss=None if plan is None else plan.stop,
        target_price=None if plan is None else plan.target,
        horizon_bars=settings.horizon_sessions,
    )
    return _text(analysis)


def _text(analysis: Analysis) -> str:
    return canonical_json(analysis.model_dump()).decode()


def _trend_sentences(
    view: MarketView, verdicts: Sequence[RuleVerdict], *, trend: Trend
) -> Iterator[str]:
    """Yield who speaks, about which bar, and what each rule says."""
    yield "Rule-based reading, no language model."
    yield (
        f"{view.bars.timeframe} close {float_text(view.at_last(view.bars.close))} on"
        f" {view.bars.last_on[view.last]}: {trend}."
    )
    for outcome, title in (
        (RuleOutcome.BULLISH, "Bullish"),
        (RuleOutcome.BEARISH, "Bearish"),
        (RuleOutcome.NEUTRAL, "No side"),
        (RuleOutcome.NOT_APPLICABLE, "Not applicable, too little data"),
    ):
        named = [_rule_text(rule) for rule in verdicts if rule.outcome is outcome]
        if named:
            yield f"{title}: {'; '.join(named)}."


def _rule_text(rule: RuleVerdict) -> str:
    numbers = ", ".join(f"{_words(name)} {shown(value)}" for name, value in rule.numbers.items())
    return f"{_words(rule.name)} ({numbers})" if numbers else _words(rule.name)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _levels_sentence(title: str, levels: Sequence[PriceLevel]) -> str:
    if not levels:
        return f"{title}: no swing in the drawn bars."
    named = [
        f"{decimal_text(level.price)} ({level.swings} {'swing' if level.swings == 1 else 'swings'})"
        for level in levels
    ]
    return f"{title}: {', '.join(named)}."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """What to do and why; `plan` is what became of the prices, where it came to that."""

    signal_type: SignalType
    trend: Trend
    reason: str
    plan: TradePlan | NoTrade | None = None


def _verdict(
    charts: Sequence[TimeframeVerdict], settings: SignalSettings, *, tick: Decimal | None
) -> _Verdict:
    primary, *others = charts
    trend = primary.analysis.trend
    name = primary.timeframe
    if trend is Trend.NEUTRAL:
        return _Verdict(
            signal_type=SignalType.HOLD, trend=trend, reason=f"the primary {name} is neutral"
        )
    against = [
        str(chart.timeframe) for chart in others if _SIDES[chart.analysis.trend] == -_SIDES[trend]
    ]
    if against:
        return _Verdict(
            signal_type=SignalType.HOLD,
            trend=Trend.NEUTRAL,
            reason=f"the primary {name} is {trend}, but {', '.join(against)} says the opposite",
        )
    agreed = f"the primary {name} is {trend} and no other chart says the opposite"
    side = SignalType.BUY if trend is Trend.BULLISH else SignalType.SELL
    if side is SignalType.SELL and settings.sell_means is SellMeaning.EXIT:
        return _Verdict(signal_type=side, trend=trend, reason=f"{agreed}; SELL means to leave")
    plan = derive_plan(side, primary, settings, tick=tick)
    if isinstance(plan, NoTrade):
        return _Verdict(
            signal_type=SignalType.HOLD,
            trend=trend,
            reason=f"{agreed}, but {plan.reason}",
            plan=plan,
        )
    return _Verdict(signal_type=side, trend=trend, reason=agreed, plan=plan)


def _confidence(charts: Sequence[TimeframeVerdict], verdict: _Verdict) -> Decimal:
    """Return a score of agreement, 0 to 1 with two decimals; the primary chart counts twice.

    For a direction, the mean of the charts' confidences, those of neutral charts counting 0; for
    HOLD between directions, what that mean, netted, lacks to 1; for HOLD without room for a trade,
    the share of the least reward that is missing.
    """
    if isinstance(verdict.plan, NoTrade):
        return verdict.plan.shortfall.quantize(SCORE_STEP, ROUND_HALF_EVEN)
    weights = [PRIMARY_WEIGHT, *(1 for _ in charts[1:])]
    votes = (
        weight * _SIDES[chart.analysis.trend] * chart.analysis.confidence
        for weight, chart in zip(weights, charts, strict=True)
    )
    share = abs(sum(votes, Decimal(0))) / sum(weights)
    score = 1 - share if verdict.signal_type is SignalType.HOLD else share
    return score.quantize(SCORE_STEP, ROUND_HALF_EVEN)


def _patterns(charts: Sequence[TimeframeVerdict]) -> tuple[str, ...]:
    named = [
        f"{chart.timeframe}: {pattern}"
        for chart in charts
        for pattern in chart.analysis.key_patterns
    ]
    return tuple(named[:PATTERNS_MAX])


def _reasons(
    charts: Sequence[TimeframeVerdict], verdict: _Verdict, *, missing: Sequence[str]
) -> Iterator[str]:
    yield f"Rule-based reading, no language model. {verdict.signal_type}: {verdict.reason}."
    for chart in charts:
        score = shown(chart.analysis.confidence)
        yield f"{chart.timeframe}: {chart.analysis.trend}, score {score}."
    if missing:
        yield f"Without an analysis: {', '.join(missing)}."
    if isinstance(verdict.plan, TradePlan):
        entry, stop, target = map(decimal_text, verdict.plan.prices)
        yield f"Entry at the last close {entry}, stop {stop}, target {target}:"
        yield f"{verdict.plan.reason}."


def _consolidated_rules(
    charts: Sequence[TimeframeVerdict], verdict: _Verdict
) -> Iterator[RuleVerdict]:
    for place, chart in enumerate(charts):
        yield RuleVerdict(
            name=f"{'confirming' if place else 'primary'}_trend_{chart.timeframe}",
            outcome=RuleOutcome(chart.analysis.trend),
            points=(1 if place else PRIMARY_WEIGHT) * _SIDES[chart.analysis.trend],
            weight=1 if place else PRIMARY_WEIGHT,
            numbers={"confidence": chart.analysis.confidence},
        )
    yield RuleVerdict(
        name="no_chart_says_the_opposite",
        outcome=_outcome(passed=verdict.trend is charts[0].analysis.trend),
    )
    if verdict.plan is not None:
        yield RuleVerdict(
            name="room_for_stop_and_target",
            outcome=_outcome(passed=isinstance(verdict.plan, TradePlan)),
            numbers=verdict.plan.numbers,
        )


def _outcome(*, passed: bool) -> RuleOutcome:
    return RuleOutcome.PASSED if passed else RuleOutcome.FAILED
