"""What the kernel says of the host's clock, and when it says nothing."""

import struct
from decimal import Decimal

import pytest

from tapetrail.host_clock import SIZE, load_clock_offset_ms, read_offset_ms

FOLLOWS, FOLLOWS_IN_NS, ALONE = 0x0001, 0x2001, 0x0041


def answer(offset: int, status: int) -> bytes:
    """Return a `struct timex`: modes, offset, frequency, two errors, status, and what follows."""
    return struct.pack("=i4xqqqqi", 0, offset, 0, 0, 0, status).ljust(SIZE, b"\0")


@pytest.mark.parametrize(
    ("code", "state", "expected"),
    [
        (0, answer(-1_250, FOLLOWS), Decimal("-1.25")),
        (0, answer(734_201, FOLLOWS_IN_NS), Decimal("0.734201")),
        (1, answer(0, FOLLOWS_IN_NS), Decimal(0)),
        (5, answer(734_201, FOLLOWS_IN_NS), None),
        (0, answer(734_201, ALONE), None),
        (-1, answer(0, FOLLOWS), None),
    ],
)
def test_an_offset_is_what_a_clock_that_follows_another_says(
    code: int, state: bytes, expected: Decimal | None
) -> None:
    assert read_offset_ms(code, state) == expected


def test_this_host_answers_or_says_nothing() -> None:
    found = load_clock_offset_ms()
    assert found is None or abs(found) < 60_000
