"""What a store of bytes does, wherever it keeps them."""

from typing import Protocol

from tapetrail.core.canonical import Digest


class BlobStore(Protocol):
    """Where bytes are kept: `EdgeFailure` when it fails, `IntegrityFailure` for other bytes."""

    def put(self, content: bytes, *, key: str) -> Digest:
        """Store `content` under `key`, once."""
        ...

    def read(self, key: str, *, digest: Digest) -> bytes:
        """Return the bytes under `key`, checked against `digest`."""
        ...

    def size(self, key: str) -> int | None:
        """Return how many bytes are under `key`, unread; None where there are none."""
        ...

    def kept_size(self, key: str) -> int | None:
        """Return how many bytes `key` takes where it is kept, packed or not; None without any."""
        ...

    def url(self, key: str) -> str:
        """Return where `key` is found."""
        ...
