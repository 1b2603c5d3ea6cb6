"""A call to a model that another program made: what it asked, and what came of it.

All of it is pure, and nothing here raises for what somebody else sent: what cannot be read is told
in its place. The bytes stay what is on record.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from tapetrail.analysts.models import anthropic, bodies, google, openai_chat, openai_responses
from tapetrail.analysts.models.bodies import Document
from tapetrail.analysts.models.event_streams import Assembled, assembled, is_stream, of_list
from tapetrail.analysts.models.http_errors import failure
from tapetrail.analysts.models.overheard_prompts import params_of, prompt_of, recordable
from tapetrail.analysts.models.reading import SUCCESSES, ReadReply, WireFormat, unanswered
from tapetrail.core.canonical import Digest, FieldValue, storable_text
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.packed_bodies import unpacked

PROVIDERS: Final[Mapping[str, str]] = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "google",
    "aiplatform.googleapis.com": "google",
    "openrouter.ai": "openrouter",
    "api.mistral.ai": "mistral",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "api.together.xyz": "together",
    "api.together.ai": "together",
    "api.x.ai": "x-ai",
    "api.fireworks.ai": "fireworks",
    "api.cohere.com": "cohere",
    "api.cohere.ai": "cohere",
}
_ENDINGS: Final[Mapping[str, str]] = {
    ".api.openai.com": "openai",
    ".openai.azure.com": "azure",
    ".ai.azure.com": "azure",
    ".cognitiveservices.azure.com": "azure",
    "-aiplatform.googleapis.com": "google",
    ".rep.googleapis.com": "google",
    ".amazonaws.com": "aws",
}
"""Whose hosts are that end so."""
_OPENAI: Final = ("openai", "azure")
_NO_TEXT: Final = (ErrorKind.MALFORMED_REPLY, ErrorKind.NULL_REPLY, ErrorKind.EMPTY_REPLY)
_GOOGLE_PATHS: Final = (":generateContent", ":streamGenerateContent")
_GOOGLE_BEGINS: Final = ("/v1beta/", "/v1alpha/", "/v1beta1/", "/v1/", "/models/")
_CLAUDE_PATHS: Final = (":rawPredict", ":streamRawPredict", "/invoke")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardReply:
    """What came back: without a status no reply began. Header names are in lower case."""

    http_status: int | None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = field(default=b"", repr=False)
    content_encoding: str | None = None
    is_partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Overheard:
    """One call. `wire` is None where the format is none that is known here.

    `text` is all that was written, beside an `error_kind` too: of a reply that was cut or refused.
    A reply that only calls tools is no failure: it has no text, no error, and `tool_calls`. Of a
    stream that was left or broke off, `text` is what had come, and it is not `is_complete`.
    `reply` is what the reader of the format says, with usage, tier and the model reported.
    """

    wire: str | None
    provider: str
    base_url: str
    model_name: str | None
    prompt_text: str | None
    images: tuple[Digest, ...]
    params: Mapping[str, FieldValue]
    reply: ReadReply
    text: str | None
    tool_calls: tuple[FieldValue, ...]
    is_streamed: bool
    is_complete: bool
    error_kind: ErrorKind | None
    error_message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How a call is read: its format, and how much of the path belongs to it."""

    wire: WireFormat
    path: str
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """What a reply says, before it is told."""

    reply: ReadReply
    document: Document | None = None
    is_streamed: bool = False
    is_complete: bool = False


def overheard(url: str, request: bytes | None, reply: HeardReply) -> Overheard:
    """Return what a call was; `url` is shown without secrets, and `request` None if unknown."""
    asked = _request(request)
    way = _way(url, asked)
    heard = _heard(reply, way)
    prompt = prompt_of(asked)
    text = _text(heard, way)
    calls = tuple(_tool_calls(heard.document or {}))
    fails = _fails(heard, way, says=text is not None or bool(calls), calls=bool(calls))
    return Overheard(
        wire=way and way.wire.name,
        provider=provider_of(url),
        base_url=_base_url(url, way),
        model_name=_model(asked, way),
        prompt_text=prompt.text,
        images=tuple(prompt.images),
        params=params_of(asked),
        reply=heard.reply,
        text=text,
        tool_calls=calls,
        is_streamed=heard.is_streamed,
        is_complete=heard.is_complete,
        error_kind=heard.reply.error_kind if fails else None,
        error_message=heard.reply.error_message if fails else None,
    )


def provider_of(url: str) -> str:
    """Return whose an address is; where nobody is known by it, its host."""
    host = _host(url)
    ending = next((word for end, word in _ENDINGS.items() if host.endswith(end)), host)
    return PROVIDERS.get(host, ending)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _request(body: bytes | None) -> Document:
    try:
        return bodies.parsed(body or b"")
    except InvalidInput:
        return {}


def _path(url: str) -> str:
    try:
        return urlsplit(url).path.rstrip("/")
    except ValueError:
        return ""


def _way(url: str, asked: Document) -> _Way | None:
    """Return how a call is read, None where its format is not known here."""
    path = _path(url)
    if path.endswith("/responses"):
        return _Way(wire=openai_responses.FORMAT, path="/responses")
    if path.endswith("/chat/completions"):
        is_own = provider_of(url) in _OPENAI
        wire = openai_chat.FORMAT if is_own else openai_chat.COMPATIBLE
        deployment = path.partition("/deployments/")[2].partition("/")[0]
        return _Way(wire=wire, path="/chat/completions", model=unquote(deployment) or None)
    if path.endswith("/messages"):
        own = anthropic.FORMAT.path("")
        return _Way(wire=anthropic.FORMAT, path=own if path.endswith(own) else "/messages")
    return _named_in_path(path, asked)


def _named_in_path(path: str, asked: Document) -> _Way | None:
    """Return how a call is read whose model stands in its path."""
    place, _, last = path.rpartition("/")
    model = unquote(last.partition(":")[0]) or None
    if path.endswith(_GOOGLE_PATHS):
        begins = next((at for at in _GOOGLE_BEGINS if at in path), path)
        return _Way(wire=google.FORMAT, path=begins + path.partition(begins)[2], model=model)
    if path.endswith(_CLAUDE_PATHS) and "anthropic_version" in asked:
        named = place.rpartition("/")[2] if last == "invoke" else last.partition(":")[0]
        return _Way(wire=anthropic.FORMAT, path=path, model=unquote(named))
    return None


def _base_url(url: str, way: _Way | None) -> str:
    """Return the address that the format's path follows; of an unknown one the host's."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    place = f"{parts.scheme}://{parts.netloc}"
    return place + (parts.path.rstrip("/").removesuffix(way.path) if way else "")


def _model(asked: Document, way: _Way | None) -> str | None:
    named = bodies.text_of(asked, "model") or (way and way.model)
    return storable_text(named) if named else None


def _heard(reply: HeardReply, way: _Way | None) -> _Heard:
    """Return what a reply says in its format, or why that cannot be told."""
    status = reply.http_status
    if status is None:
        return _Heard(reply=unanswered(ErrorKind.CONNECTION_FAILED, "no reply began"))
    try:
        plain = unpacked(reply.body, reply.content_encoding)
    except InvalidInput as error:
        kind = error.kind or ErrorKind.NOT_JSON_BODY
        return _Heard(reply=unanswered(kind, f"HTTP {status}: {error.message}"))
    if way is None:
        return _Heard(reply=_unknown(plain, status), is_complete=not reply.is_partial)
    pieces = _pieces(plain, reply, way.wire) if status in SUCCESSES else None
    body = plain if pieces is None else _as_json(pieces.document)
    headers = {name: each for name, each in reply.headers.items() if name != "content-encoding"}
    read = way.wire.read(body, http_status=status, headers=headers)
    return _Heard(
        reply=read,
        document=_request(body) if status in SUCCESSES else None,
        is_streamed=pieces is not None,
        is_complete=not reply.is_partial if pieces is None else pieces.is_complete,
    )


def _unknown(plain: bytes, status: int) -> ReadReply:
    """Return that nobody here reads such a reply; an error's status says what it says anyway."""
    if status in SUCCESSES:
        return unanswered(ErrorKind.MALFORMED_REPLY, f"HTTP {status}: no known wire format")
    failed = failure(plain, http_status=status)
    return unanswered(failed.kind, failed.message)


def _pieces(plain: bytes, reply: HeardReply, wire: WireFormat) -> Assembled | None:
    """Return what came in pieces as one document, None where it came as one."""
    if is_stream(plain, reply.headers.get("content-type", "")):
        return assembled(plain, wire.name)
    return of_list(plain) if wire is google.FORMAT else None


def _as_json(document: Document) -> bytes:
    return json.dumps(document, default=float).encode()


def _text(heard: _Heard, way: _Way | None) -> str | None:
    """Return all that was written, of a reply too that the reader takes for none."""
    if way is None or heard.document is None:
        return None
    text = way.wire.document(heard.document).text
    return storable_text(text) if text else None


def _tool_calls(document: Document) -> Iterator[FieldValue]:
    """Return the calls of tools in a reply, as they stand in it, of whichever format."""
    for choice in bodies.objects(document.get("choices")):
        yield from map(recordable, bodies.items(bodies.part(choice, "message", "tool_calls")))
        older = bodies.object_of(choice, "message", "function_call")
        yield from () if older is None else (recordable(older),)
    for item in (*bodies.objects(document.get("output")), *bodies.objects(document.get("content"))):
        if str(item.get("type")).endswith(("_call", "tool_use")):
            yield recordable(item)
    for candidate in bodies.objects(document.get("candidates")):
        parts = bodies.objects(bodies.part(candidate, "content", "parts"))
        yield from (recordable(part["functionCall"]) for part in parts if "functionCall" in part)


def _fails(heard: _Heard, way: _Way | None, *, says: bool, calls: bool) -> bool:
    """Return whether a call failed; one that asks for tools, or was left midway, did not."""
    kind = heard.reply.error_kind
    if kind is None or heard.reply.provider_error is not None:
        return kind is not None
    if way is None:
        return kind is not ErrorKind.MALFORMED_REPLY
    asks_for_tools = calls and kind in _NO_TEXT
    was_left = heard.is_streamed and not heard.is_complete and says
    return not asks_for_tools and not was_left
