"""What `executions show` says that open decisions wait for: replies, providers, money."""

import json
from collections.abc import Mapping
from contextlib import nullcontext
from decimal import Decimal
from typing import Final, NoReturn

import pytest
from sqlalchemy import text
from tests.edges.rows import NOON, Rows, driver, insert_row

from tapetrail.cli.terminal.details import detail_lines
from tapetrail.cli.terminal.output import Screen
from tapetrail.listing import EXECUTIONS
from tapetrail.usecases.records import Records
from tapetrail.wire import Detail, detail_document

pytestmark = pytest.mark.service

SPEC: Final[Mapping[str, object]] = {
    "analyst": {"analyst": "openai-chat:a-model", "temperature": "0"},
    "budget": {"execution_usd": "1.5", "day_usd": "20"},
}
FLOW: Final = """
    INSERT INTO tapetrail.provider_flow VALUES
        ('anthropic@api.anthropic.com', now(), now(), now() + interval '1 minute', 'not ours'),
        ('compatible@127.0.0.1:1', NULL, NULL, NULL, NULL),
        ('openai@api.openai.com', now() + interval '2 minutes', now(),
         '2999-11-20T12:00Z', 'rate_limited: HTTP 429'),
        ('openai@eu.api.openai.com', now(), NULL, '2000-01-01T00:00Z', 'over long ago')
"""
COUNTS: Final = """
    INSERT INTO tapetrail.budget_counts VALUES
        ('execution ' || :execution, 0.31, 0.12),
        ('strategy waiting on ' || (now() AT TIME ZONE 'UTC')::date, 4, 0),
        ('record on 2000-01-01', 7, 7)
"""


def no_blobs() -> NoReturn:
    raise AssertionError("no bytes are read here")


def detail_of(rows: Rows, *, day_usd: Decimal | None = None) -> Detail:
    reading = lambda: nullcontext(driver(rows))  # noqa: E731 # it is one
    records = Records(reading, open_blobs=no_blobs, budget_day_usd=day_usd)
    return records.detail(EXECUTIONS, rows.last["workflow_executions"])


def gist(detail: Detail) -> list[str]:
    """Return the lines that come before the columns."""
    lines = [*detail_lines(EXECUTIONS, detail, screen=Screen())]
    return [line.strip() for line in lines[1 : lines.index("")]]


@pytest.fixture
def waiting(rows: Rows) -> Rows:
    """An execution with an open decision whose last call of three has no reply."""
    rows.last["strategies"] = insert_row(
        rows.connection, "strategies", {"name": "waiting", "spec": SPEC}
    )
    rows.add_decision("waiting")
    rows.add("llm_attempts")
    rows.add("llm_attempts", question="chart:1w")
    rows.add("llm_replies")
    rows.add("llm_attempts", question="chart:1w", attempt_no=2)
    rows.add("llm_replies")
    rows.add("llm_attempts", question="consolidated", attempt_no=1)
    rows.add("llm_attempts", question="consolidated", attempt_no=2)
    rows.connection.execute(text(FLOW))
    rows.connection.execute(text(COUNTS), {"execution": str(rows.last["workflow_executions"])})
    return rows


def test_an_open_execution_says_what_it_waits_for(waiting: Rows) -> None:
    number = waiting.last["workflow_executions"]
    said = gist(detail_of(waiting))
    assert said[0] == "open: 1 running of 1"
    assert said[1].startswith("calls without a reply: 2 to ")
    left = "left alone until 2999-11-20 12:00Z; rate_limited: HTTP 429"
    assert said[2] == f"openai@api.openai.com: {left}"
    assert said[3].startswith("openai@api.openai.com: its rate lets the next call begin at 20")
    assert said[4:] == [
        f"execution {number}: 0.31 of 1.5 USD spent, 0.12 reserved",
        f"{said[5].partition(':')[0]}: 4 of 20 USD spent, 0 reserved",
    ]


def test_calls_that_were_lost_before_the_newest_are_not_counted(waiting: Rows) -> None:
    found = detail_of(waiting).related["calls_in_flight"]
    assert [(each["question"], each["attempt_no"]) for each in found] == [
        ("chart:1d", 1),
        ("consolidated", 2),
    ]
    assert found[0]["sent_at"] == NOON


def test_providers_are_those_of_the_strategy_with_what_holds_now(waiting: Rows) -> None:
    ours, elsewhere = detail_of(waiting).related["providers"]
    assert ours["provider"] == "openai@api.openai.com"
    assert ours["next_turn_at"] is not None
    assert elsewhere == {
        "provider": "openai@eu.api.openai.com", "blocked_until": None, "blocked_for": None,
        "next_turn_at": None, "slots_in_use": 0,
    }  # fmt: skip


def test_a_slot_that_somebody_holds_is_counted(waiting: Rows) -> None:
    take = "SELECT pg_advisory_xact_lock(hashtext('tapetrail slots of ' || :provider), 7)"
    waiting.connection.execute(text(take), {"provider": "openai@api.openai.com"})
    detail = detail_of(waiting)
    assert [each["slots_in_use"] for each in detail.related["providers"]] == [1, 0]
    assert "openai@api.openai.com: calls there now, of all executions: 1" in gist(detail)


def test_json_has_the_budgets_with_their_limits(waiting: Rows) -> None:
    document = json.loads(json.dumps(detail_document(detail_of(waiting, day_usd=Decimal(9)))))
    of_execution, of_strategy, of_record = document["budgets"]
    assert of_execution == {
        "scope": f"execution {waiting.last['workflow_executions']}",
        "limit_usd": "1.5", "spent_usd": "0.31", "reserved_usd": "0.12",
    }  # fmt: skip
    assert (of_strategy["limit_usd"], of_strategy["spent_usd"]) == ("20", "4")
    assert (of_record["limit_usd"], of_record["spent_usd"]) == ("9", "0")
    assert detail_of(waiting).related["budgets"][2]["limit_usd"] is None


def test_an_execution_that_has_ended_waits_for_nothing(waiting: Rows) -> None:
    waiting.add("decision_events", from_status="running", to_status="cancelled")
    detail = detail_of(waiting)
    assert [detail.related[name] for name in ("calls_in_flight", "providers", "budgets")] == [
        [], [], [],
    ]  # fmt: skip
