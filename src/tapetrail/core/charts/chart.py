"""Bars and their indicators as a chart: which panels, series, axes and texts it has.

Pure: the same bars, values and settings give the same `ChartSpec` everywhere. Indicators come in
computed on the whole history; here the drawn window is taken from them, nothing is recomputed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

from tapetrail.core.canonical import decimal_of
from tapetrail.core.charts.axes import (
    LOG_FROM_RATIO,
    Scale,
    date_ticks,
    price_decimals,
    price_text,
)
from tapetrail.core.charts.breaks import derive_breaks
from tapetrail.core.charts.figures import (
    ChartFigures,
    change_pct,
    check_first_drawn,
    derive_figures,
    derive_notes,
)
from tapetrail.core.charts.panels import derive_panels
from tapetrail.core.charts.spec import (
    CHART_STYLE,
    Candles,
    ChartSpec,
    Headline,
    Ink,
    Legend,
    Level,
    drawn_bars,
)
from tapetrail.core.charts.window import Window
from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Bars, Timeframe
from tapetrail.core.market.completeness import Gap
from tapetrail.core.market.indicators import IndicatorSettings, IndicatorValues

__all__ = [
    "CHART_STYLE",
    "ChartFigures",
    "ChartHeader",
    "ChartSpec",
    "derive_chart",
    "derive_figures",
]

DATE_LABEL: Final = 76
PLOT_WIDTH: Final = 1400
QUOTED_CLOSES: Final = 5
LOG_NOTE: Final = f"Log price scale: high / low is {LOG_FROM_RATIO:g} or more"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartHeader:
    """Whose chart it is. `as_of` is shown as it stands, and left out when empty.

    `remarks` are what is to be said of its bars, before the notes on the chart itself; `gaps` are
    the sessions that have none, as far as they are known.
    """

    symbol: str
    exchange: str
    currency: str
    timeframe: Timeframe
    as_of: str = ""
    remarks: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()


def derive_chart(
    bars: Bars,
    values: IndicatorValues,
    settings: IndicatorSettings,
    *,
    header: ChartHeader,
    first_drawn: int,
    levels: Sequence[Level] = (),
) -> ChartSpec:
    """Return the chart of `bars` from `first_drawn` on.

    `bars` and `values` are the whole history, warm-up included. A panel without any value is left
    out and a note says so. Raises `InvalidInput` unless `first_drawn` is one of the bars, every
    column of `values` has their length and the header names their currency and timeframe.
    """
    check_first_drawn(bars, first_drawn)
    _check_header(bars, header)
    window = _window(bars, values, settings, first_drawn=first_drawn, levels=levels)
    drawn, panels = window.bars, derive_panels(window)
    return ChartSpec(
        style=CHART_STYLE,
        headline=_headline(window, header),
        days=drawn.last_on,
        candles=Candles(
            open=drawn.open,
            high=drawn.high,
            low=drawn.low,
            close=drawn.close,
            complete=drawn.complete,
        ),
        panels=panels,
        date_ticks=date_ticks(drawn.last_on, gap=DATE_LABEL * len(drawn) / PLOT_WIDTH),
        notes=(
            *header.remarks,
            *derive_notes(bars, values, settings, first_drawn=first_drawn),
            *([LOG_NOTE] if panels[0].axis.scale is Scale.LOG else []),
        ),
        breaks=derive_breaks(drawn, header.gaps),
    )


def _window(
    bars: Bars,
    values: IndicatorValues,
    settings: IndicatorSettings,
    *,
    first_drawn: int,
    levels: Sequence[Level],
) -> Window:
    drawn = drawn_bars(bars.take(slice(first_drawn, None)))
    complete = np.flatnonzero(drawn.complete)
    return Window(
        bars=drawn,
        values=values,
        settings=settings,
        first_drawn=first_drawn,
        lines=settings.lines,
        columns=values.columns,
        levels=levels,
        decimals=price_decimals(drawn.close[-QUOTED_CLOSES:]),
        last=int(complete[-1]) if complete.size else len(drawn) - 1,
    )


def _headline(window: Window, header: ChartHeader) -> Headline:
    """Return the last bar in words, and at the right where it trades and what is drawn."""
    bars = window.bars
    prices = (("O", bars.open), ("H", bars.high), ("L", bars.low), ("C", bars.close))
    texts = [f"{name} {price_text(float(at[-1]), window.decimals)}" for name, at in prices]
    change = change_pct([decimal_of(close) for close in bars.close[-2:].tolist()])
    count = "1 bar" if len(bars) == 1 else f"{len(bars)} bars"
    context = [
        f"{header.exchange} {header.currency}",
        f"{bars.first_on[0]} – {bars.last_on[-1]}",  # noqa: RUF001 # the dash of a range
        count,
    ]
    if header.as_of:
        context.insert(0, f"as of {header.as_of}")
    return Headline(
        symbol=header.symbol,
        timeframe=header.timeframe.title,
        facts="  ".join([str(bars.last_on[-1]), *texts]),
        change=None if change is None else _change_legend(change),
        context="  ·  ".join(context),
    )


def _change_legend(change: Decimal) -> Legend:
    return Legend(text=f"{change:+.2f}%", ink=Ink.UP if change >= 0 else Ink.DOWN)


def _check_header(bars: Bars, header: ChartHeader) -> None:
    named, held = (header.currency, header.timeframe), (bars.currency, bars.timeframe)
    if named != held:
        raise InvalidInput(
            f"chart of {header.symbol}: the header names {named[0]} {named[1]},"
            f" the bars are {held[0]} {held[1]}"
        )
