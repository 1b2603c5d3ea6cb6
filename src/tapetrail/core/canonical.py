"""A value's canonical bytes and their digest. The only place that hashes.

Digests are SHA-256, written `sha256:<64 hex>`. Records are hashed over their RFC 8785 (JSON
Canonicalization Scheme) form. Records hold no floats, so the number formatting that makes
RFC 8785 hard never arises: whole numbers below 2^53 stay numbers, all else is decimal text.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final, NewType, TypeAlias

from tapetrail.core.errors import InvalidInput

Digest = NewType("Digest", str)

JsonValue: TypeAlias = "bool | int | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
FieldValue: TypeAlias = "bool | int | str | Decimal | datetime | date | Sequence[FieldValue] | Mapping[str, FieldValue] | None"  # noqa: E501 # a type alias is read as one string

FORMAT: Final = 1
SAFE_INTEGER_END: Final = 2**53
LONG_TEXTS: Final = frozenset(
    {"prompt_text", "response_text", "reasoning", "error_message", "text"}
)
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def digest_bytes(content: bytes) -> Digest:
    """Return the digest of exactly these bytes."""
    return Digest("sha256:" + hashlib.sha256(content).hexdigest())


def digest_text(text: str) -> Digest:
    """Return the digest of the text's UTF-8 bytes. Raises `InvalidInput` on lone surrogates."""
    return digest_bytes(_utf8(text))


def parse_digest(text: str) -> Digest:
    """Return `text` as a digest. Raises `InvalidInput` unless it is `sha256:` and 64 hex digits."""
    if not _DIGEST.fullmatch(text):
        raise InvalidInput(f"digest {text!r}: expected 'sha256:' and 64 lower-case hex digits")
    return Digest(text)


def decimal_text(number: Decimal) -> str:
    """Return the canonical decimal: no exponent, no trailing zeros, no `-0`, `0.5` not `.5`.

    Raises `InvalidInput` for NaN and infinities.
    """
    if not number.is_finite():
        raise InvalidInput(f"number {number}: a record holds finite numbers only")
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def float_text(number: float) -> str:
    """Return the shortest decimal that reads back as the same float64, in canonical form."""
    return decimal_text(Decimal(repr(float(number))))


def decimal_of(number: float) -> Decimal:
    """Return the float64's shortest decimal as an exact number, the form prices take in records."""
    return Decimal(float_text(number))


def instant_text(instant: datetime) -> str:
    """Return `2026-11-20T21:00:00.000000Z`. Raises `InvalidInput` for a time without a zone."""
    if instant.tzinfo is None:
        raise InvalidInput(f"time {instant}: a record's times carry a zone")
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def storable_text(text: str) -> str:
    """Return `text` with NUL and lone surrogates shown as U+FFFD.

    PostgreSQL cannot hold the one and RFC 8785 refuses the other; exact bytes stay in the blob.
    """
    return _UNSTORABLE.sub("\ufffd", text)


def storable(value: FieldValue) -> FieldValue:
    """Return `value` with every text in it as `storable_text` shows it."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, Mapping):
        return {storable_text(name): storable(member) for name, member in value.items()}
    if isinstance(value, Sequence):
        return [storable(member) for member in value]
    return value


def canonical_json(value: FieldValue) -> bytes:
    """Return the RFC 8785 bytes of `value`, its decimals, dates and times written as text.

    Raises `InvalidInput` for floats, for integers beyond 2^53 and for text that is not valid
    Unicode.
    """
    # Without floats, Python's compact JSON of sorted members is RFC 8785's.
    return _utf8(json.dumps(plain_json(value), ensure_ascii=False, separators=(",", ":")))


def record_digest(table: str, fields: Mapping[str, FieldValue]) -> Digest:
    """Return the digest of one record: that of its `record_document`."""
    return digest_bytes(canonical_json(record_document(table, fields)))


def record_document(table: str, fields: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
    """Return what `record_digest` hashes: `{"format": 1, "table": table, **fields}`.

    `fields` holds every column but ids, the digest itself and status caches; a reference `x_id`
    comes as `x` with its target's digest. A null is omitted, a long text enters by its digest,
    a JSON column goes in as it is with its numbers as decimal text.
    """
    document: dict[str, FieldValue] = {"format": FORMAT, "table": table}
    for name, value in fields.items():
        if name in document:
            raise InvalidInput(f"record of {table}: the field name {name!r} is reserved")
        if value is not None:
            document[name] = _field(name, value)
    return document


def _field(name: str, value: FieldValue) -> FieldValue:
    match value:
        case str():
            return digest_text(value) if name in LONG_TEXTS else value
        case Mapping() | list() | tuple():
            return _numbers_as_text(value)
        case _:
            return value


def _numbers_as_text(value: FieldValue) -> FieldValue:
    match value:
        case str() | bool():
            return value
        case int() | Decimal():
            return decimal_text(Decimal(value))
        case Mapping():
            return {key: _numbers_as_text(item) for key, item in value.items()}
        case list() | tuple():
            return [_numbers_as_text(item) for item in value]
        case _:
            return value


def plain_json(value: FieldValue) -> JsonValue:
    """Return `value` as JSON holds it: decimals, dates and times as text.

    Members are sorted by their UTF-16 code units, as RFC 8785 demands.
    """
    match value:
        case None | bool() | str():
            return value
        case int() | Decimal():
            return _plain_scalar(value)
        case Mapping():
            return {name: plain_json(value[name]) for name in _in_order(value)}
        case list() | tuple():
            return [plain_json(item) for item in value]
        case _:
            return _plain_scalar(value)


def _plain_scalar(value: object) -> JsonValue:
    match value:
        case int():
            if abs(value) >= SAFE_INTEGER_END:
                raise InvalidInput(f"number {value}: whole numbers stay below 2^53; use a decimal")
            return value
        case Decimal():
            return decimal_text(value)
        case datetime():
            return instant_text(value)
        case date():
            return value.isoformat()
        case _:
            raise InvalidInput(f"{type(value).__name__} {value!r}: a record holds no such value")


def _in_order(names: Collection[str]) -> list[str]:
    """Return the names by their UTF-16 code units, which for ASCII is as Python sorts them."""
    is_ascii = all(map(str.isascii, names))
    return sorted(names) if is_ascii else sorted(names, key=_utf_16_units)


def _utf_16_units(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"text with a lone surrogate at position {error.start}: not valid Unicode"
        ) from error
