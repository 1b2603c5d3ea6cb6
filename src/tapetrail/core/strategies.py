"""A strategy file's content as a checked, completed and immutable specification.

Unknown keys are refused with the nearest known one, so that a typing slip never changes what a
strategy does in silence. What is stored is the completed form: every default written out.
"""

import difflib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from tapetrail.core.bars import Timeframe
from tapetrail.core.canonical import Digest, FieldValue, canonical_json, decimal_text, digest_bytes
from tapetrail.core.errors import InvalidInput
from tapetrail.core.indicators import IndicatorSettings
from tapetrail.core.signal_settings import SellMeaning, SignalSettings

BARS_DRAWN: Final[Mapping[str, int]] = {"1d": 250, "1w": 104, "1mo": 60}
BARS_DRAWN_MAX: Final = 1000

Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
Symbol: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^\s\x00-\x1f\x7f]{1,32}$")]
ExactDecimal: TypeAlias = Annotated[
    Decimal,
    BeforeValidator(lambda value: str(value) if isinstance(value, float) else value),
    PlainSerializer(decimal_text, return_type=str, when_used="json"),
]
"""A decimal that takes YAML's `1.5` as one and a half, not as the float next to it."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InstrumentName(_Part):
    """An instrument as a strategy names it: a symbol, and where it is not unique, its market."""

    symbol: Symbol
    exchange: str | None = None
    currency: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _take_a_bare_symbol(cls, value: object) -> object:
        return {"symbol": value} if isinstance(value, str) else value


class IndicatorNames(_Part):
    """The indicators to compute, named as in a strategy file; null or false leaves one out."""

    SMA: tuple[int, ...] = (20, 50, 200)
    Bollinger: tuple[int, ExactDecimal] | None = (20, Decimal(2))
    SuperTrend: tuple[int, ExactDecimal] | None = (10, Decimal(3))
    RSI: int | None = 14
    MACD: tuple[int, int, int] | None = (12, 26, 9)
    OBV: bool = True
    ATR: int | None = 14

    def settings(self) -> IndicatorSettings:
        """Return the settings that the computation takes. Raises `InvalidInput` if out of range."""
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

    chart: Name = "chart-v1"
    consolidated: Name = "consolidated-v1"


class SignalSpec(_Part):
    """How an analysis becomes a signal."""

    sell_means: SellMeaning = SellMeaning.SHORT
    horizon_sessions: Annotated[int, Field(ge=1, le=260)] = 20
    min_reward_risk: Annotated[ExactDecimal, Field(gt=0, le=100)] = Decimal("1.5")
    stop_atr: Annotated[ExactDecimal, Field(gt=0, le=100)] = Decimal("2.0")

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

    execution_usd: Annotated[ExactDecimal, Field(ge=0)] = Decimal("1.00")
    day_usd: Annotated[ExactDecimal, Field(ge=0)] = Decimal("20.00")


class StrategySpec(_Part):
    """One strategy, completed: what to look at, how to draw it, who answers, what a signal is."""

    name: Name
    version: Annotated[int, Field(ge=1)] | None = None
    instruments: Annotated[tuple[InstrumentName, ...], Field(min_length=1, max_length=1000)]
    source: Annotated[str, StringConstraints(min_length=1)] = "sample"
    timeframes: Annotated[tuple[Literal["1d", "1w", "1mo"], ...], Field(min_length=1)] = (
        "1d",
        "1w",
    )
    bars: Mapping[Literal["1d", "1w", "1mo"], Annotated[int, Field(ge=2, le=BARS_DRAWN_MAX)]] = (
        Field(default_factory=dict, validate_default=True)
    )
    indicators: IndicatorNames = IndicatorNames()
    analyst: Annotated[str, StringConstraints(min_length=1)] = "builtin:technical-rules-v1"
    shadows: tuple[str, ...] = ()
    prompt: PromptNames = PromptNames()
    signal: SignalSpec = SignalSpec()
    require_all_charts: bool = True
    partial_bar: Literal["exclude"] = "exclude"
    benchmark: Symbol | None = None
    budget: Budget = Budget()

    @field_validator("bars")
    @classmethod
    def _complete_the_bars(cls, value: Mapping[str, int]) -> Mapping[str, int]:
        return {**BARS_DRAWN, **value}

    @model_validator(mode="after")
    def _refuse_repetition(self) -> Self:
        _refuse_twice("timeframes", self.timeframes)
        _refuse_twice("instruments", self.instruments)
        self.indicators.settings()
        return self

    @property
    def drawn(self) -> tuple[tuple[Timeframe, int], ...]:
        """Each timeframe with the number of bars to draw, the primary one first."""
        return tuple((Timeframe.parse(text), self.bars[text]) for text in self.timeframes)


def parse_strategy(content: object, *, place: str) -> StrategySpec:
    """Return the specification in `content`, the plain mapping that a YAML reader gives.

    `place` names the file in messages. Raises `InvalidInput` naming each key, value and rule.
    """
    if not isinstance(content, Mapping):
        raise InvalidInput(f"{place}: expected a mapping of keys, found {type(content).__name__}")
    try:
        return StrategySpec.model_validate(content)
    except ValidationError as error:
        raise InvalidInput(f"{place}: {_explain(error)}") from error


def spec_document(spec: StrategySpec) -> Mapping[str, FieldValue]:
    """Return the completed form that is stored: JSON values, decimals as text, no version."""
    return spec.model_dump(mode="json", exclude={"version"}, exclude_none=True)


def spec_digest(spec: StrategySpec) -> Digest:
    """Return the digest of the completed form. Its version number is not part of it."""
    return digest_bytes(canonical_json(spec_document(spec)))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` most likely meant, or None when nothing is near."""
    names = {candidate.lower(): candidate for candidate in known}
    found = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return names[found[0]] if found else None


_KEYS: Final[Mapping[str, type[_Part]]] = {
    "": StrategySpec,
    "instruments": InstrumentName,
    "indicators": IndicatorNames,
    "prompt": PromptNames,
    "signal": SignalSpec,
    "budget": Budget,
}


def _explain(error: ValidationError) -> str:
    return "; ".join(
        _explain_one(tuple(map(str, detail["loc"])), detail)
        for detail in error.errors(include_url=False)
    )


def _explain_one(location: tuple[str, ...], detail: ErrorDetails) -> str:
    path = ".".join(location) or "the file"
    parent = location[0] if len(location) > 1 else ""
    if detail["type"] == "extra_forbidden" and parent in _KEYS:
        name = path.rpartition(".")[2]
        return f"unknown key {path!r}{_suggestion(name, _KEYS[parent].model_fields)}"
    if detail["type"] == "missing":
        return f"the key {path!r} is missing"
    said = detail["msg"].removeprefix("Value error, ")
    return f"{path}: {said[:1].lower()}{said[1:]}, found {detail['input']!r}"


def _suggestion(name: str, known: Iterable[str]) -> str:
    candidates = sorted(known)
    near = nearest(name, candidates)
    return f", did you mean {near!r}?" if near else f"; known: {', '.join(candidates)}"


def _refuse_twice(place: str, values: tuple[object, ...]) -> None:
    for position, value in enumerate(values):
        if value in values[:position]:
            named = value.symbol if isinstance(value, InstrumentName) else value
            raise ValueError(f"{place} names {named} twice")
