"""Homes that tests copy: a copy takes a tenth of the time of a first use."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tapetrail.store.private.server import PrivateServer

PLAIN: Final = Path(__file__).with_name("plain")


def plain_path() -> dict[str, str]:
    """Return the environment in which a process is as in a plain installation."""
    inherited = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(PLAIN), inherited)))}


def prepare_home(home: Path) -> None:
    """Make a home with the newest schema and no rows, its server stopped."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TAPETRAIL_")}
    own = {"TAPETRAIL_HOME": str(home), "XDG_CONFIG_HOME": str(home.parent)}
    environment = {**kept, **own, **plain_path()}
    command = [sys.executable, "-m", "tapetrail", "db", "upgrade"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    PrivateServer(home=home).stop()


def copy_home(prepared: Path, home: Path) -> None:
    """Copy a home whose server is stopped; its files keep their owner, who may be another user."""
    subprocess.run(["cp", "-Rp", prepared, home], check=True)  # noqa: S607 # from PATH, as people do


def python_path(folder: Path) -> str:
    """Return where modules are looked for: in a folder first, then where this process looks."""
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
