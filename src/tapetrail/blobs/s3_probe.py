"""What a bucket can do, tried with one object that no row names: for whoever looks for a fault."""

from dataclasses import dataclass
from typing import Final

import obstore

from tapetrail.blobs.encoding import GZIP, media_type_of, packed
from tapetrail.blobs.s3 import UNTOUCHED, NoConditionsError, S3Blobs, asked, opened_store
from tapetrail.core.errors import EdgeFailure
from tapetrail.s3_settings import S3Settings

KEY: Final = "probe/tapetrail-doctor.html"
CONTENT: Final = b"<!doctype html><p>tapetrail doctor: a probe, no part of any record"
AWAY_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What came of a probe that was written and read back.

    `has_conditions` says whether the store refuses to overwrite, `lost_headers` are those that did
    not come back, `is_removed` is false where the store holds on to what it has.
    """

    has_conditions: bool
    lost_headers: tuple[str, ...]
    is_removed: bool


def probe(settings: S3Settings) -> Probe:
    """Write, overwrite in vain, read, read in part, and remove one object; return what came of it.

    Raises `EdgeFailure` where the store refuses what a record needs.
    """
    store, blobs = opened_store(settings), S3Blobs(settings, away_s=AWAY_S)
    digest = blobs.put(CONTENT, key=KEY)
    blobs.read(KEY, digest=digest)
    found = asked(lambda: obstore.get(store, KEY), KEY, settings=settings, away_s=AWAY_S)
    if blobs.size(KEY) != len(CONTENT):
        raise EdgeFailure(f"blob store {settings.url}, {KEY}: asked for its end, it gave another")
    wanted = {
        "Content-Type": media_type_of(KEY),
        "Content-Encoding": GZIP,
        "Cache-Control": UNTOUCHED,
    }
    return Probe(
        has_conditions=_refuses_to_overwrite(settings),
        lost_headers=tuple(n for n, value in wanted.items() if found.attributes.get(n) != value),
        is_removed=_removes(settings),
    )


def _refuses_to_overwrite(settings: S3Settings) -> bool:
    def put() -> bool:
        try:
            obstore.put(opened_store(settings), KEY, packed(CONTENT, key=KEY), mode="create")
        except obstore.exceptions.AlreadyExistsError:
            return True
        return False

    try:
        return asked(put, KEY, settings=settings, away_s=AWAY_S)
    except NoConditionsError:
        return False  # it cannot, and says so


def _removes(settings: S3Settings) -> bool:
    store = opened_store(settings)
    try:
        asked(lambda: obstore.delete(store, KEY), KEY, settings=settings, away_s=AWAY_S)
    except EdgeFailure:
        return False
    return True
