"""A user's own bars as a source: what is said about them, and how they answer a request."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from unicodedata import normalize

import numpy as np

from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.core.market.bars import (
    DAILY,
    Calendar,
    Instrument,
    Split,
    Timeframe,
)
from tapetrail.core.market.calendar_changes import UNCHANGED, CalendarChanges
from tapetrail.core.market.exchanges import mic_of
from tapetrail.core.market.histories import adjust_for_splits
from tapetrail.core.market.instruments import has_signed_prices
from tapetrail.core.market.sessions import day_of, last_session_at
from tapetrail.core.strategy.listings import Listing, listing_named
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.protocol import Fetched, LongerHistory, check_timeframe
from tapetrail.sources.tabular.evidence import MEDIA_TYPE, Request, payload_of
from tapetrail.sources.tabular.layouts import PLAIN, Layout
from tapetrail.sources.tabular.longer_histories import longer_bars, rows_until
from tapetrail.sources.tabular.normaliser import DataConventions, bars_of, with_sessions
from tapetrail.sources.tabular.raw import RawColumns, parsed_columns
from tapetrail.sources.tabular.restated import history_as_of
from tapetrail.sources.tabular.unfinished import unfinished_note
from tapetrail.sources.tabular.zones import session_dates

_SHOWN_MAX: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec:
    """Where the bars' instruments trade and what the numbers mean.

    `calendar` is the exchange's unless it has another one, and `calendar_changes` what is different
    in it. `symbol` names what data hold that name no symbol themselves. `splits`, by symbol,
    restate raw bars for those known as of a request; None leaves them raw. `halted` are the symbols
    of declared halts, `price_steps` the days, by symbol, on which a price moved a hundredfold.
    `layout` says how bars are written, and `symbol_map` which symbols they go by where those are
    not the instruments' own.
    """

    exchange: str | None
    currency: str | None
    calendar: str | None = None
    symbol: str | None = None
    asset_class: str = "equity"
    conventions: DataConventions = field(default_factory=DataConventions)
    splits: Mapping[str, Sequence[Split]] | None = None
    halted: frozenset[str] = frozenset()
    price_steps: Mapping[str, frozenset[date]] = field(default_factory=dict[str, frozenset[date]])
    tick_size: Decimal | None = None
    layout: Layout = PLAIN
    symbol_map: Mapping[str, str] = field(default_factory=dict[str, str])
    listings: Sequence[tuple[InstrumentName, Listing]] = ()
    calendar_changes: CalendarChanges = UNCHANGED

    def __post_init__(self) -> None:
        """Raise `InvalidInput` unless the bars are daily."""
        if self.conventions.timeframe != DAILY:
            raise InvalidInput(f"{self.conventions.timeframe} bars: a source offers daily ones")

    def instrument(self, symbol: str) -> Instrument:
        """Return the instrument with this symbol. Raises `InvalidInput` where nothing says what."""
        listing = self._listing(symbol)
        return Instrument(
            symbol=symbol,
            exchange=listing.exchange,
            currency=listing.currency,
            calendar=listing.calendar,
            asset_class=listing.asset_class,
            conid=listing.conid,
            tick_size=listing.tick_size,
        )

    def _listing(self, symbol: str) -> Listing:
        """Return what is said of a symbol: by its name, by the first pattern, or by the dataset."""
        listing = listing_named(self.listings, symbol)
        if listing is not None:
            return listing
        if self.exchange is None or self.currency is None:
            raise InvalidInput(f"instrument {symbol!r}: add its exchange and currency to `data`")
        return Listing(
            exchange=mic_of(self.exchange),
            currency=self.currency,
            calendar=mic_of(self.calendar or self.exchange),
            asset_class=self.asset_class,
            quoted_in=self.conventions.quoted_in,
            tick_size=self.tick_size,
            conid=None,
        )

    def calendar_changes_of(self, calendar: str) -> CalendarChanges:
        """Return what is different in a calendar: changes are about the dataset's own."""
        return self.calendar_changes.about(calendar, home=self.calendar or self.exchange)

    def conventions_of(self, symbol: str) -> DataConventions:
        """Return what the numbers of one symbol mean."""
        listing = self._listing(symbol)
        return replace(
            self.conventions,
            quoted_in=listing.quoted_in,
            signed_prices=has_signed_prices(listing.asset_class),
            splits=tuple((self.splits or {}).get(symbol, ())),
            price_steps=self.price_steps.get(symbol, frozenset()),
        )

    def held_symbol(self, symbol: str) -> str:
        """Return what the bars of an instrument go by."""
        return self.symbol_map.get(symbol, symbol)

    def splits_known(self, symbol: str, last: date) -> tuple[Split, ...] | None:
        """Return the splits whose ex-date is on or before `last`, None if splits are not given."""
        if self.splits is None:
            return None
        return tuple(split for split in self.splits.get(symbol, ()) if split.ex_on <= last)


def dataset_of(spec: StrategySpec) -> DatasetSpec:
    """Return what a strategy says about bars of the user's own.

    The symbol of a strategy with one instrument names bars that name no symbol themselves. Raises
    `InvalidInput` for a strategy that says nothing.
    """
    data = spec.data
    if data is None:
        raise InvalidInput(f"source {spec.source}: the strategy has no 'data'")
    counts = Counter(named.symbol for named in spec.instruments)
    twice = [symbol for symbol, count in counts.items() if count > 1]
    if twice:
        raise InvalidInput(
            f"instruments: {twice[0]} is named on two markets, and source {spec.source} has one"
            " series of a symbol; name the other one by a symbol of its own, which"
            " `data.symbol_map` leads to its bars"
        )
    first, *others = spec.instruments
    only = None if others or first.is_pattern else first.symbol
    return DatasetSpec(
        exchange=data.exchange,
        currency=data.currency,
        calendar=data.calendar,
        symbol=data.symbol or only,
        asset_class=data.asset_class,
        conventions=DataConventions(
            adjustment=data.adjustment,
            zone=data.zone,
            quoted_in=data.quoted_in,
            volume_unit=data.volume_unit,
            missing_prices=data.missing_prices,
            utc_midnights=data.utc_midnights,
            signed_prices=has_signed_prices(data.asset_class),
        ),
        splits=data.splits_by_symbol(),
        halted=frozenset(symbol for symbol, _ in data.halts or ()),
        price_steps={symbol: frozenset(days) for symbol, days in data.price_steps or ()},
        tick_size=data.tick_size,
        layout=Layout.of(data),
        symbol_map=dict(data.symbol_map or ()),
        listings=spec.listings,
        calendar_changes=data.calendar_changes(),
    )


class TabularSource(ABC):
    """Daily bars that a user brings along, with a dataset spec that says what they are."""

    __slots__ = ()
    name: str
    dataset: DatasetSpec

    @abstractmethod
    def held_symbols(self) -> Sequence[str]:
        """Return the symbols that the bars go by, in any order."""

    @abstractmethod
    def read_columns(self, symbol: str) -> RawColumns:
        """Return the bars of one of `held_symbols`, recognised and parsed."""

    def read_longer(self, symbol: str) -> Mapping[Timeframe, RawColumns]:
        """Return the weeks and months that come along with the bars of one of `held_symbols`."""
        longer = self.read_columns(symbol).stated.longer
        return {timeframe: parsed_columns(table) for timeframe, table in longer}

    @property
    @abstractmethod
    def place(self) -> str:
        """Return what messages call the place of the bars."""

    def symbols(self) -> Sequence[str]:
        """Return the symbols of the instruments there are bars for, by symbol."""
        ours = {held: symbol for symbol, held in self.dataset.symbol_map.items()}
        return sorted({ours.get(held, held) for held in self.held_symbols()})

    def instruments(self) -> tuple[Instrument, ...]:
        """Return what there is, by symbol."""
        return tuple(map(self.dataset.instrument, self.symbols()))

    def instrument(self, symbol: str) -> Instrument:
        """Return the instrument with this symbol. Raises `NotFound` listing the known ones."""
        known = self.symbols()
        if symbol not in known:
            shown = ", ".join(known[:_SHOWN_MAX]) or "none"
            more = f" and {len(known) - _SHOWN_MAX} more" if len(known) > _SHOWN_MAX else ""
            alike = [name for name in known if normalize("NFC", name) == normalize("NFC", symbol)]
            meant = (alike or known)[0] if len(alike or known) == 1 else "..."
            said = ", with these letters composed in another way (Unicode)" if alike else ""
            raise NotFound(
                f"instrument {symbol!r}: {self.place} holds {shown}{more}{said}; if that is it"
                f" under another name, add to `data`: `symbol_map: {{{symbol}: {meant}}}`",
                kind=ErrorKind.NO_BARS,
            )
        return self.dataset.instrument(symbol)

    def candidates(self, named: InstrumentName) -> tuple[Instrument, ...]:
        """Return the one instrument with this symbol. Raises `NotFound` listing the known ones."""
        return (self.instrument(named.symbol),)

    def coverage(self, instrument: Instrument) -> tuple[date, date]:
        """Return the first and the last session there are bars for.

        Every row is read, so that a run is refused before it begins: raises `InvalidInput` as
        `bars_of` does and for splits, halts and names of what there are no bars of, `NotFound`
        without a bar.
        """
        self._check_symbols()
        raw = self._columns(instrument)
        calendar = load_calendar(
            instrument.calendar, self.dataset.calendar_changes_of(instrument.calendar)
        )
        conventions = self.dataset.conventions_of(instrument.symbol)
        bars = bars_of(raw, instrument=instrument, calendar=calendar, conventions=conventions).bars
        self._longer(instrument, calendar, last=day_of(calendar.sessions[-1]))
        if not len(bars):
            raise NotFound(f"{instrument}: {raw.cells.place} has no bars", kind=ErrorKind.NO_BARS)
        return day_of(bars.first_on[0]), day_of(bars.last_on[-1])

    def note(self, instrument: Instrument) -> str | None:
        """Return how rows are read that do not say it alone, None where each of them does."""
        raw = self._columns(instrument)
        said = [raw.times.note, raw.stated.note, self._unfinished_note(raw, instrument)]
        return "; ".join(filter(None, said)) or None

    def fetch(
        self,
        instrument: Instrument,
        *,
        timeframe: Timeframe,
        first: date,
        as_of: datetime,
        calendar: Calendar,
    ) -> Fetched:
        """Return the rows from `first` on that were known at `as_of`, as evidence and as bars.

        A bar is known from its session's close on. Of other rows only the times are looked at, and
        that their cells are numbers. Raises `NotFound` (`no_bars`) if there are none and
        `InvalidInput` (`bad_bars`), naming value, rule and place, for rows that break a rule; what
        keeps the whole from being read is not quoted, for it may be in a later row.

        Whether the prices were restated for a split or dividend after `as_of` cannot be seen,
        unless a document says which splits they hold: it is taken to be so if they are adjusted
        and there are later rows. A file that was adjusted, and then cut at `as_of`, passes for one
        that never was.
        """
        check_timeframe(timeframe, self.dataset.conventions.timeframe, source=self.name)
        dated = self._read_later(instrument, calendar)
        days = dated.times.values.astype("datetime64[D]")
        last = last_session_at(calendar, as_of)
        wanted = np.flatnonzero((days >= np.datetime64(first)) & (days <= np.datetime64(last)))
        if not len(wanted):
            raise NotFound(
                f"{instrument}: {dated.cells.place} has no bars from {first} to {last}",
                kind=ErrorKind.NO_BARS,
            )
        rows = dated.take(wanted.tolist())
        conventions = self.dataset.conventions_of(instrument.symbol)
        found = bars_of(rows, instrument=instrument, calendar=calendar, conventions=conventions)
        splits = self.dataset.splits_known(instrument.symbol, last)
        history = history_as_of(
            found.bars, rows.stated, has_later=bool(days.max() > np.datetime64(last)), last=last
        )
        return Fetched(
            payload=payload_of(
                rows,
                Request(source=self.name, instrument=instrument, first=first, last=last),
                volume_factor=found.volume_factor,
                undone=history.undone,
                splits=splits or (),
            ),
            media_type=MEDIA_TYPE,
            bars=history.bars if splits is None else adjust_for_splits(history.bars, splits, last),
            splits=splits or (),
            dropped_rows=found.dropped_rows,
            price_factor=found.price_factor,
            quoted_in=found.quoted_in,
            adjusted_with_hindsight=history.has_hindsight,
            longer={}
            if splits is not None or history.undone
            else self._longer(instrument, calendar, last=last),
        )

    def _longer(
        self, instrument: Instrument, calendar: Calendar, *, last: date
    ) -> dict[Timeframe, LongerHistory]:
        """Return the weeks and months beside the days that were over at `last`.

        Where splits are applied, or undone, there are none: one may lie within a week.
        """
        found: dict[Timeframe, LongerHistory] = {}
        conventions = self.dataset.conventions_of(instrument.symbol)
        for timeframe, raw in self.read_longer(self.dataset.held_symbol(instrument.symbol)).items():
            rows = rows_until(raw, timeframe, calendar=calendar, last=last)
            if not len(rows):
                continue
            read = longer_bars(
                rows, timeframe, instrument, calendar=calendar, conventions=conventions
            )
            asked = Request(
                source=self.name,
                instrument=instrument,
                first=day_of(read.bars.first_on[0]),
                last=last,
                timeframe=timeframe,
            )
            payload = payload_of(
                rows, asked, volume_factor=read.volume_factor, undone=(), splits=()
            )
            found[timeframe] = LongerHistory(bars=read.bars, payload=payload, media_type=MEDIA_TYPE)
        return found

    def _unfinished_note(self, raw: RawColumns, instrument: Instrument) -> str | None:
        if not raw.stated.ends_at_last_trade:
            return None
        calendar = load_calendar(
            instrument.calendar, self.dataset.calendar_changes_of(instrument.calendar)
        )
        return unfinished_note(raw, session_dates(raw.times.values, calendar), calendar)

    def _check_symbols(self) -> None:
        """Refuse what would change nothing, for the symbol may be misspelled."""
        ours = {*self.symbols()}
        stated = (
            ("splits", {*(self.dataset.splits or ())}, ours),
            ("halts", {*self.dataset.halted}, ours),
            ("price_steps", {*self.dataset.price_steps}, ours),
            ("symbol_map", {*self.dataset.symbol_map.values()}, {*self.held_symbols()}),
        )
        for what, symbols, known in stated:
            unknown = sorted(symbols - known)
            if unknown:
                raise InvalidInput(
                    f"{what} of {unknown[0]}: {self.place} holds no bars of it",
                    kind=ErrorKind.BAD_BARS,
                )

    def _read_later(self, instrument: Instrument, calendar: Calendar) -> RawColumns:
        """Return every row, as `coverage` read it before the run, with its session."""
        try:
            return self._dated(self._columns(instrument), calendar)
        except InvalidInput as error:
            raise InvalidInput(
                f"{self.place}: cannot be read as it could when the run was asked for; what is"
                " wrong may stand in a row after as_of, so it is not quoted here, and the next run"
                " of the strategy says it",
                kind=error.kind,
            ) from error

    def _columns(self, instrument: Instrument) -> RawColumns:
        ours = self.instrument(instrument.symbol)
        asked = mic_of(instrument.exchange), instrument.currency
        if asked != (ours.exchange, ours.currency):
            raise NotFound(f"instrument {instrument}: {self.place} holds {ours}")
        return self.read_columns(self.dataset.held_symbol(instrument.symbol))

    def _dated(self, raw: RawColumns, calendar: Calendar) -> RawColumns:
        return with_sessions(raw, calendar=calendar, conventions=self.dataset.conventions)
