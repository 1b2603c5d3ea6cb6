"""The server's application: every route, behind one gate."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from tapetrail import __version__
from tapetrail.api.analyses import analysis_routes
from tapetrail.api.answers import json_answer
from tapetrail.api.blobs import blob_routes
from tapetrail.api.browser import docs_routes, login_routes
from tapetrail.api.charts import archive_routes, chart_routes
from tapetrail.api.exports import export_routes
from tapetrail.api.gate import Door, Gate, needs
from tapetrail.api.health import health_routes
from tapetrail.api.keys import key_routes
from tapetrail.api.links import link_routes
from tapetrail.api.lists import list_routes, read_no_query
from tapetrail.api.problems import KINDS, Broken, Refused, answered, refused_by, refused_with
from tapetrail.api.recordings import Desks, recording_routes
from tapetrail.api.schemas import component_schemas
from tapetrail.api.stats import stats_routes
from tapetrail.core.access_keys import Scope
from tapetrail.core.errors import TapeTrailError
from tapetrail.listing import ADMIN_LISTS, LISTS
from tapetrail.usecases.keyring import Keyring
from tapetrail.usecases.record import Record

_PART: Final = re.compile(r"\\{[a-z_]+\\}")
"""A part of a path that stands for any, as its escaped template has it."""
DESCRIPTION: Final = (
    "The record of a flight recorder for LLM-driven trading: what was seen, asked, answered and"
    " decided. Rows are inserted and never changed."
)


def create_app(record: Record, *, keyring: Keyring, door: Door) -> ASGIApp:
    """Return the application that serves a record to those whom the door lets in."""
    app = FastAPI(
        title="TapeTrail",
        version=__version__,
        description=DESCRIPTION,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.include_router(health_routes(record))
    app.include_router(login_routes(keyring, is_secure=False))
    reads, writes, exports, admins = (
        [Depends(needs(scope))] for scope in (Scope.READ, Scope.WRITE, Scope.EXPORT, Scope.ADMIN)
    )
    app.include_router(recording_routes(Desks(record.recordings)), dependencies=writes)
    app.include_router(archive_routes(record), dependencies=admins)
    app.include_router(blob_routes(record), dependencies=reads)
    app.include_router(stats_routes(record), dependencies=reads)
    app.include_router(link_routes(keyring), dependencies=reads)
    app.include_router(export_routes(record), dependencies=exports)
    app.include_router(list_routes(record, LISTS), dependencies=reads)
    app.include_router(chart_routes(record), dependencies=reads)
    app.include_router(analysis_routes(record), dependencies=reads)
    app.include_router(key_routes(record), dependencies=admins)
    app.include_router(list_routes(record, ADMIN_LISTS), dependencies=admins)
    app.include_router(docs_routes(), dependencies=reads)
    app.add_api_route(
        "/api/problems/{name}", _show_problem, dependencies=reads, include_in_schema=False
    )
    app.add_exception_handler(TapeTrailError, _answer_error)
    app.add_exception_handler(Refused, _answer_refused)
    app.add_exception_handler(HTTPException, _answer_status)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(Exception, _answer_defect)
    app.openapi_schema = _openapi(app)
    return CORSMiddleware(
        Gate(app, door=door),
        allow_origins=[*door.origins],
        allow_methods=["GET", "HEAD", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "If-None-Match", "Range"],
        expose_headers=["ETag", "Link", "Content-Digest", "Content-Range", "X-Request-Id"],
    )


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Return the description of the interface, with the schemas that operations name."""
    found = app.openapi()
    components = found.setdefault("components", {})
    components["schemas"] = {**components.get("schemas", {}), **component_schemas()}
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    found["security"] = [{"key": []}]
    return found


def _show_problem(request: Request, name: str) -> Response:
    """Return what the `type` of a problem leads to."""
    read_no_query(request)
    kind = KINDS.get(name)
    if kind is None:
        raise Refused("not-found", "no such kind of problem")
    return json_answer({"name": kind.name, "status": kind.status, "title": kind.title})


def _answer_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, TapeTrailError):
        raise error
    return answered(request, refused_by(error))


def _answer_refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise error
    return answered(request, error)


def _answer_status(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    detail, headers = str(error.detail), error.headers
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = "no such path"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        # The framework names the methods of the first route that has the path alone.
        headers = {"Allow": _allowed(request.app.openapi()["paths"], request.url.path)}
    return answered(request, refused_with(error.status_code, detail, headers))


def _allowed(paths: Mapping[str, Mapping[str, object]], path: str) -> str:
    """Return the methods that a path has, by the description."""
    found = {
        method.upper()
        for template, operations in paths.items()
        if re.fullmatch(_PART.sub("[^/]+", re.escape(template)), path)
        for method in operations
    }
    return ", ".join(sorted(found | ({"HEAD"} if "GET" in found else set[str]())))


def _answer_invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    broken = [
        Broken(pointer="#/" + "/".join(map(str, each["loc"])), message=each["msg"])
        for each in error.errors()
    ]
    detail = f"{len(broken)} parts of the request break a rule"
    return answered(request, Refused("invalid-parameters", detail, errors=broken))


def _answer_defect(request: Request, _error: Exception) -> Response:
    return answered(request, Refused("defect", "please report it, with the request's id"))
