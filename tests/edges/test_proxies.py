"""Calls to this machine pass by the proxy of the environment: they may come with a key."""

from datetime import UTC, datetime

import pytest
from tests.model_server import model_server

from tapetrail.analysts.models.calls import Call, Secret
from tapetrail.analysts.models.transport import Transport


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_reads_what_is_meant_for_this_machine(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with model_server() as proxy, model_server() as model:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        url = model.url.replace("127.0.0.1", host)
        secret = Secret("sk-tests-0123456789abcdef", name="LOCAL_API_KEY", prefix="Bearer ")
        call = Call(url=f"{url}/v1/chat/completions", body=b"{}", secrets={"authorization": secret})
        with Transport(clock=lambda: datetime.now(UTC)) as transport:
            assert transport.send(call).http_status == 200
        assert (len(model.asked), proxy.asked) == (1, [])
