"""What bars take: 200 symbols of a vendor that takes 200 ms a call, then out of what is kept of it.

The vendor is a process of its own that keeps a journal of what comes and goes; 5 calls may be at it
at a time. One process runs a strategy over 200 symbols, and a worker helps it. Then what the same
run needs is read out of the record alone. Run it with `python -m benchmarks.vendors`.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tests.paced_vendor import KLINES, PacedVendor, Visit, paced_vendor

from tapetrail import bootstrap
from tapetrail.core.strategy.strategies import parse_strategy
from tapetrail.settings import read_settings
from tapetrail.sources.binance import BASE_URL_ENV
from tapetrail.usecases.planning import RunQuery

SYMBOLS: Final = 200
LATENCY_S: Final = 0.2
IN_FLIGHT: Final = 5
OWED: Final = 1.1
ROUNDS: Final = 3
WORKER_S: Final = 5.0
STRATEGY: Final[dict[str, Any]] = {
    "name": "vendors",
    "instruments": [f"S{number:03d}USDT" for number in range(SYMBOLS)],
    "source": "binance",
    "timeframes": ["1d", "1w"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorSpeed:
    """What the vendor saw, and what reading what is kept takes."""

    visits: Sequence[Visit]
    bars: int
    read_s: float

    @property
    def calls(self) -> int:
        """How often bars were asked for."""
        return sum(visit.what == "asked" for visit in self.visits)

    @property
    def makespan_s(self) -> float:
        """Seconds from the first call to the last answer."""
        return max(visit.at for visit in self.visits) - min(visit.at for visit in self.visits)

    @property
    def ideal_s(self) -> float:
        """Seconds that these calls take at least."""
        return self.calls * LATENCY_S / IN_FLIGHT

    def __str__(self) -> str:
        """Return the figures, one a line."""
        most = max(visit.in_flight for visit in self.visits)
        return (
            f"vendors: {self.calls} calls of {LATENCY_S:g} s for {SYMBOLS} symbols, two workers, in"
            f" {self.makespan_s:.1f} s: {self.makespan_s / self.ideal_s:.2f} x the ideal"
            f" {self.ideal_s:.1f} s (owed: <= {OWED:g}); at most {most} at the vendor (owed:"
            f" <= {IN_FLIGHT})\n"
            f"out of the record: {self.bars / self.read_s:,.0f} daily bars a second, planned, read"
            f" and made into two timeframes ({self.bars:,} bars of {SYMBOLS} symbols in"
            f" {self.read_s:.2f} s)"
        )


def measure() -> VendorSpeed:
    """Return what fetching takes in a fresh home, and reading there: the best of several rounds."""
    with TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        file = home.parent / "vendors.yaml"
        file.write_text(json.dumps(STRATEGY), encoding="utf-8")
        with paced_vendor(home.parent / "journal", latency_s=LATENCY_S) as vendor:
            _ended(_started("db", "upgrade", home=home, vendor=vendor))
            try:
                worker = _started("worker", home=home, vendor=vendor)
                time.sleep(WORKER_S)
                _ended(_started("run", str(file), home=home, vendor=vendor))
                worker.kill()
                worker.communicate()
                bars, read_s = min((_read(home, vendor) for _ in range(ROUNDS)), key=lambda x: x[1])
            finally:
                _ended(_started("db", "stop", home=home, vendor=vendor))
            return VendorSpeed(visits=vendor.visits(KLINES), bars=bars, read_s=read_s)


def _read(home: Path, vendor: PacedVendor) -> tuple[int, float]:
    """Return how many daily bars a run needs, all of them kept, and the seconds to get them."""
    environment = {**os.environ, "TAPETRAIL_HOME": str(home), BASE_URL_ENV: vendor.url}
    settings = read_settings(environment, working_folder=home.parent)
    query = RunQuery(spec=parse_strategy(STRATEGY, place="vendors"))
    before = len(vendor.visits(KLINES))
    with bootstrap.open_access(settings) as access:
        wiring = bootstrap.Wiring(settings=settings, environment=environment)
        record = bootstrap.Record(access, process=bootstrap.process(settings), wiring=wiring)
        record.status()
        begun = time.perf_counter()
        found = record.data.fetch(query)
        taken = time.perf_counter() - begun
    if any(each.problem or each.is_new for each in found) or len(vendor.visits(KLINES)) > before:
        raise RuntimeError("not all bars came out of the record")
    return sum(each.bar_count or 0 for each in found), taken


def _started(*words: str, home: Path, vendor: PacedVendor) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 # our own modules
        [sys.executable, "-m", "tapetrail", *words],
        env={**os.environ, "TAPETRAIL_HOME": str(home), BASE_URL_ENV: vendor.url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _ended(process: "subprocess.Popen[bytes]") -> None:
    _, said = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{process.args}: {said.decode()}")


if __name__ == "__main__":
    print(measure())  # noqa: T201 # a benchmark's result is its output
