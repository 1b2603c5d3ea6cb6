"""What other programs tell, over HTTP: bundles of entries and bytes, each taken in once."""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Form, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from tapetrail.api.answers import JSON
from tapetrail.api.gate import caller
from tapetrail.api.lists import Words
from tapetrail.api.problems import Broken, Refused
from tapetrail.api.schemas import Schema, answer, problems
from tapetrail.core.access_keys import Caller
from tapetrail.core.canonical import Digest, digest_bytes
from tapetrail.core.errors import EdgeFailure, InvalidInput
from tapetrail.core.recording.bundles import HOLDER, taken_body
from tapetrail.core.recording.entries import (
    Entry,
    ExecutionOpened,
    NoteLogged,
    OrderLogged,
    digests_of,
    parse_line,
)
from tapetrail.core.recording.taken import Content, DecisionAbandoned, DecisionEnded, Taken
from tapetrail.usecases.recordings import Recordings

HOLDERS_MAX: Final = 1000
"""Programs of which is kept what they have open; what is forgotten is looked up again."""
AT_ONCE: Final = 4
"""Bundles that are in memory at a time."""
TURN_S: Final = 2.0
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_TAKEN: Final = {
    "type": "object",
    "properties": {"taken": {"type": "array"}},
    "required": ["taken"],
}
_HOLDER: Final = {
    "name": HOLDER,
    "in": "header",
    "schema": {"type": "string", "format": "uuid"},
    "description": "Who works on what is opened; without it, it was told before and is sent now.",
}


class Desks:
    """What takes bundles in, for each program that works on something: `opened` by its holder."""

    def __init__(self, opened: Callable[[str | None], Recordings]) -> None:
        self._opened = opened
        self._lock = threading.Lock()
        self._known: OrderedDict[str | None, Recordings] = OrderedDict()
        self._turns = threading.Semaphore(AT_ONCE)

    def of(self, holder: str | None) -> Recordings:
        """Return what takes in the bundles of a program."""
        with self._lock:
            found = self._known.pop(holder, None) or self._opened(holder)
            self._known[holder] = found
            while len(self._known) > HOLDERS_MAX:
                self._known.popitem(last=False)
            return found

    @contextmanager
    def turn(self) -> Generator[None]:
        """Give a turn to hold a bundle in memory. Raises `EdgeFailure` where others have them."""
        if not self._turns.acquire(timeout=TURN_S):
            raise EdgeFailure("the server takes in other bundles; send it again")
        try:
            yield
        finally:
            self._turns.release()


def recording_routes(desks: Desks) -> APIRouter:
    """Return the routes by which programs tell."""
    router = APIRouter(prefix="/api/recordings", tags=["recordings"])

    @router.post(
        "",
        operation_id="take_recording",
        summary="Take in entries and bytes, all or nothing, each once",
        openapi_extra=_taking(),
    )
    def take(
        request: Request,
        entries: Annotated[UploadFile, Form()],
        object: Annotated[list[UploadFile], Form()] = [],  # noqa: A002, B006 # a part's name; it is not changed
    ) -> Response:
        words = Words(request)
        again = words.flag("again")
        words.finish(["again"])
        desk = desks.of(_holder(request))
        with desks.turn():
            told = [*_told(entries.file.read(), caller(request))]
            contents = _contents(object, told)
            found = _taken(desk, told, contents, again=again)
        return Response(taken_body(found), media_type=JSON)

    @router.post(
        "/renew",
        operation_id="renew_recording",
        summary="Say that what a program has opened is in work",
        status_code=204,
        openapi_extra={
            "parameters": [{**_HOLDER, "required": True}],
            "responses": {"204": {"description": "Said."}, **problems("invalid-parameters")},
        },
    )
    def renew(request: Request) -> Response:
        words = Words(request)
        words.finish(["none"])
        holder = _holder(request)
        if holder is None:
            raise _broken(f"#/header/{HOLDER}", "expected a UUID")
        desks.of(holder).renew()
        return Response(status_code=204)

    return router


def _taking() -> Schema:
    again = {
        "name": "again",
        "in": "query",
        "schema": {"type": "boolean"},
        "description": "A whole bundle, whose decision was given up meanwhile.",
    }
    kinds = ("invalid-parameters", "not-found", "hash-mismatch", "decision-ended",
             "decision-abandoned", "body-too-large")  # fmt: skip
    return {
        "parameters": [_HOLDER, again],
        "responses": {
            "200": answer("The row that each entry is.", _TAKEN),
            **problems(*kinds),
        },
    }


def _taken(
    desk: Recordings, told: list[Entry], contents: dict[Digest, Content], *, again: bool
) -> Sequence[Taken]:
    desk.check(told, contents)
    try:
        return (desk.take_again if again else desk.take)(told, contents)
    except DecisionAbandoned as error:
        raise Refused("decision-abandoned", error.message) from error
    except DecisionEnded as error:
        raise Refused("decision-ended", error.message) from error


def _told(text: bytes, who: Caller) -> Iterator[Entry]:
    """Yield the entries of a body; who sent them is said beside who says to have told them."""
    lines = text.split(b"\n")
    for at, line in enumerate(lines if lines[-1] else lines[:-1], 1):
        try:
            entry = parse_line(line, place=f"line {at}")
        except InvalidInput as error:
            raise _broken(f"#/entries/{at - 1}", error.message.partition(": ")[2]) from error
        if isinstance(entry, ExecutionOpened | OrderLogged | NoteLogged):
            entry = replace(entry, actor=who.speaks_for(entry.actor))
        yield entry


def _contents(parts: list[UploadFile], told: list[Entry]) -> dict[Digest, Content]:
    """Return the bytes of a body by their digests, which have to be those that entries name."""
    named = {digest for entry in told for digest in digests_of(entry)}
    found: dict[Digest, Content] = {}
    for at, part in enumerate(parts):
        data = part.file.read()
        digest = digest_bytes(data)
        if part.filename != digest:
            raise Refused(
                "hash-mismatch", f"part {at + 1} of the objects is not what its name says"
            )
        if digest not in named:
            raise _broken(f"#/object/{at}", "no entry names these bytes")
        media_type = part.content_type or "application/octet-stream"
        found[digest] = Content(data=data, media_type=media_type)
    return found


def _holder(request: Request) -> str | None:
    stated = request.headers.get(HOLDER)
    if stated is None or _UUID.fullmatch(stated):
        return stated
    raise _broken(f"#/header/{HOLDER}", "expected a UUID")


def _broken(pointer: str, rule: str) -> Refused:
    broken = Broken(pointer=pointer, message=rule)
    return Refused("invalid-parameters", "a part of the request breaks a rule", errors=[broken])
