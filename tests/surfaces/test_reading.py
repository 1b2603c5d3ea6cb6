"""Whoever only reads waits for nothing that reading does without."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from tests.surfaces.conftest import Recorded, Run

from tapetrail.listing import LISTS, ListSpec
from tapetrail.listing.spec import Numbered

HEAVY: Final = ("sqlalchemy", "numpy", "pydantic", "dbos", "alembic", "pandas")
SCRIPT: Final = f"""
import sys
from tapetrail.cli.app import run_command_line
code = run_command_line()
found = [name for name in {HEAVY!r} if sys.modules.get(name)]
sys.exit(f"imported: {{found}}" if found else code)
"""
OWN: Final = {"--limit", "--all", "--cursor", "--columns", "--json", "--jsonl", "--csv",
              "--quiet", "--utc", "--local", "--help"}  # fmt: skip


def imports_nothing_heavy(recorded: Recorded, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *words],
        env=recorded.terminal.environment(), cwd=recorded.terminal.home.parent,
        capture_output=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.service
@pytest.mark.parametrize(
    "words",
    [
        *(listed.name for listed in LISTS),
        *(f"{listed.name} show 1" for listed in LISTS if listed.related),
        "decisions list --limit 1 --status failed --symbol FB --since 2012-01-01",
        "executions --json",
        "charts --timeframe 1d --chart 1 --jsonl",
        "analyses --all --csv",
        "decisions show 1 --json",
        "strategies show two --json",
        "status --json",
        "db current",
        "decisions --help",
    ],
)
def test_a_command_that_only_reads_imports_no_orm_and_no_arrays(
    words: str, recorded: Recorded
) -> None:
    ran = imports_nothing_heavy(recorded, *words.split())
    # Of what only other programs tell there is nothing yet.
    assert (ran.returncode, re.sub(r"no (inputs|orders|notes) yet\n", "", ran.stderr)) == (0, "")
    assert ran.stdout or ran.stderr


@pytest.mark.service
def test_saving_what_is_stored_imports_none_either(recorded: Recorded, tmp_path: Path) -> None:
    for name in ("chart.jpg", "chart.html"):
        path = tmp_path / name
        ran = imports_nothing_heavy(recorded, "charts", "save", "1", "-o", str(path))
        assert ran.returncode == 0, ran.stderr
        assert path.stat().st_size > 1000


@pytest.mark.parametrize("listed", LISTS, ids=lambda listed: listed.name)
def test_a_list_offers_its_own_filters_and_no_other_ones(
    listed: ListSpec[Numbered], call: Run
) -> None:
    help_ = call(listed.name, "list", "--help").out
    options = help_.partition("Options:")[2].partition("Examples:")[0]
    offered = set(re.findall(r"(?m)^  (?:-\w, )?(--[a-z-]+)", options)) | {"--local"}
    assert offered == OWN | {known.option for known in listed.filters}
    for known in listed.filters:
        assert re.search(rf"{known.option} {known.kind.metavar} ", options)
