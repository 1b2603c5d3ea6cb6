"""The settings of this process, and the record opened with them."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tapetrail.recorder import Recorder
from tapetrail.settings import Settings, read_settings


def settings() -> Settings:
    """Return what the environment of this process decides."""
    return read_settings(os.environ, working_folder=Path.cwd())


@contextmanager
def opened() -> Generator[Recorder]:
    """Give the record for reading."""
    from tapetrail.bootstrap import open_recorder  # noqa: PLC0415 # --help never needs it

    with open_recorder(settings()) as recorder:
        yield recorder
