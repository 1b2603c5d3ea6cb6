"""A run whose bars come from a gateway of IBKR: by conid, in pounds, and what it refuses."""

from collections.abc import Callable, Generator
from typing import Final

import pytest
from tests.ibkr_gateway import AAPL, VOD_LONDON, IbkrGateway
from tests.model_server import Answer, Asked, ModelServer, model_server
from tests.workflows.conftest import Home

from tapetrail.sources.pages import pages_of

pytestmark = pytest.mark.service

AS_OF: Final = "2024-06-28"
FAILED: Final = (
    "SELECT failed_stage, error_kind, error_message FROM tapetrail.decisions"
    " WHERE status = 'failed' ORDER BY id"
)
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


@pytest.fixture
def vendor() -> Generator[ModelServer]:
    with model_server() as made:
        yield made


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
    assert len(payload) > 2
    assert set(payload) <= set(vendor.sent)
    # Both were looked up side by side, and either may have found that there was no session.
    assert gateway.bodies in [[{"compete": False, "publish": True}] * times for times in (1, 2)]
    assert home.run("verify", "--deep").returncode == 0
    # The record knows contracts and bars by now, and nobody is asked again.
    before = len(vendor.asked)
    assert home.run(*words, **asked).returncode == 0
    assert len(vendor.asked) == before
    assert home.run(*words, "--debug-mode", **asked).returncode == 0
    assert len(vendor.asked) == before


def refusing(answer: Answer) -> Callable[[Asked], Answer]:
    """Return what refuses histories, and knows contracts."""
    gateway = IbkrGateway()
    return lambda asked: answer if "/history?" in asked.path else gateway(asked)


def histories(vendor: ModelServer) -> int:
    return sum("/history?" in each.path for each in vendor.asked)


def test_a_gateway_that_nobody_is_logged_in_at_is_a_recorded_failure(
    home: Home, vendor: ModelServer
) -> None:
    vendor.answers = refusing(Answer(status=401, body=b""))
    file = home.strategy(symbols=IN_NEW_YORK, more="source: ibkr")
    done = home.run("run", file, "--as-of", AS_OF, IBKR_BASE_URL=vendor.url)
    assert done.returncode == 1, done.stdout + done.stderr
    (failed,) = home.rows(FAILED)
    assert (failed["failed_stage"], failed["error_kind"]) == ("bars", "source_unavailable")
    assert "nobody is logged in" in failed["error_message"]


def test_a_gateway_that_was_asked_too_often_is_left_alone(home: Home, vendor: ModelServer) -> None:
    vendor.answers = refusing(Answer(status=429, body=b""))
    file = home.strategy(symbols=IN_NEW_YORK, more="source: ibkr")
    for _ in range(2):
        done = home.run("run", file, "--as-of", AS_OF, IBKR_BASE_URL=vendor.url)
        assert done.returncode == 1, done.stdout + done.stderr
    refused, left = home.rows(FAILED)
    assert "refuses this user for about 15 minutes" in refused["error_message"]
    assert left["error_message"].startswith("ibkr: is left alone until")
    assert histories(vendor) == 1


@pytest.mark.parametrize("unit", ["GBX", "GBP"])
def test_what_is_kept_is_compared_in_the_unit_that_it_was_read_in(
    unit: str, home: Home, vendor: ModelServer
) -> None:
    vendor.answers = IbkrGateway()
    share = f"{{symbol: VOD, exchange: LSE, currency: GBP, quoted_in: {unit}}}"
    file = home.strategy(symbols=share, more="source: ibkr")
    for _ in range(2):
        done = home.run("data", "fetch", file, "--again", IBKR_BASE_URL=vendor.url)
        assert done.returncode == 0, done.stdout + done.stderr
    compared = home.run("data", "compare", "1", "2", IBKR_BASE_URL=vendor.url)
    assert compared.returncode == 0, compared.stdout + compared.stderr
