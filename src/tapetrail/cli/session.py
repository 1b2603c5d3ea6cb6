"""The settings of this process, and the record opened with them."""

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tapetrail.core.errors import NotFound
from tapetrail.settings import Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Generator

    from tapetrail.recorder import Recorder


def settings() -> Settings:
    """Return what the environment of this process decides."""
    return read_settings(os.environ, working_folder=Path.cwd())


def has_record(read: Settings) -> bool:
    """Return whether there may be a record: a folder that was begun, or a server's address."""
    return read.database_url is not None or read.home.exists()


@contextmanager
def opened() -> "Generator[Recorder]":
    """Give the record for reading.

    Raises `NotFound` where there is none: who reads in the wrong folder must not be told that
    nothing was recorded, and reading creates nothing.
    """
    from tapetrail.bootstrap import open_recorder  # noqa: PLC0415 # --help never needs it

    read = settings()
    if not has_record(read):
        raise NotFound(
            f"no record in {read.home}; the current folder, or TAPETRAIL_HOME, says where to look;"
            " run: tapetrail demo"
        )
    with open_recorder(read) as recorder:
        yield recorder
