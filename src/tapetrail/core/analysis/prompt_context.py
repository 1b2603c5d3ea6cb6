"""A question as the plain values that prompt templates see.

Numbers are texts as people read them, names and notes are data: one line each, without the signs
that delimit data in a prompt. Two switches say what a model is shown; what it is not shown is not
in the values, so no template can give it away.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tapetrail.core.analysis.analyses import ChartAnalysis
from tapetrail.core.analysis.chart_numbers import chart_numbers
from tapetrail.core.analysis.market_view import shown
from tapetrail.core.analysis.prompts import Context, Value
from tapetrail.core.analysis.questions import ChartEvidence, Question
from tapetrail.core.canonical import JsonValue, decimal_of, decimal_text, instant_text
from tapetrail.core.charts.axes import Scale
from tapetrail.core.charts.panels import PANEL_KINDS
from tapetrail.core.charts.spec import Panel, drawn_bars
from tapetrail.core.errors import ErrorKind, InvalidInput

RECENT_BARS: Final = 60
"""How many bars a model is told that is shown no picture."""
_MISSING_NAMED: Final = 10
_PANELS: Final[Mapping[str, str]] = {
    "price": "the prices as candles, green where a bar closed at or above its open, else red,"
    " with a line across at the last close",
    "volume": "the volume of each bar as columns",
    "rsi": "the relative strength index, the range from 30 to 70 shaded",
    "macd": "MACD with its signal line, and their difference as columns around 0",
    "obv": "the on-balance volume, which begins at 0 at the first bar of the chart",
    "atr": "the average true range, in units of the price",
}
_DELIMITERS: Final = str.maketrans({"<": "‹", ">": "›"})  # noqa: RUF001 # no sign of a delimiter


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a model is shown of a chart: its picture, its numbers, or both."""

    image: bool = True
    numbers: bool = True

    def __post_init__(self) -> None:
        """Raise `InvalidInput` where nothing would be shown."""
        if not (self.image or self.numbers):
            raise InvalidInput(
                "prompt: image false and numbers false; expected one of them to be shown",
                kind=ErrorKind.BAD_PROMPT,
            )


def prompt_context(
    question: Question, show: Shown, *, schema: Mapping[str, JsonValue] | None = None
) -> Context:
    """Return the values for a question.

    `schema` is given where the endpoint takes none, and then stands in the prompt.
    """
    return {
        "strategy": _strategy(question),
        "schema": None if schema is None else json.dumps(schema, ensure_ascii=False),
        "instrument": _instrument(question),
        "as_of": instant_text(question.as_of),
        "charts": [_chart(chart, question, show) for chart in question.charts],
        "missing_charts": [str(timeframe) for timeframe in question.missing],
        "image": show.image,
        "numbers": show.numbers,
    }


def as_data(text: str) -> str:
    """Return a text as one line of data, which cannot end the data around it."""
    printable = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(printable.translate(_DELIMITERS).split())


def _strategy(question: Question) -> Context:
    signal = question.strategy.signal
    return {
        "sell_means": str(signal.sell_means),
        "horizon_sessions": str(signal.horizon_sessions),
        "entry_sessions": str(signal.entry_sessions),
        "min_reward_risk": decimal_text(signal.min_reward_risk),
        "stop_atr": decimal_text(signal.stop_atr),
    }


def _instrument(question: Question) -> Context:
    instrument, tick = question.instrument, question.tick_size
    units = {
        listing.quoted_in
        for named, listing in question.strategy.listings
        if named.matches(instrument.symbol)
        and (listing.exchange, listing.currency) == (instrument.exchange, instrument.currency)
    }
    other = sorted(unit for unit in units if unit and unit != instrument.currency)
    return {
        "symbol": as_data(instrument.symbol),
        "exchange": as_data(instrument.exchange),
        "currency": as_data(instrument.currency),
        "asset_class": as_data(instrument.asset_class),
        "quoted_in": as_data(other[0]) if len(other) == 1 else None,
        "tick_size": None if tick is None else decimal_text(tick),
    }


def _chart(chart: ChartEvidence, question: Question, show: Shown) -> Context:
    spec, bars = chart.spec, chart.bars
    numbers = chart_numbers(spec)
    analysis = question.analyses.get(chart.timeframe)
    return {
        "timeframe": str(chart.timeframe),
        "period": chart.timeframe.period,
        "bars": str(len(spec)),
        "first_on": str(bars.first_on[chart.first_drawn]),
        "last_on": str(bars.last_on[-1]),
        "is_unfinished": not bool(spec.candles.complete[-1]),
        "notes": [as_data(note) for note in spec.notes],
        "breaks": [as_data(each.label) for each in spec.breaks],
        "missing_sessions": _missing(chart),
        "panels": [_panel(panel, show) for panel in spec.panels] if show.image else [],
        "names": list(numbers),
        "numbers": list(_numbers(numbers)) if show.numbers else [],
        "recent": [] if show.image else _recent(chart),
        "analyses": [] if analysis is None else [_analysis(analysis)],
    }


def _missing(chart: ChartEvidence) -> str:
    named = ", ".join(map(str, chart.gaps[-_MISSING_NAMED:]))
    more = len(chart.gaps) - _MISSING_NAMED
    return f"{named} and {more} before" if more > 0 else named


def _panel(panel: Panel, show: Shown) -> Context:
    axis = panel.axis
    labels = [legend.text.partition(" ")[0] for row in panel.legends for legend in row]
    return {
        "what": _PANELS.get(panel.kind, f"a panel named {PANEL_KINDS[panel.kind].title}"),
        "lines": [as_data(label) for label in labels],
        "is_log": axis.scale is Scale.LOG,
        "axis": ", ".join(tick.label for tick in axis.ticks) if show.numbers else None,
    }


def _numbers(numbers: Mapping[str, Decimal]) -> Iterator[Context]:
    """Yield names and values, prices in full and what is computed with six digits."""
    for name, value in numbers.items():
        text = decimal_text(value) if name.startswith("last ") else shown(value)
        yield {"name": name, "value": text}


def _recent(chart: ChartEvidence) -> list[Value]:
    drawn = drawn_bars(chart.bars.take(slice(chart.first_drawn, None)))
    last = drawn.take(slice(-RECENT_BARS, None))
    columns = zip(last.open, last.high, last.low, last.close, last.volume, strict=True)
    return [
        [str(day), *(_cell(float(number)) for number in row)]
        for day, row in zip(last.last_on, columns, strict=True)
    ]


def _cell(number: float) -> str:
    return "none" if math.isnan(number) else decimal_text(decimal_of(number))


def _analysis(analysis: ChartAnalysis) -> Context:
    return {
        "trend": str(analysis.trend),
        "confidence": decimal_text(analysis.confidence),
        "supports": [decimal_text(level) for level in analysis.support_levels],
        "resistances": [decimal_text(level) for level in analysis.resistance_levels],
        "patterns": [as_data(pattern) for pattern in analysis.key_patterns],
        "observations": [as_data(text) for text in analysis.observations],
        "reasoning": as_data(analysis.reasoning),
    }
