"""Decisions per second of one worker process, and where a decision's CPU time goes.

The demo runs in a home of its own; a second run of it finds everything recorded and so costs what
a start costs. What remains is the work on its 130 decisions. Run it with
`python -m benchmarks.decisions`.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

DECISIONS: Final = 130
ROUNDS: Final = 3
OWED_PER_S: Final = 6.0
OWED_OVERHEAD_MS: Final = 60.0
OWED_DEMO_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds of one demo process: by the clock, of CPU, and of CPU within the pure work."""

    wall_s: float
    cpu_s: float
    work_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionSpeed:
    """What one decision of two charts and three analyses costs."""

    demo: Cost
    start: Cost

    @property
    def per_s(self) -> float:
        """Decisions per second, the start of the process not counted."""
        return DECISIONS / (self.demo.wall_s - self.start.wall_s)

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds of the worker process per decision."""
        return (self.demo.cpu_s - self.start.cpu_s) * 1000 / DECISIONS

    @property
    def work_ms(self) -> float:
        """CPU milliseconds per decision for bars, charts, analyses and signal."""
        return self.demo.work_s * 1000 / DECISIONS

    @property
    def overhead_ms(self) -> float:
        """CPU milliseconds per decision for the engine, the blobs and the store."""
        return self.cpu_ms - self.work_ms

    def __str__(self) -> str:
        """Return the figures, one a line."""
        return (
            f"decisions: {self.per_s:.1f} per second (owed: >= {OWED_PER_S:.0f})\n"
            f"CPU per decision: {self.cpu_ms:.0f} ms; worked out in {self.work_ms:.0f} ms,"
            f" engine, blobs and store {self.overhead_ms:.0f} ms"
            f" (owed: <= {OWED_OVERHEAD_MS:.0f} ms)\n"
            f"demo: {self.demo.wall_s:.1f} s for {DECISIONS} decisions"
            f" (owed: < {OWED_DEMO_S:.0f} s); started again with nothing to do:"
            f" {self.start.wall_s:.1f} s"
        )


def measure() -> DecisionSpeed:
    """Return what the demo's decisions cost in a fresh home: the best of several by CPU."""
    return min((_measure_once() for _ in range(ROUNDS)), key=lambda speed: speed.cpu_ms)


def _measure_once() -> DecisionSpeed:
    with TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        _run(["tapetrail", "db", "upgrade"], home=home)
        try:
            return DecisionSpeed(demo=_demo(home), start=_demo(home))
        finally:
            _run(["tapetrail", "db", "stop"], home=home)


def _demo(home: Path) -> Cost:
    figures, begun = home.parent / "figures.json", perf_counter()
    _run(["benchmarks.measured_demo", str(figures)], home=home)
    return Cost(wall_s=perf_counter() - begun, **json.loads(figures.read_text("utf-8")))


def _run(words: list[str], *, home: Path) -> None:
    subprocess.run(  # noqa: S603 # our own modules
        [sys.executable, "-m", *words],
        env={**os.environ, "TAPETRAIL_HOME": str(home)},
        check=True,
        capture_output=True,
    )


if __name__ == "__main__":
    print(measure())  # noqa: T201 # a benchmark's result is its output
