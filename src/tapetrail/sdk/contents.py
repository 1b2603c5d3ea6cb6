"""What a program hands over, as the bytes that are kept and what they are."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Final

from tapetrail.core.canonical import canonical_json
from tapetrail.core.errors import InvalidInput
from tapetrail.core.recording import values
from tapetrail.core.recording.images import image_type_of
from tapetrail.core.recording.taken import Content

TEXT: Final = "text/plain; charset=utf-8"
JSON: Final = "application/json"
HTML: Final = "text/html; charset=utf-8"
BYTES: Final = "application/octet-stream"
BYTES_MAX: Final = 64 * 2**20
"""The most that one thing may hold."""


def image_of(value: object, name: str) -> Content:
    """Return an image, from its bytes or its file, of a kind that its bytes show.

    Raises `InvalidInput` for what is no JPEG, PNG, GIF, WebP or SVG.
    """
    data = _bytes(value, name)
    media_type = image_type_of(data)
    if media_type is not None:
        return Content(data=data, media_type=media_type)
    raise InvalidInput(
        f"{name}: begins with {data[:8]!r}; expected the bytes of a JPEG, PNG, GIF, WebP or SVG, or"
        " the path of such a file"
    )


def html_of(value: object, name: str) -> Content:
    """Return a page, from its text, its bytes or its file."""
    is_text = isinstance(value, str) and "<" in value
    data = str(value).encode("utf-8", "replace") if is_text else _bytes(value, name)
    return Content(data=data, media_type=HTML)


def input_of(value: object, name: str) -> Content:
    """Return text as text, bytes and files as they are, and anything else as JSON."""
    if value is None:
        raise InvalidInput(f"{name} None: there is nothing in it")
    if isinstance(value, str):
        return _checked(Content(data=value.encode("utf-8", "surrogatepass"), media_type=TEXT), name)
    if isinstance(value, bytes | bytearray | Path):
        data = _bytes(value, name)
        return Content(data=data, media_type=image_type_of(data) or BYTES)
    return _checked(Content(data=canonical_json(values.member(value, name)), media_type=JSON), name)


def wire_of(value: object, name: str) -> Content:
    """Return what went over a wire: bytes as they are, anything else as its JSON."""
    if isinstance(value, str | bytes | bytearray):
        data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else bytes(value)
        return _checked(Content(data=data, media_type=BYTES), name)
    try:
        text = json.dumps(value, ensure_ascii=False, default=_as_json)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name}: {error}; expected bytes, or what JSON can say") from error
    return _checked(Content(data=text.encode("utf-8", "surrogatepass"), media_type=JSON), name)


def _as_json(value: object) -> object:
    """Return what clients' own classes hold, as they say it themselves."""
    if isinstance(value, Decimal):
        return str(value)
    for way in ("model_dump", "to_dict", "dict"):
        says = getattr(value, way, None)
        if callable(says):
            return says()
    raise TypeError(f"{type(value).__name__} is nothing that JSON can say")


def _bytes(value: object, name: str) -> bytes:
    if isinstance(value, bytes | bytearray):
        data = bytes(value)
    elif isinstance(value, str | Path):
        try:
            data = Path(value).read_bytes()
        except (OSError, ValueError) as error:
            raise InvalidInput(f"{name} {str(value)[:200]!r}: cannot be read: {error}") from error
    else:
        raise InvalidInput(f"{name} {type(value).__name__}: expected bytes or the path of a file")
    return _checked(Content(data=data, media_type=BYTES), name).data


def _checked(content: Content, name: str) -> Content:
    if not content.data:
        raise InvalidInput(f"{name}: it is empty")
    if len(content.data) > BYTES_MAX:
        raise InvalidInput(f"{name}: {len(content.data)} bytes; at most {BYTES_MAX} are kept")
    return content
