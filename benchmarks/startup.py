"""Start-up of the command line, above that of bare Python.

Best of several runs, taken in turns. Run it with `python -m benchmarks.startup`.
"""

import subprocess
import sys
from dataclasses import dataclass
from time import perf_counter
from typing import Final

ROUNDS: Final = 7
OWED_VERSION_MS: Final = 150.0
OWED_HELP_MS: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StartupSpeed:
    """Wall-clock milliseconds of whole processes."""

    python_ms: float
    version_ms: float
    help_ms: float

    def __str__(self) -> str:
        """Return one line: each command above bare Python."""
        return (
            f"start-up above bare Python ({self.python_ms:.0f} ms): --version"
            f" {self.version_ms - self.python_ms:.0f} ms (owed: < {OWED_VERSION_MS:.0f}), --help"
            f" {self.help_ms - self.python_ms:.0f} ms (owed: < {OWED_HELP_MS:.0f})"
        )


def measure() -> StartupSpeed:
    """Return how long bare Python, `--version` and `--help` take."""
    commands = {
        "python_ms": ["-c", "pass"],
        "version_ms": ["-m", "tapetrail", "--version"],
        "help_ms": ["-m", "tapetrail", "--help"],
    }
    best = dict.fromkeys(commands, float("inf"))
    for _ in range(ROUNDS):
        for name, words in commands.items():
            best[name] = min(best[name], _wall_ms(words))
    return StartupSpeed(**best)


def _wall_ms(words: list[str]) -> float:
    begun = perf_counter()
    subprocess.run([sys.executable, *words], check=True, capture_output=True)  # noqa: S603 # ours
    return (perf_counter() - begun) * 1000


if __name__ == "__main__":
    print(measure())  # noqa: T201 # a benchmark's result is its output
