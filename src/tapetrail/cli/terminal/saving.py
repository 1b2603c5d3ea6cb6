"""Files that a user asked for: whole or not at all, with the rights of a new file."""

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from tapetrail.core.errors import EdgeFailure, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Generator


def checked_target(path: Path) -> Path:
    """Return where a file will lie. Raises `InvalidInput` where none can, before any work."""
    with naming(path):
        target = path.resolve()
        if target.exists() and not target.is_file():
            raise InvalidInput(f"--output {str(path)!r}: a folder or device, expected a file")
        if not target.parent.is_dir():
            raise InvalidInput(f"--output {str(path)!r}: there is no folder {str(target.parent)!r}")
        return target


def write_file(content: bytes, path: Path) -> None:
    """Write a file, in the place of one that is there. Raises `EdgeFailure` where it cannot be."""
    with naming(path), NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), path.stat().st_mode if path.exists() else _new_file_mode())
            Path(file.name).replace(path)
        finally:
            with suppress(FileNotFoundError):
                Path(file.name).unlink()


@contextmanager
def naming(path: Path) -> "Generator[None]":
    """Turn the system's refusals into an `EdgeFailure` that names the file."""
    try:
        yield
    except OSError as error:
        raise EdgeFailure(f"could not write {str(path)!r}; {error.strerror}") from error


def _new_file_mode() -> int:
    """Return the rights that this process gives to new files."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
