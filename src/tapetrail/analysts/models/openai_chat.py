"""Chat completions: what `openai-chat:MODEL` speaks, and most servers of one's own.

Those differ from OpenAI in three words: they take `max_tokens`, store nothing, and are told no
tier unless it is set.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from tapetrail.analysts.models import bodies
from tapetrail.analysts.models.asking import ModelRequest
from tapetrail.analysts.models.bodies import Document, Sent
from tapetrail.analysts.models.openai_responses import DETAIL, SCHEMA_NAME, TIERS
from tapetrail.analysts.models.reading import NoAnswer, Said, Stops, WireFormat, malformed, stop
from tapetrail.analysts.models.usage import Inclusive, Usage, agreed, count
from tapetrail.core.canonical import FieldValue
from tapetrail.core.errors import ErrorKind
from tapetrail.core.strategy.analysts import Tier
from tapetrail.http.excerpts import shown

_PARAMS: Final = ("max_output_tokens", "temperature", "top_p", "seed", "reasoning_effort")
_TOOL_CALL: Final = malformed("a tool call instead of text")
_THOUGHTS: Final = ("reasoning_content", "reasoning")


def _ended(kind: ErrorKind, *words: str) -> dict[str | None, NoAnswer | None]:
    cut = "cut: " if kind is ErrorKind.TRUNCATED else ""
    return {word: NoAnswer(kind=kind, reason=f"{cut}finish_reason {word}") for word in words}


# Some servers leave the reason out, and some name the token that ended the text. What a gateway's
# provider says in words of its own comes through it.
_STOPS: Final[Stops] = {
    **dict.fromkeys((None, "stop", "eos", "eos_token", "end_turn")),
    **_ended(
        ErrorKind.TRUNCATED, "length", "model_length", "max_tokens", "model_context_window_exceeded"
    ),
    **_ended(ErrorKind.REFUSED, "content_filter", "sensitive"),
    **_ended(ErrorKind.PROVIDER_FAILED, "error", "network_error"),
    **_ended(ErrorKind.OVERLOADED, "insufficient_system_resource"),
    "tool_calls": _TOOL_CALL,
    "function_call": _TOOL_CALL,
}


def build(
    request: ModelRequest, *, maximum: str, stated: dict[str, Sent], tier: Tier | None
) -> bytes:
    """Return the request's bytes. Raises `InvalidInput` for a parameter that is not taken.

    `maximum` is the word for the maximum of tokens, `stated` what else is always said, and `tier`
    the one where the request wants none.
    """
    params = request.params
    params.refuse_others(_PARAMS, by="a chat completion")
    body: dict[str, Sent] = {
        "model": request.model,
        **stated,
        "messages": [
            {"role": "system", "content": request.system},
            {"role": "user", "content": _content(request)},
        ],
        maximum: params.max_output_tokens,
    }
    if params.temperature is not None:
        body["temperature"] = bodies.number(params.temperature)
    if params.top_p is not None:
        body["top_p"] = bodies.number(params.top_p)
    if params.seed is not None:
        body["seed"] = params.seed
    if params.reasoning_effort is not None:
        body["reasoning_effort"] = params.reasoning_effort
    if request.schema is not None:
        form = {"name": SCHEMA_NAME, "strict": True, "schema": request.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    wanted = request.tier or tier
    if wanted is not None:
        body["service_tier"] = TIERS[wanted]
    return bodies.compact(body)


def _content(request: ModelRequest) -> list[Sent]:
    content: list[Sent] = []
    for image in request.images:
        url = f"data:image/jpeg;base64,{bodies.base64_text(image.jpeg)}"
        content.append({"type": "text", "text": image.label})
        content.append({"type": "image_url", "image_url": {"url": url, "detail": DETAIL}})
    return [*content, {"type": "text", "text": request.text}]


def document(found: Document) -> Said:
    """Return what a completion says: its first choice, as one was asked for."""
    choice = bodies.part(found, "choices", 0)
    reason = bodies.text_of(choice, "finish_reason")
    return Said(
        text=_text(bodies.part(choice, "message", "content")),
        error=bodies.part(choice, "error"),
        no_answer=_no_answer(choice, reason),
        finish_reason=reason,
        model_reported=bodies.text_of(found, "model"),
        usage=bodies.object_of(found, "usage"),
        service_tier=bodies.text_of(found, "service_tier"),
    )


def _no_answer(choice: FieldValue, reason: str | None) -> NoAnswer | None:
    message = bodies.object_of(choice, "message")
    if message is None:
        return malformed("no message in choices")
    refusal = bodies.text_of(message, "refusal")
    if refusal:
        said = shown(refusal)
        return NoAnswer(kind=ErrorKind.REFUSED, reason=f"the model refused: {said}")
    found = stop(reason, _STOPS, name="finish_reason")
    return found or _why_no_text(message)


def _why_no_text(message: Document) -> NoAnswer | None:
    """Return why a message holds no text; None where it does, or where nobody says."""
    content = message.get("content")
    if _text(content):
        return None
    if message.get("tool_calls"):
        return _TOOL_CALL
    if not _may_hold_text(content):
        return malformed("content is no text")
    thoughts = next((name for name in _THOUGHTS if bodies.text_of(message, name)), None)
    if thoughts is None:
        return None
    said = f"no text came, only thoughts, in {thoughts}"
    return NoAnswer(kind=ErrorKind.NULL_REPLY, reason=said)


def _may_hold_text(content: FieldValue) -> bool:
    """Return whether this is a text, nothing, or a list of parts."""
    if content is None or isinstance(content, str):
        return True
    is_list = isinstance(content, Sequence)
    return is_list and len(bodies.objects(content)) == len(content)


def _text(content: FieldValue) -> str | None:
    """Return a message's text; some write it in parts, with their thoughts in others."""
    if isinstance(content, str):
        return content
    texts = [
        text
        for part in bodies.objects(content)
        if part.get("type") == "text" and (text := bodies.text_of(part, "text")) is not None
    ]
    return "".join(texts) if texts else None


def usage(raw: Document) -> Usage:
    """Return the tokens by kind: prompts hold what caches gave and took, completions the reasoning.

    Some servers count reasoning beside the completion; their total tells. What caches gave and
    took has a name of DeepSeek's, one of Moonshot's, and two where a gateway asks Claude.
    """
    details, total = raw.get("prompt_tokens_details"), count(raw, "total_tokens")
    prompt, completion = count(raw, "prompt_tokens"), count(raw, "completion_tokens")
    reasoning = count(raw.get("completion_tokens_details"), "reasoning_tokens")
    if total is not None and total == (prompt or 0) + (completion or 0) + (reasoning or 0):
        completion = total - (prompt or 0)
    return Inclusive(
        input_total=prompt,
        output=completion,
        cached_read=agreed(
            (details, "cached_tokens"),
            (raw, "cached_tokens"),
            (raw, "prompt_cache_hit_tokens"),
            (raw, "cache_read_input_tokens"),
        ),
        cache_write=agreed(
            (details, "cache_write_tokens"),
            (details, "cache_creation_tokens"),
            (raw, "cache_creation_input_tokens"),
        ),
        image=count(details, "image_tokens"),
        reasoning=reasoning,
        total=total,
    ).undone()


def _format(
    name: str, *, maximum: str, stated: dict[str, Sent], tier: Tier | None = None
) -> WireFormat:
    return WireFormat(
        name=name,
        path=lambda _: "/chat/completions",
        build=partial(build, maximum=maximum, stated=stated, tier=tier),
        document=document,
        count=usage,
    )


FORMAT: Final = _format(
    "openai_chat",
    maximum="max_completion_tokens",
    stated={"store": False},
    tier=Tier.STANDARD,
)
COMPATIBLE: Final = _format("compatible", maximum="max_tokens", stated={})
