"""Replies of each wire format as a stream of events, as its provider documents them."""

import json
from collections.abc import Sequence
from typing import Any, Final

from tests import wire_replies

WORDS: Final = ("Up", "trend ", "— ja: ", "🚀", " done.")
TEXT: Final = "".join(WORDS)


def event(document: object, *, name: str | None = None) -> bytes:
    """Return one event as it lies on the wire."""
    named = f"event: {name}\n" if name else ""
    return f"{named}data: {json.dumps(document, ensure_ascii=False)}\n\n".encode()


def chat_stream(
    words: Sequence[str] = WORDS, *, model: str = "gpt-5.2", ends: bool = True
) -> list[bytes]:
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": model}

    def choice(delta: dict[str, Any], reason: str | None = None) -> bytes:
        one = {"index": 0, "delta": delta, "finish_reason": reason}
        return event({**base, "choices": [one], "usage": None})

    usage = wire_replies.chat()["usage"]
    found = [choice({"role": "assistant", "content": ""}), *(choice({"content": w}) for w in words)]
    last = [choice({}, "stop"), event({**base, "choices": [], "usage": usage}), b"data: [DONE]\n\n"]
    return [*found, *last] if ends else found


def responses_stream(
    words: Sequence[str] = WORDS, *, model: str = "gpt-5.2", ends: bool = True
) -> list[bytes]:
    text = "".join(words)
    whole = wire_replies.responses(
        {"type": "message", "id": "m", "role": "assistant", "status": "completed",
         "content": [{"type": "output_text", "text": text, "annotations": []}]},
        model=model,
    )  # fmt: skip
    whole["output"] = whole["output"][1:]
    begun: dict[str, Any] = {**whole, "status": "in_progress", "output": [], "usage": None}
    at = {"item_id": "m", "output_index": 0, "content_index": 0}
    item: dict[str, Any] = {
        "type": "message",
        "id": "m",
        "role": "assistant",
        "status": "in_progress",
        "content": [],
    }
    told: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **at,
         "part": {"type": "output_text", "text": "", "annotations": []}},
        *({"type": "response.output_text.delta", **at, "delta": w, "logprobs": []} for w in words),
    ]  # fmt: skip
    last: list[dict[str, Any]] = [
        {"type": "response.output_text.done", **at, "text": text, "logprobs": []},
        {"type": "response.output_item.done", "output_index": 0, "item": whole["output"][0]},
        {"type": "response.completed", "response": whole},
    ]
    numbered = enumerate([*told, *last] if ends else told)
    return [event({**each, "sequence_number": n}, name=each["type"]) for n, each in numbered]


def anthropic_stream(
    words: Sequence[str] = WORDS, *, model: str = "claude-sonnet-5", ends: bool = True
) -> list[bytes]:
    usage = {"input_tokens": 150, "cache_read_input_tokens": 1000, "output_tokens": 1}
    begun: dict[str, Any] = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": usage,
    }  # fmt: skip
    told: list[dict[str, Any]] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0,
           "delta": {"type": "text_delta", "text": w}} for w in words),
    ]  # fmt: skip
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    last: list[dict[str, Any]] = [
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": stop, "usage": {"output_tokens": 300}},
        {"type": "message_stop"},
    ]
    return [event(each, name=each["type"]) for each in ([*told, *last] if ends else told)]


def google_stream(
    words: Sequence[str] = WORDS, *, model: str = "gemini-3-pro", ends: bool = True
) -> list[bytes]:
    def chunk(word: str, **more: object) -> bytes:
        candidate = {"content": {"role": "model", "parts": [{"text": word}]}, "index": 0, **more}
        usage = {"promptTokenCount": 1200, "totalTokenCount": 1200}
        return event({"candidates": [candidate], "usageMetadata": usage, "modelVersion": model})

    usage = {"promptTokenCount": 1200, "candidatesTokenCount": 300, "totalTokenCount": 1500}
    candidate = {"content": {"role": "model", "parts": [{"text": words[-1]}]}, "index": 0}
    last = {"candidates": [{**candidate, "finishReason": "STOP"}], "modelVersion": model}
    told = [chunk(word) for word in words[:-1]]
    return [*told, event({**last, "usageMetadata": usage})] if ends else told
