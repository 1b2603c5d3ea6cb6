"""Charts: their bytes, their print, and setting old ones aside."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from tapetrail.core.errors import NotFound
from tapetrail.listing import CHARTS, DECISIONS
from tapetrail.store import lookups
from tapetrail.store.access import Access
from tapetrail.usecases.parts import Process
from tapetrail.usecases.records import Records
from tapetrail.wire import OldCharts

ARCHIVE_BATCH: Final = 1000
"""Charts archived in one transaction."""


class Charts:
    """The charts of a record."""

    def __init__(self, access: Access, *, records: Records, process: Process) -> None:
        self._access = access
        self._records = records
        self._process = process

    def image(self, number: int) -> bytes:
        """Return the image a chart's row names, checked against its digest.

        Raises `NotFound` without such a chart, `IntegrityFailure` if the bytes are others.
        """
        return self._bytes(number, "jpeg_digest")

    def page(self, number: int) -> bytes:
        """Return the interactive page a chart's row names, as HTML; otherwise as `image`.

        Raises `NotFound` for a chart that was recorded without one, too.
        """
        return self._bytes(number, "html_digest")

    def print(self, number: int) -> bytes:
        """Return a chart for printing, as PDF: with the levels of its decision's signal.

        It is drawn anew from the stored document of every drawn value. Raises as `image`.
        """
        from tapetrail.core.analysis.analyses import SignalType  # noqa: PLC0415 # as below
        from tapetrail.core.analysis.chart_marks import SignalPrices, derive_marks  # noqa: PLC0415 # readers do without
        from tapetrail.core.charts.parsing import parse_spec  # noqa: PLC0415 # readers do without
        from tapetrail.render.page import print_page, render_page  # noqa: PLC0415 # as above

        spec = parse_spec(self._bytes(number, "spec_digest"))
        (decision,) = self._records.page(DECISIONS.select(chart_id=number)).data
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

    def old(self, *, older_than_days: int) -> OldCharts:
        """Return how many active charts were generated over so many days ago."""
        with self._access.reading() as connection:
            before = self._process.clock() - timedelta(days=older_than_days)
            return lookups.old_charts(connection, before)

    def archive(self, *, older_than_days: int) -> Iterator[int]:
        """Archive old charts; yield how many there were in each batch, once committed.

        Each batch is one transaction, so what was yielded stays done and the next call does the
        rest.
        """
        from tapetrail.persistence import ChartPersistenceService  # noqa: PLC0415 # readers do without

        last_id, blobs, at = 0, self._process.open_blobs(), self._process.clock()
        while True:
            with self._access.writing() as session:
                charts = ChartPersistenceService(session, blobs=blobs, clock=lambda: at)
                archived = charts.archive_old_charts(
                    actor=self._process.actor,
                    older_than_days=older_than_days,
                    after_id=last_id,
                    limit=ARCHIVE_BATCH,
                )
            if not archived:
                return
            last_id = archived[-1]
            yield len(archived)

    def _bytes(self, number: int, column: str) -> bytes:
        named = self._records.detail(CHARTS, number).columns[column]
        if named is None:
            raise NotFound(f"chart {number} was recorded without {column}")
        return self._records.blob(str(named))
