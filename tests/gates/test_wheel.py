"""The wheel holds everything that the package needs where there is no checkout."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[2]
BUILD = "import sys; from flit_core.buildapi import build_wheel; build_wheel(sys.argv[1])"


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", BUILD, str(tmp_path)], cwd=ROOT, check=True)
    (built,) = tmp_path.glob("tapetrail-*.whl")
    held = {name for name in ZipFile(built).namelist() if name.startswith("tapetrail/")}
    folder = ROOT / "src"
    files = {each for each in (folder / "tapetrail").rglob("*") if each.is_file()}
    ours = {os.fspath(each.relative_to(folder)) for each in files if each.suffix != ".pyc"}
    assert held == ours
    assert {"tapetrail/py.typed", "tapetrail/requirements.lock"} <= held
