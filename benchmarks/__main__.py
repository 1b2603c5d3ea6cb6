"""Every benchmark in one run: `make bench`, or `make bench ARGS=startup` for one of them."""

import platform
import sys
from collections.abc import Callable, Mapping
from typing import Final

from benchmarks import (
    chart_html,
    chart_jpeg,
    decisions,
    indicators,
    intake,
    models,
    recorder,
    rivals,
    startup,
    stores,
    vendors,
    verify,
)
from benchmarks.skipped import Skipped

ALL: Final[Mapping[str, Callable[[], object]]] = {
    "chart_jpeg": chart_jpeg.measure,
    "chart_html": chart_html.measure,
    "indicators": indicators.measure,
    "intake": intake.measure,
    "startup": startup.measure,
    "decisions": decisions.measure,
    "models": models.measure,
    "vendors": vendors.measure,
    "stores": stores.measure,
    "verify": verify.measure,
    "recorder": recorder.measure,
    "rivals": rivals.measure,
}


def main() -> int:
    """Measure what is named on the command line, or everything; return the exit code."""
    names = sys.argv[1:] or list(ALL)
    unknown = [name for name in names if name not in ALL]
    if unknown:
        sys.stderr.write(f"no benchmark {unknown[0]!r}; known: {', '.join(ALL)}\n")
        return 2
    print(f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}")  # noqa: T201 # results are output
    for name in names:
        print(_result(ALL[name]), flush=True)  # noqa: T201 # results are output
    return 0


def _result(measure: Callable[[], object]) -> str:
    try:
        return str(measure())
    except Skipped as absent:
        return f"skipped: {absent}"


if __name__ == "__main__":
    sys.exit(main())
