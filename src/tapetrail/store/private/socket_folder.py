"""The folder of PostgreSQL's Unix socket: ours alone, and short enough for a socket's address."""

import os
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tapetrail.core.errors import EdgeFailure
from tapetrail.store.private.account import Account
from tapetrail.store.private.files import ServerFiles

PORT: Final = 5432
SOCKET_NAME: Final = f".s.PGSQL.{PORT}"
LOCK_NAME: Final = f"{SOCKET_NAME}.lock"
ADDRESS_BYTES_MAX: Final = 103  # macOS; Linux allows 107
SHORT_FOLDER: Final = Path("/tmp")  # noqa: S108 # only a fall-back, and what is in it gets checked


def socket_folder(files: ServerFiles, account: Account) -> Path:
    """Return where the socket of this home and account belongs. Creates nothing.

    It lies in the system's temporary folder, or in /tmp if that one's name is too long.
    """
    name = f"{files.name}-{account.uid}"
    folder = Path(tempfile.gettempdir()) / name
    fits = len(os.fsencode(folder / SOCKET_NAME)) <= ADDRESS_BYTES_MAX
    return folder if fits else SHORT_FOLDER / name


@contextmanager
def open_socket_folder(folder: Path, account: Account) -> Generator[None]:
    """Have the folder for as long as this is open.

    Whoever may enter it is let into the database without a password. The temporary folder is
    everybody's, so somebody may have been there first. Raises `EdgeFailure` if so.
    """
    _create(folder, account)
    try:
        yield
    finally:
        remove_sockets(folder)
        with suppress(FileNotFoundError):  # removed with everything else in the temporary folder
            folder.rmdir()


def remove_sockets(folder: Path) -> None:
    """Remove the sockets and their lock files that a dead server left."""
    for path in folder.glob(".s.PGSQL.*"):
        path.unlink()


def _create(folder: Path, account: Account) -> None:
    """Create the folder, or make sure that the one there can be entered by nobody else."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0 and folder.lstat().st_uid == 0:
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    found = folder.lstat()
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or mode & 0o077:
        raise EdgeFailure(
            f"socket folder {folder}: expected a folder of user {account.uid} with mode 0700,"
            f" found {stat.filemode(found.st_mode)} of user {found.st_uid}; remove it"
        )
