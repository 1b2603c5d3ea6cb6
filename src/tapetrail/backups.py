"""Backup and restore: the database and every blob it names, as one file.

A blob is stored before the row that names it and never changed, so whoever dumps the rows first
finds every blob they name afterwards, however much is added meanwhile. One that is damaged keeps
the others from nothing: it is left out, and named.
"""

import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from sqlalchemy import Engine

from tapetrail.backup_files import (
    BLOBS,
    DUMP,
    LINE_BYTES_MAX,
    BackupReader,
    BlobName,
    DamagedBlob,
    Manifest,
    file_digest,
    new_file,
    opened_backup,
    sums_line,
    write_backup,
)
from tapetrail.core.canonical import instant_text, parse_digest
from tapetrail.core.errors import IntegrityFailure, InvalidInput, NotFound
from tapetrail.persistence import BlobStore
from tapetrail.store import dumps, migrate
from tapetrail.store.private.restore_marks import held_mark
from tapetrail.store.roles import Roles


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What is backed up: a database, as whoever may read all of it, and its blobs.

    `left_in` is the bucket in which they stay, None where they are taken in.
    """

    engine: Engine
    url: str
    blobs: BlobStore
    bin_dir: Path | None
    code_version: str
    left_in: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restorable:
    """A database to restore into: as whoever may create schemas in it, and as the owner of ours.

    `owner_role` is the role to become where `owner_url` does not log in as the owner itself, and
    `roles` are those that the record is to have.
    """

    engine: Engine
    admin_url: str
    owner_url: str
    owner_role: str | None
    roles: Roles


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a backup is restored to.

    `has_database` says whether there is one to look into, `open_database` makes one if need be,
    `upgrade` brings it, by its address and with its roles, to `schema_version`, and `new_token`
    gives 32 random hex digits.
    """

    home: Path
    blob_folder: Path | None
    bin_dir: Path | None
    schema_version: str
    has_database: Callable[[], bool]
    open_blobs: Callable[[], BlobStore]
    open_database: Callable[[], AbstractContextManager[Restorable]]
    upgrade: Callable[[str, Roles], None]
    new_token: Callable[[], str]


def back_up(origin: Origin, target: Path, *, may_replace: bool, at: datetime) -> Manifest:
    """Write the record as it is now to the file `target`; return what is in it.

    A blob that is missing or is another one is left out, and the manifest names it. Raises
    `InvalidInput` if `target` exists and may not be replaced, and `EdgeFailure` if database,
    program or disk refuse. Then there is no file.
    """
    with (
        new_file(target, may_replace=may_replace) as file,
        TemporaryFile(dir=target.parent) as dump,
        TemporaryFile(dir=target.parent) as sums,
        dumps.snapshot(origin.engine) as snapshot,
    ):
        snapshot.dump(origin.url, dump, bin_dir=origin.bin_dir)
        package = _Package(file=file, dump=dump, sums=sums, snapshot=snapshot, at=at)
        try:
            return package.write(origin, left_out={})
        except _DamagedBlobError:
            # Seldom, so that every other backup reads each blob once.
            damaged = {blob.key: blob for blob in _damaged(origin.blobs, snapshot)}
            return package.write(origin, left_out=damaged)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was restored: what the backup says of itself, and the keys without bytes here.

    There are such keys where the bytes of a backup of rows alone are not where blobs are kept.
    """

    manifest: Manifest
    absent: tuple[str, ...]


def restore(file: Path, destination: Destination) -> Restored:
    """Restore a backup to a place without a record; return what is in it.

    1. The place is looked at: it has no record, or only what an unfinished restore left there.
    2. A mark in the home says that it is incomplete; with it, nothing else opens the home.
    3. Blobs and dump are unpacked, each checked against its digest; blobs come before rows.
    4. The rows come in one transaction, then what newer releases add to the schema. They name the
       blobs that were unpacked, and no others.
    5. The mark goes.

    Killed in between, it leaves the mark, and the next restore begins anew. Raises `InvalidInput`
    for a place with a record and a file that is no backup, `IntegrityFailure` for a damaged file,
    `EdgeFailure` if database, program or disk refuse; what was restored so far is then removed.
    """
    absent: tuple[str, ...] = ()
    with opened_backup(file) as backup, held_mark(destination.home) as mark:
        _check_release(backup.manifest, destination)
        _check_empty(destination, token=mark.token)  # 1
        is_again, token = mark.token is not None, mark.token or destination.new_token()
        mark.begin(token)  # 2
        try:
            if is_again:
                _clear(destination)
            with TemporaryFile(dir=destination.home) as sums:
                _unpack(backup, destination, sums=sums)  # 3
                with destination.open_database() as database:
                    _fill(database, destination, token=token, manifest=backup.manifest)  # 4
                    _compare_blobs(database, sums, backup.manifest)
                    if backup.manifest.left_in is not None:
                        absent = _absent(database, destination.open_blobs())
                    mark.end(token)  # 5
                    dumps.finish(database.engine)
        except BaseException:
            _give_up(destination, token=token)
            mark.clear()
            raise
        _dump_file(destination).unlink()
    return Restored(manifest=backup.manifest, absent=absent)


class _DamagedBlobError(IntegrityFailure):
    """A blob that a row names is missing, or is another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Package:
    """The open files of a backup that is being written, and the record that goes in."""

    file: IO[bytes]
    dump: IO[bytes]
    sums: IO[bytes]
    snapshot: dumps.Snapshot
    at: datetime

    def write(self, origin: Origin, *, left_out: Mapping[str, DamagedBlob]) -> Manifest:
        """Write every member from the beginning, all but some blobs; return the manifest."""
        for file in (self.file, self.sums):
            file.seek(0)
            file.truncate()
        count, size = self._write_sums(left_out, has_blobs=origin.left_in is None)
        manifest = Manifest(
            code_version=origin.code_version,
            schema_version=self.snapshot.schema_version(),
            made_at=instant_text(self.at),
            rows=self.snapshot.rows(),
            blobs=count,
            blob_bytes=size,
            sums_digest=file_digest(self.sums),
            damaged=tuple(left_out.values()),
            left_in=origin.left_in,
        )
        blobs = _contents(origin.blobs, self.sums)
        write_backup(self.file, manifest, sums=self.sums, dump=self.dump, blobs=blobs)
        return manifest

    def _write_sums(self, left_out: Collection[str], *, has_blobs: bool) -> tuple[int, int]:
        """Write the line of each member to come; return the blobs' number and size."""
        self.sums.write(sums_line(file_digest(self.dump), DUMP))
        count = total = 0
        if not has_blobs:
            return count, total
        for key, digest, size in self.snapshot.blobs():
            if key not in left_out:
                self.sums.write(sums_line(digest, BLOBS + key))
                count, total = count + 1, total + size
        return count, total


def _contents(blobs: BlobStore, sums: IO[bytes]) -> Iterator[tuple[BlobName, bytes]]:
    """Yield the bytes of every blob that `sums` names, after the line of the dump."""
    for blob in _named(sums):
        try:
            yield blob, blobs.read(blob.key, digest=blob.digest)
        except (IntegrityFailure, NotFound) as error:
            raise _DamagedBlobError(error.message) from error


def _named(sums: IO[bytes]) -> Iterator[BlobName]:
    """Yield the blobs that `sums` names, after the line of the dump."""
    sums.seek(0)
    sums.readline()
    while line := sums.readline(LINE_BYTES_MAX):
        digits, _, name = line.decode("ascii").rstrip("\n").partition("  ")
        yield BlobName(key=name.removeprefix(BLOBS), digest=parse_digest(f"sha256:{digits}"))


def _damaged(blobs: BlobStore, snapshot: dumps.Snapshot) -> Iterator[DamagedBlob]:
    """Yield every blob that is missing, or is another one."""
    for key, digest, size in snapshot.blobs():
        try:
            blobs.read(key, digest=digest)
        except (IntegrityFailure, NotFound) as error:
            yield DamagedBlob(key=key, digest=digest, size=size, why=error.message)


def _check_release(manifest: Manifest, destination: Destination) -> None:
    if manifest.schema_version > destination.schema_version:
        raise InvalidInput(
            f"the backup holds schema {manifest.schema_version}, made by TapeTrail"
            f" {manifest.code_version}; this release knows schemas up to"
            f" {destination.schema_version}: install that one, or a newer one"
        )


def _check_empty(destination: Destination, *, token: str | None) -> None:
    """Raise `InvalidInput` where there is more than a restore of this token left."""
    folder = destination.blob_folder
    # A bucket may hold what others put there; keys are by digest, and nothing is overwritten.
    if folder is not None and token is None and folder.exists() and any(folder.iterdir()):
        raise _occupied(f"{folder} holds blobs")
    if destination.has_database():
        with destination.open_database() as database:
            claimed = dumps.claimed_by(database.engine)
            if dumps.has_schema(database.engine) and (claimed is None or claimed != token):
                raise _occupied("its database has the schemas of a record")


def _occupied(why: str) -> InvalidInput:
    return InvalidInput(
        f"there is a record already; {why}, and a backup is only restored where nothing is:"
        " choose another TAPETRAIL_HOME, or an empty database"
    )


def _clear(destination: Destination) -> None:
    """Remove what an unfinished restore left on disk."""
    if destination.blob_folder is not None:
        shutil.rmtree(destination.blob_folder, ignore_errors=True)
    for path in destination.home.glob(f"{DUMP}*"):
        path.unlink()


def _unpack(backup: BackupReader, destination: Destination, *, sums: IO[bytes]) -> None:
    """Bring the dump and every blob to disk, each checked on the way."""
    blobs = destination.open_blobs()
    path = _dump_file(destination)
    with path.open("x+b") as dump:
        path.chmod(0o600)
        backup.read_to(dump, sums=sums)
        for blob, content in backup.blobs(sums):
            blobs.put(content, key=blob.key)


def _fill(
    database: Restorable, destination: Destination, *, token: str, manifest: Manifest
) -> None:
    """Bring the rows into the database, and it up to date."""
    if dumps.claimed_by(database.engine) == token:
        dumps.drop(database.engine)
    statements = dumps.claim(token, database.roles)
    migrate.prepare(database.admin_url, roles=database.roles, statements=statements)
    dumps.restore_dump(
        database.owner_url,
        _dump_file(destination),
        role=database.owner_role,
        bin_dir=destination.bin_dir,
    )
    destination.upgrade(database.admin_url, database.roles)
    with database.engine.connect() as connection:
        found = dumps.row_counts(connection)
    for name, count in {**manifest.rows, "blobs": manifest.blob_rows}.items():
        if found.get(name) != count:
            raise IntegrityFailure(
                f"the backup is damaged; its manifest says {count} rows of {name}, its dump has"
                f" {found.get(name, 0)}"
            )


def _compare_blobs(database: Restorable, sums: IO[bytes], manifest: Manifest) -> None:
    """Raise `IntegrityFailure` unless the rows name the blobs that came, by the same digests.

    Both are in the order of their keys. The archive's own sums say nothing of what was recorded:
    whoever changes a member can compute them anew.
    """
    if manifest.left_in is not None:
        return
    damaged = {(blob.key, blob.digest) for blob in manifest.damaged}
    with (
        dumps.snapshot(database.engine) as snapshot,
        closing(snapshot.blobs()) as recorded,
    ):
        rows = (row[:2] for row in recorded if row[:2] not in damaged)
        came = ((blob.key, blob.digest) for blob in _named(sums))
        pairs = zip_longest(rows, came)
        other = next(((row, blob) for row, blob in pairs if row != blob), None)
    if other is not None:
        key = min(each[0] for each in other if each is not None)
        expected, found = (each[1] if each is not None and each[0] == key else "nothing"
                           for each in other)  # fmt: skip
        raise IntegrityFailure(
            f"the backup is damaged; {BLOBS}{key}: expected {expected}, as the database has it,"
            f" found {found}"
        )


def _absent(database: Restorable, blobs: BlobStore) -> tuple[str, ...]:
    """Return the keys that rows name and nothing is under."""
    with dumps.snapshot(database.engine) as snapshot, closing(snapshot.blobs()) as recorded:
        return tuple(key for key, _, _ in recorded if blobs.size(key) is None)


def _give_up(destination: Destination, *, token: str) -> None:
    """Remove what was restored so far. If that fails, the mark stays.

    A process that looked before the mark stood may have created a record here meanwhile. Its blobs
    and ours lie together, so all of them stay: a blob that no row names does no harm.
    """
    if destination.has_database():
        with destination.open_database() as database:
            if dumps.claimed_by(database.engine) == token:
                dumps.drop(database.engine)
            elif dumps.has_schema(database.engine):
                _dump_file(destination).unlink(missing_ok=True)
                return
    _clear(destination)


def _dump_file(destination: Destination) -> Path:
    return destination.home / DUMP
