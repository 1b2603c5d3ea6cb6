"""A server that keeps every byte it was sent and every byte it said, and speaks as it is told.

It is a proxy too, in that it answers for whatever host it is asked about.
"""

import socket
import socketserver
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, TypeAlias

TIMEOUT_S: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request: its head as it came, up to the empty line, and its body without chunks."""

    head: bytes
    body: bytes

    @property
    def path(self) -> str:
        return self.head.split(b" ", 2)[1].decode()

    @property
    def is_streamed(self) -> bool:
        return b'"stream":true' in self.body.replace(b" ", b"") or "alt=sse" in self.path

    def header(self, name: str) -> str | None:
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name:
                return value.strip()
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is said: `pieces` one after the other, in chunks where there is no other way to tell.

    `holds_after` is how many pieces go out before the server waits to be released, `cuts_after`
    how many before it ends the connection; below 0 it ends it before any reply.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    pieces: tuple[bytes, ...] = (b"{}",)
    is_chunked: bool = False
    holds_after: int | None = None
    cuts_after: int | None = None

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


Replies: TypeAlias = Callable[[Asked], Reply]


@dataclass(kw_only=True)
class RawServer:
    """What came and what was said, in order; `script` is said first, then what `replies` says."""

    port: int = 0
    replies: Replies = lambda _: Reply()
    script: list[Reply] = field(default_factory=list[Reply])
    asked: list[Asked] = field(default_factory=list[Asked])
    said: list[bytes] = field(default_factory=list[bytes])
    changed: threading.Condition = field(default_factory=threading.Condition)
    is_released: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, asked: Asked) -> Reply:
        with self.changed:
            self.asked.append(asked)
            self.changed.notify_all()
            return self.script.pop(0) if self.script else self.replies(asked)

    def keep(self, said: bytes) -> None:
        with self.changed:
            self.said.append(said)
            self.changed.notify_all()

    def await_asked(self) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: bool(self.asked), TIMEOUT_S)

    def release(self) -> None:
        with self.changed:
            self.is_released = True
            self.changed.notify_all()

    def await_release(self) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.is_released, TIMEOUT_S)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 100

    def __init__(self, model: RawServer) -> None:
        self.model = model
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: who asked may be gone."""


class _Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self) -> None:
        assert isinstance(self.server, _Server)
        with suppress(ConnectionError):
            while self.answer(self.server.model):
                pass

    def answer(self, model: RawServer) -> bool:
        head = b""
        while (line := self.rfile.readline()) != b"\r\n":
            if not line:
                return False
            head += line
        asked = Asked(head=head, body=b"")
        length = asked.header("content-length")
        body = self.rfile.read(int(length)) if length else self.chunks(asked)
        asked = Asked(head=asked.head, body=body)
        return self.say(model, model.answer(asked))

    def chunks(self, asked: Asked) -> bytes:
        found = b""
        while asked.header("transfer-encoding") == "chunked":
            size = int(self.rfile.readline(), 16)
            found += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                break
        return found

    def say(self, model: RawServer, reply: Reply) -> bool:
        if reply.cuts_after is not None and reply.cuts_after < 0:
            self.connection.shutdown(socket.SHUT_RDWR)
            return False
        framing = "chunked" if reply.is_chunked else None
        stated = {"content-type": "application/json", **reply.headers}
        stated |= (
            {"transfer-encoding": framing} if framing else {"content-length": str(len(reply.body))}
        )
        head = [
            f"HTTP/1.1 {reply.status} As Told",
            *(f"{k}: {v}" for k, v in stated.items()),
            "",
            "",
        ]
        self.wfile.write("\r\n".join(head).encode("latin-1"))
        # Before it goes out: who has all of it may look at once.
        model.keep(b"".join(reply.pieces[: reply.cuts_after]))
        for at, piece in enumerate(reply.pieces):
            if at == reply.holds_after:
                model.await_release()
            if at == reply.cuts_after:
                self.connection.shutdown(socket.SHUT_RDWR)
                return False
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if framing else piece)
        if framing:
            self.wfile.write(b"0\r\n\r\n")
        return True


@contextmanager
def raw_server(replies: Replies | None = None) -> Generator[RawServer]:
    """Give a server on a free port of this machine."""
    model = RawServer()
    if replies is not None:
        model.replies = replies
    with _Server(model) as server:
        model.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield model
        finally:
            model.release()
            server.shutdown()
            thread.join()
