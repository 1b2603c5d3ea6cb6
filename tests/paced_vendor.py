"""A vendor in a process of its own that answers every call after the same time, and cheaply.

    python -m tests.paced_vendor JOURNAL LATENCY_S

It speaks Binance's interface, prints its address, and writes a line into the file JOURNAL when a
call has come and when its answer has gone out.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, TextIO
from urllib.parse import parse_qsl, urlsplit

DAY_MS: Final = 86_400_000
KLINES: Final = "/api/v3/klines"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One line of the journal: a call came, or its answer went out; then so many were there."""

    what: str
    path: str
    at: float
    in_flight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PacedVendor:
    """The vendor as its users know it."""

    url: str
    journal: Path

    def visits(self, path: str) -> Sequence[Visit]:
        """Return what the journal says of a path by now, up to the last whole line."""
        lines = self.journal.read_text("utf-8").split("\n")[:-1]
        return [found for line in lines if (found := Visit(**json.loads(line))).path == path]


@contextmanager
def paced_vendor(journal: Path, *, latency_s: float) -> Generator[PacedVendor]:
    """Give a vendor on a free port of this machine, which ends with the context."""
    words = [sys.executable, "-m", "tests.paced_vendor", str(journal), str(latency_s)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield PacedVendor(url=process.stdout.readline().strip(), journal=journal)
        finally:
            process.kill()


@cache
def _row(opened: int) -> str:
    day = opened // DAY_MS
    close = 100 + 20 * ((day * 7919) % 101) / 101
    prices = f'"{close - 1:.2f}","{close + 2:.2f}","{close - 2:.2f}","{close:.2f}"'
    volume = f"{1000 + day % 97}.5"
    return f'[{opened},{prices},"{volume}",{opened + DAY_MS - 1},"1.0",10,"1.0","1.0","0"]'


def _answer(path: str, query: Mapping[str, str]) -> bytes:
    if path == KLINES:
        begin, end = int(query["startTime"]), int(query["endTime"])
        limit = int(query["limit"])
        days = range(begin, min(end, begin + (limit - 1) * DAY_MS) + 1, DAY_MS)
        return f"[{','.join(map(_row, days))}]".encode()
    listed: dict[str, Any] = {"symbol": query["symbol"], "quoteAsset": "USDT", "filters": []}
    return json.dumps({"symbols": [listed]}).encode()


@dataclass(kw_only=True)
class _Endpoint:
    """Answers every connection; `in_flight` calls wait for their answer."""

    latency_s: float
    journal: TextIO
    in_flight: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                asked = urlsplit(head.split(b" ", 2)[1].decode())
                await self._serve_one(asked.path, dict(parse_qsl(asked.query)), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()  # whoever asked is gone

    async def _serve_one(
        self, path: str, query: Mapping[str, str], writer: asyncio.StreamWriter
    ) -> None:
        self.in_flight += 1
        self._note("asked", path)
        try:
            await asyncio.sleep(self.latency_s)
            said = _answer(path, query)
            head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
            writer.write(f"{head}content-length: {len(said)}\r\n\r\n".encode() + said)
            await writer.drain()
        finally:
            self.in_flight -= 1
        self._note("answered", path)

    def _note(self, what: str, path: str) -> None:
        entry: dict[str, Any] = {"what": what, "path": path, "at": time.time()}
        self.journal.write(json.dumps({**entry, "in_flight": self.in_flight}) + "\n")
        self.journal.flush()


async def main(journal: str, latency_s: str) -> None:
    """Answer until the process is ended."""
    with Path(journal).open("w", encoding="utf-8") as opened:  # noqa: ASYNC230 # before it begins
        endpoint = _Endpoint(latency_s=float(latency_s), journal=opened)
        server = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0, backlog=500)
        sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
