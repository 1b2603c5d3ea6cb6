"""The mark of a home into which a backup is being restored: it says whether that is done.

The mark is a file that whoever restores holds locked. It is empty until the home was found to hold
nothing, then it names the restore and how far that is; at the end it goes.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tapetrail.core.errors import EdgeFailure
from tapetrail.store.private.files import make_lasting, try_alone

NAME: Final = "restore.unfinished"
_BEGUN: Final = " begun\n"
_DONE: Final = " done\n"


class Mark:
    """The open mark of one home, held alone."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @property
    def token(self) -> str | None:
        """The token of a restore that was started and is not done."""
        said = os.pread(self._descriptor, 100, 0).decode("ascii")
        return said.removesuffix(_BEGUN) if said.endswith(_BEGUN) else None

    def begin(self, token: str) -> None:
        """Note on disk that the restore `token` was started."""
        self._write(token + _BEGUN)

    def end(self, token: str) -> None:
        """Say on disk that the restore `token` is done."""
        self._write(token + _DONE)

    def clear(self) -> None:
        """Say nothing any more."""
        self._write("")

    def _write(self, said: str) -> None:
        """Replace the text. Killed half-way it is empty, which is what an untouched home says."""
        os.truncate(self._descriptor, 0)
        os.pwrite(self._descriptor, said.encode("ascii"), 0)
        os.fsync(self._descriptor)


@contextmanager
def held_mark(home: Path) -> Generator[Mark]:
    """Give the mark of a home, made if need be; it goes at the end, unless a restore is not done.

    A home that holds nothing else goes with it. Raises `EdgeFailure` if another process holds it,
    or if the disk refuses.
    """
    try:
        make_lasting(home)
        descriptor = try_alone(home / NAME)
        if descriptor is None:
            raise EdgeFailure(f"home folder {home}: another restore is at work in it")
        mark = Mark(descriptor)
        try:
            yield mark
        finally:
            if mark.token is None:
                (home / NAME).unlink()
                with suppress(OSError):  # it holds other files
                    home.rmdir()
            os.close(descriptor)
    except OSError as error:
        raise EdgeFailure(f"home folder {home}: {error}") from error


def is_unfinished(home: Path) -> bool:
    """Return whether a restore into this home was started and is not done."""
    try:
        return (home / NAME).read_text(encoding="ascii").endswith(_BEGUN)
    except (FileNotFoundError, NotADirectoryError):
        return False
