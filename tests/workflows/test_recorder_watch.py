"""Calls that a program makes to models are recorded as turns of the analysis they are made in."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import anthropic
import openai
import pytest
from google import genai
from tests.homes import held_home
from tests.model_server import Answer, ModelServer, model_server
from tests.workflows.recordings import PNG, assert_sound, rows_of

import tapetrail
from tapetrail.core.errors import InvalidInput
from tapetrail.sdk.recording import Recorder

pytestmark = pytest.mark.service

KEY: Final = "sk-of-tests-0123456789abcdef"
ASKED: Final[list[Any]] = [{"role": "user", "content": "Up or down?"}]


@pytest.fixture
def home(prepared_home: Path, tmp_path: Path) -> Iterator[Path]:
    with held_home(prepared_home, tmp_path / "home") as found:
        yield found


@pytest.fixture
def recorder(home: Path) -> Iterator[Recorder]:
    with tapetrail.recorder(home, agent="watched") as found:
        yield found


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with model_server() as found:
        yield found


def client_of(model: ModelServer) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{model.url}/v1", api_key=KEY, max_retries=2)


def ask(client: openai.OpenAI) -> str | None:
    reply = client.chat.completions.create(model="a-model", messages=ASKED)
    return reply.choices[0].message.content


def wires(home: Path) -> list[tuple[bytes, bytes]]:
    """Return request and reply of every attempt on record, oldest first."""
    found: list[tuple[bytes, bytes]] = []
    with tapetrail.open_record(home) as record:
        for row in rows_of(record, "analyses"):
            number = int(str(row["id"]))
            for each in record.analyses.attempts(number):
                request = record.analyses.request(number, attempt_no=each.attempt_no)
                found += [(request, record.analyses.reply(number, attempt_no=each.attempt_no))]
    return found


def test_calls_of_every_sdk_are_on_record_to_the_byte(
    home: Path, recorder: Recorder, model: ModelServer
) -> None:
    host = model.url.removeprefix("http://")

    async def later() -> None:
        client = openai.AsyncOpenAI(base_url=f"{model.url}/v1", api_key=KEY)
        async with run.decision("ASYNC") as decision, decision.analysis("async"):
            await client.responses.create(model="a-model", input="Up?")
        await client.close()

    with recorder.watch(hosts=[host]), recorder.execution("sdks") as run:
        with run.decision("OPENAI") as decision:
            decision.log_chart(PNG)
            with decision.analysis("chat"):
                ask(client_of(model))
        with run.decision("ANTHROPIC") as decision, decision.analysis("messages"):
            anthropic.Anthropic(base_url=model.url, api_key=KEY).messages.create(
                model="claude-haiku-4-5", max_tokens=9, messages=ASKED
            )
        with run.decision("GOOGLE") as decision:
            options = genai.types.HttpOptions(base_url=model.url)
            google: Any = genai.Client(api_key=KEY, http_options=options)
            google.models.generate_content(model="gemini-3-flash", contents="Up?")
        asyncio.run(later())
    assert wires(home) == [(a.body, s) for a, s in zip(model.asked, model.sent, strict=True)]
    with tapetrail.open_record(home) as record:
        rows = rows_of(record, "analyses")
        assert [(row["symbol"], row["analyst"], row["status"]) for row in rows] == [
            ("OPENAI", "chat", "completed"), ("ANTHROPIC", "messages", "completed"),
            ("GOOGLE", "watched", "completed"), ("ASYNC", "async", "completed"),
        ]  # fmt: skip
        texts = [record.analyses.response(int(str(row["id"]))) for row in rows]
    assert len(set(texts)) == 1
    assert_sound(home)


def test_what_an_sdk_tries_again_is_an_attempt_of_the_same_turn(
    home: Path, recorder: Recorder, model: ModelServer
) -> None:
    model.script = [Answer(status=429, headers={"retry-after-ms": "1"}, body=b"{}")]
    client = client_of(model)
    opened = recorder.execution().decision("AAA")
    with recorder.watch(client), opened as decision, decision.analysis("chat"):
        ask(client)
        ask(client)
    with tapetrail.open_record(home) as record:
        found = record.analyses.attempts(1)
    assert [(each.turn_no, each.attempt_no, each.reason, each.http_status) for each in found] == [
        (1, 1, "first", 429), (1, 2, "retry", 200), (2, 3, "next_turn", 200),
    ]  # fmt: skip


def test_a_stream_is_read_whole_and_its_text_is_the_answer(
    home: Path, recorder: Recorder, model: ModelServer
) -> None:
    pieces = [
        '{"model":"m","choices":[{"index":0,"delta":{"content":"Up"}}]}',
        '{"model":"m","choices":[{"index":0,"delta":{"content":"!"},"finish_reason":"stop"}]}',
        "[DONE]",
    ]
    body = "".join(f"data: {piece}\n\n" for piece in pieces).encode()
    model.script = [Answer(headers={"content-type": "text/event-stream"}, body=body)]
    client = client_of(model)
    with recorder.watch(client), recorder.execution() as run, run.decision("AAA"):
        stream = client.chat.completions.create(model="a-model", messages=ASKED, stream=True)
        assert "".join(each.choices[0].delta.content or "" for each in stream) == "Up!"
    assert wires(home)[0][1] == body
    with tapetrail.open_record(home) as record:
        assert record.analyses.response(1) == "Up!"
        assert record.analyses.attempts(1)[0].error_kind is None


def test_in_a_thread_of_its_own_a_call_is_nobodys_unless_it_is_bound(
    home: Path, recorder: Recorder, model: ModelServer
) -> None:
    client = client_of(model)
    with recorder.watch(client) as watch, recorder.execution() as run, run.decision("AAA"):
        bound = threading.Thread(target=recorder.bind(lambda: ask(client)))
        bound.start()
        bound.join()
        assert watch.nobodys == []
        with pytest.warns(UserWarning, match="belongs to no decision"):
            ask_in_a_thread(client)
        (said,) = watch.nobodys
        assert said.startswith("1 calls to 127.0.0.1")
        assert any("belonged to no decision" in each for each in watch.check())
    assert len(wires(home)) == 1


def ask_in_a_thread(client: openai.OpenAI) -> None:
    other = threading.Thread(target=lambda: ask(client))
    other.start()
    other.join()


def test_calls_of_nobodys_raise_where_that_is_wanted(home: Path, model: ModelServer) -> None:
    client = client_of(model)
    with tapetrail.recorder(home, unattributed="raise") as recorder:
        watch = recorder.watch(client)
        watch.start()
        ask(client)
        with pytest.raises(InvalidInput, match="outside of every decision"):
            watch.__exit__(None, None, None)


def test_an_error_of_the_network_is_an_attempt_with_its_reason(
    home: Path, recorder: Recorder, model: ModelServer
) -> None:
    model.script = [Answer(cut_at=-1)]
    client = client_of(model).with_options(max_retries=0)
    with recorder.watch(client), recorder.execution() as run, run.decision("AAA") as decision:
        with pytest.raises(openai.APIConnectionError), decision.analysis("chat"):
            ask(client)
        decision.fail("analysis", "no model")
    with tapetrail.open_record(home) as record:
        (attempt,) = record.analyses.attempts(1)
        (row,) = rows_of(record, "analyses")
    assert attempt.error_kind == "connection_reset"
    assert row["status"] == "failed"


def test_no_key_is_kept_anywhere(home: Path, recorder: Recorder, model: ModelServer) -> None:
    client = client_of(model)
    with recorder.watch(client), recorder.execution() as run, run.decision("AAA"):
        ask(client)
    kept = [path for path in home.rglob("*") if path.is_file()]
    assert kept
    assert [path for path in kept if KEY.encode() in path.read_bytes()] == []


def test_what_was_sent_and_got_elsewhere_is_handed_over(home: Path, recorder: Recorder) -> None:
    sent = {"model": "a-model", "messages": ASKED, "temperature": 0.5}
    got = {
        "model": "a-model-1",
        "choices": [{"message": {"content": "Down."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
    }
    with recorder.execution() as run, run.decision("AAA") as decision:
        decision.log_analysis(agent="service", request=sent, reply=got, latency_ms=250)
    with tapetrail.open_record(home) as record:
        found = record.detail("analyses", 1).columns
    names = ("model_name", "model_reported", "response_text", "tokens_used", "finish_reason")
    assert [found[name] for name in names] == ["a-model", "a-model-1", "Down.", 11, "stop"]
    assert found["params"] == {"temperature": "0.5"}
    assert_sound(home)
