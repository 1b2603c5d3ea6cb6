"""The file by which programs of one account find the server of a home, and are let in by it."""

import json
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tapetrail.core.errors import InvalidInput

NAME: Final = "server.json"
_PRIVATE: Final = 0o600
_OTHERS: Final = 0o077


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """Where the server of a home listens, and the token that it was started with."""

    url: str
    token: str


@contextmanager
def announced(home: Path, said: Announced) -> Generator[Path]:
    """Give the file that says where the server is, which only its own account can read."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = home / NAME
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"url": said.url, "token": said.token, "pid": os.getpid()}, file)
    unfinished.replace(path)
    try:
        yield path
    finally:
        # Another server of the same home may have put its own there.
        if (there := read(home)) is not None and there.token == said.token:
            path.unlink(missing_ok=True)


def read(home: Path) -> Announced | None:
    """Return what the server of a home says, None where there is none, or none any more.

    One that was killed leaves its file: by now anybody may listen at its address. Raises
    `InvalidInput` for a file that others may have written.
    """
    path = home / NAME
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            if state.st_mode & _OTHERS or (hasattr(os, "geteuid") and state.st_uid != os.geteuid()):
                raise InvalidInput(f"{path}: others may write or read it; it lets nobody in")
            found = json.load(file)
    except (FileNotFoundError, ValueError):
        return None
    with suppress(KeyError, TypeError, ValueError, ProcessLookupError):
        os.kill(int(found["pid"]), 0)
        return Announced(url=str(found["url"]), token=str(found["token"]))
    return None
