"""Calls to this machine pass by the proxy of the environment: they may come with a key."""

from collections.abc import Generator
from datetime import UTC, datetime

import pytest
from tests.model_server import ModelServer, model_server

from tapetrail.analysts.models.keys import checked_url
from tapetrail.core.errors import EdgeFailure, ErrorKind
from tapetrail.http.calls import Call, Secret
from tapetrail.http.transport import Transport


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Generator[ModelServer]:
    """Give the proxy that the environment names, for every host."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with model_server() as made:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, made.url)
        yield made


def call_to(url: str) -> Call:
    secret = Secret("sk-tests-0123456789abcdef", name="LOCAL_API_KEY", prefix="Bearer ")
    return Call(url=f"{url}/v1/chat/completions", body=b"{}", secrets={"authorization": secret})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_reads_what_is_meant_for_this_machine(host: str, proxy: ModelServer) -> None:
    with model_server() as model, Transport(clock=lambda: datetime.now(UTC)) as transport:
        call = call_to(model.url.replace("127.0.0.1", host))
        assert transport.send(call).http_status == 200
        assert (len(model.asked), proxy.asked) == (1, [])


@pytest.mark.parametrize("host", ["127.0.0.2", "127.255.255.254", "[::1]", "LOCALHOST"])
def test_whatever_is_this_machine_for_a_key_is_so_for_a_proxy(
    host: str, proxy: ModelServer
) -> None:
    url = checked_url(f"http://{host}:9", place="a test", schemes=("https",))
    with Transport(clock=lambda: datetime.now(UTC)) as transport:
        with pytest.raises(EdgeFailure) as caught:
            transport.send(call_to(url))
        assert caught.value.kind is ErrorKind.CONNECTION_FAILED
        assert proxy.asked == []
        assert transport.send(call_to("http://128.0.0.1")).http_status == 200
        assert len(proxy.asked) == 1
