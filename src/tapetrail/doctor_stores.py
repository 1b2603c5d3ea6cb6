"""What may be wrong with where bytes are kept: a folder of the home, or a bucket."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tapetrail import bootstrap
from tapetrail.blobs.directory import DirectoryBlobs
from tapetrail.core.blob_keys import object_key
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import EdgeFailure, InvalidInput, TapeTrailError
from tapetrail.doctor_checks import Check, fail, naming, ok, warn
from tapetrail.settings import Settings
from tapetrail.store.pooling import refuse_shared_sessions

if TYPE_CHECKING:
    from tapetrail.blobs.s3_admin import Keeping
    from tapetrail.blobs.s3_probe import Probe
    from tapetrail.s3_settings import S3Settings
    from tapetrail.store.health import Health

PROBE: Final = b"tapetrail doctor: a probe, no part of any record"
SKEW_WARN_S: Final = 60.0
SKEW_FAIL_S: Final = 300.0
"""Stores refuse requests that are 900 seconds off; a clock that far gone goes on."""
TESTED: Final = (15, 18)
VERIFIED: Final = "add to the address: ?sslmode=verify-full&sslrootcert=system"
NTP: Final = "synchronise by NTP"


def blob_checks(settings: Settings) -> Iterator[Check]:
    """Yield what a probe found that was written to the store and read back."""
    if settings.s3 is None:
        yield from naming("blobs", lambda: _folder(settings))
    else:
        yield from _bucket(settings.s3)


def server_checks(settings: Settings, health: "Health") -> Iterator[Check]:
    """Yield what may be wrong with a server of one's own, as far as it says itself."""
    if settings.database_url is None:
        return
    said = f"connects as {health.user}, works as {health.app}"
    if health.major_version not in TESTED:
        found = f"{said}; PostgreSQL {health.major_version} is not tested"
        yield warn("server", found, fix=f"a server of {' or '.join(map(str, TESTED))}")
    elif health.statement_timeout not in {"0", ""}:
        yield ok("server", f"{said}; statements end after {health.statement_timeout}")
    else:
        yield ok("server", said)
    if health.is_local:
        yield ok("tls", "not needed: the server is on this machine")
    elif not health.has_tls:
        found = "none: whoever stands between reads and changes what goes to the server"
        yield fail("tls", found, fix=VERIFIED)
    elif health.sslmode not in {"verify-ca", "verify-full"}:
        found = (
            f"encrypted, but sslmode={health.sslmode} verifies nothing: anybody may be the server"
        )
        yield warn("tls", found, fix=VERIFIED)
    else:
        yield ok("tls", f"sslmode={health.sslmode}")


def pool_checks(settings: Settings) -> Iterator[Check]:
    """Yield whether a pool stands before a server that hands sessions round."""
    if (url := settings.database_url) is None:
        return
    try:
        refuse_shared_sessions(url)
    except InvalidInput as error:
        yield fail("pool", error.message, fix="see the message")
    except EdgeFailure:
        return  # the check of the database says why
    else:
        yield ok("pool", "sessions are our own")


def _folder(settings: Settings) -> Check:
    """Write, read and remove a probe by the store's own code, in a folder beside the real one.

    It is on the same disk, goes with its folder, and no row names it.
    """
    if not settings.home.exists():
        return ok("blobs", f"{settings.home}, not there yet")
    key = object_key(digest_bytes(PROBE))
    with TemporaryDirectory(dir=settings.home, prefix="doctor-") as folder:
        store = DirectoryBlobs(root=Path(folder))
        store.read(key, digest=store.put(PROBE, key=key))
    return ok("blobs", "a probe was written, read and removed")


def _bucket(settings: "S3Settings") -> Iterator[Check]:
    try:
        from tapetrail.blobs import s3_admin, s3_probe  # noqa: PLC0415 # optional, and slow to load
    except ImportError as error:
        yield fail("blobs", str(error), fix="pip install tapetrail[s3]")
        return
    try:
        before = bootstrap.utc_now()
        clock = s3_admin.load_clock(settings)
        found = s3_probe.probe(settings)
    except TapeTrailError as error:
        yield fail("blobs", error.message, fix="see the message, and: tapetrail help environment")
        return
    yield from _probed(settings, found)
    if clock is not None:
        skew_s = abs((clock - before).total_seconds())
        check = fail if skew_s > SKEW_FAIL_S else warn
        if skew_s > SKEW_WARN_S:
            yield check("store clock", f"{skew_s:.0f} s apart from this host's", fix=NTP)
        else:
            yield ok("store clock", f"within {SKEW_WARN_S:.0f} s of this host's")
    try:
        yield _kept(s3_admin.load_keeping(settings))
    except TapeTrailError as error:
        fix = "allow s3:GetBucketVersioning and s3:GetBucketObjectLockConfiguration, or let it be"
        yield warn("versions", error.message, fix=fix)


def _probed(settings: "S3Settings", found: "Probe") -> Iterator[Check]:
    stays = "" if found.is_removed else "; it may not be removed, which is good for a record"
    said = f"{settings.url}: a probe was written and read, whole and in part{stays}"
    if urlsplit(settings.address).scheme == "http":
        said += "; without TLS"
    yield ok("blobs", said)
    if not found.has_conditions and settings.has_conditional_puts:
        yield warn(
            "blobs",
            "the store overwrites where it should refuse to",
            fix="tapetrail config set s3.conditional_puts 0",
        )
    if found.lost_headers:
        lost = ", ".join(found.lost_headers)
        yield warn(
            "blobs",
            f"these headers did not come back: {lost}; other programs may not open pages",
            fix="see whether a proxy stands before the store",
        )


def _kept(keeping: "Keeping") -> Check:
    """Say what becomes of an object that somebody overwrites or deletes."""
    if keeping.retention is not None:
        return ok("versions", f"kept, and locked: {keeping.retention}")
    if keeping.has_lock:
        found = "kept; the bucket can lock them, and has no default retention"
        return warn("versions", found, fix="set a default retention on the bucket")
    if keeping.has_versions:
        return ok("versions", "kept: what is overwritten is still read by its digest")
    return ok(
        "versions", "not kept: an object that somebody overwrites is lost, and verify says so"
    )
