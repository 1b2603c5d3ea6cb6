"""A dump of the predecessor's database, restored where nothing else is.

A dump can hold code, which runs as whoever restores it: the server is one of its own, in a folder
that is gone afterwards, and no record is near it. Still, read only dumps that you trust.
"""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tapetrail.core.errors import InvalidInput
from tapetrail.store.database import SUPERUSER
from tapetrail.store.dumps import check_foreign, restore_foreign
from tapetrail.store.private.server import PrivateServer

_BEGINS: Final = b"PGDMP"
"""How a dump of `pg_dump --format=custom` begins."""


@contextmanager
def restored(dump: Path, *, bin_dir: Path | None) -> Generator[str]:
    """Give the address of a database with what is in a dump, which is gone at the end.

    Raises `InvalidInput` for a file that is no dump in the custom format, and `EdgeFailure` where
    it cannot be restored.
    """
    _check(dump)
    check_foreign(dump, bin_dir=bin_dir)
    folder = Path(tempfile.mkdtemp(prefix="tapetrail-import-"))
    try:
        server = PrivateServer(home=folder / "home", bin_dir=bin_dir)
        try:
            with server.hold() as address:
                restore_foreign(address.url(SUPERUSER), dump, bin_dir=bin_dir)
                yield address.libpq_url(SUPERUSER)
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check(dump: Path) -> None:
    try:
        with dump.open("rb") as file:
            begins = file.read(len(_BEGINS))
    except OSError as error:
        raise InvalidInput(f"--from {dump}: cannot be read: {error}") from error
    if begins != _BEGINS:
        raise InvalidInput(
            f"--from {dump}: no dump in the custom format; a plain one can hold commands for your"
            " shell, so restore it yourself (createdb old && psql old < FILE) and name that"
            " database: --from postgresql:///old; or dump anew: pg_dump --format=custom"
        )
