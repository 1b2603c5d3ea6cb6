"""A call that another program made is read for what it asked and what it heard."""

import gzip
import json
from base64 import b64encode, urlsafe_b64encode
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import wire_replies, wire_streams

from tapetrail.analysts.models.overheard import HeardReply, Overheard, overheard, provider_of
from tapetrail.core.canonical import canonical_json, digest_bytes
from tapetrail.core.errors import ErrorKind

URLS: Final = {
    "openai_chat": "https://api.openai.com/v1/chat/completions",
    "openai_responses": "https://api.openai.com/v1/responses",
    "anthropic": "https://api.anthropic.com/v1/messages",
    "google": "https://generativelanguage.googleapis.com/v1beta/models/gemini-3-pro:generateContent",
}
BASES: Final = {
    "openai_chat": "https://api.openai.com/v1",
    "openai_responses": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "google": "https://generativelanguage.googleapis.com",
}
WHOLE: Final[dict[str, Any]] = {
    "openai_chat": wire_replies.chat_of,
    "openai_responses": wire_replies.responses_of,
    "anthropic": wire_replies.message_of,
    "google": wire_replies.generated_of,
}
STREAMS: Final[dict[str, Any]] = {
    "openai_chat": wire_streams.chat_stream,
    "openai_responses": wire_streams.responses_stream,
    "anthropic": wire_streams.anthropic_stream,
    "google": wire_streams.google_stream,
}
IMAGE: Final = b"\xff\xd8\xff\xfb\xff an image >>>???"
SHOWN: Final = f"[image/jpeg {digest_bytes(IMAGE)}]"
IN_URL: Final = f"data:image/jpeg;base64,{b64encode(IMAGE).decode()}"
EVENTS: Final = {"content-type": "text/event-stream; charset=utf-8"}
REQUESTS: Final[dict[str, dict[str, Any]]] = {
    "openai_chat": {
        "model": "gpt-5.2",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "A chart:"},
                {"type": "image_url", "image_url": {"url": IN_URL, "detail": "high"}},
            ]},
            {"role": "assistant", "content": None,
             "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "42"},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "temperature": 0.25,
    },
    "openai_responses": {
        "model": "gpt-5.2",
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": [
                {"type": "input_text", "text": "A chart:"},
                {"type": "input_image", "image_url": IN_URL},
            ]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "42"},
        ],
        "tools": [],
        "temperature": 0.25,
    },
    "anthropic": {
        "model": "claude-sonnet-5",
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "A chart:"},
                {"type": "image", "source": {
                    "type": "base64", "media_type": "image/jpeg", "data": b64encode(IMAGE).decode(),
                }},
            ]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f"}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c", "content": "42"}]},
        ],
        "tools": [],
        "temperature": 0.25,
    },
    "google": {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [
                {"text": "A chart:"},
                {"inlineData": {
                    "mimeType": "image/jpeg", "data": urlsafe_b64encode(IMAGE).decode()}},
            ]},
            {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f"}}]},
        ],
        "tools": [],
        "temperature": 0.25,
    },
}  # fmt: skip
LAST: Final = {
    "openai_chat": ['assistant: {"id":"c","type":"function","function":{"name":"f"}}', "tool: 42"],
    "openai_responses": [
        'function_call: {"type":"function_call","call_id":"c","name":"f","arguments":"{}"}',
        "tool: 42",
    ],
    "anthropic": ['assistant: {"type":"tool_use","id":"c","name":"f"}', "user: 42"],
    "google": [
        'model: {"functionCall":{"name":"f"}}',
        'user: {"functionResponse":{"name":"f"}}',
    ],
}


def heard(
    name: str, body: object, *, request: object = None, url: str = "", **changes: Any
) -> Overheard:
    """Return what a call was, whose reply is a document, or bytes as they came."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    stated: dict[str, Any] = {"http_status": 200, "body": raw, **changes}
    reply = HeardReply(**stated)
    asked = REQUESTS[name] if request is None else request
    sent = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    return overheard(url or URLS[name], sent, reply)


@pytest.mark.parametrize("name", URLS)
def test_what_was_asked_is_told_in_order(name: str) -> None:
    found = heard(name, WHOLE[name]("Up", "m"))
    assert (found.wire, found.provider) == (name, name.partition("_")[0])
    assert found.model_name == ("gemini-3-pro" if name == "google" else REQUESTS[name]["model"])
    assert found.base_url == BASES[name]
    first = ["system: Be brief.", "user: A chart:", f"user: {SHOWN}"]
    assert (found.prompt_text or "").split("\n") == [*first, *LAST[name]]
    assert found.images == (digest_bytes(IMAGE),)
    assert found.params == {"temperature": Decimal("0.25")}


@pytest.mark.parametrize("name", URLS)
def test_a_whole_reply_is_read_as_ours_are(name: str) -> None:
    found = heard(name, WHOLE[name]("Up — ja", "m-1"))
    assert (found.text, found.error_kind, found.tool_calls) == ("Up — ja", None, ())
    assert (found.is_streamed, found.is_complete) == (False, True)
    assert found.reply.model_reported == "m-1"
    assert found.reply.tokens_used == 1500 or name == "anthropic"


@pytest.mark.parametrize("name", URLS)
@pytest.mark.parametrize("packs", [True, False])
def test_a_stream_is_read_as_the_reply_it_is(name: str, *, packs: bool) -> None:
    body = b"".join(STREAMS[name](model="m-1"))
    changes: dict[str, Any] = {"headers": EVENTS}
    if packs:
        body, changes["content_encoding"] = gzip.compress(body), "gzip"
    # An SDK may let go of a stream once it has heard the end.
    found = heard(name, body, is_partial=True, **changes)
    assert (found.text, found.error_kind) == (wire_streams.TEXT, None)
    assert (found.is_streamed, found.is_complete) == (True, True)
    assert found.reply.model_reported == "m-1"
    assert found.reply.counted is not None
    assert found.reply.counted.output == 300


@pytest.mark.parametrize("name", URLS)
def test_of_a_stream_that_broke_off_the_text_so_far_is_told(name: str) -> None:
    pieces = STREAMS[name](ends=False)
    body = b"".join(pieces)[:-5] + pieces[-1][:9]
    found = heard(name, body, headers=EVENTS, is_partial=True)
    words = wire_streams.WORDS
    assert found.text in {"".join(words[:-1]), "".join(words[:-2])}
    assert (found.is_streamed, found.is_complete) == (True, False)
    assert (found.error_kind, found.error_message) == (None, None)


@pytest.mark.parametrize("name", URLS)
def test_a_stream_that_broke_off_before_any_text_has_a_reason(name: str) -> None:
    found = heard(name, b": hello\n\nda", headers=EVENTS, is_partial=True)
    assert (found.text, found.is_complete) == (None, False)
    assert found.error_kind is not None


TOOLS: Final[dict[str, Any]] = {
    "openai_chat": wire_replies.chat(
        finish_reason="tool_calls",
        message={"role": "assistant", "content": None, "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
    ),
    "openai_responses": wire_replies.responses(
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    ),
    "anthropic": wire_replies.message(
        {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1.5, "n": 2**60}},
        stop_reason="tool_use",
    ),
    "google": wire_replies.generated({"functionCall": {"name": "f", "args": {"a": 1.5}}}),
}  # fmt: skip


@pytest.mark.parametrize("name", URLS)
def test_a_reply_that_only_calls_tools_is_no_failure(name: str) -> None:
    found = heard(name, TOOLS[name])
    assert (found.text, found.error_kind, found.error_message) == (None, None, None)
    assert found.is_complete
    (call,) = found.tool_calls
    assert isinstance(call, dict)
    assert "f" in str(call)
    assert canonical_json(call)


def test_calls_of_tools_in_a_stream_are_put_together() -> None:
    def chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
        return wire_streams.event({"choices": [{"delta": delta, "finish_reason": reason}]})

    def piece(at: int, words: str, **more: str) -> dict[str, Any]:
        function = {"arguments": words, **({"name": f"f{at}"} if more else {})}
        return {"tool_calls": [{"index": at, "function": function, **more}]}

    body = b"".join([
        chunk(piece(0, '{"a":', id="c0")), chunk(piece(1, "{}", id="c1")), chunk(piece(0, "1}")),
        chunk({"content": None}), chunk({"content": None, "audio": {"id": "a"}}),
        chunk({"reasoning_content": "Hm"}), chunk({"reasoning_content": "."}),
        chunk({}, "tool_calls"),
    ])  # fmt: skip
    found = heard("openai_chat", body, headers=EVENTS)
    assert found.error_kind is None
    assert found.is_complete
    assert [json.loads(json.dumps(call))["function"] for call in found.tool_calls] == [
        {"arguments": '{"a":1}', "name": "f0"},
        {"arguments": "{}", "name": "f1"},
    ]


def test_text_that_comes_in_lists_of_parts_is_put_together() -> None:
    parts = [
        {"choices": [{"delta": {"content": [{"type": "text", "text": each}]}}]} for each in "ab"
    ]
    found = heard("openai_chat", b"".join(map(wire_streams.event, parts)), headers=EVENTS)
    assert (found.text, found.is_complete) == ("ab", False)


def test_calls_of_tools_in_a_stream_of_claude_have_their_input() -> None:
    start: dict[str, Any] = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": start},
        *({"type": "content_block_delta", "index": 0,
           "delta": {"type": "input_json_delta", "partial_json": p}} for p in ("", '{"a":', "1}")),
        {"type": "content_block_start", "index": 1, "content_block": {**start, "id": "d"}},
        {"type": "content_block_delta", "index": 1,
         "delta": {"type": "input_json_delta", "partial_json": ""}},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"},
         "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    ]  # fmt: skip
    body = b"".join(wire_streams.event(each, name=each["type"]) for each in events)
    found = heard("anthropic", body, headers=EVENTS)
    assert [call["input"] for call in found.tool_calls if isinstance(call, dict)] == [{"a": 1}, {}]
    assert (found.error_kind, found.is_complete) == (None, True)
    cut = heard("anthropic", body.partition(b': "1}"')[0], headers=EVENTS)
    assert (cut.error_kind, cut.is_complete, len(cut.tool_calls)) == (None, False, 1)


def test_calls_of_tools_in_a_stream_of_responses_are_put_together() -> None:
    item = {"type": "function_call", "call_id": "c", "name": "f", "arguments": ""}
    kind = "response.function_call_arguments.delta"
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {"status": "in_progress", "model": "m"}},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": kind, "output_index": 0, "delta": '{"a":'},
        {"type": kind, "output_index": 0, "delta": "1}"},
        {"type": "response.refusal.delta", "output_index": 1, "delta": "No."},
    ]
    body = b"".join(wire_streams.event(each) for each in events)
    found = heard("openai_responses", body, headers=EVENTS)
    assert found.tool_calls == ({**item, "arguments": '{"a":1}'},)
    assert (found.error_kind, found.is_complete) == (None, False)
    response: dict[str, Any] = {"status": "completed", "output": []}
    ended = {"type": "response.completed", "response": response}
    whole = heard("openai_responses", body + wire_streams.event(ended), headers=EVENTS)
    assert (whole.error_kind, whole.is_complete) == (ErrorKind.REFUSED, True)


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("openai_chat", {"error": {"message": "no", "code": "rate_limit_exceeded"}}),
        ("openai_responses", {"type": "error", "code": "rate_limit_exceeded", "message": "no"}),
        ("anthropic", {"type": "error", "error": {"type": "rate_limit_error", "message": "no"}}),
        ("google", {"error": {"code": 429, "message": "no", "status": "RESOURCE_EXHAUSTED"}}),
    ],
)
def test_an_error_in_a_stream_is_one_beside_the_text_so_far(
    name: str, event: dict[str, Any]
) -> None:
    body = b"".join(STREAMS[name](ends=False)) + wire_streams.event(event)
    found = heard(name, body, headers=EVENTS)
    assert found.error_kind is ErrorKind.RATE_LIMITED
    assert (found.text or "").startswith("Uptrend")
    assert not found.is_complete


def test_a_reply_that_was_cut_keeps_its_text_beside_the_reason() -> None:
    found = heard("openai_chat", wire_replies.chat(finish_reason="length"))
    assert (found.text, found.error_kind) == (wire_replies.TEXT, ErrorKind.TRUNCATED)
    assert found.reply.text is None


@pytest.mark.parametrize("is_cut", [True, False])
def test_a_list_of_responses_is_a_stream_too(*, is_cut: bool) -> None:
    events = [piece.split(b"data: ")[1].strip() for piece in STREAMS["google"](("a}", '"{b', "c"))]
    body = b"[" + b",\r\n".join(events) + b"]"
    url = URLS["google"].replace("generateContent", "streamGenerateContent")
    found = heard("google", body[: -len(events[-1])] if is_cut else body, url=url)
    assert found.text == ('a}"{b' if is_cut else 'a}"{bc')
    assert (found.is_streamed, found.is_complete, found.error_kind) == (True, not is_cut, None)
    assert found.base_url == BASES["google"]


def test_an_error_of_a_provider_has_its_kind() -> None:
    body = {"error": {"message": "Slow down", "type": "x", "code": "rate_limit_exceeded"}}
    found = heard("openai_chat", body, http_status=429)
    assert (found.text, found.error_kind) == (None, ErrorKind.RATE_LIMITED)
    assert "Slow down" in (found.error_message or "")


def test_without_a_reply_that_is_said() -> None:
    found = heard("openai_chat", b"", http_status=None)
    assert (found.text, found.error_kind) == (None, ErrorKind.CONNECTION_FAILED)
    assert not found.is_complete


def test_a_reply_that_cannot_be_unpacked_says_so() -> None:
    found = heard("openai_chat", b"abc", content_encoding="compress")
    assert found.error_kind is ErrorKind.NOT_JSON_BODY
    assert "content-encoding 'compress' is not known here" in (found.error_message or "")


def test_a_format_that_is_not_known_has_a_model_and_no_text() -> None:
    url = "http://localhost:11434/api/chat"
    request = {"model": "llava", "messages": [{"role": "user", "content": "Hi"}], "stream": False}
    found = heard("", {"message": {"content": "Ho"}}, request=request, url=url)
    assert (found.wire, found.provider, found.model_name) == (None, "localhost", "llava")
    assert (found.base_url, found.prompt_text) == ("http://localhost:11434", "user: Hi")
    assert (found.text, found.error_kind, found.is_complete) == (None, None, True)
    assert heard("", b"no", request=request, url=url, http_status=503).error_kind is not None


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://me.openai.azure.com/openai/deployments/my%20gpt/chat/completions?api-version=1",
         ("openai_chat", "azure", "/openai/deployments/my%20gpt", "my gpt")),
        ("https://openrouter.ai/api/v1/chat/completions",
         ("compatible", "openrouter", "/api/v1", None)),
        ("https://gate.example:8443/anthropic/messages",
         ("anthropic", "gate.example", "/anthropic", None)),
        ("https://eu-aiplatform.googleapis.com/v1/publishers/google/models/g-3:generateContent",
         ("google", "google", "", "g-3")),
        ("https://gate.example/gemini/models/g-3:generateContent",
         ("google", "gate.example", "/gemini", "g-3")),
        ("https://gate.example/g-3:generateContent", ("google", "gate.example", "", "g-3")),
        ("https://eu-aiplatform.googleapis.com/v1/publishers/anthropic/models/c-5:rawPredict",
         ("anthropic", "google", "", "c-5")),
        ("https://bedrock-runtime.eu-west-1.amazonaws.com/model/anthropic.c-5/invoke",
         ("anthropic", "aws", "", "anthropic.c-5")),
        ("https://api.openai.com/v1/embeddings", (None, "openai", "", None)),
        ("https://[no", (None, "", None, None)),
    ],
)  # fmt: skip
def test_the_address_says_how_a_call_is_read(url: str, said: tuple[str | None, ...]) -> None:
    found = heard("", {}, request={"anthropic_version": "x"}, url=url)
    wire, provider, path, model = said
    place = "/".join(url.split("/")[:3])
    assert (found.wire, found.provider, found.model_name) == (wire, provider, model)
    assert found.base_url == place + (path or "")


def test_a_host_that_ends_like_a_provider_is_not_taken_for_it() -> None:
    assert provider_of("https://evilapi.openai.com/v1") == "evilapi.openai.com"


def test_other_parts_are_named_and_secrets_hidden() -> None:
    parts: list[Any] = [
        "plain", {"type": "image_url", "image_url": {"url": "https://a.example/i.png?sig=abc"}},
        {"type": "input_audio", "input_audio": {"data": b64encode(b"x").decode(), "format": "wav"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "!"}},
        {"type": "document", "source": {"type": "text", "data": "A text.", "media_type": "a/b"}},
        {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://a/b"}},
        {"type": "file", "file": {}}, {"type": "file", "file": 1},
        {"type": "tool_result", "content": [{"type": "text", "text": "r"}]},
        {"type": "odd", "n": 0.5}, 7,
    ]  # fmt: skip
    request = {
        "messages": [{"role": "user", "content": parts}, "alone", {"type": "x", "output": ["o"]}],
        "function_call": {"name": "f"}, "seed": 2**60,
        "metadata": {"authorization": "s", "a": ["\x00", 2]},
        "api_key": "s", "stop": ["a"], "mcp_servers": [{"authorization_token": "s"}], "model": "m",
    }  # fmt: skip
    found = heard("openai_chat", {}, request=request)
    assert (found.prompt_text or "").split("\n") == [
        "user: plain", "user: [image_url https://a.example/i.png?sig=***]",
        f"user: [wav {digest_bytes(b'x')}]", "user: [image/png, which cannot be read]",
        "user: A text.", "user: [file gs://a/b]", "user: [file]", "user: [file]", "user: r",
        'user: {"type":"odd","n":"0.5"}', "user: alone", "tool: o",
    ]  # fmt: skip
    assert found.params == {
        "function_call": {"name": "f"}, "seed": Decimal(2**60), "stop": ["a"], "api_key": "***",
        "metadata": {"authorization": "***", "a": ["\ufffd", 2]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"prompt": "Once"}, "user: Once"),
        ({"input": "Hi"}, "user: Hi"),
        ({"contents": {"parts": [{"text": "Hi"}]}}, "user: Hi"),
        ({"messages": [{"role": "user", "content": "Hi", "function_call": {"name": "f"}}]},
         'user: Hi\nuser: {"name":"f"}'),
        ({}, None),
        (b"not JSON", None),
    ],
)  # fmt: skip
def test_short_forms_are_read_too(asked: object, told: str | None) -> None:
    assert heard("openai_chat", {}, request=asked).prompt_text == told
    assert overheard(URLS["google"], None, HeardReply(http_status=200)).prompt_text is None


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from([
            "choices", "delta", "message", "content", "index", "type", "tool_calls", "function",
            "response", "output", "item", "candidates", "parts", "usage", "error", "text", "role",
            "messages", "input", "contents", "source", "image_url", "data", "url", "functionCall",
        ]),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(name=st.sampled_from(sorted(URLS)), asked=JSON, said=st.lists(JSON, max_size=4))
def test_whatever_came_nothing_is_raised(name: str, asked: object, said: list[object]) -> None:
    stream = b"".join(wire_streams.event(each) for each in said)
    for body in (stream, json.dumps(said).encode(), json.dumps(said[:1] or 1)[1:-1].encode()):
        for status in (200, 500):
            found = heard(name, body, request={"a": asked} if asked is None else asked,
                          http_status=status)  # fmt: skip
            assert found.error_kind is None or found.error_message


@given(
    url=st.lists(
        st.sampled_from([
            "https://", "a.example", ":8", "[", "]", "@", "/", "v1", "models", "m", "?key=a",
            ":generateContent", "/messages", "/invoke", "/responses", "%zz", "/deployments/", "#",
        ]),
        max_size=8,
    ).map("".join)
)  # fmt: skip
def test_whatever_the_address_nothing_is_raised(url: str) -> None:
    found = overheard(url, b'{"anthropic_version": "x"}', HeardReply(http_status=200))
    assert found.text is None
