"""What the use cases of one process share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tapetrail.blobs.protocol import BlobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """Who acts here, by which clock, how ids are made, and where bytes are kept."""

    actor: str
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    open_blobs: "Callable[[], BlobStore]"
