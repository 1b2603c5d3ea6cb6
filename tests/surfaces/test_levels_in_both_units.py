"""Levels go out in the unit that the exchange quotes and in the currency they are recorded in."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from tapetrail.cli.terminal.details import detail_lines
from tapetrail.cli.terminal.output import Screen
from tapetrail.listing import SIGNALS
from tapetrail.listing.parts import RELATED_SNAPSHOTS
from tapetrail.wire import Detail

PENCE = {"quoted_in": "GBX", "currency": "GBP", "price_factor": Decimal("0.01")}
FILS = {"quoted_in": "KWF", "currency": "KWD", "price_factor": Decimal("0.001")}


@pytest.mark.parametrize(
    ("bars", "said"),
    [
        (PENCE, "entry price 1234.5 GBX (12.345 GBP), stop loss 1200 GBX (12 GBP)"),
        (FILS, "entry price 12345 KWF (12.345 KWD), stop loss 12000 KWF (12 KWD)"),
        ({**PENCE, "quoted_in": "GBP", "price_factor": Decimal(1)}, "entry price 12.345, stop"),
        ({**PENCE, "quoted_in": None}, "entry price 12.345, stop loss 12"),
        ({}, "entry price 12.345, stop loss 12"),
    ],
)
def test_levels_are_shown_in_both_units(bars: Mapping[str, object], said: str) -> None:
    row: Mapping[str, object] = {
        "id": 3, "role": "deciding", "signal_type": "BUY", "symbol": "VOD", "decided_at": None,
        "confidence": None, "entry_price": Decimal("12.345"), "stop_loss": Decimal(12),
        "target_price": None, "risk_reward_ratio": None, "reasoning": None,
    }  # fmt: skip
    whole = {**dict.fromkeys((*RELATED_SNAPSHOTS.brief, *PENCE)), **bars}
    related: dict[str, list[Mapping[str, object]]] = {"charts": [], "analyses": []}
    related["snapshots"] = [whole] if bars else []
    lines = [*detail_lines(SIGNALS, Detail(columns=row, related=related), screen=Screen())]
    assert said in lines[1]
