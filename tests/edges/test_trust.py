"""Whose certificates are taken: this machine's, those of a file, or by a word of it anybody's."""

from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from tests.model_server import CERTIFICATE, Answer, ModelServer, model_server

from tapetrail.core.errors import EdgeFailure, ErrorKind, InvalidInput
from tapetrail.http.calls import CHECKED, Call, Limits, Trust
from tapetrail.http.transport import Transport

NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG: Final = Limits(total_s=30)


@pytest.fixture
def server() -> Generator[ModelServer]:
    with model_server(tls=True) as running:
        running.answers = lambda _: Answer(body=b"{}")
        yield running


def status(server: ModelServer, trust: Trust) -> int:
    kind = ErrorKind.SOURCE_UNAVAILABLE
    with Transport(clock=lambda: NOON, unusable=kind, trust=trust) as transport:
        return transport.send(Call(url=f"{server.url}/x"), LONG).http_status


def test_a_server_with_a_certificate_of_its_own_is_trusted_by_that(server: ModelServer) -> None:
    assert status(server, Trust(ca_file=str(CERTIFICATE))) == 200


def test_nobody_elses_certificate_will_do(server: ModelServer, tmp_path: Path) -> None:
    with pytest.raises(EdgeFailure) as raised:
        status(server, CHECKED)
    assert raised.value.kind is ErrorKind.TLS_FAILED
    assert server.asked == []
    for content in ("", "no certificate"):
        file = tmp_path / "ca.pem"
        file.write_text(content, encoding="utf-8")
        with pytest.raises(InvalidInput, match=r"ca\.pem: no certificates in PEM") as refused:
            status(server, Trust(ca_file=str(file)))
        assert refused.value.kind is ErrorKind.SOURCE_UNAVAILABLE
    with pytest.raises(InvalidInput, match=r"/nowhere\.pem: no certificates in PEM"):
        status(server, Trust(ca_file="/nowhere.pem"))
    assert server.asked == []


def test_a_certificate_for_another_name_is_refused(server: ModelServer) -> None:
    server.url = server.url.replace("127.0.0.1", "127.1")
    with pytest.raises(EdgeFailure) as raised:
        status(server, Trust(ca_file=str(CERTIFICATE)))
    assert raised.value.kind is ErrorKind.TLS_FAILED
    assert "127.1" in raised.value.message


def test_unchecked_is_anybodys(server: ModelServer) -> None:
    assert status(server, Trust(is_checked=False)) == 200
