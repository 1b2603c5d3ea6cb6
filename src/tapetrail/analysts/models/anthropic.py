"""Anthropic's Messages: what `anthropic:MODEL` speaks."""

from collections.abc import Mapping
from typing import Final

from tapetrail.analysts.models import bodies
from tapetrail.analysts.models.asking import ModelRequest
from tapetrail.analysts.models.bodies import Document, Sent
from tapetrail.analysts.models.reading import NoAnswer, Said, Stops, WireFormat, malformed, stop
from tapetrail.analysts.models.usage import Usage, count, needed
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.strategy.analysts import Tier

VERSION: Final = "2023-06-01"
# Larger images are shrunk without a word unless they are refused.
_TRANSFORMATIONS: Final[Mapping[str, str]] = {"oversized_image": "error"}
_TIERS: Final[Mapping[Tier, str]] = {Tier.STANDARD: "standard_only", Tier.PRIORITY: "auto"}
_PARAMS: Final = ("max_output_tokens", "temperature", "top_p", "reasoning_effort")
_STOPS: Final[Stops] = {
    "end_turn": None,
    "stop_sequence": None,
    "max_tokens": NoAnswer(kind=ErrorKind.TRUNCATED, reason="cut: stop_reason max_tokens"),
    "model_context_window_exceeded": NoAnswer(
        kind=ErrorKind.TRUNCATED, reason="cut: stop_reason model_context_window_exceeded"
    ),
    "refusal": NoAnswer(kind=ErrorKind.REFUSED, reason="stop_reason refusal"),
    "pause_turn": NoAnswer(kind=ErrorKind.PAUSED, reason="stop_reason pause_turn"),
    "tool_use": malformed("a tool call instead of text: stop_reason tool_use"),
}


def build(request: ModelRequest) -> bytes:
    """Return the request's bytes. Raises `InvalidInput` for a parameter or tier not taken."""
    params = request.params
    params.refuse_others(_PARAMS, by="anthropic")
    body: dict[str, Sent] = {
        "model": request.model,
        "max_tokens": params.max_output_tokens,
        "system": [{"type": "text", "text": request.system}],
        "messages": [{"role": "user", "content": _content(request)}],
    }
    if params.temperature is not None:
        body["temperature"] = bodies.number(params.temperature)
    if params.top_p is not None:
        body["top_p"] = bodies.number(params.top_p)
    output: dict[str, Sent] = {}
    if params.reasoning_effort is not None:
        output["effort"] = params.reasoning_effort
    if request.schema is not None:
        output["format"] = {"type": "json_schema", "schema": request.schema}
    if output:
        body["output_config"] = output
    if request.tier is not None:
        body["service_tier"] = _tier(request.tier)
    return bodies.compact(body)


def _tier(tier: Tier) -> str:
    if tier not in _TIERS:
        raise InvalidInput(f"tier {tier}: anthropic serves {' and '.join(_TIERS)} alone")
    return _TIERS[tier]


def _content(request: ModelRequest) -> list[Sent]:
    content: list[Sent] = []
    for image in request.images:
        data = bodies.base64_text(image.jpeg)
        source = {"type": "base64", "media_type": "image/jpeg", "data": data}
        content.append({"type": "text", "text": image.label})
        content.append({"type": "image", "source": source, "transformations": _TRANSFORMATIONS})
    return [*content, {"type": "text", "text": request.text}]


def document(found: Document) -> Said:
    """Return what a message says; what it thought before is no part of the answer."""
    blocks, usage = bodies.objects(found.get("content")), bodies.object_of(found, "usage")
    texts = [bodies.text_of(block, "text") for block in blocks if block.get("type") == "text"]
    written = [text for text in texts if text is not None]
    reason = bodies.text_of(found, "stop_reason")
    return Said(
        text="".join(written) if written else None,
        no_answer=stop(reason, _STOPS, name="stop_reason"),
        finish_reason=reason,
        model_reported=bodies.text_of(found, "model"),
        usage=usage,
        service_tier=bodies.text_of(usage, "service_tier"),
    )


def usage(raw: Document) -> Usage:
    """Return the tokens by kind: input holds neither what caches gave nor what they took."""
    written = count(raw, "cache_creation_input_tokens")
    by_time = raw.get("cache_creation")
    for_5m = count(by_time, "ephemeral_5m_input_tokens") or 0
    for_1h = count(by_time, "ephemeral_1h_input_tokens") or 0
    return Usage(
        input=needed(count(raw, "input_tokens"), "input_tokens"),
        output=needed(count(raw, "output_tokens"), "output_tokens"),
        cached_read=count(raw, "cache_read_input_tokens") or 0,
        cache_write=0 if written is None else written - for_5m - for_1h,
        cache_write_5m=for_5m,
        cache_write_1h=for_1h,
        reasoning=count(raw.get("output_tokens_details"), "thinking_tokens"),
    )


FORMAT: Final = WireFormat(
    name="anthropic",
    path=lambda _: "/v1/messages",
    build=build,
    document=document,
    count=usage,
    headers={"anthropic-version": VERSION},
)
