"""Charts: their bytes, their print, and setting old ones aside."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tapetrail.core.canonical import digest_bytes, parse_digest
from tapetrail.core.errors import NotFound
from tapetrail.listing import CHARTS, DECISIONS, SIGNALS
from tapetrail.store import lookups
from tapetrail.store.access import Access
from tapetrail.usecases.parts import Process
from tapetrail.usecases.records import Records
from tapetrail.wire import OldCharts

if TYPE_CHECKING:
    from tapetrail.core.charts.origin import Origin

ARCHIVE_BATCH: Final = 1000
"""Charts archived in one transaction."""


class Charts:
    """The charts of a record; `check` raises for a decision that is not what was sealed."""

    def __init__(
        self,
        access: Access,
        *,
        records: Records,
        process: Process,
        check: "Callable[[int], None]",
    ) -> None:
        self._check = check
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

    def saved_page(self, number: int) -> bytes:
        """Return the interactive page with a foot that says where it comes from.

        The recorded page is its beginning, byte by byte. Raises as `page`.
        """
        from tapetrail.render.foot import with_foot  # noqa: PLC0415 # most readers do without

        page = self.page(number)
        return with_foot(page, self._origin(number), digest=digest_bytes(page))

    def print(self, number: int) -> bytes:
        """Return a chart for printing, as PDF: with the levels of its decision's signal.

        It is drawn anew from the stored document of every drawn value, and says below where that
        comes from. Raises as `image`.
        """
        from tapetrail.core.analysis.analyses import SignalType  # noqa: PLC0415 # as below
        from tapetrail.core.analysis.chart_marks import (  # noqa: PLC0415 # readers do without
            SignalPrices,
            derive_marks,
            signal_facts,
        )
        from tapetrail.core.charts.parsing import parse_spec  # noqa: PLC0415 # readers do without
        from tapetrail.render.page import print_page  # noqa: PLC0415 # as above

        spec = parse_spec(self._bytes(number, "spec_digest"))
        (decision,) = self._records.page(DECISIONS.select(chart_id=number)).data
        if decision.signal_type is None:
            return print_page(spec, origin=self._origin(number))
        marks = derive_marks(
            SignalType(decision.signal_type),
            SignalPrices(
                entry=decision.entry_price, stop=decision.stop_loss, target=decision.target_price
            ),
            reward_risk=decision.risk_reward_ratio,
            facts=signal_facts(decision.confidence, self._valid_until(decision.signal_id)),
        )
        return print_page(spec, marks, origin=self._origin(number))

    def old(self, *, older_than_days: int) -> OldCharts:
        """Return how many active charts were generated over so many days ago."""
        with self._access.reading() as connection:
            before = self._process.clock() - timedelta(days=older_than_days)
            return lookups.old_charts(connection, before)

    def archive(self, *, older_than_days: int, actor: str | None = None) -> Iterator[int]:
        """Archive old charts; yield how many there were in each batch, once committed.

        Each batch is one transaction, so what was yielded stays done and the next call does the
        rest. `actor` is who archives them, None for who acts in this process.
        """
        from tapetrail.persistence import ChartPersistenceService  # noqa: PLC0415 # readers do without

        last_id, blobs, at = 0, self._process.open_blobs(), self._process.clock()
        while True:
            with self._access.writing() as session:
                charts = ChartPersistenceService(session, blobs=blobs, clock=lambda: at)
                archived = charts.archive_old_charts(
                    actor=actor or self._process.actor,
                    older_than_days=older_than_days,
                    after_id=last_id,
                    limit=ARCHIVE_BATCH,
                )
            if not archived:
                return
            last_id = archived[-1]
            yield len(archived)

    def _valid_until(self, signal: int | None) -> date | None:
        """Return the last day of an entry that waits for its price, None for every other."""
        if signal is None:
            return None
        until = self._records.detail(SIGNALS, signal).columns["valid_until"]
        return until if isinstance(until, date) else None

    def _origin(self, number: int) -> "Origin":
        """Return where a drawn chart comes from.

        It stands beside a seal, so all of the decision is verified. Raises `NotFound`, and as the
        check does.
        """
        from tapetrail.core.charts.origin import Origin  # noqa: PLC0415 # most readers do without

        shown = self._records.detail(CHARTS, number)
        (decision,) = self._records.page(DECISIONS.select(chart_id=number)).data
        self._check(decision.id)
        seals = self._records.detail(DECISIONS, decision.id).related["seals"]
        recorded_at = shown.columns["generated_at"]
        if not isinstance(recorded_at, datetime):
            raise TypeError(f"chart {number}: generated at {recorded_at!r}, expected an instant")
        chart = _words(shown.columns)
        # One that another program drew may come without the bars that it shows.
        snapshot = next(map(_words, shown.related["snapshots"]), dict[str, str]())
        conid = f"conid {chart['conid']}" if chart["conid"] else ""
        traded = (chart["symbol"], decision.exchange, snapshot.get("currency"), conid)
        digests = {
            "Image": chart["jpeg_digest"],
            "Page": chart["html_digest"],
            "Drawn values": chart["spec_digest"],
            "Bars": snapshot.get("bars_digest", ""),
        }
        return Origin(
            chart=number,
            decision=decision.id,
            provenance=chart["provenance"],
            instrument=" ".join(filter(None, traded)),
            timeframe=chart["timeframe"],
            as_of=decision.as_of,
            source=_source_of(snapshot),
            digests={name: parse_digest(digest) for name, digest in digests.items() if digest},
            seal=parse_digest(str(seals[0]["seal_digest"])) if seals else None,
            recorded_at=recorded_at,
            renderer=chart["renderer"],
        )

    def _bytes(self, number: int, column: str) -> bytes:
        named = self._records.columns(CHARTS, number)[column]
        if named is None:
            raise NotFound(f"chart {number}: {_MISSING[column]}")
        return self._records.blob(str(named))


_MISSING: Final = {
    "jpeg_digest": "it has no image",
    "html_digest": "it has no page; its program told an image alone",
    "spec_digest": "its drawn values are not on record; another program drew it",
}


def _words(columns: Mapping[str, object]) -> dict[str, str]:
    return {name: "" if each is None else str(each) for name, each in columns.items()}


def _source_of(snapshot: Mapping[str, str]) -> str:
    """Return where bars come from, as far as anybody said it."""
    stated = [snapshot.get("source"), f"adjustment {snapshot.get('adjustment', 'unknown')}"]
    return ", ".join(filter(None, stated))
