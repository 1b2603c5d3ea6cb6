"""What servers and gateways say that only nearly speak their provider's format."""

from typing import Any, Final

import pytest
from tests.wire_replies import TEXT, chat, read

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
