"""A bucket itself: created, its versions and its locks looked at. Seldom, so a slower client does.

The client of `s3` knows objects alone.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED
from minio.credentials.providers import IamAwsProvider
from minio.error import MinioException, S3Error

from tapetrail.core.errors import EdgeFailure, ErrorKind
from tapetrail.s3_settings import S3Settings

CONNECT_S: Final = 5.0
READ_S: Final = 20.0
NO_LOCK: Final = "ObjectLockConfigurationNotFoundError"
EXISTS: Final = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})
IS_LATEST: Final = "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How a bucket keeps what was overwritten or deleted.

    `retention` says for how long nobody may delete a version, None where nothing is said.
    """

    has_versions: bool
    has_lock: bool
    retention: str | None


def create_bucket(settings: S3Settings, *, has_lock: bool) -> bool:
    """Create the bucket and return whether there was none. Raises `EdgeFailure` if it is refused.

    `has_lock` makes it one whose objects can be locked, and which keeps versions.
    """
    with _naming(settings):
        client = _client(settings)
        try:
            client.make_bucket(settings.bucket, settings.region, object_lock=has_lock)
        except S3Error as error:
            # Some say so of every bucket there is, whosever it is.
            if error.code not in EXISTS or not client.bucket_exists(settings.bucket):
                raise
            return False
    return True


def load_keeping(settings: S3Settings) -> Keeping:
    """Return how the bucket keeps versions. Raises `EdgeFailure` where it does not say."""
    with _naming(settings):
        client = _client(settings)
        has_versions = client.get_bucket_versioning(settings.bucket).status == ENABLED
        try:
            lock = client.get_object_lock_config(settings.bucket)
        except S3Error as error:
            if error.code != NO_LOCK:
                raise
            return Keeping(has_versions=has_versions, has_lock=False, retention=None)
    retention = None if lock.mode is None else f"{lock.mode}, {lock.duration} {lock.duration_unit}"
    return Keeping(has_versions=has_versions, has_lock=True, retention=retention)


def load_clock(settings: S3Settings) -> datetime | None:
    """Return what time it is at the store, to the second; None where it does not say."""
    with _naming(settings):
        said = _http().request("HEAD", settings.address).headers.get("Date")
    try:
        found = parsedate_to_datetime(said or "")
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo is not None else None


def older_versions(settings: S3Settings, object_key: str) -> Iterator[str]:
    """Yield the versions of an object but the newest, the youngest first."""
    with _naming(settings):
        client = _client(settings)
        found = client.list_objects(settings.bucket, prefix=object_key, include_version=True)
        for each in found:
            is_older = each.is_latest != IS_LATEST and not each.is_delete_marker
            if each.object_name == object_key and is_older and each.version_id:
                yield each.version_id


def _client(settings: S3Settings) -> Minio:
    parts = urlsplit(settings.address)
    own = IamAwsProvider() if settings.access_key is None else None
    return Minio(
        parts.netloc,
        access_key=settings.access_key,
        secret_key=settings.secret_key,
        session_token=settings.session_token,
        region=settings.region,
        secure=parts.scheme == "https",
        credentials=own,
        http_client=_http(),
    )


def _http() -> urllib3.PoolManager:
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
        retries=False,
    )


@contextmanager
def _naming(settings: S3Settings) -> Generator[None]:
    """Turn what the client raises into an `EdgeFailure` that names the bucket."""
    try:
        yield
    except S3Error as error:
        said = f"{error.code} ({error.message})"
        raise _failure(settings, said) from error
    except ValueError as error:  # of a bucket's name, or no keys to be had
        raise _failure(settings, str(error)) from error
    except (MinioException, urllib3.exceptions.HTTPError) as error:
        raise _failure(settings, f"{settings.address} does not answer; {error}") from error


def _failure(settings: S3Settings, said: str) -> EdgeFailure:
    return EdgeFailure(f"blob store {settings.url}: {said}", kind=ErrorKind.BLOB_STORE_UNAVAILABLE)
