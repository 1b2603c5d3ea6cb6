"""Replies that came as a stream of events, put together into the document that is read whole.

What a stream is in the middle of is put together as far as it came; whether it came to its end is
said beside it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tapetrail.analysts.models import bodies
from tapetrail.analysts.models.bodies import Document
from tapetrail.core.canonical import FieldValue
from tapetrail.core.errors import InvalidInput

_DONE: Final = "[DONE]"
_JOINED: Final = frozenset({"content", "refusal", "reasoning_content", "reasoning", "arguments"})
"""What comes in pieces in a chat completion; all else comes whole."""
_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """A document as far as its events came, and whether they came to their end."""

    document: Document
    is_complete: bool


def is_stream(body: bytes, media_type: str) -> bool:
    """Return whether a body is a stream of events, by what it is said to be or how it begins."""
    said = media_type.partition(";")[0].strip().lower() == "text/event-stream"
    return said or body.lstrip()[:6].startswith((b"data:", b"event:"))


def assembled(body: bytes, wire: str) -> Assembled:
    """Return what the events of a wire format, by its name, make.

    Events that are no JSON are left out: a stream that broke off ends with half of one.
    """
    told = list(_events(body))
    events = [event for data in told if (event := _parsed(data)) is not None]
    assemble = _WAYS[wire]
    found, is_complete = assemble(events)
    error = next((event["error"] for event in events if event.get("error")), None)
    document = found if error is None else {**found, "error": error}
    return Assembled(document=document, is_complete=is_complete or _DONE in told)


def _events(body: bytes) -> Iterator[str]:
    """Return the data of each event that came whole."""
    lines = body.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    for block in lines.split("\n\n"):
        data = [
            line[5:].removeprefix(" ") for line in block.split("\n") if line.startswith("data:")
        ]
        if data:
            yield "\n".join(data).strip()


def _parsed(data: str) -> Document | None:
    try:
        return bodies.parsed(data.encode("utf-8", "replace"))
    except InvalidInput:
        return None


def _chat(events: list[Document]) -> tuple[Document, bool]:
    """Return a chat completion; it is at its end when each choice says why it stopped."""
    found: dict[str, FieldValue] = {}
    choices: dict[int, dict[str, FieldValue]] = {}
    for event in events:
        found |= {name: value for name, value in event.items() if value is not None}
        for each in bodies.objects(event.get("choices")):
            at = _place(each)
            choice = choices.setdefault(at, {"index": at, "message": {}, "finish_reason": None})
            rest = {name: each[name] for name in each if name not in {"delta", "index"}}
            choice |= {name: value for name, value in rest.items() if value is not None}
            delta = bodies.object_of(each, "delta") or {}
            choice["message"] = _with_delta(bodies.object_of(choice, "message") or {}, delta)
    found["choices"] = list(choices.values())
    ended = [choice["finish_reason"] is not None for choice in choices.values()]
    return found, bool(ended) and all(ended)


def _with_delta(message: Document, delta: Document) -> dict[str, FieldValue]:
    found = dict(message)
    for name, value in delta.items():
        if value is None:
            found.setdefault(name, None)
        elif name == "tool_calls":
            found[name] = _with_calls(bodies.objects(found.get(name)), bodies.objects(value))
        elif isinstance(value, Mapping):
            found[name] = _with_delta(bodies.object_of(found, name) or {}, value)
        else:
            found[name] = _joined(found.get(name), value) if name in _JOINED else value
    return found


def _joined(before: FieldValue, piece: FieldValue) -> FieldValue:
    if isinstance(before, str) and isinstance(piece, str):
        return before + piece
    if bodies.items(before) and bodies.items(piece):
        return [*bodies.items(before), *bodies.items(piece)]
    return piece


def _with_calls(calls: list[Document], pieces: list[Document]) -> list[FieldValue]:
    found = {_place(call, or_else=at): call for at, call in enumerate(calls)}
    for at, piece in enumerate(pieces):
        place = _place(piece, or_else=len(found) if piece.get("id") else at)
        found[place] = {**_with_delta(found.get(place, {}), piece), "index": place}
    return list(found.values())


def _place(found: Document, name: str = "index", *, or_else: int = 0) -> int:
    """Return which of several a piece belongs to."""
    at = found.get(name)
    return at if isinstance(at, int) else or_else


def _responses(events: list[Document]) -> tuple[Document, bool]:
    """Return a response; its last event holds all of it, and some servers leave out the items."""
    found: dict[str, FieldValue] = {}
    items: dict[int, Document] = {}
    is_complete = False
    for event in events:
        kind = str(event.get("type"))
        if kind == "error" and not event.get("error"):
            found["error"] = {name: event[name] for name in event if name != "type"}
        is_complete |= kind in _ENDS
        found |= bodies.object_of(event, "response") or {}
        _add_to_items(items, event, kind)
    if not bodies.items(found.get("output")):
        found["output"] = list(items.values())
    return found, is_complete


def _add_to_items(items: dict[int, Document], event: Document, kind: str) -> None:
    at = _place(event, "output_index")
    whole = bodies.object_of(event, "item")
    piece = bodies.text_of(event, "delta")
    if whole is not None:
        items[at] = whole
    elif piece is not None and kind == "response.output_text.delta":
        items[at] = _with_piece(items.get(at, {"type": "message"}), piece, "output_text")
    elif piece is not None and kind == "response.refusal.delta":
        items[at] = _with_piece(items.get(at, {"type": "message"}), piece, "refusal")
    elif piece is not None and kind.endswith(("_arguments.delta", "_input.delta", "_code.delta")):
        item = items.get(at, {"type": "function_call"})
        items[at] = {**item, "arguments": (bodies.text_of(item, "arguments") or "") + piece}


def _with_piece(item: Document, piece: str, kind: str) -> Document:
    name = "text" if kind == "output_text" else kind
    before = "".join(
        bodies.text_of(each, name) or "" for each in bodies.objects(item.get("content"))
    )
    return {**item, "content": [{"type": kind, name: before + piece}]}


def _anthropic(events: list[Document]) -> tuple[Document, bool]:
    """Return a message; counts of tokens that come later replace those that came before."""
    found: dict[str, FieldValue] = {}
    blocks: dict[int, dict[str, FieldValue]] = {}
    usage: dict[str, FieldValue] = {}
    for event in events:
        found |= bodies.object_of(event, "message") or {}
        usage |= _known(bodies.object_of(event, "message", "usage"))
        usage |= _known(bodies.object_of(event, "usage"))
        at, delta = _place(event), bodies.object_of(event, "delta") or {}
        match event.get("type"):
            case "content_block_start":
                blocks[at] = dict(bodies.object_of(event, "content_block") or {})
            case "content_block_delta":
                _add_to_block(blocks.setdefault(at, {}), delta)
            case "message_delta":
                found |= delta
            case _:
                pass
    found["content"] = [_with_input(block) for block in blocks.values()]
    if usage:
        found["usage"] = usage
    return found, any(event.get("type") == "message_stop" for event in events)


def _known(found: Document | None) -> dict[str, FieldValue]:
    return {name: value for name, value in (found or {}).items() if value is not None}


def _add_to_block(block: dict[str, FieldValue], delta: Document) -> None:
    block.setdefault("type", str(delta.get("type", "")).removesuffix("_delta"))
    for name in ("text", "thinking", "signature", "partial_json"):
        piece = bodies.text_of(delta, name)
        if piece is not None:
            block[name] = (bodies.text_of(block, name) or "") + piece


def _with_input(block: dict[str, FieldValue]) -> Document:
    """Return a block whose input came in pieces with it whole, or as it came if it broke off."""
    pieces = bodies.text_of(block, "partial_json")
    if pieces is None:
        return block
    rest = {name: value for name, value in block.items() if name != "partial_json"}
    whole = _parsed(pieces)
    return {**rest, "input": pieces if whole is None and pieces else whole or {}}


def _google(events: list[Document]) -> tuple[Document, bool]:
    """Return a response; each event is one itself, with a piece of the candidates' parts."""
    found: dict[str, FieldValue] = {}
    candidates: dict[int, dict[str, FieldValue]] = {}
    for event in events:
        found |= event
        for each in bodies.objects(event.get("candidates")):
            candidate = candidates.setdefault(_place(each), {})
            parts = bodies.objects(bodies.part(candidate, "content", "parts"))
            parts += bodies.objects(bodies.part(each, "content", "parts"))
            content = {**(bodies.object_of(each, "content") or {}), "parts": parts}
            candidate |= {**each, "content": content}
    if candidates:
        found["candidates"] = list(candidates.values())
    ended = [bool(each.get("finishReason")) for each in candidates.values()]
    is_blocked = bodies.text_of(found, "promptFeedback", "blockReason") is not None
    return found, is_blocked or (bool(ended) and all(ended))


_WAYS: Final[Mapping[str, Callable[[list[Document]], tuple[Document, bool]]]] = {
    "openai_chat": _chat,
    "compatible": _chat,
    "openai_responses": _responses,
    "anthropic": _anthropic,
    "google": _google,
}


def of_list(body: bytes) -> Assembled | None:
    """Return what Google streams as one list of responses, None where a body is none.

    A list that broke off is read as far as its last whole response.
    """
    text = body.strip()
    if not text.startswith(b"["):
        return None
    events = list(_members(text.decode("utf-8", "replace")))
    found, is_complete = _google(events)
    return Assembled(document=found, is_complete=is_complete)


def _members(text: str) -> Iterator[Document]:
    """Return the objects of a list, one by one, up to where it broke off."""
    depth, start, quoted, escaped = 0, 0, False, False
    for at, sign in enumerate(text):
        if quoted:
            quoted, escaped = escaped or sign != '"', not escaped and sign == "\\"
        elif sign == '"':
            quoted = True
        elif sign == "{":
            start = at if depth == 0 else start
            depth += 1
        elif sign == "}":
            depth -= 1
            found = _parsed(text[start : at + 1]) if depth == 0 else None
            if found is not None:
                yield found
