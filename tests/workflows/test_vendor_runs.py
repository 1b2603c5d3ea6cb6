"""A run whose bars come from a vendor over the network: what it sent is on record, to the byte."""

import json
from collections.abc import Generator
from typing import Final

import pytest
from tests.edges.test_binance import good
from tests.ibkr_gateway import AAPL, VOD_LONDON, IbkrGateway
from tests.model_server import Answer, ModelServer, model_server
from tests.workflows.conftest import Home

from tapetrail.sources.pages import MEDIA_TYPE, pages_of

pytestmark = pytest.mark.service

AS_OF: Final = "2024-06-28"
RECORDED: Final = """
SELECT s.timeframe, s.source, s.bar_count, s.volume_unit, s.adjustment, s.adjusted_with_hindsight,
    s.session_last, b.key AS payload, b.media_type, i.exchange, i.currency, i.tick_size
FROM tapetrail.market_snapshots AS s JOIN tapetrail.blobs AS b ON b.digest = s.raw_digest
JOIN tapetrail.instruments AS i ON i.id = s.instrument_id ORDER BY s.id
"""


@pytest.fixture
def vendor() -> Generator[ModelServer]:
    with model_server() as made:
        made.answers = good
        yield made


def test_a_pair_is_decided_on_by_the_bytes_that_the_vendor_sent(
    home: Home, vendor: ModelServer
) -> None:
    file = home.strategy(symbols="BTCUSDT", more="source: binance")
    words, asked = ("run", file, "--as-of", AS_OF), {"BINANCE_BASE_URL": vendor.url}
    done = home.run(*words, **asked)
    assert done.returncode == 0, done.stdout + done.stderr
    daily, weekly = home.rows(RECORDED)
    assert (daily["source"], daily["timeframe"], weekly["timeframe"]) == ("binance", "1d", "1w")
    assert (daily["exchange"], daily["currency"], str(daily["tick_size"])) == (
        "BINANCE", "USDT", "0.01",
    )  # fmt: skip
    assert (daily["volume_unit"], daily["adjustment"]) == ("units", "raw")
    assert not daily["adjusted_with_hindsight"]
    assert str(daily["session_last"]) == AS_OF
    assert daily["payload"] == weekly["payload"]
    payload = (home.path / "blobs" / daily["payload"]).read_bytes()
    assert daily["media_type"] == MEDIA_TYPE
    # The weeks go further back than one page.
    pages = [sent for sent in vendor.sent if sent.startswith(b"[")]
    assert len(pages) > 1
    assert pages_of(payload) == pages
    assert home.run("verify", "--deep").returncode == 0
    # The record knows the pair by now, and nobody is asked what it is.
    before = len(vendor.asked)
    assert home.run(*words, **asked).returncode == 0
    assert all("klines" in each.path for each in vendor.asked[before:])


def test_a_vendor_that_is_away_is_a_recorded_failure(home: Home, vendor: ModelServer) -> None:
    file = home.strategy(symbols="BTCUSDT", more="source: binance")
    words, asked = ("run", file, "--as-of", AS_OF), {"BINANCE_BASE_URL": vendor.url}
    assert home.run(*words, **asked).returncode == 0
    vendor.answers = lambda _: Answer(status=418, body=json.dumps({"code": -1003}).encode())
    done = home.run(*words, **asked)
    assert done.returncode == 1, done.stdout + done.stderr
    (failed,) = home.rows(
        "SELECT failed_stage, error_kind, error_message FROM tapetrail.decisions"
        " WHERE status = 'failed'"
    )
    assert (failed["failed_stage"], failed["error_kind"]) == ("bars", "source_unavailable")
    assert "banned this address" in failed["error_message"]


BY_CONID: Final = """
SELECT s.timeframe, s.source, s.volume_unit, s.adjustment, s.adjusted_with_hindsight,
    s.session_last, s.quoted_in, s.price_factor, b.key AS payload, i.symbol, i.exchange, i.currency,
    coalesce(i.conid::text, f.value) AS conid
FROM tapetrail.market_snapshots AS s JOIN tapetrail.blobs AS b ON b.digest = s.raw_digest
JOIN tapetrail.instruments AS i ON i.id = s.instrument_id
LEFT JOIN tapetrail.instrument_facts AS f ON f.instrument_id = i.id AND f.field = 'conid'
ORDER BY i.symbol, s.timeframe
"""
IN_LONDON: Final = "{symbol: VOD, exchange: LSE, currency: GBP, quoted_in: GBX}"
IN_NEW_YORK: Final = "{symbol: AAPL, exchange: NASDAQ}"


def test_shares_are_decided_on_by_the_bytes_that_a_gateway_sent(
    home: Home, vendor: ModelServer
) -> None:
    gateway = IbkrGateway(has_session=False, has_named_accounts=False)
    vendor.answers = gateway
    file = home.strategy(symbols=f"{IN_NEW_YORK}, {IN_LONDON}", more="source: ibkr")
    words, asked = ("run", file, "--as-of", AS_OF), {"IBKR_BASE_URL": vendor.url}
    done = home.run(*words, **asked)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = home.rows(BY_CONID)
    assert [(row["symbol"], row["timeframe"]) for row in rows] == [
        ("AAPL", "1d"), ("AAPL", "1w"), ("VOD", "1d"), ("VOD", "1w"),
    ]  # fmt: skip
    daily, _, london, _ = rows
    assert (daily["source"], daily["exchange"], daily["currency"]) == ("ibkr", "XNAS", "USD")
    assert (london["exchange"], london["currency"], london["quoted_in"]) == ("XLON", "GBP", "GBX")
    assert [row["conid"] for row in (daily, london)] == [str(AAPL), str(VOD_LONDON)]
    assert {(row["volume_unit"], row["adjustment"]) for row in rows} == {("shares", "split")}
    # Splits of after that day would be in these prices.
    assert all(row["adjusted_with_hindsight"] for row in rows)
    payload = pages_of((home.path / "blobs" / daily["payload"]).read_bytes())
    assert len(payload) == 2
    assert set(payload) <= set(vendor.sent)
    assert gateway.bodies == [{"compete": False, "publish": True}]
    assert home.run("verify", "--deep").returncode == 0
    # The record knows the contracts by now, and nobody is asked what they are.
    before = len(vendor.asked)
    assert home.run(*words, **asked).returncode == 0
    assert all("/history?" in each.path for each in vendor.asked[before:])


def test_a_gateway_that_nobody_is_logged_in_at_is_a_recorded_failure(
    home: Home, vendor: ModelServer
) -> None:
    vendor.answers = IbkrGateway()
    file = home.strategy(symbols=IN_NEW_YORK, more="source: ibkr")
    words, asked = ("run", file, "--as-of", AS_OF), {"IBKR_BASE_URL": vendor.url}
    assert home.run(*words, **asked).returncode == 0
    vendor.answers = lambda _: Answer(status=401, body=b"")
    assert home.run(*words, **asked).returncode == 1
    (failed,) = home.rows(
        "SELECT failed_stage, error_kind, error_message FROM tapetrail.decisions"
        " WHERE status = 'failed'"
    )
    assert (failed["failed_stage"], failed["error_kind"]) == ("bars", "source_unavailable")
    assert "nobody is logged in" in failed["error_message"]
