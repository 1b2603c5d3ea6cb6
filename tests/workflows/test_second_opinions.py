"""Daily closes held against those of a second source: agreed on, contradicted, or not heard of."""

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest
from tests.edges.test_binance import good, kline
from tests.edges.yahoo_asked import EVENING
from tests.ibkr_gateway import IbkrGateway
from tests.model_server import Answer, ModelServer, model_server
from tests.workflows.conftest import Home
from tests.yahoo_server import APPLE, Change, Yahoo, unchanged

from tapetrail.core.market.calendar_changes import UNCHANGED
from tapetrail.sources.calendars import load_calendar

pytestmark = pytest.mark.service

AS_OF: Final = "2024-06-28"
BEGINS: Final = date(2016, 1, 4)
OPINIONS: Final = (
    "SELECT o.*, d.status, d.failed_stage, d.error_kind, d.error_message, b.key AS payload"
    " FROM tapetrail.decisions AS d LEFT JOIN tapetrail.second_opinions AS o"
    " ON o.decision_id = d.id LEFT JOIN tapetrail.blobs AS b ON b.digest = o.raw_digest"
    " ORDER BY d.id"
)
VINTAGES: Final = "SELECT * FROM tapetrail.market_vintages ORDER BY id"
CHARTS: Final = (
    "SELECT b.key FROM tapetrail.charts AS c JOIN tapetrail.blobs AS b"
    " ON b.digest = c.spec_digest ORDER BY c.id"
)
SESSIONS: Final[list[date]] = [
    day
    for day in load_calendar("XNYS", UNCHANGED).sessions.tolist()
    if BEGINS <= day <= date.fromisoformat(AS_OF)
]
SERVER: Final = Yahoo(now=EVENING, follows=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A home with bars of its own, and a server that speaks as Yahoo does."""

    home: Home
    server: ModelServer
    without: list[date] = field(default_factory=list[date])

    def strategy(self, second: str = "", *, data: str = "", more: str = "") -> str:
        rows = [
            f"{day},{close * 0.9375},{close * 1.0625},{close * 0.875},{close},1000"
            for day in SESSIONS
            if day not in self.without
            for close in [SERVER.close(day, [])]
        ]
        csv = self.home.path.parent / "bars.csv"
        csv.write_text("\n".join(["Date,Open,High,Low,Close,Volume", *rows]) + "\n")
        said = data or "exchange: XNAS, currency: USD, adjustment: split"
        return self.home.strategy(
            symbols="AAPL",
            more=f"source: 'file:bars.csv'\ndata: {{{said}}}\n"
            f"second_opinion: {{source: yahoo{second}}}\n{more}",
        )

    def run(self, file: str, *words: str) -> dict[str, Any]:
        """Return the last decision and its second opinion; the record verifies in any case."""
        done = self.home.run("run", file, "--as-of", AS_OF, *words, YAHOO_BASE_URL=self.server.url)
        row = self.home.rows(OPINIONS)[-1]
        assert done.returncode == (1 if row["status"] == "failed" else 0), done.stderr
        is_warned = any(said in done.stderr for said in ("closes differ", "no second opinion on"))
        assert is_warned == (row["verdict"] != "agrees"), done.stderr
        verified = self.home.run("verify", "--deep")
        assert verified.returncode == 0, verified.stdout
        return row

    def answer(self, change: Change = unchanged, **meta: Any) -> None:
        self.server.answers = Yahoo(
            now=EVENING, follows=True, change=change, meta={**APPLE, **meta}
        )

    def notes(self) -> Sequence[str]:
        """Return what the charts of the record say."""
        keys = [row["key"] for row in self.home.rows(CHARTS)]
        texts = [(self.home.path / "blobs" / key).read_text() for key in keys]
        return [note for text in texts for note in json.loads(text)["notes"]]


@pytest.fixture
def asking(home: Home) -> Generator[Asking]:
    with model_server() as server:
        found = Asking(home=home, server=server)
        found.answer()
        yield found


def days_of(result: dict[str, Any]) -> list[date]:
    return [datetime.fromtimestamp(at, UTC).date() for at in result["timestamp"]]


def last_closes(count: int, by: float) -> Change:
    """Return what multiplies the last closes of a reply, and the prices around them."""

    def change(result: dict[str, Any]) -> None:
        (quote,) = result["indicators"]["quote"]
        for name in ("open", "high", "low", "close"):
            quote[name][-count:] = [price * by for price in quote[name][-count:]]

    return change


def move(result: dict[str, Any], day: date, *, by: float) -> None:
    """Multiply the prices of one day of a reply."""
    (quote,) = result["indicators"]["quote"]
    days = days_of(result)
    if day not in days:
        return
    at = days.index(day)
    for name in ("open", "high", "low", "close"):
        quote[name][at] *= by


def test_closes_that_agree_are_on_record_with_what_was_sent(asking: Asking) -> None:
    row = asking.run(asking.strategy())
    assert (row["verdict"], row["problem"], row["status"]) == ("agrees", None, "completed")
    assert (row["source"], row["symbol"], row["adjustment"]) == ("yahoo", "AAPL", "split")
    assert (row["quoted_in"], row["from_cache"]) == ("USD", False)
    assert (row["differing"], row["max_difference_pct"], row["limit_pct"]) == (
        0, 0, pytest.approx(0.5),
    )  # fmt: skip
    assert str(row["last_on"]) == AS_OF
    # Two years of weeks and their warm-up: the days that charts are made of.
    assert row["compared"] == sum(day >= row["first_on"] for day in SESSIONS) > 1400
    assert (row["missing_here"], row["missing_there"]) == ([], [])
    assert (asking.home.path / "blobs" / row["payload"]).read_bytes() == asking.server.sent[-1]
    (vintage,) = asking.home.rows(VINTAGES)
    assert (vintage["source"], vintage["fetched_at"]) == ("yahoo", row["fetched_at"])
    assert not any("yahoo" in note for note in asking.notes())
    shown = asking.home.run("decisions", "show", str(row["decision_id"]))
    assert "second_opinions" in shown.stdout
    assert "agrees" in shown.stdout


def test_closes_that_differ_fail_the_decision_once_its_charts_are_drawn(asking: Asking) -> None:
    asking.answer(last_closes(3, 1.02))
    # The reply ends in 2026; its last three days are far from what is decided on.
    assert asking.run(asking.strategy())["verdict"] == "agrees"
    day = SESSIONS[-2]

    def change(result: dict[str, Any]) -> None:
        move(result, day, by=1.02)

    asking.answer(change)
    file = asking.strategy()
    fetched = asking.home.run("data", "fetch", file, "--again", YAHOO_BASE_URL=asking.server.url)
    assert fetched.returncode == 0, fetched.stdout + fetched.stderr
    row = asking.run(file)
    assert (row["status"], row["failed_stage"]) == ("failed", "bars")
    assert row["error_kind"] == "second_opinion_differs"
    assert (row["verdict"], row["differing"]) == ("differs", 1)
    assert (str(row["max_difference_on"]), float(row["max_difference_pct"])) == (str(day), 2)
    close = SERVER.close(day, [])
    said = row["error_message"]
    assert f"differ by more than 0.5 %, most on {day}: {close * 1.02:.2f}"[:-1] in said
    assert f"there, {close:.0f} here, 2 %" in said
    assert said.startswith(row["problem"])
    assert len(asking.home.rows(CHARTS)) == 4
    assert any(row["problem"] in note for note in asking.notes())


def test_a_strategy_may_want_to_be_told_alone(asking: Asking) -> None:
    def change(result: dict[str, Any]) -> None:
        move(result, SESSIONS[-1], by=0.5)

    asking.answer(change)
    row = asking.run(asking.strategy(", on_difference: warn"))
    assert (row["status"], row["verdict"]) == ("completed", "differs")
    assert sum(row["problem"] in note for note in asking.notes()) == 2
    shown = asking.home.run("decisions", "show", str(row["decision_id"]))
    assert f"warning: {row['problem']}"[:60] in shown.stdout


@pytest.mark.parametrize(("absent", "status"), [("warn", "completed"), ("fail", "failed")])
def test_a_source_that_is_away_is_no_agreement(asking: Asking, absent: str, status: str) -> None:
    asking.server.answers = lambda _: Answer(status=503, body=b"down for repairs")
    row = asking.run(asking.strategy(f", on_absent: {absent}"))
    assert (row["status"], row["verdict"], row["raw_digest"]) == (status, "absent", None)
    assert row["problem"].startswith("no second opinion of yahoo: ")
    assert "503" in row["problem"]
    assert (row["error_kind"] == "no_second_opinion") == (absent == "fail")
    # What a vendor said is for people: a model reads a reason of ours.
    said = "no second opinion of yahoo: source unavailable"
    assert sum(note == said for note in asking.notes()) == 2
    assert asking.home.rows(VINTAGES) == []


def test_a_session_of_one_side_alone_is_told_and_no_difference(asking: Asking) -> None:
    gone = SESSIONS[-9]

    def change(result: dict[str, Any]) -> None:
        days = days_of(result)
        if gone in days:
            at = days.index(gone)
            del result["timestamp"][at]
            for series in (*result["indicators"]["quote"], *result["indicators"]["adjclose"]):
                for values in series.values():
                    del values[at]

    asking.answer(change)
    asking.without.append(SESSIONS[-20])
    row = asking.run(asking.strategy())
    assert (row["status"], row["verdict"]) == ("completed", "agrees")
    assert (row["missing_there"], row["missing_here"]) == ([str(gone)], [str(SESSIONS[-20])])
    notes = asking.notes()
    assert sum(f"yahoo has no bar of 1 session: {gone}" in note for note in notes) == 2
    assert sum(f"yahoo alone has a bar of 1 session: {SESSIONS[-20]}" in n for n in notes) == 2


def test_debug_mode_hears_what_is_kept_and_nothing_else(asking: Asking) -> None:
    file = asking.strategy()
    absent = asking.run(file, "--debug-mode")
    assert (absent["status"], absent["verdict"], absent["raw_digest"]) == (
        "completed", "absent", None,
    )  # fmt: skip
    assert "in debug mode nobody is asked" in absent["problem"]
    assert "run: tapetrail data fetch STRATEGY --from 2024-06-28" in absent["problem"]
    assert asking.server.asked == []
    fetched = asking.home.run("data", "fetch", file, YAHOO_BASE_URL=asking.server.url)
    assert fetched.returncode == 0, fetched.stdout + fetched.stderr
    assert "yahoo" in fetched.stdout
    asked = len(asking.server.asked)
    row = asking.run(file, "--debug-mode")
    assert (row["verdict"], row["from_cache"]) == ("agrees", True)
    assert len(asking.server.asked) == asked


def test_another_adjustment_is_no_opinion_and_what_came_is_on_record(asking: Asking) -> None:
    row = asking.run(asking.strategy(data="exchange: XNAS, currency: USD, adjustment: raw"))
    assert (row["verdict"], row["adjustment"]) == ("absent", "split")
    assert row["problem"] == (
        "no second opinion of yahoo: its prices are adjusted split, those here adjusted raw"
    )
    assert sum(note == row["problem"] for note in asking.notes()) == 2
    assert (asking.home.path / "blobs" / row["payload"]).read_bytes() == asking.server.sent[-1]


def test_an_instrument_of_another_market_is_none_that_was_asked_about(asking: Asking) -> None:
    asking.answer(currency="EUR")
    row = asking.run(asking.strategy())
    assert row["verdict"] == "absent"
    assert (
        "yahoo has AAPL (XNAS, EUR), and the decision is about AAPL (XNAS, USD)" in (row["problem"])
    )


def test_a_symbol_of_its_own_is_asked_for_and_kept_under_it(asking: Asking) -> None:
    asking.answer(symbol="AAPL.X")
    file = asking.strategy(", symbols: {AAPL: AAPL.X}")
    row = asking.run(file)
    assert (row["verdict"], row["symbol"]) == ("agrees", "AAPL.X")
    assert all("AAPL.X" in each.path for each in asking.server.asked)
    (vintage,) = asking.home.rows(VINTAGES)
    assert vintage["parameters"] == {"base_url": asking.server.url, "symbol": "AAPL.X"}
    words, asked = ("data", "fetch", file, "--again"), {"YAHOO_BASE_URL": asking.server.url}
    assert asking.home.run(*words, **asked).returncode == 0
    compared = asking.home.run("data", "compare", "2", **asked)
    assert compared.returncode == 0, compared.stderr
    assert "0 bars moved" in compared.stdout


def test_verify_finds_an_opinion_that_is_another_one(asking: Asking) -> None:
    row = asking.run(asking.strategy())
    with asking.home.connected() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE tapetrail.second_opinions SET max_difference_pct = 0.25")
    found = asking.home.run("verify")
    assert found.returncode == 1
    assert "second_opinions" in found.stdout
    assert "max_difference_pct" in found.stdout
    with asking.home.connected() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM tapetrail.second_opinions")
    gone = asking.home.run("verify")
    assert gone.returncode == 1
    assert f"decision {row['decision_id']}" in gone.stdout


def test_a_hundredfold_looks_like_pence(asking: Asking) -> None:
    asking.answer(last_closes(10_000, 100))
    row = asking.run(asking.strategy())
    assert row["error_kind"] == "second_opinion_differs"
    assert "about 100 times those here, as pence are to pounds" in row["error_message"]


def test_the_sample_may_be_the_second_source_of_a_vendor(asking: Asking) -> None:
    file = asking.home.strategy(
        symbols="AAPL", more="source: yahoo\nsecond_opinion: {source: sample, on_difference: warn}"
    )
    done = asking.home.run("run", file, "--as-of", "2012-08-31", YAHOO_BASE_URL=asking.server.url)
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = asking.home.rows(OPINIONS)
    assert (row["source"], row["verdict"]) == ("sample", "differs")
    assert row["compared"] > 1000
    assert asking.home.run("verify", "--deep").returncode == 0


@pytest.mark.parametrize(("currency", "verdict"), [("USDT", "agrees"), ("USD", "absent")])
def test_a_pair_in_another_currency_is_another_one_however_near(
    home: Home, currency: str, verdict: str
) -> None:
    """Binance's bars do not say what they are in; its list of pairs does, and is asked."""
    first = date(2016, 1, 1)
    days = [first + timedelta(days=n) for n in range((date.fromisoformat(AS_OF) - first).days + 1)]
    rows = [
        kline(int(datetime(d.year, d.month, d.day, tzinfo=UTC).timestamp()) * 1000) for d in days
    ]
    lines = [",".join([str(day), *map(str, row[1:6])]) for day, row in zip(days, rows, strict=True)]
    (home.path.parent / "coins.csv").write_text("\n".join(["Date,O,H,L,C,V", *lines]) + "\n")
    file = home.strategy(
        symbols="BTCUSDT",
        more="source: 'file:coins.csv'\ndata: {exchange: BINANCE, calendar: 24/7, adjustment: raw,"
        f" currency: {currency}, asset_class: crypto, volume_unit: units}}\n"
        "second_opinion: {source: binance, symbols: {BTCUSDT: BTCUSDT}}",
    )
    with model_server() as server:
        server.answers = good
        done = home.run("run", file, "--as-of", AS_OF, BINANCE_BASE_URL=server.url)
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = home.rows(OPINIONS)
    assert row["verdict"] == verdict
    if verdict == "absent":
        assert "binance has BTCUSDT (BINANCE, USDT), and the decision is about" in row["problem"]
    assert home.run("verify", "--deep").returncode == 0


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("yahho", "second_opinion.source: no source 'yahho'"),
        ("'file:other.csv'", "would need a `data` of its own"),
        ("frame", "would need a `data` of its own"),
        ("sample", "sample is the source itself"),
    ],
)
def test_a_second_source_that_cannot_be_one_is_refused_before_the_run(
    home: Home, second: str, said: str
) -> None:
    file = home.strategy(symbols="AAPL", more=f"second_opinion: {{source: {second}}}")
    done = home.run("run", file, "--as-of", "2012-08-31")
    assert done.returncode not in {0, 1}, done.stdout
    assert said in done.stderr
    assert home.rows("SELECT id FROM tapetrail.decisions") == []


def test_an_instrument_or_a_unit_that_the_second_source_lacks_is_refused_before_the_run(
    asking: Asking,
) -> None:
    london = {"exchangeName": "LSE", "currency": "GBp", "exchangeTimezoneName": "Europe/London"}
    meta = {**APPLE, "symbol": "VOD.L", **london}
    asking.server.answers = Yahoo(now=EVENING, follows=True, calendar="XLON", meta=meta)
    for second, said in (("sample", "VOD.L"), ("ibkr", "quoted_in")):
        file = asking.home.strategy(
            symbols="VOD.L", more=f"source: yahoo\nsecond_opinion: {{source: {second}}}"
        )
        done = asking.home.run("run", file, "--as-of", AS_OF, YAHOO_BASE_URL=asking.server.url)
        assert done.returncode in {2, 3}, done.stdout + done.stderr
        assert said in done.stderr
    assert asking.home.rows("SELECT id FROM tapetrail.decisions") == []


def test_two_vendors_are_fetched_one_after_the_other_and_each_in_its_own_unit(
    asking: Asking,
) -> None:
    london = {"exchangeName": "LSE", "currency": "GBp", "exchangeTimezoneName": "Europe/London"}
    asking.server.answers = Yahoo(
        now=EVENING, follows=True, calendar="XLON", meta={**APPLE, "symbol": "VOD.L", **london}
    )
    file = asking.home.strategy(
        symbols="{symbol: VOD, exchange: LSE, currency: GBP, quoted_in: GBX}",
        more="source: ibkr\nsecond_opinion:"
        " {source: yahoo, on_difference: warn, symbols: {VOD: VOD.L}}",
    )
    with model_server() as gateway:
        gateway.answers = IbkrGateway(has_session=False, has_named_accounts=False)
        urls = {"IBKR_BASE_URL": gateway.url, "YAHOO_BASE_URL": asking.server.url}
        done = asking.home.run("run", file, "--as-of", AS_OF, **urls)
        assert done.returncode == 0, done.stdout + done.stderr
        again = asking.home.run("run", file, "--as-of", AS_OF, "--debug-mode", **urls)
        assert again.returncode == 0, again.stdout + again.stderr
    row, kept = asking.home.rows(OPINIONS)
    assert (row["source"], row["symbol"], row["quoted_in"]) == ("yahoo", "VOD.L", "GBp")
    assert (row["verdict"], row["from_cache"]) == ("differs", False)
    # The gateway's prices are made up, but in pounds as these are: not a hundredfold away.
    assert "pence" not in row["problem"]
    numbers = ("compared", "differing", "max_difference_pct", "raw_digest", "problem")
    assert [kept[name] for name in numbers] == [row[name] for name in numbers]
    assert kept["from_cache"]
    assert [each["source"] for each in asking.home.rows(VINTAGES)] == ["ibkr", "yahoo"]
    assert asking.home.run("verify", "--deep").returncode == 0
