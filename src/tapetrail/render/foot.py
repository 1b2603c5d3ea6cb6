"""The foot of an interactive page that leaves the record: where it comes from.

It stands after the last byte of the recorded document, which stays as it is: whoever cuts the file
there has the bytes whose digest is on record.
"""

import re
from typing import Final

from tapetrail.core.canonical import Digest
from tapetrail.core.charts.origin import AUTHOR, Origin
from tapetrail.render.escaping import escaped

DIGEST_PIECE: Final = 16


def with_foot(page: bytes, origin: Origin, *, digest: Digest) -> bytes:
    """Return the recorded page, whose digest is given, and what is said of it after its end."""
    cut = f"The first {len(page)} bytes of this file are the recorded page, {digest}."
    said = [cut, *(f"{name}: {text}" for name, text in origin.facts)]
    lines = [
        f'<meta name="author" content="{AUTHOR}">',
        f'<meta name="subject" content="{escaped(origin.subject)}">',
        f'<meta name="description" content="{escaped(origin.title)}">',
        '<footer id="origin">',
        *(f"<p>{_breakable(escaped(text))}</p>" for text in said),
        "</footer>",
    ]
    return page + ("\n".join(lines) + "\n").encode("utf-8")


def _breakable(text: str) -> str:
    """Return the text with places in its digests where a narrow page may go on below."""
    piece = rf"([0-9a-f]{{{DIGEST_PIECE}}})(?=[0-9a-f])"
    return re.sub(piece, r"\1<wbr>", text)
