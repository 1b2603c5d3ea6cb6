"""Errors as clients are told them: problem details (RFC 9457) that repeat nothing that was sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from tapetrail.api.answers import json_bytes
from tapetrail.core.errors import (
    EdgeFailure,
    IntegrityFailure,
    InvalidInput,
    NotFound,
    TapeTrailError,
)

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of problem: the last part of its address, its status and what it means."""

    name: str
    status: int
    title: str


def _kinds(*kinds: tuple[str, int, str]) -> Mapping[str, Kind]:
    return {name: Kind(name=name, status=status, title=title) for name, status, title in kinds}


KINDS: Final = _kinds(
    ("unauthenticated", 401, "A key, or the token of this server, is needed"),
    ("missing-scope", 403, "The key does not allow this"),
    ("foreign-host", 403, "The request names another host"),
    ("foreign-page", 403, "The request comes from a page of another site"),
    ("not-found", 404, "There is no such thing"),
    ("method-not-allowed", 405, "The record is not changed this way"),
    ("not-acceptable", 406, "It does not exist in that form"),
    ("integrity-failed", 409, "What is stored is not what was recorded"),
    ("hash-mismatch", 409, "Bytes are not those that their digest names"),
    ("decision-ended", 409, "What is told is of a decision or a run that has ended"),
    ("decision-abandoned", 409, "What is told is of a decision that was given up meanwhile"),
    ("request-timeout", 408, "The request took too long to come"),
    ("body-too-large", 413, "The body is larger than this server takes"),
    ("unsupported-media-type", 415, "The body is of a type that is not taken here"),
    ("range-not-satisfiable", 416, "The range begins behind the end"),
    ("invalid-parameters", 422, "Something in the request breaks a rule"),
    ("invalid-cursor", 400, "The cursor does not continue this list"),
    ("bad-request", 400, "The request cannot be read"),
    ("defect", 500, "A defect of TapeTrail"),
    ("store-unavailable", 503, "The record cannot be reached"),
)
"""Every kind of problem; a release may add to them."""
_OF_STATUS: Final = {400: "bad-request", 401: "unauthenticated", 403: "missing-scope",
                     404: "not-found", 405: "method-not-allowed", 406: "not-acceptable",
                     408: "request-timeout", 413: "body-too-large", 415: "unsupported-media-type",
                     422: "invalid-parameters"}  # fmt: skip
_OF_ERROR: Final[Mapping[type[TapeTrailError], str]] = {
    InvalidInput: "invalid-parameters",
    NotFound: "not-found",
    EdgeFailure: "store-unavailable",
    IntegrityFailure: "integrity-failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """What breaks a rule: where in the request (a JSON pointer), and the rule, not the value."""

    pointer: str
    message: str


class Refused(Exception):
    """A request that is answered by a problem."""

    def __init__(
        self,
        name: str,
        detail: str,
        *,
        errors: Sequence[Broken] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = KINDS[name]
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}


def refused_by(error: TapeTrailError) -> Refused:
    """Return how an error of a use case is answered: by its rule, where that is told apart."""
    name = next(name for kind, name in _OF_ERROR.items() if isinstance(error, kind))
    headers = {"Retry-After": "5"} if isinstance(error, EdgeFailure) else None
    return Refused(name, error.rule or error.message, headers=headers)


def refused_with(status: int, detail: str, headers: Mapping[str, str] | None) -> Refused:
    """Return how a status that the framework gives is answered."""
    name = _OF_STATUS.get(status, "bad-request" if status < 500 else "defect")  # noqa: PLR2004 # the first of the server's own
    return Refused(name, detail, headers=headers)


def problem_response(refused: Refused, *, base_url: str, path: str, request_id: str) -> Response:
    """Return the response that tells a problem."""
    kind = refused.kind
    document: dict[str, object] = {
        "type": f"{base_url}/api/problems/{kind.name}",
        "title": kind.title,
        "status": kind.status,
        "detail": refused.detail,
        "instance": path,
        "request_id": request_id,
    }
    if refused.errors:
        document["errors"] = [
            {"pointer": each.pointer, "message": each.message} for each in refused.errors
        ]
    return Response(
        json_bytes(document), kind.status, headers=dict(refused.headers), media_type=MEDIA_TYPE
    )


def answered(request: Request, refused: Refused) -> Response:
    """Return the response that tells a problem of a request."""
    return problem_response(
        refused,
        base_url=str(request.base_url).rstrip("/"),
        path=request.url.path,
        request_id=request.state.request_id,
    )
