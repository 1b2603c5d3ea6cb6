"""How bytes are kept: as they are, or packed by gzip where their key says so.

Digests are over the bytes as they were given, because packed ones depend on the library that packs.
"""

import gzip
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from tapetrail.core.blob_keys import is_compressed
from tapetrail.core.errors import ErrorKind, IntegrityFailure

# The highest level takes four times as long and saves an eighth.
LEVEL: Final = 1
HEAD_BYTES: Final = 200_000
"""Chart pages begin alike, with the library that draws them; this much is packed but once."""
SIZE_BYTES: Final = 4
"""A packed blob ends with the number of its unpacked bytes."""
GZIP: Final = "gzip"
PACKED: Final = b"\x1f\x8b"
"""What packed bytes begin with."""
_GZIP: Final = zlib.MAX_WBITS + 16
_MEDIA_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}


def packed(content: bytes, *, key: str) -> bytes:
    """Return the bytes to keep under `key`."""
    if not is_compressed(key):
        return content
    return _packer(content[:HEAD_BYTES])(content[HEAD_BYTES:])


def unpacked(kept: bytes, *, key: str) -> bytes:
    """Return the bytes that were given. Raises `IntegrityFailure` if they cannot be unpacked."""
    if not is_compressed(key):
        return kept
    try:
        return gzip.decompress(kept)
    except (EOFError, OSError, zlib.error) as error:
        raise IntegrityFailure(
            f"blob {key}: cannot be unpacked: {error}", kind=ErrorKind.CORRUPT_BLOB
        ) from error


def is_packed(encoding: str | None) -> bool:
    """Return whether a store says that bytes are packed, as we gave them to it."""
    return encoding == GZIP


def media_type_of(key: str) -> str:
    """Return what kind of bytes a key says, for whoever opens them without our records."""
    return _MEDIA_TYPES.get(key.rpartition(".")[2], "application/octet-stream")


def unpacked_size(end: bytes) -> int:
    """Return how many bytes were packed, below 4 GB, from the last four of the packed ones."""
    return int.from_bytes(end, "little")


@lru_cache(maxsize=4)
def _packer(head: bytes) -> Callable[[bytes], bytes]:
    """Return what packs `head` together with the rest it is given, as one gzip member."""
    begun = zlib.compressobj(LEVEL, wbits=_GZIP)
    packed_head = begun.compress(head)

    def pack(rest: bytes) -> bytes:
        own = begun.copy()
        return packed_head + own.compress(rest) + own.flush()

    return pack
