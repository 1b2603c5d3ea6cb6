"""A folder of IBKR's histories becomes decisions, and what they cannot say is said."""

import json
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from tests.surfaces.conftest import Terminal

from tapetrail.sources.calendars import load_calendar

DAYS: Final = 84
FACTORS: Final = {"ACME": 1, "BETA": 100}
"""What each history says of its volumes: both are lots, whatever they say."""
STRATEGY: Final = """\
name: histories
instruments: [ACME, BETA]
source: file:bars/{symbol}_1d.json
timeframes: [1d]
data: {exchange: XNAS, currency: USD, adjustment: split}
"""


def history(symbol: str, factor: int, *, every: int, length: int) -> str:
    """Return the last sessions up to 2025-06-27, or the first of each few, in fractional lots."""
    calendar = load_calendar("XNAS")
    last = int(np.searchsorted(calendar.sessions, np.datetime64("2025-06-27")))
    opened = calendar.opened_at[last - DAYS + 1 : last + 1 : every].astype("datetime64[ms]")
    rows = [
        {"o": 100 + at, "h": 102 + at, "l": 99 + at, "c": 101 + at, "v": 12.34, "t": stamp}
        for at, stamp in enumerate(opened.astype(np.int64).tolist())
    ]
    return json.dumps(
        {
            "symbol": symbol, "priceFactor": 100, "volumeFactor": factor, "barLength": length,
            "mdAvailability": "S", "outsideRth": False, "points": len(rows) - 1, "data": rows,
        }
    )  # fmt: skip


@pytest.mark.service
def test_a_folder_of_histories_becomes_decisions_and_says_what_it_lacks(tmp_path: Path) -> None:
    terminal = Terminal(home=tmp_path / "home")
    folder = tmp_path / "bars"
    folder.mkdir()
    for symbol, factor in FACTORS.items():
        for bar, every, length in (("1d", 1, 86_400), ("1w", 5, 604_800)):
            text = history(symbol, factor, every=every, length=length)
            (folder / f"{symbol}_{bar}.json").write_text(text, encoding="utf-8")
    (tmp_path / "s.yaml").write_text(STRATEGY, encoding="utf-8")
    ran = terminal.run("run", "s.yaml")
    assert ran.code == 0, ran.err
    assert f"{folder / 'ACME_1w.json'}: its bars of 1w are not used" in ran.err
    assert "built from the 84 daily bars, which cannot confirm the weeks before them" in ran.err
    for number in ("1", "2"):
        chart = json.loads(terminal.run("charts", "show", number, "--json").out)
        assert chart["data_points"] == DAYS
        assert chart["volume_avg"] == "1234"
        assert [missing["name"] for missing in chart["missing_indicators"]] == ["SMA200"]
    weekly = STRATEGY.replace("_1d.json", "_1w.json")
    (tmp_path / "w.yaml").write_text(weekly, encoding="utf-8")
    refused = terminal.run("run", "w.yaml")
    assert refused.code == 2
    assert "ACME_1w.json: barLength 604800 s, and a day has 86400" in refused.err
