"""OpenAI's Responses: what `openai:MODEL` speaks."""

from collections.abc import Mapping
from typing import Final

from tapetrail.analysts.models import bodies
from tapetrail.analysts.models.asking import ModelRequest
from tapetrail.analysts.models.bodies import Document, Sent
from tapetrail.analysts.models.reading import NoAnswer, Said, WireFormat, malformed
from tapetrail.analysts.models.usage import Inclusive, Usage, count
from tapetrail.core.errors import ErrorKind
from tapetrail.core.strategy.analysts import Tier
from tapetrail.http.excerpts import shown

DETAIL: Final = "high"
SCHEMA_NAME: Final = "answer"
TIERS: Final[Mapping[Tier, str]] = {
    Tier.STANDARD: "default",
    Tier.FLEX: "flex",
    Tier.PRIORITY: "priority",
}
_PARAMS: Final = ("max_output_tokens", "temperature", "top_p", "reasoning_effort")
_TRUNCATED: Final = "max_output_tokens"


def build(request: ModelRequest) -> bytes:
    """Return the request's bytes. Raises `InvalidInput` for a parameter that is not taken."""
    params = request.params
    params.refuse_others(_PARAMS, by="openai's Responses")
    body: dict[str, Sent] = {
        "model": request.model,
        "store": False,
        "instructions": request.system,
        "input": [{"role": "user", "content": _content(request)}],
        "max_output_tokens": params.max_output_tokens,
    }
    if params.temperature is not None:
        body["temperature"] = bodies.number(params.temperature)
    if params.top_p is not None:
        body["top_p"] = bodies.number(params.top_p)
    if params.reasoning_effort is not None:
        body["reasoning"] = {"effort": params.reasoning_effort}
    if request.schema is not None:
        form = {"type": "json_schema", "name": SCHEMA_NAME, "strict": True}
        body["text"] = {"format": {**form, "schema": request.schema}}
    # A project's default may be a dearer tier than the one that budgets count with.
    body["service_tier"] = TIERS[request.tier or Tier.STANDARD]
    return bodies.compact(body)


def _content(request: ModelRequest) -> list[Sent]:
    content: list[Sent] = []
    for image in request.images:
        url = f"data:image/jpeg;base64,{bodies.base64_text(image.jpeg)}"
        content.append({"type": "input_text", "text": image.label})
        content.append({"type": "input_image", "detail": DETAIL, "image_url": url})
    return [*content, {"type": "input_text", "text": request.text}]


def document(found: Document) -> Said:
    """Return what a response says."""
    items = bodies.objects(found.get("output"))
    parts = [part for item in items for part in bodies.objects(item.get("content"))]
    texts = [bodies.text_of(part, "text") for part in parts if part.get("type") == "output_text"]
    written = [text for text in texts if text is not None]
    return Said(
        text="".join(written) if written else None,
        no_answer=_no_answer(found, items=items, parts=parts, has_text=bool(written)),
        finish_reason=_finish_reason(found),
        model_reported=bodies.text_of(found, "model"),
        usage=bodies.object_of(found, "usage"),
        service_tier=bodies.text_of(found, "service_tier"),
    )


def _finish_reason(found: Document) -> str | None:
    return bodies.text_of(found, "incomplete_details", "reason") or bodies.text_of(found, "status")


def _no_answer(
    found: Document, *, items: list[Document], parts: list[Document], has_text: bool
) -> NoAnswer | None:
    refusals = [part for part in parts if part.get("type") == "refusal"]
    if refusals:
        said = shown(bodies.text_of(refusals[0], "refusal") or "")
        return NoAnswer(kind=ErrorKind.REFUSED, reason=f"the model refused: {said}")
    reason, status = _finish_reason(found), bodies.text_of(found, "status")
    if status == "incomplete":
        return _incomplete(reason)
    if status != "completed":
        stated = "missing" if status is None else shown(status)
        return malformed(f"status is {stated}, expected completed or incomplete")
    calls = [item for item in items if str(item.get("type", "")).endswith("_call")]
    if calls and not has_text:
        return malformed(f"a tool call instead of text: {shown(str(calls[0]['type']))}")
    return None


def _incomplete(reason: str | None) -> NoAnswer:
    if reason == "content_filter":
        return NoAnswer(kind=ErrorKind.REFUSED, reason="incomplete: content_filter")
    if reason == _TRUNCATED:
        return NoAnswer(kind=ErrorKind.TRUNCATED, reason=f"cut: incomplete ({_TRUNCATED})")
    return malformed(f"incomplete, and the reason is {shown(reason or '')}")


def usage(raw: Document) -> Usage:
    """Return the tokens by kind: input holds what caches gave and took, output the reasoning."""
    details = raw.get("input_tokens_details")
    return Inclusive(
        input_total=count(raw, "input_tokens"),
        output=count(raw, "output_tokens"),
        cached_read=count(details, "cached_tokens"),
        cache_write=count(details, "cache_write_tokens"),
        image=count(details, "image_tokens"),
        reasoning=count(raw.get("output_tokens_details"), "reasoning_tokens"),
        total=count(raw, "total_tokens"),
    ).undone()


FORMAT: Final = WireFormat(
    name="openai_responses",
    path=lambda _: "/responses",
    build=build,
    document=document,
    count=usage,
)
