"""Decisions per second of one worker process, and where a decision's CPU time goes.

The demo runs in a home of its own; a second run of it finds everything recorded and so costs what
a start costs. What remains is the work on its 130 decisions. Run it with
`python -m benchmarks.decisions`.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Final

from tapetrail import bootstrap
from tapetrail.core.bar_text import bars_text
from tapetrail.planner import Request
from tapetrail.strategy_files import bundled_strategy
from tapetrail.workflows.findings import Edges, Findings, Task, work_out

DECISIONS: Final = 130
ROUNDS: Final = 5
AS_OF: Final = date(2012, 11, 30)
OWED_PER_S: Final = 6.0
OWED_OVERHEAD_MS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Wall-clock and CPU seconds of one process."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionSpeed:
    """What one decision of two charts and three analyses costs."""

    demo: Cost
    start: Cost
    work_out_ms: float

    @property
    def per_s(self) -> float:
        """Decisions per second, the start of the process not counted."""
        return DECISIONS / (self.demo.wall_s - self.start.wall_s)

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds of the worker process per decision."""
        return (self.demo.cpu_s - self.start.cpu_s) * 1000 / DECISIONS

    @property
    def overhead_ms(self) -> float:
        """CPU milliseconds per decision for the engine, the blobs and the store."""
        return self.cpu_ms - self.work_out_ms

    def __str__(self) -> str:
        """Return the figures, one a line."""
        return (
            f"decisions: {self.per_s:.1f} per second (owed: >= {OWED_PER_S:.0f})\n"
            f"CPU per decision: {self.cpu_ms:.0f} ms; worked out in {self.work_out_ms:.0f} ms,"
            f" engine, blobs and store {self.overhead_ms:.0f} ms"
            f" (owed: <= {OWED_OVERHEAD_MS:.0f} ms)\n"
            f"demo: {self.demo.wall_s:.1f} s for {DECISIONS} decisions (owed: < 60 s);"
            f" started again with nothing to do: {self.start.wall_s:.1f} s"
        )


def measure() -> DecisionSpeed:
    """Return what the demo's decisions cost in a fresh home."""
    with TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        _timed("db", "upgrade", home=home)
        demo, start = _timed("demo", home=home), _timed("demo", home=home)
        _timed("db", "stop", home=home)
    return DecisionSpeed(demo=demo, start=start, work_out_ms=_work_out_ms())


def _timed(*words: str, home: Path) -> Cost:
    before, begun = _children_cpu_s(), perf_counter()
    subprocess.run(  # noqa: S603 # our own command line
        [sys.executable, "-m", "tapetrail", *words],
        env={**os.environ, "TAPETRAIL_HOME": str(home)},
        check=True,
        capture_output=True,
    )
    return Cost(wall_s=perf_counter() - begun, cpu_s=_children_cpu_s() - before)


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _work_out_ms() -> float:
    """Return the CPU time to work the last demo date's decisions out, a mean over instruments."""
    tasks, edges = _tasks()
    for task in tasks:
        _bytes_of(work_out(task, edges))
    return median(
        _cpu_ms(lambda: [_bytes_of(work_out(task, edges)) for task in tasks]) / len(tasks)
        for _ in range(ROUNDS)
    )


def _tasks() -> tuple[list[Task], Edges]:
    spec = bundled_strategy()
    plan = bootstrap.planner().plan(Request(spec=spec, as_of_on=AS_OF))
    tasks = [
        Task(instrument=decision.instrument, spec=spec, as_of=decision.as_of)
        for decision in plan.decisions
    ]
    return tasks, bootstrap.edges()


def _bytes_of(findings: Findings) -> list[bytes]:
    """Return the bars as text, the part of the work that storing does on the way."""
    cuts = findings.gathered.cuts.values() if findings.gathered else ()
    return [bars_text(cut.bars) for cut in cuts]


def _cpu_ms(work: Callable[[], object]) -> float:
    begun = process_time()
    work()
    return (process_time() - begun) * 1000


if __name__ == "__main__":
    print(measure())  # noqa: T201 # a benchmark's result is its output
