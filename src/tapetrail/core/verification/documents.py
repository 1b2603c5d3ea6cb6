"""JSON as rows hold it, read with care: whoever changed a row may have put anything there."""

from collections.abc import Mapping, Sequence
from typing import TypeGuard, cast

from tapetrail.core.canonical import FieldValue, canonical_json, digest_bytes
from tapetrail.core.errors import InvalidInput


def is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    """Return whether a value is a JSON object."""
    return isinstance(value, Mapping)


def is_array(value: object) -> TypeGuard[Sequence[object]]:
    """Return whether a value is a JSON array."""
    return isinstance(value, list | tuple)


def members(value: object) -> Mapping[str, object]:
    """Return a JSON object's members; what is none has none."""
    return value if is_object(value) else {}


def items(value: object) -> Sequence[object]:
    """Return a JSON array's items; what is none has none."""
    return value if is_array(value) else ()


def digest_of_document(value: object) -> str | None:
    """Return the digest of a document's RFC 8785 bytes, None where it has none."""
    try:
        return digest_bytes(canonical_json(cast("FieldValue", value)))
    except (InvalidInput, RecursionError):
        return None
