"""Endpoints of models on this machine: they speak five wire formats, and can misbehave as told.

Every byte that came and every body that went out is kept, in the order of the calls.
"""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, TypeAlias

from tests import wire_replies

TIMEOUT_S: Final = 60
CERTIFICATE: Final = Path(__file__).parent / "inputs" / "model_server.pem"
WAYS: Final = (
    ("/responses", wire_replies.responses_of),
    ("/chat/completions", wire_replies.chat_of),
    ("/messages", wire_replies.message_of),
    (":generateContent", wire_replies.generated_of),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes out; None as a body is what the wire format says, with the server's text.

    `cut_at` ends the connection after so many bytes of the body, and before any reply where it is
    below 0. `is_held` sends the headers, and the body only after `release`.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None
    cut_at: int | None = None
    is_held: bool = False


Answers: TypeAlias = Callable[[Asked], Answer | str]
"""What answers a request: an answer, or the text of a good one."""


@dataclass(kw_only=True)
class ModelServer:
    """What came and what went out; `script` is answered with first, then `answers` is asked."""

    url: str = ""
    answers: Answers = lambda _: wire_replies.TEXT
    script: list[Answer | str] = field(default_factory=list[Answer | str])
    asked: list[Asked] = field(default_factory=list[Asked])
    sent: list[bytes] = field(default_factory=list[bytes])
    changed: threading.Condition = field(default_factory=threading.Condition)
    is_released: bool = False

    def release(self) -> None:
        """Send everything that is held, now and from now on."""
        with self.changed:
            self.is_released = True
            self.changed.notify_all()

    def await_asked(self, count: int) -> None:
        """Wait until so many requests have come."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.asked) >= count, TIMEOUT_S), self.asked

    def answer(self, asked: Asked) -> Answer:
        """Return the answer to a request, its body written out."""
        with self.changed:
            self.asked.append(asked)
            given = self.script.pop(0) if self.script else None
            self.changed.notify_all()
        found = self.answers(asked) if given is None else given
        if isinstance(found, str):
            return Answer(body=spoken(asked, found))
        if found.body is None:
            return replace(found, body=spoken(asked, wire_replies.TEXT))
        return found

    def keep(self, body: bytes) -> None:
        with self.changed:
            self.sent.append(body)

    def await_release(self) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.is_released, TIMEOUT_S)


def spoken(asked: Asked, text: str) -> bytes:
    """Return the body of a good reply, in the wire format that was asked in."""
    way = next(way for ending, way in WAYS if asked.path.endswith(ending))
    named = asked.document.get("model") or asked.path.rpartition("/")[2].partition(":")[0]
    return json.dumps(way(text, str(named))).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 200

    def __init__(self, model: ModelServer) -> None:
        self.model = model
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: who asked may be gone."""


class _Handler(BaseHTTPRequestHandler):
    """One connection; the server that it belongs to knows the model."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def model(self) -> ModelServer:
        assert isinstance(self.server, _Server)
        return self.server.model

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        self.give(self.model.answer(self.seen(body)))

    def do_GET(self) -> None:
        self.give(self.model.answer(self.seen(b"")))

    def do_CONNECT(self) -> None:
        """Refuse to be a proxy, once it is known that somebody asked for one."""
        with self.model.changed:
            self.model.asked.append(self.seen(b""))
        self.send_error(403)

    def seen(self, body: bytes) -> Asked:
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Asked(method=self.command, path=self.path, headers=headers, body=body)

    def give(self, answer: Answer) -> None:
        self.close_connection = answer.cut_at is not None
        if answer.cut_at is not None and answer.cut_at < 0:
            return
        body = answer.body or b""
        self.send_response(answer.status)
        stated = {"content-type": "application/json", "content-length": str(len(body))}
        for name, value in {**stated, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()
        if answer.is_held:
            self.model.await_release()
        self.model.keep(body[: answer.cut_at])
        self.wfile.write(body[: answer.cut_at])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the library's
        pass


@contextmanager
def model_server(*, tls: bool = False) -> Generator[ModelServer]:
    """Give a server on a free port of this machine; over TLS its certificate is its own."""
    model = ModelServer()
    with _Server(model) as server:
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        model.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield model
        finally:
            model.release()
            server.shutdown()
            thread.join()


@contextmanager
def full_queue() -> Generator[str]:
    """Give the address of somebody who listens, and never takes another connection."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)  # noqa: FBT003 # the library's
            each.connect_ex(listening.getsockname())
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            for each in waiting:
                each.close()
