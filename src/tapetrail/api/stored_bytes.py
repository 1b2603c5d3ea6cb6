"""Stored bytes as answers: whole, in part (RFC 9110, 14), or only that they are the same."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from tapetrail.api.answers import FOREVER, content_digest, is_known, tag_of
from tapetrail.api.gate import caller
from tapetrail.api.problems import Refused
from tapetrail.core.canonical import Digest
from tapetrail.usecases.record import Record

_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Bytes that a digest names: how they are read, what they are, and what a file is called."""

    digest: Digest
    read: Callable[[], bytes]
    media_type: str
    file_name: str
    is_attachment: bool = False
    headers: dict[str, str] = field(default_factory=dict[str, str])


def audited(request: Request, record: Record, stored: Stored, *, target: str) -> Response:
    """Return evidence as `bytes_answer` does; who reads it is on record before it is sent."""

    def read() -> bytes:
        data = stored.read()
        record.audit.note(caller(request).name, "read", target)
        return data

    return bytes_answer(request, replace(stored, read=read))


def bytes_answer(request: Request, stored: Stored) -> Response:
    """Return stored bytes, or the part of them that is asked for.

    Raises `Refused` for a part that begins behind the end; several parts at once are answered by
    the whole, as a server may.
    """
    tag = tag_of(stored.digest)
    disposition = "attachment" if stored.is_attachment else "inline"
    headers = {
        "ETag": tag,
        "Cache-Control": FOREVER,
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'{disposition}; filename="{stored.file_name}"',
        **stored.headers,
    }
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    data = stored.read()
    headers["Content-Digest"] = content_digest(stored.digest)
    part = _part(request, tag, len(data))
    if part is None:
        return Response(data, headers=headers, media_type=stored.media_type)
    # The digest is of the whole: of a part nothing is said.
    del headers["Content-Digest"]
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{len(data)}"
    body = data[part.start : part.stop]
    return Response(body, 206, headers=headers, media_type=stored.media_type)


def _part(request: Request, tag: str, size: int) -> range | None:
    """Return which bytes are asked for, None for all of them."""
    stated = _RANGE.fullmatch(request.headers.get("range", ""))
    if stated is None or request.headers.get("if-range", tag) != tag:
        return None
    first, last = stated.groups()
    if not first and not last:
        return None
    start = int(first) if first else max(size - int(last), 0)
    stop = min(int(last) + 1, size) if first and last else size
    if first and last and int(last) < int(first):
        return None
    if start >= size:
        raise Refused(
            "range-not-satisfiable",
            f"there are {size} bytes",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return range(start, stop)
