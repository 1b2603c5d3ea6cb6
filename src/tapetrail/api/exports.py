"""Whole lists as files: CSV or JSON Lines, streamed page by page, and on record who took them."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from tapetrail.api.gate import caller
from tapetrail.api.lists import Words, read_filters
from tapetrail.api.schemas import Schema, filter_parameters, problems
from tapetrail.listing import LISTS, ListSpec, Selection
from tapetrail.listing.spec import Numbered
from tapetrail.safe_text import csv_line
from tapetrail.usecases.record import Record
from tapetrail.wire import view_document

CSV: Final = "text/csv; charset=utf-8"
JSONL: Final = "application/jsonl"
ENDINGS: Final = {"csv": CSV, "jsonl": JSONL}


def export_routes(record: Record) -> APIRouter:
    """Return the routes to whole lists as files."""
    router = APIRouter()
    for listed in LISTS:
        for ending, media_type in ENDINGS.items():
            _add_export(router, record, listed, ending=ending, media_type=media_type)
    return router


def _add_export(
    router: APIRouter,
    record: Record,
    listed: ListSpec[Numbered],
    *,
    ending: str,
    media_type: str,
) -> None:
    def export(request: Request) -> Response:
        filters = read_filters(Words(request), listed)
        selection = listed.select(**filters)
        # It is on record before the first row is sent.
        narrowed = json.dumps(selection.named(), sort_keys=True) if filters else ""
        target = f"{listed.name}.{ending} {narrowed}".strip()
        record.audit.note(caller(request).name, "export", target)
        lines = _csv_lines(record, selection) if ending == "csv" else _json_lines(record, selection)
        name = f'attachment; filename="{listed.resource or listed.name}.{ending}"'
        headers = {"Content-Disposition": name}
        return StreamingResponse(_encoded(lines), headers=headers, media_type=media_type)

    router.add_api_route(
        f"{listed.path}.{ending}",
        export,
        operation_id=f"export_{(listed.resource or listed.name).replace('-', '_')}_{ending}",
        summary=f"All {listed.name} as {ending.upper()}, newest first",
        tags=[listed.name],
        openapi_extra=_operation(listed, media_type),
    )


def _csv_lines(record: Record, selection: Selection[Numbered]) -> Iterator[str]:
    names = selection.listed.column_names
    yield ",".join(names)
    for row in record.records.rows(selection):
        yield csv_line([getattr(row, name) for name in names])


def _json_lines(record: Record, selection: Selection[Numbered]) -> Iterator[str]:
    for row in record.records.rows(selection):
        yield json.dumps(view_document(row), ensure_ascii=False, separators=(",", ":"))


def _encoded(lines: Iterator[str], *, at_once: int = 200) -> Iterator[bytes]:
    """Yield lines as bytes, many at a time: each piece is a message of its own."""
    piece: list[str] = []
    for line in lines:
        piece.append(line)
        if len(piece) >= at_once:
            yield _joined(piece)
            piece = []
    if piece:
        yield _joined(piece)


def _joined(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _operation(listed: ListSpec[Numbered], media_type: str) -> Schema:
    text = {media_type: {"schema": {"type": "string"}}}
    return {
        "parameters": filter_parameters(listed),
        "responses": {
            "200": {"description": "A line a row.", "content": text},
            **problems("invalid-parameters"),
        },
    }
