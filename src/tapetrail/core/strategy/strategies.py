"""A strategy file's content as a checked, completed and immutable specification.

Unknown keys are refused with the nearest known one. What is stored is the completed form: every key
is there, every default written out.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Final, Literal, Self, cast

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from tapetrail.core.canonical import Digest, FieldValue, canonical_json, digest_bytes
from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Timeframe
from tapetrail.core.strategy.parts import (
    ENTRY_SESSIONS,
    NAME_RULE,
    SYMBOL_RULE,
    BarsDrawn,
    Budget,
    DataSpec,
    IndicatorNames,
    InstrumentName,
    Name,
    Part,
    PromptNames,
    SignalSpec,
    Source,
    Switch,
    Symbol,
    TimeframeText,
    Whole,
    Word,
)

INSTRUMENTS_MAX: Final = 1000
VERSION_MAX: Final = 1_000_000
_PROBLEMS_SHOWN: Final = 5
_SHOWN_MAX: Final = 60


YOUNGER: Final[Mapping[str, FieldValue]] = {"data": None, "signal.entry_sessions": ENTRY_SESSIONS}
"""Keys younger than recorded strategies, with what they mean where they are absent."""
FILE: Final = "file:"
"""What the name of a source that is a file, or one file a symbol, begins with."""
FRAME: Final = "frame"
"""The source whose bars a Python program hands over."""


class StrategySpec(Part):
    """One strategy, completed: what to look at, how to draw it, who answers, what a signal is."""

    name: Name = Field(description=NAME_RULE)
    version: Annotated[Whole, Field(ge=1, le=VERSION_MAX)] | None = Field(
        default=None, description=f"a whole number from 1 to {VERSION_MAX}, not in quotes"
    )
    instruments: tuple[InstrumentName, ...] = Field(description="a list of symbols")
    source: Source = Field(
        default="sample", description=f"the name of a source, or {FILE} and a path"
    )
    data: DataSpec | None = Field(
        default=None, description="a mapping that says what the bars of a file are"
    )
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
    benchmark: Symbol | None = Field(default=None, description=SYMBOL_RULE)
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

    @model_validator(mode="after")
    def _check_data(self) -> Self:
        is_own = self.source == FRAME or self.source.startswith(FILE)
        if self.data is not None and not is_own:
            raise ValueError(f"data: describes a source {FILE}PATH; the source is {self.source}")
        if self.data is None and is_own:
            raise ValueError(
                f"the key 'data' is missing: source {self.source} needs"
                " {exchange: ..., currency: ..., adjustment: ...}, which its bars do not say"
            )
        return self

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
    version is not in it: the same specification under another number is still the same. Nor is a
    key of `YOUNGER` that has its default, so that strategies recorded before it keep their digests.
    """
    document = spec.model_dump(mode="json", exclude={"version"})
    for place, default in YOUNGER.items():
        *parts, name = place.split(".")
        home: dict[str, FieldValue] = document
        for part in parts:
            home = home[part]  # pyright: ignore[reportAssignmentType] # a part of the strategy
        if home[name] == default:
            del home[name]
    return document


def spec_digest(spec: StrategySpec) -> Digest:
    """Return the digest of the RFC 8785 form of `spec_document`."""
    return digest_bytes(canonical_json(spec_document(spec)))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` most likely meant, or None when nothing is near."""
    names = {candidate.lower(): candidate for candidate in known}
    found = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return names[found[0]] if found else None


_PARTS: Final[Mapping[str, type[Part]]] = {
    "instruments": InstrumentName,
    "bars": BarsDrawn,
    "indicators": IndicatorNames,
    "prompt": PromptNames,
    "signal": SignalSpec,
    "budget": Budget,
    "data": DataSpec,
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
            said = detail["msg"].removeprefix("Value error, ")
            return f"{path}: {said}" if path else said
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


def _keys(part: type[Part]) -> Mapping[str, FieldInfo]:
    return {field.alias or name: field for name, field in part.model_fields.items()}


def _suggestion(location: Sequence[str]) -> str:
    """Return what an unknown key may have meant: a key that stands elsewhere, or the nearest."""
    name = location[-1]
    homes = [f"{home}.{name}" for home, part in _PARTS.items() if name in _keys(part)]
    if homes:
        return f", did you mean {' or '.join(map(repr, homes))}?"
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
