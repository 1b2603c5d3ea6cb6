"""Blobs in a bucket of an S3 store. What `put` has returned was taken whole, by the store's word.

No object is ever overwritten: the store is asked to refuse that (a conditional put), and what lies
under a key already is compared with what was to be put there. A store that is away, slow or busy is
asked again for `AWAY_S`; a reply that breaks off is asked for again too.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

import obstore
from obstore.store import S3Store

from tapetrail.blobs.encoding import (
    PACKED,
    SIZE_BYTES,
    is_packed,
    media_type_of,
    packed,
    unpacked,
    unpacked_size,
)
from tapetrail.blobs.protocol import Place
from tapetrail.blobs.s3_errors import FAILURES, Refusal, has_no_part, refusal_of
from tapetrail.core.blob_keys import checked_key, is_compressed
from tapetrail.core.canonical import Digest, digest_bytes
from tapetrail.core.errors import (
    EdgeFailure,
    ErrorKind,
    IntegrityFailure,
    NotFound,
    TapeTrailError,
)
from tapetrail.s3_settings import S3Settings

if TYPE_CHECKING:
    from obstore import Attributes, GetOptions, GetResult
    from obstore.store import ClientConfig, S3Config, S3Credential

_log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
AWAY_S: Final = 20.0
"""How long a store that does not answer is asked again, as long as a database is waited for."""
PAUSE_S: Final = 0.1
PAUSE_MAX_S: Final = 2.0
CONNECT_S: Final = timedelta(seconds=5)
READ_S: Final = timedelta(seconds=20)
TOTAL_S: Final = timedelta(seconds=300)
UNTOUCHED: Final = "no-transform"
"""Some stores unpack what is kept packed unless they are told not to."""


class S3Blobs:
    """A store of bytes in one bucket, below one prefix. Any number of hosts may use it."""

    def __init__(self, settings: S3Settings, *, away_s: float = AWAY_S) -> None:
        self._settings = settings
        self._away_s = away_s
        self._is_conditional = settings.has_conditional_puts
        self._store = opened_store(settings)

    def put(self, content: bytes, *, key: str, media_type: str | None = None) -> Digest:
        """Keep the content under the key and return its digest, once the store has it.

        1. The object is created, on condition that there is none.
        2. Where there is one, says the store, it is read and compared, whole. Some say so of one
           that another writer is about to create: where there is nothing yet, it is tried again.

        Content that is already there is left alone. Raises `InvalidInput` for an unsafe key,
        `IntegrityFailure` if the key holds other content and `EdgeFailure` if the store fails.
        """
        kept, path = packed(content, key=key), checked_key(key)
        deadline, pause_s = time.monotonic() + self._away_s, PAUSE_S
        while not self._create(kept, path, media_type):  # 1
            found = self._newest(path)  # 2
            if found is not None:
                return _same(_unpacked(found, key=key), content, key=key)
            if time.monotonic() >= deadline:
                raise EdgeFailure(
                    f"blob store {self._settings.url}, {key}: it says that there is one, and there"
                    " is none",
                    kind=ErrorKind.BLOB_STORE_UNAVAILABLE,
                )
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_MAX_S)
        return digest_bytes(content)

    def read(self, key: str, *, digest: Digest) -> bytes:
        """Return the bytes under the key, which are those of the digest.

        Where others were put over them and the bucket keeps versions, they are read from theirs.
        Raises `NotFound` without them and `IntegrityFailure` if they are others.
        """
        try:
            content = self.read_newest(key)
            found = digest_bytes(content)
            if found == digest:
                return content
            error: TapeTrailError = IntegrityFailure(
                f"blob {key}: expected {digest}, found {found}", kind=ErrorKind.CORRUPT_BLOB
            )
        except (NotFound, IntegrityFailure) as raised:
            error = raised
        older = self._older(key, digest=digest, instead_of=error)
        if older is None:
            raise error
        return older

    def read_newest(self, key: str) -> bytes:
        """Return the bytes that lie under the key now. Raises `NotFound` without any."""
        kept = self._newest(checked_key(key))
        if kept is None:
            raise NotFound(f"blob {key}: nothing of that key in {self._settings.url}")
        return _unpacked(kept, key=key)

    def older_version(self, key: str, *, digest: Digest) -> str | None:
        """Return the version under the key, not the newest, that has the bytes of the digest."""
        from tapetrail.blobs.s3_admin import older_versions  # noqa: PLC0415 # seldom, and slow

        for version in older_versions(self._settings, self._settings.prefix + checked_key(key)):
            kept = self._newest(key, version)
            if kept is None:
                continue
            try:
                content = _unpacked(kept, key=key)
            except IntegrityFailure:
                continue
            if digest_bytes(content) == digest:
                return version
        return None

    def size(self, key: str) -> int | None:
        """Return how many bytes are under the key, unread; None without an object.

        Packed ones say themselves how many they are unpacked.
        """
        path = checked_key(key)
        if not is_compressed(key):
            return self.kept_size(key)
        end = self._found(path, lambda: self._end_of(path))
        return None if end is None else unpacked_size(end)

    def kept_size(self, key: str) -> int | None:
        """Return how many bytes the object of the key has, None without one."""
        path = checked_key(key)
        return self._found(path, lambda: self._head(path))

    def place(self, key: str) -> Place:
        """Return `s3://`, the bucket, and the object's key in it."""
        object_key = self._settings.prefix + checked_key(key)
        bucket = self._settings.bucket
        return Place(url=f"s3://{bucket}/{object_key}", bucket=bucket, object_key=object_key)

    def _older(self, key: str, *, digest: Digest, instead_of: TapeTrailError) -> bytes | None:
        """Return the bytes of the digest from an older version, None without one.

        A bucket that does not show its versions leaves the error that was there before, which then
        says so.
        """
        try:
            version = self.older_version(key, digest=digest)
        except EdgeFailure as failure:
            said = f"{instead_of.message}; its older versions are not shown: {failure.message}"
            raise type(instead_of)(said, kind=instead_of.kind) from failure
        kept = None if version is None else self._newest(key, version)
        return None if kept is None else _unpacked(kept, key=key)

    def _create(self, kept: bytes, path: str, media_type: str | None) -> bool:
        """Create an object; return whether there was none."""
        if self._is_conditional:
            try:
                return self._asked(path, lambda: self._put(kept, path, media_type, is_create=True))
            except NoConditionsError:
                self._is_conditional = False
                url = self._settings.url
                _log.warning("%s: no conditional puts; objects are looked at before and after", url)
        # Without its help somebody else may come between; they put the same bytes, or it is seen.
        if self._newest(path) is None:
            self._asked(path, lambda: self._put(kept, path, media_type, is_create=False))
        return False  # what is there now is compared

    def _put(self, kept: bytes, path: str, media_type: str | None, *, is_create: bool) -> bool:
        attributes: Attributes = {"Content-Type": media_type or media_type_of(path)}
        if is_compressed(path):
            attributes["Content-Encoding"] = "gzip"
            attributes["Cache-Control"] = UNTOUCHED
        mode = "create" if is_create else "overwrite"
        try:
            obstore.put(
                self._store, path, kept, attributes=attributes, mode=mode, use_multipart=False
            )
        except obstore.exceptions.AlreadyExistsError:
            return False
        return True

    def _newest(self, path: str, version: str | None = None) -> bytes | None:
        """Return the object as it is kept, None where there is none."""
        options: GetOptions = {} if version is None else {"version": version}
        return self._found(path, lambda: _content(obstore.get(self._store, path, options=options)))

    def _head(self, path: str) -> int | None:
        try:
            return obstore.head(self._store, path)["size"]
        except FAILURES:
            # The reply to this question has no body, so it cannot say what is wrong.
            return obstore.get(self._store, path).meta["size"]

    def _end_of(self, path: str) -> bytes:
        try:
            found = obstore.get(self._store, path, options={"range": {"suffix": SIZE_BYTES}})
            if is_packed(found.attributes.get("Content-Encoding")):
                return _content(found)
        except FAILURES as error:
            if not has_no_part(error):
                raise
        # Some stores unpack on the way, and then give no part; an empty object has none; and
        # whoever copied it may have lost what says that it is packed. Its bytes say it, too.
        content = _unpacked(_content(obstore.get(self._store, path)), key=path)
        return len(content).to_bytes(SIZE_BYTES, "little")

    def _found(self, path: str, ask: Callable[[], Answer]) -> Answer | None:
        """Return what the store answers, None where there is no such object."""
        try:
            return self._asked(path, ask)
        except _NoObjectError:
            return None

    def _asked(self, path: str, ask: Callable[[], Answer]) -> Answer:
        return asked(ask, path, settings=self._settings, away_s=self._away_s)


class _NoObjectError(EdgeFailure):
    """There is no such object; no failure for whoever looks."""


class NoConditionsError(EdgeFailure):
    """The store cannot refuse to overwrite."""


def asked(
    ask: Callable[[], Answer], path: str, *, settings: S3Settings, away_s: float = AWAY_S
) -> Answer:
    """Return what a store answers about `path`; it is asked again while it is away.

    Raises `EdgeFailure`, which says what is wrong and what to do.
    """
    deadline, pause_s = time.monotonic() + away_s, PAUSE_S
    while True:
        try:
            return ask()
        except FAILURES as error:
            refusal = refusal_of(error)
            said = refusal.said(error, settings)
            if not refusal.passes or time.monotonic() >= deadline:
                raise _KINDS.get(refusal, EdgeFailure)(
                    f"blob store {settings.url}, {path}: {said}",
                    kind=ErrorKind.BLOB_STORE_UNAVAILABLE,
                ) from error
        if pause_s < PAUSE_MAX_S <= 2 * pause_s:  # once, and in our words: a store's are untrusted
            _log.warning("%s: %s; asking again for %.0f s", settings.url, refusal, away_s)
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, PAUSE_MAX_S)


_KINDS: Final = {
    Refusal.NO_OBJECT: _NoObjectError,
    Refusal.NO_CONDITIONS: NoConditionsError,
}


def _unpacked(kept: bytes, *, key: str) -> bytes:
    """Return the bytes that were given, also from a store that has unpacked them on the way."""
    return unpacked(kept, key=key) if kept.startswith(PACKED) else kept


def _content(found: "GetResult") -> bytes:
    return bytes(found.bytes())


def _same(found: bytes, content: bytes, *, key: str) -> Digest:
    if found != content:
        raise IntegrityFailure(
            f"blob {key}: expected {digest_bytes(content)}, found {digest_bytes(found)} in its"
            " place; a key never changes its content",
            kind=ErrorKind.CORRUPT_BLOB,
        )
    return digest_bytes(content)


def opened_store(settings: S3Settings) -> S3Store:
    """Return the client of a bucket, below its prefix; it connects when it is first asked."""
    client: ClientConfig = {
        "allow_http": True,
        "connect_timeout": CONNECT_S,
        "read_timeout": READ_S,
        "timeout": TOTAL_S,
        "user_agent": "tapetrail",
    }
    words: S3Config = {
        "endpoint": settings.address,
        "region": settings.region,
        # A bucket's name in the host's name needs a certificate and an address of its own.
        "virtual_hosted_style_request": False,
        "unsigned_payload": False,
        "skip_signature": False,
    }
    if settings.has_checksums:
        words["checksum_algorithm"] = "SHA256"
    credential_provider = None if settings.access_key is None else partial(_credential, settings)
    return S3Store(
        settings.bucket,
        prefix=settings.prefix or None,
        config=words,
        client_options=client,
        retry_config={"max_retries": 0, "retry_timeout": TOTAL_S},
        credential_provider=credential_provider,
    )


def _credential(settings: S3Settings) -> "S3Credential":
    """Return the keys; the client would else add what other variables of AWS say."""
    return {
        "access_key_id": settings.access_key or "",
        "secret_access_key": settings.secret_key or "",
        "token": settings.session_token,
        "expires_at": None,
    }
