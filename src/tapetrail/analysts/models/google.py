"""Google's generateContent: what `google:MODEL` speaks."""

from typing import Final
from urllib.parse import quote

from tapetrail.analysts.models import bodies
from tapetrail.analysts.models.asking import ModelRequest
from tapetrail.analysts.models.bodies import Document, Sent
from tapetrail.analysts.models.reading import NoAnswer, Said, Stops, WireFormat, malformed, stop
from tapetrail.analysts.models.usage import Inclusive, Usage, count
from tapetrail.core.canonical import FieldValue
from tapetrail.core.errors import ErrorKind
from tapetrail.http.excerpts import shown

MEDIA_RESOLUTION: Final = "MEDIA_RESOLUTION_HIGH"
_REFUSALS: Final = (
    "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "MODEL_ARMOR", "ESCALATION",
)  # fmt: skip
_MALFORMED: Final = (
    "FINISH_REASON_UNSPECIFIED", "OTHER", "MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE",
    "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE", "IMAGE_OTHER",
    "NO_IMAGE",
)  # fmt: skip
_STOPS: Final[Stops] = {
    "STOP": None,
    "MAX_TOKENS": NoAnswer(kind=ErrorKind.TRUNCATED, reason="cut: finishReason MAX_TOKENS"),
    "CONTINUATION": NoAnswer(kind=ErrorKind.PAUSED, reason="finishReason CONTINUATION"),
    **{word: NoAnswer(kind=ErrorKind.REFUSED, reason=f"finishReason {word}") for word in _REFUSALS},
    **{word: malformed(f"finishReason {word}") for word in _MALFORMED},
}
_PARAMS: Final = ("max_output_tokens", "temperature", "top_p", "seed", "reasoning_effort")


def build(request: ModelRequest) -> bytes:
    """Return the request's bytes; the model is named in the path."""
    body: dict[str, Sent] = {
        "systemInstruction": {"parts": [{"text": request.system}]},
        "contents": [{"role": "user", "parts": _parts(request)}],
        "generationConfig": _generation_config(request),
    }
    if request.tier is not None:
        body["serviceTier"] = request.tier.value
    return bodies.compact(body)


def _generation_config(request: ModelRequest) -> dict[str, Sent]:
    params = request.params
    params.refuse_others(_PARAMS, by="google")
    config: dict[str, Sent] = {
        "maxOutputTokens": params.max_output_tokens,
        "mediaResolution": MEDIA_RESOLUTION,
    }
    if params.temperature is not None:
        config["temperature"] = bodies.number(params.temperature)
    if params.top_p is not None:
        config["topP"] = bodies.number(params.top_p)
    if params.seed is not None:
        config["seed"] = params.seed
    if params.reasoning_effort is not None:
        config["thinkingConfig"] = {"thinkingLevel": params.reasoning_effort.upper()}
    if request.schema is not None:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = request.schema
    return config


def _parts(request: ModelRequest) -> list[Sent]:
    parts: list[Sent] = []
    for image in request.images:
        data = {"mimeType": "image/jpeg", "data": bodies.base64_text(image.jpeg)}
        parts.append({"text": image.label})
        parts.append({"inlineData": data})
    return [*parts, {"text": request.text}]


def document(found: Document) -> Said:
    """Return what a response says: its first candidate, without its thoughts."""
    candidate = bodies.part(found, "candidates", 0)
    parts = bodies.objects(bodies.part(candidate, "content", "parts"))
    texts = [bodies.text_of(part, "text") for part in parts if part.get("thought") is not True]
    written = [text for text in texts if text is not None]
    usage = bodies.object_of(found, "usageMetadata")
    return Said(
        text="".join(written) if written else None,
        no_answer=_no_answer(found, candidate, parts),
        finish_reason=bodies.text_of(candidate, "finishReason"),
        model_reported=bodies.text_of(found, "modelVersion"),
        usage=usage,
        service_tier=bodies.text_of(usage, "serviceTier"),
    )


def _no_answer(found: Document, candidate: FieldValue, parts: list[Document]) -> NoAnswer | None:
    blocked = bodies.text_of(found, "promptFeedback", "blockReason")
    if blocked:
        said = f"the prompt was blocked: {shown(blocked)}"
        return NoAnswer(kind=ErrorKind.BLOCKED, reason=said)
    if candidate is None:
        return malformed("no candidates, and no reason for it")
    why = stop(bodies.text_of(candidate, "finishReason"), _STOPS, name="finishReason")
    if why is None and any("functionCall" in part for part in parts):
        return malformed("a tool call instead of text")
    return why


def usage(raw: Document) -> Usage:
    """Return the tokens by kind: prompts hold what caches gave, candidates no thoughts.

    Counts of 0 are left out on this wire: the total tells whether what is missing was one.
    """
    stated, total = count(raw, "promptTokenCount"), count(raw, "totalTokenCount")
    thoughts = count(raw, "thoughtsTokenCount")
    candidates = count(raw, "candidatesTokenCount")
    if candidates is None and total is not None:
        candidates = 0
    images = [
        count(each, "tokenCount") or 0
        for each in bodies.objects(raw.get("promptTokensDetails"))
        if each.get("modality") == "IMAGE"
    ]
    tools = count(raw, "toolUsePromptTokenCount") or 0
    return Inclusive(
        input_total=None if stated is None else stated + tools,
        output=None if candidates is None else candidates + (thoughts or 0),
        cached_read=count(raw, "cachedContentTokenCount"),
        image=sum(images) if images else None,
        reasoning=thoughts,
        total=total,
    ).undone()


FORMAT: Final = WireFormat(
    name="google",
    path=lambda model: f"/v1beta/models/{quote(model, safe='')}:generateContent",
    build=build,
    document=document,
    count=usage,
)
