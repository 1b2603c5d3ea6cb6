"""The account PostgreSQL runs under, and how a child process becomes it.

PostgreSQL refuses to run as root. As root we give it to `nobody`, who is then let through the
closed folders above the home with one capability, and no more than it needs.
"""

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tapetrail.core.errors import EdgeFailure

# The numbers below are Linux's, from linux/capability.h and linux/prctl.h.
CAP_DAC_OVERRIDE: Final = 1
CAP_DAC_READ_SEARCH: Final = 2
CAPABILITY_VERSION_3: Final = 0x20080522
PR_SET_PDEATHSIG: Final = 1
PR_SET_KEEPCAPS: Final = 8
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_RAISE: Final = 2

ON_LINUX: Final = sys.platform == "linux"
_LIBC: Final = ctypes.CDLL(None, use_errno=True) if ON_LINUX else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who PostgreSQL runs as; `capability` is the one it keeps to reach its folders, if any."""

    uid: int
    gid: int
    capability: int | None


def server_account(data: Path, reached: Iterable[Path]) -> Account:
    """Return the account that owns, or will own, the data directory.

    That is ourselves; as root it is the owner of existing data, otherwise `nobody`. `reached` are
    the paths it must get to.
    """
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid(), capability=None)
    uid, gid = _owner_or_nobody(data)
    closed = any(_is_closed(folder, uid) for path in reached for folder in path.parents)
    return Account(uid=uid, gid=gid, capability=_search_capability() if closed else None)


def become(account: Account, parent_pid: int) -> None:  # pragma: no cover # between fork and exec
    """Turn this child process into the account's, to be interrupted when its parent dies.

    1. As root: groups and user are dropped, in the only order that works.
    2. The one capability is made ambient, so that it outlives the exec.
    3. The kernel is asked for SIGINT (PostgreSQL: fast shutdown) at the parent's death. Changing
       the user clears this wish, so it comes last; a parent that died before it is noticed.
    """
    if os.geteuid() == 0:
        _prctl(PR_SET_KEEPCAPS, 1)  # 1
        os.setgroups([])
        os.setgid(account.gid)
        os.setuid(account.uid)
        if account.capability is not None:
            _raise_capability(account.capability)  # 2
    _prctl(PR_SET_PDEATHSIG, signal.SIGINT)  # 3
    if os.getppid() != parent_pid:
        os._exit(1)


def _owner_or_nobody(data: Path) -> tuple[int, int]:
    if data.exists() and data.stat().st_uid != 0:
        return data.stat().st_uid, data.stat().st_gid
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as error:
        raise EdgeFailure(
            "PostgreSQL refuses to run as root and there is no user 'nobody' to run it as"
        ) from error
    return nobody.pw_uid, nobody.pw_gid


def _is_closed(folder: Path, uid: int) -> bool:
    """Return whether `uid`, member of no group, cannot pass through the folder."""
    found = folder.stat()
    return not found.st_mode & (0o100 if found.st_uid == uid else 0o001)


def _search_capability() -> int | None:
    """Return the weakest capability we hold that opens closed folders, None without any.

    Container engines leave root DAC_OVERRIDE but not DAC_READ_SEARCH.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
    effective = int(lines["CapEff"], 16)
    candidates = (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE)
    return next((number for number in candidates if effective >> number & 1), None)


def _raise_capability(number: int) -> None:  # pragma: no cover # between fork and exec
    """Leave this process one capability: permitted, effective, inheritable and ambient."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    low_words = [1 << number] * 3
    sets = (ctypes.c_uint32 * 6)(*low_words, 0, 0, 0)
    if _LIBC is None or _LIBC.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), f"cannot keep capability {number}")
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number)


def _prctl(option: int, *values: int) -> None:  # pragma: no cover # between fork and exec
    if _LIBC is None:
        return
    padded = [*values, 0, 0, 0, 0][:4]
    if _LIBC.prctl(option, *map(ctypes.c_ulong, padded)) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option} {values} failed")
