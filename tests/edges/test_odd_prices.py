"""Whatever prices a market has are drawn and read without a warning; the tests make it an error."""

from dataclasses import replace
from typing import Final

import numpy as np
import pytest
from tests.builders import daily_bars
from tests.chart_builders import chart_of

from tapetrail.core.analysis.analyses import ChartAnalysis, SignalType, Trend, parse_reply
from tapetrail.core.analysis.rules import answer_chart, answer_consolidated, derive_verdict
from tapetrail.core.charts.text import spec_text
from tapetrail.core.market.bars import Bars, Floats
from tapetrail.core.market.indicators import IndicatorSettings, derive_indicators
from tapetrail.core.strategy.signal_settings import SignalSettings
from tapetrail.render.html import render_html
from tapetrail.render.page import render_page

ASKED: Final = IndicatorSettings()
AT: Final[Floats] = np.arange(300, dtype=np.float64)
WAVE: Final[Floats] = np.sin(AT / 7.0)
PRICES: Final[dict[str, Floats]] = {
    "all zero": np.zeros(300),
    "below zero": WAVE - 40.0,
    "through zero": np.round(WAVE * 20.0, 2),
    "as large as they may be": 8e14 + 1e14 * WAVE,
    "as small as they may be": 2e-9 + 1e-9 * WAVE,
    "from one end to the other": np.where(AT % 2, 1e-8, 9e14),
    "one large price": np.where(AT == 150, 9e14, 12.5),
    "flat": np.full(300, 12.5),
    "zero at last": np.where(AT == 299, 0.0, 3.0),
    "zero but at last": np.where(AT == 299, 1.0, 0.0),
    "a hundred millionth is left": np.round(1e9 * np.exp(-AT / 14.0), 4),
}


def market(closes: Floats, volume: float) -> Bars:
    bars = daily_bars(np.ones(len(closes)))
    same = dict.fromkeys(("open", "high", "low", "close"), closes)
    return replace(bars, **same, volume=np.full(len(closes), volume))


@pytest.mark.parametrize("volume", [0.0, float("nan"), 9e23])
@pytest.mark.parametrize("name", PRICES)
def test_odd_prices_are_drawn_and_read_without_a_warning(name: str, volume: float) -> None:
    bars = market(PRICES[name], volume)
    with np.errstate(all="warn"):
        spec = chart_of(bars, drawn=250)
        assert spec_text(spec)
        assert render_page(spec)
        assert render_html(spec)
        values = derive_indicators(bars, ASKED, first_drawn=50)
        reply = parse_reply(ChartAnalysis, answer_chart(bars, values, ASKED, first_drawn=50))
        for trend in (Trend.BULLISH, Trend.BEARISH):
            chart = derive_verdict(bars, values, reply.model_copy(update={"trend": trend}))
            said = answer_consolidated([chart], SignalSettings(), tick=None)
            if bars.close[-1] <= 0:
                assert f'"signal_type":"{SignalType.HOLD}"' in said
