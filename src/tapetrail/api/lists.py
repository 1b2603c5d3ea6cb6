"""Lists and details over HTTP, made from the declarations of `listing`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tapetrail.api.answers import json_answer, tagged_answer
from tapetrail.api.problems import Broken, Refused
from tapetrail.api.schemas import detail_operation, list_operation
from tapetrail.core.errors import InvalidInput
from tapetrail.listing import ListSpec, Selection
from tapetrail.listing.cursors import ForeignCursor
from tapetrail.listing.spec import Filter, Numbered
from tapetrail.listing.values import NUMBER
from tapetrail.usecases.record import Record
from tapetrail.wire import LIMIT_DEFAULT, LIMIT_MAX, Page, detail_document, page_document

OWN: Final = ("limit", "cursor", "count")
"""What every list takes beside its filters."""
FLAGS: Final = {"true": True, "false": False}
_PART: Final = re.compile(r"[a-z]{0,20}", re.ASCII)
_NAME: Final = re.compile(r"[a-z_]{1,40}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One page of a list, as a request asks for it."""

    selection: Selection[Numbered]
    limit: int = LIMIT_DEFAULT
    cursor: str | None = None
    wants_count: bool = False


@dataclass(slots=True)
class Words:
    """The parameters of a request, each of which is looked at once; what is wrong is collected."""

    request: Request
    given: dict[str, list[str]] = field(init=False)
    broken: list[Broken] = field(default_factory=list[Broken])

    def __post_init__(self) -> None:
        """Take the parameters of the request."""
        self.given = {}
        for name, value in self.request.query_params.multi_items():
            self.given.setdefault(name, []).append(value)

    def refuse(self, name: str, rule: str) -> None:
        """Say that a parameter breaks a rule."""
        self.broken.append(Broken(pointer=f"#/query/{name}", message=rule))

    def only(self, name: str) -> str | None:
        """Return the one value of a parameter, None where it is not given."""
        values = self.given.pop(name, [])
        if len(values) > 1:
            self.refuse(name, "given more than once")
        return values[-1] if values else None

    def flag(self, name: str) -> bool:
        """Return whether a parameter says so; it does not where it is not given."""
        found = FLAGS.get(self.only(name) or "false")
        if found is None:
            self.refuse(name, "expected true or false")
        return bool(found)

    def finish(self, known: Sequence[str]) -> None:
        """Raise `Refused` for what is wrong, and for a parameter that nobody reads."""
        for name in self.given:
            self.refuse(_shown(name), f"not a parameter here; there are {', '.join(known)}")
        if self.broken:
            raise Refused(
                "invalid-parameters",
                f"{len(self.broken)} of the parameters break a rule",
                errors=self.broken,
            )


def list_routes(record: Record, lists: Sequence[ListSpec[Numbered]]) -> APIRouter:
    """Return the lists, and the details of their rows."""
    router = APIRouter()
    for listed in lists:
        _add_list(router, record, listed)
        _add_newest(router, record, listed)
        _add_detail(router, record, listed)
    return router


def _add_list(router: APIRouter, record: Record, listed: ListSpec[Numbered]) -> None:
    path = listed.path

    def list_(request: Request) -> Response:
        asked = read_page(request, listed)
        page = _page(record, asked)
        document = dict(page_document(page))
        if asked.wants_count:
            document["count"] = record.records.count(asked.selection)
        if page.next_cursor is None:
            return json_answer(document)
        words = [*_without_cursor(request), ("cursor", page.next_cursor)]
        url = f"{str(request.base_url).rstrip('/')}{path}?{urlencode(words)}"
        return json_answer(document, Link=f'<{url}>; rel="next"')

    router.add_api_route(
        path,
        list_,
        operation_id=f"list_{_word(listed)}",
        summary=f"List {listed.name}, newest first",
        tags=[listed.name],
        openapi_extra=list_operation(listed),
    )


def _add_newest(router: APIRouter, record: Record, listed: ListSpec[Numbered]) -> None:
    """Lead `newest` to the row that it is now: what is found there stays the same."""

    def newest(request: Request, part: str = "") -> Response:
        read_no_query(request)
        page = record.records.page(listed.select(), limit=1)
        if not page.data or not _PART.fullmatch(part):
            raise Refused("not-found", f"there is no {listed.singular} yet, or no such part of it")
        ending = f"/{part}" if part else ""
        location = f"{listed.path}/{page.data[0].id}{ending}"
        return Response(status_code=307, headers={"Location": location})

    for path in (f"{listed.path}/newest", f"{listed.path}/newest/{{part}}"):
        router.add_api_route(path, newest, include_in_schema=False)


def _add_detail(router: APIRouter, record: Record, listed: ListSpec[Numbered]) -> None:
    def detail(request: Request, number: str) -> Response:
        read_no_query(request)
        found = record.detail(listed, row_number(number))
        return tagged_answer(request, detail_document(found))

    router.add_api_route(
        f"{listed.path}/{{number}}",
        detail,
        operation_id=f"show_{_word(listed)}",
        summary=f"Show one {listed.singular} whole, with what hangs on it",
        tags=[listed.name],
        openapi_extra=detail_operation(listed),
    )


def read_page(request: Request, listed: ListSpec[Numbered]) -> Asked:
    """Return the page of a list that a request asks for. Raises `Refused` naming all faults."""
    words = Words(request)
    limit, cursor, wants_count = words.only("limit"), words.only("cursor"), words.flag("count")
    read = _limit(words, limit)
    filters = read_filters(words, listed, also=OWN)
    return Asked(
        selection=_selected(listed, filters),
        limit=read,
        cursor=cursor or None,
        wants_count=wants_count,
    )


def read_filters(
    words: Words, listed: ListSpec[Numbered], *, also: Sequence[str] = ()
) -> dict[str, list[str]]:
    """Return the filters that a request names. Raises `Refused` for all that is wrong with it.

    `also` are the parameters that were read before.
    """
    filters = {known.name: values for known in listed.filters if (values := _of(words, known))}
    words.finish([*(known.name for known in listed.filters), *also])
    _selected(listed, filters)
    return filters


def _selected(
    listed: ListSpec[Numbered], filters: Mapping[str, Sequence[str]]
) -> Selection[Numbered]:
    try:
        return listed.select(**filters)
    except InvalidInput as error:
        raise Refused("invalid-parameters", error.rule or error.message) from error


def read_no_query(request: Request) -> None:
    """Raise `Refused` for a parameter where none is read."""
    Words(request).finish(["none"])


def row_number(text: str) -> int:
    """Return the number of a row in a path. Raises `Refused` for what no row can have."""
    try:
        return int(str(NUMBER.read(text, "number")))
    except InvalidInput as error:
        broken = Broken(pointer="#/path/number", message=error.rule or "expected a row's number")
        detail = "the number in the path breaks a rule"
        raise Refused("invalid-parameters", detail, errors=[broken]) from error


def _page(record: Record, asked: Asked) -> Page[Numbered]:
    try:
        return record.records.page(asked.selection, limit=asked.limit, cursor=asked.cursor)
    except ForeignCursor as error:
        raise Refused("invalid-cursor", f"cursor: {error.rule}") from error


def _without_cursor(request: Request) -> list[tuple[str, str]]:
    items = request.query_params.multi_items()
    return [(name, value) for name, value in items if name != "cursor"]


def _word(listed: ListSpec[Numbered]) -> str:
    """Return what a list is called in the names of operations."""
    return (listed.resource or listed.name).replace("-", "_")


def _shown(name: str) -> str:
    """Return the name of a parameter that nobody reads, so far as it could be one."""
    return name if _NAME.fullmatch(name) else "?"


def _of(words: Words, known: Filter) -> list[str]:
    """Return the values of a filter, each of which could be one; others are refused."""
    values = words.given.pop(known.name, [])
    if known.is_bound and len(values) > 1:
        words.refuse(known.name, "given more than once")
    for value in values:
        try:
            known.kind.read(value, known.name)
        except InvalidInput as error:
            words.refuse(known.name, error.rule or "expected another value")
    return values


def _limit(words: Words, text: str | None) -> int:
    if text is None:
        return LIMIT_DEFAULT
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(LIMIT_MAX))
    if not is_number or not 1 <= int(text) <= LIMIT_MAX:
        words.refuse("limit", f"expected 1 to {LIMIT_MAX}")
        return LIMIT_DEFAULT
    return int(text)
