"""What the outermost layer answers by itself."""

import asyncio
from collections.abc import Mapping

import httpx2
import pytest
from starlette.responses import PlainTextResponse

from tapetrail.api.gate import Door, Gate
from tapetrail.core.access_keys import Caller, Scope
from tapetrail.core.errors import EdgeFailure

READER = Caller(name="ann", key_name="0" * 12, scopes=frozenset({Scope.READ}))


def away(*_: object) -> Caller | None:
    raise EdgeFailure("PostgreSQL did not answer")


def asked(door: Door, method: str = "GET", **headers: str) -> httpx2.Response:
    gate = Gate(PlainTextResponse("in"), door=door)

    async def ask() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=gate)
        async with httpx2.AsyncClient(transport=transport, base_url="http://here:1") as client:
            return await client.request(method, "/api/charts", headers=headers)

    return asyncio.run(ask())


def door(found: Caller | None = READER, **changes: object) -> Door:
    def holder(_text: str) -> Caller | None:
        return found

    def of_link(_path: str, _words: Mapping[str, str]) -> Caller | None:
        return found

    made = Door(
        hosts=["here:1"], origins=[], caller_of=holder, caller_of_session=holder,
        caller_of_link=of_link, new_id=lambda: "1",
    )  # fmt: skip
    for name, value in changes.items():
        object.__setattr__(made, name, value)
    return made


@pytest.mark.parametrize("headers", [{"authorization": "Bearer x"},
                                     {"cookie": "tapetrail_session=x"}])  # fmt: skip
def test_a_database_that_is_away_is_said_where_it_is_asked_who_holds_a_key(
    headers: dict[str, str],
) -> None:
    answer = asked(door(caller_of=away, caller_of_session=away), **headers)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["type"].endswith("/store-unavailable")


def test_a_foreign_host_is_told_nothing_of_its_own() -> None:
    answer = asked(
        door(), authorization="Bearer x", host="evil.example", **{"content-length": "9" * 12}
    )
    assert answer.status_code == 403
    assert "evil" not in answer.text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_whoever_holds_a_key_is_let_in(method: str) -> None:
    assert asked(door(), method, authorization="Bearer x").status_code == 200
    assert asked(door(None), method, authorization="Bearer x").status_code == 401
