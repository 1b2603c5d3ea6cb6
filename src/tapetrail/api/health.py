"""Whether the server lives, and whether it can do its work."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tapetrail.api.answers import json_answer
from tapetrail.api.lists import read_no_query
from tapetrail.api.schemas import answer, problems
from tapetrail.usecases.record import Record

_SAID = {"type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"]}


def health_routes(record: Record) -> APIRouter:
    """Return the routes that anybody may ask."""
    router = APIRouter(prefix="/api/health", tags=["health"])

    @router.get(
        "/live",
        operation_id="show_liveness",
        summary="The server answers",
        openapi_extra={"responses": {"200": answer("It does.", _SAID), **problems()}},
    )
    def live(request: Request) -> Response:
        read_no_query(request)
        return json_answer({"status": "ok"})

    @router.get(
        "/ready",
        operation_id="show_readiness",
        summary="Database and store of bytes answer",
        openapi_extra={"responses": {"200": answer("They do.", _SAID), **problems()}},
    )
    def ready(request: Request) -> Response:
        read_no_query(request)
        record.records.check()
        return json_answer({"status": "ok"})

    return router
