"""Several replies as one payload, from which the bytes of each can be cut out again.

A line says how many bytes a page has, then come its bytes and a line end: as chunks of HTTP do,
with decimal numbers, and readable by eye where pages are text.
"""

from collections.abc import Sequence
from typing import Final

from tapetrail.core.errors import InvalidInput

MEDIA_TYPE: Final = "application/vnd.tapetrail.pages"
_HEADING: Final = b"tapetrail-pages/1\n"


def pages_text(pages: Sequence[bytes]) -> bytes:
    """Return the pages, in their order, as one payload."""
    return _HEADING + b"".join(b"%d\n%s\n" % (len(page), page) for page in pages)


def pages_of(payload: bytes) -> list[bytes]:
    """Return the pages of a payload. Raises `InvalidInput` for bytes that are none."""
    if not payload.startswith(_HEADING):
        raise InvalidInput(f"pages: begin with {payload[:20]!r}, expected {_HEADING!r}")
    pages: list[bytes] = []
    at = len(_HEADING)
    while at < len(payload):
        end = payload.find(b"\n", at)
        size = payload[at:end]
        begin = end + 1
        after = begin + (int(size) if size.isdigit() else -1)
        if end < 0 or not size.isdigit() or payload[after : after + 1] != b"\n":
            raise InvalidInput(f"pages: at byte {at}, expected the size of a page and its bytes")
        pages.append(payload[begin:after])
        at = after + 1
    return pages
