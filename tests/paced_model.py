"""An endpoint in a process of its own that answers every question after the same time, and cheaply.

    python -m tests.paced_model JOURNAL LATENCY_S

It speaks chat completions, prints its address, and writes a line into the file JOURNAL when a
request has comeand when its answer has gone out to somebody who still listens. Each request has a
number, by which its reply is known on record too.
"""

import asyncio
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from tests import wire_replies
from tests.workflows.model_answers import CHART, HOLD

NUMBER: Final = "x-request-id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the journal: a request came, or its answer went out."""

    what: str
    number: int
    at: float
    digest: str
    in_flight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PacedModel:
    """The endpoint as its users know it."""

    url: str
    journal: Path

    def entries(self, what: str) -> Sequence[Entry]:
        """Return what the journal says by now, in its order, up to the last whole line."""
        lines = self.journal.read_text("utf-8").split("\n")[:-1]
        return [found for line in lines if (found := Entry(**json.loads(line))).what == what]


@contextmanager
def paced_model(journal: Path, *, latency_s: float) -> Generator[PacedModel]:
    """Give an endpoint on a free port of this machine, which ends with the context."""
    words = [sys.executable, "-m", "tests.paced_model", str(journal), str(latency_s)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield PacedModel(url=process.stdout.readline().strip(), journal=journal)
        finally:
            process.kill()


@dataclass(kw_only=True)
class _Endpoint:
    """Answers every connection; `count` requests have come, `in_flight` wait for their answer."""

    latency_s: float
    journal: TextIO
    count: int = 0
    in_flight: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
                body = await reader.readexactly(length)
                await self._answer(body, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()  # whoever asked is gone

    async def _answer(
        self, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.count += 1
        number, digest = self.count, "sha256:" + hashlib.sha256(body).hexdigest()
        self.in_flight += 1
        self._note("asked", number, digest)
        try:
            await asyncio.sleep(self.latency_s)
            if reader.at_eof():
                raise ConnectionError("whoever asked has gone meanwhile")
            text = json.dumps(HOLD if b"signal_type" in body else CHART)
            said = json.dumps(wire_replies.chat_of(text, "paced")).encode()
            head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{NUMBER}: {number}\r\n"
            writer.write(f"{head}content-length: {len(said)}\r\n\r\n".encode() + said)
            await writer.drain()
        finally:
            self.in_flight -= 1
        self._note("answered", number, digest)

    def _note(self, what: str, number: int, digest: str) -> None:
        entry: dict[str, Any] = {"what": what, "number": number, "at": time.time()}
        line = json.dumps({**entry, "digest": digest, "in_flight": self.in_flight})
        self.journal.write(line + "\n")
        self.journal.flush()


async def main(journal: str, latency_s: str) -> None:
    """Answer until the process is ended."""
    with Path(journal).open("w", encoding="utf-8") as opened:  # noqa: ASYNC230 # before it begins
        endpoint = _Endpoint(latency_s=float(latency_s), journal=opened)
        server = await asyncio.start_server(
            endpoint.serve, "127.0.0.1", 0, limit=2**24, backlog=500
        )
        sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
