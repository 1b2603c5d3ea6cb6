"""What PostgreSQL sees of the file system where root runs it: its folders, at their own paths.

A folder above them that the account may not pass is covered by an empty one in memory, in which
those folders, and nothing else, are shown again. The covers live in a mount namespace: nobody else
sees them, and they go with its last process.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tapetrail.store.private.kernel import mount_descriptor, mount_empty, unshare_mounts

PASSWD: Final = Path("/etc/passwd")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Folders to cover, paths to show again at their places, and a list of users to show."""

    covers: tuple[Path, ...]
    shown: tuple[Path, ...]
    passwd: Path | None


@cache
def can_mount() -> bool:
    """Return whether this process may have a mount namespace: a child of ours tries."""
    if os.geteuid() != 0:
        return False
    pid = os.fork()
    if pid == 0:
        _try_mounts()
    return os.waitpid(pid, 0)[1] == 0


def view_for(uid: int, needed: Iterable[Path], *, passwd: Path | None) -> View:
    """Return what a process of `uid`, member of no group, has to be shown to reach `needed`."""
    paths = tuple(dict.fromkeys(needed))
    closed = {path: _outermost_closed(path, uid) for path in paths}
    covers = {cover for cover in closed.values() if cover is not None}
    outermost = {cover for cover in covers if not covers & set(cover.parents)}
    return View(
        covers=tuple(sorted(outermost)),
        shown=tuple(path for path in paths if outermost & set(path.parents)),
        passwd=passwd,
    )


def mount_view(view: View) -> None:  # pragma: no cover # between fork and exec
    """Give this process the view. Raises `OSError` where the kernel refuses.

    Everything is opened before it is covered, and then shown from where it was opened.
    """
    unshare_mounts()
    shown = [(path, os.open(path, os.O_PATH | os.O_CLOEXEC)) for path in view.shown]
    users = None if view.passwd is None else os.open(view.passwd, os.O_PATH | os.O_CLOEXEC)
    umask = os.umask(0o022)
    for cover in view.covers:
        mount_empty(str(cover))
    for path, descriptor in shown:
        path.mkdir(parents=True, exist_ok=True)
        mount_descriptor(descriptor, str(path))
    if users is not None:
        mount_descriptor(users, str(PASSWD))
    os.umask(umask)


def _outermost_closed(path: Path, uid: int) -> Path | None:
    """Return the folder nearest to the root, above `path`, that `uid` cannot pass."""
    return next((folder for folder in reversed(path.parents) if _is_closed(folder, uid)), None)


def _is_closed(folder: Path, uid: int) -> bool:
    found = folder.stat()
    return not found.st_mode & (0o100 if found.st_uid == uid else 0o001)


def _try_mounts() -> None:  # pragma: no cover # in a child
    try:
        unshare_mounts()
        mount_empty("/tmp")  # noqa: S108 # covered in this child alone
    except OSError:
        os._exit(1)
    os._exit(0)
