"""Analyses over HTTP, to the byte: what was asked, what came back, each call on the way."""

from collections.abc import Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tapetrail.api.answers import json_answer
from tapetrail.api.lists import Words, read_no_query, row_number
from tapetrail.api.problems import Refused
from tapetrail.api.schemas import Schema, answer, number_parameter, problems, row_schema
from tapetrail.api.stored_bytes import Stored, audited
from tapetrail.core.canonical import digest_text, parse_digest
from tapetrail.listing import ANALYSES
from tapetrail.usecases.record import Record
from tapetrail.wire import AttemptView, view_document

PLAIN = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"


def analysis_routes(record: Record) -> APIRouter:
    """Return the routes to what an analysis was asked and answered."""
    router = APIRouter(prefix=ANALYSES.path, tags=[ANALYSES.name])

    @router.get(
        "/{number}/attempts",
        operation_id="list_llm_analysis_attempts",
        summary="Every call that was made for an answer",
        openapi_extra=_attempts_operation(),
    )
    def attempts(request: Request, number: str) -> Response:
        read_no_query(request)
        found = record.analyses.attempts(row_number(number))
        return json_answer({"data": [view_document(each) for each in found]})

    for name, read in (("prompt", record.analyses.prompt), ("response", record.analyses.response)):
        router.add_api_route(
            f"/{{number}}/{name}",
            _text_route(record, name, read=read),
            operation_id=f"show_llm_analysis_{name}",
            summary=f"The {name} of an analysis, as text",
            openapi_extra=_bytes_operation(PLAIN),
        )
    for name, column in (("request", "request_digest"), ("reply", "response_digest")):
        router.add_api_route(
            f"/{{number}}/{name}",
            _wire_route(record, name, column=column),
            operation_id=f"show_llm_analysis_{name}",
            summary=f"The exact bytes of the {name} of one call",
            openapi_extra=_bytes_operation(BYTES, attempt=True),
        )
    return router


def _text_route(
    record: Record, name: str, *, read: Callable[[int], str]
) -> Callable[[Request, str], Response]:
    def show(request: Request, number: str) -> Response:
        read_no_query(request)
        found = read(row_number(number))
        stored = Stored(
            digest=digest_text(found),
            read=found.encode,
            media_type=PLAIN,
            file_name=f"analysis-{row_number(number)}-{name}.txt",
            is_attachment=True,
        )
        target = f"{name} of analysis {row_number(number)}"
        return audited(request, record, stored, target=target)

    return show


def _wire_route(record: Record, name: str, *, column: str) -> Callable[[Request, str], Response]:
    def show(request: Request, number: str) -> Response:
        attempt_no = _attempt_no(request)
        (found,) = record.analyses.made(row_number(number), attempt_no=attempt_no)
        digest = getattr(found, column)
        if digest is None:
            raise Refused("not-found", f"the {name} of attempt {attempt_no} is not kept")
        stored = Stored(
            digest=parse_digest(str(digest)),
            read=lambda: record.blob(str(digest)),
            media_type=BYTES,
            file_name=f"analysis-{row_number(number)}-{attempt_no}-{name}",
            is_attachment=True,
        )
        target = f"{name} of analysis {row_number(number)}"
        return audited(request, record, stored, target=target)

    return show


def _attempt_no(request: Request) -> int:
    words = Words(request)
    stated = words.only("attempt_no") or "1"
    is_number = stated.isascii() and stated.isdecimal() and len(stated) <= len("9999")
    if not is_number or int(stated) < 1:
        words.refuse("attempt_no", "expected the number of an attempt, from 1")
    words.finish(["attempt_no"])
    return int(stated)


def _attempts_operation() -> Schema:
    data = {"type": "array", "items": row_schema(AttemptView)}
    page = {"type": "object", "properties": {"data": data}, "required": ["data"]}
    return {
        "parameters": [number_parameter("The id of the analysis.")],
        "responses": {
            "200": answer("The calls, in their order.", page),
            **problems("not-found", "invalid-parameters"),
        },
    }


def _bytes_operation(media_type: str, *, attempt: bool = False) -> Schema:
    binary = {media_type: {"schema": {"type": "string"}}}
    which = {
        "name": "attempt_no",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": 9999},
        "description": "Which call; the first if not.",
    }
    return {
        "parameters": [
            number_parameter("The id of the analysis."), *([which] if attempt else []),
        ],
        "responses": {
            "200": {"description": "The bytes.", "content": binary},
            "206": {"description": "The part of them that `Range` names.", "content": binary},
            "304": {"description": "They are what the client has, by `If-None-Match`."},
            **problems(
                "not-found", "integrity-failed", "range-not-satisfiable", "invalid-parameters"
            ),
        },
    }  # fmt: skip
