"""A chart as an interactive page: CPU time, and size as it is made and as it is kept.

Run it with `python -m benchmarks.chart_html`.
"""

from dataclasses import dataclass
from statistics import median
from time import process_time
from typing import Final

from benchmarks.chart_jpeg import sample_chart
from tapetrail.blobs.encoding import packed, unpacked
from tapetrail.render.html import render_html

ROUNDS: Final = 40
KEY: Final = "charts/BENCH/20210326/1d-000000000000.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSpeed:
    """CPU milliseconds, medians of all rounds, and kilobytes."""

    render_ms: float
    pack_ms: float
    unpack_ms: float
    page_kb: float
    kept_kb: float

    def __str__(self) -> str:
        """Return one line: what it takes and how large it is."""
        return (
            f"chart to HTML: {self.render_ms:.1f} ms CPU, {self.page_kb:.0f} kB; packed for the"
            f" store in {self.pack_ms:.1f} ms to {self.kept_kb:.0f} kB, unpacked in"
            f" {self.unpack_ms:.1f} ms"
        )


def measure() -> PageSpeed:
    """Return what the page of a chart of 250 daily bars and six panels takes."""
    spec = sample_chart()
    page = render_html(spec)
    kept = packed(page, key=KEY)
    parts = {
        "render_ms": lambda: render_html(spec),
        "pack_ms": lambda: packed(page, key=KEY),
        "unpack_ms": lambda: unpacked(kept, key=KEY),
    }
    taken: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(ROUNDS):
        for name, part in parts.items():
            begun = process_time()
            part()
            taken[name].append((process_time() - begun) * 1000)
    return PageSpeed(
        **{name: median(times) for name, times in taken.items()},
        page_kb=len(page) / 1000,
        kept_kb=len(kept) / 1000,
    )


if __name__ == "__main__":
    print(measure())  # noqa: T201 # a benchmark's result is its output
