"""Analysts over a wire: what goes out and comes back is on record, and nothing is asked twice."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from tests.edges.waiting import wait_for
from tests.homes import plain_path
from tests.workflows import model_run
from tests.workflows.conftest import AS_OF, Home
from tests.workflows.model_server import CHART, HOLD, ModelServer, model_server
from tests.workflows.soundness import assert_sound

pytestmark = pytest.mark.service

ONE: Final = {"name": "one", "instruments": ["IBM"], "analyst": "http:a"}
RULES: Final = "builtin:technical-rules-v1"
TRIED_BY: Final = """
SELECT coalesce(jsonb_array_length(attributes -> 'tried_by'), 0) AS tries
FROM dbos.workflow_status WHERE name = 'decide' ORDER BY created_at DESC LIMIT 1
"""
QUEUED: Final = """
SELECT queue_name, count(*) AS n FROM dbos.workflow_status
WHERE name = 'decide' AND status = 'ENQUEUED' GROUP BY 1
"""
LOSE_CHECKPOINT: Final = (
    b"DELETE FROM dbos.datasource_outputs WHERE workflow_id LIKE 'one:%'",
    b"DELETE FROM dbos.operation_outputs WHERE workflow_uuid LIKE 'one:%'",
)
LEDGER: Final = """
SELECT a.question, a.attempt_no, r.id IS NOT NULL AS has_reply
FROM tapetrail.llm_attempts AS a LEFT JOIN tapetrail.llm_replies AS r ON r.attempt_id = a.id
ORDER BY a.id
"""


@pytest.fixture
def model() -> Generator[ModelServer]:
    with model_server() as made:
        yield made


def run_of(strategy: Mapping[str, object], as_of: str = AS_OF) -> dict[str, object]:
    return {"strategy": dict(strategy), "as_of": as_of}


def command(
    home: Home,
    model: ModelServer,
    runs: object,
    *,
    deadly: str = "",
    minutes: int = 0,
    wording: str = "",
) -> list[str]:
    assignment = {
        "home": str(home.path), "url": model.url, "deadly": deadly, "minutes": minutes,
        "wording": wording, "runs": runs,
    }  # fmt: skip
    return [sys.executable, "-m", model_run.__name__, json.dumps(assignment)]


@contextmanager
def started(words: list[str]) -> Generator[subprocess.Popen[str]]:
    with subprocess.Popen(
        words, cwd=Path(__file__).parents[2], env={**os.environ, **plain_path()},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def ended(words: list[str]) -> str:
    """What a process says that comes to its end."""
    with started(words) as process:
        said, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return said


def assert_one_decision(home: Home, *, attempts: int, analysts: int = 1) -> None:
    """One decision, sealed, with one reply a question; the rest are lost calls."""
    assert len(assert_sound(home, analysts=analysts)) == 1
    ledger = home.rows(LEDGER)
    assert len(ledger) == attempts
    replies = Counter(row["question"] for row in ledger if row["has_reply"])
    assert replies == {"chart:1d": 1, "chart:1w": 1, "consolidated": 1}


def test_what_was_sent_and_what_came_back_is_on_record_and_a_shadow_decides_nothing(
    home: Home, model: ModelServer
) -> None:
    model.replies["consolidated"] = {
        **HOLD, "signal_type": "BUY", "entry_type": "limit", "entry_price": "190",
        "stop_loss": "180", "target_price": "210",
    }  # fmt: skip
    strategy = {**ONE, "shadows": [RULES]}
    assert ended(command(home, model, {"one": run_of(strategy)})) == "one completed\n"
    assert_one_decision(home, attempts=3, analysts=2)
    assert model.counts == {"IBM chart:1d": 1, "IBM chart:1w": 1, "IBM consolidated": 1}
    sent = home.rows(
        "SELECT b.key, b.size FROM tapetrail.llm_attempts AS a"
        " JOIN tapetrail.blobs AS b ON b.digest = a.request_digest ORDER BY a.id"
    )
    on_record = [json.loads((home.path / "blobs" / row["key"]).read_bytes()) for row in sent]
    assert sorted(map(str, on_record)) == sorted(map(str, model.asked))
    assert [len(request["images"]) for request in on_record] == [1, 1, 2]
    analyses = home.rows(
        "SELECT analyst, role, question, tokens_used, finish_reason, prompt_text IS NULL AS bare"
        " FROM tapetrail.llm_analyses ORDER BY id"
    )
    assert [(row["analyst"], row["role"], row["question"]) for row in analyses] == [
        ("http:a", "deciding", "chart:1d"),
        ("http:a", "deciding", "chart:1w"),
        ("http:a", "deciding", "consolidated"),
        (RULES, "shadow", "chart:1d"),
        (RULES, "shadow", "chart:1w"),
        (RULES, "shadow", "consolidated"),
    ]
    assert [(row["tokens_used"], row["finish_reason"], row["bare"]) for row in analyses] == [
        *[(7, "stop", False)] * 3,
        *[(0, None, True)] * 3,
    ]
    decided, shadow = home.rows(
        "SELECT role, signal_type, entry_type, valid_until, levels_valid"
        " FROM tapetrail.trading_signals ORDER BY id"
    )
    assert (decided["role"], decided["signal_type"]) == ("deciding", "BUY")
    # Five sessions after Friday, 31 August 2012, of which Labor Day is none.
    assert (decided["entry_type"], str(decided["valid_until"])) == ("limit", "2012-09-10")
    assert shadow["role"] == "shadow"


def test_an_analyst_of_ones_own_that_looks_at_no_image_is_recorded_as_shown_none(
    home: Home, model: ModelServer
) -> None:
    strategy = {**ONE, "analyst": "http:blind", "shadows": ["http:a"]}
    assert ended(command(home, model, {"one": run_of(strategy)})) == "one completed\n"
    rows = home.rows(
        "SELECT a.analyst, count(*) AS charts, count(c.image_digest) AS images"
        " FROM tapetrail.llm_analyses AS a"
        " JOIN tapetrail.analysis_charts AS c ON c.analysis_id = a.id GROUP BY 1"
    )
    found = {row["analyst"]: (row["charts"], row["images"]) for row in rows}
    assert found == {"http:blind": (4, 0), "http:a": (4, 4)}
    assert home.run("verify", "--deep").returncode == 0


@pytest.mark.parametrize(
    ("question", "asked_before", "again"),
    [
        ("chart:1d", 2, {"IBM chart:1d": 2, "IBM chart:1w": 1, "IBM consolidated": 1}),
        ("consolidated", 3, {"IBM chart:1d": 1, "IBM chart:1w": 1, "IBM consolidated": 2}),
    ],
)
def test_killed_between_attempt_and_reply_only_what_has_no_reply_is_asked_again(
    home: Home,
    model: ModelServer,
    *,
    question: str,
    asked_before: int,
    again: Mapping[str, int],
) -> None:
    model.hold(question)
    words = command(home, model, {"one": run_of(ONE)})
    with started(words) as process:
        model.await_asked(asked_before)
        wait_for(lambda: sum(row["has_reply"] for row in home.rows(LEDGER)) == asked_before - 1)
        process.kill()
        process.wait()
    model.release()
    assert ended(words) == "one completed\n"
    assert model.counts == again
    assert_one_decision(home, attempts=4)


def test_a_decision_whose_checkpoint_is_lost_goes_on_from_its_record(
    home: Home, model: ModelServer
) -> None:
    model.hold("consolidated")
    words = command(home, model, {"one": run_of(ONE)})
    with started(words) as process:
        model.await_asked(3)
        process.kill()
        process.wait()
    with home.connected() as connection:
        assert all(connection.execute(lose).rowcount == 1 for lose in LOSE_CHECKPOINT)
    model.release()
    assert ended(words) == "one completed\n"
    assert model.counts == {"IBM chart:1d": 1, "IBM chart:1w": 1, "IBM consolidated": 2}
    assert_one_decision(home, attempts=4)


def test_killed_between_reply_and_conclusion_nothing_is_asked_again(
    home: Home, model: ModelServer
) -> None:
    runs = {"one": run_of(ONE)}
    with started(command(home, model, runs, deadly="consolidated")) as process:
        process.wait(120)
    assert process.returncode == -signal.SIGKILL
    assert home.rows("SELECT status FROM tapetrail.decisions") == [{"status": "running"}]
    assert ended(command(home, model, runs)) == "one completed\n"
    assert model.counts == {"IBM chart:1d": 1, "IBM chart:1w": 1, "IBM consolidated": 1}
    assert_one_decision(home, attempts=3)


def test_a_process_that_died_over_a_decision_counts_and_one_that_was_stopped_does_not(
    home: Home, model: ModelServer
) -> None:
    model.hold("chart:1d", "chart:1w")
    # In its first minute a decision counts nobody.
    for asked, (minutes, end, counted) in enumerate(
        [(0, signal.SIGKILL, 0), (2, signal.SIGINT, 0), (2, signal.SIGKILL, 1)], start=1
    ):
        with started(command(home, model, {"one": run_of(ONE)}, minutes=minutes)) as process:
            model.await_asked(2 * asked)
            process.send_signal(end)
            process.wait(60)
        assert home.rows(TRIED_BY) == [{"tries": counted}]


def test_fifty_questions_wait_on_one_worker_and_hold_nobody_up(
    home: Home, model: ModelServer
) -> None:
    model.hold("chart:1d", "chart:1w")
    symbols = ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
    dates = ["2012-08-24", "2012-08-31", "2012-09-07", "2012-09-14", "2012-09-21"]
    waiting: dict[str, Any] = {
        f"waits-{day}": run_of({**ONE, "instruments": symbols}, day) for day in dates
    }
    beside = run_of({"name": "beside", "instruments": ["AAPL", "IBM", "MSFT"]})

    def statuses() -> Mapping[str, str]:
        rows = home.rows("SELECT workflow_id, status FROM tapetrail.workflow_executions")
        return {row["workflow_id"]: row["status"] for row in rows}

    with started(command(home, model, {**waiting, "beside": beside})) as process:
        model.await_asked(50)
        wait_for(lambda: statuses().get("beside") == "completed")
        assert {status for name, status in statuses().items() if name != "beside"} == {"running"}
        model.release()
        said, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert sorted(said.splitlines()) == [
        "beside completed",
        *(f"waits-{day} completed" for day in dates),
    ]
    assert sum(model.counts.values()) == 75
    assert len(assert_sound(home)) == 28


def test_an_answer_that_cannot_be_read_fails_the_decision_and_what_came_is_kept(
    home: Home, model: ModelServer
) -> None:
    model.replies["chart:1w"] = {**CHART, "trend": "sideways"}
    said = ended(command(home, model, {"one": run_of(ONE)}))
    assert said == "one failed\n"
    (decision,) = home.rows(
        "SELECT failed_stage, error_kind, error_message FROM tapetrail.decisions"
    )
    assert (decision["failed_stage"], decision["error_kind"]) == ("analysis", "unparseable_reply")
    assert decision["error_message"].startswith("chart:1w: reply: trend: ")
    daily, weekly = home.rows("SELECT question, status FROM tapetrail.llm_analyses ORDER BY id")
    assert (daily["status"], weekly["status"]) == ("completed", "unparseable")
    assert len(home.rows(LEDGER)) == 2


def test_a_call_that_brought_nothing_says_why(home: Home, model: ModelServer) -> None:
    nowhere = replace(model, url="http://127.0.0.1:9/")
    assert ended(command(home, nowhere, {"one": run_of(ONE)})) == "one failed\n"
    for reply in home.rows("SELECT error_kind, error_message FROM tapetrail.llm_replies"):
        assert reply["error_kind"] == "analyst_unavailable"
        assert "Connection refused" in reply["error_message"]
    (decision,) = home.rows("SELECT error_message FROM tapetrail.decisions")
    assert decision["error_message"].startswith("chart:1d: no reply to attempt 1: ")
    assert "Connection refused" in decision["error_message"]


def test_a_request_that_is_not_the_one_that_was_sent_is_not_on_record_as_it(
    home: Home, model: ModelServer
) -> None:
    model.hold("consolidated")
    with started(command(home, model, {"one": run_of(ONE)})) as process:
        model.await_asked(3)
        process.kill()
        process.wait()
    model.release()
    other = command(home, model, {"one": run_of(ONE)}, wording="another wording")
    assert ended(other) == "one failed\n"
    found = home.rows(
        "SELECT prompt_text, error_message FROM tapetrail.llm_analyses WHERE kind = 'chart'"
    )
    assert len(found) == 2
    for row in found:
        assert row["prompt_text"] is None
        assert row["error_message"].startswith("the analyst makes another request of this question")


def test_an_attempt_that_another_process_made_meanwhile_is_no_defect(
    home: Home, model: ModelServer
) -> None:
    model.hold("chart:1d")
    with started(command(home, model, {"one": run_of(ONE)})) as process:
        model.await_asked(2)
        home.rows(
            "INSERT INTO tapetrail.llm_attempts (decision_id, question, analyst, sample_no,"
            " attempt_no, provider, model_name, request_digest, sent_at, record_digest)"
            " SELECT decision_id, 'consolidated', analyst, sample_no, attempt_no, provider,"
            " model_name, request_digest, sent_at, 'sha256:' || repeat('0', 64)"
            " FROM tapetrail.llm_attempts LIMIT 1 RETURNING id"
        )
        model.release()
        said, errors = process.communicate(timeout=120)
    assert (said, process.returncode) == ("one completed\n", 0), errors
    attempts = home.rows(
        "SELECT attempt_no FROM tapetrail.llm_attempts WHERE question = 'consolidated' ORDER BY id"
    )
    assert [row["attempt_no"] for row in attempts] == [1, 2]


def test_of_two_replies_the_one_that_was_recorded_first_counts(
    home: Home, model: ModelServer
) -> None:
    model.hold("chart:1d")
    model.replies["chart:1w"] = {**CHART, "trend": "bearish"}
    replied = "SELECT id FROM tapetrail.llm_replies"
    words = command(home, model, {"one": run_of(ONE)})
    with started(words) as process:
        model.await_asked(2)
        wait_for(lambda: len(home.rows(replied)) == 1)
        process.kill()
        process.wait()
    with started(words) as process:
        model.await_asked(3)
        # The first process was frozen, not dead, and comes late: by the other chart's words.
        home.rows(
            "INSERT INTO tapetrail.llm_replies (attempt_id, decision_id, response_digest,"
            " received_at, record_digest)"
            " SELECT late.id, late.decision_id, (SELECT response_digest FROM"
            " tapetrail.llm_replies), now(), 'sha256:' || repeat('0', 64)"
            " FROM tapetrail.llm_attempts AS late"
            " WHERE late.question = 'chart:1d' AND late.attempt_no = 1 RETURNING id"
        )
        model.release()
        said, errors = process.communicate(timeout=120)
    assert (said, process.returncode) == ("one completed\n", 0), errors
    assert len(home.rows(replied)) == 4
    (daily,) = home.rows(
        "SELECT trend_direction FROM tapetrail.llm_analyses WHERE question = 'chart:1d'"
    )
    assert daily["trend_direction"] == "bearish"


def test_text_that_no_table_can_hold_is_shown_as_such_and_kept_as_it_came(
    home: Home, model: ModelServer
) -> None:
    model.replies["chart:1w"] = {**CHART, "reasoning": "a\x00b"}
    assert ended(command(home, model, {"one": run_of(ONE)})) == "one completed\n"
    (weekly,) = home.rows(
        "SELECT response_text, response_json FROM tapetrail.llm_analyses"
        " WHERE question = 'chart:1w'"
    )
    assert "a\\u0000b" in weekly["response_text"]
    assert weekly["response_json"]["reasoning"] == "a\ufffdb"
    assert_one_decision(home, attempts=3)


def test_a_worker_without_the_analyst_leaves_its_decisions_to_who_has_it(
    home: Home, model: ModelServer
) -> None:
    model.hold("chart:1d", "chart:1w")
    words = command(home, model, {"one": run_of(ONE)})
    with started(words) as process:
        model.await_asked(2)
        process.kill()
        process.wait()
    with home.started("worker"):
        # The worker has taken it over, and put it where it cannot take it from.
        wait_for(lambda: home.rows(QUEUED) == [{"queue_name": "analysts:http", "n": 1}])
        assert home.run(*home.asked("beside", symbols="IBM")).returncode == 0
        assert home.rows(QUEUED) == [{"queue_name": "analysts:http", "n": 1}]
        # Whoever takes over the opening of a run knows from its request where decisions go.
        (asked,) = home.rows("SELECT inputs FROM dbos.workflow_input WHERE workflow_uuid = 'one'")
        assert "analysts:http" in str(asked["inputs"])
    model.release()
    assert ended(words) == "one completed\n"
    assert {row["status"] for row in home.rows("SELECT status FROM tapetrail.decisions")} == {
        "completed"
    }
