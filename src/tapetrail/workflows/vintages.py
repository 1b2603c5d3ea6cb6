"""Bars of a vendor out of what is kept of it, and from the vendor where that has not got them.

Whatever a vendor sends is kept as a vintage before it is used, what cannot be read too. A vintage
answers for the days it was asked for, if they were over by then; vintages are never put together.
"""

import threading
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.blob_keys import object_key
from tapetrail.core.canonical import decimal_of, storable_text
from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound, TapeTrailError
from tapetrail.core.market.bars import DAILY, Calendar, Instrument, Timeframe
from tapetrail.core.market.restatements import Restatement, compare_bars
from tapetrail.core.market.sessions import close_on_or_before, day_of, session_before
from tapetrail.core.records.base import Stored
from tapetrail.core.records.evidence import VintageBars, VintageRecord
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.persistence import keep_object
from tapetrail.sources.protocol import Fetched, check_timeframe
from tapetrail.sources.vendor_source import VendorSource, Vintage, Wanted
from tapetrail.store import appends, vintages
from tapetrail.store.vintages import Differs, KeptVintage, VintageKey

SHOWN_MAX: Final = 3
PCT_DECIMALS: Final = 6


class Ask(StrEnum):
    """When a vendor is asked: where what is kept does not do, never, or first of all."""

    WHERE_LACKING = "where_lacking"
    NEVER = "never"
    ALWAYS = "always"


@dataclass(slots=True, kw_only=True)
class Turns:
    """Lets one thread of this process at a time ask for an instrument; the others find its bars."""

    _guard: threading.Lock = field(default_factory=threading.Lock)
    _locks: dict[int, threading.Lock] = field(default_factory=dict[int, threading.Lock])

    @contextmanager
    def of(self, instrument: Stored) -> Generator[None]:
        """Hold an instrument's turn for as long as this is open."""
        with self._guard:
            lock = self._locks.setdefault(instrument.id, threading.Lock())
        with lock:
            yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Where vintages are kept, and on whose behalf they are added."""

    engine: Engine
    blobs: BlobStore
    clock: Callable[[], datetime]
    actor: str
    turns: Turns = field(default_factory=Turns)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSource:
    """A vendor's bars of one recorded instrument, out of its vintages.

    `only` are the vintages that may be used, None for all. `used` and `downloaded` tell which were.
    Prices of another unit than before are refused, unless somebody `has_looked`.
    """

    vendor: VendorSource
    row: Stored
    shelf: Shelf
    ask: Ask
    only: Collection[int] | None = None
    has_looked: bool = False
    used: list[int] = field(default_factory=list[int])
    downloaded: set[int] = field(default_factory=set[int])

    @property
    def name(self) -> str:
        """Return the vendor's name."""
        return self.vendor.name

    def instruments(self) -> tuple[Instrument, ...]:
        """Return nothing, as the vendor does."""
        return self.vendor.instruments()

    def candidates(self, named: InstrumentName) -> tuple[Instrument, ...]:
        """Return what the vendor does."""
        return self.vendor.candidates(named)

    def coverage(self, instrument: Instrument) -> None:
        """Return None, as the vendor does."""
        return self.vendor.coverage(instrument)

    def fetch(
        self,
        instrument: Instrument,
        *,
        timeframe: Timeframe,
        first: date,
        as_of: datetime,
        calendar: Calendar,
    ) -> Fetched:
        """Return the bars from `first` on that were known at `as_of`.

        Raises as the vendor does, and `NotFound` (`not_cached`) where it may not be asked.
        """
        check_timeframe(timeframe, DAILY, source=self.name)
        wanted = Wanted(instrument=instrument, first=first, as_of=as_of, calendar=calendar)
        kept = self._found(wanted) or self._asked(wanted)
        self.used.append(kept.row.id)
        fetched = self.vendor.read(self._read(kept), wanted)
        return replace(
            fetched,
            from_cache=kept.row.id not in self.downloaded,
            remarks=(*fetched.remarks, *self._remarks(kept, wanted)),
        )

    def _remarks(self, kept: KeptVintage, wanted: Wanted) -> list[str]:
        """Return what there is to say of a vintage to whoever looks at the bars that are wanted.

        Nothing in it tells of bars after them.
        """
        said: list[str] = []
        if kept.differs is not None:
            differs = self._differs(kept, kept.differs, wanted)
            if differs:
                said.append(f"Restated by {self.name}: {differs}")
        if kept.has_later_problem:
            said.append(
                f"What {self.name} sent since {kept.fetched_at:%Y-%m-%d %H:%M} UTC cannot be read,"
                " and is not used"
            )
        return said

    def _differs(self, kept: KeptVintage, all_days: Differs, wanted: Wanted) -> str:
        """Return how the bars that are wanted differ from those before; nothing if they do not.

        Those before may be gone by now, or be none of these days: no reason to do without these.
        """
        with Session(self.shelf.engine) as session:
            before = vintages.vintage(session, all_days.before).kept
        try:
            within = replace(
                self._read(before),
                first_on=max(before.first_on, wanted.first),
                last_on=min(before.last_on, wanted.last),
            )
            found = compare_vintages(self.vendor, wanted, before=within, after=self._read(kept))
        except TapeTrailError:
            return f"vintage {all_days.before} cannot be compared with these bars"
        if found is None or not found.bars:
            return ""
        return str(replace(all_days, bars=found.bars, pct_max=_pct_of(found)))

    @property
    def _key(self) -> VintageKey:
        return VintageKey(
            instrument=self.row,
            source=self.name,
            timeframe=str(DAILY),
            parameters=self.vendor.parameters,
        )

    def _found(self, wanted: Wanted) -> KeptVintage | None:
        if self.ask is Ask.ALWAYS and not self.downloaded:
            return None
        with Session(self.shelf.engine) as session:
            return vintages.newest_covering(
                session, self._key, first=wanted.first, last=wanted.last, only=self.only
            )

    def _asked(self, wanted: Wanted) -> KeptVintage:
        if self.ask is Ask.NEVER:
            raise NotFound(self._lacking(wanted), kind=ErrorKind.NOT_CACHED)
        with self.shelf.turns.of(self.row):
            return self._found(wanted) or self._download(wanted)

    def _download(self, wanted: Wanted) -> KeptVintage:
        """Return a vintage asked for now, kept; it goes further than what is wanted.

        Other days that a run is as of find theirs in it.
        """
        calendar = wanted.calendar
        begin = max(date(wanted.first.year, 1, 1), day_of(calendar.sessions[0]))
        with Session(self.shelf.engine) as session:
            # It takes the place of those before it, for all of their days.
            begin = min(begin, vintages.earliest_first(session, self._key) or begin)
        wide = replace(wanted, first=begin, as_of=max(self.shelf.clock(), wanted.as_of))
        vintage = self.vendor.download(wide)
        try:
            vintage, fetched = self._final(vintage, wide, wanted)
            vintage = _ending_with(vintage, fetched)
            change = self._change(vintage, wanted)
        except TapeTrailError as error:
            self._append(vintage, problem=storable_text(error.message))
            raise
        return self._append(vintage, fetched=fetched, change=change)

    def _final(self, vintage: Vintage, wide: Wanted, wanted: Wanted) -> tuple[Vintage, Fetched]:
        """Return a vintage and what it holds, without a last session that was not final yet."""
        try:
            return vintage, self.vendor.read(vintage, wide)
        except InvalidInput as error:
            if error.kind is not ErrorKind.STALE_BARS or wide.last == wanted.last:
                raise
        final = min(vintage.last_on, session_before(wide.calendar, wide.last))
        narrow = replace(wide, as_of=close_on_or_before(wide.calendar, final))
        return replace(vintage, last_on=final), self.vendor.read(vintage, narrow)

    def _change(self, vintage: Vintage, wanted: Wanted) -> "_Change | None":
        """Return how a vintage differs from the newest one before it, None where it does not.

        One that cannot be read any more, or has no bars in the same days, is no reason to refuse
        what the vendor sends now.
        """
        with Session(self.shelf.engine) as session:
            before = next(iter(vintages.newest(session, self._key, limit=1)), None)
        if before is None:
            return None
        try:
            found = compare_vintages(self.vendor, wanted, before=self._read(before), after=vintage)
        except TapeTrailError:
            return None
        if found is None or not found.bars:
            return None
        if found.unit_factor is not None and not self.has_looked:
            raise InvalidInput(
                f"{wanted.instrument}: nearly every close is {found.unit_factor:.4g} times that of"
                f" vintage {before.row.id}, fetched {before.fetched_at:%Y-%m-%d %H:%M} UTC: it"
                " looks like another unit; look at the vendor's prices, and if the new ones are"
                " right: tapetrail data fetch STRATEGY --again --accept",
                kind=ErrorKind.BAD_BARS,
            )
        return _Change(before=before.row, bars=found.bars, pct_max=_pct_of(found))

    def _append(
        self,
        vintage: Vintage,
        *,
        fetched: Fetched | None = None,
        problem: str | None = None,
        change: "_Change | None" = None,
    ) -> KeptVintage:
        shelf, key = self.shelf, self._key
        blob = keep_object(shelf.blobs, vintage.payload, media_type=vintage.media_type)
        record = VintageRecord(
            instrument=self.row,
            source=key.source,
            timeframe=key.timeframe,
            parameters=key.parameters,
            first_on=vintage.first_on,
            last_on=vintage.last_on,
            raw_digest=blob.digest,
            bars=None if fetched is None else _bars_columns(fetched),
            problem=problem,
            differs_from=change and change.before,
            moved_bars=change and change.bars,
            moved_pct_max=change and change.pct_max,
            actor=shelf.actor,
            fetched_at=vintage.fetched_at,
        )
        with Session(shelf.engine) as session, session.begin():
            appends.append_blobs(session, [blob], at=shelf.clock())
            row = appends.append(session, record)
        self.downloaded.add(row.id)
        return KeptVintage(
            row=row,
            first_on=vintage.first_on,
            last_on=vintage.last_on,
            fetched_at=vintage.fetched_at,
            raw_digest=blob.digest,
            media_type=vintage.media_type,
            differs=change
            and Differs(before=change.before.id, bars=change.bars, pct_max=change.pct_max),
        )

    def _read(self, kept: KeptVintage) -> Vintage:
        return read_vintage(self.shelf.blobs, kept)

    def _lacking(self, wanted: Wanted) -> str:
        """Return that nothing is kept for what is wanted, and what is."""
        with Session(self.shelf.engine) as session:
            held = vintages.newest(session, self._key, limit=SHOWN_MAX)
        spans = ", ".join(
            f"{each.first_on} to {each.last_on} (fetched {each.fetched_at:%Y-%m-%d %H:%M} UTC)"
            for each in held
        )
        return (
            f"{wanted.instrument}: nothing of {self.name} from {wanted.first} to {wanted.last} is"
            f" kept, and in debug mode nobody is asked; kept: {spans or 'nothing'}; run:"
            f" tapetrail data fetch STRATEGY --from {wanted.last}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """That a vintage differs from the one before it: in so many bars, by at most so much."""

    before: Stored
    bars: int
    pct_max: Decimal | None


def read_vintage(blobs: BlobStore, kept: KeptVintage) -> Vintage:
    """Return a vintage with its bytes. Raises as the blob store does."""
    return Vintage(
        payload=blobs.read(object_key(kept.raw_digest), digest=kept.raw_digest),
        media_type=kept.media_type,
        first_on=kept.first_on,
        last_on=kept.last_on,
        fetched_at=kept.fetched_at,
    )


def compare_vintages(
    vendor: VendorSource, wanted: Wanted, *, before: Vintage, after: Vintage
) -> Restatement | None:
    """Return how a vintage differs from an earlier one in the days that both are of.

    Both are read as of the end of those days, so that a split after them is no difference where the
    vendor says which splits its prices hold. None where they have no days in common.
    """
    first = max(before.first_on, after.first_on)
    last = min(before.last_on, after.last_on)
    if last < first:
        return None
    common = replace(wanted, first=first, as_of=close_on_or_before(wanted.calendar, last))
    return compare_bars(vendor.read(before, common).bars, vendor.read(after, common).bars)


def _pct_of(found: Restatement) -> Decimal | None:
    shown = round(found.moved_pct_max or 0, PCT_DECIMALS)
    return decimal_of(shown) if shown else None


def _ending_with(vintage: Vintage, fetched: Fetched) -> Vintage:
    """Return a vintage as one that answers up to its last bar: a vendor may be late with more."""
    return replace(vintage, last_on=min(vintage.last_on, day_of(fetched.bars.last_on[-1])))


def _bars_columns(fetched: Fetched) -> VintageBars:
    bars = fetched.bars
    return VintageBars(
        session_first=day_of(bars.first_on[0]),
        session_last=day_of(bars.last_on[-1]),
        bar_count=len(bars),
        adjustment=bars.adjustment,
        quoted_in=fetched.quoted_in or bars.currency,
    )
