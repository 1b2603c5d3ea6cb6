"""What a model's answer looks like, and its text as an analysis, or why it is none.

A model is asked for one JSON object whose prices are JSON numbers. They are read as the decimals
they are written as, never through a float. A fenced code block or text around exactly one object
is read and said so. What a model marks as its thoughts is no part of the answer: an object in them
is a draft. Whatever would need a guess is refused: a second object, a trailing comma, a key that
stands twice, NaN, a number in words.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Generic, NoReturn, TypeAlias, cast

from pydantic import ValidationError

from tapetrail.core.analysis.analyses import (
    AS_NUMBERS,
    REPLY_CHARS_MAX,
    AnalysisType,
    ChartAnalysis,
    ConsolidatedAnalysis,
    EntryType,
    SignalType,
    Trend,
    broken_rules,
    parse_reply,
)
from tapetrail.core.analysis.replies import ParsedFrom
from tapetrail.core.canonical import FieldValue, JsonValue, storable
from tapetrail.core.errors import ErrorKind, InvalidInput

Schema: TypeAlias = Mapping[str, JsonValue]

# As many digits as a price may have, and an exponent that cannot fill the memory.
_NUMBER: Final = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?")
_FENCE_BEFORE: Final = re.compile(r"```(?:json|JSON)?\s*$")
_FENCE_AFTER: Final = re.compile(r"\s*```")
_BRACKETS: Final = re.compile(r"[{}\[\]]")
# Servers that do not take thoughts out of the text leave them in between such marks.
_THOUGHT_MARK: Final = re.compile(
    r"<(?:think|thinking|thought|reasoning)>|<\|channel\|>(?:analysis|commentary)"
    r"|(?P<end></(?:think|thinking|thought|reasoning)>|<\|channel\|>final<\|message\|>)",
    re.IGNORECASE,
)
_NUMBERS: Final = ("confidence", "entry_price", "stop_loss", "target_price")
_NUMBER_LISTS: Final = ("support_levels", "resistance_levels")
_SHOWN_CHARS: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer(Generic[AnalysisType]):
    """A reply as an analysis, the JSON object it was read from, and where in the reply it stood."""

    analysis: AnalysisType
    document: Mapping[str, FieldValue]
    parsed_from: ParsedFrom


def answer_schema(kind: type[ChartAnalysis | ConsolidatedAnalysis]) -> dict[str, JsonValue]:
    """Return the JSON schema of an answer, in the subset that every provider takes.

    All keys are required and none may be added, null is one of two types, and there are no bounds
    and no patterns: those are checked when the answer is read. The order of keys is that of
    thinking: what is seen, then levels, reasons and last the verdict.
    """
    properties: dict[str, JsonValue] = {
        **_SEEN,
        **(_VERDICT_OF_ALL if kind is ConsolidatedAnalysis else _VERDICT_OF_ONE),
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _nullable(schema: Schema, description: str) -> Schema:
    return {"anyOf": [schema, {"type": "null"}], "description": description}


def _list(of: str, description: str) -> Schema:
    return {"type": "array", "items": {"type": of}, "description": description}


def _word(words: type[StrEnum], description: str) -> Schema:
    return {"type": "string", "enum": list(words), "description": description}


_SEEN: Final[Mapping[str, JsonValue]] = {
    "observations": _list("string", "What is seen, one short text each; a number as `name = 1.5`."),
    "support_levels": _list("number", "Prices below the last close, nearest first; may be empty."),
    "resistance_levels": _list(
        "number", "Prices above the last close, nearest first; may be empty."
    ),
    "key_patterns": _list("string", "Patterns, a few words each; may be empty."),
    "reasoning": {"type": "string", "description": "Why the verdict follows, in a few sentences."},
    "trend": _word(Trend, "The direction; neutral where none can be told."),
}
_VERDICT_OF_ONE: Final[Mapping[str, JsonValue]] = {
    "confidence": {
        "type": "number",
        "description": "Probability, 0 to 1, that the close at the horizon lies on that side.",
    },
}
_VERDICT_OF_ALL: Final[Mapping[str, JsonValue]] = {
    "signal_type": _word(SignalType, "What to do; HOLD where nothing can be told."),
    "entry_type": _nullable(
        {"type": "string", "enum": list(EntryType)}, "How to enter; null for HOLD."
    ),
    "entry_price": _nullable({"type": "number"}, "Price of the entry; null for HOLD."),
    "stop_loss": _nullable({"type": "number"}, "Price of the stop; null where there is no trade."),
    "target_price": _nullable(
        {"type": "number"}, "Price of the target; null where there is no trade."
    ),
    "horizon_bars": {"type": "integer", "description": "Sessions until the trade is given up."},
    "confidence": _nullable(
        {"type": "number"},
        "Probability, 0 to 1, that the target comes before the stop within the horizon; null"
        " where there is no trade.",
    ),
}


def parse_answer(kind: type[AnalysisType], text: str) -> ModelAnswer[AnalysisType]:
    """Return the analysis in a model's reply.

    Raises `InvalidInput` whose kind is the way in which it is none: `empty_reply`, `not_json`,
    `against_schema`, `bad_confidence`, or `unparseable_reply` for a reply beyond all size.
    """
    if not text.strip():
        raise _no_answer("nothing, expected one JSON object", ErrorKind.EMPTY_REPLY)
    if len(text) > REPLY_CHARS_MAX:
        raise _no_answer(
            f"{len(text)} characters, expected at most {REPLY_CHARS_MAX}",
            ErrorKind.UNPARSEABLE_REPLY,
        )
    try:
        found, parsed_from = _only_object(text)
    except RecursionError as error:
        raise _no_answer("nested too deeply", ErrorKind.UNPARSEABLE_REPLY) from error
    stated = _with_decimals(found)
    _check_keys(stated, kind)
    _check_confidence(stated["confidence"])
    try:
        analysis = kind.model_validate(stated, context=AS_NUMBERS)
    except ValidationError as error:
        raise _no_answer(broken_rules(error), ErrorKind.AGAINST_SCHEMA) from error
    document = cast("Mapping[str, FieldValue]", storable(cast("FieldValue", found)))
    return ModelAnswer(analysis=analysis, document=document, parsed_from=parsed_from)


def recorded_analysis(text: str) -> ChartAnalysis:
    """Return an answer about a chart as it was recorded, whoever gave it.

    Code writes prices as decimal text, a model as JSON numbers; neither can be read as the other.
    """
    try:
        return parse_reply(ChartAnalysis, text)
    except InvalidInput:
        return parse_answer(ChartAnalysis, text).analysis


def re_ask(question: str, refused: str) -> str:
    """Return the question once more, after what was wrong with the answer to it."""
    return (
        f"Your last answer could not be used: {refused}\n"
        "Nothing of it was kept and nothing in it was corrected. The question is the same as"
        " before. Answer it again, as a whole and as one JSON object. If you cannot tell, say so"
        " in the way that the question names; that is a full answer.\n\n"
        f"{question}"
    )


def _only_object(text: str) -> tuple[Mapping[str, object], ParsedFrom]:
    """Return the one JSON object in a text that is no thought, and where it stood."""
    begin = 0
    while True:
        begin, start = _answer_starts(text, begin)
        found, end = _decoded(text, start)
        mark = _THOUGHT_MARK.search(text, end)
        if mark is None or not mark["end"]:
            return found, _stood(text, begin=begin, start=start, end=end)
        # The thought began in the prompt, as some templates have it.
        begin = mark.end()


def _answer_starts(text: str, begin: int) -> tuple[int, int]:
    """Return where a text's last thought ends, and where behind it the first object begins."""
    start = text.find("{", begin)
    if start < 0:
        behind = " behind the thoughts" if begin else ""
        _refuse_json(text, begin, f"no JSON object{behind}")
    marks = [*_THOUGHT_MARK.finditer(text, begin, start)]
    if not marks:
        return begin, start
    if marks[-1]["end"]:
        return marks[-1].end(), start
    ends = (mark.end() for mark in _THOUGHT_MARK.finditer(text, start) if mark["end"])
    end = next(ends, None)
    if end is None:
        _refuse_json(text, marks[-1].start(), f"{marks[-1].group()!r} begins a thought without end")
    return _answer_starts(text, end)


def _stood(text: str, *, begin: int, start: int, end: int) -> ParsedFrom:
    """Return where an object stood; `begin` is where the thoughts before it end."""
    stray = _BRACKETS.search(text, begin, start) or _BRACKETS.search(text, end)
    if stray:
        _refuse_json(text, stray.start(), f"{stray.group()!r} beside the first object")
    before, after = text[:start], text[end:]
    if not before.strip() and not after.strip():
        return ParsedFrom.PLAIN
    fenced = _FENCE_BEFORE.search(before) and _FENCE_AFTER.match(after)
    return ParsedFrom.FENCED if fenced else ParsedFrom.SURROUNDED


def _decoded(text: str, start: int) -> tuple[Mapping[str, object], int]:
    decoder = json.JSONDecoder(
        object_pairs_hook=_once,
        parse_float=_exact,
        parse_int=_whole,
        parse_constant=_refuse_constant,
    )
    try:
        found, end = decoder.raw_decode(text, start)
    except json.JSONDecodeError as error:
        _refuse_json(text, error.pos, error.msg)
    return cast("Mapping[str, object]", found), end


def _once(members: Sequence[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in members:
        if name in found:
            raise _no_answer(f"{_shown(name)} appears twice in one object", ErrorKind.NOT_JSON)
        found[name] = value
    return found


def _exact(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise _no_answer(
            f"{_shown(text)}: a number has at most 30 digits a side", ErrorKind.AGAINST_SCHEMA
        )
    return Decimal(text)


def _whole(text: str) -> int:
    return int(_exact(text))


def _refuse_constant(text: str) -> NoReturn:
    raise _no_answer(f"{text} is no JSON number", ErrorKind.NOT_JSON)


def _refuse_json(text: str, at: int, problem: str) -> NoReturn:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    raise _no_answer(
        f"line {line}, column {column}: {problem}; expected one JSON object", ErrorKind.NOT_JSON
    )


def _with_decimals(found: Mapping[str, object]) -> dict[str, object]:
    """Return the answer with whole prices as decimals too; all else stays, for its own rule."""
    stated = dict(found)
    for name in _NUMBERS:
        if name in stated:
            stated[name] = _decimal(stated[name])
    for name in _NUMBER_LISTS:
        levels = stated.get(name)
        if isinstance(levels, list):
            stated[name] = [_decimal(level) for level in cast("list[Any]", levels)]
    return stated


def _decimal(value: object) -> object:
    return Decimal(value) if type(value) is int else value


def _check_keys(stated: Mapping[str, object], kind: type[AnalysisType]) -> None:
    is_whole = issubclass(kind, ConsolidatedAnalysis)
    wanted = _SEEN.keys() | (_VERDICT_OF_ALL if is_whole else _VERDICT_OF_ONE).keys()
    missing = ", ".join(sorted(wanted - stated.keys()))
    added = ", ".join(_shown(name) for name in sorted(stated.keys() - wanted))
    problems = [f"missing: {missing}"] * bool(missing) + [f"not asked for: {added}"] * bool(added)
    if problems:
        raise _no_answer("; ".join(problems), ErrorKind.AGAINST_SCHEMA)


def _check_confidence(value: object) -> None:
    if isinstance(value, Decimal) and not 0 <= value <= 1:
        raise _no_answer(
            f"confidence: {value} is no probability, expected 0 to 1", ErrorKind.BAD_CONFIDENCE
        )


def _shown(text: str) -> str:
    return repr(text) if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]!r}..."


def _no_answer(reason: str, kind: ErrorKind) -> InvalidInput:
    return InvalidInput(f"reply: {reason}", kind=kind)
