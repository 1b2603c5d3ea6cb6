"""Models in every way of not answering: the right row, nothing made up, nobody else harmed."""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from tests import wire_replies
from tests.homes import copy_home
from tests.model_server import Answer, Asked, ModelServer, model_server
from tests.workflows.conftest import AS_OF, Home
from tests.workflows.model_answers import CHART, good, is_whole

from tapetrail.store.private.server import PrivateServer

pytestmark = pytest.mark.service

KEY: Final = "sk-tests-0123456789abcdef"
FREE: Final = {"input": 0, "output": 0}
ODD: Final = "<script>alert(1)</script> \x1b[31m \x00 end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to misbehave, and what is to be on record of each question about a chart.

    `answer` is given as often as `times` says, and a good one after that.
    """

    answer: Callable[[], Answer | str]
    times: int = 99
    family: str = "compatible"
    status: str = "failed"
    kind: str | None = None
    calls: int = 1
    more: Mapping[str, object] | None = None


def completion(**changes: Any) -> Callable[[], Answer]:
    return lambda: Answer(body=json.dumps(wire_replies.chat(**changes)).encode())


def body(document: object) -> Callable[[], Answer]:
    return lambda: Answer(body=json.dumps(document).encode())


def failing(status: int, text: str = "{}", **headers: str) -> Callable[[], Answer]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: Answer(status=status, headers=named, body=text.encode())


def soon() -> Answer:
    at = datetime.now(UTC) + timedelta(seconds=1)
    return failing(429, retry_after=format_datetime(at, usegmt=True))()


QUOTA: Final = json.dumps({"error": {"code": "insufficient_quota", "message": "no money"}})
SEEN: Final = json.dumps({**CHART, "trend": "up"})
answered: Final = partial(Way, status="completed")
asked_again: Final = partial(Way, status="unparseable", calls=3)
WAYS: Final[Mapping[str, Way]] = {
    "wait-seconds": answered(answer=failing(429, retry_after="1"), times=1, calls=2),
    "wait-date": answered(answer=soon, times=1, calls=2),
    "overloaded": answered(answer=failing(529), times=1, calls=2),
    "fails-once": answered(answer=failing(500), times=1, calls=2),
    "fails": Way(answer=failing(500), calls=5, kind="provider_failed"),
    "stalls": Way(
        answer=lambda: Answer(is_held=True), calls=5, kind="reply_timeout", more={"timeout_s": 2}
    ),
    "breaks-off": Way(
        answer=lambda: Answer(body=b"x" * 100, cut_at=20), calls=5, kind="connection_reset"
    ),
    "half-a-document": Way(
        answer=lambda: Answer(body=b'{"choices": [{'), calls=5, kind="not_json_body",
        status="unparseable",
    ),
    "cut": Way(
        answer=completion(finish_reason="length"), kind="truncated", status="unparseable"
    ),
    "cut-with-nothing": Way(
        answer=completion(finish_reason="length", message={"content": ""}),
        kind="truncated_without_text", status="unparseable",
    ),
    "other-schema": asked_again(answer=lambda: SEEN, kind="against_schema"),
    "words": asked_again(answer=lambda: "I would buy.", kind="not_json"),
    "sure": asked_again(
        answer=lambda: json.dumps({**CHART, "confidence": 60}), kind="bad_confidence"),
    "endless": asked_again(
        answer=lambda: json.dumps({**CHART, "reasoning": "a" * 1_000_000}),
        kind="unparseable_reply"),
    "empty": Way(
        answer=completion(message={"content": " "}), kind="empty_reply", status="unparseable"
    ),
    "nothing": Way(
        answer=completion(message={"content": None}), kind="null_reply", status="unparseable"
    ),
    "tools": Way(
        answer=completion(finish_reason="tool_calls", message={"content": None}),
        kind="malformed_reply", status="unparseable",
    ),
    "hostile": answered(answer=lambda: json.dumps({**CHART, "reasoning": ODD})),
    "fenced": answered(answer=lambda: f"Here:\n```json\n{json.dumps(CHART)}\n```"),
    "no-usage": answered(
        answer=completion(usage=None, message={"content": json.dumps(CHART)}), times=1
    ),
    "moves": Way(answer=failing(302, location="https://else.where/v1"), kind="redirected"),
    "no-money": Way(answer=failing(429, QUOTA), kind="quota_exhausted"),
    "refuses-chat": Way(
        answer=completion(message={"content": None, "refusal": "No."}), kind="refused",
        status="refused", family="openai-chat",
    ),
    "refuses-responses": Way(
        answer=body(wire_replies.responses(wire_replies.part(type="refusal", refusal="No."))),
        kind="refused", status="refused", family="openai",
    ),
    "refuses-message": Way(
        answer=body(wire_replies.message(stop_reason="refusal", content=[])),
        kind="refused", status="refused", family="anthropic",
    ),
    "pauses": Way(
        answer=body(wire_replies.message(stop_reason="pause_turn", content=[])),
        kind="paused", family="anthropic",
    ),
    "blocks": Way(
        answer=body({"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "m"}),
        kind="blocked", status="refused", family="google",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def model() -> Generator[ModelServer]:
    with model_server() as made:
        yield made


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run whose shadows misbehave, each in its own way."""

    home: Home
    model: ModelServer
    done: subprocess.CompletedProcess[str]
    analyses: Mapping[tuple[str, str], Mapping[str, Any]]
    calls: Mapping[tuple[str, str], list[Mapping[str, Any]]]


ANALYSES: Final = """
SELECT analyst, question, status, error_kind, error_message, response_text, response_json,
    reasoning, parsed_from, model_reported, usage, cost_usd, tokens_used, finish_reason
FROM tapetrail.llm_analyses, LATERAL (SELECT response_json ->> 'reasoning' AS reasoning) AS said
ORDER BY id
"""
CALLS: Final = """
SELECT a.analyst, a.question, a.attempt_no, a.reason, r.http_status, r.error_kind, r.is_partial,
    r.headers, r.response_digest, r.cost_usd
FROM tapetrail.llm_attempts AS a LEFT JOIN tapetrail.llm_replies AS r ON r.attempt_id = a.id
ORDER BY a.id
"""


def named(asked: Asked) -> str:
    stated = asked.document.get("model")
    return str(stated or re.findall(r"models/([^:]+):", asked.path)[0])


@pytest.fixture(scope="module")
def home(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Home]:
    made = Home(path=tmp_path_factory.mktemp("models") / "home")
    copy_home(prepared_home, made.path)
    yield made
    PrivateServer(home=made.path).stop()


@pytest.fixture(scope="module")
def run(home: Home, model: ModelServer) -> Run:
    given: Counter[tuple[str, str]] = Counter()

    def answers(asked: Asked) -> Answer | str:
        name, about = named(asked), "whole" if is_whole(asked) else str(b"Chart 1w:" in asked.body)
        given[name, about] += 1
        way = WAYS.get(name)
        misbehaves = way is not None and given[name, about] <= way.times
        return way.answer() if way and misbehaves and about != "whole" else good(asked)

    model.answers = answers
    shadows = [
        {"analyst": f"{way.family}:{name}", "as": name, "price": FREE, **(way.more or {})}
        | ({"base_url": f"{model.url}/v1"} if way.family == "compatible" else {})
        | ({"key_env": "LOCAL_API_KEY"} if way.family == "compatible" else {})
        for name, way in WAYS.items()
    ]
    secret = {
        "analyst": "compatible:tls",
        "as": "tls",
        "base_url": model.url.replace("http", "https"),
    }
    own = {"analyst": "compatible:fine", "as": "fine", "base_url": f"{model.url}/v1"}
    file = home.strategy(
        symbols="IBM",
        more=f"analyst: {json.dumps(own)}\nshadows: {json.dumps([*shadows, secret])}",
    )
    keys = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY"), KEY)
    places = {"OPENAI_BASE_URL": f"{model.url}/v1", "ANTHROPIC_BASE_URL": model.url,
              "GOOGLE_GEMINI_BASE_URL": model.url}  # fmt: skip
    done = home.run("run", file, "--as-of", AS_OF, **keys, **places, LOCAL_API_KEY=KEY)
    model.release()
    calls: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in home.rows(CALLS):
        calls.setdefault((row["analyst"], row["question"]), []).append(row)
    rows = home.rows(ANALYSES)
    return Run(
        home=home,
        model=model,
        done=done,
        analyses={(row["analyst"], row["question"]): row for row in rows},
        calls=calls,
    )


@pytest.mark.parametrize("name", WAYS)
def test_each_way_is_the_row_that_it_should_be(run: Run, name: str) -> None:
    way = WAYS[name]
    row, calls = run.analyses[name, "chart:1d"], run.calls[name, "chart:1d"]
    assert (row["status"], row["error_kind"]) == (way.status, way.kind), row
    assert (row["error_message"] is None) is (way.kind is None)
    assert len(calls) == way.calls, calls
    assert (row["response_json"] is None) is (way.kind is not None)
    is_answered = (name, "consolidated") in run.analyses
    assert is_answered is (way.kind is None)


def test_who_decides_is_not_harmed(run: Run) -> None:
    assert run.done.returncode == 0, run.done.stdout + run.done.stderr
    roles = Counter(
        row["role"] for row in run.home.rows("SELECT role FROM tapetrail.trading_signals")
    )
    assert roles == {"deciding": 1, "shadow": sum(way.kind is None for way in WAYS.values())}
    assert run.home.run("verify", "--deep").returncode == 0


def test_what_broke_off_is_kept_with_the_reason(run: Run) -> None:
    for call in run.calls["breaks-off", "chart:1d"]:
        assert (call["is_partial"], call["error_kind"]) == (True, "connection_reset")
        assert call["response_digest"] is not None
    for call in run.calls["stalls", "chart:1d"]:
        assert (call["is_partial"], call["error_kind"]) == (True, "reply_timeout")
    assert run.calls["moves", "chart:1d"][0]["headers"]["location"] == "https://else.where"
    assert run.analyses["tls", "chart:1d"]["error_kind"] == "tls_failed"


def test_an_analyst_that_stays_so_is_asked_no_more(run: Run) -> None:
    row = run.analyses["no-money", "chart:1w"]
    assert row["error_kind"] == "quota_exhausted"
    assert len(run.calls.get(("no-money", "chart:1w"), [])) <= 1


def test_untrusted_text_is_kept_exactly_and_shown_harmlessly(run: Run) -> None:
    row = run.analyses["hostile", "chart:1d"]
    assert row["reasoning"] == ODD.replace("\x00", "\ufffd")
    shown = run.home.run("decisions", "show", "1")
    assert shown.returncode == 0
    assert "\x1b[31m" not in shown.stdout
    assert "\x00" not in shown.stdout


def test_what_nobody_says_is_null_and_what_is_said_is_kept(run: Run) -> None:
    row = run.analyses["no-usage", "chart:1d"]
    assert (row["usage"], row["tokens_used"], row["cost_usd"]) == (None, None, None)
    fine = run.analyses["fine", "chart:1d"]
    assert (fine["model_reported"], fine["tokens_used"], fine["cost_usd"]) == ("fine", 1500, 0)
    assert run.analyses["fenced", "chart:1d"]["parsed_from"] == "fenced"
    wrong = run.analyses["cut", "chart:1d"]
    assert wrong["model_reported"] == "gpt-5.2-2025-12-11"
    assert wrong["finish_reason"] == "length"


def test_the_key_is_nowhere(run: Run) -> None:
    tables = [row["t"] for row in run.home.rows(
        "SELECT schemaname || '.' || tablename AS t FROM pg_tables"
        " WHERE schemaname IN ('tapetrail', 'dbos')"
    )]  # fmt: skip
    for table in tables:
        found = run.home.rows(f"SELECT 1 FROM {table} AS t WHERE t::text LIKE '%{KEY}%' LIMIT 1")  # noqa: S608 # of the catalogue
        assert not found, table
    files = [
        path for path in run.home.path.rglob("*") if path.is_file() and "postgres" not in str(path)
    ]
    assert files
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert KEY not in run.done.stdout + run.done.stderr
