"""What every source has, what a fetch brings back, and how the registry describes a source."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, runtime_checkable

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Bars, Calendar, Instrument, Split, Timeframe
from tapetrail.core.strategy.parts import InstrumentName
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.http.calls import CHECKED, Trust
from tapetrail.sources.asking import FREE, Lanes, Vendor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fetched:
    """One answer of a source: its bytes as received, and the bars read from them.

    `bars` are of the requested timeframe and hold nothing later than the request's `as_of`;
    `splits` are the ones known then and applied. `price_factor` is what prices quoted in
    `quoted_in` were multiplied by to reach the currency (0.01 for pence); None is the currency
    itself. `dropped_rows` counts the rows left out by
    the source's stated policy. `adjusted_with_hindsight` says that the prices may be restated for
    what happened after `as_of`. `fetched_at` is when a vendor sent the payload, None for one that
    was read on the spot; `from_cache` that it was kept before it was asked for. `longer` are the
    weeks and months that the source has itself, up to `as_of`. `remarks` is what there is to say of
    the bars to whoever looks at them.
    """

    payload: bytes
    media_type: str
    bars: Bars
    splits: tuple[Split, ...]
    dropped_rows: int
    price_factor: Decimal = Decimal(1)
    quoted_in: str | None = None
    adjusted_with_hindsight: bool = False
    fetched_at: datetime | None = None
    from_cache: bool = False
    longer: Mapping[Timeframe, "LongerHistory"] = field(
        default_factory=dict[Timeframe, "LongerHistory"]
    )
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LongerHistory:
    """Weeks or months as a source itself has them, beside its days, and the bytes they are from."""

    bars: Bars
    payload: bytes
    media_type: str


class Source(Protocol):
    """A provider of bars. Each raises `EdgeFailure` when the provider does not answer."""

    @property
    def name(self) -> str:
        """Return the name that records hold, such as `sample`."""
        ...

    def instruments(self) -> tuple[Instrument, ...]:
        """Return all instruments, in a fixed order; nothing if the source can only find names."""
        ...

    def candidates(self, named: InstrumentName) -> tuple[Instrument, ...]:
        """Return the instruments that `named` may mean, those of another market among them.

        A provider is asked once at most. Raises `NotFound` where a source that knows all its
        symbols can name them; otherwise an unknown symbol has no candidates, or those it resembles.
        """
        ...

    def coverage(self, instrument: Instrument) -> tuple[date, date] | None:
        """Return the first and the last session there are bars for, None if only a fetch tells."""
        ...

    def fetch(
        self,
        instrument: Instrument,
        *,
        timeframe: Timeframe,
        first: date,
        as_of: datetime,
        calendar: Calendar,
    ) -> Fetched:
        """Return the bars of `timeframe` from `first` on that were known at `as_of`.

        `timeframe` is one that is its own base. Raises `NotFound` (`no_bars`) if there are none and
        `InvalidInput` (`bad_bars`) if the source has no bars of the timeframe, if they break a rule
        or lie in a session that the calendar does not know.
        """
        ...


@runtime_checkable
class Noting(Protocol):
    """A source that may have something to say of how it reads the bars of an instrument."""

    def note(self, instrument: Instrument) -> str | None:
        """Return what rows do not say themselves, and how they are read; None for nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A symbol that a search found: what it is, as far as the provider says.

    `strategy_line` is what a strategy says to mean it. An empty text is something that was not
    said.
    """

    symbol: str
    name: str = ""
    exchange: str = ""
    currency: str = ""
    conid: int | None = None
    asset_class: str = ""
    strategy_line: str


def strategy_line(symbol: str, **more: str | int) -> str:
    """Return what a strategy says to mean a symbol: in quotes, for NO is no text in YAML.

    `more` is what else tells it from others, such as `exchange`, `currency` and `conid`.
    """
    if not more:
        return f"instruments: [{json.dumps(symbol, ensure_ascii=False)}]"
    keys = {"symbol": symbol, **more}
    said = ", ".join(f"{key}: {json.dumps(keys[key], ensure_ascii=False)}" for key in keys)
    return f"instruments: [{{{said}}}]"


class Searching(Protocol):
    """Who finds symbols by what people call them."""

    def find(self, text: str) -> Sequence[Found]:
        """Return the symbols that a text may mean, the nearest first; none is no error.

        Raises `EdgeFailure` where the provider does not answer.
        """
        ...


class Vendors(Protocol):
    """Returns how a vendor is asked: by its name, on which lanes, and whom it is trusted to be."""

    def __call__(self, name: str, lanes: Lanes, trust: Trust = CHECKED) -> Vendor:
        """Return the vendor."""
        ...


def _no_vendor(name: str, lanes: Lanes, trust: Trust = CHECKED) -> Vendor:
    del lanes, trust
    raise AssertionError(f"{name}: this process asks no vendor")


class Need(StrEnum):
    """What a source may need: `data` of the strategy, the rest of the process that opens it.

    One that needs a `conid` asks for an instrument by that alone.
    """

    CONID = "conid"
    DATA = "data"
    FOLDER = "folder"
    FRAME = "frame"
    NETWORK = "network"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What a process lends to the sources it opens.

    `read_frame` returns the stored frame with a digest, `in_memory` is one that was not stored yet.
    `vendors` returns how a vendor is asked, by its name and on which `lanes`; `environment` says
    where, if not at its own address.
    """

    read_frame: Callable[[str], bytes]
    in_memory: Source | None = None
    vendors: Vendors = _no_vendor
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    lanes: Lanes = FREE

    def vendor(self, name: str, trust: Trust = CHECKED) -> Vendor:
        """Return how a vendor is asked."""
        return self.vendors(name, self.lanes, trust)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceKind:
    """A source as the registry knows it.

    `name` is what a strategy calls it, or with an `argument` the prefix in front of that argument:
    `file:` in front of PATH. `summary` says in one line what it is. `open` returns it for a
    strategy and the configuration of an execution. `is_sample` says that its bars are a fixed
    sample, not a market that goes on. `takes` are the keys of an instrument that the source leaves
    to the strategy. `search` returns who finds its symbols, None where nobody does.
    """

    name: str
    summary: str
    open: Callable[[StrategySpec, Mapping[str, str], Process], Source]
    argument: str = ""
    needs: frozenset[Need] = frozenset()
    takes: frozenset[str] = frozenset()
    is_sample: bool = False
    search: "Callable[[Process], Searching] | None" = None

    @property
    def written(self) -> str:
        """Return how a strategy writes it: `sample`, `file:PATH`."""
        return self.name + self.argument

    def is_meant_by(self, source: str) -> bool:
        """Return whether a strategy's `source` is one of this kind."""
        return source.startswith(self.name) if self.argument else source == self.name


def check_timeframe(timeframe: Timeframe, offered: Timeframe, *, source: str) -> None:
    """Raise `InvalidInput` (`bad_bars`) for bars of another timeframe than a source has."""
    if timeframe != offered:
        raise InvalidInput(
            f"source {source}: has {offered} bars, not {timeframe} ones", kind=ErrorKind.BAD_BARS
        )
