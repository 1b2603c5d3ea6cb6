"""Bundles on disk, for as long as a record cannot be reached: a folder each, synced to the disk.

A bundle's folder holds `entries.ndjson`, one entry a line, and in `objects` the bytes that entries
name. Whoever writes to it holds its lock; a bundle that nobody holds may be sent. A last line
that is not whole was never acknowledged, and is cut off.
"""

import os
import shutil
import sys
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from tapetrail.core.canonical import Digest, digest_bytes
from tapetrail.core.errors import EdgeFailure, IntegrityFailure, InvalidInput
from tapetrail.core.recording.entries import Entry, digests_of, line_of, parse_line
from tapetrail.core.recording.taken import Content

FOLDER: Final = "spool"
"""The folder of a home in which bundles lie, where no other is named."""
ENTRIES: Final = "entries.ndjson"
OBJECTS: Final = "objects"
TRIES: Final = 100
PAUSE_S: Final = 0.01
_PRIVATE: Final = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What a folder of the spool holds; `is_whole` says that its last line was."""

    folder: Path
    entries: Sequence[Entry]
    contents: Mapping[Digest, Content]
    is_whole: bool


class SpoolWriter:
    """The bundle of one decision, as its program writes it. Made by `Spool.writer`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._good = 0

    def append(self, entries: Sequence[Entry], contents: Mapping[Digest, Content]) -> None:
        """Add entries and their bytes; on return they are on the disk.

        Raises `EdgeFailure` where the disk does not take them; then none of them is there.
        """
        try:
            self._open()
            for digest, content in contents.items():
                self._keep(digest, content)
            self._write(b"".join(map(line_of, entries)))
        except OSError as error:
            self._cut()
            raise EdgeFailure(f"spool {self._folder}: {error.strerror or error}") from error

    def close(self) -> None:
        """Let the bundle go; it stays on the disk, for who sends it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> None:
        if self._file is not None:
            return
        for _ in range(TRIES):
            (self._folder / OBJECTS).mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
            file = (self._folder / ENTRIES).open("ab", buffering=0)
            if _try_lock(file) and _is_at(file, self._folder / ENTRIES):
                self._file = file
                break
            # Who sends the spool took it for an old one that is empty, and may have removed it.
            file.close()
            time.sleep(PAUSE_S)
        else:
            raise EdgeFailure(f"spool {self._folder}: another process writes to it")
        self._good = os.fstat(self._file.fileno()).st_size
        _sync_folder(self._folder)
        _sync_folder(self._folder.parent)

    def _keep(self, digest: Digest, content: Content) -> None:
        path = self._folder / OBJECTS / _file_name(digest, content.media_type)
        if path.exists():
            return
        unfinished = path.with_suffix(".part")
        with unfinished.open("wb") as file:
            file.write(content.data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        _sync_folder(path.parent)

    def _write(self, lines: bytes) -> None:
        if self._file is None:
            raise AssertionError("a bundle is opened before it is written")
        view = memoryview(lines)
        while view:
            view = view[self._file.write(view) :]
        os.fsync(self._file.fileno())
        self._good += len(lines)

    def _cut(self) -> None:
        """Leave no part of lines that were not taken."""
        if self._file is not None:
            with suppress(OSError):
                os.ftruncate(self._file.fileno(), self._good)


class Spool:
    """A folder of bundles."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def writer(self, name: str) -> SpoolWriter:
        """Return who writes the bundle of this name; nothing is there before it does."""
        return SpoolWriter(self.folder / name)

    def names(self) -> list[str]:
        """Return the names of the bundles, oldest first."""
        with suppress(FileNotFoundError):
            return sorted(each.name for each in self.folder.iterdir() if (each / ENTRIES).exists())
        return []

    @contextmanager
    def taking(self, name: str) -> Generator[Bundle | None]:
        """Give a bundle that nobody writes to, None for one that somebody does.

        Raises `InvalidInput` for a line that is none or a file that cannot be read, and
        `IntegrityFailure` for other bytes.
        """
        folder = self.folder / name
        with ExitStack() as stack:
            try:
                file = stack.enter_context((folder / ENTRIES).open("rb+"))
                bundle = _read(folder, file.read()) if _try_lock(file) else None
            except FileNotFoundError:
                bundle = None
            except OSError as error:
                raise InvalidInput(f"{error.filename}: {error.strerror}") from error
            yield bundle

    def remove(self, name: str) -> None:
        """Remove a bundle, of which the record has everything."""
        # Who opened it just before another one removed it sends it once more, and finds nothing.
        with suppress(FileNotFoundError):
            shutil.rmtree(self.folder / name)
        with suppress(OSError):
            self.folder.rmdir()


def _read(folder: Path, text: bytes) -> Bundle:
    whole, _, rest = text.rpartition(b"\n")
    lines = whole.split(b"\n") if whole else []
    place = folder / ENTRIES
    entries = [parse_line(line, place=f"{place}, line {at}") for at, line in enumerate(lines, 1)]
    return Bundle(
        folder=folder,
        entries=entries,
        contents=dict(_objects(folder, entries)),
        is_whole=not rest,
    )


def _objects(folder: Path, entries: Sequence[Entry]) -> Iterator[tuple[Digest, Content]]:
    """Yield the bytes that a bundle has; others are in the record's store already."""
    kept = {path.name.partition("-")[0]: path for path in (folder / OBJECTS).glob("*-*")}
    for digest in dict.fromkeys(d for entry in entries for d in digests_of(entry)):
        path = kept.get(digest.removeprefix("sha256:"))
        if path is None or path.suffix == ".part":
            continue
        data = path.read_bytes()
        if digest_bytes(data) != digest:
            raise IntegrityFailure(f"{path}: it holds other bytes than its name says")
        media_type = path.name.partition("-")[2].replace("+", "/", 1).replace("_", " ")
        yield digest, Content(data=data, media_type=media_type)


def _file_name(digest: Digest, media_type: str) -> str:
    """Return the name of the file that bytes lie in: their digest, and what they are."""
    said = media_type.replace("/", "+", 1).replace(" ", "_")
    return f"{digest.removeprefix('sha256:')}-{said}"


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_at(file: IO[bytes], path: Path) -> bool:
    """Return whether an open file is the one that has this name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":

    def _try_lock(file: IO[bytes]) -> bool:
        """Return whether nobody else writes to a file, which Windows sees to by itself."""
        return not file.closed

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        """Return whether a file is this process's now, until it is closed."""
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
