"""A full chart to JPEG, against the bare JPEG encode of the same pixels.

Both are CPU time of one process, taken in turns, so that a busy machine slows them alike. Run it
with `python -m benchmarks.chart_jpeg`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import process_time
from typing import Final

import numpy as np
import simplejpeg

from tapetrail.core.charts.chart import ChartHeader, ChartSpec, derive_chart
from tapetrail.core.market.bars import DAILY, Adjustment, Bars, Days, Instants, SessionHours
from tapetrail.core.market.indicators import IndicatorSettings, derive_indicators
from tapetrail.render.jpeg import QUALITY, render_jpeg
from tapetrail.render.page import render_page

ROUNDS: Final = 40
BARS: Final = 450
DRAWN: Final = 250
OWED: Final = 3.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSpeed:
    """CPU milliseconds of each part, medians of all rounds."""

    derive_ms: float
    page_ms: float
    jpeg_ms: float
    encode_ms: float

    @property
    def ratio(self) -> float:
        """The whole way from bars and indicators to bytes, in encodes of the same pixels."""
        return (self.derive_ms + self.page_ms + self.jpeg_ms) / self.encode_ms

    def __str__(self) -> str:
        """Return one line: the ratio, what is owed, and where the time goes."""
        return (
            f"chart to JPEG: {self.ratio:.2f}x the bare encode (owed: <= {OWED}x); chart spec"
            f" {self.derive_ms:.1f} ms, page {self.page_ms:.1f} ms, raster and encode"
            f" {self.jpeg_ms:.1f} ms, bare encode {self.encode_ms:.1f} ms"
        )


def measure() -> ChartSpeed:
    """Return how long a chart of 250 daily bars and six panels takes, and its bare encode."""
    spec = sample_chart()
    page = render_page(spec)
    pixels = simplejpeg.decode_jpeg(render_jpeg(page), "BGRX")
    parts: dict[str, Callable[[], object]] = {
        "derive_ms": _chart_maker(),
        "page_ms": lambda: render_page(spec),
        "jpeg_ms": lambda: render_jpeg(page),
        "encode_ms": lambda: simplejpeg.encode_jpeg(pixels, QUALITY, "BGRX", "444"),
    }
    taken: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(ROUNDS):
        for name, part in parts.items():
            begun = process_time()
            part()
            taken[name].append((process_time() - begun) * 1000)
    return ChartSpeed(**{name: median(times) for name, times in taken.items()})


def sample_chart() -> ChartSpec:
    """Return the chart of 250 daily bars and six panels."""
    return _chart_maker()()


def _chart_maker() -> Callable[[], ChartSpec]:
    bars, settings = sample_bars(), IndicatorSettings()
    first_drawn = BARS - DRAWN
    values = derive_indicators(bars, settings, first_drawn=first_drawn)
    header = ChartHeader(symbol="BENCH", exchange="XNAS", currency="USD", timeframe=DAILY)
    return lambda: derive_chart(bars, values, settings, header=header, first_drawn=first_drawn)


def sample_bars() -> Bars:
    """Return 450 deterministic daily bars with a trend, waves and volume."""
    steps = np.arange(BARS, dtype=np.float64)
    close = np.round(100 + 0.05 * steps + 8 * np.sin(steps / 9) + 2 * np.sin(steps), 2)
    first = np.concatenate([close[:1], close[:-1]])
    days: Days = np.datetime64("2020-01-02") + np.arange(BARS)
    opened: Instants = days.astype("datetime64[us]")
    closed: Instants = opened + np.timedelta64(7, "h")
    return Bars(
        timeframe=DAILY,
        adjustment=Adjustment.SPLIT,
        hours=SessionHours.REGULAR,
        currency="USD",
        volume_unit="shares",
        first_on=days,
        last_on=days,
        opened_at=opened,
        closed_at=closed,
        available_at=closed,
        open=first,
        high=np.maximum(first, close) + 0.8,
        low=np.minimum(first, close) - 0.8,
        close=close,
        volume=1e6 + 1e5 * (steps % 7),
        complete=np.ones(BARS, np.bool_),
    )


if __name__ == "__main__":
    print(measure())  # noqa: T201 # a benchmark's result is its output
