"""Stored bytes by their digest, and the exact bars behind a chart."""

import re
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tapetrail.api.lists import Words, read_no_query, row_number
from tapetrail.api.problems import Broken, Refused
from tapetrail.api.schemas import Schema, number_parameter, problems
from tapetrail.api.stored_bytes import Stored, audited
from tapetrail.core.canonical import digest_bytes, parse_digest
from tapetrail.listing import SNAPSHOTS
from tapetrail.usecases.record import Record

BYTES: Final = "application/octet-stream"
CSV: Final = "text/csv; charset=utf-8"
PLAIN: Final = "text/plain; charset=utf-8"
FORMS: Final = ("csv", "recorded")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_DIGEST_PARAMETER: Final = {
    "name": "digest",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": f"^{_DIGEST.pattern}$"},
    "description": "As a column `*_digest` names it.",
}
_FORM: Final = {
    "name": "format",
    "in": "query",
    "schema": {"type": "string", "enum": [*FORMS]},
    "description": "`csv` if not; `recorded` is the text that the digest names, as it is.",
}


def blob_routes(record: Record) -> APIRouter:
    """Return the routes to stored bytes that have no row of their own here."""
    router = APIRouter()

    @router.get(
        "/api/blobs/{digest}",
        operation_id="show_blob",
        summary="The stored bytes of a digest that a row names",
        tags=["blobs"],
        openapi_extra=_operation(BYTES, _DIGEST_PARAMETER),
    )
    def blob(request: Request, digest: str) -> Response:
        read_no_query(request)
        if not _DIGEST.fullmatch(digest):
            broken = Broken(pointer="#/path/digest", message="expected sha256: and 64 hex digits")
            raise Refused("invalid-parameters", "the digest breaks a rule", errors=[broken])
        stored = Stored(
            digest=parse_digest(digest),
            read=lambda: record.blob(digest),
            media_type=BYTES,
            file_name=digest.replace(":", "-"),
            is_attachment=True,
        )
        return audited(request, record, stored, target=f"blob {digest}")

    @router.get(
        f"{SNAPSHOTS.path}/{{number}}/bars",
        operation_id="show_snapshot_bars",
        summary="The exact bars behind a chart",
        tags=[SNAPSHOTS.name],
        openapi_extra=_operation(CSV, number_parameter("The id of the snapshot."), _FORM),
    )
    def bars(request: Request, number: str) -> Response:
        words = Words(request)
        form = words.only("format") or "csv"
        if form not in FORMS:
            words.refuse("format", f"expected one of {', '.join(FORMS)}")
        words.finish(["format"])
        found = row_number(number)
        digest = str(record.records.columns(SNAPSHOTS, found)["bars_digest"])
        content = record.blob(digest)
        shown = content if form == "recorded" else content.partition(b"\n")[2]
        stored = Stored(
            digest=digest_bytes(shown),
            read=lambda: shown,
            media_type=CSV if form == "csv" else PLAIN,
            file_name=f"bars-{found}.{'csv' if form == 'csv' else 'txt'}",
            is_attachment=True,
        )
        return audited(request, record, stored, target=f"bars of snapshot {found}")

    return router


def _operation(media_type: str, *parameters: Schema) -> Schema:
    binary = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    kinds = ("not-found", "integrity-failed", "range-not-satisfiable", "invalid-parameters")
    return {
        "parameters": [*parameters],
        "responses": {
            "200": {"description": "The bytes.", "content": binary},
            "206": {"description": "The part of them that `Range` names.", "content": binary},
            "304": {"description": "They are what the client has, by `If-None-Match`."},
            **problems(*kinds),
        },
    }
