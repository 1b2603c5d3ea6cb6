"""What the use cases of one process share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tapetrail.blobs.protocol import BlobStore
    from tapetrail.core.access_keys import AccessKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """Who acts here, by which clock, how ids and keys are made, where bytes are kept, which home.

    `free_bytes` returns how much room the home's disk has, `clock_offset_ms` how far the host's
    clock is from the one it follows, None where it does not say. `budget_day_usd` is what all
    models may cost in a day, None for no limit; in `debug_mode` runs ask nobody over a network.
    `has_bucket` says whether bytes lie in a bucket, and not on the home's disk.
    """

    actor: str
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    new_key: "Callable[[], AccessKey]"
    home: Path
    open_blobs: "Callable[[], BlobStore]"
    free_bytes: Callable[[], int]
    clock_offset_ms: Callable[[], Decimal | None]
    budget_day_usd: Decimal | None = None
    debug_mode: bool = False
    has_bucket: bool = False
