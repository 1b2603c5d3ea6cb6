"""A reply's text as an analysis, or a stated reason why it is none.

The format of analysts that are code is a JSON object whose prices and scores are decimal text, so
that no digit is lost on the way. What a model answers is read by `model_answers` and is the same
analysis. A reply is taken whole or refused whole; nothing in it is repaired and nothing that is
missing gets a default.
"""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, NoReturn, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    ValidationError,
    ValidationInfo,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import ErrorDetails

from tapetrail.core.canonical import decimal_text, storable_text
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.strategy.signal_settings import HORIZON_SESSIONS_MAX

REPLY_CHARS_MAX: Final = 200_000
LEVELS_MAX: Final = 10
PATTERNS_MAX: Final = 30
PATTERN_CHARS_MAX: Final = 120
OBSERVATIONS_MAX: Final = 30
OBSERVATION_CHARS_MAX: Final = 300
REASONING_CHARS_MAX: Final = 20_000
# Seventeen significant digits, all a float64 has, of any price from 10^-13 to 10^15.
_DECIMAL: Final = re.compile(r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,30})?")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,29})(?:\.[0-9]{1,30})?")
_WHOLE_DIGITS_MAX: Final = 9
_ERRORS_SHOWN: Final = 5
_SHOWN_CHARS: Final = 80
_IN_QUOTES: Final = 'a decimal in quotes, such as "101.50"'
AS_NUMBERS: Final = "a number, such as 101.50"
"""The context in which a price that is none is told to be a JSON number, not text."""


class Trend(StrEnum):
    """Where the market is going, as an analyst reads it."""

    BULLISH = "bullish"
    BEARISH = "bearish"
    NEUTRAL = "neutral"


class SignalType(StrEnum):
    """What to do."""

    BUY = "BUY"
    SELL = "SELL"
    HOLD = "HOLD"


class EntryType(StrEnum):
    """How to enter: at once, at a better price, or beyond a price."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"


class RuleOutcome(StrEnum):
    """What a rule says, or that it lacks the numbers to say anything."""

    BULLISH = "bullish"
    BEARISH = "bearish"
    NEUTRAL = "neutral"
    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"


def _decimal_of(value: object, form: re.Pattern[str], *, expected: str) -> Decimal:
    """Return a decimal in the form that replies write it in, digits kept."""
    text = decimal_text(value) if isinstance(value, Decimal) else value
    if not (isinstance(text, str) and form.fullmatch(text)):
        raise ValueError(f"expected {expected}")
    return value if isinstance(value, Decimal) else Decimal(text)


def _decimal(value: object, info: ValidationInfo) -> Decimal:
    form = "no sign, no exponent, at most 15 digits before and 30 after the point"
    return _decimal_of(value, _DECIMAL, expected=f"{info.context or _IN_QUOTES}: {form}")


def _number(value: object) -> Decimal:
    form = 'a decimal in quotes, such as "-0.25": at most 30 digits a side'
    return _decimal_of(value, _NUMBER, expected=form)


def _is_empty(items: tuple[str, ...]) -> bool:
    return not items


Price: TypeAlias = Annotated[Decimal, BeforeValidator(_decimal), Field(gt=0)]
Score: TypeAlias = Annotated[Decimal, BeforeValidator(_decimal), Field(ge=0, le=1)]
Number: TypeAlias = Annotated[Decimal, BeforeValidator(_number)]
Levels: TypeAlias = Annotated[tuple[Price, ...], Field(max_length=LEVELS_MAX)]
RuleName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,60}$")]
Pattern: TypeAlias = Annotated[
    str,
    StringConstraints(min_length=1, max_length=PATTERN_CHARS_MAX),
    AfterValidator(storable_text),
]
Observation: TypeAlias = Annotated[
    str,
    StringConstraints(min_length=1, max_length=OBSERVATION_CHARS_MAX),
    AfterValidator(storable_text),
]
Reasoning: TypeAlias = Annotated[
    str,
    StringConstraints(min_length=1, max_length=REASONING_CHARS_MAX),
    AfterValidator(storable_text),
]


class _Part(BaseModel, frozen=True):
    model_config = ConfigDict(extra="forbid")


class RuleVerdict(_Part, frozen=True):
    """What one rule of a rule-based analyst saw and said.

    `points` are above 0 for bullish and below for bearish, of `weight` that were at stake;
    `numbers` are those the rule compared.
    """

    name: RuleName
    outcome: RuleOutcome
    points: int = 0
    weight: int = 0
    numbers: Mapping[RuleName, Number] = Field(default_factory=dict)


class Analysis(_Part, frozen=True):
    """What an analyst sees: a trend, a score from 0 to 1, levels in prices, patterns, reasons.

    `rules` is for rule-based analysts alone, `observations` are what a model read off its charts
    before it judged; without any the key is left out, so that older replies stay as they are.
    """

    trend: Trend
    confidence: Score | None
    support_levels: Levels
    resistance_levels: Levels
    key_patterns: Annotated[tuple[Pattern, ...], Field(max_length=PATTERNS_MAX)]
    reasoning: Reasoning
    rules: SkipJsonSchema[tuple[RuleVerdict, ...]] = ()
    observations: Annotated[
        tuple[Observation, ...], Field(max_length=OBSERVATIONS_MAX, exclude_if=_is_empty)
    ] = ()


class ChartAnalysis(Analysis, frozen=True):
    """What an analyst sees in one chart."""

    confidence: Score


class ConsolidatedAnalysis(Analysis, frozen=True):
    """What an analyst makes of all charts together: what to do, and at which prices.

    HOLD has no entry and no prices; whether the prices make sense is for the signal to check. A
    model has no confidence in what is no trade; code always has its score.
    """

    signal_type: SignalType
    entry_type: EntryType | None
    entry_price: Price | None
    stop_loss: Price | None
    target_price: Price | None
    horizon_bars: Annotated[int, Strict(), Field(ge=1, le=HORIZON_SESSIONS_MAX)]


AnalysisType = TypeVar("AnalysisType", bound=Analysis)


def parse_reply(kind: type[AnalysisType], text: str) -> AnalysisType:
    """Return the analysis in a reply's text.

    Raises `InvalidInput` (`unparseable_reply`) that says where the text breaks which rule.
    """
    _check_json(text)
    try:
        analysis = kind.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise _unparseable(broken_rules(error)) from error
    if analysis.confidence is None:
        raise _unparseable(f"confidence: expected {_IN_QUOTES}, found None")
    return analysis


def broken_rules(error: ValidationError) -> str:
    """Return what is wrong with an analysis, the first five places of it."""
    broken = error.errors(include_url=False, include_context=False)
    shown = "; ".join(map(_error_text, broken[:_ERRORS_SHOWN]))
    more = len(broken) - _ERRORS_SHOWN
    return f"{shown}; and {more} more" if more > 0 else shown


def _check_json(text: str) -> None:
    """Raise `InvalidInput` for what JSON readers are silent about or trip over."""
    if len(text) > REPLY_CHARS_MAX:
        raise _unparseable(f"{len(text)} characters, expected at most {REPLY_CHARS_MAX}")
    try:
        json.loads(
            text,
            object_pairs_hook=_refuse_twice,
            parse_constant=_refuse_number,
            parse_float=_refuse_number,
            parse_int=_check_whole,
        )
    except json.JSONDecodeError as error:
        raise _unparseable(
            f"line {error.lineno}, column {error.colno}: {error.msg}; expected one JSON object"
            " and nothing else"
        ) from error
    except RecursionError as error:
        raise _unparseable("nested too deeply; expected one flat JSON object") from error


def _refuse_twice(members: Sequence[tuple[str, object]]) -> None:
    seen: set[str] = set()
    for name, _ in members:
        if name in seen:
            raise _unparseable(f"{_shown(name)}: appears twice in one object")
        seen.add(name)


def _refuse_number(text: str) -> NoReturn:
    raise _unparseable(f"{_shown(text)}: prices and scores are decimals in quotes")


def _check_whole(text: str) -> None:
    if len(text) > _WHOLE_DIGITS_MAX:
        raise _unparseable(f"{_shown(text)}: a whole number has at most 9 digits")


def _error_text(error: ErrorDetails) -> str:
    place = ".".join(_plain(str(part)) for part in error["loc"]) or "the reply"
    missing = error["type"] == "missing"
    found = "" if missing else f", found {_shown(error['input'])}"
    return f"{place}: {error['msg'].removeprefix('Value error, ')}{found}"


def _plain(text: str) -> str:
    return text if text.isidentifier() or text.isdigit() else _shown(text)


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN_CHARS else shown[: _SHOWN_CHARS - 3] + "..."


def _unparseable(reason: str) -> InvalidInput:
    return InvalidInput(f"reply: {reason}", kind=ErrorKind.UNPARSEABLE_REPLY)
