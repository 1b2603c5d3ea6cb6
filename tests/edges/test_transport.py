"""The transport against a real server: exact bytes both ways, and each way to fail named."""

import gzip
import json
import logging
import pickle
import socket
import struct
import threading
import traceback
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from tests.model_server import CERTIFICATE, Answer, ModelServer, full_queue, model_server
from tests.wire_replies import TEXT

from tapetrail.analysts.models.asking import Image, ModelRequest
from tapetrail.analysts.models.families import FAMILIES, Family
from tapetrail.analysts.models.keys import Access, access
from tapetrail.core.errors import EdgeFailure, ErrorKind, InvalidInput
from tapetrail.http.calls import BrokenOff, Call, Limits, Received, Secret
from tapetrail.http.transport import WITHHELD, Transport

KEY: Final = "sk-never-to-be-seen-0123456789"
START: Final = datetime(2026, 11, 20, 21, tzinfo=UTC)
SHORT: Final = Limits(total_s=2, connect_s=2)
LONG: Final = Limits(total_s=30)
REQUEST: Final = ModelRequest(
    model="some-model",
    system="You read charts.",
    images=(Image(label="1d", jpeg=b"\xff\xd8\xff" + bytes(range(256)) * 400),),
    text="What of Zoë?",
)
VARIABLES: Final = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def server() -> Generator[ModelServer]:
    with model_server() as running:
        yield running


def ticking() -> Callable[[], datetime]:
    """Return a clock that goes on by a second each time it is read."""
    instants = (START + timedelta(seconds=second) for second in range(1000))
    return lambda: next(instants)


@pytest.fixture
def transport() -> Generator[Transport]:
    with Transport(clock=ticking()) as opened:
        yield opened


def reached(family: Family, url: str) -> Access:
    """Return how a family is reached at a server of the tests."""
    if family.word == "compatible":
        named = {"LOCAL_API_KEY": KEY}
        return access(family, named, key_env="LOCAL_API_KEY", base_url=f"{url}/v1")
    environment = dict.fromkeys(family.key_envs, KEY)
    if family.base_url_env is None:
        return Access(family=family, base_url=url, secrets=access(family, environment).secrets)
    path = "/v1" if family.word.startswith("openai") else ""
    return access(family, {**environment, family.base_url_env: url + path})


def to(url: str, path: str = "/v1/responses") -> Call:
    return Call(url=url + path, body=b'{"model":"m"}', secrets={"x-api-key": secret()})


def secret() -> Secret:
    return Secret(KEY, name="SOME_KEY")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.word)
def test_what_is_sent_and_what_comes_back_are_the_servers_bytes(
    family: Family, server: ModelServer, transport: Transport
) -> None:
    body = family.wire.build(REQUEST)
    received = transport.send(reached(family, server.url).call("some-model", body), LONG)
    (asked,), (sent,) = server.asked, server.sent
    assert (asked.body, received.body) == (body, sent)
    assert not received.is_partial
    found = family.wire.read(
        received.body, http_status=received.http_status, headers=received.headers
    )
    assert (found.text, found.model_reported) == (TEXT, "some-model")


@pytest.mark.parametrize(
    ("word", "path", "header", "value"),
    [
        ("openai", "/v1/responses", "authorization", f"Bearer {KEY}"),
        ("openai-chat", "/v1/chat/completions", "authorization", f"Bearer {KEY}"),
        ("compatible", "/v1/chat/completions", "authorization", f"Bearer {KEY}"),
        ("anthropic", "/v1/messages", "x-api-key", KEY),
        ("google", "/v1beta/models/some-model:generateContent", "x-goog-api-key", KEY),
    ],
)
def test_each_family_is_asked_where_it_listens_with_the_key_in_its_header(
    word: str, path: str, *, header: str, value: str, server: ModelServer, transport: Transport
) -> None:
    (family,) = (each for each in FAMILIES if each.word == word)
    transport.send(reached(family, server.url).call("some-model", b"{}"), LONG)
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.headers[header]) == ("POST", path, value)
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["user-agent"] == "tapetrail"
    assert ("anthropic-version" in asked.headers) == (word == "anthropic")


def test_times_are_when_it_was_sent_and_when_its_first_and_last_byte_came(
    server: ModelServer, transport: Transport
) -> None:
    received = transport.send(to(server.url), LONG)
    times = (received.sent_at, received.first_byte_at, received.ended_at)
    assert times == tuple(START + timedelta(seconds=second) for second in range(3))


def test_headers_that_say_something_are_kept_and_no_others(
    server: ModelServer, transport: Transport
) -> None:
    server.script = [
        Answer(
            headers={
                "X-Request-Id": "req_1",
                "X-RateLimit-Remaining-Tokens": "9",
                "anthropic-ratelimit-requests-reset": "2026-11-20T21:00:00Z",
                "Retry-After": "3",
                "retry-after-ms": "2500",
                "Set-Cookie": "session=secret",
                "openai-organization": "org-of-mine",
                "cf-ray": f"echoes {KEY}",
                "openai-version": "x" * 1000,
            }
        )
    ]
    received = transport.send(to(server.url), LONG)
    kept = dict(received.headers)
    assert kept.pop("date")
    assert len(kept.pop("openai-version")) == 500
    assert kept == {
        "content-type": "application/json",
        "content-length": str(len(received.body)),
        "x-request-id": "req_1",
        "x-ratelimit-remaining-tokens": "9",
        "anthropic-ratelimit-requests-reset": "2026-11-20T21:00:00Z",
        "retry-after": "3",
        "retry-after-ms": "2500",
        "cf-ray": WITHHELD,
    }
    assert received.provider_request_id == "req_1"
    assert received.media_type == "application/json"
    transport.send(to(server.url), LONG)
    assert "cookie" not in server.asked[1].headers


@pytest.mark.parametrize("status", [200, 400, 401, 404, 429, 500, 503, 529])
def test_every_status_is_a_response(status: int, server: ModelServer, transport: Transport) -> None:
    server.script = [Answer(status=status, body=b'{"error": {"message": "Because."}}')]
    received = transport.send(to(server.url), LONG)
    assert (received.http_status, received.body) == (status, b'{"error": {"message": "Because."}}')


def test_packed_bytes_stay_as_they_came(server: ModelServer, transport: Transport) -> None:
    packed = gzip.compress(json.dumps({"a": 1}).encode(), mtime=0)
    server.script = [Answer(body=packed, headers={"content-encoding": "gzip"})]
    received = transport.send(to(server.url), LONG)
    assert (received.body, received.headers["content-encoding"]) == (packed, "gzip")


def test_a_reply_of_1_mb_comes_whole(server: ModelServer, transport: Transport) -> None:
    server.script = ["x" * 1_000_000]
    received = transport.send(to(server.url), LONG)
    assert received.body == server.sent[0]
    assert len(received.body) > 1_000_000


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("https://else.where/v1?key=secret", "https://else.where"),
        ("http://else.where:8080/x", "http://else.where:8080"),
        ("/login?token=secret", ""),
        ("http://[", "an address that cannot be read"),
    ],
)
def test_a_redirect_is_not_followed_and_says_where_to(
    location: str, host: str, *, server: ModelServer, transport: Transport
) -> None:
    server.script = [Answer(status=307, headers={"location": location})]
    received = transport.send(to(server.url), LONG)
    assert (received.http_status, len(server.asked)) == (307, 1)
    expected = host or server.url.removeprefix("http://")
    assert received.headers["location"] == expected
    found = FAMILIES[0].wire.read(received.body, http_status=307, headers=received.headers)
    assert found.error_kind is ErrorKind.REDIRECTED
    assert f"redirects to '{expected}' are not followed" in (found.error_message or "")


def failure(transport: Transport, call: Call, limits: Limits = SHORT) -> EdgeFailure:
    with pytest.raises(EdgeFailure) as caught:
        transport.send(call, limits)
    assert KEY not in repr(caught.value) + "".join(traceback.format_exception(caught.value))
    return caught.value


def broken(transport: Transport, call: Call, limits: Limits = SHORT) -> tuple[BrokenOff, Received]:
    found = failure(transport, call, limits)
    assert isinstance(found, BrokenOff)
    assert found.received.is_partial
    return found, found.received


def test_nobody_takes_the_connection(transport: Transport) -> None:
    with full_queue() as url:
        found = failure(transport, to(url), Limits(total_s=30, connect_s=0.3))
        host = url.removeprefix("http://")
    assert found.kind is ErrorKind.CONNECT_TIMEOUT
    assert found.message == f"{host}: no connection within 0.3 s, before any reply"


def test_nobody_listens(transport: Transport) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        found = failure(transport, to(f"http://127.0.0.1:{bound.getsockname()[1]}"), LONG)
    assert found.kind is ErrorKind.CONNECTION_FAILED


def test_nobody_knows_the_name(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    found = failure(transport, to("http://model.invalid"), LONG)
    assert found.kind is ErrorKind.NAME_NOT_RESOLVED
    assert found.message.startswith("model.invalid: the name is not known")


def test_a_stall_before_the_headers_meets_the_limit_on_all(
    server: ModelServer, transport: Transport
) -> None:
    def held(_: object) -> str:
        server.await_release()
        return TEXT

    server.answers = held
    found = failure(transport, to(server.url))
    assert (type(found), found.kind) == (EdgeFailure, ErrorKind.REPLY_TIMEOUT)
    assert "not done within 2 s, before any reply" in found.message


def test_a_stall_after_the_headers_meets_it_too(server: ModelServer, transport: Transport) -> None:
    server.script = [Answer(is_held=True, headers={"x-request-id": "req_1"})]
    found, received = broken(transport, to(server.url))
    assert found.kind is ErrorKind.REPLY_TIMEOUT
    assert found.message.endswith("not done within 2 s, after HTTP 200 and 0 bytes of the reply")
    assert (received.body, received.provider_request_id) == (b"", "req_1")


def test_whoever_drips_meets_it_as_well(transport: Transport) -> None:
    """Each byte comes in good time; the limit is on the whole call."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def drip() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nx-drip: ")
                while not done.wait(0.02):
                    connection.sendall(b"x")

        dripping = threading.Thread(target=drip)
        dripping.start()
        found = failure(transport, to(f"http://127.0.0.1:{port}"))
        done.set()
        dripping.join()
    assert (type(found), found.kind) == (EdgeFailure, ErrorKind.REPLY_TIMEOUT)


def test_of_a_connection_that_ends_mid_body_what_came_is_kept(
    server: ModelServer, transport: Transport
) -> None:
    server.script = [Answer(cut_at=40)]
    found, received = broken(transport, to(server.url), LONG)
    assert found.kind is ErrorKind.CONNECTION_RESET
    assert "after HTTP 200 and 40 bytes of the reply" in found.message
    assert received.body == server.sent[0]
    assert len(received.body) == 40


def test_a_connection_that_ends_before_any_reply(server: ModelServer, transport: Transport) -> None:
    server.script = [Answer(cut_at=-1)]
    found = failure(transport, to(server.url), LONG)
    assert (type(found), found.kind) == (EdgeFailure, ErrorKind.CONNECTION_RESET)


@pytest.mark.parametrize(
    ("said", "linger"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{", struct.pack("ii", 1, 0)),
    ],
    ids=["no HTTP", "reset"],
)
def test_whoever_speaks_otherwise_or_hangs_up_is_a_connection_that_ended(
    said: bytes, linger: bytes | None, transport: Transport
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def babble() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(said)
                if linger:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

        talking = threading.Thread(target=babble)
        talking.start()
        found = failure(transport, to(f"http://127.0.0.1:{port}"), LONG)
        talking.join()
    assert found.kind is ErrorKind.CONNECTION_RESET


def test_a_reply_above_the_limit_is_cut_there(server: ModelServer, transport: Transport) -> None:
    server.script = [Answer(body=b"x" * 1001), Answer(body=b"x" * 1000)]
    limits = Limits(total_s=30, body_bytes_max=1000)
    found, received = broken(transport, to(server.url), limits)
    assert found.kind is ErrorKind.REPLY_TOO_LONG
    assert "the reply is above 1000 bytes" in found.message
    assert len(received.body) == 1000
    assert len(transport.send(to(server.url), limits).body) == 1000


def test_a_certificate_that_nobody_vouches_for_is_refused(transport: Transport) -> None:
    with model_server(tls=True) as server:
        found = failure(transport, to(server.url), LONG)
        assert server.asked == []
    assert found.kind is ErrorKind.TLS_FAILED
    assert "CERTIFICATE_VERIFY_FAILED" in found.message


def test_certificates_of_the_environment_are_honoured(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with model_server(tls=True) as server:
        assert transport.send(to(server.url), LONG).http_status == 200


def test_a_folder_of_certificates_is_honoured(
    transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "12a03476.0").write_bytes(CERTIFICATE.read_bytes())  # `openssl x509 -hash`
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with model_server(tls=True) as server:
        assert transport.send(to(server.url), LONG).http_status == 200


def test_a_certificate_file_that_is_missing_is_named(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    with pytest.raises(InvalidInput, match="SSL_CERT_FILE"):
        transport.send(to("https://model.invalid"), LONG)


def test_proxies_of_the_environment_are_honoured(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    monkeypatch.setenv("HTTP_PROXY", server.url)
    with Transport(clock=ticking()) as transport:
        found = failure(transport, to("https://model.invalid"), LONG)
        transport.send(to("http://model.invalid"), LONG)
    assert found.kind is ErrorKind.CONNECTION_FAILED
    assert "the proxy gave no connection: 403" in found.message
    tunnel, plain = server.asked
    assert (tunnel.method, tunnel.path) == ("CONNECT", "model.invalid:443")
    assert "x-api-key" not in tunnel.headers
    assert plain.path == "http://model.invalid/v1/responses"


def test_a_proxy_that_is_none_is_refused_without_its_password(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://me:hush@proxy.invalid")
    with pytest.raises(InvalidInput, match="HTTPS_PROXY") as caught:
        transport.send(to("https://model.invalid"), LONG)
    assert "hush" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("cut_at", [None, 40])
def test_a_reply_that_shows_the_key_is_not_kept(
    cut_at: int | None, server: ModelServer, transport: Transport
) -> None:
    body = f"Wrong key {KEY}, sorry ............".encode()
    server.script = [Answer(status=401, body=body, cut_at=cut_at)]
    found = failure(transport, to(server.url), LONG)
    assert (type(found), found.kind) == (EdgeFailure, ErrorKind.KEY_ECHOED)


def test_a_key_that_is_a_word_is_no_secret(server: ModelServer, transport: Transport) -> None:
    """Servers of one's own take any key, and name themselves in their replies."""
    server.script = [Answer(body=b'{"system_fingerprint": "fp_ollama"}')]
    word = {"authorization": Secret("ollama", name="LOCAL_API_KEY", prefix="Bearer ")}
    call = Call(url=f"{server.url}/v1/chat/completions", body=b"{}", secrets=word)
    assert transport.send(call, LONG).body == server.sent[0]


def test_the_key_is_in_no_log_and_no_repr(
    server: ModelServer, transport: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    call = to(server.url)
    received = transport.send(call, LONG)
    server.script = [Answer(cut_at=10)]
    found, _ = broken(transport, call, LONG)
    shown = [repr(each) for each in (call, received, found, found.received, transport)]
    shown += [caplog.text, *(str(record.__dict__) for record in caplog.records)]
    assert caplog.records
    assert KEY not in "".join(shown)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(call)


def test_calls_wait_side_by_side_in_one_loop(server: ModelServer, transport: Transport) -> None:
    server.script = [Answer(is_held=True) for _ in range(20)]
    statuses: list[int] = []
    callers = [
        threading.Thread(
            target=lambda: statuses.append(transport.send(to(server.url), LONG).http_status)
        )
        for _ in range(20)
    ]
    for each in callers:
        each.start()
    server.await_asked(20)
    server.release()
    for each in callers:
        each.join()
    assert statuses == [200] * 20


def test_whoever_closes_ends_what_waits(server: ModelServer) -> None:
    server.script = [Answer(is_held=True)]
    transport, ended = Transport(clock=ticking()), list[type[BaseException]]()

    def ask() -> None:
        try:
            transport.send(to(server.url), LONG)
        except CancelledError as error:
            ended.append(type(error))

    asking = threading.Thread(target=ask)
    asking.start()
    server.await_asked(1)
    transport.close()
    asking.join()
    assert ended == [CancelledError]
    transport.close()
    with pytest.raises(CancelledError):
        transport.send(to(server.url), LONG)
    assert len(server.asked) == 1
