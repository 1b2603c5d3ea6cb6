"""The bytes of a record from one store to another, each read back and checked there."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.canonical import Digest
from tapetrail.core.errors import IntegrityFailure, NotFound
from tapetrail.core.verification.blobs import FoundBlob
from tapetrail.store.found import FoundRecord

THREADS: Final = 8
OBJECTS: Final = "objects"
Watch = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What came of a copy: how many objects and bytes, and how many of them were there before.

    `damaged` says of each object that could not be copied why; nothing of it is at the target.
    """

    objects: int
    size: int
    there_before: int
    damaged: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobCopy:
    """A copy of all bytes that a record names. It can be broken off, and then goes on."""

    record: FoundRecord
    source: BlobStore
    target: BlobStore
    watch: Watch

    def carry_out(self) -> Copied:
        """Copy what is not there yet; return what came of it.

        Raises `EdgeFailure` if a store fails, and `IntegrityFailure` where the target holds other
        bytes under a key.
        """
        total, done, there = self.record.count("blobs"), 0, 0
        size, damaged = 0, list[str]()
        with ThreadPoolExecutor(THREADS) as threads:
            for blobs in self.record.all_blobs():
                for blob, found in zip(blobs, threads.map(self._copy, blobs), strict=True):
                    done += 1
                    size += blob.size if not isinstance(found, str) else 0
                    there += found is True
                    damaged += [found] if isinstance(found, str) else []
                self.watch(OBJECTS, done, total)
        return Copied(
            objects=done - len(damaged), size=size, there_before=there, damaged=tuple(damaged)
        )

    def _copy(self, blob: FoundBlob) -> bool | str:
        """Copy one object; return whether it was there before, or why it cannot be copied."""
        digest = Digest(blob.digest)
        if self.target is not self.source and self.target.size(blob.key) is not None:
            self.target.read(blob.key, digest=digest)
            return True
        try:
            content = self.source.read(blob.key, digest=digest)
        except (IntegrityFailure, NotFound) as error:
            return error.message
        if self.target is self.source:
            return True
        self.target.put(content, key=blob.key, media_type=blob.media_type)
        self.target.read(blob.key, digest=digest)
        return False


def unseen(what: str, done: int, total: int) -> None:
    """Show nobody how far a copy is."""
    del what, done, total
