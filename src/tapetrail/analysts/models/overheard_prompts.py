"""What a request asks, as text: each part with who says it, and images by their digest.

It reads requests of any of the wire formats, by the names that their parts have in common.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from tapetrail.analysts.models import bodies
from tapetrail.analysts.models.bodies import Document
from tapetrail.core.canonical import (
    SAFE_INTEGER_END,
    Digest,
    FieldValue,
    digest_bytes,
    storable_text,
)
from tapetrail.core.http_words import HIDDEN, open_url

SYSTEM: Final = ("instructions", "system", "systemInstruction", "system_instruction")
MESSAGES: Final = ("messages", "input", "contents", "prompt")
TOOLS: Final = ("tools", "functions", "toolConfig", "tool_config", "mcp_servers")
_SECRETS: Final = (
    "authorization", "api_key", "apikey", "api-key", "access_token", "passw", "secret",
    "credential",
)  # fmt: skip
_DATA: Final = (
    "inlineData", "inline_data", "fileData", "file_data", "source", "image_url", "input_audio",
    "file",
)  # fmt: skip
_URL_SAFE: Final = str.maketrans("-_", "+/")
_DATA_URL: Final = "data:"


@dataclass(kw_only=True)
class Prompt:
    """The lines of a request, in order, and the digests of the images in it."""

    lines: list[str] = field(default_factory=list[str])
    images: list[Digest] = field(default_factory=list[Digest])

    @property
    def text(self) -> str | None:
        """All of it, None where a request says nothing."""
        return storable_text("\n".join(self.lines)) if self.lines else None

    def add(self, role: str, value: FieldValue) -> None:
        """Add what somebody says: a text, a part, or a list of either."""
        for told in self._told(value):
            self.lines.append(f"{role}: {told}")

    def _told(self, value: FieldValue) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            yield from self._part(value)
        else:
            for each in bodies.items(value):
                yield from self._told(each)

    def _part(self, part: Document) -> Iterator[str]:
        """Return what one part says; of what is no text and no data, its name or its JSON."""
        text = bodies.text_of(part, "text")
        data = next((part[name] for name in _DATA if part.get(name) is not None), None)
        if text is not None:
            yield text
        elif data is not None:
            yield self._data(data, str(part.get("type", "file")))
        elif isinstance(part.get("parts"), list):
            yield from self._told(part["parts"])
        elif part.get("type") == "tool_result" or "output" in part:
            yield from self._told(part.get("content", part.get("output")))
        else:
            yield _as_json(part)

    def _data(self, data: FieldValue, kind: str) -> str:
        """Return what data is shown as: its media type and digest, or where it lies."""
        if isinstance(data, str):
            return self._place(data, kind)
        if not isinstance(data, Mapping):
            return f"[{kind}]"
        stated = _first_text(data, "media_type", "mimeType", "mime_type", "format") or kind
        encoded = _first_text(data, "data", "file_data")
        if encoded is not None and data.get("type") == "text":
            return encoded
        if encoded is not None:
            return self._place(encoded, stated) if "," in encoded else self._bytes(encoded, stated)
        place = _first_text(data, "url", "fileUri", "file_uri", "file_id")
        return f"[{kind}]" if place is None else self._place(place, kind)

    def _place(self, place: str, kind: str) -> str:
        if not place.startswith(_DATA_URL):
            return f"[{kind} {open_url(place)}]"
        media, _, encoded = place.removeprefix(_DATA_URL).partition(",")
        return self._bytes(encoded, media.partition(";")[0] or kind)

    def _bytes(self, encoded: str, media_type: str) -> str:
        whole = "".join(encoded.split()).translate(_URL_SAFE).rstrip("=")
        try:
            digest = digest_bytes(base64.b64decode(whole + "=" * (-len(whole) % 4), validate=True))
        except ValueError:
            return f"[{media_type}, which cannot be read]"
        if media_type.startswith("image"):
            self.images.append(digest)
        return f"[{media_type} {digest}]"


def prompt_of(request: Document) -> Prompt:
    """Return what a request asks: what the system says first, then each message in its order."""
    found = Prompt()
    for name in SYSTEM:
        found.add("system", request.get(name))
    for name in MESSAGES:
        messages = request.get(name)
        if isinstance(messages, str):
            found.add("user", messages)
        elif isinstance(messages, Mapping):
            _add_message(found, messages)
        for each in bodies.items(messages):
            if isinstance(each, Mapping):
                _add_message(found, each)
            else:
                found.add("user", each)
    return found


def _add_message(found: Prompt, message: Document) -> None:
    kind = str(message.get("type", "message"))
    role = bodies.text_of(message, "role") or ("user" if kind == "message" else kind)
    content = message.get("content", message.get("parts"))
    if "role" in message or content is not None:
        found.add(role, content)
    else:
        found.add("tool" if "output" in message else role, message)
    for name in ("tool_calls", "function_call"):
        calls = message.get(name)
        for each in bodies.objects(calls) or ([calls] if isinstance(calls, Mapping) else []):
            found.add(role, _as_json(each))


def params_of(request: Document) -> dict[str, FieldValue]:
    """Return everything in a request that is no message, no tool and no model, without secrets."""
    left_out = {*SYSTEM, *MESSAGES, *TOOLS, "model"}
    return {
        storable_text(name): HIDDEN if _is_secret(name) else recordable(_opened(value))
        for name, value in request.items()
        if name not in left_out
    }


def recordable(value: FieldValue) -> FieldValue:
    """Return a value as records hold it: whole numbers from 2^53 on are decimals."""
    if isinstance(value, Mapping):
        return {storable_text(name): recordable(each) for name, each in value.items()}
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, int) and abs(value) >= SAFE_INTEGER_END:
        return Decimal(value)
    return [recordable(each) for each in value] if isinstance(value, Sequence) else value


def _opened(value: FieldValue) -> FieldValue:
    """Return a value in which no member stands whose name says that it is a secret."""
    if isinstance(value, Mapping):
        return {name: HIDDEN if _is_secret(name) else _opened(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_opened(each) for each in value]
    return value


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRETS)


def _first_text(document: Document, *names: str) -> str | None:
    return next((found for name in names if (found := bodies.text_of(document, name))), None)


def _as_json(part: Document) -> str:
    return json.dumps(part, ensure_ascii=False, separators=(",", ":"), default=str)
