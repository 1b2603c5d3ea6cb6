"""Calls that SDKs make are seen to the byte, and go out as they would if nobody looked."""

import asyncio
import json
import sys
import threading
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, TypedDict

import anthropic
import openai
import pytest
from tests.edges import sdk_ways
from tests.edges.sdk_ways import ASKED, KEY, MODEL, WAYS
from tests.edges.watched import TEXT, Seen, model_reply, seen_by_script, watching
from tests.model_server import CERTIFICATE
from tests.raw_server import Asked, RawServer, Reply, raw_server

from tapetrail.sdk.graph_place import langgraph_place

FAILED = Reply(status=500, headers={"retry-after-ms": "1"}, pieces=(b'{"error":{"message":"no"}}',))
LIMITED = Reply(status=429, headers={"retry-after-ms": "1"}, pieces=FAILED.pieces)


@pytest.fixture(autouse=True)
def few_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each client load one certificate, as all of them take longer than the call."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


def everyday(asked: Asked) -> tuple[bytes, bytes]:
    """Return a request without what differs each time, which is the port of the server alone."""
    lines = [line for line in asked.head.split(b"\r\n") if not line.lower().startswith(b"host:")]
    return b"\r\n".join(lines), asked.body


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_call_is_seen_to_the_byte_and_goes_out_as_if_nobody_looked(
    way: Callable[[str], str],
) -> None:
    seen = Seen()
    with raw_server(model_reply) as alone:
        unwatched = way(alone.url)
    with raw_server(model_reply) as server, watching(seen, server):
        assert way(server.url) == unwatched == TEXT
    assert [everyday(each) for each in server.asked] == [everyday(each) for each in alone.asked]
    assert seen.bodies == [(a.body, s) for a, s in zip(server.asked, server.said, strict=True)]
    sent, received = seen.only
    assert (sent.method, received.http_status, received.error) == ("POST", 200, None)
    assert sent.url == server.url + server.asked[0].path
    assert sent.sent_at < (received.first_byte_at or sent.sent_at) < received.received_at
    assert KEY not in repr((seen.calls, sent.body, received.body))
    assert KEY in server.asked[0].head.decode()


@pytest.mark.parametrize("first", [FAILED, LIMITED], ids=["500", "429"])
@pytest.mark.parametrize("name", ["openai responses", "anthropic", "openai async, streamed"])
def test_each_try_of_an_sdk_is_a_call_of_its_own(name: str, first: Reply) -> None:
    seen = Seen()
    with raw_server(model_reply) as server, watching(seen, server):
        server.script = [first]
        assert WAYS[name](server.url) == TEXT
    assert [received.http_status for _, received in seen.calls] == [first.status, 200]
    assert [sent.retry_count for sent, _ in seen.calls] == [0, 1]
    # Its async client lets go of a reply that it will not use.
    left = name.startswith("openai async")
    assert seen.calls[0][1].is_partial == left
    assert seen.calls[0][1].body == (b"" if left else first.body)
    assert (
        seen.bodies[1:] == [(a.body, s) for a, s in zip(server.asked, server.said, strict=True)][1:]
    )


def test_calls_in_threads_and_loops_are_each_seen_once() -> None:
    seen, ways = Seen(), [name for name in WAYS if name.startswith("openai")]

    def ask(name: str, server: RawServer) -> None:
        for _ in range(3):
            assert WAYS[name](server.url) == TEXT

    with raw_server(model_reply) as server, watching(seen, server):
        threads = [threading.Thread(target=ask, args=(name, server)) for name in ways]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert len(seen.calls) == len(server.asked) == 3 * len(ways)
    assert sorted(body or b"" for body, _ in seen.bodies) == sorted(a.body for a in server.asked)
    assert sorted(said for _, said in seen.bodies) == sorted(server.said)


def test_a_stream_of_an_sdk_that_is_closed_early_is_partial() -> None:
    seen = Seen()
    with raw_server(model_reply) as server, watching(seen, server):
        server.replies = lambda asked: replace(model_reply(asked), holds_after=5)
        with sdk_ways.openai_client(server.url) as client:
            events = client.responses.create(model=MODEL, input=ASKED, stream=True)
            texts = (each.delta for each in events if each.type == "response.output_text.delta")
            assert next(texts) == "Up "
            events.close()
        _, received = seen.only
        server.release()
    assert received.is_partial
    assert received.error is None
    assert b'"Up "' in received.body
    assert b"completed" not in received.body


def test_a_timeout_of_an_sdk_is_told_with_its_error() -> None:
    seen = Seen()
    with raw_server(lambda _: Reply(holds_after=0)) as server, watching(seen, server):
        with sdk_ways.openai_client(server.url) as client, pytest.raises(openai.APITimeoutError):
            client.with_options(timeout=0.05, max_retries=1).responses.create(
                model=MODEL, input=ASKED
            )
        server.release()
    errors = [received.error.name for _, received in seen.calls if received.error]
    assert errors == ["ReadTimeout", "ReadTimeout"]
    assert [sent.retry_count for sent, _ in seen.calls] == [0, 1]


def test_a_refused_connection_of_an_sdk_is_told_with_its_error() -> None:
    seen = Seen()
    with raw_server() as server:
        pass
    with watching(seen, server):
        client = anthropic.Anthropic(api_key=KEY, base_url=server.url, max_retries=0)
        with client, pytest.raises(anthropic.APIConnectionError):
            client.messages.create(
                model=MODEL, max_tokens=9, messages=[{"role": "user", "content": ASKED}]
            )
    sent, received = seen.only
    assert json.loads(sent.body or b"")["model"] == MODEL
    assert (received.http_status, received.body, received.is_partial) == (None, b"", True)
    assert received.error is not None
    assert received.error.name == "ConnectError"


def test_only_calls_of_the_clients_that_were_given_are_seen() -> None:
    ways = (
        sdk_ways.openai_client,
        sdk_ways.google_client,
        sdk_ways.chat_openai,
        sdk_ways.chat_anthropic,
    )
    for make in ways:
        seen = Seen()
        with raw_server(model_reply) as server:
            given = make(server.url)
            with watching(seen, clients=[given]) as found:
                assert not any("holds no httpx client" in said for said in found.check())
                assert WAYS["openai chat"](server.url) == TEXT
                assert seen.calls == []
                ask(given)
        assert seen.bodies == [(server.asked[-1].body, server.said[-1])]


def ask(client: Any) -> None:
    if isinstance(client, openai.OpenAI):
        client.responses.create(model=MODEL, input=ASKED)
        client.close()
    elif isinstance(client, sdk_ways.ChatOpenAI | sdk_ways.ChatAnthropic):
        client.invoke(ASKED)
    else:
        client.models.generate_content(model=MODEL, contents=ASKED)
        client.close()


class State(TypedDict):
    said: str


def test_the_place_in_a_graph_is_known_when_a_call_begins() -> None:
    seen = Seen(notes=langgraph_place)

    def look(_: State) -> State:
        return {"said": sdk_ways.langchain_openai(server.url)}

    def judge(_: State) -> State:
        return {"said": WAYS["openai async"](server.url)}

    with raw_server(model_reply) as server, watching(seen, server):
        langgraph: Any = import_module("langgraph.graph")
        graph = langgraph.StateGraph(State)
        graph.add_node("look", look)
        graph.add_node("judge", judge)
        graph.add_edge(langgraph.START, "look")
        graph.add_edge("look", "judge")
        graph.add_edge("judge", langgraph.END)
        assert graph.compile().invoke({"said": ""})["said"] == TEXT
    assert seen.noted == [("look", 1), ("judge", 2)]
    assert langgraph_place() is None


def test_two_loops_at_once_are_both_seen() -> None:
    seen = Seen()

    async def thrice(server: RawServer) -> None:
        await asyncio.gather(*(sdk_ways.openai_async(server.url) for _ in range(3)))

    with raw_server(model_reply) as server, watching(seen, server):
        loops = [threading.Thread(target=asyncio.run, args=(thrice(server),)) for _ in range(2)]
        for each in loops:
            each.start()
        for each in loops:
            each.join()
    assert len(seen.calls) == 6


def test_an_sdk_that_is_loaded_after_the_start_is_seen() -> None:
    with raw_server(model_reply) as server:
        seen, problems = seen_by_script(Path(sys.executable), "openai", server.url)
    assert [b64decode(each["sent"]) for each in seen] == [each.body for each in server.asked]
    assert [b64decode(each["received"]) for each in seen] == server.said
    assert (len(seen), problems) == (4, "")
