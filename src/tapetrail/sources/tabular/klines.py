"""Binance's klines: twelve values a bar without a name, in replies as in monthly files.

Open time, prices, volume, the time of the last millisecond (since 2025 in monthly files the last
microsecond), and five that no bar needs. The last one of a reply may still be open.
"""

import re
from collections.abc import Sequence
from typing import Final

KLINE: Final = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "ignore",
)
_NUMBER: Final = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
_EPOCH: Final = re.compile(r"[0-9]{13}|[0-9]{16}", re.ASCII)
_TIMES: Final = (KLINE.index("open_time"), KLINE.index("close_time"))


def is_kline(row: Sequence[object]) -> bool:
    """Return whether a row is one kline: twelve numbers, two of them its span in one unit."""
    texts = [str(cell).strip() for cell in row]
    if len(texts) != len(KLINE) or not all(map(_NUMBER.fullmatch, texts)):
        return False
    first, last = (texts[at] for at in _TIMES)
    are_epochs = _EPOCH.fullmatch(first) and len(first) == len(last)
    return bool(are_epochs) and int(first) < int(last)
