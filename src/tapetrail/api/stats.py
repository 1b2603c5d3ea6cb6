"""Statistics over HTTP: what models were asked, what it cost, how they did; what was decided."""

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tapetrail.api.answers import json_answer
from tapetrail.api.lists import Words, read_filters
from tapetrail.api.schemas import Schema, answer, filter_parameters, problems, row_schema
from tapetrail.listing import ANALYSES
from tapetrail.usecases.record import Record
from tapetrail.wire import GroundingStats, PeriodStats, UsageStats, view_document

GROUPS: Final = ("day", "model", "analyst", "strategy", "symbol")


def stats_routes(record: Record) -> APIRouter:
    """Return the routes to statistics."""
    router = APIRouter(tags=["stats"])

    @router.get(
        f"{ANALYSES.path}/stats/summary",
        operation_id="summarise_llm_analyses",
        summary="What models were asked, what came of it and what it cost",
        openapi_extra=_grouped(UsageStats, default="model"),
    )
    def usage(request: Request) -> Response:
        by, filters = _read(request, default="model")
        return _data(record.stats.spend(by, **filters))

    @router.get(
        "/api/spend",
        operation_id="show_spend",
        summary="The same by day, the newest first",
        openapi_extra=_grouped(UsageStats, default="day"),
    )
    def spend(request: Request) -> Response:
        by, filters = _read(request, default="day")
        return _data(record.stats.spend(by, **filters))

    @router.get(
        "/api/stats/grounding",
        operation_id="show_grounding",
        summary="How true what models state is, held against their charts",
        openapi_extra=_grouped(GroundingStats, default="model"),
    )
    def grounding(request: Request) -> Response:
        by, filters = _read(request, default="model")
        return _data(record.stats.grounding(by, **filters))

    @router.get(
        "/api/stats/summary",
        operation_id="show_summary",
        summary="What was decided today, in 7 and in 30 days, and what models cost",
        openapi_extra={"responses": {"200": _rows(PeriodStats), **problems("invalid-parameters")}},
    )
    def summary(request: Request) -> Response:
        Words(request).finish(["none"])
        return _data(record.stats.summary())

    return router


def _read(request: Request, *, default: str) -> tuple[str, dict[str, list[str]]]:
    words = Words(request)
    by = words.only("group_by") or default
    if by not in GROUPS:
        words.refuse("group_by", f"expected one of {', '.join(GROUPS)}")
    return by, read_filters(words, ANALYSES, also=["group_by"])


def _data(rows: "list[UsageStats] | list[GroundingStats] | list[PeriodStats]") -> Response:
    return json_answer({"data": [view_document(row) for row in rows]})


def _grouped(row: type, *, default: str) -> Schema:
    group = {
        "name": "group_by",
        "in": "query",
        "schema": {"type": "string", "enum": [*GROUPS]},
        "description": f"What one row is about; {default} if not.",
    }
    return {
        "parameters": [group, *filter_parameters(ANALYSES)],
        "responses": {"200": _rows(row), **problems("invalid-parameters")},
    }


def _rows(row: type) -> Schema:
    data = {"type": "array", "items": row_schema(row)}
    return answer(
        "A row a key.", {"type": "object", "properties": {"data": data}, "required": ["data"]}
    )
