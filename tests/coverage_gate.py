"""Fails when branch coverage fell: 100 % of the core, and never below what the ratchet says.

`coverage combine` has run before. The ratchet is a file that only ever goes up: whoever raises
coverage raises the number in the same commit.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

RATCHET: Final = Path(__file__).parent / "coverage_ratchet.json"


def percent(include: str, folder: Path) -> float:
    report = folder / "coverage.json"
    subprocess.run(
        [sys.executable, "-m", "coverage", "json", "-q", f"--include={include}", "-o", str(report)],
        check=True,
    )
    totals = json.loads(report.read_text(encoding="utf-8"))["totals"]
    return float(totals["percent_covered"])


def main() -> int:
    least = json.loads(RATCHET.read_text(encoding="utf-8"))
    with TemporaryDirectory() as folder:
        found = {include: percent(include, Path(folder)) for include in least}
    low = {include: found[include] for include in least if found[include] < least[include]}
    for include, covered in found.items():
        line = f"coverage of {include}: {covered:.2f} % (at least {least[include]} %)\n"
        sys.stdout.write(line)
    if low:
        subprocess.run([sys.executable, "-m", "coverage", "report"], check=False)
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
