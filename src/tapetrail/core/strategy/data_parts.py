"""The parts of a strategy about bars: what those of the user's own are, how whole they must be."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from tapetrail.core.canonical import decimal_text
from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Adjustment, Split
from tapetrail.core.market.calendar_changes import CalendarChanges
from tapetrail.core.market.completeness import Halt
from tapetrail.core.market.conventions import MissingPrices, UtcMidnights, VolumeUnit
from tapetrail.core.market.date_formats import DATE_FORMAT_RULE, date_pattern
from tapetrail.core.strategy.data_quality import (
    MISSING_PCT_MAX,
    SESSIONS_MAX,
    DataLimits,
    OnBreach,
)
from tapetrail.core.strategy.parts import (
    CALENDAR_RULE,
    CURRENCY_RULE,
    EXCHANGE_RULE,
    NAME_RULE,
    SYMBOL_RULE,
    TICK_SIZE_RULE,
    UNIT_RULE,
    YOUNGER,
    Day,
    ExactDecimal,
    Name,
    Part,
    Symbol,
    TickSize,
    Whole,
    Word,
    day,
    pairs,
)

SPLIT_RATIO_MAX: Final = 10_000
COLUMNS_MAX: Final = 1000
LINES_MAX: Final = 1000
NO_HEADER: Final = "none"
HALTS_MAX: Final = 1000
DAYS_MAX: Final = 1000
CHANGED_DAYS_MAX: Final = 1000
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_SPAN: Final = re.compile(r"([-0-9]{10})(?:\.\.([-0-9]{10}))?", re.ASCII)


def _splits_document(
    value: tuple[tuple[str, tuple[tuple[date, Decimal], ...]], ...],
) -> Mapping[str, Mapping[str, str]]:
    """Return splits as they are written: ratios by date by symbol."""
    return {
        symbol: {day.isoformat(): decimal_text(ratio) for day, ratio in found}
        for symbol, found in value
    }


def _halt(value: object) -> object:
    """Return the first and the last day that `2022-11-23..2024-02-05` names, or one day twice."""
    match = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise PydanticCustomError("not_a_span", "no span of days")
    first, last = day(match[1]), day(match[2] or match[1])
    if first > last:
        raise PydanticCustomError("not_a_span", "ends before it begins")
    return first, last


def _halts_document(
    value: tuple[tuple[str, tuple[Halt, ...]], ...],
) -> Mapping[str, Sequence[str]]:
    """Return halts as they are written: spans of days by symbol."""
    return {
        symbol: [str(first) if first == last else f"{first}..{last}" for first, last in found]
        for symbol, found in value
    }


def _days_document(value: tuple[tuple[str, tuple[date, ...]], ...]) -> Mapping[str, Sequence[str]]:
    """Return days as they are written, by symbol."""
    return {symbol: [day.isoformat() for day in found] for symbol, found in value}


def _clock(value: object) -> time:
    """Return the time of day that `09:15` names."""
    if not (isinstance(value, str) and _CLOCK.fullmatch(value)):
        raise PydanticCustomError("not_a_time", "not a time of day")
    return time.fromisoformat(value)


def _clock_text(value: time) -> str:
    return f"{value:%H:%M}"


def _date_format(written: str) -> str:
    """Return the format. Raises `InvalidInput`, in words of ours, for one that tells no date."""
    try:
        date_pattern(written)
    except InvalidInput as error:
        raise PydanticCustomError("not_a_format", "no format of dates") from error
    return written


def _distinct(mapped: tuple[tuple[str, object], ...]) -> tuple[tuple[str, object], ...]:
    """Return a mapping in which no two keys mean one thing."""
    keys: dict[object, str] = {}
    for key, meant in mapped:
        if meant in keys:
            raise ValueError(f"{keys[meant]} and {key} are both {meant!r}; each is one of its own")
        keys[meant] = key
    return mapped


SplitRatio: TypeAlias = Annotated[ExactDecimal, Field(gt=0, le=SPLIT_RATIO_MAX)]
Splits: TypeAlias = Annotated[tuple[tuple[Day, SplitRatio], ...], BeforeValidator(pairs)]
SplitsBySymbol: TypeAlias = Annotated[
    tuple[tuple[Symbol, Splits], ...],
    BeforeValidator(pairs),
    PlainSerializer(_splits_document, when_used="json"),
]
HaltSpan: TypeAlias = Annotated[tuple[date, date], BeforeValidator(_halt)]
Halts: TypeAlias = Annotated[tuple[HaltSpan, ...], Field(max_length=HALTS_MAX)]
HaltsBySymbol: TypeAlias = Annotated[
    tuple[tuple[Symbol, Halts], ...],
    BeforeValidator(pairs),
    PlainSerializer(_halts_document, when_used="json"),
]
DaysBySymbol: TypeAlias = Annotated[
    tuple[tuple[Symbol, Annotated[tuple[Day, ...], Field(max_length=DAYS_MAX)]], ...],
    BeforeValidator(pairs),
    PlainSerializer(_days_document, when_used="json"),
]
MappedField: TypeAlias = Literal["time", "open", "high", "low", "close", "volume", "symbol"]
Heading: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^\p{C}]{1,120}$", strict=True)]
Column: TypeAlias = Heading | Annotated[Whole, Field(ge=1, le=COLUMNS_MAX)]
Columns: TypeAlias = Annotated[
    tuple[tuple[MappedField, Column], ...],
    BeforeValidator(pairs),
    AfterValidator(_distinct),
    PlainSerializer(dict, when_used="json"),
]
SymbolMap: TypeAlias = Annotated[
    tuple[tuple[Symbol, Symbol], ...],
    BeforeValidator(pairs),
    AfterValidator(_distinct),
    PlainSerializer(dict, when_used="json"),
]
Header: TypeAlias = Literal["none"] | Annotated[Whole, Field(ge=1, le=LINES_MAX)]
DateFormat: TypeAlias = Annotated[
    str, StringConstraints(strict=True, max_length=40), AfterValidator(_date_format)
]
Clock: TypeAlias = Annotated[
    time, BeforeValidator(_clock), PlainSerializer(_clock_text, return_type=str, when_used="json")
]
MissingPct: TypeAlias = Annotated[ExactDecimal, Field(ge=0, le=MISSING_PCT_MAX)]
Sessions: TypeAlias = Annotated[Whole, Field(ge=0, le=SESSIONS_MAX)]

_LIMITS: Final = DataLimits()
_SESSIONS_RULE: Final = f"a whole number of sessions from 0 to {SESSIONS_MAX}"


class ExtraSession(Part):
    """A session that the calendar lacks, in the exchange's own time."""

    date: Day
    open: Clock
    close: Clock


class EarlyClose(Part):
    """When a session ends that ends earlier than the calendar says, in the exchange's own time."""

    date: Day
    close: Clock


_AtMost: Final = Field(max_length=CHANGED_DAYS_MAX)
ExtraSessions: TypeAlias = Annotated[tuple[ExtraSession, ...], _AtMost]
ClosedDays: TypeAlias = Annotated[tuple[Day, ...], _AtMost]
EarlyCloses: TypeAlias = Annotated[tuple[EarlyClose, ...], _AtMost]


class DataSpec(Part):
    """What bars of the user's own are: where they trade, and what their numbers mean."""

    exchange: Word | None = Field(default=None, description=EXCHANGE_RULE)
    currency: Word | None = Field(default=None, description=CURRENCY_RULE)
    adjustment: Adjustment = Field(description=" or ".join(Adjustment))
    calendar: Word | None = Field(default=None, description=CALENDAR_RULE)
    symbol: Symbol | None = Field(default=None, description=SYMBOL_RULE)
    asset_class: Name = Field(default="equity", description=NAME_RULE)
    zone: Word | None = Field(default=None, description="the name of a zone, as Europe/Berlin")
    quoted_in: Word | None = Field(default=None, description=UNIT_RULE)
    volume_unit: VolumeUnit = Field(default=VolumeUnit.SHARES, description=" or ".join(VolumeUnit))
    missing_prices: MissingPrices = Field(
        default=MissingPrices.REFUSE, description=" or ".join(MissingPrices)
    )
    utc_midnights: UtcMidnights = Field(
        default=UtcMidnights.REFUSE, description=" or ".join(UtcMidnights)
    )
    splits: SplitsBySymbol | None = Field(
        default=None,
        description="a mapping of symbols to mappings of dates to ratios, as"
        f" {{AAPL: {{2020-08-31: 4}}}}; a ratio is above 0, at most {SPLIT_RATIO_MAX}",
    )

    halts: Annotated[HaltsBySymbol | None, YOUNGER] = Field(
        default=None,
        description="a mapping of symbols to lists of days and spans of days, as"
        " {ACME: [2022-11-23..2024-02-05]}",
    )
    columns: Annotated[Columns | None, YOUNGER] = Field(
        default=None,
        description="a mapping of time, open, high, low, close, volume or symbol to headings, or"
        ' to numbers of columns from 1, as {close: Price, volume: "Vol."}',
    )
    header: Annotated[Header | None, YOUNGER] = Field(
        default=None, description=f"the number of the line of headings, 1 to {LINES_MAX}, or none"
    )
    date_format: Annotated[DateFormat | None, YOUNGER] = Field(
        default=None, description=DATE_FORMAT_RULE
    )
    decimal: Annotated[Literal[".", ","] | None, YOUNGER] = Field(
        default=None, description='"." or ","'
    )
    sheet: Annotated[Heading | None, YOUNGER] = Field(
        default=None, description="the name of a sheet of a workbook"
    )
    tick_size: Annotated[TickSize | None, YOUNGER] = Field(
        default=None,
        description=TICK_SIZE_RULE,
    )
    symbol_map: Annotated[SymbolMap | None, YOUNGER] = Field(
        default=None,
        description="a mapping of symbols to those that the bars go by, as {ACME: ACME.US}",
    )

    price_steps: Annotated[DaysBySymbol | None, YOUNGER] = Field(
        default=None,
        description="a mapping of symbols to lists of days, as {ACME: [2024-03-04]}",
    )

    calendar_extra: Annotated[ExtraSessions | None, YOUNGER] = Field(
        default=None,
        description="a list of sessions in the exchange's own time, as"
        ' [{date: 2026-01-04, open: "09:15", close: "15:30"}]',
    )
    calendar_closed: Annotated[ClosedDays | None, YOUNGER] = Field(
        default=None, description="a list of days, as [2026-01-05]"
    )
    calendar_early: Annotated[EarlyCloses | None, YOUNGER] = Field(
        default=None,
        description="a list of closes in the exchange's own time, as"
        ' [{date: 2026-01-06, close: "13:00"}]',
    )

    @model_validator(mode="after")
    def _check_calendar(self) -> Self:
        changes = self.calendar_changes()
        days = [on for on, *_ in (*changes.extra, *changes.early)] + [*changes.closed]
        for at, found in enumerate(days):
            if found in days[:at]:
                raise ValueError(
                    f"{found} is named twice in calendar_extra, calendar_closed and calendar_early;"
                    " each day is changed once"
                )
        for on, opens, closes in changes.extra:
            if opens >= closes:
                raise ValueError(
                    f"calendar_extra: {on} opens at {opens:%H:%M} and closes at {closes:%H:%M};"
                    " a session closes after it opens"
                )
        return self

    @model_validator(mode="after")
    def _check_splits(self) -> Self:
        if self.splits is not None and self.adjustment is not Adjustment.RAW:
            raise ValueError(
                f"splits restate {Adjustment.RAW} prices; these are adjusted {self.adjustment}"
            )
        return self

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        headings = [f"{field}: {at}" for field, at in self.columns or () if isinstance(at, str)]
        if self.header == NO_HEADER and headings:
            raise ValueError(
                f"with header {NO_HEADER} there are no headings, expected numbers of columns from"
                f" 1, found {', '.join(headings)}"
            )
        return self

    def splits_by_symbol(self) -> Mapping[str, tuple[Split, ...]] | None:
        """Return the splits of each symbol, oldest first, None where they are not given."""
        if self.splits is None:
            return None
        return {
            symbol: tuple(Split(ex_on=day, ratio=ratio) for day, ratio in found)
            for symbol, found in self.splits
        }

    def calendar_changes(self) -> CalendarChanges:
        """Return what is different in the calendar of the instruments."""
        return CalendarChanges(
            extra=tuple((each.date, each.open, each.close) for each in self.calendar_extra or ()),
            closed=self.calendar_closed or (),
            early=tuple((each.date, each.close) for each in self.calendar_early or ()),
        )

    def halts_of(self, symbol: str) -> tuple[Halt, ...]:
        """Return the declared halts of a symbol."""
        return dict(self.halts or ()).get(symbol, ())


class DataQuality(Part):
    """How many sessions may be missing, how old bars may be, and what breaking that means."""

    max_missing_pct: MissingPct = Field(
        default=_LIMITS.max_missing_pct, description="a percentage from 0 to 100"
    )
    max_gap_sessions: Sessions = Field(default=_LIMITS.max_gap_sessions, description=_SESSIONS_RULE)
    max_age_sessions: Sessions | None = Field(
        default=_LIMITS.max_age_sessions, description=f"{_SESSIONS_RULE}, or null"
    )
    on_breach: OnBreach = Field(default=_LIMITS.on_breach, description=" or ".join(OnBreach))

    def limits(self) -> DataLimits:
        """Return the limits that decisions are held against."""
        return DataLimits(
            max_missing_pct=self.max_missing_pct,
            max_gap_sessions=self.max_gap_sessions,
            max_age_sessions=self.max_age_sessions,
            on_breach=self.on_breach,
        )
