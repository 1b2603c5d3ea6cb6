"""A run whose bars come from a vendor over the network: what it sent is on record, to the byte."""

import json
from collections.abc import Generator
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Final

import pytest
from tests.edges.test_binance import good
from tests.edges.yahoo_asked import EVENING
from tests.model_server import Answer, ModelServer, model_server
from tests.workflows.conftest import Home
from tests.yahoo_server import RATIO, Yahoo

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


@pytest.fixture
def yahoo() -> Generator[ModelServer]:
    with model_server() as made:
        made.answers = Yahoo(now=EVENING, follows=True)
        yield made


def test_a_share_is_decided_on_by_yahoos_reply_without_the_splits_that_came_later(
    home: Home, yahoo: ModelServer
) -> None:
    file = home.strategy(symbols="AAPL", more="source: yahoo")
    words, asked = ("run", file, "--as-of", AS_OF), {"YAHOO_BASE_URL": yahoo.url}
    done = home.run(*words, **asked)
    assert done.returncode == 0, done.stdout + done.stderr
    daily, weekly = home.rows(RECORDED)
    assert (daily["source"], daily["exchange"], daily["currency"]) == ("yahoo", "XNAS", "USD")
    assert (daily["volume_unit"], daily["adjustment"]) == ("shares", "split")
    assert str(daily["session_last"]) == AS_OF
    assert daily["payload"] == weekly["payload"]
    payload = (home.path / "blobs" / daily["payload"]).read_bytes()
    assert payload == yahoo.sent[-1]
    assert daily["media_type"] == "application/json"
    (row,) = home.rows("SELECT b.key FROM tapetrail.market_snapshots AS s JOIN tapetrail.blobs AS b"
                       " ON b.digest = s.bars_digest WHERE s.timeframe = '1d'")  # fmt: skip
    last = (home.path / "blobs" / row["key"]).read_text().splitlines()[-1].split(",")
    sent = json.loads(payload)["chart"]["result"][0]
    at = sent["timestamp"].index(int(datetime(2024, 6, 28, 13, 30, tzinfo=UTC).timestamp()))
    assert str(RATIO * sent["indicators"]["quote"][0]["close"][at]).removesuffix(".0") in last
    assert home.run("verify", "--deep").returncode == 0


@pytest.mark.skipif(find_spec("yfinance") is not None, reason="yfinance is installed")
def test_yahoo_without_its_package_says_what_to_install_and_writes_nothing(home: Home) -> None:
    done = home.run("run", home.strategy(symbols="AAPL", more="source: yahoo"), "--as-of", AS_OF)
    assert done.returncode != 0
    assert "pip install yfinance, or tapetrail[yahoo]" in done.stderr
    assert home.rows("SELECT id FROM tapetrail.decisions") == []
