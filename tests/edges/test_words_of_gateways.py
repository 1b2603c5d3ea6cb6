"""What servers and gateways say that only nearly speak their provider's format."""

import gzip
import json
from decimal import Decimal
from typing import Any, Final

import pytest
from tests.wire_replies import TEXT, chat, read, wire

from tapetrail.core.errors import ErrorKind

THOUGHT: Final = {"type": "thinking", "thinking": [{"type": "text", "text": "Perhaps {}."}]}


@pytest.mark.parametrize("word", ["eos", "eos_token", "end_turn", "stop", None])
def test_a_text_is_whole_in_whichever_word(word: str | None) -> None:
    assert read("compatible", chat(finish_reason=word)).text == TEXT


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("model_length", "truncated"),
        ("max_tokens", "truncated"),
        ("model_context_window_exceeded", "truncated"),
        ("sensitive", "refused"),
        ("error", "provider_failed"),
        ("network_error", "provider_failed"),
        ("insufficient_system_resource", "overloaded"),
        ("STOP", "malformed_reply"),
        ("", "malformed_reply"),
    ],
)
def test_a_text_is_no_answer_in_whichever_word(word: str, kind: str) -> None:
    found = read("compatible", chat(finish_reason=word))
    assert (found.text, found.error_kind, found.finish_reason) == (None, kind, word)
    assert word in (found.error_message or "")


@pytest.mark.parametrize("finish_reason", ["error", "stop", None])
def test_an_error_beside_half_an_answer_is_no_answer(finish_reason: str | None) -> None:
    said = chat(finish_reason=finish_reason)
    said["choices"][0]["error"] = {"code": 429, "message": "The provider is busy."}
    found = read("compatible", said)
    assert (found.text, found.error_kind) == (None, ErrorKind.RATE_LIMITED)
    assert found.error_message == "HTTP 200: 'The provider is busy.'"
    assert found.tokens_used == 1500


@pytest.mark.parametrize("error", [None, {}, "", False])
def test_no_error_is_none(error: object) -> None:
    said = chat()
    said["choices"][0]["error"] = error
    assert read("compatible", {**said, "error": error}).text == TEXT


def test_a_text_in_parts_is_read_without_its_thoughts() -> None:
    parts = [THOUGHT, {"type": "text", "text": TEXT[:9]}, {"type": "text", "text": TEXT[9:]}]
    assert read("compatible", chat(message={"content": parts})).text == TEXT


@pytest.mark.parametrize(
    ("message", "kind", "says"),
    [
        ({"content": [THOUGHT]}, "null_reply", "no text came"),
        ({"content": []}, "null_reply", "no text came"),
        ({"content": [{"type": "text", "text": " "}]}, "empty_reply", "empty"),
        ({"content": None, "reasoning_content": TEXT}, "null_reply", "in reasoning_content"),
        ({"content": "", "reasoning": "Hm."}, "null_reply", "only thoughts, in reasoning"),
        ({"content": [THOUGHT], "tool_calls": [THOUGHT]}, "malformed_reply", "a tool call"),
        ({"content": 5}, "malformed_reply", "content is no text"),
        ({"content": {"type": "text", "text": TEXT}}, "malformed_reply", "content is no text"),
    ],
)
def test_thoughts_alone_are_no_answer(message: dict[str, Any], kind: str, says: str) -> None:
    found = read("compatible", chat(message=message))
    assert (found.text, found.error_kind) == (None, kind)
    assert says in (found.error_message or "")


LIMITED: Final = {
    "code": 429,
    "message": "Too many.",
    "status": "RESOURCE_EXHAUSTED",
    "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17s"}],
}


def test_an_error_in_a_list_of_one_is_read() -> None:
    found = read("compatible", [{"error": LIMITED}], http_status=429)
    assert found.error_message == "HTTP 429 ('RESOURCE_EXHAUSTED'): 'Too many.'"
    assert (found.error_kind, found.retry_after_s) == ("rate_limited", Decimal(17))
    key = {"status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}
    assert read("compatible", [{"error": key}], http_status=400).error_kind == "bad_key"
    two = read("compatible", [{"error": LIMITED}, {}], http_status=429)
    assert "JSON, but no object" in (two.error_message or "")
    assert read("compatible", [chat()]).error_kind == "not_json_body"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"detail": "The model is not loaded."}, "'The model is not loaded.'"),
        ({"detail": [{"loc": ["max_tokens"], "msg": "below 4096"}]}, "below 4096"),
        ({"object": "error", "message": {"detail": [{"msg": "no \x1b"}]}}, '"msg": "no '),
        (
            {"error": {"message": "Provider failed", "metadata": {"raw": "busy upstream"}}},
            "'Provider failed: busy upstream'",
        ),
        ({"error": {"cost": 0.5}}, '{"cost": "0.5"}'),
        ({}, "no message"),
    ],
)
def test_an_error_of_whatever_shape_is_shown(document: dict[str, Any], says: str) -> None:
    message = read("compatible", document, http_status=503).error_message or ""
    assert says in message
    assert "\x1b" not in message


def test_a_mark_of_the_order_of_bytes_is_no_part_of_a_reply() -> None:
    assert wire("compatible").read(b"\xef\xbb\xbf" + packed(chat()), http_status=200).text == TEXT


def test_what_stands_twice_and_differs_is_not_read() -> None:
    twice = packed(chat())[:-1] + b',"usage":{"prompt_tokens":1,"completion_tokens":1}}'
    found = wire("compatible").read(twice, http_status=200)
    assert (found.text, found.error_kind) == (None, "not_json_body")
    assert "'usage' stands twice, and differs" in (found.error_message or "")
    same = packed(chat())[:-1] + b',"service_tier":"default"}'
    assert wire("compatible").read(same, http_status=200).text == TEXT


def test_what_is_packed_in_pieces_is_all_of_them() -> None:
    body, headers = packed(chat()), {"content-encoding": "gzip"}
    pieces = gzip.compress(body[:50]) + gzip.compress(body[50:])
    assert wire("compatible").read(pieces, http_status=200, headers=headers).text == TEXT
    cut = wire("compatible").read(pieces[:-9], http_status=200, headers=headers)
    more = wire("compatible").read(pieces + b"x", http_status=200, headers=headers)
    many = wire("compatible").read(gzip.compress(b"") * 101, http_status=200, headers=headers)
    for found in (cut, more, many):
        assert found.error_kind is ErrorKind.NOT_JSON_BODY


def packed(document: object) -> bytes:
    return json.dumps(document).encode()
