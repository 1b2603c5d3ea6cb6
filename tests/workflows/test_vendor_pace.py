"""A vendor is asked so much at once, by all processes together."""

from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from tests.paced_vendor import KLINES, paced_vendor
from tests.workflows.conftest import Home

from tapetrail.settings import limits_of

pytestmark = pytest.mark.service

LATENCY_S: Final = 0.1
EACH: Final = 12


def test_two_processes_never_ask_a_vendor_more_than_is_allowed_at_once(
    home: Home, tmp_path: Path
) -> None:
    with paced_vendor(tmp_path / "journal", latency_s=LATENCY_S) as vendor:
        asked = {"BINANCE_BASE_URL": vendor.url}
        assert home.run("db", "upgrade").returncode == 0
        shares = [[f"{half}{number}USDT" for number in range(EACH)] for half in "AB"]
        with ExitStack() as stack:
            fetching = [
                stack.enter_context(
                    home.started("data", "fetch", *symbols, "--source", "binance", **asked)
                )
                for symbols in shares
            ]
            for process in fetching:
                said, _ = process.communicate(timeout=120)
                assert process.returncode == 0, said
        visits = vendor.visits(KLINES)
    kept = home.rows("SELECT DISTINCT instrument_id FROM tapetrail.market_vintages")
    assert len(kept) == 2 * EACH
    allowed = limits_of("binance").max_in_flight
    assert max(visit.in_flight for visit in visits) == allowed == 5
