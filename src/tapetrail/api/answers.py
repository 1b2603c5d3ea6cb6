"""Answers as bytes: JSON with a tag that names its content, and stored bytes, whole or in part."""

import base64
import json
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from tapetrail.core.canonical import Digest, digest_bytes

JSON: Final = "application/json"
FOREVER: Final = "private, max-age=31536000, immutable"
"""How long bytes may be kept that are named by their digest."""
REVALIDATED: Final = "private, no-cache"


def json_bytes(document: object) -> bytes:
    """Return a document as JSON in UTF-8."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def json_answer(document: object, *, status: int = 200, **headers: str) -> Response:
    """Return a document as the answer to a request; `headers` by their names with `_` for `-`."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(json_bytes(document), status, headers=named, media_type=JSON)


def tagged_answer(request: Request, document: object) -> Response:
    """Return a document under a tag that names its bytes, or nothing but that it is the same."""
    body = json_bytes(document)
    tag = tag_of(digest_bytes(body))
    headers = {"ETag": tag, "Cache-Control": REVALIDATED}
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=JSON)


def tag_of(digest: Digest) -> str:
    """Return the strong entity tag of bytes (RFC 9110, 8.8.3)."""
    return f'"{digest.removeprefix("sha256:")}"'


def is_known(request: Request, tag: str) -> bool:
    """Return whether the client says that it holds what this tag names."""
    stated = request.headers.get("if-none-match")
    if stated is None:
        return False
    known = {each.strip().removeprefix("W/") for each in stated.split(",")}
    return "*" in known or tag in known


def content_digest(digest: Digest) -> str:
    """Return a digest as a `Content-Digest` header has it (RFC 9530)."""
    raw = bytes.fromhex(digest.removeprefix("sha256:"))
    return f"sha-256=:{base64.b64encode(raw).decode()}:"
