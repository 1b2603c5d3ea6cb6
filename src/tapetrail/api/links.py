"""Short-lived signed links: for what cannot send a key, such as an image in a page.

A link names its path, its end and the key that made it, and is signed with what is kept of that
key: it ends with the key. It lets anybody in who holds it, to read that path and nothing else.
"""

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from tapetrail.api.answers import json_answer
from tapetrail.api.gate import caller
from tapetrail.api.lists import read_no_query
from tapetrail.api.problems import Broken, Refused
from tapetrail.api.schemas import answer, problems
from tapetrail.usecases.keyring import Keyring

EXPIRES_S_MAX: Final = 3600
EXPIRES_S: Final = 300
_MADE: Final = {
    "type": "object",
    "properties": {
        "url": {"type": "string", "format": "uri"},
        "expires_at": {"type": "string", "format": "date-time"},
    },
    "required": ["url", "expires_at"],
}


class LinkWanted(BaseModel):
    """A link as it is asked for."""

    model_config = ConfigDict(extra="forbid")

    path: Annotated[str, Field(pattern=r"^/api/[A-Za-z0-9/_.-]{1,200}$")]
    expires_s: Annotated[int, Field(ge=1, le=EXPIRES_S_MAX)] = EXPIRES_S


def link_routes(keyring: Keyring) -> APIRouter:
    """Return the route by which links are made."""
    router = APIRouter(tags=["links"])

    @router.post(
        "/api/links",
        operation_id="create_link",
        summary="Make a link that reads one path without a key, for a while",
        status_code=201,
        openapi_extra={
            "responses": {"201": answer("The link.", _MADE), **problems("invalid-parameters")}
        },
    )
    def create(request: Request, wanted: LinkWanted) -> Response:
        read_no_query(request)
        if ".." in wanted.path or "//" in wanted.path:
            broken = Broken(pointer="#/path", message="expected a path of this interface")
            raise Refused("invalid-parameters", "the path breaks a rule", errors=[broken])
        link = keyring.link(
            caller(request),
            wanted.path,
            expires_s=wanted.expires_s,
            origin=request.headers.get("origin", ""),
        )
        url = f"{str(request.base_url).rstrip('/')}{wanted.path}?{urlencode(link.words)}"
        return json_answer({"url": url, "expires_at": link.expires_at}, status=201)

    return router
