"""Charts for tests: bars in, a chart or its figures out, as a decision would make them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from tapetrail.core.charts.chart import ChartHeader, derive_chart
from tapetrail.core.charts.figures import ChartFigures, derive_figures
from tapetrail.core.charts.spec import ChartSpec, Level
from tapetrail.core.market.bars import Bars
from tapetrail.core.market.indicators import IndicatorSettings, derive_indicators

STANDARD: Final = IndicatorSettings()
NONE: Final = IndicatorSettings(
    sma=(), bollinger=None, supertrend=None, rsi=None, macd=None, obv=False, atr=None
)
SHORT: Final = IndicatorSettings(
    sma=(3,),
    bollinger=(3, Decimal(2)),
    supertrend=(2, Decimal("1.5")),
    rsi=2,
    macd=(2, 3, 2),
    atr=2,
)


def header_of(bars: Bars, *, symbol: str = "AAPL", as_of: str = "") -> ChartHeader:
    """Return a header that agrees with the bars."""
    return ChartHeader(
        symbol=symbol,
        exchange="XNAS",
        currency=bars.currency,
        timeframe=bars.timeframe,
        as_of=as_of,
    )


def chart_of(
    bars: Bars,
    *,
    drawn: int = 250,
    symbol: str = "AAPL",
    settings: IndicatorSettings = STANDARD,
    levels: Sequence[Level] = (),
) -> ChartSpec:
    """Return the chart of the last `drawn` bars, indicators computed on all of them."""
    first = max(0, len(bars) - drawn)
    values = derive_indicators(bars, settings, first_drawn=first)
    header = header_of(bars, symbol=symbol)
    return derive_chart(bars, values, settings, header=header, first_drawn=first, levels=levels)


def figures_of(bars: Bars, *, drawn: int, settings: IndicatorSettings = STANDARD) -> ChartFigures:
    """Return the figures of the chart of the last `drawn` bars."""
    first = max(0, len(bars) - drawn)
    values = derive_indicators(bars, settings, first_drawn=first)
    return derive_figures(bars, values, settings, first_drawn=first)
