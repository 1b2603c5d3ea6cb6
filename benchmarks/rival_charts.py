"""The same chart drawn by TapeTrail, by Plotly with Kaleido and by mplfinance, one after another.

Runs in an environment that has the rivals, which `benchmarks.rivals` starts it in; prints its
figures as JSON. All three get the same bars and the same finished indicator values, and draw 250
candles with three moving averages, Bollinger bands and SuperTrend, and panels for volume, RSI,
MACD, OBV and ATR, as a JPEG of 1600 x 1200 pixels. All are warm: they have drawn before, and
Kaleido's browser is started once and kept.
"""

# pyright: reportMissingModuleSource=false
# The rivals live in an environment of their own; benchmarks/typings says what is used of them.

import io
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Final

import kaleido
import matplotlib as mpl
import mplfinance as mpf
import numpy as np
import pandas as pd
from plotly import graph_objects as go
from plotly.subplots import make_subplots

from benchmarks.chart_jpeg import BARS, DRAWN, sample_bars
from tapetrail.core.charts.chart import ChartHeader, derive_chart
from tapetrail.core.market.bars import DAILY, Bars
from tapetrail.core.market.indicators import (
    Floats,
    IndicatorSettings,
    IndicatorValues,
    derive_indicators,
)
from tapetrail.render.jpeg import QUALITY, render_jpeg
from tapetrail.render.page import render_page

ROUNDS: Final = 5
WIDTH: Final = 1600
HEIGHT: Final = 1200
UP: Final = "#1a7f5a"
DOWN: Final = "#c0392b"
INKS: Final = ("#2f6db5", "#b5762f", "#6b4fa0")
HEIGHTS: Final = (0.46, 0.1, 0.11, 0.11, 0.11, 0.11)
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What one chart takes: milliseconds of CPU, browser included, and of wall-clock time."""

    cpu_ms: float
    wall_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One drawn line; panel 0 holds the price, 1 the volume, 2 to 5 RSI, MACD, OBV and ATR."""

    panel: int
    column: Floats
    name: str
    ink: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawable:
    """What is drawn: the last bars and the finished values of all indicators."""

    bars: Bars
    indicators: IndicatorValues

    @property
    def days(self) -> pd.DatetimeIndex:
        """Return the drawn sessions."""
        return pd.DatetimeIndex(self.bars.first_on[-DRAWN:])

    @property
    def histogram(self) -> Floats:
        """Return MACD's histogram."""
        return _shown(self.indicators.macd_histogram)

    @property
    def lines(self) -> tuple[Line, ...]:
        """Return every line of the chart."""
        found = self.indicators
        averages = zip(found.sma.items(), INKS, strict=True)
        price = [
            *((_shown(column), f"SMA {period}", ink) for (period, column), ink in averages),
            (_shown(found.bollinger_upper), "Bollinger upper", "grey"),
            (_shown(found.bollinger_middle), "Bollinger middle", "grey"),
            (_shown(found.bollinger_lower), "Bollinger lower", "grey"),
            (self._supertrend(up=True), "SuperTrend up", UP),
            (self._supertrend(up=False), "SuperTrend down", DOWN),
        ]
        return (
            *(Line(panel=0, column=column, name=name, ink=ink) for column, name, ink in price),
            Line(panel=2, column=_shown(found.rsi), name="RSI 14", ink=INKS[0]),
            Line(panel=3, column=_shown(found.macd), name="MACD", ink=INKS[0]),
            Line(panel=3, column=_shown(found.macd_signal), name="signal", ink=INKS[1]),
            Line(panel=4, column=_shown(found.obv), name="OBV", ink=INKS[0]),
            Line(panel=5, column=_shown(found.atr), name="ATR 14", ink=INKS[0]),
        )

    def _supertrend(self, *, up: bool) -> Floats:
        flags = self.indicators.supertrend_up
        if flags is None:
            raise AssertionError("all indicators are asked for")
        return np.where(flags[-DRAWN:] == up, _shown(self.indicators.supertrend), np.nan)


def _shown(column: Floats | None) -> Floats:
    if column is None:
        raise AssertionError("all indicators are asked for")
    return column[-DRAWN:]


def main() -> None:
    """Print what each of the three takes, medians of all rounds."""
    bars = sample_bars()
    what = Drawable(
        bars=bars,
        indicators=derive_indicators(bars, IndicatorSettings(), first_drawn=BARS - DRAWN),
    )
    mpl.use("Agg")
    kaleido.start_sync_server(n=1, mathjax=False, silence_warnings=True)
    try:
        parts: dict[str, Callable[[], bytes]] = {
            "ours": lambda: draw(what),
            "plotly": lambda: draw_plotly(what),
            "mplfinance": lambda: draw_mplfinance(what),
        }
        for name, part in parts.items():
            _keep(name, part())
        taken: dict[str, list[Drawing]] = {name: [] for name in parts}
        for _ in range(ROUNDS):
            for name, part in parts.items():
                taken[name].append(_timed(part))
    finally:
        kaleido.stop_sync_server(silence_warnings=True)
    figures = {name: asdict(_median(drawings)) for name, drawings in taken.items()}
    sys.stdout.write(json.dumps(figures))


def draw(what: Drawable) -> bytes:
    """Return the chart as TapeTrail draws it."""
    header = ChartHeader(symbol="BENCH", exchange="XNAS", currency="USD", timeframe=DAILY)
    spec = derive_chart(
        what.bars, what.indicators, IndicatorSettings(), header=header, first_drawn=BARS - DRAWN
    )
    return render_jpeg(render_page(spec))


def draw_plotly(what: Drawable) -> bytes:
    """Return the chart as Plotly draws it, by way of a browser."""
    bars, days = what.bars, what.days
    opened, close = bars.open[-DRAWN:], bars.close[-DRAWN:]
    figure = make_subplots(
        rows=6, cols=1, shared_xaxes=True, vertical_spacing=0.015, row_heights=list(HEIGHTS)
    )
    candles = go.Candlestick(
        x=days,
        open=opened,
        high=bars.high[-DRAWN:],
        low=bars.low[-DRAWN:],
        close=close,
        name="BENCH",
        increasing_line_color=UP,
        decreasing_line_color=DOWN,
    )
    figure.add_trace(candles, row=1, col=1)
    inks = np.where(close >= opened, UP, DOWN)
    figure.add_trace(go.Bar(x=days, y=bars.volume[-DRAWN:], marker_color=inks), row=2, col=1)
    figure.add_trace(go.Bar(x=days, y=what.histogram, marker_color="grey"), row=4, col=1)
    for line in what.lines:
        trace = go.Scatter(
            x=days, y=line.column, name=line.name, mode="lines", line={"color": line.ink}
        )
        figure.add_trace(trace, row=line.panel + 1, col=1)
    figure.update_layout(
        width=WIDTH, height=HEIGHT, template="plotly_white", xaxis_rangeslider_visible=False
    )
    return kaleido.calc_fig_sync(figure, opts={"format": "jpg", "width": WIDTH, "height": HEIGHT})


def draw_mplfinance(what: Drawable) -> bytes:
    """Return the chart as mplfinance draws it, by Matplotlib's Agg."""
    bars = what.bars
    frame = pd.DataFrame(
        {
            "Open": bars.open[-DRAWN:],
            "High": bars.high[-DRAWN:],
            "Low": bars.low[-DRAWN:],
            "Close": bars.close[-DRAWN:],
            "Volume": bars.volume[-DRAWN:],
        },
        index=what.days,
    )
    plots = [mpf.make_addplot(line.column, panel=line.panel, color=line.ink) for line in what.lines]
    plots.append(mpf.make_addplot(what.histogram, panel=3, type="bar", color="grey"))
    image = io.BytesIO()
    mpf.plot(
        frame,
        type="candle",
        volume=True,
        addplot=plots,
        panel_ratios=HEIGHTS,
        figsize=(WIDTH / 100, HEIGHT / 100),
        savefig={"fname": image, "dpi": 100, "format": "jpg", "pil_kwargs": {"quality": QUALITY}},
    )
    return image.getvalue()


def _keep(name: str, image: bytes) -> None:
    """Write the image where the caller wants to see it, if it does."""
    folder = os.environ.get("BENCH_IMAGES")
    if folder:
        (Path(folder) / f"{name}.jpg").write_bytes(image)


def _timed(part: Callable[[], object]) -> Drawing:
    before, own, begun = _browser_cpu_s(), process_time(), perf_counter()
    part()
    wall_s, own_s = perf_counter() - begun, process_time() - own
    return Drawing(cpu_ms=(own_s + _browser_cpu_s() - before) * 1000, wall_ms=wall_s * 1000)


def _median(drawings: list[Drawing]) -> Drawing:
    return Drawing(
        cpu_ms=median(drawing.cpu_ms for drawing in drawings),
        wall_ms=median(drawing.wall_ms for drawing in drawings),
    )


def _browser_cpu_s() -> float:
    """Return the CPU seconds of all processes below this one, in ticks of a hundredth."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text("utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile, and its parent holds its time
        pid = int(path.parent.name)
        parents[pid] = int(fields[1])
        ticks[pid] = sum(map(int, fields[11:15]))
    tree = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in tree} - tree:
        tree |= more
    return sum(ticks[pid] for pid in tree - {os.getpid()}) / _TICKS


if __name__ == "__main__":
    main()
