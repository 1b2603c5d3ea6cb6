"""Bodies of requests and replies: JSON out, always the same bytes, and JSON in, whatever came."""

import json
import zlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, NoReturn, TypeAlias

from tapetrail.core.canonical import FieldValue
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.http.calls import BODY_BYTES_MAX
from tapetrail.http.excerpts import excerpt, shown

Document: TypeAlias = Mapping[str, FieldValue]
Sent: TypeAlias = "bool | int | float | str | Sequence[Sent] | Mapping[str, Sent] | None"
_DEPTH_MAX: Final = 64
_DIGITS_MAX: Final = 40
_PIECES_MAX: Final = 100
_ENCODINGS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_HTML_STARTS: Final = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<!--")


def compact(document: Mapping[str, Sent]) -> bytes:
    """Return a document as JSON, its members in their order: the same document, the same bytes.

    Raises `InvalidInput` for text that is not valid Unicode.
    """
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        near = text[max(0, error.start - 20) : error.start]
        raise InvalidInput(
            f"request: half a character after {near!r}, not valid Unicode"
        ) from error


def number(value: Decimal) -> int | float:
    """Return a parameter as a JSON number."""
    return int(value) if value == value.to_integral_value() else float(value)


def base64_text(content: bytes) -> str:
    """Return bytes in Base64."""
    return b64encode(content).decode("ascii")


def base64_size(content: bytes) -> int:
    """Return how many characters bytes are in Base64."""
    return (len(content) + 2) // 3 * 4


def decoded(body: bytes, content_encoding: str | None) -> bytes:
    """Return a body without its content encoding, which nobody asked for.

    Raises `InvalidInput` (`not_json_body`) for an encoding that is unknown, broken, or unpacks to
    more than 10 MB.
    """
    name = (content_encoding or "identity").strip().lower()
    if name in {"", "identity"}:
        return body
    if name not in _ENCODINGS:
        raise _unreadable(f"content-encoding {shown(name)}, and identity was asked for")
    plain, left = b"", body
    for _ in range(_PIECES_MAX):
        # What is packed in several pieces, one behind the other, is all of them.
        unpacking = zlib.decompressobj(_ENCODINGS[name])
        try:
            plain += unpacking.decompress(left, BODY_BYTES_MAX + 1 - len(plain))
        except zlib.error as error:
            raise _unreadable(f"content-encoding {name}, and the bytes are not: {error}") from error
        if len(plain) > BODY_BYTES_MAX or not unpacking.eof:
            raise _unreadable(f"content-encoding {name}, cut short or above {BODY_BYTES_MAX} bytes")
        left = unpacking.unused_data
        if not left:
            return plain
    raise _unreadable(f"content-encoding {name}, in more than {_PIECES_MAX} pieces")


def parsed(body: bytes) -> Document:
    """Return the JSON object that a body is, its fractions as decimals.

    Raises `InvalidInput`: `empty_reply` for no bytes, `html_body` for a page, `not_json_body` for
    all else that is no JSON object, one that says a thing twice and differently, or one that is
    deeper or has longer numbers than replies have.
    """
    return _object(_json(body), body)


def parsed_error(body: bytes) -> Document:
    """Return the JSON object that an error's body is, or the only one of its list.

    Google writes it in a list where it speaks chat completions. Raises as `parsed` does.
    """
    found = _json(body)
    of_list = items(found)
    return _object(of_list[0] if len(of_list) == 1 else found, body)


def _object(found: FieldValue, body: bytes) -> Document:
    if not isinstance(found, Mapping):
        raise _unreadable(f"JSON, but no object: {excerpt(body)}")
    _check_depth(found, _DEPTH_MAX)
    return found


def _json(body: bytes) -> FieldValue:
    start = body[:200].lstrip().lower()
    if not body.strip():
        raise InvalidInput("an empty body", kind=ErrorKind.EMPTY_REPLY)
    if start.startswith(_HTML_STARTS):
        raise InvalidInput(f"a page, not JSON: {excerpt(body)}", kind=ErrorKind.HTML_BODY)
    try:
        found: FieldValue = json.loads(
            body.decode("utf-8-sig"),  # A mark of the order of bytes may stand before it.
            object_pairs_hook=_once,
            parse_float=_decimal,
            parse_int=_whole,
            parse_constant=_no_number,
        )
    except (ValueError, RecursionError) as error:
        raise _unreadable(f"not JSON ({error}): {excerpt(body)}") from error
    return found


def part(document: FieldValue, *names: str | int) -> FieldValue:
    """Return what lies under these names and positions of a document, None where nothing does."""
    found = document
    for name in names:
        if isinstance(found, Mapping) and isinstance(name, str):
            found = found.get(name)
        elif isinstance(name, int) and name < len(items(found)):
            found = items(found)[name]
        else:
            return None
    return found


def items(value: FieldValue) -> Sequence[FieldValue]:
    """Return the members of a list, none where it is no list."""
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def objects(value: FieldValue) -> list[Document]:
    """Return the objects of a list, none where it is no list."""
    return [each for each in items(value) if isinstance(each, Mapping)]


def object_of(document: FieldValue, *names: str | int) -> Document | None:
    """Return the object under these names, None where there is none or something else."""
    found = part(document, *names)
    return found if isinstance(found, Mapping) else None


def text_of(document: FieldValue, *names: str | int) -> str | None:
    """Return the text under these names, None where there is none or something else."""
    found = part(document, *names)
    return found if isinstance(found, str) else None


def _check_depth(value: FieldValue, left: int) -> None:
    if left == 0:
        raise _unreadable(f"nested in more than {_DEPTH_MAX} levels")
    for each in value.values() if isinstance(value, Mapping) else items(value):
        _check_depth(each, left - 1)


def _once(members: Sequence[tuple[str, FieldValue]]) -> dict[str, FieldValue]:
    found: dict[str, FieldValue] = {}
    for name, value in members:
        if name in found and found[name] != value:
            raise ValueError(f"{shown(name)} stands twice, and differs")
        found[name] = value
    return found


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    if len(text) > _DIGITS_MAX or abs(value.adjusted()) > _DIGITS_MAX:
        raise ValueError(f"number {text[:_DIGITS_MAX]} has more than {_DIGITS_MAX} digits")
    return value


def _whole(text: str) -> int:
    return int(_decimal(text))


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _unreadable(reason: str) -> InvalidInput:
    return InvalidInput(reason, kind=ErrorKind.NOT_JSON_BODY)
