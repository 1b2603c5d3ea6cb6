"""The numbers that a chart shows, by name: what a prompt says and what a stated number must be.

All come from the chart's spec, whose bytes are on record, so anyone can read them again.
"""

import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

import numpy as np

from tapetrail.core.canonical import decimal_of
from tapetrail.core.charts.figures import change_pct
from tapetrail.core.charts.spec import ChartSpec, drawn_value

_NAMES: Final[Mapping[str, str]] = {
    "bollinger_upper": "Bollinger upper",
    "bollinger_lower": "Bollinger lower",
    "supertrend": "SuperTrend",
    "macd_signal": "MACD signal",
    "macd_histogram": "MACD histogram",
    "volume": "volume",
}
_NO_NAME: Final = re.compile(r"\([^()]*\)|[^a-z0-9]")


def chart_numbers(spec: ChartSpec) -> dict[str, Decimal]:
    """Return the last value of everything a chart draws, in the order of its panels.

    Prices and volume are those of the last bar, finished or not; an indicator's is that of the
    last complete bar, which its legend shows. What has no value is left out.
    """
    return dict(_numbers(spec))


def number_key(name: str) -> str:
    """Return a name without what is written in different ways: `RSI (14)` and `rsi` are one."""
    return _NO_NAME.sub("", name.casefold())


def _numbers(spec: ChartSpec) -> Iterator[tuple[str, Decimal]]:
    candles = spec.candles
    for name in ("open", "high", "low", "close"):
        yield f"last {name}", _drawn(float(getattr(candles, name)[-1]))
    change = change_pct([_drawn(close) for close in candles.close[-2:].tolist()])
    if change is not None:
        yield "change percent", change
    complete = np.flatnonzero(candles.complete)
    for panel in spec.panels:
        for series in panel.series:
            is_fed = panel.kind != "volume"
            at = complete[-1:] if is_fed else [len(spec) - 1]
            for value in series.values[at].tolist():
                if not math.isnan(value):
                    yield _name(series.name), _drawn(value)


def _name(column: str) -> str:
    return _NAMES.get(column) or column.replace("_", "").upper()


def _drawn(value: float) -> Decimal:
    return decimal_of(drawn_value(value))
