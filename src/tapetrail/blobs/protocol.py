"""What a store of bytes does, wherever it keeps them."""

from dataclasses import dataclass
from typing import Final, Protocol

from tapetrail.core.canonical import Digest

SOUGHT: Final = "probe/none"
"""A key that no blob has: a store that says so lets us in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where bytes lie: their address, and in a bucket its name and the object's key in it."""

    url: str
    bucket: str | None
    object_key: str


class BlobStore(Protocol):
    """Where bytes are kept: `EdgeFailure` when it fails, `IntegrityFailure` for other bytes."""

    def put(self, content: bytes, *, key: str, media_type: str | None = None) -> Digest:
        """Store `content` under `key`, once; `media_type` is for whoever looks into the store."""
        ...

    def read(self, key: str, *, digest: Digest) -> bytes:
        """Return the bytes under `key`, checked against `digest`."""
        ...

    def read_newest(self, key: str) -> bytes:
        """Return the bytes that lie under `key` now, whichever they are."""
        ...

    def older_version(self, key: str, *, digest: Digest) -> str | None:
        """Return the version under `key`, not the newest, that has the bytes of `digest`."""
        ...

    def size(self, key: str) -> int | None:
        """Return how many bytes are under `key`, unread; None where there are none."""
        ...

    def kept_size(self, key: str) -> int | None:
        """Return how many bytes `key` takes where it is kept, packed or not; None without any."""
        ...

    def place(self, key: str) -> Place:
        """Return where the bytes of `key` lie."""
        ...
