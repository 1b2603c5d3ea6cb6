"""Who may connect to the private server: the user it works for, and root, as any of its roles.

The kernel says who is at the other end of a socket, so there is no password to keep or to lose.
PostgreSQL reads this from files of ours, written anew at each start, in a folder that belongs to
us and not to its own account.
"""

import os
from pathlib import Path
from typing import Final

from tapetrail.store.private.account import OWN_ACCOUNT, Account, trusted_users
from tapetrail.store.private.files import ServerFiles

MAP: Final = "tapetrail"
WILDCARD_VERSION: Final = 16
OWN_ROLES: Final = ("tapetrail_owner", "tapetrail_app", "tapetrail_reader")
"""Those of every private server: the owner of the tables, who adds rows, who reads."""
ROLES: Final = ("postgres", *OWN_ROLES)
HBA: Final = f"""\
# Written by TapeTrail at each start: who may connect, and how that is known.
local all all peer map={MAP}
local replication all peer map={MAP}
"""


def write_admission(files: ServerFiles, account: Account, *, major_version: int) -> None:
    """Write who may connect, and a list of users for where the account is in no other."""
    files.admission.mkdir(exist_ok=True)
    files.admission.chmod(0o755)
    roles = ("all",) if major_version >= WILDCARD_VERSION else ROLES
    users = trusted_users(account)
    lines = [f'{MAP} "{user.pw_name}" {role}\n' for user in users for role in roles]
    _write(files.hba, HBA)
    _write(files.ident, "".join(lines))
    named = {user.pw_uid: user.pw_name for user in users}
    known = {account.uid: OWN_ACCOUNT, **named}
    _write(files.passwd, "".join(f"{known[uid]}:x:{uid}:{uid}::/:/bin/false\n" for uid in known))


def _write(path: Path, text: str) -> None:
    """Replace a file, readable to all: PostgreSQL reads it by an account of its own."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(unfinished, flags, 0o644)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 # a descriptor has no path
        os.fchmod(descriptor, 0o644)
        file.write(text)
    unfinished.replace(path)
