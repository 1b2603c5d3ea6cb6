"""The settings of this process, and the record opened with them."""

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tapetrail.core.errors import NotFound
from tapetrail.settings import Settings, read_settings
from tapetrail.settings_files import folder_file, read_files, user_file

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from tapetrail.recorder import Recorder
    from tapetrail.settings import SettingsFile


def settings() -> Settings:
    """Return what the environment of this process and the files of settings decide."""
    folder = Path.cwd()
    return read_settings(os.environ, working_folder=folder, files=settings_files(folder))


def settings_files(working_folder: Path) -> "Sequence[SettingsFile]":
    """Return the files of settings that count here, the one that goes first at the beginning."""
    return read_files([folder_file(working_folder), user_file()])


def has_record(read: Settings) -> bool:
    """Return whether there may be a record: a folder that was begun, or a server's address."""
    return read.database_url is not None or read.home.exists()


def no_record(read: Settings) -> NotFound:
    """Return the error that there is no record where these settings look."""
    return NotFound(
        f"no record in {read.home}; the current folder, or TAPETRAIL_HOME, says where to look;"
        " run: tapetrail demo"
    )


@contextmanager
def opened() -> "Generator[Recorder]":
    """Give the record for reading.

    Raises `NotFound` where there is none: who reads in the wrong folder must not be told that
    nothing was recorded, and reading creates nothing.
    """
    from tapetrail.bootstrap import open_recorder  # noqa: PLC0415 # --help never needs it

    read = settings()
    if not has_record(read):
        raise no_record(read)
    with open_recorder(read) as recorder:
        yield recorder
