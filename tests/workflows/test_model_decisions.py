"""Decisions by models over real HTTP: what they are sent, what they answer, what is on record."""

import base64
import json
from collections.abc import Generator
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
import simplejpeg
from tests.homes import copy_home
from tests.model_server import Answer, Asked, ModelServer, model_server, spoken
from tests.workflows.conftest import AS_OF, Home
from tests.workflows.model_answers import CHART, HOLD, WHOLE, good, is_whole
from tests.workflows.soundness import work_off

from tapetrail.store.private.server import PrivateServer

pytestmark = pytest.mark.service

KEY: Final = "sk-tests-0123456789abcdef"


@pytest.fixture(scope="module")
def shared(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Home]:
    """Give a home whose newest decision each test looks at; its server stays up meanwhile."""
    made = Home(path=tmp_path_factory.mktemp("models") / "home")
    copy_home(prepared_home, made.path)
    with made.connected():
        yield made
    PrivateServer(home=made.path).stop()


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


def priced(name: str) -> dict[str, object]:
    """An analyst at an address that no list of prices holds for."""
    return {"analyst": name, "price": {"input": 2, "output": 8, "cached_read": 0.5}}


def blob(home: Home, key: str) -> bytes:
    return (home.path / "blobs" / key).read_bytes()


LEDGER: Final = """
SELECT a.question, a.analyst, a.sample_no, a.turn_no, a.attempt_no, a.reason, a.base_url,
    q.key AS request, b.key AS reply, r.http_status, r.error_kind, r.is_partial, r.usage,
    r.cost_usd, r.service_tier, r.headers, r.first_byte_at, r.received_at, a.sent_at
FROM tapetrail.llm_attempts AS a
JOIN tapetrail.blobs AS q ON q.digest = a.request_digest
LEFT JOIN tapetrail.llm_replies AS r ON r.attempt_id = a.id
LEFT JOIN tapetrail.blobs AS b ON b.digest = r.response_digest
WHERE a.decision_id = (SELECT max(id) FROM tapetrail.decisions) ORDER BY a.id
"""
ANALYSES: Final = """
SELECT id, question, analyst, role, sample_no, status, error_kind, error_message, parsed_from,
    params, response_json, confidence_score, grounding, cost_usd, tokens_used, usage, unit_prices,
    prompt_text, model_reported
FROM tapetrail.llm_analyses
WHERE decision_id = (SELECT max(id) FROM tapetrail.decisions) ORDER BY id
"""
SIGNALS: Final = """
SELECT s.role, a.sample_no, s.signal_type, s.confidence
FROM tapetrail.trading_signals s JOIN tapetrail.llm_analyses a ON a.id = s.llm_analysis_id
WHERE s.decision_id = (SELECT max(id) FROM tapetrail.decisions) ORDER BY s.id
"""


def test_a_full_execution_is_on_record_byte_for_byte(shared: Home, model: ModelServer) -> None:
    names = {"chart": [priced("openai:gpt-a"), priced("anthropic:claude-a")],
             "consolidated": priced("google:gemini-a")}  # fmt: skip
    own = {"analyst": "compatible:llava", "as": "local", "base_url": f"{model.url}/v1"}
    shadows = [priced("openai-chat:gpt-b"), own]
    said = run(shared, model, f"analyst: {json.dumps(names)}\nshadows: {json.dumps(shadows)}")
    assert "completed" in said, said
    ledger = shared.rows(LEDGER)
    assert len(ledger) == 9
    assert sorted(blob(shared, row["request"]) for row in ledger) == sorted(
        asked.body for asked in model.asked
    )
    assert sorted(blob(shared, row["reply"]) for row in ledger) == sorted(model.sent)
    assert {(row["turn_no"], row["attempt_no"], row["reason"]) for row in ledger} == {
        (1, 1, "first")
    }
    assert all(row["first_byte_at"] <= row["received_at"] for row in ledger)
    analyses = shared.rows(ANALYSES)
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
    signals = shared.rows(SIGNALS)
    assert [(row["role"], row["signal_type"]) for row in signals] == [
        ("deciding", "BUY"),
        ("shadow", "BUY"),
        ("shadow", "BUY"),
    ]
    assert KEY not in json.dumps([dict(row) for row in ledger], default=str)
    assert shared.run("verify", "--deep").returncode == 0


def local(model: ModelServer, **more: object) -> str:
    told = {"analyst": "compatible:llava", "base_url": f"{model.url}/v1", **more}
    return f"analyst: {json.dumps(told)}"


def test_what_is_not_shown_is_not_sent_and_the_picture_is_drawn_as_the_model_sees_it(
    shared: Home, model: ModelServer
) -> None:
    numbers = {"analyst": "compatible:blind", "image": False, "base_url": f"{model.url}/v1"}
    text = {"analyst": "compatible:text", "images": False, "base_url": f"{model.url}/v1"}
    deciding, shadows = json.dumps(priced("anthropic:claude-a")), json.dumps([numbers, text])
    run(shared, model, f"analyst: {deciding}\nshadows: {shadows}")
    images: dict[str, list[int]] = {}
    for asked in model.asked:
        images.setdefault(str(asked.document["model"]), []).append(asked.body.count(b"/9j/"))
    assert images["blind"] == [0, 0, 0]
    assert sorted(images["text"]) == [0, 1, 1]
    assert sorted(images["claude-a"]) == [1, 1, 2]
    links = shared.rows(
        "SELECT a.analyst, a.question, b.key, c.jpeg_digest = l.image_digest AS is_same"
        " FROM tapetrail.analysis_charts l JOIN tapetrail.llm_analyses a ON a.id = l.analysis_id"
        " JOIN tapetrail.charts c ON c.id = l.chart_id"
        " LEFT JOIN tapetrail.blobs b ON b.digest = l.image_digest"
        " WHERE l.decision_id = (SELECT max(id) FROM tapetrail.decisions) ORDER BY l.id"
    )
    shown = [(row["analyst"], row["question"], row["is_same"]) for row in links]
    assert shown == [
        ("anthropic:claude-a", "chart:1d", False),
        ("anthropic:claude-a", "chart:1w", False),
        *[("anthropic:claude-a", "consolidated", False)] * 2,
        *[("compatible:blind", question, None) for question in ("chart:1d", "chart:1w")],
        *[("compatible:blind", "consolidated", None)] * 2,
        *[("compatible:text", question, True) for question in ("chart:1d", "chart:1w")],
        *[("compatible:text", "consolidated", None)] * 2,
    ]
    sent = {
        block["source"]["data"]
        for asked in model.asked
        if asked.document["model"] == "claude-a"
        for block in asked.document["messages"][0]["content"]
        if block["type"] == "image"
    }
    kept = [blob(shared, row["key"]) for row in links if row["analyst"] == "anthropic:claude-a"]
    assert {base64.b64decode(data) for data in sent} == set(kept)
    assert {simplejpeg.decode_jpeg_header(image)[:2] for image in kept} == {(951, 1268)}
    assert shared.run("verify", "--deep").returncode == 0


def test_an_answer_that_cannot_be_used_is_asked_for_again_with_what_was_wrong(
    shared: Home, model: ModelServer
) -> None:
    wrong = {**WHOLE, "stop_loss": 250}
    whole = iter(["I would buy.", json.dumps(wrong), json.dumps(WHOLE)])
    model.answers = lambda asked: next(whole) if is_whole(asked) else good(asked)
    assert "BUY" in run(shared, model, local(model))
    ledger = [row for row in shared.rows(LEDGER) if row["question"] == "consolidated"]
    assert [(row["turn_no"], row["attempt_no"], row["reason"]) for row in ledger] == [
        (1, 1, "first"),
        (2, 2, "re_ask"),
        (3, 3, "re_ask"),
    ]
    texts = [blob(shared, row["request"]).decode() for row in ledger]
    assert "could not be used" not in texts[0]
    assert "line 1, column 1: no JSON object" in texts[1]
    assert "BUY with entry limit 194.5, stop 250, target 205" in texts[2]
    (analysis,) = [row for row in shared.rows(ANALYSES) if row["question"] == "consolidated"]
    assert analysis["usage"]["calls"] == 3
    assert analysis["tokens_used"] == 4500
    assert "stop 250" in analysis["prompt_text"]


def test_after_the_last_re_ask_the_decision_fails_with_the_way_in_which_it_was_no_answer(
    shared: Home, model: ModelServer
) -> None:
    far = json.dumps({**WHOLE, "target_price": 900})
    model.answers = lambda asked: far if is_whole(asked) else good(asked)
    run(shared, model, local(model))
    (analysis,) = [row for row in shared.rows(ANALYSES) if row["question"] == "consolidated"]
    assert (analysis["status"], analysis["error_kind"]) == ("failed", "levels_too_far")
    assert "target_price: 900" in analysis["error_message"]
    decision, *_ = shared.rows(
        "SELECT failed_stage, error_kind FROM tapetrail.decisions ORDER BY id DESC"
    )
    assert (decision["failed_stage"], decision["error_kind"]) == ("analysis", "levels_too_far")
    assert sum(is_whole(asked) for asked in model.asked) == 3
    assert not shared.rows(SIGNALS)


def test_who_has_no_answer_is_followed_by_the_next_and_each_question_for_itself(
    shared: Home, model: ModelServer
) -> None:
    def answers(asked: Asked) -> Answer | str:
        is_first = asked.document["model"] == "first"
        refuses = is_first and b"Chart 1w:" in asked.body and not is_whole(asked)
        return json.dumps({**CHART, "trend": "up"}) if refuses else good(asked)

    model.answers = answers
    first, second = (
        {"analyst": f"compatible:{name}", "base_url": f"{model.url}/v1"}
        for name in ("first", "second")
    )
    run(shared, model, f"analyst: {json.dumps([first, second])}")
    rows = [(r["analyst"], r["question"], r["status"]) for r in shared.rows(ANALYSES)]
    assert rows == [
        ("compatible:first", "chart:1d", "completed"),
        ("compatible:first", "chart:1w", "unparseable"),
        ("compatible:second", "chart:1w", "completed"),
        ("compatible:first", "consolidated", "completed"),
    ]
    assert len(shared.rows(SIGNALS)) == 1


def test_samples_beyond_the_first_are_shadows(shared: Home, model: ModelServer) -> None:
    holds = iter([WHOLE, HOLD, HOLD])
    model.answers = lambda asked: json.dumps(next(holds)) if is_whole(asked) else good(asked)
    run(shared, model, f"{local(model)}\nsamples: 3")
    assert len(model.asked) == 9
    signals = shared.rows(SIGNALS)
    assert [(row["role"], row["sample_no"]) for row in signals] == [
        ("deciding", 1),
        ("shadow", 2),
        ("shadow", 3),
    ]
    kinds = {row["signal_type"]: row["confidence"] for row in signals}
    assert kinds == {"BUY": Decimal("0.55"), "HOLD": None}


def test_one_question_about_a_recorded_chart_is_on_record_and_decides_nothing(
    home: Home, model: ModelServer
) -> None:
    assert home.run("run", home.strategy(symbols="IBM"), "--as-of", AS_OF).returncode == 0
    place = f"{model.url}/v1"
    asked = ("ask", "1", "--analyst", "compatible:llava", "--base-url", place)
    said = home.run(*asked, "--prompt", "Look at the volume first.")
    assert said.returncode == 0, said.stderr
    assert "bullish" in said.stdout
    assert CHART["reasoning"] in said.stdout
    assert "Look at the volume first.\n\nThe 1d chart" in model.asked[-1].body.decode().replace(
        "\\n", "\n"
    )
    ruled = home.run("ask", "2", "--analyst", "builtin:technical-rules-v1")
    assert ruled.returncode == 0, ruled.stderr
    decisions = home.rows("SELECT scope, run_no, status FROM tapetrail.decisions ORDER BY id")
    assert [(row["scope"], row["run_no"], row["status"]) for row in decisions] == [
        ("instrument", 1, "completed"),
        ("question", 1, "completed"),
        ("question", 1, "completed"),
    ]
    assert len(home.rows("SELECT id FROM tapetrail.trading_signals")) == 1
    listed = home.run("decisions", "list", "-q").stdout.split()
    assert listed == ["1"]
    assert home.run("decisions", "list", "--scope", "question", "-q").stdout.split() == ["3", "2"]
    assert home.run("decisions", "show", "2").returncode == 0
    assert home.run("verify", "--deep").returncode == 0, home.run("verify").stdout
    model.answers = lambda _asked: "I would rather not."
    failed = home.run(*asked)
    assert failed.returncode == 1
    assert "not_json" in failed.stdout
    assert "no chart 99" in home.run("ask", "99", *asked[2:]).stderr
    before = len(model.asked)
    for prompt, said_of_it in (
        ("typo-v1", "prompt typo-v1: none is shipped or recorded"),
        ("Look at {# gap 3 #} first.", "is a template"),
    ):
        assert said_of_it in home.run(*asked, "--prompt", prompt).stderr
    assert len(model.asked) == before
    assert home.run("prompts", "show", "ask-v1").returncode == 0


def test_who_asks_one_question_does_not_wait_for_what_dead_processes_left(
    home: Home, model: ModelServer
) -> None:
    assert home.run("run", home.strategy(symbols="IBM"), "--as-of", AS_OF).returncode == 0
    model.answers = lambda _asked: Answer(is_held=True)
    file = home.strategy("waits", symbols="IBM", more=local(model, image=False))
    with home.started("run", file, "--as-of", AS_OF) as running:
        model.await_asked(2)
        running.kill()
        running.wait()
    said = home.run("ask", "1", "--analyst", "builtin:technical-rules-v1")
    assert said.returncode == 0, said.stderr
    statuses = "SELECT scope, status FROM tapetrail.decisions ORDER BY id"
    _, left, asked = home.rows(statuses)
    assert (left["status"], asked["scope"], asked["status"]) == ("running", "question", "completed")
    model.answers = good
    model.release()
    work_off(home)
    assert {row["status"] for row in home.rows(statuses)} == {"completed"}


def test_models_are_checked_before_a_strategy_needs_them(home: Home, model: ModelServer) -> None:
    words = ("models", "check", "compatible:llava", "--base-url", f"{model.url}/v1")
    assert "no chart on record to ask about" in home.run(*words, "--yes").stderr
    assert home.run("run", home.strategy(symbols="IBM"), "--as-of", AS_OF).returncode == 0
    unasked = home.run(*words)
    assert "nobody is there to say yes" in unasked.stderr
    assert not model.asked
    said = home.run(*words, "--yes")
    assert said.returncode == 0, said.stderr
    for known in (
        "none is needed",
        "1600 x 1200; no limit is known",
        "input 0, output 0",
        "answer            yes",
        "picture and form  taken",
        "clock             right",
    ):
        assert known in said.stdout, said.stdout
    assert len(model.asked) == 1
    keyless = home.run("models", "check", "openai:gpt-5.2", "--yes", OPENAI_API_KEY="")
    assert keyless.returncode == 1
    assert "openai: no key; set OPENAI_API_KEY" in keyless.stdout


def test_a_reply_that_comes_while_the_database_is_away_is_kept(
    home: Home, model: ModelServer
) -> None:
    model.answers = lambda asked: Answer(is_held=True, body=spoken(asked, good(asked)))
    file = home.strategy(symbols="IBM", more=local(model))
    with home.started("run", file, "--as-of", AS_OF) as process:
        model.await_asked(2)
        home.kill_server()
        model.release()
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert {row["attempt_no"] for row in home.rows(LEDGER)} == {1}
    assert len(model.asked) == 3
    assert home.run("verify").returncode == 0
