"""The account PostgreSQL runs under, and how a child process becomes it.

PostgreSQL refuses to run as root. As root we give it a user id that nothing else uses, and a mount
namespace in which it finds the few folders it needs, however closed the ones above them are. It
holds no capability, and can gain none.

Where the system refuses the namespace, as most containers do, an account made for it serves:
`tapetrail-postgres`. That one needs a way to its folders, so the folders above a home must be open.
"""

import os
import pwd
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import EdgeFailure
from tapetrail.store.private.files import ServerFiles
from tapetrail.store.private.kernel import PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, prctl
from tapetrail.store.private.mounts import View, can_mount, mount_view

OWN_ACCOUNT: Final = "tapetrail-postgres"
# Ids that systemd's list of ranges leaves to nobody; the second is for containers of 65,536 ids.
UNUSED_IDS: Final = (range(1_900_000_000, 2_000_000_000), range(60_578, 61_184))
REFUSED: Final = (
    "PostgreSQL refuses to run as root, and this system allows root no mount namespace, as"
    " containers without CAP_SYS_ADMIN do; one of three ways: run tapetrail as an ordinary user;"
    " set TAPETRAIL_DATABASE_URL to the address of a server; or make an account for PostgreSQL"
    " alone: useradd --system --user-group --no-create-home --shell /usr/sbin/nologin"
    f" {OWN_ACCOUNT}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who PostgreSQL runs as.

    `is_confined` says that it sees its folders in a mount namespace; otherwise it needs a way to
    them. `group_enters` says that a home has to let its group pass.
    """

    uid: int
    gid: int
    is_confined: bool = False
    group_enters: bool = False


def server_account(files: ServerFiles) -> Account:
    """Return the account that owns, or will own, the data directory.

    That is ourselves; as root it is the ordinary user who owns existing data, otherwise an id of
    its own. Raises `EdgeFailure` where the system offers root none.
    """
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid())
    owner = files.data.stat() if files.data.exists() else None
    if owner is not None and _is_person(owner.st_uid):
        return Account(uid=owner.st_uid, gid=owner.st_gid, is_confined=can_mount())
    if can_mount():
        uid = owner.st_uid if owner is not None and _is_unused(owner.st_uid) else _new_id(files)
        return Account(uid=uid, gid=uid, is_confined=True)
    try:
        own = pwd.getpwnam(OWN_ACCOUNT)
    except KeyError:
        raise EdgeFailure(REFUSED) from None
    return Account(uid=own.pw_uid, gid=own.pw_gid, group_enters=True)


def trusted_users(account: Account) -> list[pwd.struct_passwd]:
    """Return the users who may connect: ourselves, root, and a person to whom the data belong.

    Raises `EdgeFailure` where the system has no name for our own id.
    """
    ids = {0, os.geteuid(), *([account.uid] if _is_person(account.uid) else [])}
    try:
        return [pwd.getpwuid(uid) for uid in sorted(ids)]
    except KeyError:
        raise EdgeFailure(
            f"user id {os.geteuid()} has no name on this system, and PostgreSQL needs one; add it"
            " to /etc/passwd, or set TAPETRAIL_DATABASE_URL to the address of a server"
        ) from None


def own(path: Path, account: Account) -> None:
    """Give the account a file, or a folder with all in it, that another server account had.

    What belongs to a third is left alone. The top comes last: whoever is killed on the way begins
    again.
    """
    before = path.lstat().st_uid
    if before == account.uid:
        return
    for folder, _, names in os.walk(path, topdown=False):
        for name in names:
            _chown(Path(folder, name), account, before=before)
        if Path(folder) != path:
            _chown(Path(folder), account, before=before)
    _chown(path, account, before=before)


def become(
    account: Account, view: View | None, parent_pid: int
) -> None:  # pragma: no cover # between fork and exec
    """Turn this child process into the account's, to be interrupted when its parent dies.

    1. As root: its folders are mounted in a namespace of its own.
    2. Groups and user are dropped, in the only order that works; with the user all capabilities go,
       and no program that it starts can bring one back.
    3. The kernel is asked for SIGINT (PostgreSQL: fast shutdown) at the parent's death. Changing
       the user clears this wish, so it comes last; a parent that died before it is noticed.
    """
    if os.geteuid() == 0:
        if view is not None:
            mount_view(view)  # 1
        os.setgroups([])  # 2
        os.setresgid(account.gid, account.gid, account.gid)
        os.setresuid(account.uid, account.uid, account.uid)
        prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_PDEATHSIG, signal.SIGINT)  # 3
    if os.getppid() != parent_pid:
        os._exit(1)


def check_reachable(account: Account, paths: Iterable[Path]) -> None:
    """Raise `EdgeFailure` for the first folder that the account cannot read, or get to.

    Who is confined is shown the way to a folder.
    """
    for path in paths:
        for folder in (*(() if account.is_confined else reversed(path.parents)), path):
            found = folder.stat()
            shift = 6 if found.st_uid == account.uid else 3 if found.st_gid == account.gid else 0
            needed = 0o5 if folder == path else 0o1
            if (found.st_mode >> shift) & needed != needed:
                raise EdgeFailure(
                    f"PostgreSQL runs as user {account.uid}, who cannot enter {folder}; open it"
                    f" (chmod o+rx {folder}), or run tapetrail as an ordinary user"
                )


def _is_person(uid: int) -> bool:
    """Return whether an account of the system has the id, and neither root's nor a server's."""
    try:
        return uid != 0 and pwd.getpwuid(uid).pw_name not in {"nobody", OWN_ACCOUNT}
    except KeyError:
        return False


def _is_unused(uid: int) -> bool:
    return any(uid in ids for ids in UNUSED_IDS) and not _is_person(uid)


def _new_id(files: ServerFiles) -> int:
    """Return an id for this home, always the same one, that the system has and nobody uses."""
    number = int(digest_bytes(os.fsencode(files.home))[7:19], 16)
    mapped = _mapped_ids()
    for ids in UNUSED_IDS:
        uid = ids[number % len(ids)]
        if any(uid in some for some in mapped) and not _is_person(uid):
            return uid
    raise EdgeFailure(REFUSED)


def _mapped_ids() -> list[range]:
    """Return the user ids that exist here: in a container they may be few."""
    try:
        lines = Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return [range(2**31)]
    numbers = [[int(word) for word in line.split()] for line in lines]
    return [range(first, first + count) for first, _, count in numbers]


def _chown(path: Path, account: Account, *, before: int) -> None:
    if path.lstat().st_uid == before:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
