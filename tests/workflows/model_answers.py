"""Answers that models give about IBM at the end of August 2012, and who gives them."""

import json
from typing import Any, Final

from tests.model_server import Asked

CHART: Final[dict[str, Any]] = {
    "observations": ["last close = 194.85", "RSI = 50"],
    "support_levels": [190.0, 185.5],
    "resistance_levels": [200],
    "key_patterns": ["range"],
    "reasoning": "A quiet range above a rising average.",
    "trend": "bullish",
    "confidence": 0.6,
}
WHOLE: Final[dict[str, Any]] = {
    **{name: value for name, value in CHART.items() if name != "confidence"},
    "signal_type": "BUY",
    "entry_type": "limit",
    "entry_price": 194.5,
    "stop_loss": 189.25,
    "target_price": 205,
    "horizon_bars": 20,
    "confidence": 0.55,
}
HOLD: Final[dict[str, Any]] = {
    **WHOLE,
    "signal_type": "HOLD",
    **dict.fromkeys(("entry_type", "entry_price", "stop_loss", "target_price", "confidence")),
}


def is_whole(asked: Asked) -> bool:
    """Whether a request asks about all charts together."""
    return b"signal_type" in asked.body


def good(asked: Asked) -> str:
    """A good answer to whatever is asked."""
    return json.dumps(WHOLE if is_whole(asked) else CHART)
