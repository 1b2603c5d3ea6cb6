"""What was recorded: lists, details, bytes and totals.

Read by the driver alone: whoever only reads waits neither for an ORM nor for an engine.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from tapetrail.core.canonical import parse_digest
from tapetrail.listing import ListSpec, Selection
from tapetrail.listing.spec import Numbered
from tapetrail.store import lists, lookups, nearby
from tapetrail.store.connections import Reading
from tapetrail.wire import LIMIT_DEFAULT, LIMIT_MAX, Detail, Page, Status

if TYPE_CHECKING:
    from tapetrail.blobs.protocol import BlobStore

Row = TypeVar("Row", bound=Numbered)


class Records:
    """Everything the record can be asked."""

    def __init__(self, reading: Reading, *, open_blobs: "Callable[[], BlobStore]") -> None:
        self._reading = reading
        self._open_blobs = open_blobs

    def page(
        self, selection: Selection[Row], *, limit: int = LIMIT_DEFAULT, cursor: str | None = None
    ) -> Page[Row]:
        """Return one page of a list, newest first."""
        with self._reading() as connection:
            return lists.page(connection, selection, limit=limit, cursor=cursor)

    def near(self, selection: Selection[Numbered]) -> list[str]:
        """Return what is near a list that has no rows: another spelling, or a filter less."""
        with self._reading() as connection:
            return nearby.near(connection, selection)

    def rows(self, selection: Selection[Row]) -> Iterator[Row]:
        """Yield every row of a list, newest first, holding one page of them at a time."""
        cursor: str | None = None
        while True:
            page = self.page(selection, limit=LIMIT_MAX, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def detail(self, listed: ListSpec[Numbered], number: int) -> Detail:
        """Return one row whole, with what hangs on it. Raises `NotFound`."""
        with self._reading() as connection:
            return lists.detail(connection, listed, number)

    def status(self) -> Status:
        """Return how much the record holds."""
        with self._reading() as connection:
            return lookups.status(connection)

    def blob(self, digest: str) -> bytes:
        """Return the stored bytes with a digest. Raises `NotFound` for bytes that no row names."""
        wanted = parse_digest(digest)
        with self._reading() as connection:
            key = lookups.blob_key(connection, wanted)
        return self._open_blobs().read(key, digest=wanted)
