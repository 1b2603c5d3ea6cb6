"""What a program passes in, checked at once: numbers, instants, words and JSON as rows have them.

Every check raises `InvalidInput` that names the argument, the value and the rule.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from enum import StrEnum
from typing import Final, Literal, TypeAlias, TypeVar, cast

from tapetrail.core.canonical import SAFE_INTEGER_END, decimal_text, float_text, storable_text
from tapetrail.core.errors import InvalidInput
from tapetrail.core.recording.entries import JsonMember, Members

Number: TypeAlias = Decimal | float | int | str
"""A number as programs have it; a float is taken by its shortest decimal."""
Word = TypeVar("Word", bound=StrEnum)
TIMEFRAME: Final = re.compile(r"[1-9][0-9]{0,3}(m|h|d|w|mo)")
DIGITS_MAX: Final = 800
EXPONENT_MAX: Final = 400
"""How long a number may be, and how far its point may lie: every float is within."""
WORDS_SHOWN: Final = 20
NAME_CHARS_MAX: Final = 200
SignalTypeWord: TypeAlias = Literal["BUY", "SELL", "HOLD"]
_TYPES: Final[Mapping[str, SignalTypeWord]] = {"buy": "BUY", "sell": "SELL", "hold": "HOLD"}


def number(value: object, name: str) -> Decimal:
    """Return a finite number, exactly as it is written."""
    if isinstance(value, bool):
        raise InvalidInput(f"{name} {value!r}: a truth value is no number")
    found = _decimal(value)
    if found is None or not found.is_finite():
        raise InvalidInput(f"{name} {value!r}: expected a finite number")
    if len(found.as_tuple().digits) > DIGITS_MAX or abs(found.adjusted()) > EXPONENT_MAX:
        raise InvalidInput(
            f"{name} {str(value)[:40]}: expected at most {DIGITS_MAX} digits, and between"
            f" 1e-{EXPONENT_MAX} and 1e{EXPONENT_MAX}"
        )
    return Decimal(decimal_text(found))


def number_or_none(value: object, name: str) -> Decimal | None:
    """Return a finite number, None where there is none."""
    return None if value is None else number(value, name)


def positive(value: object, name: str) -> Decimal:
    """Return a number above 0."""
    found = number(value, name)
    if found <= 0:
        raise InvalidInput(f"{name} {found}: expected above 0")
    return found


def at_least(value: object, name: str, least: int, *, above: bool = False) -> Decimal | None:
    """Return a number from `least` on, or `above` it; None where there is none."""
    found = number_or_none(value, name)
    if found is not None and (found < least or (above and found == least)):
        rule = f"above {least}" if above else f"{least} or more"
        raise InvalidInput(f"{name} {found}: expected {rule}")
    return found


def share_of(value: object, scale: object, name: str) -> tuple[Decimal, Decimal, Decimal] | None:
    """Return a confidence from 0 to 1, the number it came as, and the highest one; None without.

    Raises `InvalidInput` for one that is above its scale, as 80 without a scale is.
    """
    if value is None:
        return None
    raw, highest = number(value, name), number(scale, f"{name}_scale")
    if highest <= 0:
        raise InvalidInput(f"{name}_scale {highest}: expected above 0")
    if not 0 <= raw <= highest:
        raise InvalidInput(
            f"{name} {raw}: expected from 0 to {highest}; where the highest is another number, say"
            f" {name}_scale=, as 100"
        )
    return Decimal(decimal_text(raw / highest)), raw, highest


def instant(value: object, name: str) -> datetime:
    """Return an instant in UTC. Raises `InvalidInput` for a time without a zone, and for a date."""
    if not isinstance(value, datetime):
        raise InvalidInput(f"{name} {value!r}: expected a datetime with its zone")
    if value.tzinfo is None or value.utcoffset() is None:
        raise InvalidInput(
            f"{name} {value.isoformat()}: a time without a zone; say which, as with"
            " datetime(..., tzinfo=UTC)"
        )
    # What pandas has for an instant is one, with nanoseconds that rows do not keep.
    moved = value.astimezone(UTC)
    return datetime(
        moved.year, moved.month, moved.day, moved.hour, moved.minute, moved.second,
        moved.microsecond, tzinfo=UTC,
    )  # fmt: skip


def known_until(value: object, name: str, now: datetime) -> datetime | None:
    """Return the instant after which nothing was known, None where none is said.

    Raises `InvalidInput` for one that is still to come.
    """
    found = instant_or_none(value, name)
    if found is not None and found > now:
        raise InvalidInput(
            f"{name} {found.isoformat()}: it is {now.isoformat(timespec='seconds')}, and nothing of"
            " then is known"
        )
    return found


def instant_or_none(value: object, name: str) -> datetime | None:
    """Return an instant in UTC, None where there is none."""
    return None if value is None else instant(value, name)


def word(value: object, kinds: type[Word], name: str) -> Word:
    """Return one of a closed list of words. Raises `InvalidInput` naming the nearest ones."""
    known = [each.value for each in kinds]
    if not isinstance(value, str) or value not in known:
        near = get_close_matches(str(value).lower(), known, n=1)
        if len(known) > WORDS_SHOWN:
            known = [*get_close_matches(str(value).lower(), known, n=5, cutoff=0.0), "..."]
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InvalidInput(f"{name} {value!r}: expected one of {', '.join(known)}{hint}")
    return kinds(value)


def word_or_none(value: object, kinds: type[Word], name: str) -> Word | None:
    """Return one of a closed list of words, None where there is none."""
    return None if value is None else word(value, kinds, name)


def text(value: object, name: str) -> str:
    """Return a text that says something, as the record can hold it."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{name} {value!r}: expected a text that is not empty")
    return storable_text(value)


def words_of(error: BaseException) -> str:
    """Return an exception in words: its class, and what it says."""
    return storable_text(f"{type(error).__name__}: {error}".removesuffix(": "))


def text_or_none(value: object, name: str) -> str | None:
    """Return a text that says something, None where there is none."""
    return None if value is None else text(value, name)


def label(value: object, name: str) -> str:
    """Return a short text on one line: a name, a key, a symbol."""
    found = text(value, name).strip()
    if len(found) > NAME_CHARS_MAX or not found.isprintable():
        raise InvalidInput(
            f"{name} {found[:80]!r}: expected at most {NAME_CHARS_MAX} printable signs"
        )
    return found


def label_or_none(value: object, name: str) -> str | None:
    """Return a short text on one line, None where there is none."""
    return None if value is None else label(value, name)


def timeframe(value: object, name: str = "timeframe") -> str:
    """Return the span of a bar as `1d`, `1w`, `1mo`, `4h` or `15m`."""
    if not isinstance(value, str) or not TIMEFRAME.fullmatch(value):
        raise InvalidInput(f"{name} {value!r}: expected a span such as 1d, 1w, 1mo, 4h or 15m")
    return value


def count(value: object, name: str) -> int:
    """Return a whole number from 1 on."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidInput(f"{name} {value!r}: expected a whole number from 1 on")
    return value


def signal_type(action: str, stated: object) -> SignalTypeWord:
    """Return BUY, SELL or HOLD: what is stated, else the action where it is one of these words.

    Raises `InvalidInput` for an action that is another word: what it means, only its agent knows.
    """
    meant = _TYPES.get(action.strip().lower())
    if stated is not None:
        found = _TYPES.get(str(stated).lower())
        if found is None:
            raise InvalidInput(f"signal_type {stated!r}: expected BUY, SELL or HOLD")
        if meant not in {None, found}:
            raise InvalidInput(f"signal_type {stated!r}: the action is {action!r}; which of them?")
        return found
    if meant is None:
        raise InvalidInput(
            f"action {action!r}: neither buy, sell nor hold; say what it means here, as"
            " signal_type='BUY'"
        )
    return meant


def members(value: object, name: str) -> Members:
    """Return a JSON object, its numbers that are not whole as text."""
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{name} {type(value).__name__}: expected a mapping")
    found = cast("Mapping[object, object]", value)
    return {storable_text(str(key)): member(each, f"{name}.{key}") for key, each in found.items()}


def member(value: object, name: str) -> JsonMember:
    """Return a value as JSON has it; what JSON has no word for is refused."""
    found: JsonMember
    match value:
        case None | bool():
            found = value
        case str():
            found = storable_text(value)
        case int() | float() | Decimal():
            found = _number_member(value, name)
        case datetime():
            found = instant(value, name).isoformat()
        case date():
            found = value.isoformat()
        case Mapping():
            found = members(value, name)  # pyright: ignore[reportUnknownArgumentType] # JSON of any kind
        case list() | tuple():
            listed = cast("Sequence[object]", value)
            found = [member(each, f"{name}[{at}]") for at, each in enumerate(listed)]
        case _:
            raise InvalidInput(f"{name} {type(value).__name__}: it is nothing that JSON can say")
    return found


def _number_member(value: Decimal | float, name: str) -> JsonMember:
    if isinstance(value, int) and abs(value) < SAFE_INTEGER_END:
        return value
    return decimal_text(number(value, name))


def _decimal(value: object) -> Decimal | None:
    try:
        if isinstance(value, float):
            return Decimal(float_text(value)) if math.isfinite(value) else None
        if isinstance(value, int | Decimal | str):
            return Decimal(value)
        # numpy's own kinds of number are floats or whole numbers.
        if hasattr(value, "item"):
            return _decimal(cast("object", value.item()))  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] # numpy's way to a Python number
    except InvalidOperation:
        return None
    return None
