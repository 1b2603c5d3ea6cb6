"""A strategy file's content as a checked, completed and immutable specification.

Unknown keys are refused with the nearest known one. What is stored is the completed form: every key
is there, every default written out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Self, cast

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)

from tapetrail.core.canonical import Digest, FieldValue, canonical_json, digest_bytes
from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.calendar_changes import UNCHANGED, CalendarChanges
from tapetrail.core.market.timeframes import DAILY, WEEKLY, Timeframe
from tapetrail.core.strategy.analysts import (
    SAMPLES_MAX,
    AnalystNames,
    AnalystSpec,
    ModelParams,
    StatedPrice,
)
from tapetrail.core.strategy.data_parts import DataQuality, DataSpec
from tapetrail.core.strategy.listings import Listing, listing_named
from tapetrail.core.strategy.parts import (
    ANY,
    BAR_COUNT_RULE,
    BARS_DRAWN,
    NAME_RULE,
    SYMBOL_RULE,
    TIMEFRAMES_DRAWN,
    YOUNGER,
    BarCounts,
    Budget,
    DrawnTimeframe,
    IndicatorNames,
    InstrumentName,
    Name,
    Part,
    PromptNames,
    SignalSpec,
    Source,
    Switch,
    Symbol,
    Whole,
)
from tapetrail.core.strategy.refusals import explain, shown
from tapetrail.core.strategy.second_opinion import SecondOpinion

INSTRUMENTS_MAX: Final = 1000
VERSION_MAX: Final = 1_000_000
ALL: Final = "all"
"""The word for every instrument that a source holds."""
QUESTIONS: Final = "ask"
"""The name of the strategies that questions are recorded under, and of no other."""
_EVERY: Final = (InstrumentName(symbol=ANY),)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRules:
    """What the sources there are ask of a strategy; their registry says it.

    `expected` says what the name of a source looks like, `of_ones_own` how a strategy file writes
    one that needs `data`, and `needs_data` which names are such sources. `takes` returns which keys
    of an instrument a source leaves to the strategy.
    """

    expected: str
    of_ones_own: str
    needs_data: Callable[[str], bool]
    takes: Callable[[str], frozenset[str]]

    def unit_problem(self, spec: "StrategySpec") -> str | None:
        """Return what is wrong with the units of a strategy's bars.

        Strategies recorded before this was asked are decided on as they are, and not run anew.
        """
        for named, listing in spec.listings:
            found = listing.unit_problem()
            if found:
                is_own = named.exchange or named.currency or named.described
                return f"{f'instruments: {named}' if is_own else 'data'}: {found}"
        return None

    def problem(self, spec: "StrategySpec") -> str | None:
        """Return what is wrong with a strategy's `data`, None if it is there where it is needed."""
        is_own = self.needs_data(spec.source)
        for named in () if is_own else spec.instruments:
            described = [key for key in named.described if key not in self.takes(spec.source)]
            if described:
                return (
                    f"instruments: {named}: {', '.join(described)} describes a source"
                    f" {self.of_ones_own}; source {spec.source} says it itself"
                )
        if spec.data is not None and not is_own:
            return f"data: describes a source {self.of_ones_own}; the source is {spec.source}"
        if spec.data is None and is_own:
            return (
                f"the key 'data' is missing: source {spec.source} needs"
                " {exchange: ..., currency: ..., adjustment: ...}, which its bars do not say"
            )
        return None


class StrategySpec(Part):
    """One strategy, completed: what to look at, how to draw it, who answers, what a signal is."""

    name: Name = Field(description=NAME_RULE)
    version: Annotated[Whole, Field(ge=1, le=VERSION_MAX)] | None = Field(
        default=None, description=f"a whole number from 1 to {VERSION_MAX}, not in quotes"
    )
    instruments: tuple[InstrumentName, ...] = Field(description=f"a list of symbols, or {ALL}")
    source: Source = Field(default="sample", description="the name of a source")
    data: Annotated[DataSpec | None, YOUNGER] = Field(
        default=None, description="a mapping that says what the bars of a file are"
    )
    data_quality: Annotated[DataQuality, YOUNGER] = Field(
        default=DataQuality(), description="a mapping of limits on missing sessions and on age"
    )
    second_opinion: Annotated[SecondOpinion | None, YOUNGER] = Field(
        default=None, description="a mapping of a second source and of what its closes may differ"
    )
    timeframes: tuple[DrawnTimeframe, ...] = Field(
        default=(DAILY, WEEKLY), description=f"a list of {TIMEFRAMES_DRAWN}, the primary one first"
    )
    bars: BarCounts = Field(
        default=BarCounts(), description=f"a mapping of {TIMEFRAMES_DRAWN} to numbers"
    )
    indicators: IndicatorNames = Field(
        default=IndicatorNames(), description="a mapping of indicators"
    )
    analyst: AnalystNames = Field(
        default=AnalystNames.named("builtin:technical-rules-v1"),
        description="the name of an analyst",
    )
    shadows: tuple[AnalystSpec, ...] = Field(default=(), description="a list of analysts")
    samples: Annotated[Whole, Field(ge=1, le=SAMPLES_MAX), YOUNGER] = Field(
        default=1, description=f"a whole number from 1 to {SAMPLES_MAX}"
    )
    prompt: PromptNames = Field(
        default=PromptNames(), description="a mapping of chart and consolidated"
    )
    signal: SignalSpec = Field(default=SignalSpec(), description="a mapping of signal settings")
    require_all_charts: Switch = Field(default=True, description="true or false")
    partial_bar: Literal["exclude"] = Field(default="exclude", description="exclude")
    benchmark: Symbol | None = Field(default=None, description=SYMBOL_RULE)
    budget: Budget = Field(default=Budget(), description="a mapping of execution_usd and day_usd")

    @field_validator("instruments", mode="before")
    @classmethod
    def _take_all(cls, value: object) -> object:
        return _EVERY if value == ALL else value

    @field_serializer("instruments", mode="wrap")
    def _say_all(
        self, names: tuple[InstrumentName, ...], write: SerializerFunctionWrapHandler
    ) -> object:
        return ALL if names == _EVERY else write(names)

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
    def _check_timeframes(cls, timeframes: tuple[Timeframe, ...]) -> tuple[Timeframe, ...]:
        if not timeframes:
            raise ValueError(f"expected at least one of {TIMEFRAMES_DRAWN}, found none")
        for timeframe in timeframes:
            if timeframes.count(timeframe) > 1:
                raise ValueError(f"{timeframe} is named twice")
        return timeframes

    @model_validator(mode="after")
    def _check_analysts(self) -> Self:
        named: dict[str, AnalystSpec] = {}
        for spec in self.analyst.every:
            if named.setdefault(spec.name, spec) != spec:
                raise ValueError(f"analyst: {spec.name} is named twice; tell them apart by 'as'")
        for spec in self.shadows:
            if spec.name in named:
                raise ValueError(
                    f"shadows: {spec.name} is named twice; a shadow is another analyst than those"
                    " that decide, or has another name by 'as'"
                )
            named[spec.name] = spec
        return self

    @model_validator(mode="after")
    def _check_second_opinion(self) -> Self:
        second = self.second_opinion
        problem = second.problem(self.source, self.instruments) if second else None
        if problem:
            raise ValueError(problem)
        return self

    @model_validator(mode="after")
    def _check_as_new(self, info: ValidationInfo) -> Self:
        try:
            self.listings  # noqa: B018 # raises for what is missing
        except InvalidInput as error:
            raise ValueError(error.message) from error
        rules: object = info.context
        if isinstance(rules, SourceRules):
            problem = _name_problem(self) or rules.problem(self) or rules.unit_problem(self)
            if problem:
                raise ValueError(problem)
        return self

    @property
    def analysts(self) -> tuple[AnalystSpec, ...]:
        """Who is asked, each once, those that decide first."""
        return (*self.analyst.every, *self.shadows)

    @property
    def listings(self) -> tuple[tuple[InstrumentName, Listing], ...]:
        """Each instrument with what is settled of it; nothing where the source says it all."""
        data = self.data
        return () if data is None else tuple((n, Listing.of(n, data)) for n in self.instruments)

    @property
    def of_second_opinion(self) -> "StrategySpec | None":
        """The strategy as its second source is opened for it; None where it names none."""
        second = self.second_opinion
        if second is None:
            return None
        theirs = tuple(map(second.as_named, self.instruments))
        return self.model_copy(
            update={
                "source": second.source,
                "instruments": theirs,
                "data": None,
                "second_opinion": None,
            }
        )

    def listing_of(self, symbol: str) -> Listing | None:
        """Return what is settled of a symbol, None where it is not named or the source says it."""
        return listing_named(self.listings, symbol)

    @property
    def drawn(self) -> tuple[tuple[Timeframe, int], ...]:
        """Each timeframe with the number of bars to draw, the primary one first."""
        return tuple((timeframe, self.bars[timeframe]) for timeframe in self.timeframes)

    def calendar_changes_of(self, calendar: str) -> CalendarChanges:
        """Return what is different in a calendar: what `data` says is about its own."""
        data = self.data
        if data is None:
            return UNCHANGED
        return data.calendar_changes().about(calendar, home=data.calendar or data.exchange)


def _name_problem(spec: StrategySpec) -> str | None:
    if spec.name != QUESTIONS:
        return None
    return f"name: {QUESTIONS} is kept for questions, tapetrail ask; expected another name"


def parse_strategy(
    content: object, *, place: str, sources: SourceRules | None = None
) -> StrategySpec:
    """Return the specification in `content`, the plain mapping that a YAML or JSON reader gives.

    `place` names the file in messages. What a source asks of a strategy is checked by `sources`;
    a stored strategy needs no such check. Raises `InvalidInput` naming each key, value and rule.
    """
    if not isinstance(content, Mapping):
        raise InvalidInput(f"{place}: expected a mapping of keys, found {shown(content)}")
    try:
        return StrategySpec.model_validate(
            dict(cast("Mapping[object, object]", content)), context=sources
        )
    except ValidationError as error:
        keys = {**_KEYS, "source": sources.expected} if sources else _KEYS
        said = explain(error, keys, parts=_PARTS)
        raise InvalidInput(f"{place}: {said}") from error


def spec_document(spec: StrategySpec) -> Mapping[str, FieldValue]:
    """Return the completed form that is stored, which `parse_strategy` reads back as the same.

    JSON values: every key, what is left out as null, decimals as canonical text and no floats. The
    version is not in it: the same specification under another number is still the same. Nor is a
    `YOUNGER` key that has its default, so that strategies recorded before it keep their digests.
    """
    document: dict[str, FieldValue] = spec.model_dump(mode="json", exclude={"version"})
    _leave_younger_out(spec, document)
    return document


def _leave_younger_out(part: Part, document: dict[str, FieldValue]) -> None:
    for name, field in type(part).model_fields.items():
        value, within = getattr(part, name), document.get(name)
        if YOUNGER in field.metadata and value == field.default:
            del document[name]
        elif isinstance(value, Part) and isinstance(within, dict):
            _leave_younger_out(value, within)
        elif isinstance(within, list) and isinstance(value, tuple):
            items = cast("tuple[object, ...]", value)
            for item, written in zip(items, within, strict=True):
                if isinstance(item, Part) and isinstance(written, dict):
                    _leave_younger_out(item, written)


def spec_digest(spec: StrategySpec) -> Digest:
    """Return the digest of the RFC 8785 form of `spec_document`."""
    return digest_bytes(canonical_json(spec_document(spec)))


def _rules(part: type[Part]) -> Mapping[str, str]:
    """Return each key of a part with what it takes."""
    return {f.alias or name: f.description or "" for name, f in part.model_fields.items()}


_KEYS: Final = _rules(StrategySpec)
_ANALYST: Final = _rules(AnalystSpec)
_PARTS: Final[Mapping[str, Mapping[str, str]]] = {
    "instruments": _rules(InstrumentName),
    "bars": dict.fromkeys(map(str, BARS_DRAWN), BAR_COUNT_RULE),
    "indicators": _rules(IndicatorNames),
    "prompt": _rules(PromptNames),
    "signal": _rules(SignalSpec),
    "analyst": {**_rules(AnalystNames), **_ANALYST},
    "shadows": _ANALYST,
    "params": _rules(ModelParams),
    "price": _rules(StatedPrice),
    "budget": _rules(Budget),
    "data": _rules(DataSpec),
    "data_quality": _rules(DataQuality),
    "second_opinion": _rules(SecondOpinion),
}
