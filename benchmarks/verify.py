"""How long it takes to verify a record of 10,000 decisions, its stored objects by key and size.

The demo is recorded once, and copied with other digests until there are enough. Run it with
`python -m benchmarks.verify`.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

from tests.big_record import enlarge

import tapetrail
from tapetrail.store.private.server import PrivateServer

DECISIONS: Final = 10_000
OWED_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySpeed:
    """What it took, by the clock."""

    decisions: int
    rows: int
    objects: int
    wall_s: float

    def __str__(self) -> str:
        """Return the figures on one line."""
        return (
            f"verify: {self.decisions} decisions, {self.rows} rows and {self.objects} objects in"
            f" {self.wall_s:.1f} s, {self.decisions / self.wall_s:.0f} decisions a second"
            f" (owed: < {OWED_S:.0f} s)"
        )


def measure() -> VerifySpeed:
    """Return what it takes to verify a big record that has no fault."""
    with TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        _run("demo", "--no-serve", home=home)
        try:
            with PrivateServer(home=home).hold() as address:
                enlarge(address.libpq_url("postgres"), home / "blobs", decisions=DECISIONS)
            with tapetrail.open_record(home) as record:
                begun = perf_counter()
                found = record.verify()
                wall_s = perf_counter() - begun
        finally:
            _run("db", "stop", home=home)
    if not found.is_sound:
        raise RuntimeError(f"the record has faults, such as {found.faults[0]}")
    return VerifySpeed(
        decisions=found.decisions, rows=found.rows, objects=found.blobs, wall_s=wall_s
    )


def _run(*words: str, home: Path) -> None:
    subprocess.run(  # noqa: S603 # our own command line
        [sys.executable, "-m", "tapetrail", *words],
        env={**os.environ, "TAPETRAIL_HOME": str(home)},
        check=True,
        capture_output=True,
    )


if __name__ == "__main__":
    print(measure())  # noqa: T201 # a benchmark's result is its output
