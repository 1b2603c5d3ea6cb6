"""The key under which a blob is kept: a relative path that says what it is to whoever looks.

One blob has one key. Keys are plain ASCII, so that they mean the same to every file system, object
store and address.
"""

import re
from datetime import date
from typing import Final
from urllib.parse import quote

from tapetrail.core.canonical import Digest, parse_digest
from tapetrail.core.errors import InvalidInput

SEGMENT_BYTES_MAX: Final = 255  # of one file name, on every common file system
DIGEST_DIGITS: Final = 12
COMPRESSED_SUFFIX: Final = "html"
"""What the keys of compressed blobs end in: the store keeps their bytes packed by gzip."""
_SEGMENT: Final = re.compile(r"[A-Za-z0-9._~%=+-]+")
_SUFFIX: Final = re.compile(r"[a-z0-9]+")


def object_key(digest: Digest) -> str:
    """Return `objects/ab/cdef...`: 256 folders at most, and the digest can be read back."""
    digits = _hex_digits(digest)
    return f"objects/{digits[:2]}/{digits[2:]}"


def chart_key(
    *, symbol: str, last_session: date, timeframe: str, digest: Digest, suffix: str
) -> str:
    """Return `charts/AAPL/20130301/1d-0123456789ab.jpg`; `suffix` comes without its dot.

    The symbol is percent-encoded, so that no symbol can name a folder of somebody else's.
    """
    if not _SUFFIX.fullmatch(suffix):
        raise InvalidInput(f"suffix {suffix!r}: expected lower-case letters and digits")
    name = f"{_encoded(timeframe)}-{_hex_digits(digest)[:DIGEST_DIGITS]}.{suffix}"
    return checked_key(f"charts/{_encoded(symbol)}/{last_session:%Y%m%d}/{name}")


def is_compressed(key: str) -> bool:
    """Return whether the bytes under `key` are kept packed. Digests are over the unpacked ones."""
    return key.endswith(f".{COMPRESSED_SUFFIX}")


def checked_key(key: str) -> str:
    """Return `key` if it is a relative path that stays below its root, whatever it was made from.

    Raises `InvalidInput` for anything else: an absolute path, an empty segment, `.` or `..`, a
    segment longer than a file name, or a character outside plain ASCII.
    """
    for segment in key.split("/"):
        if not _SEGMENT.fullmatch(segment) or segment in {".", ".."}:
            raise InvalidInput(
                f"blob key {key!r}: segment {segment!r} is not a plain name of ASCII letters,"
                " digits and ._~%=+-"
            )
        if len(segment) > SEGMENT_BYTES_MAX:
            raise InvalidInput(f"blob key {key!r}: a segment exceeds {SEGMENT_BYTES_MAX} bytes")
    return key


def _encoded(text: str) -> str:
    """Return the text as one path segment: `BRK.B` as it is, `BF/B` as `BF%2FB`."""
    if set(text) == {"."}:
        return text.replace(".", "%2E")
    try:
        return quote(text, safe="")
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{text!r} is not valid Unicode") from error


def _hex_digits(digest: Digest) -> str:
    return parse_digest(digest).removeprefix("sha256:")
