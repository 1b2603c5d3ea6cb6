"""Replies of each wire format, as its provider documents them, with the parts that tests change."""

import json
from typing import Any, Final

from tapetrail.analysts.models import anthropic, google, openai_chat, openai_responses
from tapetrail.analysts.models.reading import ReadReply, WireFormat

FORMATS: Final = {
    "openai": openai_responses.FORMAT,
    "openai-chat": openai_chat.FORMAT,
    "compatible": openai_chat.COMPATIBLE,
    "anthropic": anthropic.FORMAT,
    "google": google.FORMAT,
}
TEXT: Final = '{"trend":"bullish"}'


def responses(*items: dict[str, Any], **changes: object) -> dict[str, Any]:
    usage = {
        "input_tokens": 1200,
        "input_tokens_details": {"cached_tokens": 1000, "cache_write_tokens": 50},
        "output_tokens": 300,
        "output_tokens_details": {"reasoning_tokens": 200},
        "total_tokens": 1500,
    }
    said = {"type": "message", "content": [{"type": "output_text", "text": TEXT}]}
    return {
        "id": "resp_1",
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "gpt-5.2-2025-12-11",
        "service_tier": "flex",
        "output": [{"type": "reasoning", "summary": []}, *(items or (said,))],
        "usage": usage,
        **changes,
    }


def part(**content: object) -> dict[str, Any]:
    return {"type": "message", "content": [content]}


def chat(
    *, finish_reason: str | None = "stop", message: object = None, **changes: object
) -> dict[str, Any]:
    usage = {
        "prompt_tokens": 1200,
        "completion_tokens": 300,
        "total_tokens": 1500,
        "prompt_tokens_details": {"cached_tokens": 1000, "image_tokens": 800, "text_tokens": 400},
        "completion_tokens_details": {"reasoning_tokens": 200},
    }
    said = message if message is not None else {"role": "assistant", "content": TEXT}
    choice = {"index": 0, "message": said, "finish_reason": finish_reason}
    return {
        "model": "gpt-5.2-2025-12-11",
        "choices": [choice],
        "usage": usage,
        "service_tier": "default",
        **changes,
    }


def message(*blocks: dict[str, Any], **changes: object) -> dict[str, Any]:
    usage = {
        "input_tokens": 150,
        "cache_read_input_tokens": 1000,
        "cache_creation_input_tokens": 70,
        "cache_creation": {"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 30},
        "output_tokens": 300,
        "output_tokens_details": {"thinking_tokens": 200},
        "service_tier": "priority",
    }
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "x"}
    return {
        "type": "message",
        "model": "claude-sonnet-5",
        "content": [thought, *(blocks or ({"type": "text", "text": TEXT},))],
        "stop_reason": "end_turn",
        "usage": usage,
        **changes,
    }


def generated(*parts: dict[str, Any], **changes: object) -> dict[str, Any]:
    said = parts or ({"text": "Hm.", "thought": True}, {"text": TEXT})
    candidate = {"content": {"role": "model", "parts": [*said]}, "finishReason": "STOP"}
    usage = {
        "promptTokenCount": 1200,
        "cachedContentTokenCount": 1000,
        "candidatesTokenCount": 100,
        "thoughtsTokenCount": 200,
        "totalTokenCount": 1500,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 400},
            {"modality": "IMAGE", "tokenCount": 800},
        ],
    }
    return {
        "candidates": [{**candidate, **changes}],
        "usageMetadata": usage,
        "modelVersion": "gemini-3-pro",
    }


def responses_of(text: str, model: str) -> dict[str, Any]:
    """Return what OpenAI's Responses say, with a text."""
    return responses(part(type="output_text", text=text), model=model)


def chat_of(text: str, model: str) -> dict[str, Any]:
    """Return what a chat completion says, with a text."""
    return chat(message={"role": "assistant", "content": text}, model=model)


def message_of(text: str, model: str) -> dict[str, Any]:
    """Return what Anthropic's Messages say, with a text."""
    return message({"type": "text", "text": text}, model=model)


def generated_of(text: str, model: str) -> dict[str, Any]:
    """Return what Google's generateContent says, with a text."""
    return {**generated({"text": text}), "modelVersion": model}


GOOD: Final = {
    "openai": responses(),
    "openai-chat": chat(),
    "compatible": chat(),
    "anthropic": message(),
    "google": generated(),
}


def read(name: str, document: object, *, http_status: int = 200) -> ReadReply:
    """Return what a document says in a wire format, by the name of its family."""
    return wire(name).read(json.dumps(document).encode(), http_status=http_status)


def wire(name: str) -> WireFormat:
    return FORMATS[name]
