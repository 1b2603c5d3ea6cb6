"""Blobs in a folder. What `put` has returned survives a crash of the machine, whole.

Every blob is written to `tmp/` under the root, forced to disk, and only then given its name. A name
therefore never stands for half a blob, and what a killed process leaves lies in `tmp/` alone. The
file system must know hard links and `flock`, as those of Linux and macOS do.
"""

import fcntl
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tapetrail.blobs.encoding import SIZE_BYTES, packed, unpacked, unpacked_size
from tapetrail.blobs.protocol import Place
from tapetrail.core.blob_keys import checked_key, is_compressed
from tapetrail.core.canonical import Digest, digest_bytes
from tapetrail.core.errors import (
    EdgeFailure,
    ErrorKind,
    IntegrityFailure,
    InvalidInput,
    NotFound,
)

UNFINISHED: Final = "tmp"


class DirectoryBlobs:
    """A store of bytes under one folder, which is created by the first `put`.

    Any number of processes and threads may use one folder. Nothing in it is ever overwritten.
    """

    def __init__(self, *, root: Path) -> None:
        self._root = root.absolute()
        self._unfinished = self._root / UNFINISHED
        self._lasting = {self._root.parent}
        with _naming(self._root):
            self._remove_leftovers()

    def put(self, content: bytes, *, key: str, media_type: str | None = None) -> Digest:  # noqa: ARG002 # a file has none
        """Keep the content under the key and return its digest, once both are on disk.

        Content that is already there is left alone. Raises `InvalidInput` for an unsafe key,
        `IntegrityFailure` if the key holds other content and `EdgeFailure` if the disk refuses.
        """
        path = self._path(key)
        with _naming(path):
            if not path.exists():
                with suppress(FileExistsError):  # another process was quicker: compared below
                    self._write(packed(content, key=key), path)
                    return digest_bytes(content)
            _sync(path.parent)  # whoever wrote it may not have come that far
            found = unpacked(path.read_bytes(), key=key)
        if found != content:
            raise IntegrityFailure(
                f"blob {key}: expected {digest_bytes(content)}, found {digest_bytes(found)} in its"
                " place; a key never changes its content",
                kind=ErrorKind.CORRUPT_BLOB,
            )
        return digest_bytes(content)

    def read(self, key: str, *, digest: Digest) -> bytes:
        """Return the bytes under the key, which are those of the digest.

        Raises `NotFound` without them and `IntegrityFailure` if they are others.
        """
        content = self.read_newest(key)
        found = digest_bytes(content)
        if found != digest:
            raise IntegrityFailure(
                f"blob {key}: expected {digest}, found {found}", kind=ErrorKind.CORRUPT_BLOB
            )
        return content

    def read_newest(self, key: str) -> bytes:
        """Return the bytes under the key, whichever they are. Raises `NotFound` without any."""
        path = self._path(key)
        with _naming(path):
            try:
                return unpacked(path.read_bytes(), key=key)
            except (FileNotFoundError, NotADirectoryError) as error:
                raise NotFound(f"blob {key}: nothing of that key in {self._root}") from error

    def older_version(self, key: str, *, digest: Digest) -> str | None:  # noqa: ARG002 # as the protocol has it
        """Return None: a folder keeps no versions."""
        return None

    def size(self, key: str) -> int | None:
        """Return how many bytes are under the key, without a look at them; None without a file.

        Packed ones say themselves how many they are unpacked.
        """
        path = self._path(key)
        with _naming(path):
            try:
                with path.open("rb") as file:
                    kept = os.fstat(file.fileno()).st_size
                    if not is_compressed(key):
                        return kept
                    file.seek(max(0, kept - SIZE_BYTES))
                    return unpacked_size(file.read())
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None

    def kept_size(self, key: str) -> int | None:
        """Return how many bytes the file of the key has, None without a file."""
        path = self._path(key)
        with _naming(path), suppress(FileNotFoundError, NotADirectoryError):
            return path.stat().st_size
        return None

    def place(self, key: str) -> Place:
        """Return `file:` and the key: relative to the blob folder, so that a home can move."""
        self._path(key)
        return Place(url=f"file:{key}", bucket=None, object_key=key)

    def _path(self, key: str) -> Path:
        if checked_key(key).partition("/")[0] == UNFINISHED:
            raise InvalidInput(f"blob key {key!r}: {UNFINISHED}/ is for unfinished blobs")
        return self._root / key

    def _write(self, content: bytes, path: Path) -> None:
        """Bring the content to disk, name it, and bring the name to disk.

        A link, unlike a rename, never replaces a file. Raises `FileExistsError` if it would.
        """
        self._create_folder(path.parent)
        with self._unfinished_file(content) as unfinished:
            os.link(unfinished, path)
            _sync(path.parent)

    def _create_folder(self, folder: Path) -> None:
        """Create the folder so that it outlives a crash before the first name is put into it.

        One with a name in it has outlived its creation; the others cost a sync of every parent, up
        to one that this process has made to last before.
        """
        home = self._root.parent
        missing = [each for each in (home, *home.parents) if not each.exists()]
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in missing:
            with suppress(PermissionError):  # one that may be written to, and not read
                _sync(each.parent)
        self._root.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.scandir(folder) as names:
            if next(names, None) is not None:
                return
        synced: set[Path] = set()
        for parent in folder.parents:
            _sync(parent)
            synced.add(parent)
            if parent in self._lasting:
                break
        self._lasting |= synced

    @contextmanager
    def _unfinished_file(self, content: bytes) -> Generator[str]:
        """Give a file with the content, on disk, and remove its name afterwards in any case.

        The folder's lock, held shared, says that its files have living owners.
        """
        self._unfinished.mkdir(mode=0o700, exist_ok=True)
        with _locked(self._unfinished, fcntl.LOCK_SH):
            descriptor, name = tempfile.mkstemp(dir=self._unfinished)
            try:
                with open(descriptor, "wb") as file:  # noqa: PTH123 # a descriptor has no path
                    file.write(content)
                    file.flush()
                    os.fsync(descriptor)
                yield name
            finally:
                os.unlink(name)  # noqa: PTH108 # mkstemp speaks in text

    def _remove_leftovers(self) -> None:
        """Remove the files of killed processes: all there are, once nobody is writing."""
        if not self._unfinished.exists():
            return
        with suppress(BlockingIOError), _locked(self._unfinished, fcntl.LOCK_EX | fcntl.LOCK_NB):
            for leftover in self._unfinished.iterdir():
                leftover.unlink()


@contextmanager
def _naming(path: Path) -> Generator[None]:
    """Turn the system's refusal, such as a full disk, into an `EdgeFailure` that names the path."""
    try:
        yield
    except OSError as error:
        raise EdgeFailure(
            f"blob store, {path}: {error}", kind=ErrorKind.BLOB_STORE_UNAVAILABLE
        ) from error


@contextmanager
def _locked(folder: Path, operation: int) -> Generator[None]:
    with _opened(folder) as descriptor:
        fcntl.flock(descriptor, operation)
        yield


def _sync(folder: Path) -> None:
    with _opened(folder) as descriptor:
        os.fsync(descriptor)


@contextmanager
def _opened(folder: Path) -> Generator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
