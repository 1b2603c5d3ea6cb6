"""A call without a body asks for something: its address goes out as it is, and the bytes come."""

from collections.abc import Generator
from datetime import UTC, datetime
from typing import Final

import pytest
from tests.model_server import Answer, ModelServer, model_server

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.http.calls import Call, Limits
from tapetrail.http.transport import Transport

NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG: Final = Limits(total_s=30)
QUERY: Final = "/api/v3/klines?symbol=BTCUSDT&interval=1d&startTime=0&x=%2C%20"


@pytest.fixture
def server() -> Generator[ModelServer]:
    with model_server() as running:
        yield running


@pytest.fixture
def transport() -> Generator[Transport]:
    with Transport(clock=lambda: NOON, unusable=ErrorKind.SOURCE_UNAVAILABLE) as opened:
        yield opened


def test_what_is_asked_for_goes_out_as_it_is_and_its_bytes_come_back(
    server: ModelServer, transport: Transport
) -> None:
    server.answers = lambda _: Answer(body=b"[[1,2]]\n\x00\xff")
    received = transport.send(Call(url=server.url + QUERY), LONG)
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.body) == ("GET", QUERY, b"")
    assert "content-type" not in asked.headers
    assert "content-length" not in asked.headers
    assert asked.headers["accept-encoding"] == "identity"
    assert (received.http_status, received.body) == (200, b"[[1,2]]\n\x00\xff")


def test_a_redirect_of_what_is_asked_for_is_not_followed(
    server: ModelServer, transport: Transport
) -> None:
    server.answers = lambda _: Answer(
        status=302, headers={"location": "https://else.where/in?k=1"}, body=b""
    )
    received = transport.send(Call(url=server.url + QUERY), LONG)
    assert (received.http_status, received.headers["location"]) == (302, "https://else.where")
    assert len(server.asked) == 1


def test_a_proxy_that_cannot_be_used_has_the_kind_of_who_calls(
    monkeypatch: pytest.MonkeyPatch, transport: Transport
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "ftp://proxy.example:21")
    with pytest.raises(InvalidInput) as raised:
        transport.send(Call(url="https://bars.example/"), LONG)
    assert raised.value.kind is ErrorKind.SOURCE_UNAVAILABLE
