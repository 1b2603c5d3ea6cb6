"""What a model states, held against the chart it was shown: findings, never a verdict.

Everything is computed from recorded bars and from the chart's spec, and stands beside what it was
computed from, so that a reader can compute it again. Each level and each observation has its
finding; nothing is dropped and nothing is refused for it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Final

import numpy as np

from tapetrail.core.analysis.analyses import Analysis
from tapetrail.core.analysis.answer_checks import ATR_BARS, PriceReference, price_reference
from tapetrail.core.analysis.chart_numbers import chart_numbers, number_key
from tapetrail.core.analysis.questions import ChartEvidence
from tapetrail.core.analysis.trade_plan import EXACT
from tapetrail.core.canonical import FieldValue, decimal_of
from tapetrail.core.charts.spec import drawn_bars, drawn_value
from tapetrail.core.market.bars import Floats

Finding = dict[str, FieldValue]

TOUCH_ATR: Final = Decimal("0.5")
_STEP: Final = Decimal("0.0001")
_SLACK: Final = 1e-9
_PERCENT: Final = Decimal(100)
# A name, an equals sign and one number, with % or a currency's code; `1,234` and `1.2M` are none.
_OBSERVATION: Final = re.compile(
    r"\s*(?P<name>[^=]{1,80}?)\s*=\s*(?P<number>-?[0-9]{1,30}(?:\.[0-9]{1,30})?)"
    r"(?:\s*%|\s+[A-Z]{3})?\s*\.?\s*"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ground:
    """What levels are held against: the drawn bars, the visible prices, last close and ATR."""

    lows: Floats
    highs: Floats
    visible: tuple[Decimal, Decimal]
    reference: PriceReference
    tick: Decimal | None


def derive_grounding(
    analysis: Analysis, charts: Sequence[ChartEvidence], *, tick: Decimal | None
) -> dict[str, FieldValue]:
    """Return the findings on the levels and observations of an analysis of these charts.

    Levels are held against the primary chart, the first one; a number of another chart is named
    with its timeframe, `1w RSI = 55`. Of each level it says on which side of the last close it
    lies, whether the price axis reaches it, how far it is, how many drawn bars turned within
    half an ATR(14) of it (by their lows for a support, their highs for a resistance), and
    whether it is a price at all, a whole number of ticks. What cannot be told is null.
    """
    on = _ground(charts[0], tick)
    with localcontext(EXACT):
        return {
            "timeframe": str(charts[0].timeframe),
            "last_close": on.reference.last_close,
            f"atr_{ATR_BARS}": on.reference.atr,
            "visible": list(on.visible),
            "tick": tick,
            "supports": [_level(each, on, on.lows, side=-1) for each in analysis.support_levels],
            "resistances": [
                _level(each, on, on.highs, side=1) for each in analysis.resistance_levels
            ],
            "observations": _observations(analysis.observations, charts),
        }


def _ground(chart: ChartEvidence, tick: Decimal | None) -> _Ground:
    drawn = drawn_bars(chart.bars.take(slice(chart.first_drawn, None)))
    axis = chart.spec.panels[0].axis
    return _Ground(
        lows=drawn.low,
        highs=drawn.high,
        visible=(decimal_of(drawn_value(axis.low)), decimal_of(drawn_value(axis.high))),
        reference=price_reference(chart.bars),
        tick=tick,
    )


def _level(price: Decimal, on: _Ground, turns: Floats, *, side: int) -> Finding:
    distance = price - on.reference.last_close
    close, atr = abs(on.reference.last_close), on.reference.atr
    return {
        "price": price,
        "on_its_side": side * distance > 0,
        "is_visible": on.visible[0] <= price <= on.visible[1],
        "distance_pct": _rounded(_PERCENT * distance / close) if close else None,
        "distance_atr": _rounded(distance / atr) if atr else None,
        "touches": touches(price, turns, within=TOUCH_ATR * atr) if atr is not None else None,
        "on_tick": price % on.tick == 0 if on.tick is not None else None,
    }


def touches(price: Decimal, turns: Floats, *, within: Decimal) -> int:
    """Return how many turns are near, counted exactly among those that binary numbers have near."""
    about, reach = float(price), float(within)
    near = turns[np.abs(turns - about) <= reach + _SLACK * (abs(about) + reach)]
    return sum(abs(decimal_of(turn) - price) <= within for turn in near.tolist())


def _rounded(number: Decimal) -> Decimal:
    return number.quantize(_STEP, ROUND_HALF_EVEN)


def _observations(texts: Sequence[str], charts: Sequence[ChartEvidence]) -> list[Finding]:
    known = {number_key(name): value for name, value in _known(charts).items()}
    return [_observation(text, known) for text in texts]


def _known(charts: Sequence[ChartEvidence]) -> dict[str, Decimal]:
    named = {
        f"{chart.timeframe} {name}": value
        for chart in charts
        for name, value in chart_numbers(chart.spec).items()
    }
    return named | chart_numbers(charts[0].spec)


def _observation(text: str, known: Mapping[str, Decimal]) -> Finding:
    """Return what an observation states and what the chart says.

    They agree if the chart's number, rounded to the decimals that were stated, is the stated one;
    a half may go either way. Both are null where the text states no number in the form asked for.
    """
    found = _OBSERVATION.fullmatch(text)
    stated = Decimal(found["number"]) if found else None
    actual = known.get(number_key(found["name"])) if found else None
    agrees = None
    if stated is not None and actual is not None:
        exponent = int(stated.as_tuple().exponent)
        agrees = abs(actual - stated) * 2 <= Decimal(1).scaleb(exponent)
    return {"text": text, "stated": stated, "actual": actual, "agrees": agrees}
