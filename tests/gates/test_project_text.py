"""The project speaks of itself alone, and its lock files name no index."""

import re
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 # git is what made this checkout
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_lock_files_pin_every_package_with_hashes_and_name_no_index() -> None:
    locks = ("src/tapetrail/requirements.lock", "requirements-dev.lock")
    for name in (*locks, "benchmarks/requirements.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        packages = re.findall(r"^([a-z0-9._-]+(?:\[[a-z,]+\])?)==", text, flags=re.MULTILINE)
        assert len(packages) > 20
        assert text.count("==") >= len(packages)
        assert "://" not in text
        assert "--hash=sha256:" in text


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    places = re.compile(rb"(?<![\w.])/(?:work|farm|root)/")
    named = [
        path.relative_to(ROOT)
        for path in tracked()
        if path.is_file() and path.suffix in {".py", ".md", ".toml", ".yaml", ".lock", ""}
        and places.search(path.read_bytes())
    ]  # fmt: skip
    assert named == []
