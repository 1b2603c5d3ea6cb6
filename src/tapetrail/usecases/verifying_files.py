"""What is wrong with the bytes that a row of `blobs` names, in whatever store they lie."""

from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.canonical import Digest, digest_bytes
from tapetrail.core.errors import EdgeFailure, IntegrityFailure, InvalidInput, NotFound
from tapetrail.core.verification.blobs import (
    FoundBlob,
    bytes_fault,
    key_fault,
    shadow_fault,
    size_fault,
)
from tapetrail.core.verification.faults import Fault


def file_fault(blobs: BlobStore, blob: FoundBlob, *, is_deep: bool) -> Fault | None:
    """Return what is wrong with the bytes of a row, None if nothing is; deep, they are read."""
    size = _size(blobs, blob)
    if (fault := key_fault(blob, size)) is not None:
        return fault
    over = size_fault(blob, size)
    if over is None and is_deep:
        over = bytes_fault(blob, _digest_of_file(blobs, blob))
    return None if over is None else shadow_fault(blob, over, _older_version(blobs, blob))


def _size(blobs: BlobStore, blob: FoundBlob) -> int | None:
    try:
        return blobs.size(blob.key)
    except InvalidInput:
        return None  # a key that is none


def _digest_of_file(blobs: BlobStore, blob: FoundBlob) -> str | None:
    try:
        return digest_bytes(blobs.read_newest(blob.key))
    except (NotFound, IntegrityFailure):
        return None


def _older_version(blobs: BlobStore, blob: FoundBlob) -> str | None:
    """Return the version that has the recorded bytes, if others were put over them."""
    try:
        return blobs.older_version(blob.key, digest=Digest(blob.digest))
    except EdgeFailure:
        return None  # a bucket that does not show its versions; what is wrong is said anyway
