"""Homes that tests copy: a copy takes a tenth of the time of a first use."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tapetrail.store.private.server import PrivateServer

BIN_DIR: Final = Path(found) if (found := os.environ.get("TESTS_POSTGRES_BIN_DIR")) else None
"""Another version of PostgreSQL's programs for all servers of the tests, None for the wheel's."""
PLAIN: Final = Path(__file__).with_name("plain")


def of_any_role() -> pytest.MarkDecorator:
    """Return what leaves out a test that connects as a role of its own making.

    Private servers before PostgreSQL 16 let in none but ours.
    """
    return pytest.mark.skipif(BIN_DIR is not None, reason="an older server lets in our roles alone")


def server_of(home: Path) -> PrivateServer:
    """Return the private server of a home, of the version that is tested."""
    return PrivateServer(home=home, bin_dir=BIN_DIR)


def programs() -> dict[str, str]:
    """Return the variables that have a process run the version that is tested."""
    return {} if BIN_DIR is None else {"TAPETRAIL_POSTGRES_BIN_DIR": str(BIN_DIR)}


def plain_path() -> dict[str, str]:
    """Return the environment in which a process is as in a plain installation."""
    inherited = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(PLAIN), inherited)))}


def prepare_home(home: Path) -> None:
    """Make a home with the newest schema and no rows, its server stopped."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TAPETRAIL_")}
    own = {"TAPETRAIL_HOME": str(home), "XDG_CONFIG_HOME": str(home.parent)}
    environment = {**kept, **own, **plain_path(), **programs()}
    command = [sys.executable, "-m", "tapetrail", "db", "upgrade"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    server_of(home).stop()


def copy_home(prepared: Path, home: Path) -> None:
    """Copy a home whose server is stopped; its files keep their owner, who may be another user."""
    subprocess.run(["cp", "-Rp", prepared, home], check=True)  # noqa: S607 # from PATH, as people do


@contextmanager
def held_home(prepared: Path, home: Path) -> Generator[Path]:
    """Give a copy of a home, its server up for as long as this is open."""
    copy_home(prepared, home)
    with server_of(home).hold():
        yield home


def python_path(folder: Path) -> str:
    """Return where modules are looked for: in a folder first, then where this process looks."""
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
