"""What lies on the wire is seen as it lies there, of either library, and comes as it would."""

import asyncio
import gc
import gzip
import json
import ssl
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any, Final

import httpx
import httpx2
import pytest
from tests.edges.test_watch_sdks import everyday
from tests.edges.watched import KEY, Seen, watching
from tests.raw_server import RawServer, Reply, raw_server

from tapetrail.sdk.calls_seen import Received
from tapetrail.sdk.witness import BODY_BYTES_MAX

LIBRARIES: Final = [httpx2, httpx]
WAYS: Final = ["sync", "async"]
SAID: Final = json.dumps({"text": "Up — ja 🚀" * 400}, ensure_ascii=False).encode()
PACKED: Final = gzip.compress(SAID)
PIECES: Final = (b"one ", b"two ", b"three")
pytestmark = [
    pytest.mark.parametrize("library", LIBRARIES, ids=lambda each: each.__name__),
]


@pytest.fixture(name="server")
def fixture_server() -> Generator[RawServer]:
    with raw_server() as found:
        yield found


def asked(library: ModuleType, way: str, url: str, **words: Any) -> Any:
    """Return the reply to a request, read to its end."""
    made = words.pop("client", {"trust_env": False, "verify": False})
    method = words.pop("method", "POST")
    if way == "sync":
        with library.Client(**made) as client:
            return client.request(method, url, **words)

    async def ask() -> Any:
        async with library.AsyncClient(**made) as client:
            return await client.request(method, url, **words)

    return asyncio.run(ask())


def seen_by(
    library: ModuleType, way: str, server: RawServer, **words: Any
) -> tuple[Any, Received, Seen]:
    seen = Seen()
    with watching(seen, server):
        reply = asked(library, way, server.url + "/v1", **words)
    _, received = seen.only
    return reply, received, seen


@pytest.mark.parametrize("way", WAYS)
def test_a_packed_reply_is_kept_packed(library: ModuleType, way: str, server: RawServer) -> None:
    halves = (PACKED[:99], PACKED[99:])
    server.script = [Reply(headers={"content-encoding": "gzip"}, pieces=halves, is_chunked=True)]
    reply, received, _ = seen_by(library, way, server, content=b"{}")
    assert reply.content == SAID
    assert (received.body, received.content_encoding) == (PACKED, "gzip")
    assert not received.is_partial


@pytest.mark.parametrize("way", WAYS)
def test_a_request_goes_out_as_if_nobody_looked(
    library: ModuleType, way: str, server: RawServer
) -> None:
    words = {"content": SAID, "headers": {"x-mine": "1", "authorization": KEY}}
    asked(library, way, server.url + "/v1", **words)
    _, _, seen = seen_by(library, way, server, **words)
    first, second = server.asked
    assert everyday(first) == everyday(second)
    assert seen.only[0].body == SAID
    assert seen.only[0].library == library.__name__
    assert seen.only[0].headers["x-mine"] == "1"
    assert "authorization" not in seen.only[0].headers


def test_pieces_come_before_the_reply_is_whole(library: ModuleType, server: RawServer) -> None:
    server.script = [Reply(pieces=PIECES, is_chunked=True, holds_after=1)]
    seen = Seen()
    with (
        watching(seen, server),
        library.Client(trust_env=False, verify=False) as client,
        client.stream("POST", server.url + "/v1") as reply,
    ):
        pieces = reply.iter_raw()
        assert next(pieces) == PIECES[0]
        assert seen.calls == []
        server.release()
        assert b"".join(pieces) == b"two three"
        _, received = seen.only
    assert (received.body, received.is_partial) == (b"".join(PIECES), False)


def test_pieces_come_before_the_reply_is_whole_in_a_loop(
    library: ModuleType, server: RawServer
) -> None:
    server.script = [Reply(pieces=PIECES, is_chunked=True, holds_after=1)]
    seen = Seen()

    async def ask() -> None:
        async with (
            library.AsyncClient(trust_env=False, verify=False) as client,
            client.stream("POST", server.url + "/v1") as reply,
        ):
            pieces = reply.aiter_raw()
            assert await anext(pieces) == PIECES[0]
            server.release()
            assert [each async for each in pieces] != []

    with watching(seen, server):
        asyncio.run(ask())
    assert (seen.only[1].body, seen.only[1].is_partial) == (b"".join(PIECES), False)


def test_a_reply_that_is_closed_early_is_partial(library: ModuleType, server: RawServer) -> None:
    server.replies = lambda _: Reply(pieces=PIECES, is_chunked=True, holds_after=2)
    seen = Seen()

    async def ask() -> None:
        async with (
            library.AsyncClient(trust_env=False, verify=False) as client,
            client.stream("POST", server.url + "/v1") as reply,
        ):
            assert await anext(reply.aiter_raw(8)) == b"one two "

    with watching(seen, server):
        with library.Client(trust_env=False, verify=False) as client:
            with client.stream("POST", server.url + "/v1") as reply:
                assert next(reply.iter_raw(8)) == b"one two "
            assert len(seen.calls) == 1
        asyncio.run(ask())
    for _, received in seen.calls:
        assert (received.body, received.is_partial) == (b"one two ", True)
        assert received.error is None
    assert len(seen.calls) == 2


def test_a_reply_that_is_closed_when_all_that_was_stated_came_is_whole(
    library: ModuleType, server: RawServer
) -> None:
    seen = Seen()
    with (
        watching(seen, server),
        library.Client(trust_env=False, verify=False) as client,
        client.stream("POST", server.url) as reply,
    ):
        assert next(reply.iter_raw()) == b"{}"
    assert not seen.only[1].is_partial


def test_a_reply_that_is_forgotten_is_told_of_when_the_watching_ends(
    library: ModuleType, server: RawServer
) -> None:
    seen = Seen()
    client = library.Client(trust_env=False, verify=False)
    with watching(seen, server):
        client.send(client.build_request("POST", server.url), stream=True)
        gc.collect()
        assert seen.calls == []
    assert (seen.only[1].http_status, seen.only[1].is_partial) == (200, True)
    client.close()


@pytest.mark.parametrize("way", WAYS)
def test_what_the_network_breaks_is_told_and_raised(
    library: ModuleType, way: str, server: RawServer
) -> None:
    cut = Reply(pieces=PIECES, is_chunked=True, cuts_after=2)
    server.script = [cut, replace(cut, cuts_after=-1)]
    seen = Seen()
    with watching(seen, server):
        for _ in range(2):
            with pytest.raises(library.RemoteProtocolError):
                asked(library, way, server.url)
    half, none = (received for _, received in seen.calls)
    assert (half.http_status, half.body, half.is_partial) == (200, b"one two ", True)
    assert (none.http_status, none.body, none.is_partial) == (None, b"", True)
    for received in (half, none):
        assert received.error is not None
        assert received.error.name == "RemoteProtocolError"


@pytest.mark.parametrize("way", WAYS)
def test_a_call_through_a_proxy_is_seen(library: ModuleType, way: str, server: RawServer) -> None:
    server.script = [Reply(pieces=(SAID,))]
    seen = Seen()
    made = {"proxy": server.url, "trust_env": False, "verify": False}
    with watching(seen, hosts=["Models.example:80"]):
        asked(library, way, "http://models.example/v1", content=b"{}", client=made)
    assert server.asked[0].path == "http://models.example/v1"
    assert seen.only[0].url == "http://models.example/v1"
    assert seen.bodies == [(b"{}", SAID)]


@pytest.mark.parametrize("way", WAYS)
def test_a_body_that_is_made_while_it_is_sent_is_not_known(
    library: ModuleType, way: str, server: RawServer
) -> None:
    def made() -> Iterator[bytes]:
        yield from PIECES

    async def made_in_loop() -> Any:
        for each in PIECES:
            yield each

    content = made() if way == "sync" else made_in_loop()
    _, received, seen = seen_by(library, way, server, content=content)
    assert server.asked[0].body == b"".join(PIECES)
    assert (seen.only[0].body, seen.only[0].body_unknown) == (None, True)
    assert received.http_status == 200


def test_a_form_with_files_goes_out_as_if_nobody_looked(
    library: ModuleType, server: RawServer
) -> None:
    headers = {"content-type": "multipart/form-data; boundary=b"}
    words = {"files": {"f": ("a.txt", b"abc")}, "data": {"purpose": "x"}, "headers": headers}
    asked(library, "sync", server.url + "/v1", **words)
    _, _, seen = seen_by(library, "sync", server, **words)
    assert everyday(server.asked[0]) == everyday(server.asked[1])
    assert seen.only[0].body_unknown


@pytest.mark.parametrize("way", WAYS)
def test_a_redirect_is_a_call_of_its_own(library: ModuleType, way: str, server: RawServer) -> None:
    place = f"http://u:{KEY}@127.0.0.1:{server.port}/v2?key={KEY}&a=1"
    server.script = [Reply(status=307, headers={"location": place})]
    seen = Seen()
    with watching(seen, server):
        asked(library, way, f"{server.url}/v1?key={KEY}", content=b"{}", follow_redirects=True)
    assert [received.http_status for _, received in seen.calls] == [307, 200]
    assert [sent.url.rpartition("/")[2] for sent, _ in seen.calls] == [
        "v1?key=***",
        "v2?key=***&a=1",
    ]
    assert KEY not in repr(seen.calls)


@pytest.mark.parametrize("way", WAYS)
def test_a_reply_that_a_test_of_the_program_made_is_seen(library: ModuleType, way: str) -> None:
    def made(_: object) -> Any:
        return library.Response(200, json={"a": 1})

    mock = library.MockTransport(made)
    seen = Seen()
    with watching(seen, hosts=["models.example"]):
        reply = asked(
            library, way, "http://models.example/", client={"transport": mock, "verify": False}
        )
    assert reply.json() == {"a": 1}
    assert (seen.only[1].body, seen.only[1].is_partial) == (reply.content, False)


@pytest.mark.parametrize("packed", [False, True])
def test_a_reply_that_shows_the_key_is_not_kept(
    library: ModuleType, server: RawServer, *, packed: bool
) -> None:
    shown = f'{{"you sent": "{KEY}"}}'.encode()
    body = gzip.compress(shown) if packed else shown
    stated = {"content-encoding": "gzip"} if packed else {}
    server.script = [Reply(headers={**stated, "x-echo": KEY, "set-cookie": "a=b"}, pieces=(body,))]
    reply, received, seen = seen_by(
        library, "sync", server, headers={"authorization": f"Bearer {KEY}"}, json={"my key": KEY}
    )
    assert reply.content == shown
    assert (received.body, received.holds_key) == (b"", True)
    assert (seen.only[0].body, seen.only[0].holds_key) == (None, True)
    assert received.headers["x-echo"] == "***"
    assert "set-cookie" not in received.headers
    assert KEY not in repr(seen.calls)


def test_of_a_reply_that_is_too_long_the_beginning_is_kept(
    library: ModuleType, server: RawServer
) -> None:
    server.script = [Reply(pieces=(b"long" * 1_000_000,) * 17, is_chunked=True)]
    reply, received, _ = seen_by(library, "sync", server)
    assert len(reply.content) == 68_000_000
    assert len(received.body) == BODY_BYTES_MAX
    assert (received.is_cut, received.is_partial) == (True, True)


def test_a_call_that_is_given_up_in_a_loop_is_told(library: ModuleType, server: RawServer) -> None:
    server.script = [Reply(holds_after=0)]
    seen = Seen()

    async def ask() -> None:
        async with library.AsyncClient(trust_env=False, verify=False) as client:
            running = asyncio.create_task(client.post(server.url))
            await asyncio.to_thread(server.await_asked)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

    with watching(seen, server):
        asyncio.run(ask())
        server.release()
    assert seen.only[1].error is not None
    assert seen.only[1].error.name == "CancelledError"


def test_errors_show_no_key(library: ModuleType) -> None:
    def fails(_: object) -> object:
        raise ssl.SSLError(f"at https://models.example/?key={KEY}")

    seen, mock = Seen(), library.MockTransport(fails)
    raises: Callable[..., Any] = pytest.raises
    with watching(seen, hosts=["models.example"]), raises(ssl.SSLError):
        asked(
            library,
            "sync",
            f"https://models.example/?key={KEY}",
            client={"transport": mock, "verify": False},
        )
    assert seen.only[1].error is not None
    assert seen.only[1].error.message.endswith("key=***',)")
