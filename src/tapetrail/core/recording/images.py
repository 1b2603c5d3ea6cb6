"""Which kind of image bytes are, by how they begin."""

import re
from typing import Final

_IMAGES: Final = (
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (
        re.compile(
            rb"(?:\xef\xbb\xbf)?(?>\s+|<\?xml.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*>)*+<svg\b",
            re.DOTALL,
        ),
        "image/svg+xml",
    ),
)


def image_type_of(data: bytes) -> str | None:
    """Return the media type of an image, None for bytes that are none that is known."""
    return next((media_type for begins, media_type in _IMAGES if begins.match(data)), None)
