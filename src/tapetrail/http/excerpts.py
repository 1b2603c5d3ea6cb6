"""How bodies and texts of others begin, for messages: in quotes, for they are untrusted."""

from typing import Final

from tapetrail.core.canonical import storable_text

SHOWN_CHARS: Final = 200


def excerpt(body: bytes) -> str:
    """Return how a body begins, in quotes, without what a terminal would obey."""
    return shown(body[: SHOWN_CHARS * 4].decode(errors="replace"))


def shown(text: str) -> str:
    """Return how a text begins, in quotes, without what a terminal would obey."""
    kept = storable_text(text)
    return repr(kept if len(kept) <= SHOWN_CHARS else kept[:SHOWN_CHARS] + " ...")
