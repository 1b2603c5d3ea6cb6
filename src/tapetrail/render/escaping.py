"""Text from outside as text of an HTML page: never markup, and nothing that hides itself."""

import html
from typing import Final

# Control letters, signs that turn the direction of text around, signs without width, and halves of
# letters: what a page cannot show, or what would let a text pass for another one.
_UNSHOWN: Final = dict.fromkeys(
    (
        *range(0x20),
        *range(0x7F, 0xA0),
        0x061C,
        0x200B,
        *range(0x200E, 0x2010),
        *range(0x202A, 0x202F),
        0x2060,
        *range(0x2066, 0x206A),
        *range(0xD800, 0xE000),
        0xFEFF,
    ),
    "\ufffd",
)


def escaped(text: str) -> str:
    """Return the text for use in an element or an attribute; what has no sign is U+FFFD."""
    return html.escape(text.translate(_UNSHOWN), quote=True)
