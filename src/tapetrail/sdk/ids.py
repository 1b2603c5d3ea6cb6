"""The names that a program gives to what it tells."""

import os
from datetime import datetime
from typing import Final
from uuid import UUID

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuv"
_REF_CHARS: Final = 15
_BITS: Final = 5


def new_external_id(at: datetime) -> str:
    """Return a UUID of version 7 (RFC 9562): the instant in milliseconds, then chance."""
    millis = int(at.timestamp() * 1000) & ((1 << 48) - 1)
    chance = int.from_bytes(os.urandom(10), "big")
    high, low = chance & 0xFFF, chance >> 12 & ((1 << 62) - 1)
    return str(UUID(int=(millis << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low))


def order_ref_of(external_id: str) -> str:
    """Return the chance of an id as 15 lower-case letters and digits, which every broker takes."""
    bits = UUID(external_id).int
    chance = (bits >> 64 & 0xFFF) << 62 | bits & ((1 << 62) - 1)
    return "".join(_DIGITS[chance >> _BITS * at & 31] for at in reversed(range(_REF_CHARS)))
