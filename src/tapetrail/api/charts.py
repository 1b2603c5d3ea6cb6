"""The bytes of charts over HTTP: the image that was shown, the interactive page, the print."""

from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from tapetrail.api.answers import json_answer
from tapetrail.api.gate import caller
from tapetrail.api.lists import read_no_query, row_number
from tapetrail.api.problems import Refused
from tapetrail.api.schemas import answer, number_parameter, problems
from tapetrail.api.stored_bytes import Stored, audited
from tapetrail.core.canonical import parse_digest
from tapetrail.listing import CHARTS
from tapetrail.usecases.record import Record

SANDBOX: Final = {
    # A page is of whoever drew it: it reaches no cookie, no storage, no parent and no network.
    "Content-Security-Policy": "sandbox allow-scripts; default-src 'none'; script-src"
    " 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'",
}
DRAWING: Final = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src"
    " data:; frame-ancestors 'self'",
}
"""Of an image, which may be an SVG with a script in it."""


def chart_routes(record: Record) -> APIRouter:
    """Return the routes to the bytes of charts."""
    router = APIRouter(prefix="/api/charts", tags=[CHARTS.name])

    @router.get(
        "/{number}/image",
        operation_id="show_chart_image",
        summary="The image that the analyst was shown",
        openapi_extra=_operation("image/jpeg"),
    )
    def image(request: Request, number: str) -> Response:
        read_no_query(request)
        found = _chart(record, number)
        media_type = str(found["image_media_type"] or "image/jpeg")
        stored = Stored(
            digest=parse_digest(str(found["jpeg_digest"])),
            read=lambda: record.charts.image(row_number(number)),
            media_type=media_type,
            file_name=f"chart-{row_number(number)}.{_ending(media_type)}",
            headers=DRAWING,
        )
        return audited(request, record, stored, target=f"image of chart {row_number(number)}")

    @router.get(
        "/{number}/html",
        operation_id="show_chart_page",
        summary="The interactive page, in a sandbox",
        openapi_extra=_operation("text/html"),
    )
    def page(request: Request, number: str) -> Response:
        read_no_query(request)
        found = _chart(record, number)
        if found["html_digest"] is None:
            raise Refused("not-found", "the chart was recorded without a page")
        stored = Stored(
            digest=parse_digest(str(found["html_digest"])),
            read=lambda: record.charts.page(row_number(number)),
            media_type="text/html; charset=utf-8",
            file_name=f"chart-{row_number(number)}.html",
            headers=SANDBOX,
        )
        return audited(request, record, stored, target=f"page of chart {row_number(number)}")

    return router


class ArchiveWanted(BaseModel):
    """Which charts are to be set aside."""

    model_config = ConfigDict(extra="forbid")

    older_than_days: Annotated[int, Field(ge=1, le=36_500)] = 90
    dry_run: bool = False


def archive_routes(record: Record) -> APIRouter:
    """Return the route by which old charts are set aside. None is deleted."""
    router = APIRouter(prefix="/api/charts", tags=[CHARTS.name])

    @router.post(
        "/archive",
        operation_id="archive_charts",
        summary="Set old charts aside; nothing is deleted",
        openapi_extra={
            "responses": {
                "200": answer(
                    "How many there were.",
                    {
                        "type": "object",
                        "properties": {"archived": {"type": "integer"}},
                        "required": ["archived"],
                    },
                ),
                **problems("invalid-parameters"),
            }
        },
    )
    def archive(request: Request, wanted: ArchiveWanted) -> Response:
        read_no_query(request)
        days = wanted.older_than_days
        if wanted.dry_run:
            return json_answer({"archived": record.charts.old(older_than_days=days).charts})
        who = caller(request).name
        done = sum(record.charts.archive(older_than_days=days, actor=who))
        return json_answer({"archived": done})

    return router


def _chart(record: Record, number: str) -> "dict[str, object]":
    return dict(record.records.columns(CHARTS, row_number(number)))


def _ending(media_type: str) -> str:
    return {"image/jpeg": "jpg", "image/svg+xml": "svg"}.get(
        media_type, media_type.partition("/")[2]
    )


def _operation(media_type: str) -> dict[str, object]:
    binary = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {
        "parameters": [number_parameter("The id of the chart.")],
        "responses": {
            "200": {"description": "The bytes, as they were recorded.", "content": binary},
            "206": {"description": "The part of them that `Range` names.", "content": binary},
            "304": {"description": "They are what the client has, by `If-None-Match`."},
            **problems(
                "not-found", "integrity-failed", "range-not-satisfiable", "invalid-parameters"
            ),
        },
    }
