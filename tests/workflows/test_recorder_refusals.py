"""What a recorder refuses, or cannot tell, leaves a program free to go on, and is never silent."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from tests.homes import held_home
from tests.workflows.recordings import PNG, assert_sound, read

import tapetrail
from tapetrail.core.errors import EdgeFailure, IntegrityFailure, InvalidInput, NotFound
from tapetrail.core.recording.entries import DecisionOpened, Entry
from tapetrail.sdk.receipts import Logged
from tapetrail.sdk.recording import Recorder
from tapetrail.usecases.recordings import Recordings

pytestmark = pytest.mark.service

OF_NOTHING: Final = Logged(
    external_id="0192f0c1-2b3c-7d4e-8f50-000000000001", decision="x", kind="analysis"
)
LEFT_OPEN: Final = """
import sys, tapetrail
run = tapetrail.recorder(sys.argv[1], agent="leaves").execution("leaves")
run.decision("AAA").begin()
"""


@pytest.fixture(scope="module")
def home(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with held_home(prepared_home, tmp_path_factory.mktemp("refused") / "home") as found:
        yield found


@pytest.fixture
def recorder(home: Path) -> Iterator[Recorder]:
    with tapetrail.recorder(home, agent="tests", max_wait=2) as found:
        yield found


def ends(home: Path, strategy: str) -> Sequence[tuple[object, object, object]]:
    rows = read(home, "decisions", strategy=strategy)
    return [(row["symbol"], row["status"], row["error_kind"]) for row in rows]


def test_a_signal_that_was_refused_is_told_anew(home: Path, recorder: Recorder) -> None:
    with recorder.execution("refused") as run, run.decision("AAA") as decision:
        with pytest.raises(NotFound):
            decision.log_signal("buy", reads=[OF_NOTHING])
        assert decision.signal is None
        assert decision.log_signal("buy").is_recorded
    assert ends(home, "refused") == [("AAA", "completed", None)]
    assert_sound(home)


def test_a_decision_that_could_not_be_entered_is_not_left_open(
    home: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Recordings.take

    def away(self: Recordings, entries: Sequence[Entry], contents: Any) -> Any:
        # The end of the run would be taken, and must not come first.
        if any(isinstance(each, DecisionOpened) for each in entries):
            raise EdgeFailure("it is away")
        return real(self, entries, contents)

    run = recorder.execution("away")
    with monkeypatch.context() as patch:
        patch.setattr(Recordings, "take", away)
        with pytest.raises(EdgeFailure, match="it is away"):
            run.decision("AAA").begin()
        with pytest.raises(EdgeFailure):
            run.end()
    run.end()
    assert ends(home, "away") == [("AAA", "failed", "agent_failed")]
    (row,) = read(home, "executions", strategy="away")
    assert row["status"] == "failed"


def test_the_thread_that_brings_what_is_told_outlives_every_defect(
    home: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(*_: object, **__: object) -> Any:
        raise KeyError("a defect")

    with recorder.execution("defect") as run, run.decision("AAA") as decision:
        with monkeypatch.context() as patch:
            patch.setattr("tapetrail.sdk.answers.Conversation.completed", defect)
            decision.log_analysis(response="up")
            with pytest.raises(IntegrityFailure, match="by a defect: KeyError"):
                recorder.flush()
        decision.log_signal("hold")
    assert ends(home, "defect") == [("AAA", "completed", None)]


def test_what_is_told_outside_of_a_block_says_where_it_belongs(recorder: Recorder) -> None:
    run = recorder.execution("outside")
    decision = run.decision("AAA")
    for tell in (
        lambda: decision.log_input("x"),
        lambda: decision.log_chart(PNG),
        lambda: decision.log_analysis(response="x"),
        lambda: decision.log_signal("buy"),
        decision.conclude,
    ):
        with pytest.raises(InvalidInput, match="AAA: this decision was not entered"):
            tell()
    book = run.portfolio(["BBB"])["BBB"]
    with pytest.raises(InvalidInput, match="BBB: this decision was not entered"), book:
        pass


def test_a_book_used_as_a_block_stays_open_until_its_portfolio_ends(
    home: Path, recorder: Recorder
) -> None:
    with recorder.execution("books") as run, run.portfolio(["AAA", "BBB"]) as books:
        with books["AAA"] as book:
            book.log_input("about A")
        books["AAA"].log_signal("buy")
        with books["BBB"] as book:
            book.log_signal("sell")
    assert {symbol: status for symbol, status, _ in ends(home, "books")} == {
        "AAA": "completed", "BBB": "completed", None: "completed",
    }  # fmt: skip


def test_a_decision_ends_in_one_way(home: Path, recorder: Recorder) -> None:
    with recorder.execution("ways") as run:
        with run.decision("AAA") as decision:
            decision.log_signal("buy")
            with pytest.raises(InvalidInput, match="has its deciding signal"):
                decision.abstain("after all")
        with run.decision("BBB") as decision:
            decision.abstain("not today")
            with pytest.raises(InvalidInput, match="ends as abstained already"):
                decision.log_signal("buy")
        with pytest.raises(tapetrail.DecisionEnded), decision:
            pass
    assert ends(home, "ways") == [("AAA", "completed", None), ("BBB", "failed", "abstained")]


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"action": "buy", "signal_type": "SELL"}, "which of them"),
        ({"action": "buy", "target": "1e20000000"}, "expected at most"),
        ({"action": "buy", "reads": "news"}, "reads 'news': expected a list"),
    ],
)
def test_words_that_contradict_each_other_are_refused(
    recorder: Recorder, said: dict[str, Any], says: str
) -> None:
    with recorder.execution("words") as run, run.decision("AAA") as decision:
        with pytest.raises(InvalidInput, match=says):
            decision.log_signal(**said)
        decision.log_signal("hold", entry="1e120", stop="1e-120", target=1)


def test_a_note_is_about_something(recorder: Recorder) -> None:
    with recorder.execution("notes") as run, run.decision("AAA") as decision:
        receipt = decision.log_signal("hold")
        order = recorder.log_order(
            receipt, broker="b", mode="paper", client_order_id="1", status="new"
        )
    with pytest.raises(InvalidInput, match="a note is about"):
        recorder.log_note(order, "about an order")


def test_a_recorder_that_nobody_holds_is_closed_when_its_program_ends(home: Path) -> None:
    words = [sys.executable, "-c", LEFT_OPEN, str(home)]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")
    # Its decision is not ended by anybody but by the sweep; its run waits for that.
    assert ends(home, "leaves") == [("AAA", "running", None)]
