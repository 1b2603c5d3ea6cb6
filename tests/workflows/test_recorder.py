"""What programs of others tell is recorded beside our own runs, whole and sealed."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pandas as pd
import psycopg
import pytest
from tests.homes import held_home, server_of
from tests.workflows.recordings import PNG, assert_sound, read, rows_of

import tapetrail
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import InvalidInput
from tapetrail.sdk.recording import Recorder

pytestmark = pytest.mark.service

NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
BARS: Final = pd.DataFrame(
    {"open": [1.0, 2.0, 3.5], "high": [2.0, 3.0, 4.0], "low": [0.5, 1.0, 2.0],
     "close": [1.5, 2.0, 3.0], "volume": [10, 20, 30]},
    index=pd.date_range("2026-11-18", periods=3, freq="D"),
)  # fmt: skip


@pytest.fixture(scope="module")
def home(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with held_home(prepared_home, tmp_path_factory.mktemp("told") / "home") as found:
        yield found


@pytest.fixture
def recorder(home: Path) -> Iterator[Recorder]:
    with tapetrail.recorder(home, agent="tests", version="1") as found:
        yield found


def newest(home: Path, listed: str, **filters: Any) -> dict[str, Any]:
    with tapetrail.open_record(home) as record:
        row = record.rows(listed, **filters)[0]
        return {**record.detail(listed, int(str(row["id"]))).columns}


def test_a_whole_decision_is_told_in_a_few_lines(home: Path, recorder: Recorder) -> None:
    with recorder.execution("swing", mode="paper", config={"temperature": 0.7}) as run:
        run_of = run.decision("AAPL", exchange="NASDAQ", currency="USD")
        with run_of as decision:
            bars = decision.log_bars(BARS, timeframe="1d", source="mine")
            chart = decision.log_chart(PNG, timeframe="1d", bars=bars, html="<html></html>")
            news = decision.log_input("Apple rises", kind="news", available_at=NOON)
            with decision.analysis("technical", charts=[chart], reads=[news]) as technical:
                technical.answer(text="up", data={"trend": "up"}, confidence=60,
                                 confidence_scale=100)  # fmt: skip
            risk = decision.log_analysis(
                agent="risk", model="a-model", provider="openai", system="Be brief.",
                prompt="Is it?", response="fine", reads=[technical], cost_usd="0.01", round=2,
                usage={"input_tokens": 10, "output_tokens": 5}, params={"temperature": 0.2},
            )  # fmt: skip
            receipt = decision.log_signal(
                "Buy", entry=100, stop=95.0, target="110", confidence=0.7, intent="entry",
                size=3, size_unit="shares", reads=[risk], reasoning="because",
            )  # fmt: skip
    order = recorder.log_order(receipt, broker="ibkr", mode="paper", status="filled", filled=3,
                               client_order_id=str(receipt.order_ref), raw={"id": 1})  # fmt: skip
    note = recorder.log_note(str(receipt.order_ref), "agreed", kind="approval", actor="someone")
    assert (order.is_recorded, note.is_recorded) == (True, True)
    with tapetrail.open_record(home) as record:
        assert decision.id is not None
        found = record.detail("decisions", decision.id)
        assert found.columns["status"] == "completed"
        assert [row["kind"] for row in found.related["inputs"]] == ["news"]
        signal = record.detail("signals", int(receipt.id or 0))
        assert record.blob(digest_bytes(PNG)) == PNG
        assert signal.columns["record_digest"] == receipt.record_digest
        assert signal.columns["risk_reward_ratio"] == Decimal(2)
        assert [row["analyst"] for row in signal.related["read_analyses"]] == ["risk"]
        assert [row["status"] for row in signal.related["orders"]] == ["filled"]
        analyses = rows_of(record, "analyses", execution_id=found.columns["execution_id"])
        assert [row["confidence_score"] for row in analyses] == [Decimal("0.6"), None]
        first = record.detail("analyses", int(str(analyses[0]["id"])))
        assert [row["kind"] for row in first.related["inputs"]] == ["news"]
        assert first.columns["chart_id"] is not None
        run_row = record.detail("executions", int(str(found.columns["execution_id"])))
        assert (run_row.columns["status"], run_row.columns["mode"]) == ("completed", "paper")
    assert_sound(home)


def test_a_symbol_without_an_exchange_is_an_instrument_of_its_own(
    home: Path, recorder: Recorder
) -> None:
    with recorder.execution() as run:
        for market in (
            run.decision("ONE"),
            run.decision("ONE", exchange="XNAS", currency="USD"),
            run.decision("ONE", asset_class="crypto"),
        ):
            with market as decision:
                decision.abstain("no view")
    with tapetrail.open_record(home) as record:
        decisions = rows_of(record, "decisions", symbol="ONE")
        found = [record.detail("decisions", int(str(row["id"]))).columns["instrument_id"]
                 for row in decisions]  # fmt: skip
    assert len(set(found)) == 3
    assert {row["error_kind"] for row in decisions} == {"abstained"}


def test_a_portfolio_completes_with_a_signal_of_one_of_its_books(
    home: Path, recorder: Recorder
) -> None:
    with recorder.execution("coins") as run:
        with run.portfolio(["BTC", "ETH"], asset_class="crypto_perp") as book:
            asked = book.log_analysis(agent="all", data={"BTC": "long"})
            book["BTC"].log_signal("long", signal_type="BUY", leverage=5, reads=[asked])
        with run.portfolio(["BTC", "ETH"]) as empty:
            pass
    assert [*book] == ["BTC", "ETH"]
    assert (len(book), book == empty, len({book, empty})) == (2, False, 2)
    rows = read(home, "decisions", strategy="coins")
    assert [(row["symbol"], row["status"], row["error_kind"]) for row in rows] == [
        (None, "completed", None), ("BTC", "completed", None), ("ETH", "failed", "no_signal"),
        (None, "failed", "no_signal"), ("BTC", "failed", "no_signal"),
        ("ETH", "failed", "no_signal"),
    ]  # fmt: skip
    assert newest(home, "signals", symbol="BTC")["leverage"] == 5
    assert_sound(home)


def test_what_the_block_raises_fails_the_decision_and_is_raised_again(
    home: Path, recorder: Recorder
) -> None:
    def breaks() -> None:
        with recorder.execution("breaks") as run, run.decision("AAA") as decision:
            decision.log_signal("buy")
            raise ZeroDivisionError("none left")

    with pytest.raises(ZeroDivisionError):
        breaks()
    row = newest(home, "decisions", strategy="breaks")
    assert (row["status"], row["error_kind"]) == ("failed", "agent_failed")
    assert row["error_message"] == "ZeroDivisionError: none left"
    execution = newest(home, "executions", strategy="breaks")
    assert execution["error"] == "ZeroDivisionError: none left"


def test_who_stops_a_program_cancels_what_it_decides(home: Path, recorder: Recorder) -> None:
    def stops() -> None:
        with recorder.execution("stopped") as run, run.decision("AAA"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stops()
    assert newest(home, "decisions", strategy="stopped")["status"] == "cancelled"
    assert newest(home, "executions", strategy="stopped")["status"] == "cancelled"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"confidence": 80}, "confidence_scale="),
        ({"entry": float("nan")}, "entry nan"),
        ({"intent": "entyr"}, "did you mean 'entry'"),
        ({"leverage": 0}, "leverage 0"),
        ({"size_unit": "shares"}, "no size"),
        ({"role": "boss"}, "role 'boss'"),
        ({"horizon": 0}, "horizon 0"),
        ({"reads": ["AAPL"]}, "reads 'AAPL'"),
        ({"extra": {"a": {1}}}, "extra.a"),
    ],
)
def test_wrong_arguments_raise_at_once_and_nothing_is_lost(
    recorder: Recorder, words: dict[str, Any], says: str
) -> None:
    with recorder.execution("wrong") as run, run.decision("AAA") as decision:
        with pytest.raises(InvalidInput, match=says):
            decision.log_signal("buy", **words)
        decision.log_signal("hold")
        with pytest.raises(InvalidInput, match="has its deciding signal"):
            decision.log_signal("hold")
        assert decision.log_signal("overweight", signal_type="BUY", role="proposal").is_recorded


def test_after_the_end_only_orders_and_notes_follow(recorder: Recorder) -> None:
    with recorder.execution() as run, run.decision("AAA") as decision:
        receipt = decision.log_signal("sell")
    for late in (
        lambda: decision.log_signal("buy"),
        lambda: decision.log_chart(PNG),
        lambda: decision.log_input("late"),
        lambda: decision.log_analysis(response="late"),
        lambda: decision.fail("engine", "late"),
    ):
        with pytest.raises(tapetrail.DecisionEnded):
            late()
    with pytest.raises(InvalidInput, match="this run has ended"):
        run.decision("BBB")
    assert recorder.log_note(decision, "late, and fine").is_recorded
    assert recorder.log_note(run, "about the run").is_recorded
    assert recorder.log_order(receipt, broker="b", mode="live", status="rejected",
                              client_order_id="1").is_recorded  # fmt: skip


def test_a_key_leads_back_to_what_has_not_ended(home: Path) -> None:
    with tapetrail.recorder(home, agent="keyed") as first:
        run = first.execution("keys", key="monday")
        decision = run.decision("AAA", key="one")
        decision.begin()
        decision.log_analysis(agent="a", response="before")
        first.flush()
        with (
            tapetrail.recorder(home, agent="keyed") as second,
            second.execution("keys", key="monday") as again,
        ):
            with again.decision("AAA", key="one") as same:
                same.log_analysis(agent="a", response="after")
                same.log_signal("buy")
            with pytest.raises(tapetrail.DecisionEnded, match="has ended as completed"):
                again.decision("AAA", key="one").begin()
        assert same.id == decision.id
    with tapetrail.recorder(home, agent="keyed") as third:
        late = third.execution("keys", key="monday").decision("BBB")
        with pytest.raises(tapetrail.DecisionEnded, match="give the new run another key"):
            late.begin()
    (row,) = read(home, "decisions", strategy="keys")
    assert row["status"] == "completed"
    analyses = read(home, "analyses", execution_id=row["execution_id"])
    assert [each["sample_no"] for each in analyses] == [1, 2]
    assert_sound(home)


ABANDONED: Final = """
import os, sys, tapetrail
recorder = tapetrail.recorder(sys.argv[1], agent="dies")
run = recorder.execution("dies", key="run")
run.decision("AAA", key="one").begin()
print("begun", flush=True)
os._exit(9)
"""


def test_what_a_dead_program_left_is_ended_as_abandoned(home: Path) -> None:
    with tapetrail.recorder(home, agent="looks") as recorder:
        found = subprocess.run(
            [sys.executable, "-c", ABANDONED, str(home)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.stdout == "begun\n", found.stderr
        _let_leases_run_out(home)
        with tapetrail.recorder(home, agent="dies") as later:
            assert newest(home, "decisions", strategy="dies")["error_kind"] == "abandoned"
            with later.execution("dies", key="run") as run, run.decision("AAA", key="one") as new:
                new.log_signal("hold")
        assert recorder.execution() is not None
    rows = read(home, "executions", strategy="dies")
    assert [row["status"] for row in rows] == ["failed", "completed"]
    assert newest(home, "executions", strategy="dies")["execution_key"] == "run (2)"
    assert_sound(home)


def test_a_run_that_was_given_up_goes_on_beside_itself_however_often(
    home: Path, recorder: Recorder
) -> None:
    run = recorder.execution("given up")
    for symbol in ("OLD", "NEW", "NEWER"):
        with run.decision(symbol) as decision:
            assert decision.log_signal("buy").is_recorded
        if symbol != "NEWER":
            _let_leases_run_out(home)
            with tapetrail.recorder(home):
                pass
    run.end()
    rows = read(home, "executions", strategy="given up")
    assert [row["status"] for row in rows] == [*["completed_with_errors"] * 2, "completed"]
    decisions = read(home, "decisions", strategy="given up")
    assert [row["execution_id"] for row in decisions] == [row["id"] for row in rows]
    assert_sound(home)


def _let_leases_run_out(home: Path) -> None:
    """Make it an hour later for all that is held."""
    with (
        server_of(home).hold() as address,
        psycopg.connect(address.libpq_url("postgres")) as connection,
    ):
        connection.execute(
            "UPDATE tapetrail.recording_leases SET expires_at = expires_at - interval '1 hour'"
        )


def test_threads_and_tasks_each_have_their_own_decision(home: Path, recorder: Recorder) -> None:
    barrier = threading.Barrier(4)

    def decide(number: int) -> None:
        with run.decision(f"T{number}") as decision:
            barrier.wait(30)
            decision.log_analysis(agent=f"agent {number}", response=str(number))
            decision.log_signal("buy")

    async def adecide(number: int) -> None:
        async with run.decision(f"A{number}") as decision:
            async with decision.analysis(f"agent {number}") as analysis:
                await asyncio.sleep(0)
                analysis.answer(text=str(number))
            await decision.asignal("sell", confidence=0.5)

    async def all_of_them() -> None:
        await asyncio.gather(*map(adecide, range(4)))
        await recorder.aflush()

    with recorder.execution("many") as run:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(decide, range(4)))
        asyncio.run(all_of_them())
    rows = read(home, "decisions", strategy="many")
    assert sorted((row["symbol"], row["signal_type"]) for row in rows) == [
        *((f"A{number}", "SELL") for number in range(4)),
        *((f"T{number}", "BUY") for number in range(4)),
    ]
    analyses = {row["analyst"] for row in read(home, "analyses", symbol="A2")}
    assert analyses == {"agent 2"}


@pytest.mark.parametrize(
    "words", [{"on_error": "hope"}, {"unattributed": "maybe"}, {"max_wait": 0}, {"agent": ""}]
)
def test_wrong_words_to_a_recorder_are_refused(home: Path, words: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        tapetrail.recorder(home, **words)


def test_a_closed_recorder_takes_nothing(home: Path) -> None:
    recorder = tapetrail.recorder(home)
    recorder.close()
    recorder.close()
    with pytest.raises(InvalidInput, match="closed"):
        recorder.log_note("0123456789abcde", "late")


def test_counted_passes_are_those_that_say_as_of_when(home: Path, recorder: Recorder) -> None:
    with recorder.execution("passes", mode="backtest") as run:
        for _ in range(2):
            with run.decision("AAA", as_of=NOON) as decision:
                decision.log_signal("hold")
            with run.decision("AAA") as decision:
                decision.log_signal("hold")
    rows = read(home, "decisions", strategy="passes")
    assert [row["run_no"] for row in rows] == [1, 1, 2, 1]
    signals = read(home, "signals", strategy="passes")
    assert [row["decided_at"] == NOON for row in signals] == [True, False, True, False]


def test_tokens_are_those_of_both_halves_or_what_is_said_in_total(
    home: Path, recorder: Recorder
) -> None:
    usages: list[tuple[dict[str, int], int | None]] = [
        ({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 12}, 11),
        ({"output_tokens": 2, "total_tokens": 12}, 12),
        ({"output_tokens": 2}, None),
        ({"promptTokenCount": 0, "candidatesTokenCount": 3}, 3),
    ]
    with recorder.execution("counts") as run, run.decision("COUNTS") as decision:
        for usage, _ in usages:
            decision.log_analysis(response="counted", usage=usage)
    with tapetrail.open_record(home) as record:
        found = [
            record.detail("analyses", int(str(row["id"]))).columns["tokens_used"]
            for row in rows_of(record, "analyses", symbol="COUNTS")
        ]
    assert found == [tokens for _, tokens in usages]


def test_decisions_of_the_past_know_what_their_run_knew(home: Path, recorder: Recorder) -> None:
    later = NOON + timedelta(days=1)
    with recorder.execution("past", as_of=NOON, mode="backtest") as run:
        with run.decision("PAST"):
            pass
        with run.decision("LATER", as_of=later):
            pass
        with run.portfolio(["BOOK"]):
            pass
        with pytest.raises(InvalidInput, match="nothing of then is known"):
            run.decision("TOMORROW", as_of=datetime.now(UTC) + timedelta(days=1))
    with pytest.raises(InvalidInput, match="nothing of then is known"):
        recorder.execution(as_of=datetime.now(UTC) + timedelta(days=1))
    rows = read(home, "decisions", strategy="past")
    assert {row["symbol"]: row["as_of"] for row in rows} == {
        "PAST": NOON, "LATER": later, None: NOON, "BOOK": NOON,
    }  # fmt: skip
