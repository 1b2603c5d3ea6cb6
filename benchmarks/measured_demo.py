"""The demo in this process, with the CPU time of the pure work taken where it happens.

    python -m benchmarks.measured_demo FIGURES

Writes to the file FIGURES what the process took and how much of it was the work on decisions:
gathering bars, drawing charts, analysing, deciding, and the bars as text. Both are taken in the
same run, so that whatever slows one of them slows the other.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from tapetrail.cli.commands import demo
from tapetrail.workflows import decide, evidence

CONCURRENCY: Final = 2
P = ParamSpec("P")
R = TypeVar("R")


class Clock:
    """The CPU seconds that all threads spent in the functions it watches."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.cpu_s = 0.0

    def watched(self, work: Callable[P, R]) -> Callable[P, R]:
        """Return a function that does the same, and counts."""

        def counted(*args: P.args, **kwargs: P.kwargs) -> R:
            begun = time.thread_time()
            try:
                return work(*args, **kwargs)
            finally:
                with self._lock:
                    self.cpu_s += time.thread_time() - begun

        return counted


def main(figures: Path) -> None:
    """Run the demo and write down what it took."""
    clock = Clock()
    decide.prepare = clock.watched(decide.prepare)
    decide.interview = clock.watched(decide.interview)
    decide.conclude = clock.watched(decide.conclude)
    evidence.bars_text = clock.watched(evidence.bars_text)
    demo.demo(concurrency=CONCURRENCY)
    figures.write_text(json.dumps({"cpu_s": time.process_time(), "work_s": clock.cpu_s}), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
