"""An answer that nobody told is what its calls brought, and says why where they brought none."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import openai
import pytest
from tests.homes import held_home
from tests.model_server import Answer, ModelServer, model_server
from tests.workflows.recordings import assert_sound, rows_of

import tapetrail
from tapetrail.sdk.executions import Execution

pytestmark = pytest.mark.service

KEY: Final = "sk-of-tests-0123456789abcdef"
ASKED: Final[list[Any]] = [{"role": "user", "content": "Up or down?"}]
STREAM: Final = {"content-type": "text/event-stream"}
PIECE: Final = '{"model":"m","choices":[{"index":0,"delta":{"content":"Up"}}]}'
TOOL: Final = {
    "id": "1", "type": "function", "function": {"name": "bars", "arguments": "{}"},
}  # fmt: skip


@pytest.fixture(scope="module")
def home(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with held_home(prepared_home, tmp_path_factory.mktemp("outcomes") / "home") as found:
        yield found


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with model_server() as found:
        yield found


@pytest.fixture
def run(home: Path) -> Iterator[Execution]:
    with (
        tapetrail.recorder(home, agent="outcomes") as recorder,
        recorder.watch(hosts=["127.0.0.1"]),
        recorder.execution("outcomes") as found,
    ):
        yield found


def ask(model: ModelServer, **words: Any) -> Any:
    client: Any = openai.OpenAI(base_url=f"{model.url}/v1", api_key=KEY, max_retries=0, timeout=1)
    return client.chat.completions.create(model="a-model", messages=ASKED, **words)


def newest(home: Path) -> dict[str, Any]:
    with tapetrail.open_record(home) as record:
        *_, row = rows_of(record, "analyses")
        return {**record.detail("analyses", int(str(row["id"]))).columns}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(status=429, body=b'{"error":{"message":"slow down"}}'), "rate_limited"),
        (Answer(status=502, body=b"<html>bad gateway</html>"), "provider_failed"),
        (Answer(is_held=True), "reply_timeout"),
        (Answer(cut_at=-1), "connection_reset"),
    ],
    ids=["429", "502", "held", "cut"],
)
@pytest.mark.parametrize("is_alone", [False, True], ids=["in a block", "alone"])
def test_a_call_that_failed_is_why_there_is_no_answer(
    home: Path, run: Execution, model: ModelServer, *, answer: Answer, kind: str, is_alone: bool
) -> None:
    model.script = [answer]
    with run.decision("AAA") as decision:
        if is_alone:
            with pytest.raises(openai.OpenAIError):
                ask(model)
        else:
            with decision.analysis("asks"), pytest.raises(openai.OpenAIError):
                ask(model)
        decision.log_signal("hold")
    row = newest(home)
    assert (row["status"], row["error_kind"]) == ("failed", kind)
    with tapetrail.open_record(home) as record:
        (attempt,) = record.analyses.attempts(int(row["id"]))
    assert (attempt.is_partial is None) == (kind != "reply_timeout")
    assert attempt.error_kind == kind


def test_a_reply_that_only_calls_a_tool_is_an_answer(
    home: Path, run: Execution, model: ModelServer
) -> None:
    choice = {"index": 0, "finish_reason": "tool_calls",
              "message": {"role": "assistant", "content": None, "tool_calls": [TOOL]}}  # fmt: skip
    model.script = [Answer(body=json.dumps({"model": "m", "choices": [choice]}).encode())]
    with run.decision("AAA") as decision:
        ask(model)
        decision.log_signal("hold")
    row = newest(home)
    assert (row["status"], row["error_kind"]) == ("completed", None)
    assert row["response_json"] == {"tool_calls": [TOOL]}
    assert_sound(home)


def test_a_stream_that_its_program_left_is_no_whole_answer(
    home: Path, run: Execution, model: ModelServer
) -> None:
    body = "".join(f"data: {each}\n\n" for each in [PIECE] * 5_000).encode()
    model.script = [Answer(headers=STREAM, body=body)]
    with run.decision("AAA") as decision:
        stream = ask(model, stream=True)
        next(iter(stream))
        stream.close()
        decision.log_signal("hold")
    row = newest(home)
    assert (row["status"], row["error_kind"]) == ("failed", "agent_failed")
    assert row["error_message"] == "its program did not read the reply to its end"
    assert str(row["response_text"]).startswith("Up")


def test_a_reply_that_shows_the_key_says_so(home: Path, run: Execution, model: ModelServer) -> None:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": KEY}}
    model.script = [Answer(body=json.dumps({"model": "m", "choices": [choice]}).encode())]
    with run.decision("AAA") as decision:
        ask(model)
        decision.log_signal("hold")
    row = newest(home)
    assert (row["status"], row["error_kind"]) == ("failed", "key_echoed")
    assert KEY not in str(row)


def test_tokens_of_one_turn_are_not_those_of_all(
    home: Path, run: Execution, model: ModelServer
) -> None:
    def said(usage: dict[str, int] | None) -> Answer:
        choice = {"index": 0, "finish_reason": "stop",
                  "message": {"role": "assistant", "content": "Up"}}  # fmt: skip
        document = {"model": "m", "choices": [choice], **({"usage": usage} if usage else {})}
        return Answer(body=json.dumps(document).encode())

    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    for second, tokens in ((None, None), (usage, 30)):
        model.script = [said(usage), said(second)]
        with run.decision("AAA") as decision:
            with decision.analysis("asks twice"):
                ask(model)
                ask(model, temperature=0.5)
            decision.log_signal("hold")
        assert newest(home)["tokens_used"] == tokens
