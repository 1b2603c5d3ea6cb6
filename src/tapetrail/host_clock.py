"""How far the clock of this host is from the one it follows, as the kernel knows it.

Linux keeps what the last time server or receiver told it; `ntp_adjtime` reads that without changing
anything (Mills, RFC 5905, and the kernel's `timex.h`, for machines with 64 bits).
"""

import ctypes
import struct
import sys
from decimal import Decimal
from typing import Final

SOURCE: Final = "ntp_adjtime"
SIZE: Final = 208
TIME_ERROR: Final = 5
UNSYNCHRONISED: Final = 0x40
IN_NANOSECONDS: Final = 0x2000
_OFFSET_AT: Final = 8
_STATUS_AT: Final = 40


def load_clock_offset_ms() -> Decimal | None:
    """Return the offset in milliseconds, None where the host follows no clock or does not say."""
    if sys.platform != "linux" or ctypes.sizeof(ctypes.c_long) != struct.calcsize("<q"):
        return None
    state = ctypes.create_string_buffer(SIZE)
    return read_offset_ms(ctypes.CDLL(None).ntp_adjtime(state), state.raw)


def read_offset_ms(code: int, state: bytes) -> Decimal | None:
    """Return the offset in milliseconds that the kernel's answer holds, None where it has none."""
    (offset,) = struct.unpack_from("=q", state, _OFFSET_AT)
    (status,) = struct.unpack_from("=i", state, _STATUS_AT)
    if not 0 <= code < TIME_ERROR or status & UNSYNCHRONISED:
        return None
    return Decimal(offset).scaleb(-6 if status & IN_NANOSECONDS else -3)
