"""A run by Yahoo's charts: splits of after `as_of` undone, what it sent on record."""

import json
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.edges.yahoo_asked import EVENING
from tests.homes import python_path
from tests.model_server import ModelServer, model_server
from tests.workflows.conftest import Home
from tests.workflows.test_vendor_runs import AS_OF, RECORDED
from tests.yahoo_server import APPLE, RATIO, Yahoo

pytestmark = pytest.mark.service


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


def test_yahoo_without_its_package_says_what_to_install_and_writes_nothing(
    home: Home, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['yfinance'] = None")
    file = home.strategy(symbols="AAPL", more="source: yahoo")
    done = home.run("run", file, "--as-of", AS_OF, PYTHONPATH=python_path(tmp_path))
    assert done.returncode != 0
    assert "pip install yfinance, or tapetrail[yahoo]" in done.stderr
    assert home.rows("SELECT id FROM tapetrail.decisions") == []


def test_pence_that_are_kept_are_compared_again(home: Home, yahoo: ModelServer) -> None:
    meta = {**APPLE, "symbol": "VOD.L", "exchangeName": "LSE", "fullExchangeName": "LSE",
            "currency": "GBp", "exchangeTimezoneName": "Europe/London"}  # fmt: skip
    yahoo.answers = Yahoo(now=EVENING, follows=True, meta=meta, calendar="XLON", splits=())
    asked = {"YAHOO_BASE_URL": yahoo.url}
    for _ in range(2):
        done = home.run("data", "fetch", "VOD.L", "--source", "yahoo", "--again", **asked)
        assert done.returncode == 0, done.stdout + done.stderr
    compared = home.run("data", "compare", "1", "2", **asked)
    assert compared.returncode == 0, compared.stdout + compared.stderr
