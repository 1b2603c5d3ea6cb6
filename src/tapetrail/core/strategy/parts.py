"""The parts of a strategy: what each key takes, what it means where it is left out.

A value is never bent into another type, so that a typing slip never changes what a strategy does in
silence. Each field's description completes "expected ..." in messages.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final, Self, TypeAlias, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    PlainValidator,
    Strict,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from tapetrail.core.canonical import SAFE_INTEGER_END, decimal_text
from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.exchanges import mic_of
from tapetrail.core.market.indicators import IndicatorSettings
from tapetrail.core.market.timeframes import DAILY, MONTHLY, WEEKLY, Timeframe
from tapetrail.core.strategy.signal_settings import (
    HORIZON_SESSIONS_MAX,
    RATIO_MAX,
    SellMeaning,
    SignalSettings,
)

BARS_DRAWN: Final[Mapping[Timeframe, int]] = {DAILY: 250, WEEKLY: 104, MONTHLY: 60}
"""The timeframes that can be drawn, and how many bars of each are where a strategy says nothing."""
BARS_DRAWN_MAX: Final = 1000
TICK_SIZE_MAX: Final = 1_000_000
SMA_MAX: Final = 10
USD_MAX: Final = 1_000_000
ENTRY_SESSIONS: Final = 5
"""How many sessions after `as_of` a limit or stop entry stands, where a strategy does not say."""
ANY: Final = "*"
"""Stands in a symbol for any signs, also none."""
YOUNGER: Final = "younger than recorded strategies"
"""Marks a key that is not in the stored form where it has its default: older digests stay."""
_NUMBER: Final = re.compile(r"[-+]?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
SYMBOL_RULE: Final = (
    'a symbol: text without spaces, in quotes where YAML reads something else, as in "ON" or "7203"'
)


def _whole(value: object) -> object:
    """Return 20.0 as 20; what is no whole number stays what it is, for the type to refuse."""
    if isinstance(value, float) and value.is_integer() and abs(value) < SAFE_INTEGER_END:
        return int(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value) < SAFE_INTEGER_END:
        return int(value) if value == value.to_integral_value() else value
    return value


def _exact(value: object) -> object:
    """Return a number as the decimal it is written as: 1.5 is one and a half, not a float near it.

    Refuses text that is no plain decimal, such as `1e3`, `nan` and `1_000`.
    """
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, bool) or (isinstance(value, str) and not _NUMBER.fullmatch(value)):
        raise PydanticCustomError("not_a_decimal", "not a plain decimal")
    return value


def day(value: object) -> date:
    """Return the date that text such as `2020-08-31` names; anything else is refused."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError as error:
        raise PydanticCustomError("not_a_date", "no day of the calendar") from error
    raise PydanticCustomError("not_a_date", "not a date")


def pairs(value: object) -> object:
    """Return a mapping as its pairs by key, which unlike it can be hashed; others stay."""
    if not isinstance(value, Mapping):
        return value
    items = cast("Mapping[object, object]", value).items()
    return tuple(sorted(items, key=lambda item: str(item[0])))


def _drawn_timeframe(value: object) -> Timeframe:
    """Return the timeframe written as `value`, if it is one that can be drawn."""
    for timeframe in BARS_DRAWN:
        if value in (timeframe, str(timeframe)):
            return timeframe
    raise PydanticCustomError("not_drawn", "no timeframe that is drawn")


def _left_out(value: object) -> object:
    """Return None for false: both leave an indicator out."""
    return None if value is False else value


Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
Word: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^\s\p{C}]{1,120}$")]
Symbol: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^\s\p{C}]{1,32}$")]
Source: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^([a-z]+:[^\p{C}]+|[^\s\p{C}]+)$", max_length=400)
]
Whole: TypeAlias = Annotated[int, Strict(), BeforeValidator(_whole)]
Switch: TypeAlias = Annotated[bool, Strict()]
ExactDecimal: TypeAlias = Annotated[
    Decimal,
    BeforeValidator(_exact),
    Field(decimal_places=10),
    PlainSerializer(decimal_text, return_type=str, when_used="json"),
]
Ratio: TypeAlias = Annotated[ExactDecimal, Field(gt=0, le=RATIO_MAX)]
Usd: TypeAlias = Annotated[ExactDecimal, Field(ge=0, le=USD_MAX)]
BarCount: TypeAlias = Annotated[Whole, Field(ge=2, le=BARS_DRAWN_MAX)]
Period: TypeAlias = Annotated[Whole | None, BeforeValidator(_left_out)]
PeriodAndWidth: TypeAlias = Annotated[tuple[Whole, ExactDecimal] | None, BeforeValidator(_left_out)]
ThreePeriods: TypeAlias = Annotated[tuple[Whole, Whole, Whole] | None, BeforeValidator(_left_out)]
TickSize: TypeAlias = Annotated[ExactDecimal, Field(gt=0, le=TICK_SIZE_MAX)]
Day: TypeAlias = Annotated[date, BeforeValidator(day)]
DrawnTimeframe: TypeAlias = Annotated[
    Timeframe, PlainValidator(_drawn_timeframe), PlainSerializer(str, return_type=str)
]

*_FIRST, _LAST = map(str, BARS_DRAWN)
TIMEFRAMES_DRAWN: Final = f"{', '.join(_FIRST)} and {_LAST}"
BAR_COUNT_RULE: Final = f"a whole number of bars from 2 to {BARS_DRAWN_MAX}"
_PERIOD_RULE: Final = "a whole number of bars, or false to leave it out"
_RATIO_RULE: Final = f"a number above 0, at most {RATIO_MAX}, with up to 10 decimals"
EXCHANGE_RULE: Final = "the name of an exchange, without spaces"
CALENDAR_RULE: Final = "the name of a calendar"
UNIT_RULE: Final = "a currency's minor unit, as GBX"
TICK_SIZE_RULE: Final = f"a number above 0, at most {TICK_SIZE_MAX}, with up to 10 decimals"
CURRENCY_RULE: Final = "the code of a currency, without spaces"
_USD_RULE: Final = f"US dollars from 0 to {USD_MAX}, with up to 10 decimals"
NAME_RULE: Final = "1 to 80 letters, digits, '.', '_' and '-', a letter or digit first"


def _mic(exchange: str | None) -> str | None:
    return None if exchange is None else mic_of(exchange)


def _has_keys(value: object) -> bool:
    return isinstance(value, Mapping | BaseModel)


class Part(BaseModel):
    """A mapping of known keys; each field's description completes "expected ..." in messages."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class InstrumentName(Part):
    """An instrument as a strategy names it: a symbol, and where it is not unique, its market."""

    symbol: Symbol = Field(description=SYMBOL_RULE)
    exchange: Word | None = Field(default=None, description=EXCHANGE_RULE)
    currency: Word | None = Field(default=None, description=CURRENCY_RULE)
    conid: Annotated[Annotated[Whole, Field(ge=1, lt=SAFE_INTEGER_END)] | None, YOUNGER] = Field(
        default=None, description="the broker's number, a whole number from 1, not in quotes"
    )
    quoted_in: Annotated[Word | None, YOUNGER] = Field(default=None, description=UNIT_RULE)
    calendar: Annotated[Word | None, YOUNGER] = Field(default=None, description=CALENDAR_RULE)
    asset_class: Annotated[Name | None, YOUNGER] = Field(default=None, description=NAME_RULE)
    tick_size: Annotated[TickSize | None, YOUNGER] = Field(default=None, description=TICK_SIZE_RULE)

    @model_validator(mode="before")
    @classmethod
    def _take_a_bare_symbol(cls, value: object) -> object:
        return value if _has_keys(value) else {"symbol": value}

    @model_validator(mode="after")
    def _refuse_one_number_for_many(self) -> Self:
        if self.is_pattern and self.conid is not None:
            raise ValueError(f"conid {self.conid} is one instrument's, {self.symbol} may be many")
        return self

    @property
    def described(self) -> tuple[str, ...]:
        """The keys it states of its prices, which only bars of one's own need."""
        keys = ("quoted_in", "calendar", "asset_class", "tick_size")
        return tuple(key for key in keys if getattr(self, key) is not None)

    def __str__(self) -> str:
        """Return `VOD`, and with a market `VOD (XLON, GBP)`."""
        market = ", ".join(part for part in (self.exchange, self.currency) if part)
        return f"{self.symbol} ({market})" if market else self.symbol

    @property
    def is_pattern(self) -> bool:
        """Whether it names all symbols of a form: `A*` those that begin with A, `*` every one."""
        return ANY in self.symbol

    def matches(self, symbol: str) -> bool:
        """Return whether a symbol has the form that this pattern names."""
        parts = map(re.escape, self.symbol.split(ANY))
        return re.fullmatch(".*".join(parts), symbol) is not None

    def may_be(self, other: Self) -> bool:
        """Return whether both names can mean one instrument: nothing that both state differs."""
        return self.symbol == other.symbol and all(
            mine is None or theirs is None or mine == theirs
            for mine, theirs in (
                (_mic(self.exchange), _mic(other.exchange)),
                (self.currency, other.currency),
            )
        )


@dataclass(frozen=True, slots=True)
class BarCounts(Mapping[Timeframe, int]):
    """How many bars a chart of each timeframe draws; unlike a dict it can be hashed."""

    counts: tuple[tuple[Timeframe, int], ...] = tuple(BARS_DRAWN.items())

    def __getitem__(self, timeframe: Timeframe) -> int:
        """Return the number for one timeframe."""
        return dict(self.counts)[timeframe]

    def __iter__(self) -> Iterator[Timeframe]:
        """Yield the timeframes, the shortest first."""
        return iter(dict(self.counts))

    def __len__(self) -> int:
        """Return the number of timeframes."""
        return len(self.counts)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return how a strategy writes it: as a mapping of known texts, each with a default."""
        del source
        count = handler.generate_schema(BarCount)
        by_text = {
            str(timeframe): core_schema.typed_dict_field(
                core_schema.with_default_schema(count, default=number)
            )
            for timeframe, number in BARS_DRAWN.items()
        }
        return core_schema.no_info_after_validator_function(
            cls._completed,
            core_schema.typed_dict_schema(by_text, extra_behavior="forbid"),
            serialization=core_schema.plain_serializer_function_ser_schema(cls._document),
        )

    @classmethod
    def _completed(cls, by_text: Mapping[str, int]) -> Self:
        return cls(tuple((timeframe, by_text[str(timeframe)]) for timeframe in BARS_DRAWN))

    def _document(self) -> dict[str, int]:
        return {str(timeframe): number for timeframe, number in self.counts}


class IndicatorNames(Part):
    """The indicators to compute, named as in a strategy file; null or false leaves one out."""

    SMA: Annotated[tuple[Whole, ...], Field(max_length=SMA_MAX)] = Field(
        default=(20, 50, 200),
        description=f"a list of up to {SMA_MAX} whole numbers of bars, or false to leave it out",
    )
    Bollinger: PeriodAndWidth = Field(
        default=(20, Decimal(2)), description="[bars, deviations], or false to leave it out"
    )
    SuperTrend: PeriodAndWidth = Field(
        default=(10, Decimal(3)), description="[bars, ranges], or false to leave it out"
    )
    RSI: Period = Field(default=14, description=_PERIOD_RULE)
    MACD: ThreePeriods = Field(
        default=(12, 26, 9), description="[fast, slow, signal] in bars, or false to leave it out"
    )
    OBV: Switch = Field(default=True, description="true, or false to leave it out")
    ATR: Period = Field(default=14, description=_PERIOD_RULE)

    @field_validator("SMA", mode="before")
    @classmethod
    def _leave_averages_out(cls, value: object) -> object:
        return () if value is None or value is False else value

    @field_validator("OBV", mode="before")
    @classmethod
    def _leave_volume_out(cls, value: object) -> object:
        return False if value is None else value

    @model_validator(mode="after")
    def _refuse_what_cannot_be_computed(self) -> Self:
        try:
            self.settings()
        except InvalidInput as error:
            raise ValueError(error.message) from error
        return self

    def settings(self) -> IndicatorSettings:
        """Return the settings that the computation takes."""
        return IndicatorSettings(
            sma=self.SMA,
            bollinger=self.Bollinger,
            supertrend=self.SuperTrend,
            rsi=self.RSI,
            macd=self.MACD,
            obv=self.OBV,
            atr=self.ATR,
        )


class PromptNames(Part):
    """The prompt templates for models. The built-in analyst reads no prompt."""

    chart: Name = Field(default="chart-v1", description=NAME_RULE)
    consolidated: Name = Field(default="consolidated-v1", description=NAME_RULE)

    @property
    def named(self) -> dict[str, str]:
        """The word that names the prompt, by the kind of question."""
        return {"chart": self.chart, "consolidated": self.consolidated}


class SignalSpec(Part):
    """How an analysis becomes a signal."""

    sell_means: SellMeaning = Field(default=SellMeaning.SHORT, description=" or ".join(SellMeaning))
    horizon_sessions: Annotated[Whole, Field(ge=1, le=HORIZON_SESSIONS_MAX)] = Field(
        default=20, description=f"a whole number of sessions from 1 to {HORIZON_SESSIONS_MAX}"
    )
    min_reward_risk: Ratio = Field(default=Decimal("1.5"), description=_RATIO_RULE)
    stop_atr: Ratio = Field(default=Decimal(2), description=_RATIO_RULE)
    entry_sessions: Annotated[Whole, Field(ge=1, le=HORIZON_SESSIONS_MAX), YOUNGER] = Field(
        default=ENTRY_SESSIONS,
        description=f"a whole number of sessions from 1 to {HORIZON_SESSIONS_MAX}",
    )

    def settings(self) -> SignalSettings:
        """Return the settings that the rules and the signal take."""
        return SignalSettings(
            sell_means=self.sell_means,
            horizon_sessions=self.horizon_sessions,
            min_reward_risk=self.min_reward_risk,
            stop_atr=self.stop_atr,
        )


class Budget(Part):
    """What models may cost, in US dollars. The built-in analyst costs nothing."""

    execution_usd: Usd = Field(default=Decimal(1), description=_USD_RULE)
    day_usd: Usd = Field(default=Decimal(20), description=_USD_RULE)
