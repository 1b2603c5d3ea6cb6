"""All seven indicators over 250 drawn bars with their warm-up.

Run it with `python -m benchmarks.indicators`.
"""

from dataclasses import dataclass
from statistics import median
from time import process_time
from typing import Final

from benchmarks.chart_jpeg import BARS, DRAWN, sample_bars
from tapetrail.core.market.indicators import IndicatorSettings, derive_indicators

ROUNDS: Final = 50
REPEATS: Final = 10
OWED_MS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorSpeed:
    """CPU milliseconds for all indicators, the median of all rounds."""

    all_ms: float

    def __str__(self) -> str:
        """Return one line: the time and what is owed."""
        return (
            f"seven indicators, {BARS} bars: {self.all_ms:.2f} ms CPU (owed: < {OWED_MS} ms for"
            f" {DRAWN} bars)"
        )


def measure() -> IndicatorSpeed:
    """Return how long the default indicators take."""
    bars, settings = sample_bars(), IndicatorSettings()
    derive_indicators(bars, settings, first_drawn=BARS - DRAWN)
    taken: list[float] = []
    for _ in range(ROUNDS):
        begun = process_time()
        for _ in range(REPEATS):
            derive_indicators(bars, settings, first_drawn=BARS - DRAWN)
        taken.append((process_time() - begun) * 1000 / REPEATS)
    return IndicatorSpeed(all_ms=median(taken))


if __name__ == "__main__":
    print(measure())  # noqa: T201 # a benchmark's result is its output
