"""What we ask of Linux that Python 3.11 has no call for. Elsewhere it does nothing, or refuses."""

import ctypes
import os
import sys
from typing import Final

ON_LINUX: Final = sys.platform == "linux"
# The numbers below are Linux's: linux/prctl.h, linux/sched.h and sys/mount.h.
PR_SET_PDEATHSIG: Final = 1
PR_SET_NO_NEW_PRIVS: Final = 38
CLONE_NEWNS: Final = 0x00020000
MS_NOSUID: Final = 0x2
MS_NODEV: Final = 0x4
MS_BIND: Final = 0x1000
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 0x40000
_LIBC: Final = ctypes.CDLL(None, use_errno=True) if ON_LINUX else None


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process."""
    if _LIBC is not None:
        _check(_LIBC.prctl(option, *map(ctypes.c_ulong, (value, 0, 0, 0))), f"prctl {option}")


def unshare_mounts() -> None:
    """Give this process mounts of its own, which nobody else sees. Raises `OSError` if refused."""
    if _LIBC is None:
        raise OSError("mount namespaces are Linux's")
    _check(_LIBC.unshare(CLONE_NEWNS), "unshare")
    _mount("none", "/", flags=MS_REC | MS_PRIVATE)


def mount_empty(target: str) -> None:
    """Cover a folder by an empty one in memory."""
    _mount("none", target, kind=b"tmpfs", flags=MS_NOSUID | MS_NODEV, options=b"mode=755,size=1m")


def mount_descriptor(descriptor: int, target: str) -> None:
    """Show an open file or folder at another place."""
    _mount(f"/proc/self/fd/{descriptor}", target, flags=MS_BIND | MS_REC)


def _mount(
    source: str, target: str, *, flags: int, kind: bytes | None = None, options: bytes | None = None
) -> None:
    if _LIBC is None:
        raise OSError("mount namespaces are Linux's")
    places = (os.fsencode(source), os.fsencode(target))
    _check(_LIBC.mount(*places, kind, ctypes.c_ulong(flags), options), f"mount on {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
