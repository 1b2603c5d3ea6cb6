"""Where the predecessor says that a chart's bytes lie: an object's key, an address, a path.

Its addresses are those of its own host, which is gone; what counts in them is their path.
"""

import base64
import binascii
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from tapetrail.core.legacy.rows import Row

_INLINE: Final = "data:"
_BASE64: Final = ";base64"


class Sought(NamedTuple):
    """An object: its key, and its bucket where one is named."""

    bucket: str | None
    key: str


def image_places(row: Row) -> tuple[Sought, ...]:
    """Return where a chart's image may lie, the likeliest place first."""
    key, bucket = row.stated("object_key"), row.stated("bucket")
    stated = (Sought(bucket, key.strip("/")),) if key is not None else ()
    return tuple(dict.fromkeys((*stated, *_of_address(row.stated("image")))))


def page_places(row: Row) -> tuple[Sought, ...]:
    """Return where a chart's interactive page may lie."""
    return _of_address(row.stated("page"))


def inline_image(row: Row) -> bytes | None:
    """Return an image that its address itself holds, None where it names a place."""
    head, separator, data = (row.stated("image") or "").partition(",")
    if not (separator and head.startswith(_INLINE) and head.endswith(_BASE64)):
        return None
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        return None


def _of_address(address: str | None) -> tuple[Sought, ...]:
    """Return the places that an address means: a bucket's object, or a file below some folder."""
    if address is None or address.startswith(_INLINE):
        return ()
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return ()
    path = unquote(parts.path).strip("/")
    if parts.scheme == "s3":
        return (Sought(parts.netloc, path),)
    first, _, rest = path.partition("/")
    return tuple(Sought(*each) for each in ((first, rest), (None, path), (None, rest)) if each[1])
