"""Bytes that another system left: files below a folder, or objects in a bucket. They are only read.

Names come from its rows and are not trusted: what would leave the folder is not there.
"""

from pathlib import Path
from typing import Final, Protocol

from tapetrail.blobs.opening import open_bucket
from tapetrail.core.errors import EdgeFailure, InvalidInput, NotFound
from tapetrail.s3_settings import S3Settings

BYTES_MAX: Final = 64 * 2**20
"""The most that one of them may hold."""


class ForeignObjects(Protocol):
    """Where another system left its bytes."""

    @property
    def named(self) -> str:
        """What it is called."""
        ...

    def read(self, bucket: str | None, key: str) -> bytes | None:
        """Return an object, None where there is none. Raises `EdgeFailure` if it cannot be said."""
        ...


class NoObjects:
    """Nothing was left, or nobody said where."""

    named = "nobody said where (--objects)"

    def read(self, bucket: str | None, key: str) -> bytes | None:  # noqa: ARG002 # as the protocol has it
        """Return None."""
        return None


class FolderObjects:
    """Files below a folder, by their keys, beside or below their bucket's name."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise InvalidInput(f"--objects {root}: no folder of that name")
        self._root = root.resolve()
        self.named = str(root)

    def read(self, bucket: str | None, key: str) -> bytes | None:
        """Return the file of a key. Raises `EdgeFailure` for one that cannot be read."""
        for place in (f"{bucket}/{key}", key) if bucket else (key,):
            path = self._path(place)
            if path is None:
                continue
            try:
                if path.stat().st_size <= BYTES_MAX:
                    return path.read_bytes()
            except OSError as error:
                raise EdgeFailure(f"--objects: {error}") from error
        return None

    def _path(self, place: str) -> Path | None:
        """Return the file of a name, None where there is none below the folder."""
        try:
            found = (self._root / place.lstrip("/")).resolve()
            return found if found.is_relative_to(self._root) and found.is_file() else None
        except (OSError, ValueError):  # too long, or with a NUL in it
            return None


class BucketObjects:
    """Objects of a bucket, at the store and by the keys that the settings of buckets name."""

    def __init__(self, settings: S3Settings) -> None:
        self._bucket, self.named = settings.bucket, settings.url
        self._blobs = open_bucket(settings)

    def read(self, bucket: str | None, key: str) -> bytes | None:
        """Return the object of a key; of another bucket there is none here."""
        if bucket not in {None, self._bucket}:
            return None
        try:
            if (self._blobs.kept_size(key) or BYTES_MAX + 1) > BYTES_MAX:
                return None
            return self._blobs.read_newest(key)
        except (InvalidInput, NotFound):  # a key that ours could not have either
            return None
