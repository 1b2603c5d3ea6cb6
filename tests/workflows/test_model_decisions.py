"""Decisions by models over real HTTP: what they are sent, what they answer, what is on record."""

import json
from collections.abc import Generator
from typing import Final

import pytest
from tests.model_server import ModelServer, model_server
from tests.workflows.conftest import AS_OF, Home
from tests.workflows.model_answers import good

pytestmark = pytest.mark.service

KEY: Final = "sk-tests-0123456789abcdef"


@pytest.fixture
def model() -> Generator[ModelServer]:
    with model_server() as made:
        made.answers = good
        yield made


def environment(model: ModelServer) -> dict[str, str]:
    return {
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": f"{model.url}/v1",
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": model.url,
        "GOOGLE_API_KEY": KEY,
        "GOOGLE_GEMINI_BASE_URL": model.url,
    }


def run(home: Home, model: ModelServer, more: str, *, symbols: str = "IBM") -> str:
    file = home.strategy(symbols=symbols, more=more)
    done = home.run("run", file, "--as-of", AS_OF, **environment(model))
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return done.stdout + done.stderr


def blob(home: Home, key: str) -> bytes:
    return (home.path / "blobs" / key).read_bytes()


LEDGER: Final = """
SELECT a.question, a.analyst, a.sample_no, a.turn_no, a.attempt_no, a.reason, a.base_url,
    q.key AS request, b.key AS reply, r.http_status, r.error_kind, r.is_partial, r.usage,
    r.cost_usd, r.service_tier, r.headers, r.first_byte_at, r.received_at, a.sent_at
FROM tapetrail.llm_attempts AS a
JOIN tapetrail.blobs AS q ON q.digest = a.request_digest
LEFT JOIN tapetrail.llm_replies AS r ON r.attempt_id = a.id
LEFT JOIN tapetrail.blobs AS b ON b.digest = r.response_digest ORDER BY a.id
"""
ANALYSES: Final = """
SELECT id, question, analyst, role, sample_no, status, error_kind, error_message, parsed_from,
    params, response_json, confidence_score, grounding, cost_usd, tokens_used, usage, unit_prices,
    prompt_text, model_reported
FROM tapetrail.llm_analyses ORDER BY id
"""


def test_a_full_execution_is_on_record_byte_for_byte(home: Home, model: ModelServer) -> None:
    said = run(
        home,
        model,
        "analyst:\n"
        "  chart: [openai:gpt-a, anthropic:claude-a]\n"
        "  consolidated: google:gemini-a\n"
        "shadows: [openai-chat:gpt-b, {analyst: compatible:llava, as: local, base_url: "
        f"'{model.url}/v1'}}]",
    )
    assert "completed" in said, said
    ledger = home.rows(LEDGER)
    assert len(ledger) == 9
    assert sorted(blob(home, row["request"]) for row in ledger) == sorted(
        asked.body for asked in model.asked
    )
    assert sorted(blob(home, row["reply"]) for row in ledger) == sorted(model.sent)
    assert {(row["turn_no"], row["attempt_no"], row["reason"]) for row in ledger} == {
        (1, 1, "first")
    }
    assert all(row["first_byte_at"] <= row["received_at"] for row in ledger)
    analyses = home.rows(ANALYSES)
    assert [(row["analyst"], row["role"], row["question"], row["status"]) for row in analyses] == [
        ("openai:gpt-a", "deciding", "chart:1d", "completed"),
        ("openai:gpt-a", "deciding", "chart:1w", "completed"),
        ("google:gemini-a", "deciding", "consolidated", "completed"),
        *(
            (name, "shadow", question, "completed")
            for name in ("openai-chat:gpt-b", "local")
            for question in ("chart:1d", "chart:1w", "consolidated")
        ),
    ]
    whole = analyses[2]
    assert whole["response_json"]["entry_price"] == "194.5"
    assert whole["parsed_from"] == "plain"
    assert [level["price"] for level in whole["grounding"]["supports"]] == ["190", "185.5"]
    signals = home.rows("SELECT role, signal_type, entry_price FROM tapetrail.trading_signals")
    assert [(row["role"], row["signal_type"]) for row in signals] == [
        ("deciding", "BUY"),
        ("shadow", "BUY"),
        ("shadow", "BUY"),
    ]
    assert KEY not in json.dumps([dict(row) for row in ledger], default=str)
    assert home.run("verify", "--deep").returncode == 0
