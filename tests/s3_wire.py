"""A store at the wire that misbehaves as it is told: what no real server does when asked to."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, TypeAlias

from tapetrail.s3_settings import S3Settings

BUCKET: Final = "wire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is sent back. `cut` bytes of the body are promised and never sent."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    cut: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Misbehaviour: TypeAlias = Callable[[Asked], Reply | None]
"""Gives a reply in place of the right one, None for the right one; it may change the store."""


@dataclass(slots=True)
class WireStore:
    """Objects by path, in memory. Each misbehaviour in turn meets one request."""

    port: int = 0
    objects: dict[str, bytes] = field(default_factory=dict[str, bytes])
    types: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    asked: list[Asked] = field(default_factory=list[Asked])
    plan: list[Misbehaviour | None] = field(default_factory=list["Misbehaviour | None"])

    def settings(self, **changed: object) -> S3Settings:
        """Return how the store is reached."""
        words = {"access_key": "key", "secret_key": "secret", **changed}
        return S3Settings(bucket=BUCKET, endpoint=f"http://127.0.0.1:{self.port}", **words)  # pyright: ignore[reportArgumentType] # words of the tests

    def path(self, key: str) -> str:
        return f"/{BUCKET}/{key}"

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        told = self.plan.pop(0) if self.plan else None
        if told is not None and (reply := told(asked)) is not None:
            return reply
        return self.rightly(asked)

    def rightly(self, asked: Asked) -> Reply:
        """Return what a store that behaves answers."""
        if asked.method == "PUT":
            if asked.headers.get("if-none-match") == "*" and asked.path in self.objects:
                return refusal(412, "PreconditionFailed")
            self.objects[asked.path] = asked.body
            kept = ("content-type", "content-encoding", "cache-control")
            self.types[asked.path] = {k: asked.headers[k] for k in kept if k in asked.headers}
            return Reply(status=200, headers={"ETag": '"e"'})
        content = self.objects.get(asked.path)
        if content is None:
            return refusal(404, "NoSuchKey")
        head = {"ETag": '"e"', "Last-Modified": "Fri, 27 Nov 2026 10:00:00 GMT"}
        return Reply(status=200, body=content, headers={**head, **self.types.get(asked.path, {})})


def refusal(status: int, code: str, more: str = "") -> Reply:
    """Return the reply of a store that refuses."""
    said = f"<Error><Code>{code}</Code><Message>As told.</Message>{more}</Error>"
    return Reply(status=status, body=said.encode(), headers={"Content-Type": "application/xml"})


@contextmanager
def wire_store() -> Generator[WireStore]:
    """Give a store that listens until the end."""
    store = WireStore()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(
                method=self.command, path=self.path, headers=headers, body=self.rfile.read(size)
            )
            reply = store.answer(asked)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body[: len(reply.body) - reply.cut])
            if reply.cut:
                self.close_connection = True

        do_GET = do_PUT = do_HEAD = _serve  # noqa: N815 # as the server calls them

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # as the server calls it
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    store.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
