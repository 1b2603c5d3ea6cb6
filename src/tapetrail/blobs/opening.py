"""The blob store that the settings name."""

from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from tapetrail.blobs.directory import DirectoryBlobs
from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.errors import InvalidInput
from tapetrail.s3_settings import S3Settings
from tapetrail.settings import Settings

FOLDER: Final = "blobs"
INSTALL: Final = "pip install tapetrail[s3]"


def open_blobs(settings: Settings) -> BlobStore:
    """Return the store that the settings name: a bucket, or a folder of the home's own.

    Raises `InvalidInput` for a bucket where what speaks with one is not installed.
    """
    if settings.s3 is None:
        return DirectoryBlobs(root=settings.home / FOLDER)
    return open_bucket(settings.s3)


def create_bucket(settings: S3Settings, *, has_lock: bool) -> bool:
    """Create the bucket; return whether there was none.

    Raises `InvalidInput` as `open_blobs` does, and `EdgeFailure` if it is refused.
    """
    with _installed(settings):
        from tapetrail.blobs import s3_admin  # noqa: PLC0415 # optional
    return s3_admin.create_bucket(settings, has_lock=has_lock)


@lru_cache(maxsize=8)
def open_bucket(settings: S3Settings) -> BlobStore:
    """Return the store in a bucket, with its connections, once a process."""
    with _installed(settings):
        from tapetrail.blobs.s3 import S3Blobs  # noqa: PLC0415 # optional
    return S3Blobs(settings)


@contextmanager
def _installed(settings: S3Settings) -> Generator[None]:
    try:
        yield
    except ImportError as error:
        raise InvalidInput(
            f"blobs {settings.url}: what speaks with buckets is not installed: {INSTALL}"
        ) from error
