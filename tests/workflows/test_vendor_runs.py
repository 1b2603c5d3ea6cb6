"""A run whose bars come from a vendor over the network, and from what is kept of it."""

import json
from collections.abc import Generator
from typing import Final

import pytest
from tests.edges.test_binance import good
from tests.model_server import Answer, Answers, Asked, ModelServer, model_server
from tests.workflows.conftest import Home

from tapetrail.sources.pages import MEDIA_TYPE, pages_of

pytestmark = pytest.mark.service

AS_OF: Final = "2024-06-28"
RECORDED: Final = """
SELECT s.timeframe, s.source, s.bar_count, s.volume_unit, s.adjustment, s.adjusted_with_hindsight,
    s.session_last, s.from_cache, s.fetched_at, b.key AS payload, b.media_type, i.exchange,
    i.currency, i.tick_size, e.debug_mode
FROM tapetrail.market_snapshots AS s JOIN tapetrail.blobs AS b ON b.digest = s.raw_digest
JOIN tapetrail.instruments AS i ON i.id = s.instrument_id
JOIN tapetrail.workflow_executions AS e ON e.id = s.execution_id ORDER BY s.id
"""
VINTAGES: Final = "SELECT * FROM tapetrail.market_vintages ORDER BY id"
FAILED: Final = (
    "SELECT failed_stage, error_kind, error_message FROM tapetrail.decisions"
    " WHERE status = 'failed' ORDER BY id"
)
BANNED: Final = Answer(status=418, body=json.dumps({"code": -1003}).encode())


@pytest.fixture
def vendor() -> Generator[ModelServer]:
    with model_server() as made:
        made.answers = good
        yield made


@pytest.fixture
def asked(vendor: ModelServer) -> dict[str, str]:
    return {"BINANCE_BASE_URL": vendor.url}


def klines(vendor: ModelServer) -> int:
    """Return how often bars were asked for."""
    return sum("klines" in each.path for each in vendor.asked)


def test_a_pair_is_decided_on_by_the_bytes_that_the_vendor_sent(
    home: Home, vendor: ModelServer, asked: dict[str, str]
) -> None:
    file = home.strategy(symbols="BTCUSDT", more="source: binance")
    done = home.run("run", file, "--as-of", AS_OF, **asked)
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
    pages = [sent for sent in vendor.sent if sent.startswith(b"[")]
    assert len(pages) > 1
    assert pages_of(payload) == pages
    assert not daily["from_cache"]
    # It waited in a queue of its own, and held no slot for work meanwhile.
    queues = home.rows("SELECT DISTINCT queue_name FROM dbos.workflow_status WHERE name = 'decide'")
    assert queues == [{"queue_name": "waiting_decisions"}]
    (vintage,) = home.rows(VINTAGES)
    assert vintage["fetched_at"] == daily["fetched_at"]
    assert str(vintage["session_last"]) > AS_OF
    assert home.run("verify", "--deep").returncode == 0


def test_what_is_kept_is_used_again_for_that_day_and_for_others(
    home: Home, vendor: ModelServer, asked: dict[str, str]
) -> None:
    file = home.strategy(symbols="BTCUSDT", more="source: binance")
    assert home.run("run", file, "--as-of", AS_OF, **asked).returncode == 0
    before = len(vendor.asked)
    assert home.run("run", file, "--as-of", AS_OF, **asked).returncode == 0
    assert home.run("run", file, "--as-of", "2025-03-14", **asked).returncode == 0
    assert len(vendor.asked) == before
    first, _, again, _, later, _ = home.rows(RECORDED)
    assert [each["from_cache"] for each in (first, again, later)] == [False, True, True]
    assert len({each["payload"] for each in (first, again, later)}) == 1
    assert len({each["fetched_at"] for each in (first, again, later)}) == 1
    assert str(later["session_last"]) == "2025-03-14"


def test_a_vendor_that_is_away_is_a_recorded_failure_and_left_alone(
    home: Home, vendor: ModelServer, asked: dict[str, str]
) -> None:
    def bars_refused(request: Asked) -> Answer | str:
        return BANNED if "klines" in request.path else good(request)

    file = home.strategy(symbols="BTCUSDT", more="source: binance")
    vendor.answers = bars_refused
    for _ in range(2):
        done = home.run("run", file, "--as-of", AS_OF, **asked)
        assert done.returncode == 1, done.stdout + done.stderr
    banned, left = home.rows(FAILED)
    assert (banned["failed_stage"], banned["error_kind"]) == ("bars", "source_unavailable")
    assert "banned this address" in banned["error_message"]
    assert klines(vendor) == 1
    assert "is left alone until" in left["error_message"]
    assert home.rows(VINTAGES) == []


def test_bars_that_cannot_be_read_are_kept_and_never_used(
    home: Home, vendor: ModelServer, asked: dict[str, str]
) -> None:
    def broken(request: Asked) -> Answer | str:
        answer = good(request)
        if "klines" not in request.path:
            return answer
        assert isinstance(answer, Answer)
        rows = json.loads(answer.body or b"")
        rows[3][2] = "0.01"  # a high below its low
        return Answer(body=json.dumps(rows).encode())

    file = home.strategy(symbols="BTCUSDT", more="source: binance")
    vendor.answers = broken
    assert home.run("run", file, "--as-of", AS_OF, **asked).returncode == 1
    (failed,) = home.rows(FAILED)
    assert failed["error_kind"] == "bad_bars"
    (vintage,) = home.rows(VINTAGES)
    assert vintage["problem"] == failed["error_message"]
    vendor.answers = good
    assert home.run("run", file, "--as-of", AS_OF, **asked).returncode == 0
    assert home.run("verify", "--deep").returncode == 0
    compared = home.run("data", "compare", "1", "2")
    assert (compared.returncode, "vintage 1 has no bars" in compared.stderr) == (2, True)


def test_a_restated_history_is_dated_and_shown(
    home: Home, vendor: ModelServer, asked: dict[str, str]
) -> None:
    def restated(request: Asked) -> Answer | str:
        answer = good(request)
        if "klines" not in request.path:
            return answer
        assert isinstance(answer, Answer)
        rows = json.loads(answer.body or b"")
        for row in rows[1:3]:
            row[1:5] = [str(float(price) / 2) for price in row[1:5]]
        return Answer(body=json.dumps(rows).encode())

    words = ("data", "fetch", "BTCUSDT", "--source", "binance")
    assert home.run(*words, **asked).returncode == 0
    same = home.run(*words, "--again", **asked)
    assert same.returncode == 0, same.stderr
    vendor.answers, before = restated, klines(vendor)
    assert home.run(*words, "--again", **asked).returncode == 0
    pages = klines(vendor) - before
    first, equal, other = home.rows(VINTAGES)
    assert (first["differs_from"], equal["differs_from"]) == (None, None)
    assert other["differs_from"] == equal["id"]
    assert other["moved_bars"] == 2 * pages
    assert float(other["moved_pct_max"]) == 50
    shown = home.run("data", "compare", str(other["id"]), "--json")
    assert shown.returncode == 1, shown.stderr
    document = json.loads(shown.stdout)
    assert document["factor"] == 0.5
    assert [row["moved_pct"] for row in document["moved"]] == [50] * other["moved_bars"]
    plain = home.run("data", "compare", str(other["id"]))
    assert "was multiplied by 0.5" in plain.stdout
    assert home.run("data", "compare", "1", "2").returncode == 0


def times(by: float, *, rows: slice) -> Answers:
    """Return what answers with the prices of some rows multiplied."""

    def answer(request: Asked) -> Answer | str:
        found = good(request)
        if "klines" not in request.path:
            return found
        assert isinstance(found, Answer)
        changed = json.loads(found.body or b"")
        for row in changed[rows]:
            row[1:5] = [str(float(price) * by) for price in row[1:5]]
        return Answer(body=json.dumps(changed).encode())

    return answer


def test_prices_of_another_unit_than_before_are_refused_until_somebody_has_looked(
    home: Home, vendor: ModelServer, asked: dict[str, str]
) -> None:
    words = ("data", "fetch", "BTCUSDT", "--source", "binance", "--again")
    assert home.run(*words, **asked).returncode == 0
    vendor.answers = times(100, rows=slice(None))
    refused = home.run(*words, **asked)
    assert refused.returncode == 1
    assert "nearly every close is 100 times that of vintage 1" in refused.stdout
    assert "tapetrail data fetch STRATEGY --again --accept" in refused.stdout
    assert home.run(*words, "--accept", **asked).returncode == 0
    first, kept, taken = home.rows(VINTAGES)
    assert (kept["problem"] is None, taken["differs_from"]) == (False, first["id"])
    # From then on it is the unit.
    assert home.run(*words, **asked).returncode == 0


def test_what_a_vendor_restated_is_said_by_fetch_and_on_the_charts(
    home: Home, vendor: ModelServer, asked: dict[str, str]
) -> None:
    file = home.strategy(symbols="BTCUSDT", more="source: binance")
    assert home.run("data", "fetch", file, **asked).returncode == 0
    vendor.answers = times(1.5, rows=slice(5, 6))
    fetched = home.run("data", "fetch", file, "--again", **asked)
    assert fetched.returncode == 0, fetched.stderr
    said = "moved, went or came since vintage 1, by at most 50 %"
    assert said in fetched.stderr
    assert home.run("run", file, "--as-of", AS_OF, **asked).returncode == 0
    assert home.run("charts", "save", "1", "--format", "html", "-o", "c.html").returncode == 0
    page = (home.path.parent / "c.html").read_text(encoding="utf-8")
    assert "Restated by binance: " in page
    assert "moved, went or came since vintage" in page


def test_a_feed_that_stands_still_is_said_on_the_charts(
    home: Home, vendor: ModelServer, asked: dict[str, str]
) -> None:
    def still(request: Asked) -> Answer | str:
        found = good(request)
        if "klines" not in request.path:
            return found
        assert isinstance(found, Answer)
        rows = json.loads(found.body or b"")
        for row in rows[-60:]:
            row[1:6] = ["50", "50", "50", "50", "0"]
        return Answer(body=json.dumps(rows).encode())

    file = home.strategy(symbols="BTCUSDT", more="source: binance")
    vendor.answers = still
    assert home.run("run", file, **asked).returncode == 0
    assert home.run("charts", "save", "1", "--format", "html", "-o", "c.html").returncode == 0
    page = (home.path.parent / "c.html").read_text(encoding="utf-8")
    assert "The last 60 daily bars are all the same, volumes too: nothing traded since" in page
