"""Watching begins and ends without a trace, for any number at once, and breaks nothing."""

import asyncio
import sys
import threading
from collections.abc import Generator
from types import ModuleType
from typing import Any, Final

import httpx
import httpx2
import pytest
from tests.edges.watched import KEY, Clock, Seen, watching
from tests.raw_server import RawServer, raw_server

from tapetrail.core.errors import InvalidInput
from tapetrail.http.calls import Call
from tapetrail.http.transport import Transport
from tapetrail.sdk.calls_seen import Received, Sent
from tapetrail.sdk.graph_place import langgraph_place
from tapetrail.sdk.hosts import NamedHosts, is_model_host
from tapetrail.sdk.watching import Watching

PLACE: Final = "_transport_for_url"
KINDS: Final = (httpx2.Client, httpx2.AsyncClient, httpx.Client, httpx.AsyncClient)


@pytest.fixture(name="server")
def fixture_server() -> Generator[RawServer]:
    with raw_server() as found:
        yield found


def places() -> list[object]:
    return [kind.__dict__[PLACE] for kind in KINDS]


def ask(server: RawServer, library: Any = httpx2) -> int:
    with library.Client(trust_env=False, verify=False) as client:
        return client.post(server.url, content=b"{}").status_code


def watcher(seen: Any, server: RawServer) -> Watching:
    return Watching(seen, clock=Clock(), hosts=[f"127.0.0.1:{server.port}"])


def test_stop_puts_everything_back(server: RawServer) -> None:
    before, seen = places(), Seen()
    with watching(seen, server):
        assert all(a is not b for a, b in zip(before, places(), strict=True))
    assert all(a is b for a, b in zip(before, places(), strict=True))
    ask(server)
    assert seen.calls == []


def test_watchings_may_overlap_and_each_sees_a_call_once(server: RawServer) -> None:
    before, one, two = places(), Seen(), Seen()
    first, second = watcher(one, server), watcher(two, server)
    first.start()
    ask(server)
    second.start()
    second.start()
    ask(server, httpx)
    first.stop()
    first.stop()
    ask(server)
    second.stop()
    ask(server)
    second.stop()
    ask(server)
    assert (len(one.calls), len(two.calls)) == (2, 3)
    assert all(a is b for a, b in zip(before, places(), strict=True))


def test_a_reply_that_is_being_read_is_told_of_after_the_stop(server: RawServer) -> None:
    seen = Seen()
    found = watcher(seen, server)
    found.start()
    client = httpx2.Client(trust_env=False, verify=False)
    with client.stream("POST", server.url) as reply:
        found.stop()
        reply.read()
    client.close()
    assert (seen.only[1].body, seen.only[1].is_partial) == (b"{}", False)


def test_what_another_program_put_on_top_is_left_there(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, asked = Seen(), list[object]()
    original = httpx2.Client.__dict__[PLACE]
    found = watcher(seen, server)
    found.start()
    below = httpx2.Client.__dict__[PLACE]

    def on_top(client: object, url: object) -> object:
        asked.append(url)
        return below(client, url)

    setattr(httpx2.Client, PLACE, on_top)
    monkeypatch.setattr(httpx2.Client, PLACE, original)  # It puts this back.
    monkeypatch.setattr(httpx2.Client, PLACE, on_top)
    ask(server)
    found.stop()
    assert httpx2.Client.__dict__[PLACE] is on_top
    ask(server)
    assert (len(seen.calls), len(asked)) == (1, 2)
    found.start()
    ask(server)
    found.stop()
    assert (len(seen.calls), len(asked)) == (2, 3)
    monkeypatch.undo()
    setattr(httpx2.Client, PLACE, original)


class Failing(Seen):
    """An observer that fails at one thing."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at = at

    def begin(self, sent: Sent) -> object:
        if self.at == "begin":
            raise ZeroDivisionError("one by none")
        return super().begin(sent)

    def end(self, token: object, received: Received) -> None:
        if self.at == "end":
            raise ZeroDivisionError("one by none")
        super().end(token, received)


@pytest.mark.parametrize(("at", "word"), [("begin", "began"), ("end", "ended")])
def test_an_observer_that_fails_breaks_no_call_and_is_counted(
    at: str, word: str, server: RawServer
) -> None:
    seen = Failing(at)
    with watcher(seen, server) as found:
        assert [ask(server), ask(server)] == [200, 200]
        asyncio.run(ask_in_loop(server))
        said = f"3 times: the observer was not told of a call that {word}: ZeroDivisionError"
        assert found.problems == [f"{said}: one by none"]
        assert found.problems[0] in found.check()
    assert seen.calls == []


async def ask_in_loop(server: RawServer) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.post(server.url)).status_code == 200


def test_an_observer_that_asks_somebody_is_not_watched_itself(server: RawServer) -> None:
    seen = Seen(notes=lambda: ask(server))
    with watching(seen, server):
        ask(server)
    assert (len(seen.calls), len(server.asked)) == (1, 2)


def test_an_interruption_of_the_observer_is_one_of_the_program(server: RawServer) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), watcher(Seen(notes=interrupt), server):
        ask(server)


def test_calls_of_our_own_are_not_seen(server: RawServer) -> None:
    seen = Seen()
    with watching(seen, server), Transport(clock=Clock()) as transport:
        assert transport.send(Call(url=server.url, body=b"{}")).http_status == 200
    assert seen.calls == []


def test_a_client_of_the_library_may_be_given_and_hosts_are_any_then(server: RawServer) -> None:
    seen = Seen()
    with (
        httpx.Client(trust_env=False) as mine,
        watching(seen, clients=[{"mine": [mine]}]),
    ):
        mine.get(server.url)
        mine.get(server.url)
        ask(server)
    assert len(seen.calls) == 2


class Holder:
    """A client that makes what it sends with when it is first needed."""

    def __init__(self, made: httpx.Client | None = None) -> None:
        self.made = made
        self.me = self
        self.name = "holder"

    @property
    def _client(self) -> httpx.Client:
        raise RuntimeError("no key is set")


def test_a_client_that_holds_none_is_named(server: RawServer) -> None:
    seen, holder = Seen(), Holder()
    with watching(seen, clients=[holder, 3]) as found:
        said = [each for each in found.check() if "holds no httpx client" in each]
        assert [each.partition(" ")[0].rpartition(".")[2] for each in said] == ["Holder", "int"]
        with httpx.Client(trust_env=False) as made:
            holder.made = made
            made.get(server.url)
            assert not any("Holder" in each for each in found.check())
    assert len(seen.calls) == 1


@pytest.mark.parametrize("is_running", [True, False])
def test_a_check_finds_what_is_imported_and_goes_around(
    monkeypatch: pytest.MonkeyPatch, *, is_running: bool
) -> None:
    for name in ("requests", "botocore", "grpc", "websockets", "aiohttp", "pycurl", "curl_cffi"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    found = Watching(Seen(), clock=Clock())
    before = places()
    if is_running:
        found.start()
    assert found.check() == []
    monkeypatch.setitem(sys.modules, "requests", ModuleType("requests"))
    (said,) = found.check()
    assert said.startswith("requests is loaded: what is sent through it alone is not seen; log")
    if is_running:
        found.stop()
    assert all(a is b for a, b in zip(before, places(), strict=True))


def test_a_check_in_a_running_loop_is_one_too() -> None:
    async def check() -> list[str]:
        return Watching(Seen(), clock=Clock()).check()

    assert not any("calls of a test" in said for said in asyncio.run(check()))


def plain(client: Any, _: object) -> object:
    """Return the transport, as it is."""
    return client._transport  # noqa: SLF001 # nothing else is as short


def test_a_check_says_when_calls_are_not_seen_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    with Watching(Seen(), clock=Clock()) as found:
        with monkeypatch.context() as patching:
            patching.setattr(httpx.Client, PLACE, plain)
            said = [each for each in found.check() if each.startswith("httpx ")]
        why = "of 2 calls of a test 1 were seen as they were"
        instead = "log such a call with request= and reply="
        assert said == [f"httpx {httpx.__version__}: {why}; {instead}"]


def test_a_library_that_cannot_be_watched_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpx, "Client", type("Client", (), {}))
    monkeypatch.setattr(httpx, "__version__", "9.9")
    with Watching(Seen(), clock=Clock()) as found:
        assert found.problems == [f"httpx 9.9 has no place to watch it at: {PLACE}"]
        assert any(each.startswith("httpx 9.9: a call of a test failed") for each in found.check())


def test_a_library_that_is_not_there_is_not_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with Watching(Seen(), clock=Clock()) as found:
        assert found.problems == []
        assert found.check()[0].startswith("neither httpx2 nor httpx is installed")


def test_many_threads_start_and_stop_without_a_trace(server: RawServer) -> None:
    before, seen = places(), Seen()

    def work() -> None:
        for _ in range(20):
            with watching(seen, server):
                ask(server)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(server.asked) == 80
    assert 80 <= len(seen.calls) <= 320
    assert all(a is b for a, b in zip(before, places(), strict=True))


@pytest.mark.parametrize(
    ("host", "port", "is_one"),
    [
        ("api.openai.com", None, True),
        ("mine.openai.azure.com", None, True),
        ("europe-west1-aiplatform.googleapis.com", None, True),
        ("bedrock-runtime.eu-west-1.amazonaws.com", None, True),
        ("localhost", 11434, True),
        ("127.0.0.1", 8000, True),
        ("::1", 1234, True),
        ("localhost", 5432, False),
        ("localhost", None, False),
        ("api.openai.com.evil.example", None, False),
        ("evilapi.openai.com", None, False),
        ("query1.finance.yahoo.com", None, False),
    ],
)
def test_hosts_of_models_are_known(host: str, port: int | None, *, is_one: bool) -> None:
    assert is_model_host(host, port) == is_one


def test_hosts_are_named_with_and_without_a_port() -> None:
    named = NamedHosts(["LLM.example", "other.example:8443", "[::1]:8000", "::2", "[::3]", "b:443"])
    assert named.holds("llm.example", None, scheme="https")
    assert named.holds("llm.example", 9, scheme="http")
    assert named.holds("other.example", 8443, scheme="https")
    assert not named.holds("other.example", None, scheme="https")
    assert named.holds("::1", 8000, scheme="http")
    assert named.holds("::2", 1, scheme="http")
    assert named.holds("::3", 1, scheme="http")
    assert named.holds("b", None, scheme="https")
    assert not named.holds("b", None, scheme="http")


@pytest.mark.parametrize(
    "name", ["", "https://a.example", "a.example/v1", "a:b", "a:0", ":80", f"u:{KEY}@a"]
)
def test_what_is_no_host_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="expected 'host' or 'host:port'"):
        Watching(Seen(), clock=Clock(), hosts=[name])


def test_without_langchain_there_is_no_place_in_a_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "langchain_core.runnables.config", raising=False)
    assert langgraph_place() is None
