"""Backup files: a tar archive of a database dump and of every blob it names.

The members stand in this order, and none may be missing, twice or more than named:

1. `manifest.json`: what this is, who made it, how much it holds, and the digest of the next member.
2. `SHA256SUMS`: a line for each member that follows, in their order, as `sha256sum -c` reads it.
3. `database.dump`: PostgreSQL's own custom format.
4. `blobs/<key>`: the blobs' bytes, unpacked, under their keys.

So whoever has `tar`, `sha256sum` and `pg_restore` can read and check one without this program.
A file without a whole manifest at its start is none of ours; any other deviation is damage.
"""

import hashlib
import io
import json
import os
import shutil
import stat
import tarfile
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final, NoReturn

from tapetrail.core.canonical import Digest, digest_bytes, parse_digest
from tapetrail.core.errors import EdgeFailure, IntegrityFailure, InvalidInput, NotFound

FORMAT: Final = "tapetrail-backup/1"
MANIFEST: Final = "manifest.json"
SUMS: Final = "SHA256SUMS"
DUMP: Final = "database.dump"
BLOBS: Final = "blobs/"
MANIFEST_BYTES_MAX: Final = 100_000
LINE_BYTES_MAX: Final = 2_000
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedBlob:
    """A blob that could not be backed up: the row of it, and why."""

    key: str
    digest: str
    size: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup says of itself.

    `damaged` are the blobs that a row names and that were gone or others when it was made: they are
    not in it, and not among its `blobs`. `left_in` is the bucket in which all of them stayed, None
    where they were taken in.
    """

    code_version: str
    schema_version: str
    made_at: str
    rows: Mapping[str, int]
    blobs: int
    blob_bytes: int
    sums_digest: Digest
    damaged: Sequence[DamagedBlob] = ()
    left_in: str | None = None

    @property
    def blob_rows(self) -> int:
        """Return how many blobs the rows name."""
        return self.blobs + len(self.damaged) if self.left_in is None else self.rows["blobs"]

    def content(self) -> bytes:
        """Return the manifest as it stands in the file."""
        document = {"format": FORMAT, **asdict(self)}
        return (json.dumps(document, indent=2, ensure_ascii=True) + "\n").encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobName:
    """A blob of the backup: the key it is kept under, and its digest."""

    key: str
    digest: Digest


def parse_manifest(content: bytes, *, place: str) -> Manifest:
    """Return the manifest in `content`. Raises `InvalidInput` where it is none of ours."""
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 # for restores only

    try:
        document = TypeAdapter(dict[str, object]).validate_json(content)
        if document.get("format") != FORMAT:
            raise _foreign(place, f"its manifest is not of the format {FORMAT}")
        manifest = TypeAdapter(Manifest).validate_json(content, strict=True)
    except ValidationError as error:
        raise _foreign(place, "its manifest cannot be read") from error
    parse_digest(manifest.sums_digest)
    return manifest


def sums_line(digest: Digest, name: str) -> bytes:
    """Return the line about one member, as `sha256sum` writes it."""
    return f"{digest.removeprefix('sha256:')}  {name}\n".encode("ascii")


def file_digest(file: IO[bytes]) -> Digest:
    """Return the digest of a file's bytes from its beginning; it stands at its end afterwards."""
    file.seek(0)
    running = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        running.update(chunk)
    return Digest(f"sha256:{running.hexdigest()}")


@contextmanager
def new_file(target: Path, *, may_replace: bool) -> Generator[IO[bytes]]:
    """Give a file to write; it takes the name `target` at the end, on disk, whole or not at all.

    Raises `InvalidInput` if `target` exists, unless it `may_replace` that, and `EdgeFailure` if
    the folder or the disk refuses. What a killed process leaves is `target` with `.unfinished`
    after it, which the next one of the same name takes over.
    """
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        _check_free(target, may_replace=may_replace)
        with _open_alone(unfinished, target) as file:
            file.truncate()
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                _check_free(target, may_replace=may_replace)
                unfinished.replace(target)
                _sync(target.parent)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise EdgeFailure(f"backup {str(target)!r}: {error.strerror or error}") from error


def write_backup(
    file: IO[bytes],
    manifest: Manifest,
    *,
    sums: IO[bytes],
    dump: IO[bytes],
    blobs: Iterable[tuple[BlobName, bytes]],
) -> None:
    """Write a backup's members into `file`, each as its open file or its bytes."""
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        content = manifest.content()
        _add(archive, MANIFEST, io.BytesIO(content), size=len(content))
        for name, spooled in ((SUMS, sums), (DUMP, dump)):
            size = spooled.seek(0, os.SEEK_END)
            spooled.seek(0)
            _add(archive, name, spooled, size=size)
        for blob, content in blobs:
            _add(archive, BLOBS + blob.key, io.BytesIO(content), size=len(content))


class BackupReader:
    """A backup file, read once from beginning to end; every member is checked on the way."""

    def __init__(self, archive: tarfile.TarFile, *, place: str) -> None:
        self._archive = archive
        self._place = place
        self.manifest = parse_manifest(self._first_member(), place=place)

    def read_to(self, dump: IO[bytes], *, sums: IO[bytes]) -> None:
        """Copy the sums and the dump into files; both are as the manifest says.

        Raises `IntegrityFailure` where they are not.
        """
        self._copy(SUMS, sums, digest=self.manifest.sums_digest)
        sums.seek(0)
        name, digest = self._line(sums.readline(LINE_BYTES_MAX))
        if name != DUMP:
            self._damaged(f"{SUMS} begins with {name!r}, expected {DUMP}")
        self._copy(DUMP, dump, digest=digest)

    def blobs(self, sums: IO[bytes]) -> Iterator[tuple[BlobName, bytes]]:
        """Yield every blob that the rest of `sums` names, its bytes checked, and nothing else."""
        count = 0
        while line := sums.readline(LINE_BYTES_MAX):
            name, digest = self._line(line)
            if not name.startswith(BLOBS):
                self._damaged(f"{SUMS} names {name!r}, expected a member of {BLOBS}")
            content = self._opened(name).read()
            self._check(name, digest_bytes(content), expected=digest)
            yield BlobName(key=name.removeprefix(BLOBS), digest=digest), content
            count += 1
        if count != self.manifest.blobs:
            self._damaged(f"{count} blobs, expected {self.manifest.blobs}")
        if (more := self._next()) is not None:
            self._damaged(f"member {more.name!r} is not in {SUMS}")

    def _first_member(self) -> bytes:
        first = self._next()
        if first is None or first.name != MANIFEST or first.size > MANIFEST_BYTES_MAX:
            raise _foreign(self._place, f"it does not begin with {MANIFEST}")
        return self._content(first).read()

    def _copy(self, name: str, target: IO[bytes], *, digest: Digest) -> None:
        shutil.copyfileobj(self._opened(name), target, _CHUNK)
        self._check(name, file_digest(target), expected=digest)

    def _opened(self, name: str) -> IO[bytes]:
        member = self._next()
        if member is None or member.name != name:
            self._damaged(f"expected {name!r}, found {member.name if member else 'the end'!r}")
        return self._content(member)

    def _content(self, member: tarfile.TarInfo) -> IO[bytes]:
        content = self._archive.extractfile(member) if member.isreg() else None
        if content is None:
            self._damaged(f"member {member.name!r} is not a plain file")
        return content

    def _next(self) -> tarfile.TarInfo | None:
        _forget(self._archive)
        return self._archive.next()

    def _line(self, line: bytes) -> tuple[str, Digest]:
        digits, gap, name = line.decode("ascii", "replace").partition("  ")
        if not gap or not name.endswith("\n"):
            self._damaged(f"{SUMS} has the line {line[:80]!r}")
        return name[:-1], parse_digest(f"sha256:{digits}")

    def _check(self, name: str, found: Digest, *, expected: Digest) -> None:
        if found != expected:
            self._damaged(f"{name}: expected {expected}, found {found}")

    def _damaged(self, why: str) -> NoReturn:
        raise IntegrityFailure(f"backup {self._place!r} is damaged; {why}")


@contextmanager
def opened_backup(path: Path) -> Generator[BackupReader]:
    """Give a reader of the backup at `path`.

    Raises `NotFound` without such a file, `InvalidInput` for one that is no backup,
    `IntegrityFailure` for a damaged one and `EdgeFailure` if it cannot be read.
    """
    place = str(path)
    with _readable(path) as file:
        try:
            archive = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115 # closed with its file
        except tarfile.TarError as error:
            raise _foreign(place, "it is no tar archive") from error
        try:
            yield BackupReader(archive, place=place)
        except tarfile.TarError as error:
            raise IntegrityFailure(f"backup {place!r} is damaged; {error}") from error


def _readable(path: Path) -> IO[bytes]:
    """Return the open file at `path`. A device could block or never end."""
    try:
        if path.exists() and not path.is_file():
            raise InvalidInput(f"backup {str(path)!r}: a folder or device, not a file")
        return path.open("rb")
    except FileNotFoundError as error:
        raise NotFound(f"no backup {str(path)!r}") from error
    except OSError as error:
        raise EdgeFailure(f"backup {str(path)!r}: {error.strerror}") from error


def _add(archive: tarfile.TarFile, name: str, content: IO[bytes], *, size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    member.mode = 0o600
    archive.addfile(member, content)
    _forget(archive)


def _forget(archive: tarfile.TarFile) -> None:
    """Let go of the members that came past, or a million of them would fill the memory."""
    archive.members.clear()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] # documented, not typed


def _foreign(place: str, why: str) -> InvalidInput:
    return InvalidInput(f"{place!r} is not a backup of TapeTrail; {why}")


def _check_free(target: Path, *, may_replace: bool) -> None:
    if target.is_dir() or (target.exists() and not target.is_file()):
        raise InvalidInput(f"backup {str(target)!r}: a folder or device, not a file")
    if target.exists() and not may_replace:
        raise InvalidInput(f"backup {str(target)!r} exists; --force replaces it")


def _open_alone(unfinished: Path, target: Path) -> IO[bytes]:
    """Return the unfinished file, open, ours alone, and held for as long as it is open.

    A link that somebody put there would lead to another file, and one of another mode would show
    the record to others. Between opening it and holding it, whoever held it may have given it
    its name: then it is a backup, and the next one is opened.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    while True:
        file = open(os.open(unfinished, flags, 0o600), "r+b")  # noqa: SIM115, PTH123 # given to the caller; a descriptor has no path
        try:
            _lock(file, target)
            state = os.fstat(file.fileno())
            if _is_still(unfinished, state):
                _check_ours(state, unfinished, target)
                os.fchmod(file.fileno(), 0o600)
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _check_ours(state: os.stat_result, unfinished: Path, target: Path) -> None:
    is_plain = stat.S_ISREG(state.st_mode) and state.st_nlink <= 1
    if not is_plain or state.st_uid != os.geteuid():
        raise EdgeFailure(
            f"backup {str(target)!r}: {unfinished.name} beside it is no plain file of this user;"
            " remove it, or choose another folder"
        )


def _is_still(path: Path, state: os.stat_result) -> bool:
    """Return whether the name is that of the file that was opened."""
    try:
        return os.path.samestat(path.lstat(), state)
    except FileNotFoundError:
        return False


def _lock(file: IO[bytes], target: Path) -> None:
    """Hold the unfinished file alone for as long as it is open."""
    import fcntl  # noqa: PLC0415 # absent on Windows, where this module must still be importable

    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise EdgeFailure(f"backup {str(target)!r}: another process is writing it") from error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
