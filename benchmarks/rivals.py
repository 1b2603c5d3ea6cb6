"""A full chart to JPEG against Plotly with Kaleido, and against mplfinance.

The rivals live in `.venv-bench`, which `make bench ARGS=rivals` makes; where it is absent, so is
this benchmark. The ratios are of CPU time, the browser's included, and of wall-clock time.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.skipped import Skipped

ROOT: Final = Path(__file__).parents[1]
PYTHON: Final = ROOT / ".venv-bench" / "bin" / "python"
OWED: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Milliseconds for one chart."""

    cpu_ms: float
    wall_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RivalSpeed:
    """What one chart takes, drawn by each."""

    ours: Taken
    plotly: Taken
    mplfinance: Taken

    def __str__(self) -> str:
        """Return one line for each rival."""
        return "\n".join(
            f"chart to JPEG, ours {self.ours.cpu_ms:.1f} ms CPU, {self.ours.wall_ms:.1f} ms;"
            f" {name}, warm, {rival.cpu_ms:.0f} ms CPU, {rival.wall_ms:.0f} ms:"
            f" {rival.cpu_ms / self.ours.cpu_ms:.1f}x the CPU,"
            f" {rival.wall_ms / self.ours.wall_ms:.1f}x the time (owed: >= {OWED:.0f}x)"
            for name, rival in (
                ("Plotly and Kaleido", self.plotly),
                ("mplfinance", self.mplfinance),
            )
        )


def measure() -> RivalSpeed:
    """Return what each takes. Raises `Skipped` where the rivals or a browser are absent."""
    if not PYTHON.exists():
        raise Skipped("rivals are not installed; `make bench ARGS=rivals` installs them")
    paths = os.pathsep.join((str(ROOT / "src"), str(ROOT)))
    ended = subprocess.run(  # noqa: S603 # our own module
        [PYTHON, "-m", "benchmarks.rival_charts"],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        reason = ended.stderr.strip().rpartition("\n")[2]
        raise Skipped(f"rivals could not be measured: {reason}")
    figures = json.loads(ended.stdout)
    return RivalSpeed(**{name: Taken(**taken) for name, taken in figures.items()})


if __name__ == "__main__":
    print(measure())  # noqa: T201 # a benchmark's result is its output
