"""Whoever asks models may be killed at any time: nothing answered on record is asked again.

Runs and workers are killed at random moments of their lives while an endpoint takes a few tenths
of a second for each answer. What it saw is compared with what is on record. `KILL_SEED_IN_TESTS`
gives other times.
"""

import json
import os
import random
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
from tests.edges.waiting import wait_for
from tests.paced_model import PacedModel, paced_model
from tests.workflows.conftest import Home, Row
from tests.workflows.soundness import assert_sound, work_off

pytestmark = pytest.mark.service

SEED: Final = int(os.environ.get("KILL_SEED_IN_TESTS", "20121130"))
LATENCY_S: Final = 0.3
# A Tuesday: none was a holiday in the year before, whose decisions would have another day.
LAST: Final = date(2012, 8, 28)
SAMPLES: Final = 2
ROUNDS_AT_A_TIME: Final = 2
"""A decision that five processes begin and leave is recorded as a defect, and a round has two."""
SYMBOLS: Final = ("AAPL", "GOOG", "IBM", "MSFT")
CALLS: Final = """
SELECT a.decision_id, a.question, a.analyst, a.sample_no, a.attempt_no, a.reason, a.sent_at,
    a.request_digest, r.response_digest, r.provider_request_id, r.received_at, r.cost_usd,
    b.status AS reservation, b.cost_usd AS settled, b.reserved_usd
FROM tapetrail.llm_attempts AS a
LEFT JOIN tapetrail.llm_replies AS r ON r.attempt_id = a.id
LEFT JOIN tapetrail.budget_reservations AS b ON b.decision = a.decision_id
    AND b.question = a.question AND b.analyst = a.analyst AND b.sample_no = a.sample_no
    AND b.attempt_no = a.attempt_no
ORDER BY a.id
"""
DAYS: Final = "SELECT DISTINCT (as_of AT TIME ZONE 'UTC')::date AS day FROM tapetrail.decisions"
# What is counted in a scope is what its reservations say, whoever died on the way.
COUNTS: Final = """
SELECT counts.scope, counts.spent_usd, counts.open_usd,
    coalesce(sum(coalesce(b.cost_usd, b.reserved_usd)) FILTER (WHERE b.status <> 'open'), 0)
        AS spent,
    coalesce(sum(b.reserved_usd) FILTER (WHERE b.status = 'open'), 0) AS open
FROM tapetrail.budget_counts AS counts
LEFT JOIN tapetrail.budget_reservations AS b ON counts.scope = ANY(b.scopes)
GROUP BY counts.scope, counts.spent_usd, counts.open_usd
"""


@pytest.fixture
def model(tmp_path: Path) -> Generator[PacedModel]:
    with paced_model(tmp_path / "journal", latency_s=LATENCY_S) as made:
        yield made


@pytest.mark.parametrize("kills", [10, pytest.param(100, marks=pytest.mark.torture)])
def test_kills_while_models_are_asked_lose_calls_and_nothing_else(
    home: Home, model: PacedModel, kills: int
) -> None:
    days = [LAST - timedelta(weeks=number) for number in range(kills // 2)]
    symbols = SYMBOLS[: 3 if kills == 10 else 4]
    file = _strategy(home, model, symbols)
    chance = random.Random(SEED)  # noqa: S311 # the same times every time
    for number, day in enumerate(days, start=1):
        _round_of_kills(home, model, chance, words=("run", file, "--as-of", str(day)))
        if number % ROUNDS_AT_A_TIME == 0:
            work_off(home)
    opened = {row["day"] for row in home.rows(DAYS)}
    for day in days:
        if day not in opened:
            assert home.run("run", file, "--as-of", str(day)).returncode == 0
    work_off(home)
    assert len(assert_sound(home, analysts=2)) == len(symbols) * len(days)
    calls = home.rows(CALLS)
    _assert_one_reply_counts(calls, decisions=len(symbols) * len(days))
    _assert_nothing_was_asked_again(calls, model)
    _assert_money_adds_up(home, calls)


def _strategy(home: Home, model: PacedModel, symbols: Sequence[str]) -> str:
    told = {"analyst": "compatible:paced", "base_url": f"{model.url}/v1", "image_fit": "native",
            "price": {"input": 2, "output": 8, "cached_read": 0.5}}  # fmt: skip
    # Lost calls hold the most that they can cost: a hundred kills would fill a day of 20 USD.
    budget = "budget: {execution_usd: 1000, day_usd: 1000}"
    words = (f"analyst: {json.dumps(told)}", "samples: 2", budget)
    return home.strategy(symbols=", ".join(symbols), more="\n".join(words))


def _round_of_kills(
    home: Home, model: PacedModel, chance: random.Random, *, words: Sequence[str]
) -> None:
    """Start a run and a worker, and kill each at some time; both are dead at the end.

    Mostly that is while models are asked, at times while they start or prepare.
    """
    seen = len(model.entries("asked"))
    with ExitStack() as stack:
        started = [stack.enter_context(home.started(*each)) for each in (words, ("worker",))]
        if chance.random() < 0.8:
            wait_for(lambda: len(model.entries("asked")) > seen, timeout_s=60)
        began = time.monotonic()
        dues = [(began + chance.uniform(0, 4 * LATENCY_S), process) for process in started]
        for due, process in sorted(dues, key=lambda each: each[0]):
            wait_for(lambda due=due: time.monotonic() >= due)
            process.kill()
            process.wait()


def _assert_one_reply_counts(calls: Sequence[Row], *, decisions: int) -> None:
    """Each answer has one reply; every other call for it was lost, and nobody knows its cost."""
    by_answer: dict[tuple[object, ...], list[Row]] = {}
    for call in calls:
        key = (call["decision_id"], call["question"], call["analyst"], call["sample_no"])
        by_answer.setdefault(key, []).append(call)
    assert len(by_answer) == decisions * SAMPLES * 3
    for own in by_answer.values():
        *lost, last = own
        assert [call["attempt_no"] for call in own] == [*range(1, len(own) + 1)]
        assert last["response_digest"] is not None
        assert {call["reason"] for call in lost} <= {"first", "retry"}
        for call in lost:
            assert (call["response_digest"], call["cost_usd"], call["received_at"]) == (None,) * 3


def _assert_nothing_was_asked_again(calls: Sequence[Row], model: PacedModel) -> None:
    """What the endpoint saw is what is on record, and it saw nothing whose reply was there."""
    asked, answered = model.entries("asked"), model.entries("answered")
    made = Counter(call["request_digest"] for call in calls)
    assert Counter(entry.digest for entry in asked) <= made
    by_number = {entry.number: entry for entry in asked}
    replied: dict[str, list[float]] = {}
    for call in calls:
        if call["response_digest"] is not None:
            entry = by_number[int(call["provider_request_id"])]
            assert entry.digest == call["request_digest"]
            replied.setdefault(entry.digest, []).append(call["received_at"].timestamp())
    # Samples send the same bytes: one reply on record leaves as many open as there are others.
    for entry in asked:
        assert sum(at < entry.at for at in replied[entry.digest]) < SAMPLES, entry
    recorded = {int(call["provider_request_id"] or 0) for call in calls}
    gone = sum(entry.number not in recorded for entry in answered)
    lost = sum(call["response_digest"] is None for call in calls)
    print(f"{len(calls)} calls, {lost} lost; {gone} answered and not on record")  # noqa: T201 # for -s
    assert lost > 0


def _assert_money_adds_up(home: Home, calls: Sequence[Row]) -> None:
    """Each call holds its money: what it cost, or its reserve where that is not known.

    Every lost call was followed by another one for its answer, so that nobody waits for its money.
    """
    for call in calls:
        is_lost = call["response_digest"] is None
        assert call["reservation"] == ("lost" if is_lost else "settled")
        assert call["settled"] == call["cost_usd"]
    for row in home.rows(COUNTS):
        assert (row["spent_usd"], row["open_usd"]) == (row["spent"], row["open"]), row
    scopes = home.rows("SELECT sum(spent_usd) AS usd FROM tapetrail.budget_counts"
                       " WHERE scope LIKE 'execution %'")  # fmt: skip
    costs = (call["cost_usd"] for call in calls if call["cost_usd"] is not None)
    reserves = (call["reserved_usd"] for call in calls if call["cost_usd"] is None)
    assert scopes[0]["usd"] == sum(costs, Decimal(0)) + sum(reserves, Decimal(0))
