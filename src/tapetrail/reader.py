"""Everything the record can be asked, one method each: lists, details, bytes and totals.

It reads by the driver alone: whoever only reads waits neither for an ORM nor for an engine.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from tapetrail.core.canonical import Digest, parse_digest
from tapetrail.core.errors import NotFound
from tapetrail.listing import CHARTS, DECISIONS, ListSpec, Selection
from tapetrail.listing.spec import Numbered
from tapetrail.store import lists, lookups, strategies
from tapetrail.store.connections import Reading
from tapetrail.wire import LIMIT_DEFAULT, LIMIT_MAX, Detail, Page, Status

if TYPE_CHECKING:
    from typing import Protocol

    class StoredBytes(Protocol):
        """Where the bytes lie that rows name."""

        def read(self, key: str, *, digest: Digest) -> bytes:
            """Return the bytes under `key`, checked against `digest`."""
            ...


Row = TypeVar("Row", bound=Numbered)


class Reader:
    """What was recorded."""

    def __init__(self, reading: Reading, *, open_blobs: "Callable[[], StoredBytes]") -> None:
        self._reading = reading
        self._open_blobs = open_blobs

    def page(
        self, selection: Selection[Row], *, limit: int = LIMIT_DEFAULT, cursor: str | None = None
    ) -> Page[Row]:
        """Return one page of a list, newest first."""
        with self._reading() as connection:
            return lists.page(connection, selection, limit=limit, cursor=cursor)

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

    def strategy(self, name: str, *, version: int | None = None) -> Detail:
        """Return one version of a strategy with its specification, the newest by default.

        Raises `NotFound`, naming what is nearest.
        """
        with self._reading() as connection:
            return strategies.detail(connection, name, version=version)

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

    def chart_image(self, number: int) -> bytes:
        """Return the image a chart's row names, checked against its digest.

        Raises `NotFound` without such a chart, `IntegrityFailure` if the bytes are others.
        """
        return self._chart_bytes(number, "jpeg_digest")

    def chart_page(self, number: int) -> bytes:
        """Return the interactive page a chart's row names, as HTML; otherwise as `chart_image`.

        Raises `NotFound` for a chart that was recorded without one, too.
        """
        return self._chart_bytes(number, "html_digest")

    def chart_print(self, number: int) -> bytes:
        """Return a chart for printing, as PDF: with the levels of its decision's signal.

        It is drawn anew from the stored document of every drawn value. Raises as `chart_image`.
        """
        from tapetrail.core.analysis.analyses import SignalType  # noqa: PLC0415 # as below
        from tapetrail.core.analysis.chart_marks import SignalPrices, derive_marks  # noqa: PLC0415 # readers do without
        from tapetrail.core.charts.parsing import parse_spec  # noqa: PLC0415 # readers do without
        from tapetrail.render.page import print_page, render_page  # noqa: PLC0415 # as above

        spec = parse_spec(self._chart_bytes(number, "spec_digest"))
        (decision,) = self.page(DECISIONS.select(chart_id=number)).data
        if decision.signal_type is None:
            return render_page(spec)
        marks = derive_marks(
            SignalType(decision.signal_type),
            SignalPrices(
                entry=decision.entry_price, stop=decision.stop_loss, target=decision.target_price
            ),
            reward_risk=decision.risk_reward_ratio,
        )
        return print_page(spec, marks)

    def _chart_bytes(self, number: int, column: str) -> bytes:
        named = self.detail(CHARTS, number).columns[column]
        if named is None:
            raise NotFound(f"chart {number} was recorded without {column}")
        return self.blob(str(named))
