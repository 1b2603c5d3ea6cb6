"""Bundles as they travel over a network: entries and bytes in one body, and what became of them.

A body is `multipart/form-data` (RFC 7578): a part `entries`, one line of JSON an entry, and a part
`object` for each of the bytes that entries name, with its digest for a file name and its own type.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from pydantic import TypeAdapter

from tapetrail.core.canonical import Digest
from tapetrail.core.recording.entries import Entry, line_of
from tapetrail.core.recording.taken import Content, KnownSignal, Taken

ENTRIES: Final = "entries"
OBJECT: Final = "object"
NDJSON: Final = "application/x-ndjson"
HOLDER: Final = "Tapetrail-Holder"
"""The header that names who works on what is opened: a UUID of the program's own."""
_LINE: Final = b"\r\n"


def bundle_body(
    entries: Sequence[Entry], contents: Mapping[Digest, Content], *, boundary: str
) -> bytes:
    """Return entries and bytes as one body; nothing in it holds the boundary by chance."""
    parts = [*_parts(entries, contents)]
    mark = f"--{boundary}".encode()
    lines = [piece for head, data in parts for piece in (mark, *head, b"", data)]
    return _LINE.join([*lines, mark + b"--", b""])


def taken_body(taken: Sequence[Taken]) -> bytes:
    """Return what became of entries as JSON."""
    return _answers().dump_json(_Answer(taken=tuple(map(_line, taken))))


def parse_taken(body: bytes) -> list[Taken]:
    """Return what became of entries. Raises `ValueError` for anything else."""
    return [
        Taken(
            external_id=each.external_id,
            table=each.table,
            id=each.id,
            record_digest=Digest(each.record_digest),
            goes_on=each.goes_on,
            samples={(question, analyst): count for question, analyst, count in each.samples},
            signal=each.signal,
        )
        for each in _answers().validate_json(body).taken
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    external_id: str
    table: str
    id: int
    record_digest: str
    goes_on: bool
    samples: tuple[tuple[str, str, int], ...]
    signal: KnownSignal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    taken: tuple[_Line, ...]


@cache
def _answers() -> TypeAdapter[_Answer]:
    return TypeAdapter(_Answer)


def _line(taken: Taken) -> _Line:
    return _Line(
        external_id=taken.external_id,
        table=taken.table,
        id=taken.id,
        record_digest=taken.record_digest,
        goes_on=taken.goes_on,
        samples=tuple((*key, count) for key, count in taken.samples.items()),
        signal=taken.signal,
    )


def _parts(
    entries: Sequence[Entry], contents: Mapping[Digest, Content]
) -> Iterator[tuple[list[bytes], bytes]]:
    yield _head(ENTRIES, "entries.ndjson", NDJSON), b"".join(map(line_of, entries))
    for digest, content in contents.items():
        yield _head(OBJECT, digest, content.media_type), content.data


def _head(name: str, file_name: str, media_type: str) -> list[bytes]:
    stated = f'Content-Disposition: form-data; name="{name}"; filename="{file_name}"'
    return [stated.encode(), f"Content-Type: {media_type}".encode()]
