"""Work that is begun can be stopped, resumed and cancelled, and a stop is a person's word."""

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final

import pytest
from tests.edges.waiting import wait_for
from tests.workflows.conftest import FOUR, Home
from tests.workflows.model_server import ModelServer, model_server
from tests.workflows.soundness import assert_sound
from tests.workflows.test_analysts_over_a_wire import LEDGER, ONE, command, ended, run_of, started

pytestmark = pytest.mark.service

STATUSES: Final = "SELECT status FROM tapetrail.decisions ORDER BY id"
EVENTS: Final = """
SELECT from_status, to_status, actor, reason FROM tapetrail.execution_events
WHERE execution_id = %s ORDER BY id
"""
DATES: Final = ("--from", "2012-08-01", "--to", "2012-08-31", "--every", "1w")


@pytest.fixture
def model() -> Generator[ModelServer]:
    with model_server() as made:
        yield made


@contextmanager
def waiting(home: Home, model: ModelServer) -> Generator[subprocess.Popen[str]]:
    """A run of one decision that waits for both of its charts' answers."""
    model.hold("chart:1d", "chart:1w")
    with started(command(home, model, {"one": run_of(ONE)})) as process:
        model.await_asked(2)
        yield process


def events(home: Home, number: int = 1) -> list[tuple[str, str, str]]:
    with home.connected() as connection:
        found = connection.execute(EVENTS.encode(), [number]).fetchall()
    return [(row["from_status"], row["to_status"], row["reason"]) for row in found]


def statuses(home: Home) -> list[str]:
    return [row["status"] for row in home.rows(STATUSES)]


def assert_verified(home: Home) -> None:
    answer = home.run("verify", "--deep")
    assert answer.returncode == 0, answer.stdout + answer.stderr


# A stop


def test_a_stopped_execution_keeps_its_replies_and_goes_on_without_asking_twice(
    home: Home, model: ModelServer
) -> None:
    with waiting(home, model) as process:
        stopped = home.run("executions", "stop", "1", "--reason", "the desk closes")
        assert stopped.returncode == 0, stopped.stderr
        assert "tapetrail executions resume 1" in stopped.stderr
        model.release()
        assert process.communicate(timeout=60)[0] == "one stopped\n"
    assert statuses(home) == ["running"]
    assert [row["has_reply"] for row in home.rows(LEDGER)] == [True, True]
    assert events(home)[-1] == ("running", "stopped", "the desk closes")
    shown = home.run("executions", "show", "1").stdout
    assert "open: 1 running of 1" in shown
    assert "to go on: tapetrail executions resume 1" in shown
    # Asked for again, it goes on.
    assert ended(command(home, model, {"one": run_of(ONE)})) == "one completed\n"
    assert model.counts == {"IBM chart:1d": 1, "IBM chart:1w": 1, "IBM consolidated": 1}
    assert [event[1] for event in events(home)] == ["running", "stopped", "running", "completed"]
    assert_verified(home)


def test_nothing_that_was_stopped_is_done_by_another_run_or_worker(
    home: Home, model: ModelServer
) -> None:
    with waiting(home, model) as process:
        assert home.run("executions", "stop", "1").returncode == 0
        process.kill()
    model.release()
    assert home.run(*home.asked()).returncode == 0
    assert home.run("worker", "--until-empty").returncode == 0
    other = {"two": run_of({**ONE, "name": "two"})}
    assert ended(command(home, model, other)) == "two completed\n"
    assert statuses(home) == ["running", "completed", "completed", "completed"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("stop", "1"), 2, "execution 1 is completed; there is nothing to stop"),
        (("resume", "1"), 2, "execution 1 is completed; only a stopped one is resumed"),
        (("cancel", "1", "--yes"), 2, "execution 1 is completed; there is nothing to cancel"),
        (("stop", "9"), 3, "no execution 9"),
        (("cancel", "9", "--yes"), 3, "no execution 9"),
        (("cancel", "1"), 2, "--yes was not given"),
    ],
)
def test_what_cannot_be_stopped_says_where_it_stands(
    *, warm: Home, words: Sequence[str], code: int, said: str
) -> None:
    answer = warm.run("executions", *words)
    assert answer.returncode == code, answer.stderr
    assert said.replace("; ", ": ") in answer.stderr.replace("\n  ", ": ")


# A cancellation


def test_what_is_cancelled_is_sealed_as_it_is_and_for_good(home: Home, model: ModelServer) -> None:
    with waiting(home, model) as process:
        answer = home.run("executions", "cancel", "1", "--yes", "--reason", "a wrong strategy")
        assert answer.returncode == 0, answer.stderr
        model.release()
        assert process.communicate(timeout=60)[0] == "one cancelled\n"
    assert statuses(home) == ["cancelled"]
    assert events(home)[-1] == ("running", "cancelled", "a wrong strategy")
    # Calls that were in flight are lost: no row joins a sealed decision.
    assert [row["has_reply"] for row in home.rows(LEDGER)] == [False, False]
    assert home.rows("SELECT count(*) AS n FROM tapetrail.decision_seals") == [{"n": 1}]
    assert home.run("worker", "--until-empty").returncode == 0
    assert ended(command(home, model, {"one": run_of(ONE)})) == "one cancelled\n"
    assert statuses(home) == ["cancelled"]
    assert home.rows("SELECT count(*) AS n FROM tapetrail.execution_seals") == [{"n": 1}]
    assert_verified(home)


def test_a_stopped_execution_can_be_cancelled(home: Home, model: ModelServer) -> None:
    with waiting(home, model):
        assert home.run("executions", "stop", "1").returncode == 0
    assert home.run("executions", "cancel", "1", "--yes").returncode == 0
    assert [event[1] for event in events(home)] == ["running", "stopped", "cancelled"]


# Ctrl-C


def test_an_interrupted_run_is_stopped_and_says_how_it_goes_on(home: Home) -> None:
    strategy = home.strategy(symbols=FOUR, more="timeframes: [1d, 1w, 1mo]")
    words = ("backfill", strategy, *DATES)
    with home.started(*words) as process:
        wait_for(lambda: "completed" in statuses(home))
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "of 20 decisions have ended; to go on: the same backfill again" in said
    open_before = Counter(statuses(home))["pending"]
    assert open_before
    # Another run does not touch it.
    assert home.run(*home.asked("other", symbols="IBM")).returncode == 0
    assert Counter(statuses(home))["pending"] == open_before
    again = home.run(*words, "--json")
    assert again.returncode == 0, again.stderr
    counts = json.loads(again.stdout)
    assert counts["resumed"] > 0
    assert counts["open"] == 0
    assert Counter(statuses(home)) == {"completed": 21}
    passes = home.rows("SELECT DISTINCT run_no FROM tapetrail.decisions")
    assert passes == [{"run_no": 1}]


# A crash


def test_a_run_does_its_own_decisions_first_and_then_finishes_what_a_dead_one_left(
    home: Home,
) -> None:
    words = ("backfill", home.strategy(symbols=FOUR), *DATES)
    with home.started(*words) as process:
        wait_for(lambda: "completed" in statuses(home))
        process.kill()
        process.wait()
    left = Counter(statuses(home))["pending"]
    assert left > 8
    answer = home.run(*home.asked("other", symbols="IBM"), "--json")
    assert answer.returncode == 0, answer.stderr
    assert "decisions that an earlier process left" in answer.stderr
    assert json.loads(answer.stdout)["status"] == "completed"
    assert {*statuses(home)} == {"completed"}
    own = home.rows(
        "SELECT (SELECT max(s.sealed_at) FROM tapetrail.decision_seals s JOIN tapetrail.decisions d"
        " ON d.id = s.decision_id JOIN tapetrail.workflow_executions e ON e.id = d.execution_id"
        " JOIN tapetrail.strategies t ON t.id = e.strategy_id WHERE t.name = 'other')"
        " < (SELECT max(sealed_at) FROM tapetrail.decision_seals) AS came_first"
    )
    assert own == [{"came_first": True}]
    assert_sound(home)


# A backfill


def test_a_backfill_does_each_instrument_and_day_once_and_counts_what_it_skips(home: Home) -> None:
    # FB was listed on 2012-05-18: it has no bars of April, and too few of May.
    words = ("backfill", home.strategy(symbols="FB, IBM"), "--from", "2012-04-02")
    first = home.run(*words, "--to", "2012-05-31", "--every", "1mo", "--json")
    assert first.returncode == 1, first.stderr
    counts = json.loads(first.stdout)
    assert {name: counts[name] for name in ("decisions", "failed", "skipped", "without_bars")} == {
        "decisions": 3,
        "failed": 1,
        "skipped": 0,
        "without_bars": 1,
    }
    second = json.loads(home.run(*words, "--to", "2012-05-31", "--every", "1mo", "--json").stdout)
    assert (second["decisions"], second["failed"], second["skipped"]) == (1, 1, 2)
    again = json.loads(
        home.run(*words, "--to", "2012-05-31", "--every", "1mo", "--again", "--json").stdout
    )
    assert (again["decisions"], again["skipped"]) == (3, 0)
    passes = home.rows(
        "SELECT symbol, as_of::date::text AS day, array_agg(run_no ORDER BY run_no) AS passes"
        " FROM tapetrail.decisions GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert [(row["symbol"], row["day"], row["passes"]) for row in passes] == [
        ("FB", "2012-05-31", [1, 2, 3]),
        ("IBM", "2012-04-30", [1, 2]),
        ("IBM", "2012-05-31", [1, 2]),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "2012-08-31", "--to", "2012-08-01"), "ends before it begins"),
        (("--from", "2012-08-01", "--every", "2w"), "expected one of session, 1w, 1mo"),
        (("--from", "yesterday"), "--from 'yesterday': expected a date"),
        (("--from", "2012-08-01", "--to", "2999-01-01"), "calendar XNYS is known from"),
        (("--from", "2012-08-06", "--to", "2012-08-08"), "no week ends by then"),
    ],
)
def test_what_is_wrong_with_a_backfill_is_refused_before_anything_is_written(
    home: Home, words: Sequence[str], said: str
) -> None:
    answer = home.run("backfill", home.strategy(), *words)
    assert answer.returncode == 2, answer.stderr
    assert said in answer.stderr
    assert home.rows("SELECT id FROM tapetrail.strategies") == []


@pytest.mark.parametrize(
    ("weeks", "blows"),
    [
        pytest.param(6, "iik", id="short"),
        pytest.param(75, "iikiiki", id="long", marks=pytest.mark.torture),
    ],
)
def test_a_backfill_that_is_interrupted_and_killed_ends_with_each_day_once(
    home: Home, weeks: int, blows: str
) -> None:
    """`i` is Ctrl-C, `k` is kill -9: each comes when something more has completed."""
    first, last = ("2012-07-02", "2012-08-10") if weeks == 6 else ("2011-03-07", "2012-08-10")
    words = ("backfill", home.strategy(symbols=FOUR), "--from", first, "--to", last)
    assert home.run("db", "start").returncode == 0
    for blow in blows:
        before = Counter(statuses(home))["completed"]
        with home.started(*words) as process:
            wait_for(lambda: Counter(statuses(home))["completed"] > before, timeout_s=60)  # noqa: B023 # waited for here
            process.send_signal(signal.SIGINT if blow == "i" else signal.SIGKILL)
            said, _ = process.communicate(timeout=60)
        assert "Traceback" not in said, said
    finished = home.run(*words, "--json")
    assert finished.returncode == 0, finished.stderr
    assert len(assert_sound_but_for_turns(home)) == weeks * 4
    assert home.run("db", "stop").returncode == 0


def assert_sound_but_for_turns(home: Home) -> Sequence[dict[str, object]]:
    """Every day is there once, completed, and all its digests hold."""
    rows = home.rows(
        "SELECT symbol, as_of, count(*) AS n, min(status) AS status FROM tapetrail.decisions"
        " GROUP BY symbol, as_of"
    )
    assert {(row["n"], row["status"]) for row in rows} == {(1, "completed")}
    assert (
        home.rows("SELECT id FROM tapetrail.workflow_executions WHERE status <> 'completed'") == []
    )
    return rows


def test_a_worker_until_empty_ends_when_all_is_done(home: Home) -> None:
    with home.started("backfill", home.strategy(symbols=FOUR), *DATES) as process:
        wait_for(lambda: "completed" in statuses(home))
        process.kill()
        process.wait()
    answer = home.run("worker", "--until-empty")
    assert answer.returncode == 0, answer.stderr
    assert "nothing is left to do" in answer.stderr
    assert {*statuses(home)} == {"completed"}
