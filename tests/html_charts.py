"""The charts that tests of readings and of the interactive chart draw, by what they show."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import pytest
from tests.builders import daily_bars, wave
from tests.chart_builders import NONE, STANDARD, chart_of

from tapetrail.core.charts.spec import ChartSpec, Ink, Level
from tapetrail.core.market.bars import WEEKLY, Bars

HOSTILE: Final = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\u2028"
LEVELS: Final = (
    Level(name="Stop", value=100.25, label="100.25", ink=Ink.DOWN),
    Level(name="Target", value=131.5, label="131.50", ink=Ink.UP),
)


def partial(bars: Bars) -> Bars:
    complete = bars.complete.copy()
    complete[-1] = False
    return replace(bars, complete=complete, timeframe=WEEKLY)


CHARTS: Final[Mapping[str, ChartSpec]] = {
    "250 daily bars": chart_of(daily_bars(wave(460))),
    "partial week": chart_of(partial(daily_bars(wave(320))), drawn=104),
    "30 bars": chart_of(daily_bars(wave(300)), drawn=30),
    "one bar": chart_of(daily_bars([118.5]), drawn=1),
    "short history": chart_of(daily_bars(wave(196))),
    "tiny prices": chart_of(daily_bars(wave(460) * 1e-11)),
    "huge prices": chart_of(daily_bars(wave(460) * 6.5e9)),
    "log scale": chart_of(daily_bars([1.0 * 1.012**step for step in range(460)])),
    "flat": chart_of(daily_bars([10.0] * 300)),
    "no volume": chart_of(daily_bars(wave(460), volumes=np.full(460, np.nan))),
    "no indicators": chart_of(daily_bars(wave(60)), settings=NONE),
    "many averages": chart_of(
        daily_bars(wave(460)), settings=replace(STANDARD, sma=tuple(range(10, 200, 15)))
    ),
    "levels": chart_of(daily_bars(wave(460)), drawn=120, levels=LEVELS),
    "hostile symbol": chart_of(daily_bars(wave(300)), drawn=30, symbol=HOSTILE),
}
every_chart: Final = pytest.mark.parametrize("spec", CHARTS.values(), ids=CHARTS)
