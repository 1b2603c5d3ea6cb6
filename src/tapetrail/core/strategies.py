"""A strategy file's content as a checked, completed and immutable specification.

Unknown keys are refused with the nearest known one, and a value is never bent into another type,
so that a typing slip never changes what a strategy does in silence. What is stored is the
completed form: every key is there, every default written out.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Final, Literal, Self, TypeAlias, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from tapetrail.core.bars import Timeframe
from tapetrail.core.canonical import (
    SAFE_INTEGER_END,
    Digest,
    FieldValue,
    canonical_json,
    decimal_text,
    digest_bytes,
)
from tapetrail.core.errors import InvalidInput
from tapetrail.core.indicators import IndicatorSettings
from tapetrail.core.signal_settings import (
    HORIZON_SESSIONS_MAX,
    RATIO_MAX,
    SellMeaning,
    SignalSettings,
)

BARS_DRAWN_MAX: Final = 1000
INSTRUMENTS_MAX: Final = 1000
SMA_MAX: Final = 10
VERSION_MAX: Final = 1_000_000
USD_MAX: Final = 1_000_000
_PROBLEMS_SHOWN: Final = 5
_SHOWN_MAX: Final = 60
_NUMBER: Final = re.compile(r"[-+]?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_SYMBOL_RULE: Final = (
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


def _left_out(value: object) -> object:
    """Return None for false: both leave an indicator out."""
    return None if value is False else value


Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
Word: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^\s\p{C}]{1,120}$")]
Symbol: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^\s\p{C}]{1,32}$")]
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
Drawn: TypeAlias = Annotated[Whole, Field(ge=2, le=BARS_DRAWN_MAX)]
Period: TypeAlias = Annotated[Whole | None, BeforeValidator(_left_out)]
PeriodAndWidth: TypeAlias = Annotated[tuple[Whole, ExactDecimal] | None, BeforeValidator(_left_out)]
ThreePeriods: TypeAlias = Annotated[tuple[Whole, Whole, Whole] | None, BeforeValidator(_left_out)]
TimeframeText: TypeAlias = Literal["1d", "1w", "1mo"]

_DRAWN_RULE: Final = f"a whole number of bars from 2 to {BARS_DRAWN_MAX}"
_PERIOD_RULE: Final = "a whole number of bars, or false to leave it out"
_RATIO_RULE: Final = f"a number above 0, at most {RATIO_MAX}, with up to 10 decimals"
_USD_RULE: Final = f"US dollars from 0 to {USD_MAX}, with up to 10 decimals"
_NAME_RULE: Final = "1 to 80 letters, digits, '.', '_' and '-', a letter or digit first"


def _has_keys(value: object) -> bool:
    return isinstance(value, Mapping | BaseModel)


class _Part(BaseModel):
    """A mapping of known keys; each field's description completes "expected ..." in messages."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)


class InstrumentName(_Part):
    """An instrument as a strategy names it: a symbol, and where it is not unique, its market."""

    symbol: Symbol = Field(description=_SYMBOL_RULE)
    exchange: Word | None = Field(
        default=None, description="the name of an exchange, without spaces"
    )
    currency: Word | None = Field(
        default=None, description="the code of a currency, without spaces"
    )

    @model_validator(mode="before")
    @classmethod
    def _take_a_bare_symbol(cls, value: object) -> object:
        return value if _has_keys(value) else {"symbol": value}

    def may_be(self, other: Self) -> bool:
        """Return whether both names can mean one instrument: nothing that both state differs."""
        return self.symbol == other.symbol and all(
            mine is None or theirs is None or mine == theirs
            for mine, theirs in (
                (self.exchange, other.exchange),
                (self.currency, other.currency),
            )
        )


class BarsDrawn(_Part):
    """How many bars a chart of each timeframe draws."""

    daily: Drawn = Field(default=250, alias="1d", description=_DRAWN_RULE)
    weekly: Drawn = Field(default=104, alias="1w", description=_DRAWN_RULE)
    monthly: Drawn = Field(default=60, alias="1mo", description=_DRAWN_RULE)

    def of(self, timeframe: TimeframeText) -> int:
        """Return the number for one timeframe."""
        return {"1d": self.daily, "1w": self.weekly, "1mo": self.monthly}[timeframe]


class IndicatorNames(_Part):
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


class PromptNames(_Part):
    """The prompt templates for models. The built-in analyst reads no prompt."""

    chart: Name = Field(default="chart-v1", description=_NAME_RULE)
    consolidated: Name = Field(default="consolidated-v1", description=_NAME_RULE)


class SignalSpec(_Part):
    """How an analysis becomes a signal."""

    sell_means: SellMeaning = Field(default=SellMeaning.SHORT, description=" or ".join(SellMeaning))
    horizon_sessions: Annotated[Whole, Field(ge=1, le=HORIZON_SESSIONS_MAX)] = Field(
        default=20, description=f"a whole number of sessions from 1 to {HORIZON_SESSIONS_MAX}"
    )
    min_reward_risk: Ratio = Field(default=Decimal("1.5"), description=_RATIO_RULE)
    stop_atr: Ratio = Field(default=Decimal(2), description=_RATIO_RULE)

    def settings(self) -> SignalSettings:
        """Return the settings that the rules and the signal take."""
        return SignalSettings(
            sell_means=self.sell_means,
            horizon_sessions=self.horizon_sessions,
            min_reward_risk=self.min_reward_risk,
            stop_atr=self.stop_atr,
        )


class Budget(_Part):
    """What models may cost, in US dollars. The built-in analyst costs nothing."""

    execution_usd: Usd = Field(default=Decimal(1), description=_USD_RULE)
    day_usd: Usd = Field(default=Decimal(20), description=_USD_RULE)


class StrategySpec(_Part):
    """One strategy, completed: what to look at, how to draw it, who answers, what a signal is."""

    name: Name = Field(description=_NAME_RULE)
    version: Annotated[Whole, Field(ge=1, le=VERSION_MAX)] | None = Field(
        default=None, description=f"a whole number from 1 to {VERSION_MAX}, not in quotes"
    )
    instruments: tuple[InstrumentName, ...] = Field(description="a list of symbols")
    source: Word = Field(default="sample", description="the name of a source")
    timeframes: tuple[TimeframeText, ...] = Field(
        default=("1d", "1w"), description="a list of 1d, 1w and 1mo, the primary one first"
    )
    bars: BarsDrawn = Field(
        default=BarsDrawn(), description="a mapping of 1d, 1w and 1mo to numbers"
    )
    indicators: IndicatorNames = Field(
        default=IndicatorNames(), description="a mapping of indicators"
    )
    analyst: Word = Field(
        default="builtin:technical-rules-v1", description="the name of an analyst"
    )
    shadows: tuple[Word, ...] = Field(default=(), description="a list of analysts")
    prompt: PromptNames = Field(
        default=PromptNames(), description="a mapping of chart and consolidated"
    )
    signal: SignalSpec = Field(default=SignalSpec(), description="a mapping of signal settings")
    require_all_charts: Switch = Field(default=True, description="true or false")
    partial_bar: Literal["exclude"] = Field(default="exclude", description="exclude")
    benchmark: Symbol | None = Field(default=None, description=_SYMBOL_RULE)
    budget: Budget = Field(default=Budget(), description="a mapping of execution_usd and day_usd")

    @field_validator("instruments")
    @classmethod
    def _check_instruments(cls, names: tuple[InstrumentName, ...]) -> tuple[InstrumentName, ...]:
        if not 1 <= len(names) <= INSTRUMENTS_MAX:
            raise ValueError(f"expected 1 to {INSTRUMENTS_MAX} symbols, found {len(names)}")
        by_symbol: dict[str, list[InstrumentName]] = {}
        for name in names:
            same = by_symbol.setdefault(name.symbol, [])
            if any(name.may_be(other) for other in same):
                raise ValueError(f"{name.symbol} is named twice; one decision each is made")
            same.append(name)
        return names

    @field_validator("timeframes")
    @classmethod
    def _check_timeframes(cls, texts: tuple[TimeframeText, ...]) -> tuple[TimeframeText, ...]:
        if not texts:
            raise ValueError("expected at least one of 1d, 1w and 1mo, found none")
        for text in texts:
            if texts.count(text) > 1:
                raise ValueError(f"{text} is named twice")
        return texts

    @property
    def drawn(self) -> tuple[tuple[Timeframe, int], ...]:
        """Each timeframe with the number of bars to draw, the primary one first."""
        return tuple((Timeframe.parse(text), self.bars.of(text)) for text in self.timeframes)


def parse_strategy(content: object, *, place: str) -> StrategySpec:
    """Return the specification in `content`, the plain mapping that a YAML or JSON reader gives.

    `place` names the file in messages. Raises `InvalidInput` naming each key, value and rule.
    """
    if not isinstance(content, Mapping):
        raise InvalidInput(f"{place}: expected a mapping of keys, found {_shown(content)}")
    try:
        return StrategySpec.model_validate(dict(cast("Mapping[object, object]", content)))
    except ValidationError as error:
        raise InvalidInput(f"{place}: {_explain(error)}") from error


def spec_document(spec: StrategySpec) -> Mapping[str, FieldValue]:
    """Return the completed form that is stored, which `parse_strategy` reads back as the same.

    JSON values: every key, what is left out as null, decimals as canonical text and no floats. The
    version is not in it: the same specification under another number is still the same.
    """
    return spec.model_dump(mode="json", exclude={"version"})


def spec_digest(spec: StrategySpec) -> Digest:
    """Return the digest of the RFC 8785 form of `spec_document`."""
    return digest_bytes(canonical_json(spec_document(spec)))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` most likely meant, or None when nothing is near."""
    names = {candidate.lower(): candidate for candidate in known}
    found = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return names[found[0]] if found else None


_PARTS: Final[Mapping[str, type[_Part]]] = {
    "instruments": InstrumentName,
    "bars": BarsDrawn,
    "indicators": IndicatorNames,
    "prompt": PromptNames,
    "signal": SignalSpec,
    "budget": Budget,
}


def _explain(error: ValidationError) -> str:
    details = error.errors(include_url=False, include_context=False)
    said = [_explain_one(detail) for detail in details[:_PROBLEMS_SHOWN]]
    more = len(details) - len(said)
    return "; ".join([*said, f"and {more} more"] if more else said)


def _explain_one(detail: ErrorDetails) -> str:
    location = tuple(map(str, detail["loc"]))
    path, expected = _field_at(location)
    match detail["type"]:
        case "extra_forbidden" | "invalid_key":
            return f"unknown key {'.'.join(location)!r}{_suggestion(location)}"
        case "missing" if path == ".".join(location):
            return f"the key {path!r} is missing"
        case "value_error":
            return f"{path}: {detail['msg'].removeprefix('Value error, ')}"
        case _:
            return f"{path}: expected {expected}, found {_shown(detail['input'])}"


def _field_at(location: Sequence[str]) -> tuple[str, str]:
    """Return the innermost known key on the way to `location`, and what is expected there.

    A place inside a list belongs to the key that holds the list.
    """
    known: Mapping[str, FieldInfo] = _keys(StrategySpec)
    depth, expected = 0, ""
    for at, word in enumerate(location, start=1):
        if word in known:
            depth, expected = at, known[word].description or ""
            known = _keys(_PARTS[word]) if word in _PARTS else {}
    return ".".join(location[:depth]), expected


def _keys(part: type[_Part]) -> Mapping[str, FieldInfo]:
    return {field.alias or name: field for name, field in part.model_fields.items()}


def _suggestion(location: Sequence[str]) -> str:
    """Return what an unknown key may have meant: a key that stands elsewhere, or the nearest."""
    name = location[-1]
    homes = [f"{home}.{name}" for home, part in _PARTS.items() if name in _keys(part)]
    if homes:
        return f", did you mean {homes[0]!r}?"
    candidates = sorted(_keys(_PARTS[location[0]] if len(location) > 1 else StrategySpec))
    near = nearest(name, candidates)
    return f", did you mean {near!r}?" if near else f"; known: {', '.join(candidates)}"


def _shown(value: object) -> str:
    """Return a value as YAML would write it, cut where it is long."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case Mapping():
            return "a mapping"
        case list() | tuple():
            items = [_shown(item) for item in value[:_PROBLEMS_SHOWN]]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] # any content
            text = f"[{', '.join(items)}]"
        case int() | float() | Decimal():
            text = str(value)
        case str():
            text = repr(value[: _SHOWN_MAX + 1])
        case _:
            return f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."
