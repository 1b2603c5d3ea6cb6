"""Keys over HTTP: made, ended, put in the place of others; what they are is a list."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from tapetrail.api.answers import json_answer
from tapetrail.api.gate import caller
from tapetrail.api.lists import read_no_query, row_number
from tapetrail.api.schemas import answer, number_parameter, problems, row_schema
from tapetrail.core.access_keys import Scope
from tapetrail.listing import KEYS
from tapetrail.usecases.keyring import LABEL_MAX, NewKey
from tapetrail.usecases.record import Record
from tapetrail.wire import view_document


class KeyWanted(BaseModel):
    """A key as it is asked for."""

    model_config = ConfigDict(extra="forbid")

    label: Annotated[str, StringConstraints(min_length=1, max_length=LABEL_MAX)]
    scopes: Annotated[list[Scope], Field(min_length=1)] = [Scope.READ]
    expires_at: AwareDatetime | None = None


def key_routes(record: Record) -> APIRouter:
    """Return the routes by which keys are made and ended."""
    router = APIRouter(prefix="/api/keys", tags=[KEYS.name])
    made = answer("The key; its `text` is told this once.", row_schema(NewKey))

    @router.post(
        "",
        operation_id="create_key",
        summary="Make a key",
        status_code=201,
        openapi_extra={"responses": {"201": made, **problems("invalid-parameters")}},
    )
    def create(request: Request, wanted: KeyWanted) -> Response:
        read_no_query(request)
        found = record.keys.create(
            wanted.label,
            scopes=wanted.scopes,
            expires_at=wanted.expires_at,
            actor=caller(request).name,
        )
        return _made(found)

    @router.delete(
        "/{number}",
        operation_id="end_key",
        summary="End a key: it lets nobody in from now on",
        status_code=204,
        openapi_extra=_of_one({"204": {"description": "It has ended."}}),
    )
    def end(request: Request, number: str) -> Response:
        read_no_query(request)
        record.keys.end(row_number(number), reason="revoked", actor=caller(request).name)
        return Response(status_code=204)

    @router.post(
        "/{number}/rotate",
        operation_id="rotate_key",
        summary="Put a new key in the place of one, which ends",
        status_code=201,
        openapi_extra=_of_one({"201": made}),
    )
    def rotate(request: Request, number: str) -> Response:
        read_no_query(request)
        return _made(record.keys.rotate(row_number(number), actor=caller(request).name))

    return router


def _made(found: NewKey) -> Response:
    return json_answer(view_document(found), status=201, Location=f"/api/keys/{found.id}")


def _of_one(responses: dict[str, object]) -> dict[str, object]:
    return {
        "parameters": [number_parameter("The id of the key.")],
        "responses": {**responses, **problems("not-found", "invalid-parameters")},
    }
