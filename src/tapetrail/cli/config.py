"""`tapetrail config ...`: which settings count here, and where each one stands."""

import os
from dataclasses import dataclass
from pathlib import Path

from tapetrail.cli.output import cell, echo, note, print_json, screen
from tapetrail.cli.session import settings_files
from tapetrail.cli.tables import table_lines
from tapetrail.core.errors import NotFound
from tapetrail.settings import VARIABLES, choose, masked, read_settings
from tapetrail.settings_files import checked_key, folder_file, user_file, write_setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A setting as it may be shown: its passwords hidden, and where it stands."""

    key: str
    value: str | None
    origin: str


def shown_settings() -> list[Shown]:
    """Return every setting as it counts here. Raises `InvalidInput` where one breaks a rule."""
    folder = Path.cwd()
    files = settings_files(folder)
    read = read_settings(os.environ, working_folder=folder, files=files)
    chosen = choose(os.environ, working_folder=folder, files=files)
    values = {
        "home": str(read.home),
        "database_url": masked(read.database_url) if read.database_url else None,
        "postgres_bin_dir": str(read.postgres_bin_dir) if read.postgres_bin_dir else None,
        "actor": read.actor,
    }
    return [
        Shown(key=key, value=values[key], origin=chosen[key].origin if key in chosen else "default")
        for key in VARIABLES
    ]


def show_list(*, with_origin: bool, as_json: bool) -> int:
    """Print every setting, with its origin where that is wanted."""
    found = shown_settings()
    if as_json:
        print_json({"data": [{"key": s.key, "value": s.value, "origin": s.origin} for s in found]})
        return 0
    names = ("key", "value", "origin") if with_origin else ("key", "value")
    lines = [(s.key, s.value, s.origin)[: len(names)] for s in found]
    for line in table_lines(names, lines, screen=screen()):
        echo(line)
    return 0


def show_one(key: str) -> int:
    """Print one setting. Raises `NotFound` where it has no value."""
    checked_key(key, place="get")
    (value,) = [setting.value for setting in shown_settings() if setting.key == key]
    if value is None:
        raise NotFound(f"{key} is not set; what that means: tapetrail help environment")
    echo(cell(value))
    return 0


def set_one(key: str, value: str, *, for_user: bool) -> int:
    """Write one setting to a file."""
    path = _path(for_user=for_user)
    write_setting(path, key, value)
    note(f"written to {cell(str(path))}")
    counts = {setting.key: setting.origin for setting in shown_settings()}[key]
    if not counts.startswith(f"{path}: "):
        note(f"but {cell(counts)} goes before it")
    return 0


def show_path(*, for_user: bool) -> int:
    """Print where a file of settings is, or would be."""
    echo(str(_path(for_user=for_user)))
    return 0


def _path(*, for_user: bool) -> Path:
    return user_file() if for_user else folder_file(Path.cwd())
