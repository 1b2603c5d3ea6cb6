"""Stored bytes as rows name them: that there are some, under the right key, of the right kind."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tapetrail.core.blob_keys import DIGEST_DIGITS, object_key
from tapetrail.core.canonical import Digest
from tapetrail.core.errors import InvalidInput
from tapetrail.core.records.columns import BYTES
from tapetrail.core.verification.faults import Fault, gone
from tapetrail.core.verification.rows import FoundRow

TABLE: Final = "blobs"
TEXT: Final = "text/plain; charset=utf-8"
ROWS: Final = "text/csv; charset=utf-8"
_OF_COLUMN: Final = {
    "html_digest": "text/html; charset=utf-8",
    "spec_digest": "application/json",
    "bars_digest": TEXT,
    "calendar_digest": TEXT,
    "benchmark_bars_digest": TEXT,
}
_IN_BUCKET: Final = "s3://"
_CHART_PARTS: Final = 4
_OWN_SOURCES: Final = ("sample", "file:", "frame")
_URLS: Final = {"jpeg_digest": "chart_url_jpeg", "html_digest": "chart_url_html"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBlob:
    """A row of `blobs`."""

    id: int
    digest: str
    key: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Stored bytes that a row names and no row of `blobs` has."""

    digest: str
    key: str
    within: str

    def fault(self, instead: FoundBlob | None) -> Fault:
        """Return the fault; `instead` is the row under their key, which has got another digest."""
        if instead is None:
            return gone(TABLE, None, recorded=self.digest, within=self.within)
        return _fault(instead, "digest", self.digest, found=instead.digest)


def named_faults(row: FoundRow, blobs: Mapping[str, FoundBlob]) -> Iterator[Fault | Lost]:
    """Yield what is wrong with the rows of `blobs` that a sound row names.

    `blobs` holds, by digest, those that there are of all that the row names.
    """
    for column in BYTES.get(row.table, ()):
        digest = row.columns[column]
        if digest is None:
            continue
        blob, url = blobs.get(str(digest)), row.columns.get(_URLS.get(column, ""))
        if blob is None:
            is_drawn = isinstance(url, str) and not _is_of_others(row)
            key = _key_in(str(url)) if is_drawn else object_key(Digest(str(digest)))
            yield Lost(digest=str(digest), key=key, within=f"{row.table} {row.id} {column}")
            continue
        media_type = _media_type(row, column)
        if media_type is not None and blob.media_type != media_type:
            yield _fault(blob, "media_type", media_type, found=blob.media_type)
        if isinstance(url, str) and not _names(url, blob.key):
            yield _fault(blob, "key", _key_in(url), found=blob.key)


def key_fault(blob: FoundBlob, size: int | None) -> Fault | None:
    """Return the fault that a blob's key is none that its digest gives, None if it is one.

    Where bytes of its `size` lie under that key, it is the digest that is another one.
    """
    try:
        expected = object_key(Digest(blob.digest))
    except InvalidInput:
        return _fault(blob, "digest", "a digest", found=blob.digest)
    digits = blob.digest.removeprefix("sha256:")[:DIGEST_DIGITS]
    name, _, suffix = blob.key.rpartition("/")[2].rpartition(".")
    is_chart = blob.key.startswith("charts/") and suffix and name.endswith(f"-{digits}")
    if blob.key == expected or is_chart:
        return None
    if size == blob.size:
        return _fault(blob, "digest", f"the one in {blob.key}", found=blob.digest)
    return _fault(blob, "key", expected, found=blob.key)


def size_fault(blob: FoundBlob, size: int | None) -> Fault | None:
    """Return the fault that there are no bytes under a blob's key, or another number of them."""
    if size is None:
        return Fault(table=TABLE, id=blob.id, field="key", recorded=blob.key, found=None)
    return None if size == blob.size else _fault(blob, "size", str(blob.size), found=str(size))


def bytes_fault(blob: FoundBlob, digest: str | None) -> Fault | None:
    """Return the fault that the bytes are others; None is the digest of what nobody can unpack."""
    found = digest or "bytes that cannot be unpacked"
    return None if digest == blob.digest else _fault(blob, "digest", blob.digest, found=found)


def shadow_fault(blob: FoundBlob, fault: Fault, version: str | None) -> Fault:
    """Return the fault, saying that what was recorded is an older `version` where it is one.

    Something was put over it, or a deletion; whoever reads by its digest gets it nevertheless.
    """
    if version is None:
        return fault
    return _fault(
        blob,
        fault.field,
        fault.recorded or "",
        found=f"version {version} has what was recorded; over it lies {fault.found or 'nothing'}",
    )


def _names(url: str, key: str) -> bool:
    """Return whether an address is that of a key, in a folder or in a bucket."""
    return url.endswith(f"/{key}") if url.startswith(_IN_BUCKET) else url == f"file:{key}"


def _key_in(url: str) -> str:
    """Return the key of a chart in its address: what comes after `file:`, or ends that of a bucket.

    Keys of drawn charts have four parts, and the prefix in a bucket may have any.
    """
    if url.startswith(_IN_BUCKET):
        return "/".join(url.rsplit("/", _CHART_PARTS)[1:])
    return url.removeprefix("file:")


def _media_type(row: FoundRow, column: str) -> str | None:
    """Return what kind of bytes a column names; a wire's requests and replies may be of any.

    So may what others sent: the same bytes may have come as something else before.
    """
    if _is_of_others(row):
        return None
    if column == "raw_digest":
        return ROWS if str(row.columns["source"]).startswith(_OWN_SOURCES) else None
    if row.table == "charts" and column == "jpeg_digest":
        return str(row.columns["image_media_type"])
    return _OF_COLUMN.get(column)


def _is_of_others(row: FoundRow) -> bool:
    """Return whether somebody else sent a row."""
    return row.columns.get("external_id") is not None


def _fault(blob: FoundBlob, name: str, recorded: str, *, found: str) -> Fault:
    return Fault(table=TABLE, id=blob.id, field=name, recorded=recorded, found=found)
