"""The same question gets the same evidence wherever it is asked."""

from typing import Final

import pytest
from tests.workflows.conftest import Home

pytestmark = pytest.mark.service

EVIDENCE: Final = """
SELECT d.symbol, d.status, d.error_kind, d.error_message, s.timeframe, s.bars_digest, s.raw_digest,
       c.spec_digest, c.jpeg_digest, c.price_current, c.price_change_pct, c.volume_avg,
       a.question, a.response_text, g.signal_type, g.entry_price, g.stop_loss, g.target_price,
       g.reasoning
FROM tapetrail.decisions AS d
JOIN tapetrail.market_snapshots AS s ON s.decision_id = d.id
JOIN tapetrail.charts AS c ON c.snapshot_id = s.id
LEFT JOIN tapetrail.llm_analyses AS a ON a.decision_id = d.id
LEFT JOIN tapetrail.trading_signals AS g ON g.decision_id = d.id
ORDER BY d.symbol, s.timeframe, a.question
"""


def test_another_process_place_language_zone_and_hash_seed_give_the_same_bytes(
    recorded: Home, home: Home
) -> None:
    elsewhere = {
        "LANG": "tr_TR.UTF-8",
        "LC_ALL": "C",
        "LC_NUMERIC": "de_DE.UTF-8",
        "TZ": "Asia/Tokyo",
        "PYTHONHASHSEED": "4711",
        "PYTHONUTF8": "0",
    }
    ended = home.run(*home.asked(symbols="AAPL, FB, IBM"), **elsewhere)
    assert ended.returncode == 1, ended.stderr
    here, there = recorded.rows(EVIDENCE), home.rows(EVIDENCE)
    assert len(here) == 2 * (3 + 2 + 3)
    assert there == here
